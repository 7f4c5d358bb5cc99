/**
 * Everything that can go wrong, one flat class each. They carry ids, not prose, and they travel: traces and remote calls
 * hold the same values. The message, for people, is derived from what they carry when somebody looks.
 *
 * Their encoded form is JSON. The unions mirror the levels of the instruction set; what is in none of them belongs to a
 * place that asks for it. Pinned by `test/core/AvmError.test.ts`.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { ControllerId } from "./ControllerId.js"
import { reasonOf } from "./internal/reasons.js"
import { data, Listed, say } from "./internal/saying.js"
import { opaque } from "./internal/schema.js"
import { MachineId } from "./MachineId.js"
import { ObjectId } from "./ObjectId.js"
import { TxId } from "./TxId.js"
import { InvalidVal, ValFromJson } from "./Val.js"

// ---------------------------------------------------------------------------
// ObjError
// ---------------------------------------------------------------------------

/**
 * The object was never created here, or its destruction has been committed.
 *
 * @since 0.1.0
 * @category errors
 */
export class ObjectNotFound
  extends Schema.TaggedError<ObjectNotFound>("@effect-avm/core/ObjectNotFound")("ObjectNotFound", { id: ObjectId })
{
  override get message(): string {
    return say`there is no object ${this.id}`
  }
}

/**
 * Only `Obj.destroy` says so (A6); to every other instruction the object is missing.
 *
 * @since 0.1.0
 * @category errors
 */
export class ObjectAlreadyDestroyed
  extends Schema.TaggedError<ObjectAlreadyDestroyed>("@effect-avm/core/ObjectAlreadyDestroyed")(
    "ObjectAlreadyDestroyed",
    {
      id: ObjectId
    }
  )
{
  override get message(): string {
    return say`${this.id} has been destroyed before`
  }
}

/**
 * The id is taken already.
 *
 * @since 0.1.0
 * @category errors
 */
export class ObjectAlreadyExists
  extends Schema.TaggedError<ObjectAlreadyExists>("@effect-avm/core/ObjectAlreadyExists")("ObjectAlreadyExists", {
    id: ObjectId
  })
{
  override get message(): string {
    return say`there is an object ${this.id} already`
  }
}

/**
 * The protocol of the behaviour cannot decode the message (D7).
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidInput extends Schema.TaggedError<InvalidInput>("@effect-avm/core/InvalidInput")("InvalidInput", {
  id: ObjectId,
  input: ValFromJson
}) {
  override get message(): string {
    const reason = reasonOf(this)
    return say`${this.id} cannot take ${data(this.input)}` + (reason === undefined ? "" : `: ${reason}`)
  }
}

/**
 * The behaviour refused the message (`Behaviour.reject`, D7).
 *
 * @since 0.1.0
 * @category errors
 */
export class ObjectRejectedCall
  extends Schema.TaggedError<ObjectRejectedCall>("@effect-avm/core/ObjectRejectedCall")("ObjectRejectedCall", {
    id: ObjectId,
    input: ValFromJson
  })
{
  override get message(): string {
    return say`${this.id} rejected ${data(this.input)}`
  }
}

/**
 * The metadata of the object cannot be understood.
 *
 * @since 0.1.0
 * @category errors
 */
export class MetadataCorruption
  extends Schema.TaggedError<MetadataCorruption>("@effect-avm/core/MetadataCorruption")("MetadataCorruption", {
    id: ObjectId
  })
{
  override get message(): string {
    return say`the metadata of ${this.id} cannot be understood`
  }
}

/**
 * No behaviour of this name is registered with the machine (D3).
 *
 * @since 0.1.0
 * @category errors
 */
export class BehaviourNotFound
  extends Schema.TaggedError<BehaviourNotFound>("@effect-avm/core/BehaviourNotFound")("BehaviourNotFound", {
    name: Schema.String
  })
{
  override get message(): string {
    return say`no behaviour ${this.name} is registered with the machine`
  }
}

/**
 * A typed callee failed with an error its protocol declares, seen by a caller that knows no protocol; `error` is
 * its encoded form. A typed reference shows the declared error itself instead.
 *
 * @since 0.1.0
 * @category errors
 */
export class CalleeFailed extends Schema.TaggedError<CalleeFailed>("@effect-avm/core/CalleeFailed")("CalleeFailed", {
  id: ObjectId,
  error: ValFromJson
}) {
  override get message(): string {
    return say`${this.id} failed with ${data(this.error)}`
  }
}

