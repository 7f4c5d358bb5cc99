/**
 * One program in a world, while an instruction is being executed: a cell with two immutable values in it, the world and
 * the session. The rules replace them; `Model` copies them in and out, so that seen from there a step is a function.
 *
 * A typed failure is thrown as a `Failure`, so that a rule reads as the list of its checks. Anything else that is thrown
 * is a defect, and passes through.
 *
 * @since 0.1.0
 */
import {
  AvmError,
  type ControllerId,
  type MachineId,
  type ObjectId,
  TraceEvent,
  type TxId,
  Val
} from "@effect-avm/core"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { Instruction } from "../Script.js"
import type { Constraints } from "./rules/Constraints.js"
import * as Transaction from "./Transaction.js"
import * as World from "./World.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * The running object's context.
 *
 * @since 0.1.0
 * @category models
 */
export interface Frame {
  readonly self: ObjectId.ObjectId
  readonly input: Val.Val
  readonly sender: Option.Option<ObjectId.ObjectId>
  readonly machine: MachineId.MachineId
  /** The machine whose replica serves this activation, if one does (A25). */
  readonly replicaAt: Option.Option<MachineId.MachineId>
  /** What this activation's instructions have answered so far, for later replays of a replica's inputs. */
  readonly answers: ReadonlyArray<World.Recorded>
  /** While an input is replayed (A26): the answers still to be given. */
  readonly replay: Option.Option<ReadonlyArray<World.Recorded>>
  /** While an input is replayed: the state before a transaction that was not finished so far (D14). */
  readonly before: Option.Option<Val.Val>
  /** The labels that its aborted transactions have tried, as paths (D28). */
  readonly rejected: ReadonlyArray<string>
}

/**
 * One program: its frames (the first is the root, the last is running), its transaction, its trace.
 *
 * @since 0.1.0
 * @category models
 */
