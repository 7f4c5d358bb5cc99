/** Group commit: those who are at it at once share a write, and go on sharing. Counted in COMMITs. */
import { Avm, Behaviour, Introspect, Obj, ObjectStore, Turns, Tx } from "@effect-avm/core"
import { Sqlite } from "@effect-avm/sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, ManagedRuntime } from "effect"
import { creating, local } from "../support/Counter.js"
import { faulty, layerDriver, newFile } from "./support.js"

const Counter = Behaviour.layerRaw("counter", function*() {
  const state = yield* Introspect.getState
  yield* Introspect.setState(typeof state === "number" ? state + 1 : 1)
  return []
})

const [atOnce, rounds] = [128, 10]

/** A driver that counts what it writes. */
const countingCommits = () => {
  const watched = faulty()
  const counting = { count: 0, layer: layerDriver(watched.driver) }
  watched.fault = (_, sql) => {
    if (sql === "COMMIT") counting.count++
    return "none"
  }
  return counting
}

/** How many COMMITs `body` takes. */
const commits = (
  body: (runtime: ManagedRuntime.ManagedRuntime<Avm.Platform, unknown>, count: () => number) => Promise<number>
) =>
  Effect.gen(function*() {
    const counting = countingCommits()
    const filename = yield* newFile
    const platform = Sqlite.layer({ filename, synchronous: "off", turns: { run: "manual", concurrency: atOnce } })
    const runtime = ManagedRuntime.make(
      Layer.provideMerge(Counter, platform).pipe(Layer.provide(counting.layer))
    )
    return yield* Effect.promise(() => body(runtime, () => counting.count).finally(() => runtime.dispose()))
  }).pipe(Effect.scoped)

const counters = Avm.run(Effect.replicateEffect(Obj.create("counter", local), atOnce))

describe("a write is shared", () => {
  it.effect("by programs that commit again and again", () =>
    Effect.gen(function*() {
      const taken = yield* commits(async (runtime, count) => {
        const ids = await runtime.runPromise(counters)
        const before = count()
        const program = (n: number) => {
          const [id] = ids.slice(n)
          assert(id !== undefined)
          return Effect.repeatN(Avm.run(Tx.transact(Obj.call(id, null))), rounds - 1)
        }
        await runtime.runPromise(Effect.forEach(ids, (_, n) => program(n), { concurrency: "unbounded" }))
        return count() - before
      })
      assert.isAtMost(taken, rounds + 1)
    }))

  it.effect("by turns, and by those that begin when they have ended", () =>
    Effect.gen(function*() {
      const taken = yield* commits(async (runtime, count) => {
        const ids = await runtime.runPromise(counters)
        const sending = Effect.forEach(ids, (id) => Obj.sendOnly(id, null), { concurrency: "unbounded" })
        await runtime.runPromise(Avm.run(Effect.repeatN(sending, rounds - 1)))
        const before = count()
        assert.strictEqual(await runtime.runPromise(Turns.settle), atOnce * rounds)
        return count() - before
      })
      assert.isAtMost(taken, rounds + 1)
    }))
})

describe("whoever is alone", () => {
  const committing = (store: ObjectStore.Service, n: number) => store.commit(creating(`o${n}`))

  /** Whether the scheduler has gone round since. */
  const watching = Effect.withFiberRuntime<() => boolean>((fiber) => {
    let wentRound = false
    fiber.currentScheduler.scheduleTask(() => wentRound = true, 0)
    return Effect.succeed(() => wentRound)
  })

  it.scoped("does not wait for others, but gives way now and then", () =>
    Effect.gen(function*() {
      const store = yield* ObjectStore.ObjectStore
      const ways: Array<string> = []
      for (let n = 0; n < 16; n++) {
        const wentRound = yield* watching
        yield* committing(store, n)
        ways.push(wentRound() ? "later" : "at once")
      }
      assert.isAtLeast(ways.filter((way) => way === "at once").length, 12)
      assert.isAtLeast(ways.filter((way) => way === "later").length, 2)
    }).pipe(Effect.provide(Sqlite.layerStore({ filename: ":memory:" }))))

  it.scoped("shares writes as soon as somebody else commits in the same turn", () =>
    Effect.gen(function*() {
      const counting = countingCommits()
      const store = yield* Effect.provide(
        ObjectStore.ObjectStore,
        yield* Layer.build(
          Sqlite.layerStore({ filename: ":memory:" }).pipe(Layer.provide(counting.layer))
        )
      )
      yield* Effect.forEach([1, 2, 3], (n) => committing(store, n))
      const before = counting.count
      const many = Array.from({ length: 64 }, (_, n) => n + 4)
      yield* Effect.forEach(many, (n) => committing(store, n), { concurrency: "unbounded" })
      // At most the first one by itself.
      assert.isAtMost(counting.count - before, 2)
    }))
})
