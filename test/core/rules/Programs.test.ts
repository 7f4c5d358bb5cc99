/** The rules of SPEC.md about programs: what they see of the store, the functions they share, how they end. */
import { Avm, Controller, Introspect, Machine, Obj, ObjectId, Pure, Reflect, TraceEvent, Tx } from "@effect-avm/core"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber, Option, Schema } from "effect"
import { stores } from "../../support/Stores.js"
import { ask, C1, C2, failure, granted, m1, machines, shown, tags } from "./World.js"

describe.each(stores)("reflection (%s)", (_, store) => {
  const { onMachine } = machines(store)

  it.effect("answers in order of creation, the pending ones last (A16)", () =>
    Avm.run(
      Effect.provide(
        Effect.gen(function*() {
          const ids = yield* Effect.replicateEffect(Obj.create("counter", C1), 12)
          // What is changed stays where it was.
          yield* Effect.forEach(ids.slice(0, 3), (id) => Machine.moveObject(id, m1))
          yield* Tx.begin()
          const pending = yield* Effect.replicateEffect(Obj.create("where"), 2)
          const all = [...ids, ...pending].map(({ value }) => value)
          const found = yield* Reflect.scryMeta(() => true)
          assert.deepStrictEqual(found.map(([id]) => id.value), all)
          const deep = yield* Reflect.scryDeep((behaviour) => behaviour === "where")
          assert.deepStrictEqual(deep.map(([id, behaviour]) => [id.value, behaviour]), [
            [all[12], "where"],
            [all[13], "where"]
          ])
        }),
        granted
      )
    ).pipe(onMachine))

  it.effect("a predicate that throws is ScryPredicateFailed, and the transaction stays open (D26)", () =>
    Avm.run(
      Effect.provide(
        Effect.gen(function*() {
          const id = yield* Obj.create("counter", C1)
          const tx = yield* Tx.begin()
          const failing = Reflect.scryMeta(() => {
            throw new Error("cannot look")
          })
          assert.deepStrictEqual(yield* failure(failing), { _tag: "ScryPredicateFailed", message: "cannot look" })
          const text = Reflect.scryDeep(() => {
            throw "just text"
          })
          assert.deepStrictEqual(yield* failure(text), { _tag: "ScryPredicateFailed", message: "just text" })
          yield* Obj.call(id, null)
          assert.isTrue(yield* Tx.commit(tx))
        }),
        granted
      )
    ).pipe(onMachine))
})

describe.each(stores)("pure functions (%s)", (_, store) => {
  const { onMachine } = machines(store)

  it.effect("registered again with the same text: true, and the version is kept; with another: refused (A36)", () =>
    Avm.run(
      Effect.provide(
        Effect.gen(function*() {
          const make = (n: number) => () => Option.some(n)
          yield* Pure.register("f", make(1))
          yield* Pure.update("f", make(2))
          assert.isTrue(yield* Pure.register("f", make(3)))
          assert.deepStrictEqual(yield* failure(Pure.update("f", make(4), { expectedVersion: 0 })), {
            _tag: "VersionConflict",
            name: "f",
            expected: 0,
            actual: 1
          })
          assert.isTrue(yield* Pure.update("f", make(4), { expectedVersion: 1 }))
          assert.deepStrictEqual(yield* failure(Pure.register("f", () => Option.none())), {
            _tag: "FunctionAlreadyRegistered",
            name: "f"
          })
          assert.deepStrictEqual(yield* failure(Pure.update("g", make(1))), { _tag: "FunctionNotFound", name: "g" })
          assert.deepStrictEqual(yield* Pure.call("f", []), Option.some(4))
          assert.deepStrictEqual(yield* Pure.call("g", []), Option.none())
        }),
        granted
      )
    ).pipe(onMachine))
})

