/**
 * What can be seen of an execution: one entry per state-modifying instruction, in the order in which
 * they complete. Pinned by the vectors of `test/conformance`.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { AvmError, isAvmError } from "./AvmError.js"
import { ControllerId } from "./ControllerId.js"
import { opaque } from "./internal/schema.js"
import { MachineId } from "./MachineId.js"
import { ObjectId } from "./ObjectId.js"
import { TxId } from "./TxId.js"
import { isVal, type Val, ValFromJson } from "./Val.js"

/**
 * An object was created; inside a transaction it is pending until commit.
 *
 * @since 0.1.0
 * @category events
 */
export class ObjectCreated
  extends Schema.TaggedClass<ObjectCreated>("@effect-avm/core/ObjectCreated")("ObjectCreated", {
    id: ObjectId,
    behaviour: Schema.String
  })
{}

/**
 * An object was destroyed; inside a transaction this is pending until commit.
 *
 * @since 0.1.0
 * @category events
 */
export class ObjectDestroyed
  extends Schema.TaggedClass<ObjectDestroyed>("@effect-avm/core/ObjectDestroyed")("ObjectDestroyed", { id: ObjectId })
{}

/**
 * A call ended well. It comes after the entries of what the callee did.
 *
 * @since 0.1.0
 * @category events
 */
export class ObjectCalled extends Schema.TaggedClass<ObjectCalled>("@effect-avm/core/ObjectCalled")("ObjectCalled", {
  id: ObjectId,
  input: ValFromJson,
  output: Schema.Option(ValFromJson)
}) {}

/**
 * A message left for a turn of its own (D24).
 *
 * @since 0.1.0
 * @category events
 */
export class MessageSent extends Schema.TaggedClass<MessageSent>("@effect-avm/core/MessageSent")("MessageSent", {
  from: ObjectId,
  to: ObjectId,
  input: ValFromJson
}) {}

/**
 * A message was taken from the mailbox (D23).
 *
 * @since 0.1.0
 * @category events
 */
export class MessageReceived
  extends Schema.TaggedClass<MessageReceived>("@effect-avm/core/MessageReceived")("MessageReceived", {
    id: ObjectId,
    input: ValFromJson
  })
{}

/**
 * The state of the running object, or of the program itself (A11), was set.
 *
 * @since 0.1.0
 * @category events
 */
export class StateUpdated
  extends Schema.TaggedClass<StateUpdated>("@effect-avm/core/StateUpdated")("StateUpdated", { id: ObjectId })
{}

/**
 * An object went to another machine, or is told to stay where it is.
 *
 * @since 0.1.0
 * @category events
 */
export class ObjectMoved extends Schema.TaggedClass<ObjectMoved>("@effect-avm/core/ObjectMoved")("ObjectMoved", {
  id: ObjectId,
  from: MachineId,
  to: MachineId
}) {}

/**
 * The running frame went on at another machine (D22).
 *
 * @since 0.1.0
 * @category events
 */
export class ExecutionMoved
  extends Schema.TaggedClass<ExecutionMoved>("@effect-avm/core/ExecutionMoved")("ExecutionMoved", {
    from: MachineId,
    to: MachineId
  })
{}

/**
 * A replica of the object is on the machine now (D20).
 *
 * @since 0.1.0
 * @category events
 */
export class ObjectFetched
  extends Schema.TaggedClass<ObjectFetched>("@effect-avm/core/ObjectFetched")("ObjectFetched", {
    id: ObjectId,
    machine: MachineId
  })
{}

/**
 * An object was given to a controller; no `from` for its first one (D19).
 *
 * @since 0.1.0
 * @category events
 */
export class ObjectTransferred
  extends Schema.TaggedClass<ObjectTransferred>("@effect-avm/core/ObjectTransferred")("ObjectTransferred", {
    id: ObjectId,
    from: Schema.Option(ControllerId),
    to: ControllerId
  })
{}

/**
 * The replicas of the object were reconciled through its controller (D21).
 *
 * @since 0.1.0
 * @category events
 */
export class ObjectFrozen extends Schema.TaggedClass<ObjectFrozen>("@effect-avm/core/ObjectFrozen")("ObjectFrozen", {
  id: ObjectId,
  controller: ControllerId
}) {}

/**
 * A pure function got its name.
 *
 * @since 0.1.0
 * @category events
 */
