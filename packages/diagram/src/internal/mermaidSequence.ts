/**
 * A message sequence chart as Mermaid text.
 */
import type { Chart, Step } from "../Chart.js"
import type { Extract } from "./extract.js"
import { groupOf } from "./groups.js"
import { label } from "./mermaid.js"
import { drawing } from "./page/draw.js"
import { spanOf } from "./spans.js"
import { name, plural } from "./text.js"

const colours = {
  committed: "rgba(36, 148, 103, 0.10)",
  aborted: "rgba(207, 68, 89, 0.12)",
  open: "rgba(185, 133, 22, 0.10)"
}

export const toMermaid = (
  chart: Chart,
  part: Extract,
  group: "controller" | "machine",
  maxCharacters: number
): string => {
  const { order, groups } = drawing().arrange(
    chart.lifelines.length,
    (line) => part.lifelines.has(line),
    (line) => chart.lifelines[line].kind === "program",
    (line) => groupOf(chart.lifelines[line], group)
  )
  const head = ["sequenceDiagram"]
  const participant = (line: number): string => {
    const { id, kind, title } = chart.lifelines[line]
    const words = kind === "program" ? [title ?? "program", id] : [title ?? "object", id]
    return `  participant p${line} as ${
      label(words.map((word) => name(word, 40)).filter((word) => word !== "").join(" "))
    }`
  }
  const shown = chart.steps.slice(part.begin, part.end)
  const nowhere = shown.some(({ from, kind }) => kind === "call" && from === -1)
  if (nowhere) head.push("  participant nowhere as caller not recorded")
  for (const line of order) if (chart.lifelines[line].kind === "program") head.push(participant(line))
  for (const { first, last, name } of groups) {
    head.push(`  box transparent ${label(name)}`, ...order.slice(first, last + 1).map(participant), "  end")
  }
  if (order.length === 0) head.push("  participant p0 as program")
  const first = order.length === 0 ? "p0" : `p${order[0]}`
  const last = order.length === 0 ? "p0" : `p${order[order.length - 1]}`
  const over = first === last ? first : `${first},${last}`
  const note = (words: string): string => `  Note over ${over}: ${label(words)}`

  // Room for the closing lines, whatever they are.
  const notes = part.notes.map(note)
  const closing = notes.join("\n").length + 400
  const lines: Array<string> = []
  let length = head.join("\n").length + closing
  const rects: Array<number> = []
  const active = new Set<number>()
  let drawn = part.begin
  for (; drawn < part.end; drawn++) {
    const step = chart.steps[drawn]
    const more = stepLines(chart, part, drawn, { rects, active, note, nowhere: "nowhere" })
    const size = more.reduce((sum, line) => sum + line.length + 1, 0) + rects.length * 6 + active.size * 20
    if (length + size > maxCharacters) break
    length += more.reduce((sum, line) => sum + line.length + 1, 0)
    lines.push(...more)
    if (step.kind === "begin" && opens(chart, part, rects, step.tx)) rects.push(step.tx)
    else if (rects[rects.length - 1] === step.tx && (step.kind === "commit" || step.kind === "abort")) rects.pop()
    if (step.kind === "call" && step.pair < part.end) active.add(drawn)
    if (step.kind === "reply") active.delete(step.pair)
  }
  for (const call of active) lines.push(`  deactivate p${chart.steps[call].to}`)
  for (const _ of rects) lines.push("  end")
  if (chart.entries === 0) lines.push(note("The trace has no entries"))
  if (drawn < part.end) {
    const left = chart.steps.slice(drawn, part.end).filter(({ kind }) => kind !== "call").length
    lines.push(note(`the text would be too long: ${plural(left, "more entry", "more entries")} left out`))
  }
  return `${[...head, ...lines, ...notes].join("\n")}\n`
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

interface Place {
  readonly rects: ReadonlyArray<number>
  readonly active: ReadonlySet<number>
  readonly note: (words: string) => string
  readonly nowhere: string
}

/** Rectangles can be in one another, and not across one another. */
const opens = (chart: Chart, part: Extract, rects: ReadonlyArray<number>, tx: number): boolean => {
  const { end } = spanOf(chart, tx)
  const outer = rects[rects.length - 1]
  return outer === undefined || Math.min(end, part.end) <= spanOf(chart, outer).end
}

const stepLines = (chart: Chart, part: Extract, index: number, place: Place): ReadonlyArray<string> => {
  const step = chart.steps[index]
  const { from, kind, pair, to } = step
  const words = (prefix = ""): string => label(`${prefix}${step.label}`)
  const arrow = (sign: string, text: string): string => `  p${from}${sign}p${to}: ${text}`
  const beside = (line: number, text: string): string =>
    line === -1 ? place.note(text) : `  Note over p${line}: ${label(text)}`
  const known = from !== -1 && to !== -1 && from !== to
  switch (kind) {
    case "call": {
      const message = `  ${from === -1 ? place.nowhere : `p${from}`}->>p${to}: ${words()}`
      return pair < part.end ? [message, `  activate p${to}`] : [message]
    }
    case "reply": {
      const end = pair >= part.begin && place.active.has(pair) ? [`  deactivate p${from}`] : []
      const text = step.label === "" ? "done" : words()
      return [`  p${from}-->>${to === -1 ? place.nowhere : `p${to}`}: ${text}`, ...end]
    }
    case "send":
      return [arrow("-)", words())]
    case "receive":
      return [beside(to, `receives ${step.label}`)]
    case "create":
      return [known ? arrow("->>", words("new ")) : beside(to, `new ${step.label}`)]
    case "destroy":
      return [known ? arrow("-x", "destroy") : beside(to, "destroyed")]
    case "begin":
    case "commit":
    case "abort":
      return bracket(chart, part, step, place)
    case "error":
      return [beside(to, `error ${step.label}`)]
    case "state":
      return [beside(to, step.label)]
    default:
      return [known ? arrow("->>", words()) : beside(to, step.label)]
  }
}

const bracket = (chart: Chart, part: Extract, { kind, tx }: Step, place: Place): ReadonlyArray<string> => {
  const { controller, id, outcome } = chart.transactions[tx]
  if (kind === "begin") {
    const text = place.note(`begin ${name(id, 40)}${controller === undefined ? "" : ` of ${name(controller, 40)}`}`)
    return opens(chart, part, place.rects, tx) ? [`  rect ${colours[outcome]}`, text] : [text]
  }
  const text = place.note(`${kind === "commit" ? "committed" : "aborted"} ${name(id, 40)}`)
  return place.rects[place.rects.length - 1] === tx ? [text, "  end"] : [text]
}
