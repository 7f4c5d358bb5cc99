/** The seeded scheduler: the same order from the same seed, whatever the fibers do, and nobody waits for ever. */
import { Avm, Behaviour, Introspect, Obj } from "@effect-avm/core"
import * as SeededScheduler from "@effect-avm/testkit/SeededScheduler"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import * as TestContext from "effect/TestContext"
import { assert, describe, it } from "vitest"

const seeds = Array.from({ length: 20 }, (_, seed) => seed)

/** The log of several fibers that do the same. */
const side = (body: (say: (what: string) => Effect.Effect<void>) => Effect.Effect<unknown>) =>
  Effect.gen(function*() {
    const log: Array<string> = []
    const named = (name: string) => body((what) => Effect.sync(() => log.push(`${name}${what}`)))
    yield* Effect.forEach(["a", "b", "c"], named, { concurrency: "unbounded" })
    return log.join(" ")
  })

const orders = (effect: Effect.Effect<string>) =>
  Effect.runPromise(Effect.forEach(seeds, (seed) => SeededScheduler.withSeed(seed)(effect)))

/** Each seed gives one order, and together they give at least so many. */
const reproducible = async (effect: Effect.Effect<string>, different: number) => {
  const first = await orders(effect)
  assert.deepStrictEqual(await orders(effect), first)
  assert.isAtLeast(new Set(first).size, different)
}

describe("SeededScheduler", () => {
  it("reproduces fibers that yield", () =>
    reproducible(
      side((say) => Effect.forEach([1, 2, 3, 4], (n) => Effect.zipRight(Effect.yieldNow(), say(`${n}`)))),
      15
    ))

  it("reproduces fibers that fork, wait and wake", () =>
    reproducible(
      side((say) =>
        Effect.gen(function*() {
          const gate = yield* Deferred.make<void>()
          const waiting = yield* Effect.forEach(
            [1, 2, 3],
            (n) => Effect.fork(Effect.zipRight(Deferred.await(gate), say(`${n}`)))
          )
          yield* say("opens")
          yield* Deferred.succeed(gate, undefined)
          yield* Fiber.joinAll(waiting)
        })
      ),
      15
    ))

  it("goes with the TestClock", () =>
    reproducible(
      Effect.gen(function*() {
        const fiber = yield* Effect.fork(
          side((say) => Effect.forEach([1], (n) => Effect.zipRight(Effect.sleep("1 second"), say(`${n}`))))
        )
        yield* TestClock.adjust("1 second")
        return yield* Fiber.join(fiber)
      }).pipe(Effect.provide(TestContext.TestContext)),
      // It wakes the sleepers one by one, so that only their falling asleep is a matter of the seed.
      6
    ))

  it("lets live timers have their turn, and nobody starve", () =>
    Effect.runPromise(
      SeededScheduler.withSeed(1)(
        Effect.race(Effect.forever(Effect.yieldNow()), Effect.as(Effect.sleep("5 millis"), "woken"))
      )
    ).then((woken) => assert.strictEqual(woken, "woken")))

  it("leaves what comes after to the scheduler before it", () =>
    Effect.runPromise(Effect.gen(function*() {
      yield* SeededScheduler.withSeed(1)(Effect.yieldNow())
      yield* Effect.yieldNow()
    })))

  it("interleaves single instructions with layerYielding, inside behaviours too", async () => {
    const Echo = Behaviour.layerRaw("counter", function*() {
      const [count] = [yield* Introspect.getState].flat()
      const next = typeof count === "number" ? count + 1 : 1
      yield* Introspect.setState(next)
      return [next]
    })
    const platform = Layer.merge(SeededScheduler.layerYielding, Echo).pipe(Layer.provideMerge(Avm.layerMemory))
    // Outside transactions a call is not atomic, so that some seeds lose some updates.
    const counted = (seed: number) =>
      Effect.gen(function*() {
        const counter = yield* Avm.run(Obj.create("counter"))
        const call = Avm.run(Obj.call(counter, null))
        yield* SeededScheduler.withSeed(seed)(Effect.all([call, call, call], { concurrency: "unbounded" }))
        return String(yield* Avm.run(Obj.call(counter, null)))
      }).pipe(Effect.provide(platform))
    const all = await Effect.runPromise(Effect.forEach(seeds, counted))
    assert.deepStrictEqual(await Effect.runPromise(Effect.forEach(seeds, counted)), all)
    assert.isAbove(new Set(all).size, 1)
  })
})