/** Something of everything. */
const variety = Effect.gen(function*() {
  const [counter, agent] = [yield* Obj.create("counter", C1), yield* Obj.create("agent", C1)]
  yield* Effect.ignore(Tx.transact(Effect.zipRight(Obj.call(agent, ["call", counter]), Effect.fail("no"))))
  yield* Tx.transact(Effect.all([Obj.call(counter, 1), Obj.create("where")]))
  yield* Machine.teleport(m1)
  yield* Machine.fetch(counter)
  yield* Effect.all([Obj.call(counter, 2), Obj.call(agent, ["call", counter])], { concurrency: "unbounded" })
  yield* Controller.freeze(counter)
  yield* Controller.transfer(counter, C2)
  return yield* Obj.call(ObjectId.make("missing"), null)
})

describe.each(stores)("executions (%s)", (_, store) => {
  const { onMachine } = machines(store)

  it.effect("that fail keep what they have written, with ErrorOccurred at the end (D27)", () =>
    Effect.gen(function*() {
      const { exit, trace } = yield* Avm.runTraced(Effect.gen(function*() {
        const id = yield* Obj.create("counter", C1)
        yield* Obj.call(id, null)
        yield* Obj.call(ObjectId.make("missing"), null)
      }))
      assert.isTrue(Exit.isFailure(exit))
      assert.deepStrictEqual(tags(trace), ["ObjectCreated", "StateUpdated", "ObjectCalled", "ErrorOccurred"])
      assert.deepStrictEqual(shown(trace).at(-1), [
        { _tag: "ErrorOccurred", error: { _tag: "ObjectNotFound", id: "missing" } },
        null
      ])
      assert.deepStrictEqual(trace.map(({ timestamp }) => timestamp), [0, 1, 2, 3])
    }).pipe(onMachine))

  it.effect("with the same ids and the same scheduling are the same, entry by entry (D30)", () =>
    Effect.gen(function*() {
      const once = Effect.map(Avm.runTraced(variety), ({ exit, id, trace }) => ({
        id,
        exit: Exit.isFailure(exit) ? Option.map(Cause.failureOption(exit.cause), (error) => error._tag) : Option.none(),
        trace: trace.map((entry) => Schema.encodeSync(TraceEvent.TraceEntry)(entry))
      }))
      const [one, two] = [yield* onMachine(once), yield* onMachine(once)]
      assert.deepStrictEqual(one.exit, Option.some("ObjectNotFound"))
      assert.isAbove(one.trace.length, 15)
      assert.deepStrictEqual(one, two)
    }))

  it.effect("log failures and defects, and no interruption (A39)", () =>
    Effect.gen(function*() {
      const lastOf = <A, E>(program: Effect.Effect<A, E>) =>
        Effect.map(Avm.runTraced(Effect.zipRight(Introspect.setState(1), program)), ({ trace }) => tags(trace).at(-1))
      assert.strictEqual(yield* lastOf(Effect.fail("no")), "ErrorOccurred")
      assert.strictEqual(yield* lastOf(Effect.die("no")), "ErrorOccurred")
      assert.strictEqual(yield* lastOf(Effect.interrupt), "StateUpdated")
      assert.strictEqual(yield* lastOf(Effect.void), "StateUpdated")
      // What the program handles is no failure of it.
      assert.strictEqual(yield* lastOf(Effect.ignore(Effect.fail("no"))), "StateUpdated")
    }).pipe(onMachine))

  it.effect("that are interrupted from outside leave the machine usable, and nothing of an open transaction (D15)", () =>
    Effect.gen(function*() {
      const id = yield* Avm.run(Obj.create("counter", C1))
      const reached = yield* Deferred.make<void>()
      const fiber = yield* Effect.fork(Avm.run(Effect.gen(function*() {
        yield* Tx.begin()
        yield* Obj.call(id, null)
        yield* Deferred.succeed(reached, undefined)
        return yield* Effect.never
      })))
      yield* Deferred.await(reached)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(yield* Avm.run(ask(id, null)), 1)
    }).pipe(onMachine))
})
