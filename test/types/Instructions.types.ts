// The contract of every instruction, spelled out: what it answers, fails with and needs. A new instruction,
// or a change of an error channel, does not compile until it stands here.
import {
  type AvmError,
  Behaviour,
  type Controller,
  type ControllerId,
  type FD,
  type InstructionSet,
  type Introspect,
  type Machine,
  type MachineId,
  type Nondet,
  type Obj,
  type ObjectId,
  type ObjectMeta,
  type Pure,
  type Reflect,
  type Reify,
  type Tx,
  type TxId,
  type Val
} from "@effect-avm/core"
import type { Context, Effect, Option } from "effect"
import { expectTypeOf } from "vitest"

// ---------------------------------------------------------------------------
// instructions
// ---------------------------------------------------------------------------

interface Errors {
  "Obj.create":
    | AvmError.BehaviourNotFound
    | AvmError.CrossControllerTx
    | AvmError.ControllerUnreachable
    | AvmError.StoreError
  "Obj.destroy":
    | AvmError.ObjectNotFound
    | AvmError.ObjectAlreadyDestroyed
    | AvmError.ObjectHasNoController
    | AvmError.ObjectNotAvailable
    | AvmError.CrossControllerTx
    | AvmError.ControllerUnreachable
    | AvmError.StoreError
  "Obj.call": AvmError.AvmError
  "Obj.receive": AvmError.ContextUnavailable | AvmError.StoreError
  "Obj.send": AvmError.InvalidVal | AvmError.MailboxFull | AvmError.StoreError
  "Obj.sendOnly": AvmError.InvalidVal | AvmError.MailboxFull | AvmError.StoreError
  "Obj.await": AvmError.AvmError
  "Obj.forward": AvmError.InvalidVal | AvmError.MailboxFull | AvmError.StoreError
  "Obj.emit": AvmError.InvalidVal | AvmError.MailboxFull | AvmError.StoreError
  "Introspect.self": never
  "Introspect.input": never
  "Introspect.sender": never
  "Introspect.currentMachine": never
  "Introspect.getState": AvmError.ContextUnavailable | AvmError.StoreError
  "Introspect.setState": AvmError.ContextUnavailable | AvmError.InvalidVal | AvmError.StoreError
  "Reflect.reflect": AvmError.StoreError
  "Reflect.scryMeta": AvmError.ScryPredicateFailed | AvmError.StoreError
  "Reflect.scryDeep": AvmError.ScryPredicateFailed | AvmError.StoreError
  "Reify.context": never
  "Reify.txState": never
  "Reify.constraints": never
  "Tx.begin": AvmError.NestedTxNotSupported | AvmError.ControllerUnreachable | AvmError.StoreError
  "Tx.commit":
    | AvmError.NoActiveTx
    | AvmError.TxNotFound
    | AvmError.TxAlreadyCommitted
    | AvmError.TxAlreadyAborted
    | AvmError.InvalidDuringTx
    | AvmError.TxConflict
    | AvmError.Unsatisfiable
    | AvmError.StoreError
  "Tx.abort":
    | AvmError.NoActiveTx
    | AvmError.TxNotFound
    | AvmError.TxAlreadyCommitted
    | AvmError.TxAlreadyAborted
    | AvmError.InvalidDuringTx
    | AvmError.StoreError
  "Tx.retry": never
  "Tx.enlist": never
  "Tx.join": AvmError.CrossControllerTx | AvmError.ControllerUnreachable
  "Pure.call": AvmError.InvalidVal | AvmError.StoreError
  "Pure.update": AvmError.FunctionNotFound | AvmError.VersionConflict | AvmError.StoreError
  "Pure.register": AvmError.FunctionAlreadyRegistered | AvmError.StoreError
  "Machine.getMachine": AvmError.StoreError
  "Machine.teleport": AvmError.MachineUnreachable | AvmError.TeleportDuringTx
  "Machine.moveObject":
    | AvmError.ObjectNotFound
    | AvmError.ObjectNotAvailable
    | AvmError.MachineUnreachable
    | AvmError.ObjectHasNoController
    | AvmError.CrossControllerTx
    | AvmError.ControllerUnreachable
    | AvmError.StoreError
  "Machine.fetch":
    | AvmError.MachineUnreachable
    | AvmError.ObjectHasNoController
    | AvmError.CrossControllerTx
    | AvmError.ControllerUnreachable
    | AvmError.StoreError
  "Controller.current": never
  "Controller.getController": AvmError.StoreError
  "Controller.transfer":
    | AvmError.ObjectNotFound
    | AvmError.UnauthorizedTransfer
    | AvmError.CrossControllerTx
    | AvmError.ControllerUnreachable
    | AvmError.StoreError
  "Controller.freeze": AvmError.FreezeFailed | AvmError.CrossControllerTx | AvmError.StoreError
  "FD.newVar": AvmError.EmptyDomain | AvmError.InvalidVal | AvmError.InvalidConstraint
  "FD.narrow": AvmError.UnknownVariable | AvmError.InvalidVal | AvmError.InvalidConstraint
  "FD.post": AvmError.UnknownVariable | AvmError.InvalidConstraint
  "FD.label": AvmError.UnknownVariable | AvmError.EmptyDomain
  "Nondet.choose": AvmError.NoChoices | AvmError.InvalidVal | AvmError.InvalidConstraint
  "Nondet.require": AvmError.Unsatisfiable | AvmError.UnknownVariable | AvmError.InvalidConstraint
}

