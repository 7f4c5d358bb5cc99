/**
 * An entry of a list, by a variable that is its place.
 */
import { between } from "./comparison.js"
import { type Condition, Entailed, Open, type Status, Violated } from "./condition.js"
import { Changed } from "./propagator.js"
import type { Store } from "./store.js"

/** `entries[index] = result`, where an entry is a value. */
export const ofValues = (index: number, values: ReadonlyArray<number>, result: number): Condition => {
  const distinct = [...new Set(values)].sort((a, b) => a - b)
  /** For each of these, the places that have it. */
  const places = distinct.map((value) => values.flatMap((entry, at) => entry === value ? [at] : []))
  const last = values.length - 1
  return {
    scope: index === result ? [index] : [index, result],
    event: Changed,
    status: (store) => {
      let possible = 0
      let impossible = store.min(index) < 0 || store.max(index) > last ? 1 : 0
      for (let at = Math.max(0, store.min(index)); at <= Math.min(last, store.max(index)); at++) {
        if (!store.has(index, at)) continue
        if (!store.has(result, values[at])) impossible++
        else {
          possible++
          if (!store.isFixed(result)) impossible++
        }
        if (possible > 0 && impossible > 0) return Open
      }
      return possible === 0 ? Violated : Entailed
    },
    enforce: (store) => {
      if (!store.setMin(index, 0) || !store.setMax(index, last)) return false
      for (let at = store.min(index);; at = store.up(index, at + 1)) {
        if (!store.has(result, values[at]) && !store.remove(index, at)) return false
        if (at >= store.max(index)) break
      }
      if (!store.intersect(result, distinct)) return false
      for (let at = 0; at < distinct.length; at++) {
        if (!store.has(result, distinct[at])) continue
        if (!places[at].some((place) => store.has(index, place)) && !store.remove(result, distinct[at])) return false
      }
      return true
    },
    refute: (store) => {
      if (store.isFixed(index)) {
        const at = store.min(index)
        return at < 0 || at > last || store.remove(result, values[at])
      }
      if (!store.isFixed(result)) return true
      const value = distinct.indexOf(store.min(result))
      return value === -1 || places[value].every((place) => store.remove(index, place))
    }
  }
}

/** `entries[index] = result`, where an entry is a variable. */
export const ofVariables = (index: number, addresses: ReadonlyArray<number>, result: number): Condition => {
  const last = addresses.length - 1
  const equal = addresses.map((a): Condition =>
    a === result
      ? { scope: [a], event: Changed, status: () => Entailed, enforce: () => true, refute: () => false }
      : between(a, "=", result, 0)
  )
  /** Whether two domains have a value in common. */
  const meet = (store: Store, a: number): boolean => {
    if (store.min(a) > store.max(result) || store.max(a) < store.min(result)) return false
    const low = Math.max(store.min(a), store.min(result))
    const high = Math.min(store.max(a), store.max(result))
    const [few, other] = store.size(a) < store.size(result) ? [a, result] : [result, a]
    if (low > store.max(few) || store.up(few, low) > high) return false
    for (let value = store.up(few, low); value <= high; value = store.up(few, value + 1)) {
      if (store.has(other, value)) return true
      if (value >= store.max(few)) return false
    }
    return false
  }
  return {
    scope: [...new Set([index, ...addresses, result])],
    event: Changed,
    status: (store) => {
      if (!store.isFixed(index)) {
        for (let at = Math.max(0, store.min(index)); at <= Math.min(last, store.max(index)); at++) {
          if (store.has(index, at) && meet(store, addresses[at])) return Open
        }
        return Violated
      }
      const at = store.min(index)
      return at < 0 || at > last ? Violated : equal[at].status(store)
    },
    enforce: (store) => {
      if (!store.setMin(index, 0) || !store.setMax(index, last)) return false
      let low = Infinity
      let high = -Infinity
      for (let at = store.min(index);; at = store.up(index, at + 1)) {
        if (!meet(store, addresses[at])) {
          if (!store.remove(index, at)) return false
        } else {
          low = Math.min(low, store.min(addresses[at]))
          high = Math.max(high, store.max(addresses[at]))
        }
        if (at >= store.max(index)) break
      }
      if (!store.setMin(result, low) || !store.setMax(result, high)) return false
      return !store.isFixed(index) || equal[store.min(index)].enforce(store)
    },
    refute: (store) => {
      if (!store.isFixed(index)) {
        // A place where they are equal already cannot be it.
        for (let at = Math.max(0, store.min(index)); at <= Math.min(last, store.max(index)); at++) {
          if (!store.has(index, at)) continue
          const status: Status = equal[at].status(store)
          if (status === Entailed && !store.remove(index, at)) return false
        }
        if (!store.isFixed(index)) return true
      }
      const at = store.min(index)
      return at < 0 || at > last || equal[at].refute(store)
    }
  }
}
