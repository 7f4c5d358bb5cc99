/** Group commit: those who are at it at once share a write, and go on sharing. Counted in COMMITs. */
import { Avm, Behaviour, ControllerId, Introspect, Obj, Turns, Tx } from "@effect-avm/core"
import { Sqlite } from "@effect-avm/sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, ManagedRuntime } from "effect"
import { faulty, layerDriver, newFile } from "./support.js"

const Counter = Behaviour.layerRaw("counter", function*() {
  const state = yield* Introspect.getState
  yield* Introspect.setState(typeof state === "number" ? state + 1 : 1)
  return []
})

const local = ControllerId.make("local")
const [atOnce, rounds] = [128, 10]

/** How many COMMITs `body` takes. */
const commits = (
  body: (runtime: ManagedRuntime.ManagedRuntime<Avm.Platform, unknown>, count: () => number) => Promise<number>
) =>
  Effect.gen(function*() {
    let count = 0
    const counting = faulty()
    counting.fault = (_, sql) => {
      if (sql === "COMMIT") count++
      return "none"
    }
    const filename = yield* newFile
    const platform = Sqlite.layer({ filename, synchronous: "off", turns: { run: "manual", concurrency: atOnce } })
    const runtime = ManagedRuntime.make(
      Layer.provideMerge(Counter, platform).pipe(Layer.provide(layerDriver(counting.driver)))
    )
    return yield* Effect.promise(() => body(runtime, () => count).finally(() => runtime.dispose()))
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
