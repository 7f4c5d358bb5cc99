/**
 * Reconciling the replicas of an object through its controller (D21): what each replica accepted since it was fetched is
 * replayed on the object itself, by name of machine, then in the order of acceptance; afterwards all are equal (A26).
 */
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { CrossControllerTx, FreezeFailed } from "../AvmError.js"
import type { Registration } from "../Behaviour.js"
import type { FreezeError } from "../Controller.js"
import type { ControllerId } from "../ControllerId.js"
import type { MachineId } from "../MachineId.js"
import type { ObjectId } from "../ObjectId.js"
import type { Accepted, Replica } from "../ObjectStore.js"
import { ObjectFrozen } from "../TraceEvent.js"
import type { Val } from "../Val.js"
import { replaying, type Scratch, undo } from "./answers.js"
import { Authoritative, Cell, current, RootFrame } from "./frame.js"
import { forgetCell } from "./instruction.js"
import { answering, applyNow, type Kernel, look, reading, replicasOf, stateOf, trace, type View } from "./kernel.js"
import { begin } from "./running.js"
import { andThen, fail, later, type Step, stepOf, succeed } from "./sync.js"
import type { Transaction } from "./transaction.js"
import { trust } from "./trust.js"

export const freeze = (kernel: Kernel, cell: Cell, id: ObjectId): Step<Option.Option<boolean>, FreezeError> =>
  andThen(look(kernel, cell, id), (view): Step<Option.Option<boolean>, FreezeError> => {
    if (view === undefined) return succeed(Option.some(false))
    const tx = cell.open
    // A2: the owner is the one in the snapshot.
    const owner = (view._tag === "Committed" ? view.stored.metadata : view.created).currentController
    if (Option.isNone(owner)) return succeed(Option.none())
    const controller = owner.value
    return andThen(
      stepOf(kernel.reachability.controller(controller)),
      (reachable): Step<Option.Option<boolean>, FreezeError> => {
        if (!reachable) return succeed(Option.some(false))
        const frozen = (): Step<Option.Option<boolean>> =>
          answering(trace(kernel, cell, () => trust(ObjectFrozen, { id, controller })), Option.some(true))
        if (tx !== undefined) return freezeInTx(kernel, tx, id, view, controller, frozen)
        if (view._tag === "Pending" || view.stored.replicas.size === 0) return frozen()
        const { stored } = view
        return andThen(
          reconcile(kernel, id, view, stored.replicas, stored.state),
          ({ accepted, changed, state }) =>
            applyNow(
              kernel,
              {
                reads: reading(stored, "metadata", "state", "replicas"),
                states: changed ? [[id, state]] : [],
                inputs: accepted.map((input) => [id, input] as const),
                replicas: [...stored.replicas.keys()].map((machine) =>
                  [id, machine, Option.some(equal(state))] as const
                )
              },
              () => freeze(kernel, cell, id),
              frozen
            )
        )
      }
    )
  })

const freezeInTx = <A>(
  kernel: Kernel,
  tx: Transaction,
  id: ObjectId,
  view: View,
  controller: ControllerId,
  frozen: () => Step<A>
): Step<A, FreezeError> => {
  // Of D11 only CrossControllerTx applies (A4), and the lock comes last: a freeze that fails locks nothing (A33).
  // A turn that is locked to none (A43) is no deferred one.
  const isLocked = tx.orphan !== undefined || Option.isSome(tx.controller)
  if (view._tag === "Committed" && isLocked && !Option.contains(tx.controller, controller)) {
    return fail(new CrossControllerTx({ id, controller }, true))
  }
  const lock = () => {
    tx.changed = true
    if (view._tag === "Committed" && Option.isNone(tx.controller)) tx.controller = Option.some(controller)
  }
  return andThen(replicasOf(kernel, tx, id, view), (replicas): Step<A, FreezeError> => {
    if (replicas.size === 0) {
      lock()
      return frozen()
    }
    return andThen(
      stateOf(kernel, tx, id, view),
      (before) =>
        andThen(reconcile(kernel, id, view, replicas, before), ({ accepted, changed, state }) => {
          lock()
          if (changed) tx.setState(id, state)
          for (const input of accepted) tx.inputs.push([id, input])
          for (const machine of replicas.keys()) tx.setReplica(id, machine, Option.some(equal(state)))
          return frozen()
        })
    )
  })
}

const equal = (state: Val): Replica => ({ state, accepted: Chunk.empty() })

// ---------------------------------------------------------------------------
// replaying
// ---------------------------------------------------------------------------

interface Reconciled {
  readonly state: Val
  /** Whether any of it was set. */
  readonly changed: boolean
  readonly accepted: ReadonlyArray<Accepted>
}

const reconcile = (
  kernel: Kernel,
  id: ObjectId,
  view: View,
  replicas: ReadonlyMap<MachineId, Replica>,
  state: Val
): Step<Reconciled, FreezeFailed> => {
  const accepted = [...replicas].sort(([a], [b]) => a < b ? -1 : 1).flatMap(([, replica]) => [...replica.accepted])
  if (accepted.length === 0) return succeed({ state, changed: false, accepted })
  const registration = kernel.registry.lookup(view.behaviour)
  if (Option.isNone(registration)) return fail(new FreezeFailed({ id }, true))
  const scratch: Scratch = { state, changed: false, before: Option.none() }
  return later(Effect.map(
    Effect.forEach(accepted, (input) => replayOne(kernel, id, registration.value, input, scratch), { discard: true }),
    () => ({ state: scratch.state, changed: scratch.changed, accepted })
  ))
}

/**
 * Runs an activation again, in a frame of its own. One that failed at first fails again, and has changed its state as far as
 * it came; a defect is one.
 */
export const replayOne = (
  kernel: Kernel,
  id: ObjectId,
  registration: Registration,
  accepted: Accepted,
  scratch: Scratch
): Effect.Effect<void, FreezeFailed> =>
  Effect.flatMap(Effect.context<never>(), (caller) => {
    const context = replaying(Context.merge(caller, registration.services), accepted.answers, scratch)
    const program = registration.program as Effect.Effect<unknown, unknown>
    return Effect.flatMap(
      Effect.exit(inFrameOf(kernel, id, accepted, Effect.mapInputContext(program, () => context))),
      (exit) => {
        undo(scratch)
        if (Exit.isSuccess(exit) || Cause.isFailure(exit.cause)) return Exit.void
        // The error has no place for what the activation has done otherwise.
        const told = Effect.logDebug(`An activation of ${id.value} cannot be replayed`, exit.cause)
        return Effect.zipRight(told, Exit.fail(new FreezeFailed({ id }, true)))
      }
    )
  })

const inFrameOf = <A, E>(
  kernel: Kernel,
  self: ObjectId,
  { input, sender }: Accepted,
  program: Effect.Effect<A, E>
): Effect.Effect<A, E> => {
  const frame = new RootFrame(self, input, sender, Authoritative, Option.some(self))
  const inCell = Effect.suspend(() => {
    forgetCell()
    return Effect.locally(
      program,
      current,
      new Cell(begin(self, undefined), frame, kernel.machine, undefined, undefined)
    )
  })
  return Effect.ensuring(inCell, Effect.sync(forgetCell))
}