interface Answers {
  "Obj.create": ObjectId.ObjectId
  "Obj.destroy": true
  "Obj.call": Option.Option<Val.Val>
  "Obj.receive": Option.Option<Val.Val>
  "Obj.send": Obj.Eventual<Option.Option<Val.Val>, AvmError.AvmError>
  "Obj.sendOnly": void
  "Obj.await": Option.Option<Val.Val>
  "Obj.forward": void
  "Obj.emit": void
  "Introspect.self": ObjectId.ObjectId
  "Introspect.input": Val.Val
  "Introspect.sender": Option.Option<ObjectId.ObjectId>
  "Introspect.currentMachine": MachineId.MachineId
  "Introspect.getState": Val.Val
  "Introspect.setState": void
  "Reflect.reflect": Option.Option<ObjectMeta.ObjectMeta>
  "Reflect.scryMeta": ReadonlyArray<readonly [id: ObjectId.ObjectId, metadata: ObjectMeta.ObjectMeta]>
  "Reflect.scryDeep": ReadonlyArray<
    readonly [id: ObjectId.ObjectId, behaviour: string, metadata: ObjectMeta.ObjectMeta]
  >
  "Reify.context": Reify.ReifiedContext
  "Reify.txState": Option.Option<Reify.ReifiedTxState>
  "Reify.constraints": Reify.ReifiedConstraints
  "Tx.begin": TxId.TxId
  "Tx.commit": true
  "Tx.abort": void
  "Tx.retry": never
  "Tx.enlist": void
  "Tx.join": Option.Option<TxId.TxId>
  "Pure.call": Option.Option<Val.Val>
  "Pure.update": true
  "Pure.register": true
  "Machine.getMachine": Option.Option<MachineId.MachineId>
  "Machine.teleport": true
  "Machine.moveObject": true
  "Machine.fetch": boolean
  "Controller.current": Option.Option<ControllerId.ControllerId>
  "Controller.getController": Option.Option<ControllerId.ControllerId>
  "Controller.transfer": true
  "Controller.freeze": Option.Option<boolean>
  "FD.newVar": FD.Var<Val.Val>
  "FD.narrow": boolean
  "FD.post": boolean
  "FD.label": Val.Val
  // The value, or the choice as a term: one instruction in two shapes.
  "Nondet.choose": Val.Val | Nondet.Choice<Val.Val>
  "Nondet.require": void
}

interface Needs {
  "Obj.create": Obj.Obj
  "Obj.destroy": Obj.Obj
  "Obj.call": Obj.Obj
  "Obj.receive": Obj.Obj
  "Obj.send": Obj.Obj
  "Obj.sendOnly": Obj.Obj
  "Obj.await": Obj.Obj | Tx.OutsideTx
  "Obj.forward": Obj.Obj
  "Obj.emit": Obj.Obj
  "Introspect.self": Introspect.Introspect
  "Introspect.input": Introspect.Introspect
  "Introspect.sender": Introspect.Introspect
  "Introspect.currentMachine": Introspect.Introspect
  "Introspect.getState": Introspect.Introspect
  "Introspect.setState": Introspect.Introspect
  "Reflect.reflect": Reflect.UnsafeReflect
  "Reflect.scryMeta": Reflect.UnsafeReflect
  "Reflect.scryDeep": Reflect.UnsafeReflect
  "Reify.context": Reify.Reify
  "Reify.txState": Reify.UnsafeReify
  "Reify.constraints": Reify.UnsafeReify
  "Tx.begin": Tx.Tx
  "Tx.commit": Tx.Tx
  "Tx.abort": Tx.Tx
  "Tx.retry": Tx.Tx | Tx.InTx
  "Tx.enlist": Tx.Tx | Tx.InTx<unknown>
  "Tx.join": Tx.Tx
  "Pure.call": Pure.Pure
  "Pure.update": Pure.Pure
  "Pure.register": Pure.UnsafePure
  "Machine.getMachine": Machine.Machine
  "Machine.teleport": Machine.Machine | Tx.OutsideTx
  "Machine.moveObject": Machine.Machine
  "Machine.fetch": Machine.Machine
  "Controller.current": Controller.Controller
  "Controller.getController": Controller.Controller
  "Controller.transfer": Controller.Controller
  "Controller.freeze": Controller.Controller
  "FD.newVar": FD.FD
  "FD.narrow": FD.FD
  "FD.post": FD.FD
  "FD.label": FD.FD
  "Nondet.choose": Nondet.Nondet
  "Nondet.require": Nondet.Nondet
}

