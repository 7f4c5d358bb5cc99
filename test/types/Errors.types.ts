// The unions of errors, by family and by layer, and what `catchTag` and `catchTags` leave of them.
import {
  AvmError,
  Controller,
  Introspect,
  Machine,
  MachineId,
  Obj,
  ObjectId,
  Pure,
  Reflect,
  Tx
} from "@effect-avm/core"
import { Effect, Option, type ParseResult, Schema } from "effect"
import { expectTypeOf } from "vitest"

type Tags<E extends { readonly _tag: string }> = E["_tag"]

// ---------------------------------------------------------------------------
// unions
// ---------------------------------------------------------------------------

expectTypeOf<Tags<AvmError.ObjError>>().toEqualTypeOf<
  | "ObjectNotFound"
  | "ObjectAlreadyDestroyed"
  | "ObjectAlreadyExists"
  | "InvalidInput"
  | "ObjectRejectedCall"
  | "MetadataCorruption"
  | "BehaviourNotFound"
  | "CalleeFailed"
  | "InvalidVal"
  | "MailboxFull"
>()
expectTypeOf<Tags<AvmError.IntrospectError>>().toEqualTypeOf<"ContextUnavailable" | "InvalidVal">()
expectTypeOf<Tags<AvmError.ReflectError>>().toEqualTypeOf<
  "MetadataNotFound" | "MetadataInconsistent" | "StoreCorruption" | "ScryPredicateFailed" | "ReflectionDenied"
>()
expectTypeOf<Tags<AvmError.ReifyError>>().toEqualTypeOf<
  "ReifyContextFailed" | "NoTransactionToReify" | "TxStateAccessDenied" | "ConstraintStoreUnavailable"
>()
expectTypeOf<Tags<AvmError.TxError>>().toEqualTypeOf<
  | "TxConflict"
  | "TxNotFound"
  | "TxAlreadyCommitted"
  | "TxAlreadyAborted"
  | "NoActiveTx"
  | "InvalidDuringTx"
  | "NestedTxNotSupported"
>()
expectTypeOf<Tags<AvmError.PureError>>().toEqualTypeOf<
  "FunctionNotFound" | "FunctionAlreadyRegistered" | "VersionConflict"
>()
expectTypeOf<Tags<AvmError.MachineError>>().toEqualTypeOf<
  "MachineUnreachable" | "InvalidMachineTransfer" | "TeleportDuringTx"
>()
expectTypeOf<Tags<AvmError.ControllerError>>().toEqualTypeOf<
  | "ControllerUnreachable"
  | "UnauthorizedTransfer"
  | "CrossControllerTx"
  | "ObjectNotAvailable"
  | "ObjectNotConsistent"
  | "FreezeFailed"
  | "ObjectHasNoController"
>()
expectTypeOf<Tags<AvmError.FDError>>().toEqualTypeOf<"EmptyDomain" | "UnknownVariable" | "InvalidConstraint">()
expectTypeOf<Tags<AvmError.NondetError>>().toEqualTypeOf<"NoChoices" | "Unsatisfiable">()

// Each layer has the errors of those below it.
expectTypeOf<AvmError.BaseError>().toEqualTypeOf<
  AvmError.ObjError | AvmError.IntrospectError | AvmError.ReflectError | AvmError.ReifyError | AvmError.StoreError
>()
expectTypeOf<AvmError.TxLayerError>().toEqualTypeOf<AvmError.BaseError | AvmError.TxError>()
expectTypeOf<AvmError.PureLayerError>().toEqualTypeOf<AvmError.TxLayerError | AvmError.PureError>()
expectTypeOf<AvmError.AvmError>().toEqualTypeOf<
  | AvmError.PureLayerError
  | AvmError.MachineError
  | AvmError.ControllerError
  | AvmError.FDError
  | AvmError.NondetError
>()

// They travel, and carry ids rather than prose.
expectTypeOf(AvmError.AvmError).toEqualTypeOf<Schema.Schema<AvmError.AvmError, unknown>>()
expectTypeOf(Schema.decodeUnknown(AvmError.AvmError)({})).toEqualTypeOf<
  Effect.Effect<AvmError.AvmError, ParseResult.ParseError>
>()
expectTypeOf<AvmError.ObjectNotFound["id"]>().toEqualTypeOf<ObjectId.ObjectId>()
expectTypeOf<AvmError.TxConflict["objects"]>().toEqualTypeOf<ReadonlyArray<ObjectId.ObjectId>>()

// ---------------------------------------------------------------------------
// narrowing, family by family
// ---------------------------------------------------------------------------

declare const failing: <E>() => Effect.Effect<never, E>
const handled = () => Effect.void

