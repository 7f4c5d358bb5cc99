// The machine in tests: one layer for a suite, one run per test.
import { Avm, IdGenerator, MachineId, Reachability, Trace, Tx } from "@effect-avm/core"
import { assert, it } from "@effect/vitest"
import { Effect, Exit, Layer } from "effect"
import { Account, AccountLive, transfer } from "./Bank.types.js"

it.layer(AccountLive.pipe(Layer.provideMerge(Avm.layerMemory)))("Bank", (it) => {
  it.effect("transfers", () =>
    Effect.gen(function*() {
      const { balance } = yield* Avm.run(transfer)
      assert.strictEqual(balance, 70)
    }))

  it.effect("an overdraft rolls back, and says so in the trace", () =>
    Effect.gen(function*() {
      const overdraft = Tx.transact(Effect.flatMap(Account.create(), (account) => account.Withdraw({ amount: 1 })))
      const { exit, trace } = yield* Avm.runTraced(overdraft)
      assert.isTrue(Exit.isFailure(exit))
      assert.strictEqual(trace.at(-1)?.event._tag, "ErrorOccurred")
    }))
})

// Ports of one's own choice under the same machine: same ids in every run, a switchboard for what can be reached.
const TestMachine = Avm.layer().pipe(
  Layer.provideMerge(Reachability.layerTest),
  Layer.provide(IdGenerator.layerCounter),
  Layer.provide(Trace.layerRing({ capacity: 1_000 })),
  Layer.provide(Avm.layerPortsMemory)
)

it.layer(AccountLive.pipe(Layer.provideMerge(TestMachine)))("Bank, cut off", (it) => {
  it.effect("an unreachable machine", () =>
    Effect.gen(function*() {
      const switchboard = yield* Reachability.Switchboard
      yield* switchboard.setMachine(MachineId.make("m1"), false)
      yield* Avm.run(transfer)
    }))
})
