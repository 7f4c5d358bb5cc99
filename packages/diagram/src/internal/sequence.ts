/**
 * A message sequence chart as an SVG: a grid of lifelines and steps.
 */
import { after, type Chart, type Lifeline } from "../Chart.js"
import type { Extract } from "./extract.js"
import { groupOf } from "./groups.js"
import { type Arranged, type Drawing, drawing, type Shape } from "./page/draw.js"
import { activations, lanes, spanOf } from "./spans.js"
import { document, type Theme } from "./svg.js"
import { count, name, shorten } from "./text.js"

/** Of the words that appear where the mouse rests. */
const maxTip = 800

const draw: Drawing = drawing()

export const toSvg = (chart: Chart, part: Extract, group: "controller" | "machine", theme: Theme): string => {
  const { begin, end, lifelines } = part
  const arranged = draw.arrange(
    chart.lifelines.length,
    (line) => lifelines.has(line),
    (line) => chart.lifelines[line].kind === "program",
    (line) => groupOf(chart.lifelines[line], group)
  )
  const txs = chart.transactions.map((_, tx) => tx).filter((tx) => {
    const span = spanOf(chart, tx)
    return span.begin < end && span.end >= begin
  })
  const laneOf = new Map<number, number>()
  lanes(txs.map((tx) => spanOf(chart, tx))).forEach((lane, index) => laneOf.set(txs[index], lane))
  const left = draw.left(Math.max(0, ...laneOf.values()) + 1)
  const top = 58 + draw.head
  const x = (line: number): number | undefined => {
    const column = line === -1 ? -1 : arranged.column[line]
    return column === -1 ? undefined : left + column * draw.column
  }
  const y = (step: number): number => top + (step - begin + 0.75) * draw.row
  const right = left + Math.max(arranged.order.length - 0.5, 1) * draw.column + 40
  const bottom = top + (end - begin + 0.5) * draw.row
  const width = Math.max(right + 20, 480)

  const shapes: Array<Shape> = [
    ["text", { x: 20, y: 34, class: "heading" }, draw.fit(chart.title, width - 220, 16)],
    ["text", { x: width - 20, y: 34, "text-anchor": "end", class: "note" }, `${count(chart.entries)} entries`],
    ["g", { transform: "translate(0 52)" }, heads(chart, arranged, x)]
  ]
  for (const tx of txs) {
    const span = spanOf(chart, tx)
    const from = Math.max(span.begin, begin)
    const to = Math.min(span.end, end - 1)
    const { outcome } = chart.transactions[tx]
    shapes.push(...draw.band(laneOf.get(tx) ?? 0, y(from) - 15, y(to) + 15, right, outcome))
  }
  for (const line of arranged.order) {
    shapes.push(...lifeline(chart.lifelines[line], x(line) ?? 0, top, bottom, begin, end, y))
  }
  for (const { begin: from, end: to, level, lifeline } of activations(chart)) {
    const at = x(lifeline)
    if (at === undefined || to < begin || from >= end) continue
    shapes.push(draw.activation(at, level, y(Math.max(from, begin)) - 2, y(Math.min(to, end - 1)) + 2))
  }
  for (let index = begin; index < end; index++) shapes.push(row(chart, index, x, y(index), left - 46, laneOf))
  if (chart.entries === 0) shapes.push(["text", { x: 20, y: top + 24, class: "note" }, "The trace has no entries."])
  const notes = part.notes.map((note, index): Shape => [
    "text",
    { x: 20, y: bottom + 40 + index * 20, class: "note" },
    draw.fit(`${note[0]?.toUpperCase() ?? ""}${note.slice(1)}.`, width - 40, 12)
  ])
  return document({
    title: chart.title,
    width,
    height: bottom + 36 + notes.length * 20,
    theme,
    shapes: [...shapes, ...notes]
  })
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const heads = (chart: Chart, { groups, order }: Arranged, x: (line: number) => number | undefined): Array<Shape> => {
  const half = draw.column / 2
  return [
    ...groups.flatMap(({ first, last, name }) =>
      draw.group(name, (x(order[first]) ?? 0) - half, (x(order[last]) ?? 0) + half)
    ),
    ...order.flatMap((line) => {
      const { id, kind, title } = chart.lifelines[line]
      return draw.lifelineHead(title ?? "object", name(id, 22), kind, x(line) ?? 0, false)
    })
  ]
}

/** Full where the object is there, dotted where it is not yet or no more. */
const lifeline = (
  line: Lifeline,
  x: number,
  top: number,
  bottom: number,
  begin: number,
  end: number,
  y: (step: number) => number
): Array<Shape> => {
  const shapes: Array<Shape> = []
  const piece = (life: string, y1: number, y2: number): void => {
    if (life !== "destroyed" && y2 > y1) {
      shapes.push(["line", { x1: x, y1, x2: x, y2, class: `lifeline ${life}` }])
    }
  }
  let { life } = after(line, begin - 1)
  let from = top - 10
  for (const change of line.changes) {
    if (change.step < begin || change.step >= end || change.life === life) continue
    piece(life, from, y(change.step))
    from = y(change.step)
    life = change.life
  }
  piece(life, from, bottom)
  return shapes
}

const row = (
  chart: Chart,
  index: number,
  x: (line: number) => number | undefined,
  y: number,
  margin: number,
  laneOf: ReadonlyMap<number, number>
): Shape => {
  const step = chart.steps[index]
  const tip = [...step.fields, ...(step.tx === -1 ? [] : [["transaction", chart.transactions[step.tx].id] as const])]
    .map(([name, value]) => `${name}: ${value}`).join(" · ")
  const shapes: Array<Shape> = [["title", {}, shorten(`${step.timestamp} · ${tip}`, maxTip)]]
  if (step.kind !== "call") {
    shapes.push(["text", { x: 40, y: y + 4, "text-anchor": "end", class: "time" }, String(step.timestamp)])
  }
  if (step.kind === "begin" || step.kind === "commit" || step.kind === "abort") {
    const { controller, id, outcome } = chart.transactions[step.tx]
    const words = step.kind === "begin"
      ? `${name(id, 24)}${controller === undefined ? "" : ` · ${name(controller, 30)}`}`
      : `${step.kind === "commit" ? "✓ committed" : "✗ aborted"} ${name(id, 24)}`
    shapes.push(...draw.mark(words, outcome, laneOf.get(step.tx) ?? 0, y))
  } else {
    shapes.push(...draw.step({ kind: step.kind, label: step.label, from: x(step.from), to: x(step.to), margin }, y))
  }
  return ["g", { class: "step" }, shapes]
}
