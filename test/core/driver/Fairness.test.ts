/**
 * A program that never waits lets timers, sockets and other fibers have their turn. Counted in instructions, not in time:
 * at a twentieth of a microsecond each, the 20 ms that a timer may be late are 400,000 of them.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, ManagedRuntime } from "effect"
import { inMemory, onEachStore } from "../../support/Stores.js"
import { bound, machine, spins, watching } from "./spins.js"

const names = [
  "a program",
  "a program of calls",
  "a transaction",
  "labels",
  "a search",
  "choices",
  "a behaviour",
  "a behaviour that calls",
  "a callee 100 calls down",
  "a callee 300 calls down"
] as const

onEachStore("while it spins through instructions", machine, (it) => {
  for (const name of names) {
    for (const kind of ["an immediate", "a timer"] as const) {
      it.effect(`${name} lets ${kind} come`, () =>
        Effect.gen(function*() {
          const watch = watching(kind)
          yield* Effect.ensuring(spins[name], Effect.sync(() => watch.stop()))
          assert.isBelow(watch.instructions, bound)
        }))
    }

    it.effect(`${name} lets other fibers go on, and can be interrupted`, () =>
      Effect.gen(function*() {
        const watch = watching("a timer")
        watch.stop()
        const started = yield* Deferred.make<void>()
        const fiber = yield* Effect.fork(Effect.zipRight(Deferred.succeed(started, undefined), spins[name]))
        yield* Deferred.await(started)
        yield* Effect.repeatN(Effect.yieldNow(), 5)
        yield* Fiber.interrupt(fiber)
        assert.isBelow(watch.instructions, bound)
      }))
  }
})

// What it runs has the scheduler that has built it: a synchronous one, which is one no more.
describe("in a ManagedRuntime", () => {
  for (const name of names) {
    for (const kind of ["an immediate", "a timer"] as const) {
      it(`${name} lets ${kind} come`, async () => {
        const runtime = ManagedRuntime.make(machine(inMemory[1]))
        await runtime.runtime()
        const watch = watching(kind)
        await runtime.runPromise(spins[name])
        watch.stop()
        assert.isBelow(watch.instructions, bound)
        await runtime.dispose()
      })
    }
  }
})