/**
 * The mailbox of `id` takes no more; nothing was sent.
 *
 * @since 0.1.0
 * @category errors
 */
export class MailboxFull
  extends Schema.TaggedError<MailboxFull>("@effect-avm/core/MailboxFull")("MailboxFull", { id: ObjectId })
{
  override get message(): string {
    return say`the mailbox of ${this.id} is full`
  }
}

export { InvalidVal }

/**
 * @since 0.1.0
 * @category errors
 */
export type ObjError =
  | ObjectNotFound
  | ObjectAlreadyDestroyed
  | ObjectAlreadyExists
  | InvalidInput
  | ObjectRejectedCall
  | MetadataCorruption
  | BehaviourNotFound
  | CalleeFailed
  | InvalidVal
  | MailboxFull

// ---------------------------------------------------------------------------
// IntrospectError
// ---------------------------------------------------------------------------

/**
 * The running object destroyed itself outside a transaction, so it has no state any more (A7).
 *
 * @since 0.1.0
 * @category errors
 */
export class ContextUnavailable
  extends Schema.TaggedError<ContextUnavailable>("@effect-avm/core/ContextUnavailable")("ContextUnavailable", {
    message: Schema.String
  })
{}

/**
 * @since 0.1.0
 * @category errors
 */
export type IntrospectError =
  | ContextUnavailable
  | InvalidVal

// ---------------------------------------------------------------------------
// ReflectError
// ---------------------------------------------------------------------------

/**
 * The object has no metadata.
 *
 * @since 0.1.0
 * @category errors
 */
export class MetadataNotFound
  extends Schema.TaggedError<MetadataNotFound>("@effect-avm/core/MetadataNotFound")("MetadataNotFound", {
    id: ObjectId
  })
{
  override get message(): string {
    return say`${this.id} has no metadata`
  }
}

/**
 * The metadata of the object contradicts itself.
 *
 * @since 0.1.0
 * @category errors
 */
export class MetadataInconsistent
  extends Schema.TaggedError<MetadataInconsistent>("@effect-avm/core/MetadataInconsistent")("MetadataInconsistent", {
    id: ObjectId,
    message: Schema.String
  })
{}

/**
 * What the store holds cannot be understood.
 *
 * @since 0.1.0
 * @category errors
 */
export class StoreCorruption
  extends Schema.TaggedError<StoreCorruption>("@effect-avm/core/StoreCorruption")("StoreCorruption", {
    message: Schema.String
  })
{}

/**
 * The predicate given to a scry threw; the message is what it threw (D26).
 *
 * @since 0.1.0
 * @category errors
 */
export class ScryPredicateFailed
  extends Schema.TaggedError<ScryPredicateFailed>("@effect-avm/core/ScryPredicateFailed")("ScryPredicateFailed", {
    message: Schema.String
  })
{}

/**
 * The object may not be looked at.
 *
 * @since 0.1.0
 * @category errors
 */
export class ReflectionDenied
  extends Schema.TaggedError<ReflectionDenied>("@effect-avm/core/ReflectionDenied")("ReflectionDenied", {
    id: ObjectId
  })
{
  override get message(): string {
    return say`${this.id} may not be looked at`
  }
}

/**
 * @since 0.1.0
 * @category errors
 */
export type ReflectError =
  | MetadataNotFound
  | MetadataInconsistent
  | StoreCorruption
  | ScryPredicateFailed
  | ReflectionDenied

// ---------------------------------------------------------------------------
// ReifyError
// ---------------------------------------------------------------------------

/**
 * The frame cannot be shown.
 *
 * @since 0.1.0
 * @category errors
 */
export class ReifyContextFailed
  extends Schema.TaggedError<ReifyContextFailed>("@effect-avm/core/ReifyContextFailed")("ReifyContextFailed", {
    message: Schema.String
  })
{}

/**
 * There is no transaction to show.
 *
 * @since 0.1.0
 * @category errors
 */
export class NoTransactionToReify
  extends Schema.TaggedError<NoTransactionToReify>("@effect-avm/core/NoTransactionToReify")("NoTransactionToReify", {})
{
  override get message(): string {
    return "there is no transaction to show"
  }
}

/**
 * The transaction may not be shown.
 *
 * @since 0.1.0
 * @category errors
 */
export class TxStateAccessDenied
  extends Schema.TaggedError<TxStateAccessDenied>("@effect-avm/core/TxStateAccessDenied")("TxStateAccessDenied", {})
{
  override get message(): string {
    return "the transaction may not be shown"
  }
}

