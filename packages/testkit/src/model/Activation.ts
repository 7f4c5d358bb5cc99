/**
 * What happens when a behaviour runs: its frame, its instructions, its history (A26, A42), and what it leaves behind (D15).
 *
 * @since 0.1.0
 */
import { AvmError, Instr, Introspect, type ObjectId, TraceEvent, Val } from "@effect-avm/core"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { Instruction, Request, Script } from "../Script.js"
import * as Execution from "./Execution.js"
import * as World from "./World.js"

type X = Execution.Execution

/**
 * A replayed behaviour asks something else than it asked at the replica (A26).
 *
 * @since 0.1.0
 * @category errors
 */
export class Diverged {}

/**
 * Runs a behaviour in a frame of its own and gives the caller its frame back, whatever happened (D5).
 *
 * @since 0.1.0
 * @category operations
 */
export const activate = (x: X, frame: Execution.Frame, script: Script): ReadonlyArray<Val.Val> => {
  const callers = x.session.frames
  const [root, ...called] = callers
  x.session = { ...x.session, frames: [root, ...called, frame] }
  const outcome = closing(x, Execution.outcomeOf(() => play(x, script)))
  const closed = Either.flatMap(outcome, (outputs) => Either.map(Val.fromUnknown(outputs), () => outputs))
  // D7: a refusal of this very object does not enter its history. Every other end does, so that replaying gives the state.
  // A refusal that it was given itself, and passes on, is not its own.
  const refused = Either.isLeft(closed) && isRefusal(closed.left, frame.self) && !delivered.has(closed.left)
  if (Either.isLeft(closed)) delivered.add(closed.left)
  if (!refused) accept(x)
  // D15: in a replay, a transaction that it left open is undone as well.
  undo(x)
  x.session = { ...x.session, frames: callers }
  return Execution.unwrap(closed)
}

/**
 * Drives a script in the running frame: each yielded instruction is executed, each answer handed back.
 *
 * @since 0.1.0
 * @category operations
 */
export const play = (x: X, script: Script): ReadonlyArray<Val.Val> => {
  const generator = script()
  let next = generator.next()
  while (next.done !== true) next = generator.next(perform(x, next.value))
  return next.value
}

/**
 * One yielded value in the running frame. A failure is thrown, and ends the script.
 *
 * @since 0.1.0
 * @category operations
 */
export const perform = (x: X, request: Request): unknown => {
  switch (request._tag) {
    case "Script.attempt":
      return Execution.outcomeOf(() => instruct(x, request.instruction))
    case "Script.reject": {
      const { input, self } = Execution.running(x)
      return Execution.fail(new AvmError.ObjectRejectedCall({ id: self, input }))
    }
    case "Script.toggle":
      x.world = World.toggle(x.world, request)
      return undefined
    default:
      return instruct(x, request)
  }
}

/**
 * Undoes everything the transaction did to the store (D14), which is to forget its view, and to the root's state (A11).
 *
 * @since 0.1.0
 * @category operations
 */
export const abort = (x: X): void => {
  const tx = x.session.tx
  if (tx === undefined) return
  Execution.log(x, new TraceEvent.TransactionAborted({ tx: tx.id }))
  x.session = {
    ...x.session,
    tx: undefined,
    rootState: tx.rootState,
    constraints: tx.constraints,
    finished: new Map(x.session.finished).set(tx.id, "aborted")
  }
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const instruct = (x: X, instruction: Instruction): unknown => {
  const { replay, replicaAt } = Execution.running(x)
  // A26: an activation's own getState and setState are executed in a replay, the rest answers what it answered.
  if (instruction._tag === "Introspect.getState" || instruction._tag === "Introspect.setState") {
    return x.execute(x, instruction)
  }
  if (Option.isSome(replay)) {
    const [recorded, ...rest] = replay.value
    if (recorded === undefined || recorded.instruction !== Instr.format(instruction)) throw new Diverged()
    Execution.changeFrame(x, { replay: Option.some(rest) })
    follow(x, instruction, recorded.answer)
    return Execution.unwrap(recorded.answer)
  }
  const answer = Execution.outcomeOf(() => x.execute(x, instruction))
  if (Option.isSome(replicaAt)) {
    const recorded = { instruction: Instr.format(instruction), answer }
    Execution.changeFrame(x, { answers: [...Execution.running(x).answers, recorded] })
  }
  return Execution.unwrap(answer)
}

/** D15: a transaction that the running frame leaves open is aborted; if it returns, the call fails, else it fails as it did. */
const closing = <A>(x: X, outcome: Either.Either<A, AvmError.AvmError>): Either.Either<A, AvmError.AvmError> => {
  if (x.session.tx?.depth !== x.session.frames.length) return outcome
  abort(x)
  // A14: the instruction that left it open.
  return Either.isLeft(outcome) ? outcome : Either.left(new AvmError.InvalidDuringTx({ what: "beginTx" }))
}

/** D14: transactions are answered in a replay, not run; but what was undone at first is undone again. */
const follow = (x: X, { _tag }: Instruction, answer: World.Recorded["answer"]): void => {
  if (_tag === "Tx.begin" && Either.isRight(answer)) {
    const before = Execution.outcomeOf(() => x.execute(x, Introspect.getState) as Val.Val) // a state is a `Val`
    Execution.changeFrame(x, { before: Either.getRight(before) })
  } else if (_tag === "Tx.abort" && Either.isRight(answer)) undo(x)
  else if (_tag === "Tx.commit") {
    if (Either.isRight(answer)) Execution.changeFrame(x, { before: Option.none() })
    else if (answer.left._tag === "TxConflict" || answer.left._tag === "Unsatisfiable") undo(x)
  }
}

const undo = (x: X): void => {
  const { before } = Execution.running(x)
  if (Option.isNone(before)) return
  const now = Execution.outcomeOf(() => x.execute(x, Introspect.getState) as Val.Val) // a state is a `Val`
  if (Either.isRight(now) && !Val.equals(now.right, before.value)) x.execute(x, Introspect.setState(before.value))
  Execution.changeFrame(x, { before: Option.none() })
}

/** The refusals that have reached a caller. */
const delivered = new WeakSet<AvmError.AvmError>()

const isRefusal = (error: AvmError.AvmError, self: ObjectId.ObjectId): boolean =>
  (error._tag === "InvalidInput" || error._tag === "ObjectRejectedCall") && error.id.value === self.value

/** Enters the running frame's message where it was served: at the replica (D20), or at the object. */
const accept = (x: X): void => {
  const { answers, input, replicaAt, self, sender } = Execution.running(x)
  const object = Execution.peek(x, self)
  // D4: nothing is written to what is gone.
  if (object === undefined) return
  if (Option.isSome(replicaAt)) {
    const replica = object.replicas.get(replicaAt.value)
    if (replica === undefined) return
    const accepted = [...replica.accepted, { input, sender, answers }]
    return Execution.update(x, self, (object) => World.withReplica(object, replicaAt.value, { ...replica, accepted }))
  }
  Execution.update(x, self, (object) => World.withHistory(object, { input, sender }))
  const tx = x.session.tx
  if (tx !== undefined) {
    Execution.changeTx(x, { writes: [...tx.writes, [self, { input, sender }]], changed: true })
  }
}