type Instruction = InstructionSet.AnyInstr

expectTypeOf<{ [I in Instruction as I["_tag"]]: Effect.Effect.Error<I> }>().toEqualTypeOf<Errors>()
expectTypeOf<{ [I in Instruction as I["_tag"]]: Effect.Effect.Success<I> }>().toEqualTypeOf<Answers>()
expectTypeOf<{ [I in Instruction as I["_tag"]]: Effect.Effect.Context<I> }>().toEqualTypeOf<Needs>()

// What a program may use, and what it may use only where it is granted.
expectTypeOf<InstructionSet.Instruction>().toEqualTypeOf<Exclude<Needs[keyof Needs], Tx.OutsideTx | Tx.InTx<unknown>>>()
expectTypeOf<InstructionSet.Unsafe>().toEqualTypeOf<Reflect.UnsafeReflect | Reify.UnsafeReify | Pure.UnsafePure>()
expectTypeOf<InstructionSet.Safe>().toEqualTypeOf<
  | Obj.Obj
  | Introspect.Introspect
  | Reify.Reify
  | Tx.Tx
  | Pure.Pure
  | Machine.Machine
  | Controller.Controller
  | FD.FD
  | Nondet.Nondet
>()

// The names of the error channels.
expectTypeOf<Obj.CreateError>().toEqualTypeOf<Errors["Obj.create"]>()
expectTypeOf<Obj.DestroyError>().toEqualTypeOf<Errors["Obj.destroy"]>()
expectTypeOf<Obj.ReceiveError>().toEqualTypeOf<Errors["Obj.receive"]>()
expectTypeOf<Obj.SendError>().toEqualTypeOf<Errors["Obj.send"]>()
expectTypeOf<Introspect.StateError>().toEqualTypeOf<Errors["Introspect.getState"]>()
expectTypeOf<Introspect.SetStateError>().toEqualTypeOf<Errors["Introspect.setState"]>()
expectTypeOf<Reflect.ScryError>().toEqualTypeOf<Errors["Reflect.scryMeta"]>()
expectTypeOf<Tx.BeginError>().toEqualTypeOf<Errors["Tx.begin"]>()
expectTypeOf<Tx.CommitError>().toEqualTypeOf<Errors["Tx.commit"]>()
expectTypeOf<Tx.AbortError>().toEqualTypeOf<Errors["Tx.abort"]>()
expectTypeOf<Tx.JoinError>().toEqualTypeOf<Errors["Tx.join"]>()
expectTypeOf<Tx.FinishError | AvmError.StoreError>().toEqualTypeOf<Errors["Tx.abort"]>()
expectTypeOf<Pure.UpdateError>().toEqualTypeOf<Errors["Pure.update"]>()
expectTypeOf<Pure.RegisterError>().toEqualTypeOf<Errors["Pure.register"]>()
expectTypeOf<Machine.TeleportError>().toEqualTypeOf<Errors["Machine.teleport"]>()
expectTypeOf<Machine.MoveError>().toEqualTypeOf<Errors["Machine.moveObject"]>()
expectTypeOf<Machine.FetchError>().toEqualTypeOf<Errors["Machine.fetch"]>()
expectTypeOf<Controller.TransferError>().toEqualTypeOf<Errors["Controller.transfer"]>()
expectTypeOf<Controller.FreezeError>().toEqualTypeOf<Errors["Controller.freeze"]>()
expectTypeOf<FD.NewVarError>().toEqualTypeOf<Errors["FD.newVar"]>()
expectTypeOf<FD.NarrowError>().toEqualTypeOf<Errors["FD.narrow"]>()
expectTypeOf<FD.PostError>().toEqualTypeOf<Errors["FD.post"]>()
expectTypeOf<FD.LabelError>().toEqualTypeOf<Errors["FD.label"]>()
expectTypeOf<Nondet.ChooseError>().toEqualTypeOf<Errors["Nondet.choose"]>()
expectTypeOf<Nondet.RequireError>().toEqualTypeOf<Errors["Nondet.require"]>()

