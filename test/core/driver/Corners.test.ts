/** Corners that the driver once got wrong: each of these tests failed first. */
import { Avm, Behaviour, Introspect, Obj, Tx } from "@effect-avm/core"
import { assert, describe } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber, Layer } from "effect"
import { machineOn, onEachStore, type StoreLayer } from "../../support/Stores.js"
import * as Spins from "./spins.js"

const defect = new Error("broken")

const ThrowingAtOnce = Behaviour.layerRaw("throwing at once", (): Generator<never, [], never> => {
  throw defect
})

const caughtByTry = <A, E, R>(instruction: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    try {
      yield* instruction
    } catch {
      return "caught by try"
    }
    return "went on"
  })

const Trying = Behaviour.layerRaw("trying", function*() {
  const id = yield* Obj.create("throwing at once")
  return [yield* caughtByTry(Obj.call(id, null))]
})

const machine = (store: StoreLayer) => Layer.provideMerge(Layer.merge(ThrowingAtOnce, Trying), machineOn(store))

onEachStore("open", machine, (it) => {
  describe("a defect is never thrown into the generator of whoever yielded the instruction", () => {
    it.effect("of a behaviour whose function throws before there is a generator", () =>
      Effect.gen(function*() {
        const program = Effect.flatMap(Obj.create("trying"), (id) => Obj.call(id, null))
        const exit = yield* Effect.exit(Avm.run(program))
        assert(Exit.isFailure(exit))
        assert.deepStrictEqual([...Cause.defects(exit.cause)], [defect])
      }))
  })

  it.effect("a finalizer that dies in an interrupted bracket is not swallowed", () =>
    Effect.gen(function*() {
      const defects = yield* Avm.run(Effect.gen(function*() {
        const reached = yield* Deferred.make<void>()
        const body = Effect.ensuring(
          Effect.zipRight(Deferred.succeed(reached, undefined), Effect.never),
          Effect.die(defect)
        )
        const fiber = yield* Effect.fork(Tx.transact(body))
        yield* Deferred.await(reached)
        const exit = yield* Fiber.interrupt(fiber)
        return Exit.isFailure(exit) ? [...Cause.defects(exit.cause)] : []
      }))
      assert.deepStrictEqual(defects, [defect])
    }))

  it("100,000 instructions need no event loop: runSync runs them", () => {
    const program = Effect.gen(function*() {
      for (let n = 0; n < 100_000; n++) yield* Introspect.setState(n)
      return yield* Introspect.getState
    })
    assert.strictEqual(Effect.runSync(Effect.provide(Avm.run(program), Avm.layerMemory)), 99_999)
  })
})

onEachStore("open: while it spins through instructions", Spins.machine, (it) => {
  for (
    const name of ["many transactions", "a program without a generator", "a behaviour without a generator"] as const
  ) {
    it.effect(`${name} lets a timer come`, () =>
      Effect.gen(function*() {
        const watch = Spins.watching("a timer")
        yield* Effect.ensuring(Spins.spins[name], Effect.sync(() => watch.stop()))
        assert.isBelow(watch.instructions, Spins.bound)
      }))
  }
})
