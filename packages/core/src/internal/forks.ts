/**
 * Which of the fibers forked in a transaction work in it (A38): all but daemons, which nobody waits for and no scope ends.
 *
 * Effect keeps no record of how a fiber was forked, so it is told from what each way leaves behind:
 *
 * - `fork` makes a child of its parent: it is not among the roots.
 * - the workers of `Effect.all`, `Effect.forEach` and the like are roots, but run in a fork scope of their own.
 * - `forkIn` and `forkScoped`, which streams use as well, make a root with an observer: the scope that ends it.
 * - `forkDaemon` makes a root with none.
 *
 * Two of these signs are internals of effect. Where they are missing, a fiber is taken to work in the transaction for as
 * long as that is open, which is the safe side: nothing leaves it unseen. Pinned by `test/core/Forks.test.ts`.
 */
import * as Fiber from "effect/Fiber"
import type * as FiberRef from "effect/FiberRef"
import { globalValue } from "effect/GlobalValue"
import type * as Option from "effect/Option"

type AnyFiber = Fiber.RuntimeFiber<unknown, unknown>

/** Whether a fiber that has just begun was forked as a daemon. */
export const isDaemon = (fiber: AnyFiber): boolean =>
  observersOf(fiber) <= observersOfDaemon && !isWorker(fiber) && Fiber.unsafeRoots().includes(fiber)

/** The supervisor and the set of roots. */
const observersOfDaemon = 2

const observersOf = (fiber: AnyFiber): number =>
  // Internal to effect; a fiber without such a list counts as watched.
  (fiber as unknown as { readonly _observers?: ReadonlyArray<unknown> })._observers?.length ?? Number.POSITIVE_INFINITY

/** A fork leaves the fork scope behind; the workers of `forEach` set one again. */
const isWorker = (fiber: AnyFiber): boolean => forkScope === undefined || fiber.getFiberRef(forkScope)._tag === "Some"

/** Internal to effect, but in its table of global values under a name. */
const forkScope = globalValue<FiberRef.FiberRef<Option.Option<unknown>> | undefined>(
  Symbol.for("effect/FiberRef/currentForkScopeOverride"),
  () => undefined
)
