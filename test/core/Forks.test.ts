/** A38: which fibers work in the transaction they were forked in, and what becomes of them when it ends. */
import { Avm, Behaviour, ControllerId, Introspect, Obj, type ObjectId, Reify, Tx } from "@effect-avm/core"
import { assert } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Option, Stream } from "effect"
import { machineOn, onEachStore, type StoreLayer } from "../support/Stores.js"

const C1 = ControllerId.make("C1")

const Counter = Behaviour.layerRaw("counter", function*() {
  const state = yield* Introspect.getState
  const n = typeof state === "number" ? state + 1 : 1
  yield* Introspect.setState(n)
  return [n]
})

const machine = (store: StoreLayer) => Layer.provideMerge(Counter, machineOn(store))

const inTx = Effect.map(Reify.txState, Option.isSome)

const run = <A, E, R>(program: Effect.Effect<A, E, R | Reify.UnsafeReify>) =>
  Avm.run(
    Effect.provide(program, Avm.layerUnsafe(Reify.UnsafeReify)) as
      & Effect.Effect<A, E, Exclude<R, Reify.UnsafeReify> | Avm.Avm>
      & Avm.Runnable<Exclude<R, Reify.UnsafeReify> | Avm.Avm>
  )

const ways: ReadonlyArray<readonly [string, boolean, Effect.Effect<ReadonlyArray<boolean>, never, Reify.UnsafeReify>]> =
  [
    ["fork", true, Effect.flatMap(Effect.fork(inTx), (fiber) => Effect.map(Fiber.join(fiber), (_) => [_]))],
    ["Effect.all", true, Effect.all([inTx, inTx, inTx], { concurrency: "unbounded" })],
    ["Effect.forEach, bounded", true, Effect.forEach([1, 2, 3], () => inTx, { concurrency: 2 })],
    [
      "Effect.all in Effect.all",
      true,
      Effect.map(
        Effect.all([Effect.all([inTx, inTx], { concurrency: 2 }), Effect.all([inTx, inTx], { concurrency: 2 })], {
          concurrency: 2
        }),
        (_) => _.flat()
      )
    ],
    ["race", true, Effect.map(Effect.race(inTx, Effect.never), (_) => [_])],
    ["zip", true, Effect.zip(inTx, inTx, { concurrent: true })],
    [
      "a stream",
      true,
      Effect.map(
        Stream.runCollect(Stream.mapEffect(Stream.make(1, 2, 3), () => inTx, { concurrency: 3 })),
        (_) => [..._]
      )
    ],
    [
      "forkScoped",
      true,
      Effect.scoped(
        Effect.flatMap(Effect.forkScoped(inTx), (fiber) => Effect.map(Fiber.join(fiber), (_) => [_]))
      )
    ],
    [
      "forkDaemon",
      false,
      Effect.gen(function*() {
        const answer = yield* Deferred.make<boolean>()
        yield* Effect.forkDaemon(Effect.flatMap(inTx, (_) => Deferred.succeed(answer, _)))
        return [yield* Deferred.await(answer)]
      })
    ],
    [
      "forkDaemon in Effect.all",
      false,
      Effect.all([
        Effect.gen(function*() {
          yield* Introspect.self
          const answer = yield* Deferred.make<boolean>()
          yield* Effect.forkDaemon(Effect.flatMap(inTx, (_) => Deferred.succeed(answer, _)))
          return yield* Deferred.await(answer)
        }),
        Effect.succeed(false)
      ], { concurrency: 2 }) as Effect.Effect<ReadonlyArray<boolean>, never, Reify.UnsafeReify>
    ]
  ]

onEachStore("fibers forked in a bracket", machine, (it) => {
  for (const [way, expected, body] of ways) {
    it.effect(`${way}: ${expected ? "in" : "outside"} the transaction`, () =>
      Effect.gen(function*() {
        const seen = yield* run(Tx.transact(Effect.zipRight(Introspect.self, body)))
        assert.isAbove(seen.length, 0)
        assert.isTrue(seen.every((_) => _ === expected), seen.join())
      }))
  }

  it.effect("work in it together: what they do is committed, or aborted, as one", () =>
    Effect.gen(function*() {
      const answer = yield* run(Effect.gen(function*() {
        const ids = yield* Effect.replicateEffect(Obj.create("counter", C1), 5)
        const callAll = Effect.forEach(ids, (id) => Obj.call(id, null), { concurrency: "unbounded" })
        const read = (id: ObjectId.ObjectId) => Effect.map(Obj.call(id, null), Option.getOrNull)
        yield* Tx.transact(callAll)
        yield* Effect.ignore(Tx.transact(Effect.zipRight(callAll, Effect.fail("no"))))
        return yield* Effect.forEach(ids, read)
      }))
      assert.deepStrictEqual(answer, [2, 2, 2, 2, 2])
    }))

  it.effect("are interrupted before it commits, and their changes so far are in it", () =>
    Effect.gen(function*() {
      const answer = yield* run(Effect.gen(function*() {
        const id = yield* Obj.create("counter", C1)
        const after = yield* Deferred.make<boolean>()
        const interrupted = yield* Tx.transact(Effect.gen(function*() {
          const called = yield* Deferred.make<void>()
          const flag = { interrupted: false }
          yield* Obj.call(id, null).pipe(
            Effect.zipRight(Deferred.succeed(called, undefined)),
            Effect.zipRight(Deferred.await(after)),
            Effect.zipRight(Obj.call(id, null)),
            Effect.onInterrupt(() =>
              Effect.sync(() => {
                flag.interrupted = true
              })
            ),
            Effect.fork
          )
          yield* Deferred.await(called)
          return flag
        }))
        yield* Deferred.succeed(after, true)
        yield* Effect.yieldNow()
        return [interrupted.interrupted, yield* Effect.map(Obj.call(id, null), Option.getOrNull)]
      }))
      assert.deepStrictEqual(answer, [true, 2])
    }))

  it.effect("a daemon goes on after it, in a copy of the frame", () =>
    Effect.gen(function*() {
      const answer = yield* run(Effect.gen(function*() {
        const id = yield* Obj.create("counter", C1)
        const go = yield* Deferred.make<void>()
        const fiber = yield* Tx.transact(Effect.forkDaemon(Effect.gen(function*() {
          yield* Deferred.await(go)
          return [yield* Introspect.self, yield* Obj.call(id, null)] as const
        })))
        yield* Deferred.succeed(go, undefined)
        const [self, count] = yield* Fiber.join(fiber)
        return [self === (yield* Introspect.self), Option.getOrNull(count)]
      }))
      assert.deepStrictEqual(answer, [true, 1])
    }))
})