export interface Session {
  readonly frames: readonly [root: Frame, ...called: ReadonlyArray<Frame>]
  /** A11: the root frame has a state of its own. */
  readonly rootState: Val.Val
  readonly tx: Transaction.Transaction | undefined
  /** A8: finished ids are remembered per program. */
  readonly finished: ReadonlyMap<TxId.TxId, "committed" | "aborted">
  readonly trace: ReadonlyArray<TraceEvent.TraceEntry>
  /** Its variables, as the open transaction has them. */
  readonly constraints: Constraints
  /** How many variables were ever made: no id is used again. */
  readonly variables: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Execution {
  world: World.World
  session: Session
  /** What an instruction means: the rules, which activations of behaviours come back to. */
  readonly execute: (x: Execution, instruction: Instruction) => unknown
}

// ---------------------------------------------------------------------------
// failing
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category errors
 */
export class Failure {
  constructor(readonly error: AvmError.AvmError) {}
}

/**
 * @since 0.1.0
 * @category operations
 */
export const fail = (error: AvmError.AvmError): never => {
  throw new Failure(error)
}

/**
 * @since 0.1.0
 * @category operations
 */
export const outcomeOf = <A>(body: () => A): Either.Either<A, AvmError.AvmError> => {
  try {
    return Either.right(body())
  } catch (thrown) {
    if (thrown instanceof Failure) return Either.left(thrown.error)
    throw thrown
  }
}

/**
 * @since 0.1.0
 * @category operations
 */
export const unwrap = <A>(outcome: Either.Either<A, AvmError.AvmError>): A =>
  Either.isRight(outcome) ? outcome.right : fail(outcome.left)

/**
 * What is no `Val` is refused with the path to the culprit.
 *
 * @since 0.1.0
 * @category operations
 */
export const valid = (offered: unknown): Val.Val => unwrap(Val.fromUnknown(offered))

// ---------------------------------------------------------------------------
// frames
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category operations
 */
export const running = (x: Execution): Frame => x.session.frames[x.session.frames.length - 1] ?? x.session.frames[0]

/**
 * @since 0.1.0
 * @category operations
 */
export const isRoot = (x: Execution): boolean => x.session.frames.length === 1

/**
 * @since 0.1.0
 * @category operations
 */
export const changeFrame = (x: Execution, change: Partial<Frame>): void =>
  changeFrameAt(x, x.session.frames.length - 1, change)

/**
 * The same for a frame that has called the running one.
 *
 * @since 0.1.0
 * @category operations
 */
export const changeFrameAt = (x: Execution, depth: number, change: Partial<Frame>): void => {
  const changed = (frame: Frame, at: number): Frame => at === depth ? { ...frame, ...change } : frame
  const [root, ...called] = x.session.frames
  x.session = { ...x.session, frames: [changed(root, 0), ...called.map((frame, at) => changed(frame, at + 1))] }
}

// ---------------------------------------------------------------------------
// the store at hand
// ---------------------------------------------------------------------------

/**
 * In a transaction the snapshot with its own changes, outside what is committed.
 *
 * @since 0.1.0
 * @category operations
 */
export const visible = (x: Execution): World.Store => x.session.tx?.view ?? x.world.store

/**
 * @since 0.1.0
 * @category operations
 */
export const setVisible = (x: Execution, store: World.Store): void => {
  if (x.session.tx === undefined) x.world = { ...x.world, store }
  else changeTx(x, { view: store })
}

/**
 * Looks without leaving a mark in the read set.
 *
 * @since 0.1.0
 * @category operations
 */
export const peek = (x: Execution, id: ObjectId.ObjectId): World.StoredObject | undefined =>
  visible(x).objects.get(id.value)

/**
 * Finds the object, or finds it missing; both enter the read set.
 *
 * @since 0.1.0
 * @category operations
 */
export const look = (x: Execution, id: ObjectId.ObjectId): World.StoredObject | undefined => {
  markRead(x, id, "metadata")
  return peek(x, id)
}

/**
 * @since 0.1.0
 * @category operations
 */
export const update = (
  x: Execution,
  id: ObjectId.ObjectId,
  change: (object: World.StoredObject) => World.StoredObject
): void => {
  const object = peek(x, id)
  if (object !== undefined) setVisible(x, World.withObject(visible(x), id.value, change(object)))
}

// ---------------------------------------------------------------------------
// the transaction
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category operations
 */
export const changeTx = (x: Execution, change: Partial<Transaction.Transaction>): void => {
  const tx = x.session.tx
  if (tx !== undefined) x.session = { ...x.session, tx: { ...tx, ...change } }
}

/**
 * Enters a read of a committed or missing object; a pending creation is nobody else's (A15).
 *
 * @since 0.1.0
 * @category operations
 */
export const markRead = (x: Execution, id: ObjectId.ObjectId, part: Transaction.Part): void => {
  const tx = x.session.tx
  if (tx === undefined || tx.creates.has(id.value)) return
  const parts = tx.snapshot.objects.has(id.value) ? [...tx.reads.get(id.value)?.[1] ?? [], part] : []
  changeTx(x, {
    reads: Transaction.entered(tx.reads, id, new Set(parts)),
    observed: Transaction.entered(tx.observed, id, true)
  })
}

/**
 * A11, A34: the state of an object is read apart from its metadata; what the transaction wrote itself is no read.
 *
 * @since 0.1.0
 * @category operations
 */
export const stateOf = (x: Execution, id: ObjectId.ObjectId, object: World.StoredObject): Val.Val => {
  if (x.session.tx?.states.has(id.value) !== true) markRead(x, id, "state")
  return object.state
}

// ---------------------------------------------------------------------------
// reachability, ownership
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category operations
 */
export const demandMachine = (x: Execution, machine: MachineId.MachineId): void => {
  if (x.world.unreachableMachines.has(machine)) fail(new AvmError.MachineUnreachable({ machine }))
}

/**
 * @since 0.1.0
 * @category operations
 */
export const isReachable = (x: Execution, controller: ControllerId.ControllerId): boolean =>
  !x.world.unreachableControllers.has(controller)

/**
 * @since 0.1.0
 * @category operations
 */
export const demandController = (x: Execution, controller: ControllerId.ControllerId): void => {
  if (!isReachable(x, controller)) fail(new AvmError.ControllerUnreachable({ controller }))
}

/**
 * A2: ownership goes by the owner in the snapshot; of a pending creation, by the controller it was created for.
 *
 * @since 0.1.0
 * @category operations
 */
export const ownerOf = (
  x: Execution,
  id: ObjectId.ObjectId,
  { metadata }: World.StoredObject
): Option.Option<ControllerId.ControllerId> => {
  const tx = x.session.tx
  if (tx === undefined) return metadata.currentController
  if (tx.creates.has(id.value)) return metadata.creatingController
  return (tx.snapshot.objects.get(id.value)?.metadata ?? metadata).currentController
}

/**
 * D10: a deferred transaction is locked to the controller, if it is reachable; a locked one has this controller or fails.
 *
 * @since 0.1.0
 * @category operations
 */
export const lock = (x: Execution, id: ObjectId.ObjectId, controller: ControllerId.ControllerId): void => {
  const tx = x.session.tx
  if (tx === undefined) return
  // A43: a turn that is locked to none.
  if (tx.orphan !== undefined) fail(new AvmError.CrossControllerTx({ id, controller }))
  if (Option.isNone(tx.controller)) {
    demandController(x, controller)
    changeTx(x, { controller: Option.some(controller) })
  } else if (tx.controller.value !== controller) fail(new AvmError.CrossControllerTx({ id, controller }))
}

/**
 * Accesses an object in a transaction. The caller does it last: a failed access locks nothing (A33).
 *
 * @since 0.1.0
 * @category operations
 */
export const claim = (x: Execution, id: ObjectId.ObjectId, object: World.StoredObject): void => {
  const tx = x.session.tx
  // A1: a pending creation can be used whatever its controller, and locks nothing.
  if (tx === undefined || tx.creates.has(id.value)) return
  const owner = ownerOf(x, id, object)
  if (Option.isNone(owner) && tx.orphan === id.value) return
  if (Option.isNone(owner)) fail(new AvmError.ObjectHasNoController({ id }))
  else lock(x, id, owner.value)
}

/**
 * D18: is the object another controller's than the home controller, outside a transaction?
 *
 * @since 0.1.0
 * @category operations
 */
export const isForeign = (x: Execution, { metadata: { currentController } }: World.StoredObject): boolean =>
  x.session.tx === undefined && Option.isSome(x.world.home) && Option.isSome(currentController) &&
  currentController.value !== x.world.home.value

// ---------------------------------------------------------------------------
// trace
// ---------------------------------------------------------------------------

/**
 * A10: an entry carries the running transaction's controller.
 *
 * @since 0.1.0
 * @category operations
 */
export const log = (
  x: Execution,
  event: TraceEvent.TraceEvent,
  executingController: Option.Option<ControllerId.ControllerId> = x.session.tx?.controller ?? Option.none()
): void => {
  const trace = x.session.trace
  const entry = new TraceEvent.TraceEntry({ timestamp: trace.length, event, executingController })
  x.session = { ...x.session, trace: [...trace, entry] }
}
