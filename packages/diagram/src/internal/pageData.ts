/**
 * A chart as the page is given it.
 */
import type { Chart } from "../Chart.js"
import { layout } from "./graphLayout.js"
import { groupOf } from "./groups.js"
import type { PageData } from "./page/data.js"
import { drawing } from "./page/draw.js"
import { graphDrawing } from "./page/drawGraph.js"
import { activations, lanes, spanOf } from "./spans.js"
import { plural, shorten } from "./text.js"

/** The objects that have a place in the graph. */
const maxNodes = 2_000

const lives = ["none", "alive", "destroyed"] as const

/** What a value is cut to once there is no more room. */
const maxText = 200

export const pageData = (chart: Chart, options: PageData["options"], maxPayloads: number): PageData => {
  const texts = new Texts(maxPayloads)
  const fields = new Pool()
  const holds = new Pool()
  const kinds = new Pool()
  const { steps } = chart
  const fieldsOf: Array<number> = []
  for (const { fields: all, kind, pair } of steps) {
    // A reply has the fields of its call.
    fieldsOf.push(
      kind === "reply" && pair !== -1
        ? fieldsOf[pair]
        : fields.indexOf(all.map(([name, value]) => `${texts.indexOf(name)},${texts.indexOf(value)}`).join())
    )
  }
  const laneOf = lanes(chart.transactions.map((_, tx) => spanOf(chart, tx)))
  const lines = chart.lifelines.map((line): PageData["lines"][number] => ({
    id: line.id,
    kind: line.kind,
    title: line.title ?? "object",
    groups: [groupOf(line, "controller"), groupOf(line, "machine")],
    changes: line.changes.flatMap((change) => [
      change.step,
      lives.indexOf(change.life),
      texts.indexOf(change.controller),
      texts.indexOf(change.machine),
      texts.indexOf(change.state),
      change.tx,
      change.holds.length === 0 ? -1 : holds.indexOf(change.holds.join())
    ])
  }))
  const labels = steps.map(({ label }) => texts.indexOf(label))
  const notes = texts.shortened === 0
    ? chart.notes
    : [...chart.notes, `${plural(texts.shortened, "payload")} shortened to ${maxText} characters, for want of room`]
  return {
    title: chart.title,
    entries: chart.entries,
    notes,
    executions: chart.executions,
    lines,
    transactions: chart.transactions.map(({ controller, id, outcome }, tx) => ({
      id,
      controller: controller ?? "",
      outcome,
      ...spanOf(chart, tx),
      lane: laneOf[tx]
    })),
    lives,
    steps: {
      kind: steps.map(({ kind }) => kinds.indexOf(kind)),
      execution: steps.map(({ execution }) => execution),
      time: steps.map(({ timestamp }) => timestamp),
      from: steps.map(({ from }) => from),
      to: steps.map(({ to }) => to),
      label: labels,
      fields: fieldsOf,
      tx: steps.map(({ tx }) => tx),
      pair: steps.map(({ pair }) => pair)
    },
    kinds: kinds.all,
    fields: fields.all.map(numbers),
    holds: holds.all.map(numbers),
    texts: texts.all,
    activations: activations(chart).flatMap(({ begin, end, level, lifeline }) => [lifeline, level, begin, end]),
    graph: graphOf(chart, options.group),
    options
  }
}

/** Every object that is ever there, and every reference that is ever held: so that nothing moves as time goes on. */
const graphOf = (chart: Chart, group: "controller" | "machine"): PageData["graph"] => {
  const held = new Set<number>()
  for (const { changes } of chart.lifelines) {
    for (const { holds } of changes) for (const index of holds) held.add(index)
  }
  const all = chart.lifelines.flatMap(({ changes, kind }, index) =>
    kind !== "program" || held.has(index) || changes.some(({ holds }) => holds.length > 0) ? [index] : []
  )
  const nodes = all.slice(0, maxNodes)
  const placeOf = new Map(nodes.map((line, index) => [line, index]))
  const edges = new Map<string, readonly [number, number]>()
  nodes.forEach((line, from) => {
    for (const { holds } of chart.lifelines[line].changes) {
      for (const target of holds) {
        const to = placeOf.get(target)
        if (to !== undefined) edges.set(`${from},${to}`, [from, to])
      }
    }
  })
  const groups = nodes.map((line) =>
    chart.lifelines[line].kind === "program" ? "programs" : groupOf(chart.lifelines[line], group)
  )
  const placed = layout(groups, [...edges.values()], graphDrawing(drawing()))
  return { nodes, ...placed, left: all.length - nodes.length }
}

const numbers = (text: string): ReadonlyArray<number> => text.split(",").map(Number)

/** Strings, each once. */
class Pool {
  readonly all: Array<string> = []
  private readonly indexes = new Map<string, number>()

  indexOf(text: string | undefined): number {
    if (text === undefined) return -1
    const there = this.indexes.get(text)
    if (there !== undefined) return there
    const index = this.all.push(text) - 1
    this.indexes.set(text, index)
    return index
  }
}

/** As long as there is room, as they are. */
class Texts extends Pool {
  shortened = 0

  constructor(private room: number) {
    super()
  }

  override indexOf(text: string | undefined): number {
    if (text === undefined) return -1
    const isShortened = text.length > maxText && text.length > this.room
    const before = this.all.length
    const index = super.indexOf(isShortened ? shorten(text, maxText) : text)
    if (isShortened) this.shortened++
    else if (this.all.length > before) this.room -= text.length
    return index
  }
}
