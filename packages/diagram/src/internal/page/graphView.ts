/**
 * The object graph in the page, as it is at the time that has come. It runs in the page, see `draw.ts`.
 */
import type { Dom } from "./dom.js"
import type { Shape } from "./draw.js"
import type { GraphDrawing } from "./drawGraph.js"
import type { Model } from "./model.js"

export interface GraphView {
  readonly render: () => void
  readonly fit: () => void
  readonly panBy: (x: number, y: number) => void
  readonly zoomBy: (factor: number, x: number, y: number) => void
}

export const makeGraphView = (dom: Dom, draw: GraphDrawing, model: Model): GraphView => {
  const { data } = model
  const stage = dom.find("stage")
  const board = dom.find("graph")
  const { graph } = data
  const camera = { x: 0, y: 0, scale: 1 }
  const placeOf = new Map(graph.nodes.map((line, index) => [line, graph.places[index]]))

  const render = (): void => {
    const seen = {
      left: camera.x - draw.width,
      top: camera.y - draw.height,
      right: camera.x + stage.clientWidth / camera.scale,
      bottom: camera.y + stage.clientHeight / camera.scale
    }
    const inSight = (x: number, y: number): boolean =>
      x >= seen.left && x <= seen.right && y >= seen.top && y <= seen.bottom
    const shapes: Array<Shape> = graph.groups.flatMap(({ height, name, width, x, y }) =>
      draw.group(name, x, y, width, height)
    )
    const known = graph.nodes.map((line) => model.known(line, model.cursor))
    const held = new Set(known.flatMap(({ holds, life }) => life === "alive" ? holds : []))
    const nodes: Array<Shape> = []
    const edges: Array<Shape> = []
    graph.nodes.forEach((line, index) => {
      const { holds, life, state, step, tx } = known[index]
      const { id, kind, title } = data.lines[line]
      const place = graph.places[index]
      const there = life === "alive" || held.has(line)
      if (life === "alive") {
        for (const target of holds) {
          const to = placeOf.get(target)
          if (to === undefined) continue
          const near = line === model.selected || target === model.selected
          const dim = model.selected !== -1 && !near ? " dim" : ""
          edges.push([
            "g",
            { class: `reference${near ? " near" : ""}${dim}`, "data-from": line, "data-to": target },
            draw.edge(place, to)
          ])
        }
      }
      if (!inSight(place.x, place.y)) return
      const state_ = state ?? (kind === "mentioned" ? "only a reference" : life === "alive" ? "state not known" : "")
      const marks = [
        kind === "mentioned" || life !== "alive" ? life === "alive" ? "mentioned" : life : "",
        tx === -1 ? "" : "pending",
        line === model.selected ? "selected" : ""
      ]
      const changed = step === model.cursor && step >= 0 ? " changed" : ""
      nodes.push(["g", { class: `object${there ? "" : " away"}${changed}`, "data-object": line }, [
        ["title", {}, `${model.name(line)}: ${state_.slice(0, 400)}`],
        ...draw.node(place, {
          title,
          id: id.length > 12 ? `${id.slice(0, 5)}…${id.slice(-5)}` : id,
          state: there ? state_ : life === "destroyed" ? "destroyed" : "not there yet",
          kind: marks.filter((mark) => mark !== "").join(" ")
        })
      ]])
    })
    const { scale } = camera
    dom.replace(board, [dom.shape([
      "g",
      { transform: `scale(${scale}) translate(${-camera.x} ${-camera.y})` },
      [...shapes, ...edges, ...nodes]
    ])])
  }

  const fit = (): void => {
    const { clientHeight, clientWidth } = stage
    const scale = Math.min(
      (clientWidth - 60) / Math.max(graph.width, 1),
      (clientHeight - 60) / Math.max(graph.height, 1),
      1.15
    )
    camera.scale = Math.max(scale, 0.15)
    camera.x = graph.width / 2 - clientWidth / 2 / camera.scale
    camera.y = graph.height / 2 - clientHeight / 2 / camera.scale
    render()
  }

  return {
    render,
    fit,
    panBy: (x, y) => {
      camera.x += x / camera.scale
      camera.y += y / camera.scale
      render()
    },
    zoomBy: (factor, x, y) => {
      const before = camera.scale
      camera.scale = Math.min(Math.max(before * factor, 0.1), 2.5)
      camera.x += x / before - x / camera.scale
      camera.y += y / before - y / camera.scale
      render()
    }
  }
}
