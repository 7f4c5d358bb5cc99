/**
 * Not all of some equalities hold. It looks when a variable is assigned, and no further than to the second one that is open.
 */
import { type Condition, Entailed, Open, Violated } from "./condition.js"
import { Changed, Propagator } from "./propagator.js"
import type { Store } from "./store.js"

export const condition = (addresses: ReadonlyArray<number>, values: ReadonlyArray<number>): Condition => ({
  scope: [...new Set(addresses)],
  event: Changed,
  status: (store) => {
    let certain = true
    for (let at = 0; at < addresses.length; at++) {
      if (!store.has(addresses[at], values[at])) return Entailed
      certain &&= store.isFixed(addresses[at])
    }
    return certain ? Violated : Open
  },
  enforce: (store) => enforce(store, addresses, values),
  refute: (store) => {
    for (let at = 0; at < addresses.length; at++) if (!store.assign(addresses[at], values[at])) return false
    return true
  }
})

const enforce = (store: Store, addresses: ReadonlyArray<number>, values: ReadonlyArray<number>): boolean => {
  let open = -1
  for (let at = 0; at < addresses.length; at++) {
    const a = addresses[at]
    if (!store.has(a, values[at])) return true
    if (store.isFixed(a) || (open !== -1 && addresses[open] === a)) continue
    if (open !== -1) return true
    open = at
  }
  return open !== -1 && store.remove(addresses[open], values[open])
}

export class Avoids extends Propagator {
  constructor(readonly addresses: ReadonlyArray<number>, readonly values: ReadonlyArray<number>) {
    super()
  }
  propagate(store: Store): boolean {
    return enforce(store, this.addresses, this.values)
  }
}
