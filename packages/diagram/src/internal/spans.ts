/**
 * Intervals of steps, put side by side: the lanes of transactions, the levels of activations.
 */
import type { Chart } from "../Chart.js"

/** More than these are drawn over each other. */
const maxLanes = 8
const maxLevels = 6

export interface Span {
  readonly begin: number
  readonly end: number
}

/** The steps of a transaction; what was not recorded of it goes to the edge of the recording. */
export const spanOf = (chart: Chart, tx: number): Span => {
  const { begin, end } = chart.transactions[tx]
  return { begin: begin === -1 ? 0 : begin, end: end === -1 ? Math.max(chart.steps.length - 1, 0) : end }
}

/** The lane of each span: the first that is free. */
export const lanes = (spans: ReadonlyArray<Span>): ReadonlyArray<number> => {
  const order = spans.map((_, index) => index).sort((a, b) => spans[a].begin - spans[b].begin)
  const ends: Array<number> = []
  const lanes: Array<number> = new Array<number>(spans.length).fill(0)
  for (const index of order) {
    const { begin, end } = spans[index]
    let lane = ends.findIndex((end) => end < begin)
    if (lane === -1) lane = Math.min(ends.length, maxLanes - 1)
    ends[lane] = Math.max(ends[lane] ?? 0, end)
    lanes[index] = lane
  }
  return lanes
}

export interface Activation extends Span {
  readonly lifeline: number
  readonly level: number
}

/** From each call to its reply. Where an object is called within its own calls too often, the innermost are left out. */
export const activations = ({ steps }: Chart): ReadonlyArray<Activation> => {
  const ends = new Map<number, Array<number>>()
  const found: Array<Activation> = []
  steps.forEach(({ kind, pair, to }, begin) => {
    if (kind !== "call" || to === -1 || pair === -1) return
    let levels = ends.get(to)
    if (levels === undefined) ends.set(to, levels = [])
    let level = levels.findIndex((end) => end < begin)
    if (level === -1) level = levels.length
    if (level >= maxLevels) return
    levels[level] = pair
    found.push({ lifeline: to, level, begin, end: pair })
  })
  return found
}