expectTypeOf(Effect.catchTag(failing<AvmError.ObjError>(), "ObjectNotFound", ({ _tag }) => Effect.succeed(_tag)))
  .toEqualTypeOf<
    Effect.Effect<"ObjectNotFound", Exclude<AvmError.ObjError, AvmError.ObjectNotFound>>
  >()
expectTypeOf(Effect.catchTags(failing<AvmError.ObjError>(), {
  ObjectNotFound: handled,
  ObjectAlreadyDestroyed: handled,
  ObjectAlreadyExists: handled,
  InvalidInput: handled,
  ObjectRejectedCall: handled,
  MetadataCorruption: handled,
  BehaviourNotFound: handled,
  CalleeFailed: handled,
  InvalidVal: handled,
  MailboxFull: handled
})).toEqualTypeOf<Effect.Effect<void>>()

expectTypeOf(
  Effect.catchTag(failing<AvmError.IntrospectError>(), "ContextUnavailable", ({ _tag }) => Effect.succeed(_tag))
).toEqualTypeOf<
  Effect.Effect<"ContextUnavailable", Exclude<AvmError.IntrospectError, AvmError.ContextUnavailable>>
>()
expectTypeOf(Effect.catchTags(failing<AvmError.IntrospectError>(), {
  ContextUnavailable: handled,
  InvalidVal: handled
})).toEqualTypeOf<Effect.Effect<void>>()

expectTypeOf(Effect.catchTag(failing<AvmError.ReflectError>(), "MetadataNotFound", ({ _tag }) => Effect.succeed(_tag)))
  .toEqualTypeOf<
    Effect.Effect<"MetadataNotFound", Exclude<AvmError.ReflectError, AvmError.MetadataNotFound>>
  >()
expectTypeOf(Effect.catchTags(failing<AvmError.ReflectError>(), {
  MetadataNotFound: handled,
  MetadataInconsistent: handled,
  StoreCorruption: handled,
  ScryPredicateFailed: handled,
  ReflectionDenied: handled
})).toEqualTypeOf<Effect.Effect<void>>()

expectTypeOf(Effect.catchTag(failing<AvmError.ReifyError>(), "ReifyContextFailed", ({ _tag }) => Effect.succeed(_tag)))
  .toEqualTypeOf<
    Effect.Effect<"ReifyContextFailed", Exclude<AvmError.ReifyError, AvmError.ReifyContextFailed>>
  >()
expectTypeOf(Effect.catchTags(failing<AvmError.ReifyError>(), {
  ReifyContextFailed: handled,
  NoTransactionToReify: handled,
  TxStateAccessDenied: handled,
  ConstraintStoreUnavailable: handled
})).toEqualTypeOf<Effect.Effect<void>>()

expectTypeOf(Effect.catchTag(failing<AvmError.TxError>(), "TxConflict", ({ _tag }) => Effect.succeed(_tag)))
  .toEqualTypeOf<
    Effect.Effect<"TxConflict", Exclude<AvmError.TxError, AvmError.TxConflict>>
  >()
expectTypeOf(Effect.catchTags(failing<AvmError.TxError>(), {
  TxConflict: handled,
  TxNotFound: handled,
  TxAlreadyCommitted: handled,
  TxAlreadyAborted: handled,
  NoActiveTx: handled,
  InvalidDuringTx: handled,
  NestedTxNotSupported: handled
})).toEqualTypeOf<Effect.Effect<void>>()

expectTypeOf(Effect.catchTag(failing<AvmError.PureError>(), "FunctionNotFound", ({ _tag }) => Effect.succeed(_tag)))
  .toEqualTypeOf<
    Effect.Effect<"FunctionNotFound", Exclude<AvmError.PureError, AvmError.FunctionNotFound>>
  >()
expectTypeOf(Effect.catchTags(failing<AvmError.PureError>(), {
  FunctionNotFound: handled,
  FunctionAlreadyRegistered: handled,
  VersionConflict: handled
})).toEqualTypeOf<Effect.Effect<void>>()

expectTypeOf(
  Effect.catchTag(failing<AvmError.MachineError>(), "MachineUnreachable", ({ _tag }) => Effect.succeed(_tag))
).toEqualTypeOf<
  Effect.Effect<"MachineUnreachable", Exclude<AvmError.MachineError, AvmError.MachineUnreachable>>
>()
expectTypeOf(Effect.catchTags(failing<AvmError.MachineError>(), {
  MachineUnreachable: handled,
  InvalidMachineTransfer: handled,
  TeleportDuringTx: handled
})).toEqualTypeOf<Effect.Effect<void>>()

expectTypeOf(
  Effect.catchTag(failing<AvmError.ControllerError>(), "ControllerUnreachable", ({ _tag }) => Effect.succeed(_tag))
).toEqualTypeOf<
  Effect.Effect<"ControllerUnreachable", Exclude<AvmError.ControllerError, AvmError.ControllerUnreachable>>
