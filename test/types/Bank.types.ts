// Typed behaviours: a protocol, a state, handlers; transactions over their references.
import { Avm, Behaviour, ControllerId, Tx } from "@effect-avm/core"
import * as Rpc from "@effect/rpc/Rpc"
import { Effect, Schema } from "effect"

export class InsufficientFunds extends Schema.TaggedError<InsufficientFunds>()("InsufficientFunds", {
  missing: Schema.Int
}) {}

export const Account = Behaviour.make("Account", {
  state: Schema.Struct({ balance: Schema.Int }),
  initial: { balance: 0 },
  protocol: [
    Rpc.make("Deposit", { payload: { amount: Schema.Int }, success: Schema.Int }),
    Rpc.make("Withdraw", { payload: { amount: Schema.Int }, success: Schema.Int, error: InsufficientFunds }),
    Rpc.make("Balance", { success: Schema.Int })
  ]
})

export const AccountLive = Account.toLayer({
  *Deposit({ amount }) {
    const { balance } = yield* Account.state
    yield* Account.setState({ balance: balance + amount })
    return balance + amount
  },
  *Withdraw({ amount }) {
    const { balance } = yield* Account.state
    if (balance < amount) return yield* new InsufficientFunds({ missing: amount - balance })
    yield* Account.setState({ balance: balance - amount })
    return balance - amount
  },
  // a function that returns an Effect does as well
  Balance: () => Effect.map(Account.state, ({ balance }) => balance)
})

const bank = ControllerId.make("bank")

export const transfer = Tx.transact(Effect.gen(function*() {
  const alice = yield* Account.create({ controller: bank })
  const bob = yield* Account.create({ controller: bank })
  yield* alice.Deposit({ amount: 100 })
  yield* alice.Withdraw({ amount: 30 })
  yield* bob.Deposit({ amount: 30 })
  return { alice, bob, balance: yield* alice.Balance() }
}))

export const main = Avm.run(transfer).pipe(
  Effect.provide(AccountLive),
  Effect.provide(Avm.layerMemory)
)

// The declared error is there by its name, the rest by the machine's.
export const careful = transfer.pipe(
  Effect.catchTag("InsufficientFunds", ({ missing }) => Effect.die(`short of ${missing}`)),
  Effect.catchTag("TxConflict", ({ objects }) => Effect.fail(`lost a race over ${objects.length} objects`))
)

export const start = () => Effect.runPromise(main)