/**
 * The constraint store cannot be shown.
 *
 * @since 0.1.0
 * @category errors
 */
export class ConstraintStoreUnavailable
  extends Schema.TaggedError<ConstraintStoreUnavailable>("@effect-avm/core/ConstraintStoreUnavailable")(
    "ConstraintStoreUnavailable",
    {}
  )
{
  override get message(): string {
    return "the constraint store cannot be shown"
  }
}

/**
 * @since 0.1.0
 * @category errors
 */
export type ReifyError =
  | ReifyContextFailed
  | NoTransactionToReify
  | TxStateAccessDenied
  | ConstraintStoreUnavailable

// ---------------------------------------------------------------------------
// TxError
// ---------------------------------------------------------------------------

/**
 * Something this transaction had read was changed by another commit.
 *
 * @since 0.1.0
 * @category errors
 */
export class TxConflict extends Schema.TaggedError<TxConflict>("@effect-avm/core/TxConflict")("TxConflict", {
  tx: TxId,
  objects: Schema.Array(ObjectId)
}) {
  override get message(): string {
    return say`${this.tx} cannot commit: another commit has changed what it had read: ${new Listed(this.objects)}`
  }
}

/**
 * No transaction of this program has this id (D13).
 *
 * @since 0.1.0
 * @category errors
 */
export class TxNotFound
  extends Schema.TaggedError<TxNotFound>("@effect-avm/core/TxNotFound")("TxNotFound", { tx: TxId })
{
  override get message(): string {
    return say`this program has no transaction ${this.tx}`
  }
}

/**
 * The transaction has been committed before (A8).
 *
 * @since 0.1.0
 * @category errors
 */
export class TxAlreadyCommitted
  extends Schema.TaggedError<TxAlreadyCommitted>("@effect-avm/core/TxAlreadyCommitted")("TxAlreadyCommitted", {
    tx: TxId
  })
{
  override get message(): string {
    return say`${this.tx} has been committed before`
  }
}

/**
 * The transaction has been aborted before (A8).
 *
 * @since 0.1.0
 * @category errors
 */
export class TxAlreadyAborted
  extends Schema.TaggedError<TxAlreadyAborted>("@effect-avm/core/TxAlreadyAborted")("TxAlreadyAborted", { tx: TxId })
{
  override get message(): string {
    return say`${this.tx} has been aborted before`
  }
}

/**
 * No transaction is open (A8).
 *
 * @since 0.1.0
 * @category errors
 */
export class NoActiveTx extends Schema.TaggedError<NoActiveTx>("@effect-avm/core/NoActiveTx")("NoActiveTx", {}) {
  override get message(): string {
    return "no transaction is open"
  }
}

/**
 * `what` may not be done here: a callee that ends its caller's transaction, or leaves its own open (D15).
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidDuringTx
  extends Schema.TaggedError<InvalidDuringTx>("@effect-avm/core/InvalidDuringTx")("InvalidDuringTx", {
    what: Schema.String
  })
{
  override get message(): string {
    switch (this.what) {
      case "commitTx":
      case "abortTx":
        return say`${this.what} is for the frame that began the transaction, not for what it calls`
      case "beginTx":
        return "a frame has returned and left open a transaction that it began; it was aborted"
      case "await":
        return "await is not for transactions: what they send leaves when they commit"
      default:
        return say`${this.what} would change something, and the transaction is read-only`
    }
  }
}

/**
 * A transaction is already running; it is untouched (D12).
 *
 * @since 0.1.0
 * @category errors
 */
export class NestedTxNotSupported
  extends Schema.TaggedError<NestedTxNotSupported>("@effect-avm/core/NestedTxNotSupported")("NestedTxNotSupported", {
    outer: TxId
  })
{
  override get message(): string {
    return say`transactions do not nest, and ${this.outer} is open`
  }
}

/**
 * @since 0.1.0
 * @category errors
 */
export type TxError =
  | TxConflict
  | TxNotFound
  | TxAlreadyCommitted
  | TxAlreadyAborted
  | NoActiveTx
  | InvalidDuringTx
  | NestedTxNotSupported

// ---------------------------------------------------------------------------
// PureError
// ---------------------------------------------------------------------------

/**
 * No pure function of this name is registered.
 *
 * @since 0.1.0
 * @category errors
 */
export class FunctionNotFound
  extends Schema.TaggedError<FunctionNotFound>("@effect-avm/core/FunctionNotFound")("FunctionNotFound", {
    name: Schema.String
  })
{
  override get message(): string {
    return say`no pure function ${this.name} is registered`
  }
}

