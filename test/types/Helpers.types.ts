// Functions over programs: generic ones repeat the condition of what they call.
import { Avm, Obj, Tx } from "@effect-avm/core"
import { Duration, Effect, Schedule } from "effect"
import { Account, AccountLive } from "./Bank.types.js"

const patiently = <A, E, R>(body: Effect.Effect<A, E, R> & Tx.NoNest<R>) =>
  Tx.transact(body, { retry: Schedule.recurs(5) })

const timed = <A, E, R>(body: Effect.Effect<A, E, R> & Tx.NoNest<R>) => Effect.timed(patiently(body))

const runForTest = <A, E, R>(program: Effect.Effect<A, E, R> & Avm.Runnable<R>) =>
  Avm.run(program).pipe(Effect.withSpan("test"))

// Waiting for what another transaction brings: what it has read must be changeable by others.
const firstDeposit = (account: typeof Account.Ref.Type) =>
  Effect.gen(function*() {
    const balance = yield* account.Balance()
    if (balance === 0) return yield* Tx.retry
    return balance
  })

export const program = Effect.gen(function*() {
  const account = yield* Account.create()
  const [elapsed, balance] = yield* timed(firstDeposit(account))
  const [second] = yield* firstDeposit(account).pipe(timed)
  return Duration.toMillis(Duration.sum(elapsed, second)) + balance
})

// One machine: the behaviours' layer and the program must be given the same layer, in one place.
export const main = runForTest(program).pipe(Effect.provide(AccountLive), Effect.provide(Avm.layerMemory))

// A helper that brackets says so in its type, so that it cannot slip into another bracket.
export const deposit = (account: typeof Account.Ref.Type, amount: number) => Tx.transact(account.Deposit({ amount }))

export const twice = (account: typeof Account.Ref.Type) =>
  Effect.all([deposit(account, 1), deposit(account, 2)]).pipe(
    Effect.catchIf(Obj.isCallError, () => Effect.succeed([0, 0]))
  )
