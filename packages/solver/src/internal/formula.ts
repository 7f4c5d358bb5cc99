/**
 * Conditions made of conditions: and, or, not, if and only if.
 */
import { type Condition, Entailed, Open, type Status, Violated } from "./condition.js"
import { BoundMoved, Changed } from "./propagator.js"
import type { Store } from "./store.js"

const scopeOf = (conditions: ReadonlyArray<Condition>): ReadonlyArray<number> => [
  ...new Set(conditions.flatMap(({ scope }) => scope))
]

const eventOf = (conditions: ReadonlyArray<Condition>): number =>
  conditions.some(({ event }) => event === Changed) ? Changed : BoundMoved

export const constant = (holds: boolean): Condition => ({
  scope: [],
  event: BoundMoved,
  status: () => holds ? Entailed : Violated,
  enforce: () => holds,
  refute: () => !holds
})

export const not = (condition: Condition): Condition => ({
  scope: condition.scope,
  event: condition.event,
  status: (store) => (0 - condition.status(store)) as Status, // the opposite of one is one
  enforce: condition.refute,
  refute: condition.enforce
})

export const or = (conditions: ReadonlyArray<Condition>): Condition => ({
  scope: scopeOf(conditions),
  event: eventOf(conditions),
  status: (store) => {
    let status: Status = Violated
    for (let at = 0; at < conditions.length; at++) {
      const one = conditions[at].status(store)
      if (one === Entailed) return Entailed
      if (one === Open) status = Open
    }
    return status
  },
  enforce: (store) => {
    // The last one that can still hold has to.
    let open: Condition | undefined
    for (let at = 0; at < conditions.length; at++) {
      const status = conditions[at].status(store)
      if (status === Entailed) return true
      if (status === Violated) continue
      if (open !== undefined) return true
      open = conditions[at]
    }
    return open !== undefined && open.enforce(store)
  },
  refute: (store) => {
    for (let at = 0; at < conditions.length; at++) if (!conditions[at].refute(store)) return false
    return true
  }
})

export const and = (conditions: ReadonlyArray<Condition>): Condition => not(or(conditions.map(not)))

/** Both hold, or neither. */
export const equivalent = (left: Condition, right: Condition): Condition => {
  /** Makes the other one say what this one says already, or the opposite. */
  const follow = (store: Store, same: boolean): boolean => {
    const first = left.status(store)
    if (first !== Open) return (first === Entailed) === same ? right.enforce(store) : right.refute(store)
    const second = right.status(store)
    if (second === Open) return true
    return (second === Entailed) === same ? left.enforce(store) : left.refute(store)
  }
  return {
    scope: scopeOf([left, right]),
    event: eventOf([left, right]),
    status: (store) => (left.status(store) * right.status(store)) as Status, // a product of two is one of the three
    enforce: (store) => follow(store, true),
    refute: (store) => follow(store, false)
  }
}