/**
 * Another pure function has this name already (A36).
 *
 * @since 0.1.0
 * @category errors
 */
export class FunctionAlreadyRegistered
  extends Schema.TaggedError<FunctionAlreadyRegistered>("@effect-avm/core/FunctionAlreadyRegistered")(
    "FunctionAlreadyRegistered",
    {
      name: Schema.String
    }
  )
{
  override get message(): string {
    return say`another pure function is registered as ${this.name}`
  }
}

/**
 * The pure function has another version by now.
 *
 * @since 0.1.0
 * @category errors
 */
export class VersionConflict
  extends Schema.TaggedError<VersionConflict>("@effect-avm/core/VersionConflict")("VersionConflict", {
    name: Schema.String,
    expected: Schema.Int,
    actual: Schema.Int
  })
{
  override get message(): string {
    return say`the pure function ${this.name} has version ${this.actual}, and ${this.expected} was expected`
  }
}

/**
 * @since 0.1.0
 * @category errors
 */
export type PureError =
  | FunctionNotFound
  | FunctionAlreadyRegistered
  | VersionConflict

// ---------------------------------------------------------------------------
// MachineError
// ---------------------------------------------------------------------------

/**
 * The machine cannot be reached now.
 *
 * @since 0.1.0
 * @category errors
 */
export class MachineUnreachable
  extends Schema.TaggedError<MachineUnreachable>("@effect-avm/core/MachineUnreachable")("MachineUnreachable", {
    machine: MachineId
  })
{
  override get message(): string {
    return say`the machine ${this.machine} cannot be reached`
  }
}

/**
 * The object cannot go to this machine.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidMachineTransfer
  extends Schema.TaggedError<InvalidMachineTransfer>("@effect-avm/core/InvalidMachineTransfer")(
    "InvalidMachineTransfer",
    {
      id: ObjectId,
      machine: MachineId
    }
  )
{
  override get message(): string {
    return say`${this.id} cannot go to the machine ${this.machine}`
  }
}

/**
 * Execution cannot move while a transaction is open.
 *
 * @since 0.1.0
 * @category errors
 */
export class TeleportDuringTx
  extends Schema.TaggedError<TeleportDuringTx>("@effect-avm/core/TeleportDuringTx")("TeleportDuringTx", {})
{
  override get message(): string {
    return "execution cannot move while a transaction is open"
  }
}

/**
 * @since 0.1.0
 * @category errors
 */
export type MachineError =
  | MachineUnreachable
  | InvalidMachineTransfer
  | TeleportDuringTx

// ---------------------------------------------------------------------------
// ControllerError
// ---------------------------------------------------------------------------

/**
 * The controller cannot be reached now.
 *
 * @since 0.1.0
 * @category errors
 */
export class ControllerUnreachable
  extends Schema.TaggedError<ControllerUnreachable>("@effect-avm/core/ControllerUnreachable")("ControllerUnreachable", {
    controller: ControllerId
  })
{
  override get message(): string {
    return say`the controller ${this.controller} cannot be reached`
  }
}

/**
 * The object belongs to another controller, named here (D18, A19).
 *
 * @since 0.1.0
 * @category errors
 */
export class UnauthorizedTransfer
  extends Schema.TaggedError<UnauthorizedTransfer>("@effect-avm/core/UnauthorizedTransfer")("UnauthorizedTransfer", {
    id: ObjectId,
    controller: ControllerId
  })
{
  override get message(): string {
    return say`${this.id} belongs to ${this.controller}, not to the controller that would transfer it`
  }
}

/**
 * One transaction, one controller: `id` belongs to `controller`, another one.
 *
 * @since 0.1.0
 * @category errors
 */
export class CrossControllerTx
  extends Schema.TaggedError<CrossControllerTx>("@effect-avm/core/CrossControllerTx")("CrossControllerTx", {
    id: ObjectId,
    controller: ControllerId
  })
{
  override get message(): string {
    return say`${this.id} belongs to ${this.controller}, not to the controller of the transaction`
  }
}

/**
 * The object belongs to another controller than the one this machine acts for (D18).
 *
 * @since 0.1.0
 * @category errors
 */
export class ObjectNotAvailable
  extends Schema.TaggedError<ObjectNotAvailable>("@effect-avm/core/ObjectNotAvailable")("ObjectNotAvailable", {
    id: ObjectId
  })
{
  override get message(): string {
    return say`${this.id} belongs to another controller than that of the machine`
  }
}

