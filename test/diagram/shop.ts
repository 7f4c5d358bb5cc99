/**
 * A program with something to see: customers hold accounts and call them, two controllers, a payment that is undone, an
 * account that is closed, and an error at the end.
 */
import { Behaviour, ControllerId, Obj, Tx } from "@effect-avm/core"
import * as Rpc from "@effect/rpc/Rpc"
import { Effect, Layer, Schema } from "effect"
import { Account, AccountLive, InsufficientFunds } from "../../examples/Bank.js"

const bank = ControllerId.make("bank")
const shop = ControllerId.make("shop")

const Customer = Behaviour.make("Customer", {
  state: Schema.Struct({ name: Schema.String, account: Schema.NullOr(Account.Ref) }),
  initial: { name: "", account: null },
  protocol: [
    Rpc.make("Open", { payload: { name: Schema.String, amount: Schema.Int }, success: Account.Ref }),
    Rpc.make("Pay", { payload: { to: Account.Ref, amount: Schema.Int }, success: Schema.Int, error: InsufficientFunds })
  ]
})

const CustomerLive = Customer.toLayer({
  *Open({ amount, name }) {
    const account = yield* Account.create({ controller: bank })
    yield* account.Deposit({ amount })
    yield* Customer.setState({ name, account })
    return account
  },
  *Pay({ amount, to }) {
    const { account } = yield* Customer.state
    if (account === null) return yield* new InsufficientFunds({ missing: amount })
    yield* to.Deposit({ amount })
    return yield* account.Withdraw({ amount })
  }
})

export const layer = Layer.provideMerge(CustomerLive, AccountLive)

export const program = Effect.gen(function*() {
  const ann = yield* Customer.create({ controller: shop })
  const bob = yield* Customer.create({ controller: shop })
  const first = yield* ann.Open({ name: "Ann", amount: 100 })
  const second = yield* bob.Open({ name: "Bob", amount: 20 })
  yield* Tx.transact(Effect.gen(function*() {
    yield* second.Deposit({ amount: 30 })
    yield* first.Withdraw({ amount: 30 })
  }))
  yield* Effect.ignore(Tx.transact(Effect.gen(function*() {
    yield* first.Deposit({ amount: 500 })
    yield* second.Withdraw({ amount: 500 })
  })))
  yield* ann.Pay({ to: second, amount: 20 })
  const spare = yield* Account.create({ controller: bank })
  yield* Tx.transact(Obj.destroy(spare.id))
  yield* bob.Pay({ to: first, amount: 1_000 })
})