// A bracket is no instruction; neither is a typed call. `InvalidDuringTx` is a read-only bracket's (A31).
expectTypeOf<Tx.TransactError>().toEqualTypeOf<
  | AvmError.TxConflict
  | AvmError.Unsatisfiable
  | AvmError.NestedTxNotSupported
  | AvmError.ControllerUnreachable
  | AvmError.InvalidDuringTx
  | AvmError.StoreError
>()
expectTypeOf<Obj.CallError>().toEqualTypeOf<
  | AvmError.ObjectNotFound
  | AvmError.InvalidInput
  | AvmError.ObjectRejectedCall
  | AvmError.BehaviourNotFound
  | AvmError.ContextUnavailable
  | AvmError.InvalidDuringTx
  | AvmError.MachineUnreachable
  | AvmError.CrossControllerTx
  | AvmError.ObjectHasNoController
  | AvmError.ControllerUnreachable
  | AvmError.MailboxFull
  | AvmError.StoreError
>()
expectTypeOf(Behaviour.reject).toEqualTypeOf<
  Effect.Effect<never, AvmError.ObjectRejectedCall, Introspect.Introspect>
>()

// ---------------------------------------------------------------------------
// services
// ---------------------------------------------------------------------------

// A family service needs nothing: what it needs was captured when it was made (`R = never`).
type Needed<Service> = {
  [K in keyof Service]: Service[K] extends (...args: never) => Effect.Effect<unknown, unknown, infer R> ? R
    : Service[K] extends Effect.Effect<unknown, unknown, infer R> ? R
    : "no instruction"
}[keyof Service]

expectTypeOf<
  Needed<
    & Context.Tag.Service<typeof Obj.Obj>
    & Context.Tag.Service<typeof Introspect.Introspect>
    & Context.Tag.Service<typeof Tx.Tx>
  >
>().toEqualTypeOf<never>()
expectTypeOf<Needed<Context.Tag.Service<typeof Pure.Pure> & Context.Tag.Service<typeof Pure.UnsafePure>>>()
  .toEqualTypeOf<never>()
expectTypeOf<Needed<Context.Tag.Service<typeof Machine.Machine>>>().toEqualTypeOf<never>()
expectTypeOf<Needed<Context.Tag.Service<typeof Controller.Controller>>>().toEqualTypeOf<never>()
expectTypeOf<Needed<Context.Tag.Service<typeof Reflect.UnsafeReflect>>>().toEqualTypeOf<never>()
expectTypeOf<Needed<Context.Tag.Service<typeof FD.FD> & Context.Tag.Service<typeof Nondet.Nondet>>>()
  .toEqualTypeOf<never>()
expectTypeOf<Needed<Context.Tag.Service<typeof Reify.Reify> & Context.Tag.Service<typeof Reify.UnsafeReify>>>()
  .toEqualTypeOf<never>()

// One method per instruction, of its name.
type Methods =
  | `Obj.${keyof Context.Tag.Service<typeof Obj.Obj>}`
  | `Introspect.${keyof Context.Tag.Service<typeof Introspect.Introspect>}`
  | `Reflect.${keyof Context.Tag.Service<typeof Reflect.UnsafeReflect>}`
  | `Reify.${keyof Context.Tag.Service<typeof Reify.Reify> | keyof Context.Tag.Service<typeof Reify.UnsafeReify>}`
  | `Tx.${keyof Context.Tag.Service<typeof Tx.Tx>}`
  | `Pure.${keyof Context.Tag.Service<typeof Pure.Pure> | keyof Context.Tag.Service<typeof Pure.UnsafePure>}`
  | `Machine.${keyof Context.Tag.Service<typeof Machine.Machine>}`
  | `Controller.${keyof Context.Tag.Service<typeof Controller.Controller>}`
  | `FD.${keyof Context.Tag.Service<typeof FD.FD>}`
  | `Nondet.${keyof Context.Tag.Service<typeof Nondet.Nondet>}`
expectTypeOf<Methods>().toEqualTypeOf<Instruction["_tag"]>()