/**
 * The replicas of the object disagree.
 *
 * @since 0.1.0
 * @category errors
 */
export class ObjectNotConsistent
  extends Schema.TaggedError<ObjectNotConsistent>("@effect-avm/core/ObjectNotConsistent")("ObjectNotConsistent", {
    id: ObjectId
  })
{
  override get message(): string {
    return say`the replicas of ${this.id} disagree`
  }
}

/**
 * An input that a replica accepted cannot be replayed on the object; nothing was changed (A26).
 *
 * @since 0.1.0
 * @category errors
 */
export class FreezeFailed
  extends Schema.TaggedError<FreezeFailed>("@effect-avm/core/FreezeFailed")("FreezeFailed", { id: ObjectId })
{
  override get message(): string {
    return say`what a replica of ${this.id} accepted cannot be replayed on it`
  }
}

/**
 * Transactions order objects through their controller; this one has none (D11).
 *
 * @since 0.1.0
 * @category errors
 */
export class ObjectHasNoController
  extends Schema.TaggedError<ObjectHasNoController>("@effect-avm/core/ObjectHasNoController")("ObjectHasNoController", {
    id: ObjectId
  })
{
  override get message(): string {
    return say`${this.id} has no controller: give it one with Controller.transfer`
  }
}

/**
 * @since 0.1.0
 * @category errors
 */
export type ControllerError =
  | ControllerUnreachable
  | UnauthorizedTransfer
  | CrossControllerTx
  | ObjectNotAvailable
  | ObjectNotConsistent
  | FreezeFailed
  | ObjectHasNoController

// ---------------------------------------------------------------------------
// FDError
// ---------------------------------------------------------------------------

/**
 * The variable has no value left.
 *
 * @since 0.1.0
 * @category errors
 */
export class EmptyDomain
  extends Schema.TaggedError<EmptyDomain>("@effect-avm/core/EmptyDomain")("EmptyDomain", { var: Schema.String })
{
  override get message(): string {
    return say`the variable ${this.var} has no value left`
  }
}

/**
 * There is no variable of this name.
 *
 * @since 0.1.0
 * @category errors
 */
export class UnknownVariable
  extends Schema.TaggedError<UnknownVariable>("@effect-avm/core/UnknownVariable")("UnknownVariable", {
    var: Schema.String
  })
{
  override get message(): string {
    return say`there is no variable ${this.var}`
  }
}

/**
 * The constraint makes no sense; the message says why.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidConstraint
  extends Schema.TaggedError<InvalidConstraint>("@effect-avm/core/InvalidConstraint")("InvalidConstraint", {
    message: Schema.String
  })
{}

/**
 * @since 0.1.0
 * @category errors
 */
export type FDError =
  | EmptyDomain
  | UnknownVariable
  | InvalidConstraint

// ---------------------------------------------------------------------------
// NondetError
// ---------------------------------------------------------------------------

/**
 * There was nothing to choose from.
 *
 * @since 0.1.0
 * @category errors
 */
export class NoChoices extends Schema.TaggedError<NoChoices>("@effect-avm/core/NoChoices")("NoChoices", {}) {
  override get message(): string {
    return "there was nothing to choose from"
  }
}

/**
 * No choices make all requirements hold (D29); `requirements` cannot hold together. No `tx` outside a transaction (A23).
 *
 * @since 0.1.0
 * @category errors
 */
export class Unsatisfiable
  extends Schema.TaggedError<Unsatisfiable>("@effect-avm/core/Unsatisfiable")("Unsatisfiable", {
    tx: Schema.optional(TxId),
    requirements: Schema.Array(Schema.String)
  })
{
  override get message(): string {
    const where = this.tx === undefined ? "" : say` in ${this.tx}`
    return say`no choices${where} make these hold together: ${new Listed(this.requirements)}`
  }
}

/**
 * @since 0.1.0
 * @category errors
 */
export type NondetError =
  | NoChoices
  | Unsatisfiable

/**
 * Which limit ended the search of a bracket.
 *
 * @since 0.1.0
 * @category models
 */
export const Limit = Schema.Literal("runs", "nodes", "time")

/**
 * @since 0.1.0
 * @category models
 */
export type Limit = typeof Limit.Type

