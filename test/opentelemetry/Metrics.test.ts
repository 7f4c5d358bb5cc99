// The numbers, exactly, one test at a time: metrics belong to the process.
import { Avm, Obj, ObjectStore, Tx } from "@effect-avm/core"
import { Metrics } from "@effect-avm/opentelemetry"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Metric } from "effect"
import { Account, CountedMachine, Machine, overdraft, race } from "./bank.js"

const numbers = Effect.gen(function*() {
  const counters = yield* Effect.all({
    commits: Metric.value(Metrics.commits),
    aborts: Metric.value(Metrics.aborts),
    conflicts: Metric.value(Metrics.conflicts),
    retries: Metric.value(Metrics.retries),
    calls: Metric.value(Metrics.calls)
  })
  const { instruction, transaction } = Metrics.commitDuration
  return {
    commits: counters.commits.count,
    aborts: counters.aborts.count,
    conflicts: counters.conflicts.count,
    retries: counters.retries.count,
    calls: counters.calls.count,
    transactions: (yield* Metric.value(transaction)).count,
    instructions: (yield* Metric.value(instruction)).count
  }
})

const gauges = Effect.map(
  Effect.all([Metric.value(Metrics.liveSnapshots), Metric.value(Metrics.storedObjects)]),
  ([snapshots, objects]) => [snapshots.value, objects.value] as const
)

/** By how much the numbers grow. */
const growth = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const before = yield* numbers
    yield* Effect.exit(effect)
    const after = yield* numbers
    return Object.fromEntries(
      Object.entries(after).map(([name, count]) => [name, count - before[name as keyof typeof before]])
    )
  })

const nothing = { commits: 0, aborts: 0, conflicts: 0, retries: 0, calls: 0, transactions: 0, instructions: 0 }

describe.sequential("the metrics", () => {
  it.live("of a race", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* growth(Effect.provide(Avm.run(race), CountedMachine)), {
        ...nothing,
        commits: 2,
        aborts: 1,
        conflicts: 1,
        retries: 1,
        calls: 8,
        transactions: 2,
        // Two are created; two calls outside transactions set their state and enter the message.
        instructions: 6
      })
    }))

  it.live("of what fails", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* growth(Effect.provide(Avm.run(overdraft), CountedMachine)), {
        ...nothing,
        aborts: 1,
        instructions: 1
      })
    }))

  it.live("of what waits", () =>
    Effect.gen(function*() {
      const waits = Effect.gen(function*() {
        const account = yield* Account.create()
        const enough = Effect.flatMap(
          account.Deposit({ amount: 0 }),
          (balance) => balance > 100 ? Effect.void : Tx.retry
        )
        const waiting = yield* Effect.fork(Avm.run(Tx.transact(enough)))
        yield* Effect.repeatN(Effect.yieldNow(), 50)
        yield* account.Deposit({ amount: 1 })
        yield* Effect.orDie(Fiber.join(waiting))
      })
      assert.deepStrictEqual(yield* growth(Effect.provide(Avm.run(waits), CountedMachine)), {
        ...nothing,
        commits: 1,
        aborts: 1,
        retries: 1,
        calls: 3,
        transactions: 1,
        instructions: 3
      })
    }))

  it.live("show what is held and what is stored, and go back to nothing with the layer", () =>
    Effect.gen(function*() {
      const [snapshots, objects] = yield* gauges
      const seen: Array<readonly [number, number]> = []
      const look = Effect.map(gauges, ([held, stored]) => {
        seen.push([held - snapshots, stored - objects])
      })
      const program = Avm.run(Effect.gen(function*() {
        const account = yield* Account.create()
        const gate = yield* Deferred.make<void>()
        const open = yield* Effect.fork(
          Tx.transact(Effect.zipRight(account.Deposit({ amount: 1 }), Deferred.await(gate)))
        )
        yield* Effect.repeatN(Effect.yieldNow(), 50)
        yield* look
        yield* Deferred.succeed(gate, undefined)
        yield* Fiber.join(open)
        yield* look
        yield* Obj.destroy(account.id)
        yield* look
      }))
      yield* Effect.provide(Effect.exit(program), CountedMachine)
      assert.deepStrictEqual(seen, [[1, 1], [0, 1], [0, 0]])
      assert.deepStrictEqual(yield* gauges, [snapshots, objects])
    }))

  it.live("begin with the objects that are there", () =>
    Effect.gen(function*() {
      const [, objects] = yield* gauges
      const looked = Effect.map(gauges, ([, stored]) => stored - objects)
      const store = Layer.merge(Avm.layerPortsMemory, ObjectStore.layerMemory)
      const given = Layer.provide(Metrics.layer({ objects: Effect.succeed(41) }), store)
      assert.strictEqual(yield* Effect.provide(looked, given), 41)
    }))

  it.live("count nothing where nobody has asked for them", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* growth(Effect.provide(Avm.run(race), Machine)), { ...nothing, retries: 1 })
    }))
})
