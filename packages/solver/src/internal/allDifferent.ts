/**
 * No two of `variables[i] + offsets[i]` are equal: as a condition, and as propagators of three strengths.
 */
import { between } from "./comparison.js"
import type { Condition } from "./condition.js"
import { Max } from "./domains.js"
import { not, or } from "./formula.js"
import { Propagator } from "./propagator.js"
import type { Store } from "./store.js"

export interface Different {
  readonly addresses: ReadonlyArray<number>
  readonly offsets: ReadonlyArray<number>
}

/** The largest number of values for which a bit each fits into a word. */
export const wordWidth = 32

/** The smallest and the largest value that any of them can have. */
export const window = (store: Store, { addresses, offsets }: Different): readonly [low: number, high: number] => {
  let low = Infinity
  let high = -Infinity
  for (let at = 0; at < addresses.length; at++) {
    low = Math.min(low, store.min(addresses[at]) + offsets[at])
    high = Math.max(high, store.max(addresses[at]) + offsets[at])
  }
  return [low, high]
}

/** For formulas: two by two. No variable is among them twice. */
export const condition = ({ addresses, offsets }: Different): Condition => {
  const pairs = addresses.flatMap((x, i) =>
    addresses.slice(i + 1).map((y, j) => between(x, "=", y, offsets[i + 1 + j] - offsets[i]))
  )
  return { ...not(or(pairs)), scope: addresses }
}

/** Takes the value of each assigned variable from the others. For so many variables that pairs would be too many. */
export class ValuesDiffer extends Propagator {
  /** Places; those before the end are not known to be assigned. */
  private readonly order: Int32Array
  private readonly end: number

  constructor(store: Store, readonly different: Different) {
    super()
    this.order = Int32Array.from(different.addresses, (_, at) => at)
    this.end = store.allocateCell(different.addresses.length)
  }

  propagate(store: Store): boolean {
    const { order } = this
    const { addresses, offsets } = this.different
    const { cells } = store
    let end = cells[this.end]
    for (let at = 0; at < end;) {
      const place = order[at]
      const a = addresses[place]
      if (cells[a] !== cells[a + Max]) {
        at++
        continue
      }
      const value = cells[a] + offsets[place]
      order[at] = order[--end]
      order[end] = place
      for (let rest = 0; rest < end; rest++) {
        if (!store.remove(addresses[order[rest]], value - offsets[order[rest]])) return false
      }
      // What was assigned just now may stand before this.
      at = 0
    }
    store.set(this.end, end)
    return true
  }
}
