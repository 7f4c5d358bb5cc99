/**
 * The Object family: creation, destruction, calls. Messages for later are in `internal/messages.ts`.
 */
import * as Option from "effect/Option"
import {
  type AvmError,
  BehaviourNotFound,
  InvalidInput,
  ObjectAlreadyDestroyed,
  ObjectHasNoController,
  ObjectNotAvailable,
  ObjectNotFound,
  type StoreError
} from "../AvmError.js"
import type { ControllerId } from "../ControllerId.js"
import { freshObjectId } from "../IdGenerator.js"
import type { MachineId } from "../MachineId.js"
import type * as Obj from "../Obj.js"
import type { ObjectId } from "../ObjectId.js"
import { type Creation, latest, type Stored } from "../ObjectStore.js"
import { ObjectCreated, ObjectDestroyed } from "../TraceEvent.js"
import { InvalidVal, type Val } from "../Val.js"
import { activate } from "./activation.js"
import { Authoritative, type Cell, type Place } from "./frame.js"
import {
  answering,
  applyNow,
  changing,
  claim,
  claimFor,
  foreign,
  type Implementation,
  type Kernel,
  look,
  machineReachable,
  permitted,
  reading,
  see,
  trace,
  wasDestroyed
} from "./kernel.js"
import * as messages from "./messages.js"
import { because } from "./reasons.js"
import { say } from "./saying.js"
import { andThen, done, fail, Later, type Step } from "./sync.js"
import type { Seen, Transaction } from "./transaction.js"
import { trust } from "./trust.js"
import { firstCulprit } from "./valCheck.js"

export const make = (kernel: Kernel): Implementation<Obj.Service> => ({
  create: (cell, behaviour, controller, home) => create(kernel, cell, behaviour, controller, home === true),
  destroy: (cell, id) => destroy(kernel, cell, id),
  call: (cell, id, input, behaviour) => call(kernel, cell, id, input, behaviour),
  ...messages.make(kernel)
})

// ---------------------------------------------------------------------------
// creation
// ---------------------------------------------------------------------------

const create = (
  kernel: Kernel,
  cell: Cell,
  behaviour: string,
  asked: Option.Option<ControllerId>,
  home: boolean
): Step<ObjectId, Obj.CreateError> => {
  const registration = kernel.registry.lookup(behaviour)
  if (Option.isNone(registration)) return fail(new BehaviourNotFound({ name: behaviour }, true)) // D3
  const refused = changing(cell, "createObj")
  if (refused !== done) return andThen(refused, () => create(kernel, cell, behaviour, asked, home))
  const { initial } = registration.value
  return andThen(freshObjectId(kernel.ids), (id): Step<ObjectId, Obj.CreateError> => {
    const creation = (controller: Option.Option<ControllerId>): Creation => ({
      behaviour,
      metadata: { id, machine: cell.machine, creatingController: controller, currentController: controller },
      state: initial
    })
    const created = (): Step<ObjectId> =>
      answering(trace(kernel, cell, () => trust(ObjectCreated, { id, behaviour })), id)
    const tx = cell.open
    if (tx === undefined) {
      const controller = home && Option.isNone(asked) ? kernel.homeController : asked
      return andThen(permitted(kernel, () => kernel.objects.create(creation(controller))), created)
    }
    // D2: one transaction, one controller; an explicit one locks a deferred transaction.
    const claimed = Option.isSome(asked) ? claimFor(kernel, tx, id, asked.value) : done
    return andThen(claimed, () => {
      tx.create(creation(tx.controller))
      return created()
    })
  })
}

// ---------------------------------------------------------------------------
// destruction
// ---------------------------------------------------------------------------

const destroy = (kernel: Kernel, cell: Cell, id: ObjectId): Step<true, Obj.DestroyError> =>
  andThen(changing(cell, "destroyObj"), () =>
    andThen(look(kernel, cell, id), (view): Step<true, Obj.DestroyError> => {
      const tx = cell.open
      if (view === undefined) return missing(kernel, id, tx?.snapshot ?? latest)
      const destroyed = (): Step<true> => answering(trace(kernel, cell, () => trust(ObjectDestroyed, { id })), true)
      if (tx !== undefined) {
        // A5: destroying twice is logged twice, and counts once.
        return andThen(view._tag === "Pending" ? done : claim(kernel, tx, view.stored), () => {
          tx.destroy(id)
          return destroyed()
        })
      }
      if (view._tag === "Pending") return fail(new ObjectNotFound({ id }, true))
      if (Option.isNone(view.metadata.currentController)) return fail(new ObjectHasNoController({ id }, true))
      if (Option.isSome(foreign(kernel, view.metadata))) return fail(new ObjectNotAvailable({ id }, true))
      return applyNow(
        kernel,
        { reads: reading(view.stored, "metadata"), destroys: [id] },
        () => destroy(kernel, cell, id),
        destroyed
      )
    }))