>()
expectTypeOf(Effect.catchTags(failing<AvmError.ControllerError>(), {
  ControllerUnreachable: handled,
  UnauthorizedTransfer: handled,
  CrossControllerTx: handled,
  ObjectNotAvailable: handled,
  ObjectNotConsistent: handled,
  FreezeFailed: handled,
  ObjectHasNoController: handled
})).toEqualTypeOf<Effect.Effect<void>>()

expectTypeOf(Effect.catchTag(failing<AvmError.FDError>(), "EmptyDomain", ({ _tag }) => Effect.succeed(_tag)))
  .toEqualTypeOf<
    Effect.Effect<"EmptyDomain", Exclude<AvmError.FDError, AvmError.EmptyDomain>>
  >()
expectTypeOf(Effect.catchTags(failing<AvmError.FDError>(), {
  EmptyDomain: handled,
  UnknownVariable: handled,
  InvalidConstraint: handled
})).toEqualTypeOf<Effect.Effect<void>>()

expectTypeOf(Effect.catchTag(failing<AvmError.NondetError>(), "NoChoices", ({ _tag }) => Effect.succeed(_tag)))
  .toEqualTypeOf<
    Effect.Effect<"NoChoices", Exclude<AvmError.NondetError, AvmError.NoChoices>>
  >()
expectTypeOf(Effect.catchTags(failing<AvmError.NondetError>(), {
  NoChoices: handled,
  Unsatisfiable: handled
})).toEqualTypeOf<Effect.Effect<void>>()

// An error that a family does not have cannot be caught from it.
// @ts-expect-error
Effect.catchTag(failing<AvmError.PureError>(), "TxConflict", handled)
// @ts-expect-error
Effect.catchTags(failing<AvmError.PureError>(), { TxConflict: handled })

// ---------------------------------------------------------------------------
// narrowing, instruction by instruction
// ---------------------------------------------------------------------------

const id = ObjectId.make("o1")

expectTypeOf(Effect.catchTag(Obj.create("echo"), "BehaviourNotFound", ({ name }) => Effect.succeed(name)))
  .toEqualTypeOf<
    Effect.Effect<
      ObjectId.ObjectId | string,
      AvmError.CrossControllerTx | AvmError.ControllerUnreachable | AvmError.StoreError,
      Obj.Obj
    >
  >()
expectTypeOf(Effect.catchTag(Introspect.setState(1), "InvalidVal", ({ path }) => Effect.succeed(path.length)))
  .toEqualTypeOf<Effect.Effect<void | number, Introspect.StateError, Introspect.Introspect>>()
expectTypeOf(Effect.catchTag(Reflect.reflect(id), "StoreError", () => Effect.succeed("unknown"))).toEqualTypeOf<
  Effect.Effect<Effect.Effect.Success<Reflect.Reflect> | string, never, Reflect.UnsafeReflect>
>()
expectTypeOf(Effect.catchTag(Tx.begin(), "NestedTxNotSupported", ({ outer }) => Effect.succeed(outer))).toEqualTypeOf<
  Effect.Effect<Effect.Effect.Success<Tx.Begin>, AvmError.ControllerUnreachable | AvmError.StoreError, Tx.Tx>
>()
expectTypeOf(Effect.catchTag(Pure.update("f", Option.some), "VersionConflict", (_) => Effect.succeed(_.actual)))
  .toEqualTypeOf<Effect.Effect<true | number, AvmError.FunctionNotFound | AvmError.StoreError, Pure.Pure>>()
expectTypeOf(Effect.catchTag(Machine.teleport(MachineId.make("m1")), "TeleportDuringTx", () => Effect.succeed(false)))
  .toEqualTypeOf<Effect.Effect<boolean, AvmError.MachineUnreachable, Machine.Machine | Tx.OutsideTx>>()
expectTypeOf(Effect.catchTag(Controller.freeze(id), "FreezeFailed", (_) => Effect.succeed(_.id))).toEqualTypeOf<
  Effect.Effect<
    ObjectId.ObjectId | Option.Option<boolean>,
    AvmError.CrossControllerTx | AvmError.StoreError,
    Controller.Controller
  >
>()

// A typed caller keeps what is declared; what every call may meet goes in one step.
expectTypeOf(Effect.catchIf(failing<Obj.CallError | "declared">(), Obj.isCallError, handled)).toEqualTypeOf<
  Effect.Effect<void, "declared">
>()
expectTypeOf(Effect.catchIf(failing<AvmError.AvmError | "mine">(), AvmError.isAvmError, handled)).toEqualTypeOf<
  Effect.Effect<void, "mine">
>()
