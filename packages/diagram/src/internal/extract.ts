/**
 * The part of a chart that a picture of limited size shows: some entries in a row, and the lifelines they are about.
 */
import type { Chart } from "../Chart.js"
import { count, plural } from "./text.js"

export interface Extract {
  /** Steps from `begin` to before `end`. */
  readonly begin: number
  readonly end: number
  readonly lifelines: ReadonlySet<number>
  readonly notes: ReadonlyArray<string>
}

export const extract = (chart: Chart, from: number, maxEntries: number, maxObjects: number): Extract => {
  const { steps } = chart
  let begin = 0
  while (begin < steps.length && (steps[begin].kind === "call" || steps[begin].entry < from)) begin++
  // The beginnings of calls that go on.
  while (begin > 0 && steps[begin - 1].kind === "call") begin--
  const lifelines = new Set<number>()
  let entries = 0
  let end = begin
  for (; end < steps.length; end++) {
    const { execution, from, kind, to } = steps[end]
    // The lifelines of the programs come first, in the order of their executions.
    const more = [execution, from, to].filter((line) => line !== -1 && !lifelines.has(line))
    const isEntry = kind !== "call"
    if ((isEntry && entries === maxEntries) || lifelines.size + new Set(more).size > maxObjects) break
    if (isEntry) entries++
    for (const line of more) lifelines.add(line)
  }
  // A call whose reply is not shown is shown only if something happens in it.
  while (end > begin && steps[end - 1].kind === "call") end--
  const left = chart.entries - entries
  const notes = left === 0 ? [] : [
    `${plural(entries, "entry", "entries")} of ${count(chart.entries)} drawn` +
    (entries === 0 ? "" : `, from ${begin === 0 ? "the first" : `number ${count(from)}`} on`) +
    `: ${count(left)} left out`
  ]
  const theirs = chart.notes.filter((note) => left === 0 || !note.endsWith("left out"))
  return { begin, end, lifelines, notes: [...notes, ...theirs] }
}
