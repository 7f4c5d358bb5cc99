/** A bank in which two transfers race for the same accounts. */
import { Avm, Behaviour, ControllerId, Trace, Tx } from "@effect-avm/core"
import { Metrics } from "@effect-avm/opentelemetry"
import * as Rpc from "@effect/rpc/Rpc"
import { Effect, Layer, Schedule, Schema } from "effect"

const bank = ControllerId.make("bank")

class InsufficientFunds extends Schema.TaggedError<InsufficientFunds>()("InsufficientFunds", { missing: Schema.Int }) {}

export const Account = Behaviour.make("Account", {
  state: Schema.Int,
  initial: 100,
  protocol: [
    Rpc.make("Deposit", { payload: { amount: Schema.Int }, success: Schema.Int }),
    Rpc.make("Withdraw", { payload: { amount: Schema.Int }, success: Schema.Int, error: InsufficientFunds })
  ]
})

const AccountLive = Account.toLayer({
  *Deposit({ amount }) {
    const balance = (yield* Account.state) + amount
    yield* Account.setState(balance)
    return balance
  },
  *Withdraw({ amount }) {
    const balance = (yield* Account.state) - amount
    if (balance < 0) return yield* new InsufficientFunds({ missing: -balance })
    yield* Account.setState(balance)
    return balance
  }
})

export const Machine = Layer.provideMerge(AccountLive, Avm.layerMemory)

/** The same, counted. */
export const CountedMachine = Layer.provideMerge(
  AccountLive,
  Layer.provide(Avm.layer(), Layer.provideMerge(Metrics.layer(), Layer.merge(Avm.layerPortsMemory, Trace.layerNone)))
)

type AccountRef = typeof Account.Ref.Type

export const transfer = (from: AccountRef, to: AccountRef, amount: number) =>
  Tx.transact(
    Effect.gen(function*() {
      yield* from.Withdraw({ amount })
      yield* Effect.yieldNow()
      yield* to.Deposit({ amount })
    }),
    { retry: Schedule.recurs(3) }
  )

/** Both begin at the same time, so one of them loses, and tries again. */
export const race = Effect.gen(function*() {
  const [alice, bob] = yield* Effect.all([
    Account.create({ controller: bank }),
    Account.create({ controller: bank })
  ])
  yield* Effect.all([transfer(alice, bob, 30), transfer(alice, bob, 5)], { concurrency: "unbounded" })
  return [yield* alice.Deposit({ amount: 0 }), yield* bob.Deposit({ amount: 0 })] as const
})

export const overdraft = Effect.gen(function*() {
  const account = yield* Account.create({ controller: bank })
  yield* transfer(account, account, 1000)
})
