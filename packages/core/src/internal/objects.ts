/**
 * The Object family: creation, destruction, calls.
 */
import type * as Effect from "effect/Effect"
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
import type * as Obj from "../Obj.js"
import type { ObjectId } from "../ObjectId.js"
import { type Creation, latest } from "../ObjectStore.js"
import { ObjectCreated, ObjectDestroyed } from "../TraceEvent.js"
import { fromUnknown, type Val } from "../Val.js"
import { activate } from "./activation.js"
import { Authoritative, type Cell, type Place } from "./frame.js"
import {
  answering,
  applyNow,
  changing,
  claim,
  claimFor,
  commitNow,
  foreign,
  type Implementation,
  type Kernel,
  look,
  machineReachable,
  reading,
  trace,
  type View,
  wasDestroyed
} from "./kernel.js"
import { andThen, done, fail, type Step } from "./sync.js"

export const make = (kernel: Kernel): Implementation<Obj.Service> => ({
  create: (cell, behaviour, controller, home) => create(kernel, cell, behaviour, controller, home === true),
  destroy: (cell, id) => destroy(kernel, cell, id),
  call: (cell, id, input, behaviour) => call(kernel, cell, id, input, behaviour)
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
  if (Option.isNone(registration)) return fail(new BehaviourNotFound({ name: behaviour })) // D3
  return andThen(
    changing(cell, "createObj"),
    () =>
      andThen(freshObjectId(kernel.ids), (id): Step<ObjectId, Obj.CreateError> => {
        const creation = (controller: Option.Option<ControllerId>): Creation => ({
          behaviour,
          metadata: { id, machine: cell.machine, creatingController: controller, currentController: controller },
          state: registration.value.initial
        })
        const created = () => answering(trace(kernel, cell, () => new ObjectCreated({ id, behaviour }, true)), id)
        const tx = cell.open
        if (tx === undefined) {
          const controller = Option.orElse(asked, () => home ? kernel.homeController : Option.none())
          return andThen(commitNow(kernel, { creates: [creation(controller)] }), created)
        }
        // D2: one transaction, one controller; an explicit one locks a deferred transaction.
        const claimed = Option.isSome(asked) ? claimFor(kernel, tx, id, asked.value) : done
        return andThen(claimed, () => {
          tx.changed = true
          tx.creates.set(id.value, creation(tx.controller))
          return created()
        })
      })
  )
}

// ---------------------------------------------------------------------------
// destruction
// ---------------------------------------------------------------------------

const destroy = (kernel: Kernel, cell: Cell, id: ObjectId): Step<true, Obj.DestroyError> =>
  andThen(changing(cell, "destroyObj"), () =>
    andThen(look(kernel, cell, id), (view): Step<true, Obj.DestroyError> => {
      const tx = cell.open
      if (view === undefined) return missing(kernel, id, tx?.snapshot ?? latest)
      const destroyed = (): Step<true> => answering(trace(kernel, cell, () => new ObjectDestroyed({ id }, true)), true)
      if (tx !== undefined) {
        // A5: destroying twice is logged twice, and counts once.
        return andThen(view._tag === "Pending" ? done : claim(kernel, tx, view.stored), () => {
          tx.changed = true
          tx.destroys.set(id.value, id)
          return destroyed()
        })
      }
      if (view._tag === "Pending") return fail(new ObjectNotFound({ id }))
      if (Option.isNone(view.metadata.currentController)) return fail(new ObjectHasNoController({ id }))
      if (Option.isSome(foreign(kernel, view.metadata))) return fail(new ObjectNotAvailable({ id }))
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
): Effect.Effect<Option.Option<Val>, AvmError> => {
  const checked = fromUnknown(input)
  if (checked._tag === "Left") return fail(checked.left)
  return andThen(look(kernel, cell, id), (view): Effect.Effect<Option.Option<Val>, AvmError> => {
    if (view === undefined) return fail(new ObjectNotFound({ id }))
    const { machine, place } = serving(cell, view)
    return andThen(place._tag === "Replica" ? done : machineReachable(kernel, machine), () => {
      if (behaviour !== undefined && behaviour !== view.behaviour) return fail(new InvalidInput({ id, input })) // A35
      const registration = kernel.registry.lookup(view.behaviour)
      if (Option.isNone(registration)) return fail(new BehaviourNotFound({ name: view.behaviour }))
      const tx = cell.open
      const claimed = tx === undefined || view._tag === "Pending" ? done : claim(kernel, tx, view.stored)
      return andThen(
        claimed,
        () => activate(kernel, cell, { id, registration: registration.value, machine, place }, input)
      )
    })
  })
}

/** A25: outside transactions, a replica on the caller's machine serves the call. */
const serving = (cell: Cell, view: View): { readonly machine: typeof cell.machine; readonly place: Place } => {
  const { machine } = view.metadata
  return cell.open === undefined && machine !== cell.machine && view._tag === "Committed" &&
      view.stored.replicas.has(cell.machine)
    ? { machine: cell.machine, place: { _tag: "Replica", machine: cell.machine } }
    : { machine, place: Authoritative }
}