const missing = (
  kernel: Kernel,
  id: ObjectId,
  snapshot: typeof latest
): Step<never, ObjectAlreadyDestroyed | ObjectNotFound | StoreError> =>
  andThen(
    wasDestroyed(kernel, id, snapshot),
    (was): Step<never, ObjectAlreadyDestroyed | ObjectNotFound> =>
      fail(was ? new ObjectAlreadyDestroyed({ id }) : new ObjectNotFound({ id }))
  )

// ---------------------------------------------------------------------------
// calls
// ---------------------------------------------------------------------------

const call = (
  kernel: Kernel,
  cell: Cell,
  id: ObjectId,
  input: Val,
  behaviour: string | undefined
): Step<Option.Option<Val>, AvmError> => {
  const culprit = firstCulprit(input)
  if (culprit !== undefined) return fail(new InvalidVal(culprit))
  const tx = cell.open
  if (tx !== undefined) return callInTx(kernel, cell, tx, id, input, behaviour)
  const stored = kernel.objects.read(id, latest)
  return stored instanceof Later
    ? andThen(stored, (stored) => callCommitted(kernel, cell, id, stored, input, behaviour))
    : callCommitted(kernel, cell, id, stored, input, behaviour)
}

const callCommitted = (
  kernel: Kernel,
  cell: Cell,
  id: ObjectId,
  stored: Stored | undefined,
  input: Val,
  behaviour: string | undefined
): Step<Option.Option<Val>, AvmError> => {
  if (stored === undefined || stored._tag === "Tombstone") return fail(new ObjectNotFound({ id }, true))
  const { machine } = stored.metadata
  // A25: outside transactions, a replica on the caller's machine serves the call.
  if (machine !== cell.machine && stored.replicas.has(cell.machine)) {
    const place: Place = { _tag: "Replica", machine: cell.machine }
    return dispatch(kernel, cell, stored, cell.machine, place, input, behaviour, undefined)
  }
  return callAt(kernel, cell, stored, machine, input, behaviour, undefined)
}

const callInTx = (
  kernel: Kernel,
  cell: Cell,
  tx: Transaction,
  id: ObjectId,
  input: Val,
  behaviour: string | undefined
): Step<Option.Option<Val>, AvmError> => {
  const creation = tx.creates.get(id.value)
  // A1: what was created in here may be used, whoever owns it.
  if (creation !== undefined) {
    return callAt(kernel, cell, creation, tx.view(creation.metadata).machine, input, behaviour, undefined)
  }
  const seen = see(kernel, tx, id)
  return seen instanceof Later
    ? andThen(seen, (seen) => callSeen(kernel, cell, tx, seen, input, behaviour))
    : callSeen(kernel, cell, tx, seen, input, behaviour)
}

const callSeen = (
  kernel: Kernel,
  cell: Cell,
  tx: Transaction,
  seen: Seen,
  input: Val,
  behaviour: string | undefined
): Step<Option.Option<Val>, AvmError> => {
  const stored = seen.observe("metadata")
  return stored === undefined
    ? fail(new ObjectNotFound({ id: seen.id }, true))
    : callAt(kernel, cell, stored, tx.view(stored.metadata).machine, input, behaviour, seen)
}

/** The object itself, on its machine. */
const callAt = (
  kernel: Kernel,
  cell: Cell,
  object: Callee,
  machine: MachineId,
  input: Val,
  behaviour: string | undefined,
  seen: Seen | undefined
): Step<Option.Option<Val>, AvmError> => {
  const reachable = machineReachable(kernel, machine)
  return reachable === done
    ? dispatch(kernel, cell, object, machine, Authoritative, input, behaviour, seen)
    : andThen(reachable, () => dispatch(kernel, cell, object, machine, Authoritative, input, behaviour, seen))
}

/** Hands the message over, once it is clear that the object can be reached; the claim comes last (A33). */
const dispatch = (
  kernel: Kernel,
  cell: Cell,
  object: Callee,
  machine: MachineId,
  place: Place,
  input: Val,
  behaviour: string | undefined,
  seen: Seen | undefined
): Step<Option.Option<Val>, AvmError> => {
  const { id } = object.metadata
  // A35
  if (behaviour !== undefined && behaviour !== object.behaviour) return fail(mistaken(object, input, behaviour))
  const found = kernel.registry.lookup(object.behaviour)
  if (Option.isNone(found)) return fail(new BehaviourNotFound({ name: object.behaviour }, true))
  const claimed = seen?.stored === undefined ? done : claim(kernel, seen.tx, seen.stored)
  return claimed === done
    ? activate(kernel, cell, found.value, id, machine, place, input, seen)
    : andThen(claimed, () => activate(kernel, cell, found.value, id, machine, place, input, seen))
}

/** The object is one of another behaviour than its caller takes it for. */
export const mistaken = (object: Callee, input: Val, behaviour: string): InvalidInput =>
  because(
    new InvalidInput({ id: object.metadata.id, input }, true),
    () => say`its behaviour is ${object.behaviour}, not ${behaviour}`
  )

/** What a call has to know of an object, committed or pending. */
type Callee = Pick<Creation, "behaviour" | "metadata">
