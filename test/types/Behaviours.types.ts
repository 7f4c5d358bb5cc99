// What must not compile, about behaviours.
import { Avm, Behaviour, Obj, Tx } from "@effect-avm/core"
import * as Rpc from "@effect/rpc/Rpc"
import { Effect, Schema } from "effect"
import { Account, AccountLive, transfer } from "./Bank.types.js"

class Oops extends Schema.TaggedError<Oops>()("Oops", {}) {}

const rest = {
  Withdraw: () => Effect.succeed(1),
  Balance: () => Effect.succeed(1)
}

export const b1 = Account.toLayer({
  ...rest,
  // @ts-expect-error an error the protocol does not declare
  *Deposit({ amount }) {
    if (amount < 0) return yield* new Oops()
    return amount
  }
})

export const b2 = Account.toLayer({
  ...rest,
  // @ts-expect-error the wrong success, from an Effect
  Deposit: () => Effect.succeed("many")
})

export const b3 = Account.toLayer({
  ...rest,
  // @ts-expect-error … from a generator
  *Deposit() {
    return "many"
  }
})

// @ts-expect-error a message without a handler
export const b4 = Account.toLayer(rest)

export const b5 = Account.toLayer({
  ...rest,
  Deposit: () => Effect.succeed(1),
  // @ts-expect-error a handler without a message
  Close: () => Effect.void
})

export const b6 = Account.toLayer({
  ...rest,
  // @ts-expect-error a bracket in a handler, which may run in its caller's transaction
  Deposit: () => Effect.as(Effect.orDie(transfer), 1)
})

export const b7 = Account.toLayer({
  ...rest,
  // @ts-expect-error waiting in a handler, which may run outside a transaction
  Deposit: () => Tx.retry
})

export const b8 = Account.toLayer({
  ...rest,
  // @ts-expect-error letting everything through that a raw call may fail with
  *Deposit() {
    const self = yield* Account.self
    yield* Obj.call(self.id, null)
    return 1
  }
})

export const b9 = Account.of({
  ...rest,
  // @ts-expect-error `of` checks as `toLayer` does
  Deposit: () => Effect.fail(new Oops())
})

// The place of a handler is wrong before its errors are: what a bracket fails with is nothing to declare.
declare const bracketing: Behaviour.CheckHandlers<
  (typeof Account.protocol)[number],
  { readonly Deposit: () => typeof transfer }
>["Deposit"]
export const b10:
  "A handler runs in its caller's transaction, if there is one: no Tx.transact, teleport or await here. Use Tx.required." =
    bracketing

declare const undeclared: Behaviour.CheckHandlers<
  (typeof Account.protocol)[number],
  { readonly Deposit: () => Effect.Effect<number, Oops> }
>["Deposit"]
export const b11: "This handler fails with Oops: declare it in the protocol, or handle it here." = undeclared

// @ts-expect-error the state of a behaviour outside its handlers
export const s1 = Avm.run(Account.state)

const Other = Behaviour.make("Other", { state: Schema.Null, initial: null, protocol: [Rpc.make("Go")] })

// The state of another behaviour in a handler stays a requirement that nothing can provide.
export const s2 = Avm.run(Other.create()).pipe(
  Effect.provide(Other.toLayer({ Go: () => Account.setState({ balance: 1 }) })),
  Effect.provide(Avm.layerMemory)
)
// @ts-expect-error
export const s2Started = () => Effect.runPromise(s2)

// @ts-expect-error the layer of the behaviour is not provided
export const s3 = () => Effect.runPromise(Avm.run(transfer).pipe(Effect.provide(Avm.layerMemory)))

// @ts-expect-error the machine is not provided
export const s4 = () => Effect.runPromise(Avm.run(transfer).pipe(Effect.provide(AccountLive)))

// @ts-expect-error the program is not run
export const s5 = () => Effect.runPromise(transfer.pipe(Effect.provide(AccountLive), Effect.provide(Avm.layerMemory)))

export const calls = Effect.gen(function*() {
  const account = yield* Account.create()
  // @ts-expect-error the wrong payload
  yield* account.Deposit({ amount: "3" })
  // @ts-expect-error no payload
  yield* account.Deposit()
  // @ts-expect-error no such message
  yield* account.Steal()
  // @ts-expect-error no such message to send
  yield* account.send.Steal()
})

export const d1 = Behaviour.make("Dated", {
  // @ts-expect-error a state that is no `Val` when encoded
  state: Schema.Struct({ since: Schema.DateFromSelf }),
  initial: { since: new Date(0) },
  protocol: []
})

export const d2 = Behaviour.make("Dated", {
  state: Schema.Struct({ since: Schema.Date }),
  // @ts-expect-error an initial state of another type
  initial: { since: "yesterday" },
  protocol: []
})

export const d3 = Behaviour.make("Odd", {
  state: Schema.Null,
  initial: null,
  protocol: [
    // @ts-expect-error a name that references use
    Rpc.make("send"),
    // @ts-expect-error an answer that is a stream
    Rpc.make("Watch", { success: Schema.Int, stream: true })
  ]
})

export const d4 = Behaviour.layerRaw(
  "raw",
  // @ts-expect-error outputs that are no list
  Effect.succeed(1)
)

// A reference to one behaviour is not one to another.
// @ts-expect-error
export const r1: typeof Other.Ref.Type = Account.ref(Account.ref({} as never).id)
