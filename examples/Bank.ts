/**
 * A bank: typed accounts, transfers in transactions, an overdraft that is undone, and the trace of it all.
 *
 * ```sh
 * npx tsx --conditions=@effect-avm/source examples/Bank.ts
 * ```
 */
import { Avm, Behaviour, ControllerId, IdGenerator, TraceEvent, Tx, Val } from "@effect-avm/core"
import * as Rpc from "@effect/rpc/Rpc"
import { Console, Effect, Layer, Option, Schema } from "effect"
import { realpathSync } from "node:fs"
import { pathToFileURL } from "node:url"

// ---------------------------------------------------------------------------
// the behaviour
// ---------------------------------------------------------------------------

export class InsufficientFunds extends Schema.TaggedError<InsufficientFunds>()("InsufficientFunds", {
  missing: Schema.Int
}) {}

const Amount = Schema.Int.pipe(Schema.positive())

export const Account = Behaviour.make("Account", {
  state: Schema.Struct({ balance: Schema.Int }),
  initial: { balance: 0 },
  protocol: [
    Rpc.make("Deposit", { payload: { amount: Amount }, success: Schema.Int }),
    Rpc.make("Withdraw", { payload: { amount: Amount }, success: Schema.Int, error: InsufficientFunds }),
    Rpc.make("Balance", { success: Schema.Int })
  ]
})

/** A reference to an account, as a type. */
export type Account = typeof Account.Ref.Type

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
  // A function that returns an Effect does as well.
  Balance: () => Effect.map(Account.state, ({ balance }) => balance)
})

// ---------------------------------------------------------------------------
// transactions
// ---------------------------------------------------------------------------

const bank = ControllerId.make("bank")

/** Opens two accounts and moves 30 from one to the other: all of it happens, or nothing does. */
export const transfer = Tx.transact(Effect.gen(function*() {
  const alice = yield* Account.create({ controller: bank })
  const bob = yield* Account.create({ controller: bank })
  yield* alice.Deposit({ amount: 100 })
  yield* alice.Withdraw({ amount: 30 })
  yield* bob.Deposit({ amount: 30 })
  return { alice, bob, balance: yield* alice.Balance() }
}))

/** The deposit comes first here, so that a refused withdrawal has something to undo. */
export const pay = (from: Account, to: Account, amount: number) =>
  Tx.transact(Effect.gen(function*() {
    yield* to.Deposit({ amount })
    yield* from.Withdraw({ amount })
  }))

// ---------------------------------------------------------------------------
// the program
// ---------------------------------------------------------------------------

const balances = (alice: Account, bob: Account) => Effect.all({ alice: alice.Balance(), bob: bob.Balance() })

export const program = Effect.gen(function*() {
  const { alice, bob } = yield* transfer
  const before = yield* balances(alice, bob)
  const missing = yield* pay(alice, bob, 100).pipe(
    Effect.as(0),
    Effect.catchTag("InsufficientFunds", ({ missing }) => Effect.succeed(missing))
  )
  const after = yield* balances(alice, bob)
  return { before, missing, after }
})

/** What `avm run examples/Bank.ts` needs besides the program. */
export const layer = AccountLive

/** Ids that count (o1, o2, …, t1, t2, …) instead of random ones, so that every run prints the same. */
const Machine = Avm.layer().pipe(Layer.provide(IdGenerator.layerCounter), Layer.provide(Avm.layerPortsMemory))

export const main = Effect.gen(function*() {
  const { exit, trace } = yield* Avm.runTraced(program)
  const { after, before, missing } = yield* exit
  yield* Console.log(`Two accounts, and 30 moved   alice ${before.alice}, bob ${before.bob}`)
  yield* Console.log(`Alice pays 100               refused, ${missing} are missing`)
  yield* Console.log(`The deposit is undone too    alice ${after.alice}, bob ${after.bob}`)
  yield* Console.log(`\n${table(trace)}`)
  return { before, missing, after }
}).pipe(Effect.provide(AccountLive), Effect.provide(Machine))

// ---------------------------------------------------------------------------
// the trace as a table
// ---------------------------------------------------------------------------

const table = (trace: ReadonlyArray<TraceEvent.TraceEntry>): string => {
  const rows = [
    ["time", "controller", "event", "details"],
    ...trace.map(({ event, executingController, timestamp }) => [
      String(timestamp),
      Option.getOrElse(executingController, () => "-"),
      event._tag,
      details(event)
    ])
  ]
  const widthOf = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0))
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widthOf(column))).join("  ").trimEnd()).join("\n")
}

const details = (event: TraceEvent.TraceEvent): string => {
  switch (event._tag) {
    case "ObjectCreated":
      return `${event.id.value}: ${event.behaviour}`
    case "ObjectCalled":
      return `${event.id.value}: ${Val.format(event.input)} -> ${
        Option.match(event.output, { onNone: () => "nothing", onSome: Val.format })
      }`
    case "StateUpdated":
      return event.id.value
    case "TransactionStarted":
    case "TransactionCommitted":
    case "TransactionAborted":
      return event.tx
    default:
      return JSON.stringify(Schema.encodeSync(TraceEvent.TraceEvent)(event))
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) {
  await Effect.runPromise(main)
}
