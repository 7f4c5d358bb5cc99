/**
 * The rules of Machine: where execution, objects and replicas are.
 *
 * @since 0.1.0
 */
import { AvmError, type Machine, type MachineId, TraceEvent } from "@effect-avm/core"
import * as Option from "effect/Option"
import * as Execution from "../Execution.js"
import * as Transaction from "../Transaction.js"
import * as World from "../World.js"

type X = Execution.Execution

/**
 * D9: a query neither locks nor fails.
 *
 * @since 0.1.0
 * @category rules
 */
export const getMachine = (x: X, { id }: Machine.GetMachine["args"]): Option.Option<MachineId.MachineId> =>
  Option.map(Option.fromNullable(Execution.look(x, id)), ({ metadata }) => metadata.machine)

/**
 * @since 0.1.0
 * @category rules
 */
export const teleport = (x: X, { machine }: Machine.Teleport["args"]): true => {
  if (x.session.tx !== undefined) Execution.fail(new AvmError.TeleportDuringTx())
  Execution.demandMachine(x, machine)
  const from = Execution.running(x).machine
  Execution.changeFrame(x, { machine })
  // D22
  Execution.log(x, new TraceEvent.ExecutionMoved({ from, to: machine }))
  return true
}

/**
 * @since 0.1.0
 * @category rules
 */
export const moveObject = (x: X, { id, machine }: Machine.MoveObject["args"]): true => {
  const object = Execution.look(x, id) ?? Execution.fail(new AvmError.ObjectNotFound({ id }))
  Execution.demandMachine(x, machine)
  // D11
  Execution.claim(x, id, object)
  // D18
  if (Execution.isForeign(x, object)) Execution.fail(new AvmError.ObjectNotAvailable({ id }))
  Execution.update(x, id, (object) => {
    const moved = World.withMetadata(object, { machine })
    // A25: the replica on that machine disappears.
    return moved.replicas.has(machine) ? World.withReplica(moved, machine, undefined) : moved
  })
  const tx = x.session.tx
  if (tx !== undefined) Execution.changeTx(x, { moves: Transaction.entered(tx.moves, id, machine), changed: true })
  // A18, D22
  Execution.log(x, new TraceEvent.ObjectMoved({ id, from: object.metadata.machine, to: machine }))
  return true
}

/**
 * @since 0.1.0
 * @category rules
 */
export const fetch = (x: X, { id }: Machine.Fetch["args"]): boolean => {
  const object = Execution.look(x, id)
  if (object === undefined) return false
  const here = Execution.running(x).machine
  // A21: what is here, or has a replica here, stays as it is, and nobody else need be reached.
  const isHere = object.metadata.machine === here || object.replicas.has(here)
  // A29
  if (!isHere) Execution.demandMachine(x, object.metadata.machine)
  // D11
  Execution.claim(x, id, object)
  // D20; A21: that there is none here has been read.
  if (!isHere) {
    Execution.markRead(x, id, "replicas")
    const replica = { state: Execution.stateOf(x, id, object), accepted: [] }
    Execution.update(x, id, (object) => World.withReplica(object, here, replica))
  }
  Execution.changeTx(x, { changed: true })
  Execution.log(x, new TraceEvent.ObjectFetched({ id, machine: here }))
  return true
}