export class FunctionRegistered
  extends Schema.TaggedClass<FunctionRegistered>("@effect-avm/core/FunctionRegistered")("FunctionRegistered", {
    name: Schema.String
  })
{}

/**
 * A pure function was replaced.
 *
 * @since 0.1.0
 * @category events
 */
export class FunctionUpdated
  extends Schema.TaggedClass<FunctionUpdated>("@effect-avm/core/FunctionUpdated")("FunctionUpdated", {
    name: Schema.String
  })
{}

/**
 * A transaction was begun.
 *
 * @since 0.1.0
 * @category events
 */
export class TransactionStarted
  extends Schema.TaggedClass<TransactionStarted>("@effect-avm/core/TransactionStarted")("TransactionStarted", {
    tx: TxId
  })
{}

/**
 * A transaction took effect.
 *
 * @since 0.1.0
 * @category events
 */
export class TransactionCommitted
  extends Schema.TaggedClass<TransactionCommitted>("@effect-avm/core/TransactionCommitted")("TransactionCommitted", {
    tx: TxId
  })
{}

/**
 * A transaction was undone; also by a commit that conflicts (A9).
 *
 * @since 0.1.0
 * @category events
 */
export class TransactionAborted
  extends Schema.TaggedClass<TransactionAborted>("@effect-avm/core/TransactionAborted")("TransactionAborted", {
    tx: TxId
  })
{}

/**
 * A failure in a trace: an `AvmError` as itself, anything else as data. It always encodes.
 */
const FailureFromJson: Schema.Schema<unknown> = Schema.transform(Schema.Unknown, Schema.Unknown, {
  strict: true,
  decode: (json) => Option.getOrElse(Schema.decodeUnknownOption(AvmError)(json), () => json),
  encode: (failure) =>
    isAvmError(failure) ? Schema.encodeSync(AvmError)(failure) : Schema.encodeSync(ValFromJson)(describe(failure))
})

/**
 * Something thrown or failed with, as a `Val`: what is one stays as it is, an error keeps its tag, name, message and
 * fields, the rest is printed.
 *
 * @since 0.1.0
 * @category conversions
 */
export const describe = (failure: unknown): Val => {
  if (isVal(failure)) return failure
  if (typeof failure !== "object" || failure === null) return String(failure)
  const described: Record<string, Val> = {}
  if (failure instanceof Error) {
    described.name = failure.name
    described.message = failure.message
  }
  for (const [key, value] of Object.entries(failure)) {
    if (isVal(value)) described[key] = value
  }
  return described
}

/**
 * The program or a turn failed (A9, A39): an `AvmError`, or the application's own error encoded.
 *
 * @since 0.1.0
 * @category events
 */
export class ErrorOccurred
  extends Schema.TaggedClass<ErrorOccurred>("@effect-avm/core/ErrorOccurred")("ErrorOccurred", {
    error: FailureFromJson
  })
{}

/**
 * @since 0.1.0
 * @category events
 */
export type TraceEvent =
  | ObjectCreated
  | ObjectDestroyed
  | ObjectCalled
  | MessageSent
  | MessageReceived
  | StateUpdated
  | ObjectMoved
  | ExecutionMoved
  | ObjectFetched
  | ObjectTransferred
  | ObjectFrozen
  | FunctionRegistered
  | FunctionUpdated
  | TransactionStarted
  | TransactionCommitted
  | TransactionAborted
  | ErrorOccurred

/**
 * @since 0.1.0
 * @category schemas
 */
export const TraceEvent: Schema.Schema<TraceEvent, unknown> = opaque(Schema.Union(
  ObjectCreated,
  ObjectDestroyed,
  ObjectCalled,
  MessageSent,
  MessageReceived,
  StateUpdated,
  ObjectMoved,
  ExecutionMoved,
  ObjectFetched,
  ObjectTransferred,
  ObjectFrozen,
  FunctionRegistered,
  FunctionUpdated,
  TransactionStarted,
  TransactionCommitted,
  TransactionAborted,
  ErrorOccurred
))

/**
 * `timestamp` counts within one execution; `executingController` is the running transaction's (A10).
 *
 * @since 0.1.0
 * @category events
 */
export class TraceEntry extends Schema.Class<TraceEntry>("@effect-avm/core/TraceEntry")({
  timestamp: Schema.Int,
  event: TraceEvent,
  executingController: Schema.Option(ControllerId)
}) {}
