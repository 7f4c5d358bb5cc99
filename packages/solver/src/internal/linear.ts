/**
 * Sums: `coefficients[i] * variables[i]`, added, at most, equal to or unequal to a constant. Bounds are exact: whoever
 * makes one has checked that no sum leaves the safe integers.
 */
import { type Condition, Entailed, Open, type Status, Violated } from "./condition.js"
import { Max, Min } from "./domains.js"
import { BoundMoved, Propagator } from "./propagator.js"
import type { Store } from "./store.js"

/** At most, equal, unequal: every other relation is one of these with other signs. */
export type Kind = "<=" | "=" | "!="

export interface Sum {
  readonly coefficients: ReadonlyArray<number>
  readonly addresses: ReadonlyArray<number>
}

/** The smallest that the sum can be. */
export const least = (store: Store, { addresses, coefficients }: Sum): number => {
  const { cells } = store
  let sum = 0
  for (let at = 0; at < addresses.length; at++) {
    const coefficient = coefficients[at]
    sum += coefficient * cells[addresses[at] + (coefficient > 0 ? Min : Max)]
  }
  return sum
}

/** The largest that the sum can be. */
export const most = (store: Store, { addresses, coefficients }: Sum): number => {
  const { cells } = store
  let sum = 0
  for (let at = 0; at < addresses.length; at++) {
    const coefficient = coefficients[at]
    sum += coefficient * cells[addresses[at] + (coefficient > 0 ? Max : Min)]
  }
  return sum
}

/** The sum is at most the constant: what is left to each variable when the others are as small as they can be. */
export const enforceAtMost = (store: Store, sum: Sum, constant: number): boolean => {
  const { addresses, coefficients } = sum
  const slack = constant - least(store, sum)
  if (slack < 0) return false
  const { cells } = store
  for (let at = 0; at < addresses.length; at++) {
    const coefficient = coefficients[at]
    const a = addresses[at]
    const low = cells[a]
    const high = cells[a + Max]
    if (coefficient > 0) {
      if (coefficient * (high - low) > slack && !store.setMax(a, low + Math.floor(slack / coefficient))) return false
    } else if (-coefficient * (high - low) > slack && !store.setMin(a, high - Math.floor(slack / -coefficient))) {
      return false
    }
  }
  return true
}

const enforceEqual = (store: Store, sum: Sum, constant: number): boolean => {
  const { addresses, coefficients } = sum
  const { cells } = store
  for (;;) {
    let low = 0
    let high = 0
    for (let at = 0; at < addresses.length; at++) {
      const coefficient = coefficients[at]
      const a = addresses[at]
      if (coefficient > 0) {
        low += coefficient * cells[a]
        high += coefficient * cells[a + Max]
      } else {
        low += coefficient * cells[a + Max]
        high += coefficient * cells[a]
      }
    }
    const above = constant - low
    const below = high - constant
    if (above < 0 || below < 0) return false
    if (above === 0 && below === 0) return true
    let changed = false
    for (let at = 0; at < addresses.length; at++) {
      const coefficient = coefficients[at]
      const a = addresses[at]
      const min = cells[a]
      const max = cells[a + Max]
      const width = coefficient > 0 ? coefficient * (max - min) : -coefficient * (max - min)
      if (width <= above && width <= below) continue
      if (coefficient > 0) {
        if (width > above && !store.setMax(a, min + Math.floor(above / coefficient))) return false
        if (width > below && !store.setMin(a, max - Math.floor(below / coefficient))) return false
      } else {
        if (width > above && !store.setMin(a, max - Math.floor(above / -coefficient))) return false
        if (width > below && !store.setMax(a, min + Math.floor(below / -coefficient))) return false
      }
      if (cells[a] !== min || cells[a + Max] !== max) changed = true
    }
    if (!changed) return true
  }
}

/** Only the last variable that is open can be kept from making the sum equal. */
const enforceUnequal = (store: Store, { addresses, coefficients }: Sum, constant: number): boolean => {
  const { cells } = store
  let left = constant
  let open = -1
  for (let at = 0; at < addresses.length; at++) {
    const a = addresses[at]
    if (cells[a] === cells[a + Max]) left -= coefficients[at] * cells[a]
    else if (open !== -1) return true
    else open = at
  }
  if (open === -1) return left !== 0
  const value = left / coefficients[open]
  return !Number.isInteger(value) || store.remove(addresses[open], value)
}

const negated = ({ addresses, coefficients }: Sum): Sum => ({
  addresses,
  coefficients: coefficients.map((coefficient) => -coefficient)
})

export const condition = (sum: Sum, kind: Kind, constant: number): Condition => {
  const reverse = negated(sum)
  const statusOfEqual = (store: Store): Status => {
    const low = least(store, sum)
    const high = most(store, sum)
    return low > constant || high < constant ? Violated : low === high ? Entailed : Open
  }
  switch (kind) {
    case "<=":
      return {
        scope: sum.addresses,
        event: BoundMoved,
        status: (store) => most(store, sum) <= constant ? Entailed : least(store, sum) > constant ? Violated : Open,
        enforce: (store) => enforceAtMost(store, sum, constant),
        refute: (store) => enforceAtMost(store, reverse, -constant - 1)
      }
    case "=":
      return {
        scope: sum.addresses,
        event: BoundMoved,
        status: statusOfEqual,
        enforce: (store) => enforceEqual(store, sum, constant),
        refute: (store) => enforceUnequal(store, sum, constant)
      }
    case "!=":
      return {
        scope: sum.addresses,
        event: BoundMoved,
        status: (store) => (0 - statusOfEqual(store)) as Status, // the opposite of one is one
        enforce: (store) => enforceUnequal(store, sum, constant),
        refute: (store) => enforceEqual(store, sum, constant)
      }
  }
}

/** At least a value that rises while a search goes on; nothing below has to be undone for that. */
export class AtLeast extends Propagator {
  /** The best so far, and one more. */
  bound = -Infinity
  private readonly reverse: Sum
  constructor(readonly sum: Sum) {
    super()
    this.reverse = negated(sum)
  }
  propagate(store: Store): boolean {
    return this.bound === -Infinity || enforceAtMost(store, this.reverse, -this.bound)
  }
}
