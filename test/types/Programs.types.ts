// What the compiler knows: the error of each instruction, narrowing, requirements.
import {
  Avm,
  type AvmError,
  type Behaviour,
  Controller,
  type Instr,
  type InstructionSet,
  type Introspect,
  Machine,
  MachineId,
  Obj,
  ObjectId,
  Tx,
  type Val
} from "@effect-avm/core"
import { Context, Effect, type Layer, type Option, STM } from "effect"
import { expectTypeOf } from "vitest"
import { Account, AccountLive, type InsufficientFunds, transfer } from "./Bank.types.js"

const id = ObjectId.make("o1")
const account = Account.ref(id)

// Instructions are Effects with exact errors, and values with names.
expectTypeOf(Obj.create("echo")).toExtend<Effect.Effect<ObjectId.ObjectId, Obj.CreateError, Obj.Obj>>()
expectTypeOf<Effect.Effect.Error<Obj.Call>>().toEqualTypeOf<AvmError.AvmError>()
expectTypeOf<Effect.Effect.Error<Tx.Begin>>().toEqualTypeOf<
  AvmError.NestedTxNotSupported | AvmError.ControllerUnreachable | AvmError.StoreError
>()
expectTypeOf<Effect.Effect.Error<typeof Introspect.self>>().toEqualTypeOf<never>()
expectTypeOf(Controller.freeze(id)).toExtend<
  Effect.Effect<Option.Option<boolean>, Controller.FreezeError, Controller.Controller>
>()
expectTypeOf(Machine.teleport(MachineId.make("m"))._tag).toEqualTypeOf<"Machine.teleport">()
expectTypeOf<InstructionSet.AnyInstr>().toExtend<Instr.Any>()

// A typed call: the declared success; the declared error or a `CallError`; the Object family.
expectTypeOf(account.Withdraw({ amount: 1 })).toEqualTypeOf<
  Effect.Effect<number, InsufficientFunds | Obj.CallError, Obj.Obj>
>()
expectTypeOf(account.Balance()).toEqualTypeOf<Effect.Effect<number, Obj.CallError, Obj.Obj>>()

// A handler needs its own state; the program needs the behaviour's layer.
expectTypeOf(Account.state).toEqualTypeOf<
  Effect.Effect<{ readonly balance: number }, Introspect.StateError, Introspect.Introspect | Behaviour.Self<"Account">>
>()
expectTypeOf(AccountLive).toEqualTypeOf<Layer.Layer<Behaviour.Registered<"Account">, never, Behaviour.Registry>>()

// `catchTag` takes one away.
expectTypeOf(Effect.catchTag(account.Withdraw({ amount: 1 }), "InsufficientFunds", () => Effect.succeed(0)))
  .toEqualTypeOf<
    Effect.Effect<number, Obj.CallError, Obj.Obj>
  >()
expectTypeOf(Effect.catchTag(Obj.call(id, 1), "TxConflict", ({ objects }) => Effect.succeed(objects))).toExtend<
  Effect.Effect<unknown, Exclude<AvmError.AvmError, AvmError.TxConflict>, Obj.Obj>
>()

// A bracket adds its errors and its place; the runner takes instructions and place away.
const body = account.Deposit({ amount: 1 })
expectTypeOf(Tx.transact(body)).toEqualTypeOf<
  Effect.Effect<number, Obj.CallError | Tx.TransactError, Obj.Obj | Tx.Tx | Tx.OutsideTx>
>()
expectTypeOf<Effect.Effect.Context<ReturnType<typeof runTransfer>>>().toEqualTypeOf<
  Avm.Avm | Behaviour.Registered<"Account">
>()
export const runTransfer = () => Avm.run(transfer)

// A run that is traced cannot fail, and keeps the error for its `exit`.
expectTypeOf(Avm.runTraced(Effect.fail("no" as const))).toEqualTypeOf<
  Effect.Effect<Avm.Execution<never, "no">, never, Avm.Avm>
>()

// Platforms are interchangeable.
expectTypeOf(Avm.layerMemory).toEqualTypeOf<Layer.Layer<Avm.Platform>>()

// The services of an application pass through everything.
class Clock extends Context.Tag("Clock")<Clock, { readonly now: Effect.Effect<number> }>() {}
const withClock = Effect.flatMap(Clock, ({ now }) => now)
expectTypeOf(Avm.run(Tx.transact(withClock))).toEqualTypeOf<
  Effect.Effect<number, Tx.TransactError, Avm.Avm | Clock>
>()

// A message is a `Val`, references included.
expectTypeOf<{ readonly to: ObjectId.ObjectId; readonly lines: ReadonlyArray<string> }>().toExtend<Val.Val>()

// What joins or brackets has no place: a handler may use it, and a body too.
expectTypeOf(Tx.required(body)).toEqualTypeOf<
  Effect.Effect<number, Obj.CallError | Tx.TransactError | AvmError.CrossControllerTx, Obj.Obj | Tx.Tx>
>()
expectTypeOf(Tx.transact(Tx.required(body))).toEqualTypeOf<
  Effect.Effect<number, Obj.CallError | Tx.TransactError, Obj.Obj | Tx.Tx | Tx.OutsideTx>
>()

export const transactional = Account.toLayer({
  Deposit: ({ amount }) => Effect.orDie(Tx.required(Effect.as(Account.setState({ balance: amount }), amount))),
  Withdraw: ({ amount }) => Effect.succeed(amount),
  Balance: () => Effect.succeed(0)
})

// The failure of an enlisted STM is the bracket's, the place of the instruction gone.
expectTypeOf(Tx.transact(Tx.enlist(STM.fail("full" as const)))).toEqualTypeOf<
  Effect.Effect<void, "full" | Tx.TransactError, Tx.Tx | Tx.OutsideTx>
>()