/**
 * A limit has ended the search of a bracket before it was known which choices are the best, or that none do; the transaction
 * was aborted. Only brackets with limits fail with it (`Tx.Limits`), so it is in none of the unions.
 *
 * `runs` is how many ways to choose were tried, `nodes` how many decisions the solver took. `best` is there where choices
 * were found under which all requirements hold, and that may be the best or not: their values, in the order of choosing,
 * and what they lose against the best options of all choices.
 *
 * @since 0.1.0
 * @category errors
 */
export class ChoicesUndecided
  extends Schema.TaggedError<ChoicesUndecided>("@effect-avm/core/ChoicesUndecided")("ChoicesUndecided", {
    tx: TxId,
    limit: Limit,
    runs: Schema.Int,
    nodes: Schema.Int,
    best: Schema.optionalWith(Schema.Struct({ values: Schema.Array(ValFromJson), loss: Schema.Number }), {
      exact: true
    })
  })
{
  override get message(): string {
    const found = this.best === undefined ? "none that do" : say`some that do and lose ${this.best?.loss}`
    return say`the limit of ${this.limit} was reached in ${this.tx}: ${this.runs} ways to choose were tried, and ${found} were found`
  }
}

// ---------------------------------------------------------------------------
// across the families
// ---------------------------------------------------------------------------

/**
 * The store itself failed. Part of every instruction that touches it.
 *
 * @since 0.1.0
 * @category errors
 */
export class StoreError
  extends Schema.TaggedError<StoreError>("@effect-avm/core/StoreError")("StoreError", { cause: Schema.Defect })
{
  /** What the store said. */
  override get message(): string {
    return this.cause instanceof Error ? this.cause.message : say`${this.cause}`
  }
}

/**
 * @since 0.1.0
 * @category errors
 */
export type BaseError = ObjError | IntrospectError | ReflectError | ReifyError | StoreError

/**
 * @since 0.1.0
 * @category errors
 */
export type TxLayerError = BaseError | TxError

/**
 * @since 0.1.0
 * @category errors
 */
export type PureLayerError = TxLayerError | PureError

/**
 * @since 0.1.0
 * @category errors
 */
export type AvmError = PureLayerError | MachineError | ControllerError | FDError | NondetError

/**
 * The codec of all of them: to plain JSON, and back to the same class.
 *
 * ```ts
 * import { AvmError, ObjectId } from "@effect-avm/core"
 * import { Equal, Schema } from "effect"
 * import * as assert from "node:assert/strict"
 *
 * const error = new AvmError.ObjectNotFound({ id: ObjectId.make("o1") })
 * const json = Schema.encodeSync(AvmError.AvmError)(error)
 * assert.deepEqual(json, { _tag: "ObjectNotFound", id: "o1" })
 * assert.ok(Equal.equals(Schema.decodeUnknownSync(AvmError.AvmError)(json), error))
 * ```
 *
 * @since 0.1.0
 * @category schemas
 */
export const AvmError: Schema.Schema<AvmError, unknown> = opaque(Schema.Union(
  ObjectNotFound,
  ObjectAlreadyDestroyed,
  ObjectAlreadyExists,
  InvalidInput,
  ObjectRejectedCall,
  MetadataCorruption,
  BehaviourNotFound,
  CalleeFailed,
  InvalidVal,
  MailboxFull,
  ContextUnavailable,
  MetadataNotFound,
  MetadataInconsistent,
  StoreCorruption,
  ScryPredicateFailed,
  ReflectionDenied,
  ReifyContextFailed,
  NoTransactionToReify,
  TxStateAccessDenied,
  ConstraintStoreUnavailable,
  TxConflict,
  TxNotFound,
  TxAlreadyCommitted,
  TxAlreadyAborted,
  NoActiveTx,
  InvalidDuringTx,
  NestedTxNotSupported,
  FunctionNotFound,
  FunctionAlreadyRegistered,
  VersionConflict,
  MachineUnreachable,
  InvalidMachineTransfer,
  TeleportDuringTx,
  ControllerUnreachable,
  UnauthorizedTransfer,
  CrossControllerTx,
  ObjectNotAvailable,
  ObjectNotConsistent,
  FreezeFailed,
  ObjectHasNoController,
  EmptyDomain,
  UnknownVariable,
  InvalidConstraint,
  NoChoices,
  Unsatisfiable,
  StoreError
))

/**
 * Tells the machine's errors from an application's own: `Effect.catchIf(AvmError.isAvmError, …)`.
 *
 * @since 0.1.0
 * @category guards
 */
export const isAvmError: (u: unknown) => u is AvmError = Schema.is(AvmError)
