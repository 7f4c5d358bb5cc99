/** A program that has seen what another one was about to commit, when that cannot be written: it is told so, however it ends. */
import { Avm, AvmError, Behaviour, ControllerId, Introspect, Obj, type ObjectId, Tx } from "@effect-avm/core"
import { Sqlite } from "@effect-avm/sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer } from "effect"
import { faulty, newFile, withDriver } from "./support.js"

/** Any input but "get" is its new state. */
const Cell = Behaviour.layerRaw("cell", function*() {
  const input = yield* Introspect.input
  if (input !== "get") yield* Introspect.setState(input)
  return [yield* Introspect.getState]
})

const owner = ControllerId.make("C1")

/** Runs `body` while "new" is committed and cannot be written; then all is well again. */
const seeing = <A, E>(body: (cell: ObjectId.ObjectId) => Effect.Effect<A, E, Avm.Avm>) =>
  Effect.gen(function*() {
    const failing = faulty()
    const filename = yield* newFile
    const running = Effect.gen(function*() {
      const cell = yield* Avm.run(Obj.create("cell", owner))
      yield* Avm.run(Obj.call(cell, "old"))
      failing.fault = (_, sql) => sql === "COMMIT" ? "fails" : "none"
      const writer = yield* Effect.fork(Effect.flip(Avm.run(Tx.transact(Obj.call(cell, "new")))))
      const reader = yield* Effect.fork(Effect.exit(body(cell)))
      assert.instanceOf(yield* Fiber.join(writer), AvmError.StoreError)
      const exit = yield* Fiber.join(reader)
      failing.fault = () => "none"
      assert.deepStrictEqual(yield* Avm.run(Effect.flatten(Obj.call(cell, "get"))), "old")
      return exit
    })
    const platform = Layer.provideMerge(Cell, Sqlite.layer({ filename, synchronous: "off" }))
    return yield* running.pipe(Effect.provide(platform), withDriver(failing.driver))
  }).pipe(Effect.scoped)

const get = (cell: ObjectId.ObjectId) =>
  Effect.map(Effect.flatten(Obj.call(cell, "get")), (state) => {
    assert.strictEqual(state, "new", "it has seen what is about to be written")
  })

const isLost = <A, E>(exit: Exit.Exit<A, E>) => {
  assert(Exit.isFailure(exit) && exit.cause._tag === "Fail", String(exit))
  assert.instanceOf(exit.cause.error, AvmError.StoreError)
  assert.match(String(exit.cause.error), /lost in a failed write/)
}

describe("a transaction that has seen what then was not written", () => {
  it.live("fails if it only read", () =>
    Effect.map(seeing((cell) => Avm.run(Tx.transact(get(cell), { readOnly: true }))), isLost))

  it.live("fails with that if its body failed with something else", () =>
    Effect.map(
      seeing((cell) => Avm.run(Tx.transact(Effect.zipRight(get(cell), Effect.fail("because of what it saw"))))),
      isLost
    ))

  it.live("fails if it is aborted; its trace says that it was", () =>
    Effect.gen(function*() {
      let tags: ReadonlyArray<string> = []
      const exit = yield* seeing((cell) =>
        Effect.flatMap(
          Avm.runTraced(Effect.gen(function*() {
            const tx = yield* Tx.begin()
            yield* get(cell)
            yield* Tx.abort(tx)
          })),
          ({ exit, trace }) => {
            tags = trace.map(({ event }) => event._tag)
            return exit
          }
        )
      )
      isLost(exit)
      assert.deepStrictEqual(tags, ["TransactionStarted", "ObjectCalled", "TransactionAborted", "ErrorOccurred"])
    }))

  it.live("fails if it is left open by a program that ends", () =>
    Effect.map(
      seeing((cell) => Avm.run(Effect.zipRight(Tx.begin(), get(cell)))),
      (exit) => assert(Exit.isFailure(exit) && exit.cause._tag === "Die", String(exit))
    ))
})
