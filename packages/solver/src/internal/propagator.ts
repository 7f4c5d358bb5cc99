/**
 * What a propagator is: a piece of a constraint that takes away values that cannot be, whenever something it listens to
 * has changed. The store runs it; it never waits, and may change variables only through the store.
 */
import type { Store } from "./store.js"

/** What happened to a domain. Each includes the ones after it: an assignment moves a bound, too. */
export const Assigned = 1
export const BoundMoved = 2
export const Changed = 4

export abstract class Propagator {
  /** True while it is in the queue; the store's. */
  queued = false
  /** The variables that are blamed when it fails, by their numbers. */
  blamed: ReadonlyArray<number> = []

  /** 0 runs first; 1 is for what costs more than it usually takes away. */
  constructor(readonly priority: 0 | 1 = 0) {}

  /** Takes away what cannot be. False: nothing is left that could be. */
  abstract propagate(store: Store): boolean
}
