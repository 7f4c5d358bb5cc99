/**
 * A condition is a constraint that can be asked whether it holds, made to hold, and made not to hold. It keeps nothing
 * from one time to the next, so it can stand anywhere in a formula. On its own, `Holding` is its propagator.
 */
import { Propagator } from "./propagator.js"
import type { Store } from "./store.js"

/** What the domains say about a condition so far. */
export type Status = typeof Violated | typeof Open | typeof Entailed
export const Violated = -1
export const Open = 0
export const Entailed = 1

export interface Condition {
  /** The addresses of its variables. */
  readonly scope: ReadonlyArray<number>
  /** The event that it has to hear of. */
  readonly event: number
  readonly status: (store: Store) => Status
  /** Takes away the values with which it cannot hold, or some of them. Of assigned variables it decides. */
  readonly enforce: (store: Store) => boolean
  /** Takes away the values with which it must hold, or some of them. Of assigned variables it decides. */
  readonly refute: (store: Store) => boolean
}

export class Holding extends Propagator {
  constructor(readonly condition: Condition) {
    super()
  }
  propagate(store: Store): boolean {
    return this.condition.enforce(store)
  }
}

/** All but one of these are assigned: the address of that one, -1 if there is none, -2 if there are more. */
export const onlyOpen = (store: Store, scope: ReadonlyArray<number>): number => {
  let found = -1
  for (let at = 0; at < scope.length; at++) {
    if (store.isFixed(scope[at]) || scope[at] === found) continue
    if (found !== -1) return -2
    found = scope[at]
  }
  return found
}
