/** Brackets that are driven where they stand, cut where the fiber takes over: nothing of them stays open. */
import { Avm, Behaviour, ControllerId, Introspect, Obj, Reify, Tx } from "@effect-avm/core"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Option } from "effect"
import { stores } from "../../support/Stores.js"

const Cell = Behaviour.layerRaw("cell", function*() {
  yield* Introspect.setState(yield* Introspect.input)
  return [yield* Introspect.getState]
})

const owner = ControllerId.make("C1")

/** Its fiber is told to end while it is running: it does so where it next comes by its run loop. */
const interruptSelf = Effect.sync(() => {
  const fiber = Option.getOrThrow(Fiber.getCurrentFiber())
  fiber.unsafeInterruptAsFork(fiber.id())
})

/** Whatever runs until the fiber takes over, and never comes to its end. */
const cut = Effect.zipRight(interruptSelf, Effect.never)

const turns = Effect.repeatN(Effect.yieldNow(), 20)

const events = (trace: Avm.Execution<unknown, unknown>["trace"]) =>
  trace.map(({ event }) => event._tag).filter((tag) => tag.startsWith("Transaction"))

for (const [name, store] of stores) {
  const machine = Layer.provideMerge(
    Cell,
    Avm.layer({}).pipe(Layer.provide(Layer.provideMerge(store, Avm.layerPortsMemory)))
  )

  it.layer(machine)(`a bracket on ${name}`, (it) => {
    describe("whose fiber is interrupted between what it did and what is left", () => {
      it.effect("is aborted before a finalizer of the program does anything", () =>
        Effect.gen(function*() {
          const seen: Array<Option.Option<string>> = []
          const program = Effect.gen(function*() {
            const cell = yield* Obj.create("cell", owner)
            const context = Effect.map(Reify.context, ({ controller }) => void seen.push(controller))
            return yield* Effect.ensuring(Tx.transact(Effect.zipRight(Obj.call(cell, 1), cut)), context)
          })
          const fiber = yield* Effect.fork(Avm.run(program))
          assert(Exit.isInterrupted(yield* Fiber.await(fiber)))
          // In the transaction it would have been its controller.
          assert.deepStrictEqual(seen, [Option.none()])
        }))

      it.effect("is aborted where the fiber never does anything again", () =>
        Effect.gen(function*() {
          const { exit, trace } = yield* Avm.runTraced(Effect.gen(function*() {
            const cell = yield* Obj.create("cell", owner)
            yield* Obj.call(cell, 0)
            const body = Effect.zipRight(Obj.call(cell, 1), cut)
            const fiber = yield* Effect.fork(Effect.zipRight(Introspect.self, Tx.transact(body)))
            assert(Exit.isInterrupted(yield* Fiber.await(fiber)))
            yield* turns
            // Written between the end of that fiber and that of the program.
            yield* Tx.transact(Obj.call(cell, 2))
          }))
          assert(Exit.isSuccess(exit), String(exit))
          assert.deepStrictEqual(events(trace), [
            "TransactionStarted",
            "TransactionAborted",
            "TransactionStarted",
            "TransactionCommitted"
          ])
        }))
    })

    it.effect("goes on where its body waits, in the middle of a generator and of handlers", () =>
      Effect.gen(function*() {
        const answer = yield* Avm.run(Effect.gen(function*() {
          const cell = yield* Obj.create("cell", owner)
          return yield* Tx.transact(Effect.gen(function*() {
            const first = yield* Obj.call(cell, 1)
            const caught = yield* Effect.catchAll(
              Effect.gen(function*() {
                yield* Effect.yieldNow()
                return yield* Effect.fail("failed" as const)
              }),
              (error) => Effect.map(Obj.call(cell, 2), (second) => [error, second] as const)
            )
            return [first, caught] as const
          }))
        }))
        assert.deepStrictEqual(answer, [Option.some(1), ["failed", Option.some(2)]])
      }))

    it.effect("aborts where its body fails, dies or throws, with what it failed with", () =>
      Effect.gen(function*() {
        const defect = new Error("broken")
        const throwing = Effect.gen(function*() {
          yield* Introspect.self
          throw defect
        })
        const { exit, trace } = yield* Avm.runTraced(Effect.gen(function*() {
          const cell = yield* Obj.create("cell", owner)
          const called = Obj.call(cell, 1)
          return [
            yield* Effect.exit(Tx.transact(Effect.zipRight(called, Effect.fail("failed")))),
            yield* Effect.exit(Tx.transact(Effect.zipRight(called, Effect.die(defect)))),
            yield* Effect.exit(Tx.transact(Effect.zipRight(called, throwing)))
          ]
        }))
        assert.deepStrictEqual(exit, Exit.succeed([Exit.fail("failed"), Exit.die(defect), Exit.die(defect)]))
        assert.deepStrictEqual(
          events(trace),
          [1, 2, 3].flatMap(() => ["TransactionStarted", "TransactionAborted"])
        )
      }))
  })
}
