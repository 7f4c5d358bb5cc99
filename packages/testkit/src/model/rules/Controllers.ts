/**
 * The rules of Controller: who owns objects, and how their replicas are reconciled.
 *
 * @since 0.1.0
 */
import {
  AvmError,
  type Controller,
  type ControllerId,
  type MachineId,
  type ObjectId,
  TraceEvent
} from "@effect-avm/core"
import * as Option from "effect/Option"
import { activate, Diverged } from "../Activation.js"
import * as Execution from "../Execution.js"
import * as Transaction from "../Transaction.js"
import * as World from "../World.js"

type X = Execution.Execution

/**
 * D9: a query neither locks nor fails; a pending transfer shows (A2).
 *
 * @since 0.1.0
 * @category rules
 */
export const getController = (
  x: X,
  { id }: Controller.GetController["args"]
): Option.Option<ControllerId.ControllerId> =>
  Option.flatMap(Option.fromNullable(Execution.look(x, id)), ({ metadata }) => metadata.currentController)

/**
 * @since 0.1.0
 * @category rules
 */
export const transfer = (x: X, { controller, id }: Controller.Transfer["args"]): true => {
  // Checked first.
  Execution.demandController(x, controller)
  const object = Execution.look(x, id) ?? Execution.fail(new AvmError.ObjectNotFound({ id }))
  const from = object.metadata.currentController
  // D18, A19
  if (Execution.isForeign(x, object) && Option.isSome(from)) {
    Execution.fail(new AvmError.UnauthorizedTransfer({ id, controller: from.value }))
  }
  // D19, A3: the first controller of an object is given without a lock.
  if (Option.isSome(Execution.ownerOf(x, id, object))) Execution.claim(x, id, object)
  Execution.update(x, id, (object) => World.withMetadata(object, { currentController: Option.some(controller) }))
  const tx = x.session.tx
  if (tx !== undefined) {
    Execution.changeTx(x, { transfers: Transaction.entered(tx.transfers, id, controller), changed: true })
  }
  // A18
  Execution.log(x, new TraceEvent.ObjectTransferred({ id, from, to: controller }))
  return true
}

/**
 * @since 0.1.0
 * @category rules
 */
export const freeze = (x: X, { id }: Controller.Freeze["args"]): Option.Option<boolean> => {
  // D21, A4: these answers lock nothing.
  const object = Execution.look(x, id)
  if (object === undefined) return Option.some(false)
  const owner = Execution.ownerOf(x, id, object)
  if (Option.isNone(owner)) return Option.none()
  if (!Execution.isReachable(x, owner.value)) return Option.some(false)
  const deferred = x.session.tx?.controller ?? Option.none()
  Execution.claim(x, id, object)
  const frozen = Execution.outcomeOf(() => reconcile(x, id))
  if (frozen._tag === "Left") {
    // A33: a failed access locks nothing.
    Execution.changeTx(x, { controller: deferred })
    return Execution.fail(frozen.left)
  }
  Execution.changeTx(x, { changed: true })
  // A22
  Execution.log(x, new TraceEvent.ObjectFrozen({ id, controller: owner.value }))
  return Option.some(true)
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

/** A26: the inputs of each replica, by machine name, then in order of acceptance; then all replicas are equal. */
const reconcile = (x: X, id: ObjectId.ObjectId): void => {
  Execution.markRead(x, id, "replicas")
  const object = Execution.peek(x, id)
  const machines = [...object?.replicas.keys() ?? []].sort()
  // Also when it fails, that depends on the state.
  if (object !== undefined && machines.length > 0) Execution.stateOf(x, id, object)
  const before = { world: x.world, session: x.session }
  try {
    for (const machine of machines) replay(x, id, machine)
  } catch (thrown) {
    if (!(thrown instanceof Diverged)) throw thrown
    // Nothing changed.
    x.world = before.world
    x.session = before.session
    Execution.fail(new AvmError.FreezeFailed({ id }))
  }
  for (const machine of machines) {
    Execution.update(
      x,
      id,
      (object) => World.withReplica(object, machine, { state: Execution.stateOf(x, id, object), accepted: [] })
    )
  }
  // A22: replaying writes no entries.
  x.session = { ...x.session, trace: before.session.trace }
}

const replay = (x: X, id: ObjectId.ObjectId, machine: MachineId.MachineId): void => {
  const object = Execution.peek(x, id)
  const script = x.world.behaviours.get(object?.behaviour ?? "")
  for (const { answers, input, sender } of object?.replicas.get(machine)?.accepted ?? []) {
    if (script === undefined) throw new Diverged()
    const frame = {
      self: id,
      input,
      sender,
      machine,
      replicaAt: Option.none(),
      answers: [],
      replay: Option.some(answers),
      before: Option.none(),
      rejected: []
    }
    // How it ends does not matter: what it did to the state does, and its entry in the history.
    Execution.outcomeOf(() => activate(x, frame, script))
  }
}
