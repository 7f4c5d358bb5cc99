/**
 * One variable and another, or one and a value.
 */
import type { Relation } from "../Constraint.js"
import { type Condition, Entailed, Open, type Status, Violated } from "./condition.js"
import { BoundMoved, Changed } from "./propagator.js"
import type { Store } from "./store.js"

const opposites = { "=": "!=", "!=": "=", "<=": ">", ">": "<=", "<": ">=", ">=": "<" } as const

/** The relation that holds where this one does not. */
export const opposite = (relation: Relation): Relation => opposites[relation]

// ---------------------------------------------------------------------------
// with a value
// ---------------------------------------------------------------------------

const enforceValue = (store: Store, a: number, relation: Relation, value: number): boolean => {
  switch (relation) {
    case "=":
      return store.assign(a, value)
    case "!=":
      return store.remove(a, value)
    case "<=":
      return store.setMax(a, value)
    case "<":
      return store.setMax(a, value - 1)
    case ">=":
      return store.setMin(a, value)
    case ">":
      return store.setMin(a, value + 1)
  }
}

const statusOfValue = (store: Store, a: number, relation: Relation, value: number): Status => {
  const low = store.min(a)
  const high = store.max(a)
  switch (relation) {
    case "=":
      return low === high && low === value ? Entailed : store.has(a, value) ? Open : Violated
    case "!=":
      return low === high && low === value ? Violated : store.has(a, value) ? Open : Entailed
    case "<=":
      return high <= value ? Entailed : low > value ? Violated : Open
    case "<":
      return high < value ? Entailed : low >= value ? Violated : Open
    case ">=":
      return low >= value ? Entailed : high < value ? Violated : Open
    case ">":
      return low > value ? Entailed : high <= value ? Violated : Open
  }
}

export const withValue = (a: number, relation: Relation, value: number): Condition => ({
  scope: [a],
  event: relation === "=" || relation === "!=" ? Changed : BoundMoved,
  status: (store) => statusOfValue(store, a, relation, value),
  enforce: (store) => enforceValue(store, a, relation, value),
  refute: (store) => enforceValue(store, a, opposite(relation), value)
})

// ---------------------------------------------------------------------------
// membership
// ---------------------------------------------------------------------------

/** The values are in ascending order, each once. */
export const member = (a: number, values: ReadonlyArray<number>): Condition => {
  const allowed = new Set(values)
  const within = (store: Store): number => {
    let found = 0
    for (let at = 0; at < values.length; at++) if (store.has(a, values[at])) found++
    return found
  }
  return {
    scope: [a],
    event: Changed,
    status: (store) => {
      if (store.isFixed(a)) return allowed.has(store.min(a)) ? Entailed : Violated
      const found = within(store)
      return found === 0 ? Violated : found === store.size(a) ? Entailed : Open
    },
    enforce: (store) => store.intersect(a, values),
    refute: (store) => {
      for (let at = 0; at < values.length; at++) if (!store.remove(a, values[at])) return false
      return true
    }
  }
}

// ---------------------------------------------------------------------------
// with another variable: x relation y + offset
// ---------------------------------------------------------------------------

const enforceEqual = (store: Store, x: number, y: number, offset: number): boolean => {
  if (!store.setMin(x, store.min(y) + offset) || !store.setMax(x, store.max(y) + offset)) return false
  if (!store.setMin(y, store.min(x) - offset) || !store.setMax(y, store.max(x) - offset)) return false
  const width = store.max(x) - store.min(x) + 1
  // Without holes the bounds are all there is.
  if (store.size(x) === width && store.size(y) === width) return true
  for (let value = store.min(x);; value = store.up(x, value + 1)) {
    if (!store.has(y, value - offset) && !store.remove(x, value)) return false
    if (value >= store.max(x)) break
  }
  for (let value = store.min(y);; value = store.up(y, value + 1)) {
    if (!store.has(x, value + offset) && !store.remove(y, value)) return false
    if (value >= store.max(y)) return true
  }
}

const enforceUnequal = (store: Store, x: number, y: number, offset: number): boolean => {
  if (x === y) return offset !== 0
  if (store.isFixed(x)) return store.remove(y, store.min(x) - offset)
  return !store.isFixed(y) || store.remove(x, store.min(y) + offset)
}

/** `x + offset <= y` */
const enforceBelow = (store: Store, x: number, y: number, offset: number): boolean =>
  store.setMin(y, store.min(x) + offset) && store.setMax(x, store.max(y) - offset)

const enforce = (store: Store, x: number, relation: Relation, y: number, offset: number): boolean => {
  switch (relation) {
    case "=":
      return enforceEqual(store, x, y, offset)
    case "!=":
      return enforceUnequal(store, x, y, offset)
    case "<=":
      return enforceBelow(store, x, y, -offset)
    case "<":
      return enforceBelow(store, x, y, 1 - offset)
    case ">=":
      return enforceBelow(store, y, x, offset)
    case ">":
      return enforceBelow(store, y, x, offset + 1)
  }
}

const statusOfEqual = (store: Store, x: number, y: number, offset: number): Status => {
  if (store.isFixed(x)) {
    const value = store.min(x) - offset
    return !store.has(y, value) ? Violated : store.isFixed(y) ? Entailed : Open
  }
  if (store.isFixed(y)) return store.has(x, store.min(y) + offset) ? Open : Violated
  return store.min(x) > store.max(y) + offset || store.max(x) < store.min(y) + offset ? Violated : Open
}

const status = (store: Store, x: number, relation: Relation, y: number, offset: number): Status => {
  // The largest and the smallest that x - y can be.
  const high = store.max(x) - store.min(y)
  const low = store.min(x) - store.max(y)
  switch (relation) {
    case "=":
      return statusOfEqual(store, x, y, offset)
    case "!=":
      return (0 - statusOfEqual(store, x, y, offset)) as Status // the opposite of one is one
    case "<=":
      return high <= offset ? Entailed : low > offset ? Violated : Open
    case "<":
      return high < offset ? Entailed : low >= offset ? Violated : Open
    case ">=":
      return low >= offset ? Entailed : high < offset ? Violated : Open
    case ">":
      return low > offset ? Entailed : high <= offset ? Violated : Open
  }
}

/** The variables are two: what is said about one and itself is a matter of the offset alone. */
export const between = (x: number, relation: Relation, y: number, offset: number): Condition => ({
  scope: [x, y],
  event: relation === "=" || relation === "!=" ? Changed : BoundMoved,
  status: (store) => status(store, x, relation, y, offset),
  enforce: (store) => enforce(store, x, relation, y, offset),
  refute: (store) => enforce(store, x, opposite(relation), y, offset)
})

/** Whether `0 relation offset`: what a variable says about itself. */
export const holdsOfItself = (relation: Relation, offset: number): boolean => {
  switch (relation) {
    case "=":
      return offset === 0
    case "!=":
      return offset !== 0
    case "<=":
      return offset >= 0
    case "<":
      return offset > 0
    case ">=":
      return offset <= 0
    case ">":
      return offset < 0
  }
}
