// What must not compile, about places.
import { Avm, Machine, MachineId, Tx } from "@effect-avm/core"
import { Effect, STM } from "effect"
import { Account, transfer } from "./Bank.types.js"
import { deposit } from "./Helpers.types.js"

const nested = Effect.gen(function*() {
  const { alice } = yield* transfer
  return alice
})

// @ts-expect-error a bracket inside a bracket
export const n1 = Tx.transact(nested)
// @ts-expect-error … at the end of a pipe
export const n2 = nested.pipe(Tx.transact)
// @ts-expect-error … with options
export const n3 = nested.pipe(Tx.transactWith({}))
// @ts-expect-error … directly
export const n4 = Tx.transact(Tx.transact(Account.create()))

export const n5 = Tx.transact(
  // @ts-expect-error … through a helper that brackets
  Effect.flatMap(Account.create(), (account) => deposit(account, 1))
)

// @ts-expect-error … through combinators
export const n6 = Tx.transact(Effect.all([Effect.either(transfer), Effect.void], { concurrency: 2 }))

// @ts-expect-error teleport inside a bracket
export const n7 = Tx.transact(Machine.teleport(MachineId.make("m1")))

export const n8 = Tx.transact(
  // @ts-expect-error waiting for an answer that leaves only after the commit
  Effect.flatMap(
    Account.create(),
    (account) => Effect.flatMap(account.send.Deposit({ amount: 1 }), (price) => price.await)
  )
)

// @ts-expect-error retry outside a bracket
export const n9 = Avm.run(Tx.retry)
// @ts-expect-error enlist outside a bracket
export const n10 = Avm.run(Tx.enlist(STM.void))

// A generic helper that forgets the condition does not compile itself.
export const forgetful = <A, E, R>(body: Effect.Effect<A, E, R>) =>
  // @ts-expect-error
  Tx.transact(body)

// The failure of an enlisted STM is in the bracket's error.
// @ts-expect-error
export const n11: Effect.Effect<void, Tx.TransactError, Tx.Tx | Tx.OutsideTx> = Tx.transact(Tx.enlist(STM.fail("full")))
