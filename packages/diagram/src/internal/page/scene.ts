/**
 * The message sequence chart in the page: of any number of steps only those in sight are elements. It runs in the page,
 * see `draw.ts`.
 */
import type { Dom } from "./dom.js"
import type { Arranged, Drawing, Shape } from "./draw.js"
import type { Model } from "./model.js"

export interface Scene {
  /** After a change of the filter, or of the grouping. */
  readonly arrange: () => void
  /** The first step that is in sight, -1 if there is none; and back to it, or to the next one that is shown. */
  readonly top: () => number
  readonly toTop: (step: number) => void
  readonly render: () => void
  /** Brings a step into sight. */
  readonly reveal: (step: number) => void
  readonly panBy: (x: number, y: number) => void
  /** About a point of the stage. */
  readonly zoomBy: (factor: number, x: number, y: number) => void
  readonly reset: () => void
  /** The step at a height of the stage, -1 if there is none. */
  readonly stepAt: (y: number) => number
  /** Where the part that is in sight begins and ends, of the whole. */
  readonly extent: () => readonly [number, number]
  readonly scrollTo: (part: number) => void
}

export const makeScene = (dom: Dom, draw: Drawing, model: Model): Scene => {
  const { data } = model
  const stage = dom.find("stage")
  const board = dom.find("board")
  const heads = dom.find("heads")
  const overview = dom.find("overview")
  const lanes = data.transactions.reduce((most, { lane }) => Math.max(most, lane), 0) + 1
  const left = draw.left(lanes)
  const camera = { x: 0, y: 0, scale: 1 }
  let arranged: Arranged = { order: [], column: [], groups: [] }

  const arrange = (): void => {
    const taking = new Set<number>()
    for (const step of model.shown) {
      taking.add(data.steps.from[step])
      taking.add(data.steps.to[step])
      taking.add(data.steps.execution[step])
    }
    arranged = draw.arrange(
      data.lines.length,
      (line) => taking.has(line),
      (line) => data.lines[line].kind === "program",
      (line) => data.lines[line].groups[model.group]
    )
  }

  const x = (line: number): number | undefined => {
    const column = line === -1 ? -1 : arranged.column[line]
    return column === undefined || column === -1 ? undefined : left + column * draw.column
  }
  const width = (): number => left + Math.max(arranged.order.length - 0.5, 1) * draw.column + 60
  const height = (): number => (model.shown.length + 1) * draw.row
  const view = () => {
    const { clientHeight, clientWidth } = stage
    return {
      width: clientWidth / camera.scale,
      height: Math.max(clientHeight - draw.head * camera.scale, 1) / camera.scale
    }
  }
  const clamp = (): void => {
    const seen = view()
    camera.x = Math.min(Math.max(camera.x, 0), Math.max(width() - seen.width, 0))
    camera.y = Math.min(Math.max(camera.y, 0), Math.max(height() - seen.height, 0))
  }

  const lifeline = (
    line: number,
    at: number,
    first: number,
    last: number,
    y: (step: number) => number
  ): Array<Shape> => {
    const pieces: Array<Shape> = []
    const piece = (life: string, y1: number, y2: number): void => {
      if (life !== "destroyed" && y2 > y1) {
        pieces.push(["line", { x1: at, y1, x2: at, y2, class: `lifeline ${life}` }])
      }
    }
    let step = model.shown.length === 0 ? -1 : (model.shown[first] ?? 0) - 1
    const end = model.shown[last] ?? model.count
    let from = -draw.row
    let now = model.known(line, step)
    for (const change of model.between(line, step, end)) {
      step = change
      const next = model.known(line, step)
      if (next.life === now.life) continue
      piece(now.life, from, y(step))
      from = y(step)
      now = next
    }
    piece(now.life, from, (last - first + 3) * draw.row)
    return pieces
  }

  const render = (): void => {
    clamp()
    const seen = view()
    const { scale } = camera
    const first = Math.max(Math.floor(camera.y / draw.row) - 1, 0)
    const last = Math.min(Math.ceil((camera.y + seen.height) / draw.row) + 1, model.shown.length - 1)
    const y = (position: number): number => (position - first + 0.75) * draw.row
    const yOf = (step: number): number => y(Math.min(Math.max(model.position(step), first - 2), last + 2))
    const right = Math.max(width() - 20, camera.x + seen.width - 12)
    const firstStep = model.shown[first] ?? 0
    const lastStep = model.shown[last] ?? -1

    const shapes: Array<Shape> = []
    model.transactions(firstStep, lastStep, (tx) => {
      const { begin, end, lane, outcome } = data.transactions[tx]
      const from = model.position(begin)
      const to = model.position(end + 1) - 1
      if (to < from) return
      const top = Math.max(from, first - 2)
      const bottom = Math.min(to, last + 2)
      shapes.push(pinned(draw.band(lane, y(top) - 15, y(bottom) + 15, right - camera.x, outcome)))
    })
    const cursor = model.position(model.cursor)
    if (model.shown[cursor] === model.cursor && cursor >= first && cursor <= last) {
      shapes.push(["rect", {
        x: 4,
        y: y(cursor) - draw.row / 2 + 1,
        width: right,
        height: draw.row - 2,
        rx: 7,
        class: "now"
      }])
    }
    const columns = inSight(seen.width)
    for (const line of columns) shapes.push(...lifeline(line, x(line) ?? 0, first, last, yOf))
    model.activations(firstStep, lastStep, (line, level, begin, end) => {
      const at = x(line)
      if (at === undefined) return
      const from = model.position(begin)
      const to = model.position(end + 1) - 1
      if (to > from) shapes.push(draw.activation(at, level, yOf(begin) - 2, y(Math.min(to, last + 2)) + 2))
    })
    for (let position = first; position <= last; position++) shapes.push(row(model.shown[position], y(position)))
    const group: Shape = [
      "g",
      { transform: `translate(${-camera.x * scale} ${(first * draw.row - camera.y) * scale}) scale(${scale})` },
      shapes
    ]
    board.style.top = `${draw.head * scale}px`
    dom.replace(board, [dom.shape(group)])
    renderHeads(columns, scale)
    stage.classList.toggle("empty", model.shown.length === 0)
  }

  /** Times and brackets stay at the left edge. */
  const pinned = (shapes: ReadonlyArray<Shape>): Shape => ["g", { transform: `translate(${camera.x} 0)` }, shapes]

  /** The lifelines that can be seen, and one more on either side. */
  const inSight = (seen: number): ReadonlyArray<number> => {
    const from = Math.floor((camera.x - left) / draw.column) - 1
    const to = Math.ceil((camera.x + seen - left) / draw.column) + 1
    return arranged.order.slice(Math.max(from, 0), Math.max(to + 1, 0))
  }

  const renderHeads = (columns: ReadonlyArray<number>, scale: number): void => {
    const half = draw.column / 2
    const shapes: Array<Shape> = []
    const [first, last] = [arranged.column[columns[0]] ?? 0, arranged.column[columns[columns.length - 1]] ?? -1]
    for (const group of arranged.groups) {
      if (group.last < first || group.first > last) continue
      // The name stays in sight while any of its group is.
      const from = Math.max(left + group.first * draw.column - half, camera.x - 10)
      shapes.push(...draw.group(group.name, from, left + group.last * draw.column + half))
    }
    for (const line of columns) {
      const { id, kind, title } = data.lines[line]
      const { life } = model.known(line, model.cursor)
      shapes.push(["g", { "data-object": line, class: `lifehead ${life}` }, [
        ["title", {}, model.name(line)],
        ...draw.lifelineHead(
          title,
          id.length > 24 ? `${id.slice(0, 14)}…${id.slice(-8)}` : id,
          kind,
          x(line) ?? 0,
          line === model.selected
        )
      ]])
    }
    heads.style.height = `${draw.head * scale}px`
    overview.style.height = `calc(100% - ${draw.head * scale}px)`
    dom.replace(heads, [dom.shape(["g", { transform: `translate(${-camera.x * scale} 0) scale(${scale})` }, shapes])])
  }

  const row = (step: number, y: number): Shape => {
    const kind = model.kind(step)
    const tx = data.steps.tx[step]
    const shapes: Array<Shape> = kind === "call" ? [] : [
      pinned([["text", { x: 40, y: y + 4, "text-anchor": "end", class: "time" }, String(data.steps.time[step])]])
    ]
    if (kind === "begin" || kind === "commit" || kind === "abort") {
      const { controller, id, lane, outcome } = data.transactions[tx]
      const name = id.length > 24 ? `${id.slice(0, 14)}…${id.slice(-8)}` : id
      const words = kind === "begin"
        ? `${name}${controller === "" ? "" : ` · ${controller}`}`
        : `${kind === "commit" ? "✓ committed" : "✗ aborted"} ${name}`
      shapes.push(pinned(draw.mark(words, outcome, lane, y)))
    } else {
      const from = x(data.steps.from[step])
      const to = x(data.steps.to[step])
      const sight = [camera.x + left - 60, camera.x + view().width - 50] as const
      shapes.push(...draw.step({ kind, label: model.label(step), from, to, margin: left - 46, sight }, y))
    }
    const when = step > model.cursor ? " future" : ""
    return ["g", { class: `step ${kind}${when}`, "data-step": step }, shapes]
  }

  const zoomBy = (factor: number, px: number, py: number): void => {
    const before = camera.scale
    camera.scale = Math.min(Math.max(before * factor, 0.3), 2.5)
    const down = Math.max(py - draw.head * before, 0)
    camera.x += px / before - px / camera.scale
    camera.y += down / before - down / camera.scale
    render()
  }
  const reveal = (step: number): void => {
    const seen = view()
    const position = model.position(step)
    const top = position * draw.row
    if (top < camera.y + draw.row) camera.y = top - seen.height * 0.25
    else if (top > camera.y + seen.height - 2 * draw.row) camera.y = top - seen.height * 0.75
    const ends = [x(data.steps.from[step]), x(data.steps.to[step])].filter((end) => end !== undefined)
    if (ends.length > 0) {
      const [from, to] = [Math.min(...ends) - 100, Math.max(...ends) + 150]
      if (to > camera.x + seen.width) camera.x = to - seen.width
      if (from < camera.x) camera.x = from
    }
    render()
  }

  return {
    arrange,
    top: () => camera.y === 0 ? -1 : model.shown[Math.floor(camera.y / draw.row)] ?? -1,
    toTop: (step) => {
      camera.y = step === -1 ? 0 : model.position(step) * draw.row
    },
    render,
    reveal,
    panBy: (dx, dy) => {
      camera.x += dx / camera.scale
      camera.y += dy / camera.scale
      render()
    },
    zoomBy,
    reset: () => {
      const fitting = Math.min(stage.clientWidth / (width() + 20), 1)
      zoomBy(Math.max(fitting, 0.7) / camera.scale, 0, draw.head * camera.scale)
      camera.x = 0
      render()
    },
    stepAt: (py) => {
      const y = (py - draw.head * camera.scale) / camera.scale
      if (y < 0) return -1
      return model.shown[Math.floor((y + camera.y) / draw.row - 0.25)] ?? -1
    },
    extent: () => {
      const total = Math.max(height(), 1)
      return [camera.y / total, Math.min((camera.y + view().height) / total, 1)]
    },
    scrollTo: (part) => {
      camera.y = part * height() - view().height / 2
      render()
    }
  }
}
