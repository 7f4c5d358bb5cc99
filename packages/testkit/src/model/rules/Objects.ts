/**
 * The rules of Obj and Introspect.
 *
 * @since 0.1.0
 */
import {
  AvmError,
  type Introspect,
  type MachineId,
  type Obj,
  type ObjectId,
  TraceEvent,
  type Val
} from "@effect-avm/core"
import * as Arr from "effect/Array"
import * as Option from "effect/Option"
import { activate } from "../Activation.js"
import * as Execution from "../Execution.js"
import * as Transaction from "../Transaction.js"
import * as World from "../World.js"

type X = Execution.Execution

/**
 * @since 0.1.0
 * @category rules
 */
export const create = (x: X, { behaviour, controller }: Obj.Create["args"]): ObjectId.ObjectId => {
  // D3: an unknown behaviour is found out now.
  if (!x.world.behaviours.has(behaviour)) Execution.fail(new AvmError.BehaviourNotFound({ name: behaviour }))
  const [id, world] = World.freshObjectId(x.world)
  // A13: the id is spent even if the creation is refused.
  x.world = world
  // D2: one transaction, one controller. A20: outside, nothing is checked.
  if (Option.isSome(controller)) Execution.lock(x, id, controller.value)
  // A10: the given one, else the transaction's; the home controller is not applied here.
  const owner = Option.orElse(controller, () => x.session.tx?.controller ?? Option.none())
  const metadata = {
    id,
    machine: Execution.running(x).machine,
    creatingController: owner,
    currentController: owner
  }
  Execution.setVisible(
    x,
    World.withObject(Execution.visible(x), id.value, {
      behaviour,
      metadata,
      // A12: before the first setState, the empty list.
      state: [],
      history: [],
      replicas: new Map(),
      metadataVersion: 0,
      stateVersion: 0,
      replicasVersion: 0
    })
  )
  const tx = x.session.tx
  if (tx !== undefined) Execution.changeTx(x, { creates: Transaction.entered(tx.creates, id, true), changed: true })
  Execution.log(x, new TraceEvent.ObjectCreated({ id, behaviour }))
  return id
}

/**
 * @since 0.1.0
 * @category rules
 */
export const destroy = (x: X, { id }: Obj.Destroy["args"]): true => {
  const object = Execution.look(x, id)
  if (object === undefined) {
    // A6: only destroyObj tells a destroyed id from a missing one.
    return Execution.fail(
      Execution.visible(x).destroyed.has(id.value)
        ? new AvmError.ObjectAlreadyDestroyed({ id })
        : new AvmError.ObjectNotFound({ id })
    )
  }
  const tx = x.session.tx
  if (tx === undefined) {
    if (Option.isNone(object.metadata.currentController)) Execution.fail(new AvmError.ObjectHasNoController({ id }))
    // D18
    if (Execution.isForeign(x, object)) Execution.fail(new AvmError.ObjectNotAvailable({ id }))
    Execution.setVisible(x, World.withoutObject(Execution.visible(x), id.value))
  } else {
    Execution.claim(x, id, object)
    // A5: it shows only in reifyTxState, and counts once.
    Execution.changeTx(x, { destroys: Transaction.entered(tx.destroys, id, true), changed: true })
  }
  Execution.log(x, new TraceEvent.ObjectDestroyed({ id }))
  return true
}

/**
 * @since 0.1.0
 * @category rules
 */
export const call = (x: X, { behaviour, id, input }: Obj.Call["args"]): Option.Option<Val.Val> => {
  Execution.valid(input)
  const object = Execution.look(x, id) ?? Execution.fail(new AvmError.ObjectNotFound({ id }))
  const caller = Execution.running(x)
  // A25: a replica serves calls made on its machine, outside transactions.
  const replicaAt = x.session.tx === undefined && object.replicas.has(caller.machine)
    ? Option.some(caller.machine)
    : Option.none()
  const machine = Option.getOrElse(replicaAt, () => object.metadata.machine)
  // D6: a replica here answers whoever is cut off.
  if (Option.isNone(replicaAt)) Execution.demandMachine(x, machine)
  // A35: a reference that believes in another behaviour.
  if (behaviour !== undefined && behaviour !== object.behaviour) {
    Execution.fail(new AvmError.InvalidInput({ id, input }))
  }
  const script = x.world.behaviours.get(object.behaviour) ??
    Execution.fail(new AvmError.BehaviourNotFound({ name: object.behaviour }))
  Execution.claim(x, id, object)
  const outputs = activate(x, {
    self: id,
    input,
    sender: Option.some(caller.self),
    machine,
    replicaAt,
    answers: [],
    replay: Option.none(),
    before: Option.none(),
    rejected: []
  }, script)
  const output = Arr.head(outputs)
  // A9: a failing call has not come this far, and writes no ObjectCalled.
  Execution.log(x, new TraceEvent.ObjectCalled({ id, input, output }))
  return output
}

/**
 * @since 0.1.0
 * @category rules
 */
export const getState = (x: X): Val.Val => {
  // A11
  if (Execution.isRoot(x)) return x.session.rootState
  const { replicaAt, self } = Execution.running(x)
  if (Option.isSome(replicaAt)) return standingReplica(x, self, replicaAt.value).state
  // A33: it neither locks nor fails for the controller.
  return Execution.stateOf(x, self, standing(x, self))
}

/**
 * @since 0.1.0
 * @category rules
 */
export const setState = (x: X, { state }: Introspect.SetState["args"]): void => {
  Execution.valid(state)
  const { replicaAt, self } = Execution.running(x)
  if (Option.isSome(replicaAt)) {
    const replica = { ...standingReplica(x, self, replicaAt.value), state }
    Execution.update(x, self, (object) => World.withReplica(object, replicaAt.value, replica))
  } else {
    if (Execution.isRoot(x)) x.session = { ...x.session, rootState: state }
    else {
      standing(x, self)
      Execution.update(x, self, (object) => World.withState(object, state))
    }
    // A15: the root's included, a replica's not.
    const tx = x.session.tx
    if (tx !== undefined) Execution.changeTx(x, { states: Transaction.entered(tx.states, self, state) })
  }
  // A17: the state of an object counts as a change, the root's does not.
  if (!Execution.isRoot(x)) Execution.changeTx(x, { changed: true })
  Execution.log(x, new TraceEvent.StateUpdated({ id: self }))
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

/** A7: a frame whose object was destroyed has no state any more. */
const standing = (x: X, self: ObjectId.ObjectId): World.StoredObject => Execution.peek(x, self) ?? gone(self)

/** Likewise one that runs on a replica, when the replica has disappeared (A25). */
const standingReplica = (x: X, self: ObjectId.ObjectId, machine: MachineId.MachineId): World.Replica => {
  Execution.markRead(x, self, "replicas")
  return standing(x, self).replicas.get(machine) ?? gone(self)
}

const gone = (self: ObjectId.ObjectId): never =>
  Execution.fail(new AvmError.ContextUnavailable({ message: `${self.value} is no more` }))
