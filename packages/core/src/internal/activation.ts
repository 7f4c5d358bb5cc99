/**
 * Running a behaviour on a message: a frame of its own, the caller's frame and machine restored whatever happens (D5),
 * and the message entered in the history when it was accepted.
 */
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberRef from "effect/FiberRef"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import { type AvmError, InvalidDuringTx, type StoreError } from "../AvmError.js"
import type { Registration } from "../Behaviour.js"
import { families } from "../InstructionSet.js"
import type { MachineId } from "../MachineId.js"
import type { ObjectId } from "../ObjectId.js"
import { type Accepted, type Answer, latest } from "../ObjectStore.js"
import { ObjectCalled } from "../TraceEvent.js"
import { fromUnknown, type Val } from "../Val.js"
import type { Cell, Frame, Place } from "./frame.js"
import { abort, commitNow, done, type Kernel, sameId, trace } from "./kernel.js"
import { record } from "./recording.js"
import { andThen, fail, type Step, succeed } from "./sync.js"
import type { Transaction } from "./transaction.js"

/** Whom a message is for, once it is clear that it may be delivered. */
export interface Target {
  readonly id: ObjectId
  readonly registration: Registration
  readonly machine: MachineId
  readonly place: Place
}

/** Runs the behaviour; answers its first output. */
export const activate = (
  kernel: Kernel,
  cell: Cell,
  target: Target,
  input: Val
): Effect.Effect<Option.Option<Val>, AvmError> =>
  Effect.uninterruptibleMask((restore) => {
    const { frame: caller, machine } = cell
    const tx = cell.open
    if (tx !== undefined && tx.options.readOnly !== true) tx.changed = true
    const callee: Frame = {
      self: target.id,
      input,
      sender: Option.some(caller.self),
      place: target.place
    }
    const answers: Array<Answer> | undefined = target.place._tag === "Replica" ? [] : undefined
    cell.frame = callee
    cell.machine = target.machine
    const leave = (): Transaction | undefined => {
      cell.frame = caller
      cell.machine = machine
      const left = cell.open
      return left !== undefined && left.owner === callee ? left : undefined
    }
    const accepted = (): Accepted => ({ input, sender: callee.sender, answers: answers ?? [] })
    return Effect.matchCauseEffect(restore(within(target.registration, callee, answers)), {
      onFailure: (cause) => {
        const left = leave()
        const kept = refused(target.id, cause) ? done : enter(kernel, tx, target, accepted())
        return andThen(left === undefined ? done : abort(kernel, cell, left), () =>
          andThen(kept, () => Exit.failCause(cause)))
      },
      onSuccess: (outputs) => {
        const left = leave()
        if (left !== undefined) {
          // D15: it returned with a transaction of its own open.
          return andThen(abort(kernel, cell, left), () =>
            andThen(enter(kernel, tx, target, accepted()), () =>
              fail(new InvalidDuringTx({ what: "beginTx" }))))
        }
        return andThen(enter(kernel, tx, target, accepted()), () =>
          andThen(firstOutput(target, outputs), (output) =>
            andThen(
              trace(kernel, cell, () =>
                new ObjectCalled({ id: target.id, input, output }, true)),
              () =>
                succeed(output)
            )))
      }
    })
  })

// ---------------------------------------------------------------------------
// the callee's context
// ---------------------------------------------------------------------------

/**
 * The behaviour's own services, and the families as its caller has them: a family that was replaced for a part of a
 * program is replaced for whom that part calls. The caller's span is passed on as well.
 */
const within = (
  registration: Registration,
  callee: Frame,
  answers: Array<Answer> | undefined
): Effect.Effect<ReadonlyArray<Val>, AvmError> =>
  Effect.flatMap(FiberRef.get(FiberRef.currentContext), (caller) => {
    const context = contextOf(registration, caller)
    const program = answers === undefined
      ? Effect.provide(registration.program, context)
      : Effect.provide(registration.program, record(context, callee, answers))
    return program as Effect.Effect<ReadonlyArray<Val>, AvmError>
  })

const passedOn: ReadonlyArray<string> = [...families.map((family) => family.key), Tracer.ParentSpan.key]

const contextOf = (registration: Registration, caller: Context.Context<never>): Context.Context<never> => {
  const services = new Map(registration.services.unsafeMap)
  for (const key of passedOn) {
    const service = caller.unsafeMap.get(key)
    if (service === undefined) services.delete(key)
    else services.set(key, service)
  }
  return Context.unsafeMake(services)
}

// ---------------------------------------------------------------------------
// what is left of an activation
// ---------------------------------------------------------------------------

/**
 * D7: what the object refused is no part of its history. Whatever else it was given it has accepted, also where it failed
 * in the end: it may have changed its state before.
 */
const refused = (id: ObjectId, cause: Cause.Cause<AvmError>): boolean =>
  Option.exists(
    Cause.failureOption(cause),
    (error) => (error._tag === "InvalidInput" || error._tag === "ObjectRejectedCall") && sameId(error.id, id)
  )

const enter = (
  kernel: Kernel,
  tx: Transaction | undefined,
  target: Target,
  accepted: Accepted
): Step<void, StoreError> => {
  if (tx !== undefined) {
    // A31: what is read only is no part of anybody's history.
    if (tx.options.readOnly !== true) tx.inputs.push([target.id, accepted])
    return done
  }
  const { place } = target
  return place._tag === "Replica"
    ? enterAtReplica(kernel, target.id, place.machine, accepted)
    : andThen(commitNow(kernel, { inputs: [[target.id, accepted]] }), () => done)
}

const enterAtReplica = (kernel: Kernel, id: ObjectId, machine: MachineId, accepted: Accepted): Step<void, StoreError> =>
  andThen(kernel.store.read(id, latest), (stored): Step<void, StoreError> => {
    if (Option.isNone(stored) || stored.value._tag === "Tombstone") return done
    const { replicas, replicasVersion } = stored.value
    const replica = replicas.get(machine)
    if (replica === undefined) return done
    const changed = { ...replica, accepted: Chunk.append(replica.accepted, accepted) }
    return andThen(
      commitNow(kernel, {
        reads: new Map([[id.value, { id, exists: true, replicas: replicasVersion }]]),
        replicas: [[id, machine, Option.some(changed)]]
      }),
      (outcome) => outcome._tag === "Committed" ? done : enterAtReplica(kernel, id, machine, accepted)
    )
  })

const firstOutput = (target: Target, outputs: unknown): Step<Option.Option<Val>, AvmError> => {
  if (!Array.isArray(outputs)) {
    return Exit.die(new TypeError(`The behaviour ${target.registration.name} answers no list of outputs`))
  }
  const checked = fromUnknown(outputs)
  if (checked._tag === "Left") return fail(checked.left)
  return succeed(outputs.length === 0 ? Option.none() : Option.some(outputs[0]))
}
