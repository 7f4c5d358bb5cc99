// Following a trace: by object, by kind, by transaction also where several are open at once; and how it ends.
import { Avm, Behaviour, ControllerId, Introspect, Obj, ObjectId, Trace, TraceEvent, Tx } from "@effect-avm/core"
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Deferred, Effect, Exit, Fiber, Layer, Option, Scope, Stream } from "effect"
import { type StoreLayer, stores } from "../support/Stores.js"

const C1 = ControllerId.make("C1")

const Counter = Behaviour.layerRaw("counter", function*() {
  const state = yield* Introspect.getState
  const n = (typeof state === "number" ? state : 0) + 1
  yield* Introspect.setState(n)
  return [n]
})

const machine = (store: StoreLayer) =>
  Counter.pipe(
    Layer.provideMerge(Avm.layer()),
    Layer.provideMerge(Layer.mergeAll(Avm.layerPortsMemory, store, Trace.layerRing({ capacity: 100 })))
  )

const entries = (items: Iterable<Trace.Numbered | Trace.Missed>): ReadonlyArray<Trace.Numbered> =>
  [...items].flatMap((item) => Trace.isMissed(item) ? [] : [item])

/** What is in the trace now. */
const kept = (query: Trace.Query) =>
  Stream.runCollect(Stream.interruptAfter(Trace.follow({ ...query, after: 0 }), "50 millis"))

const tags = (items: Iterable<Trace.Numbered | Trace.Missed>) => entries(items).map(({ entry }) => entry.event._tag)

describe.each(stores)("a trace (%s)", (_, store) => {
  it.live("follows one object, one kind, one execution, one transaction", () =>
    Effect.gen(function*() {
      const { exit, id } = yield* Avm.runTraced(Effect.gen(function*() {
        const [a, b] = yield* Effect.all([Obj.create("counter", C1), Obj.create("counter", C1)])
        yield* Tx.transact(Effect.zipRight(Obj.call(a, null), Obj.call(b, null)))
        yield* Obj.call(b, null)
        return [a, b] as const
      }))
      assert(Exit.isSuccess(exit))
      yield* Avm.run(Obj.create("counter", C1))
      const [a] = exit.value

      assert.deepStrictEqual(tags(yield* kept({ object: a })), ["ObjectCreated", "StateUpdated", "ObjectCalled"])
      assert.deepStrictEqual(tags(yield* kept({ events: ["TransactionCommitted"] })), ["TransactionCommitted"])
      const all = entries(yield* kept({}))
      assert.deepStrictEqual(all.map(({ number }) => number), Array.from({ length: 11 }, (_, n) => n + 1))
      assert.lengthOf(yield* kept({ execution: id }), 10)
      const tx = all.map(({ tx }) => Option.getOrUndefined(tx)).find((tx) => tx !== undefined)
      assert(tx !== undefined)
      assert.deepStrictEqual(
        tags(yield* kept({ tx })),
        ["TransactionStarted", "StateUpdated", "ObjectCalled", "StateUpdated", "ObjectCalled", "TransactionCommitted"]
      )
      assert.deepStrictEqual(tags(yield* kept({ object: a, events: ["ObjectCalled", "ObjectDestroyed"], tx })), [
        "ObjectCalled"
      ])
    }).pipe(Effect.provide(machine(store))))

  it.live("tells transactions apart that are open at once in one program", () =>
    Effect.gen(function*() {
      yield* Avm.run(Effect.gen(function*() {
        const ids = yield* Effect.replicateEffect(Obj.create("counter", C1), 2)
        const gate = yield* Deferred.make<void>()
        const [a, b] = ids as [ObjectId.ObjectId, ObjectId.ObjectId]
        const slow = Tx.transact(
          Effect.gen(function*() {
            yield* Obj.call(a, null)
            yield* Deferred.await(gate)
            yield* Obj.call(a, null)
          })
        )
        const fast = Effect.zipRight(Tx.transact(Obj.call(b, null)), Deferred.succeed(gate, undefined))
        yield* Effect.all([slow, fast], { concurrency: "unbounded" })
        return yield* Effect.void
      }))
      const all = entries(yield* kept({ events: ["ObjectCalled"] }))
      const called = new Map<string, Set<string>>()
      for (const { entry, tx } of all) {
        const object = entry.event._tag === "ObjectCalled" ? entry.event.id.value : ""
        const txs = called.get(object) ?? new Set()
        called.set(object, txs.add(Option.getOrElse(tx, () => "none")))
      }
      assert.lengthOf(all, 3)
      assert.deepStrictEqual([...called.values()].map((txs) => txs.size), [1, 1])
      assert.strictEqual(new Set([...called.values()].flatMap((txs) => [...txs])).size, 2)
    }).pipe(Effect.provide(machine(store))))
})

const started = new TraceEvent.TraceEntry({
  timestamp: 0,
  event: new TraceEvent.StateUpdated({ id: ObjectId.make("o1") }),
  executingController: Option.none()
})

describe("a reader", () => {
  for (const [name, layer] of [["ring", Trace.layerRing({ capacity: 10 })], ["pubsub", Trace.layerPubSub]] as const) {
    it.effect(`comes to its end with the layer, having got what was there (${name})`, () =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const context = yield* Layer.buildWithScope(layer, scope)
        const read = Stream.runCollect(Trace.follow()).pipe(Effect.provide(context))
        const fiber = yield* Effect.fork(read)
        yield* Effect.repeatN(Effect.yieldNow(), 20)
        yield* Effect.provide(Effect.flatMap(Trace.Trace, ({ append }) => append("x", started)), context)
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual(Chunk.size(yield* Fiber.join(fiber)), 1)
        assert.strictEqual(Chunk.size(yield* read), 0)
      }))
  }

  it.effect("is refused a buffer without room", () =>
    Effect.gen(function*() {
      for (const capacity of [0, -1, 1.5, Number.NaN]) {
        const exit = yield* Effect.exit(Stream.runDrain(Trace.follow({ capacity })))
        assert(Exit.isFailure(exit))
        assert.include(String(exit.cause), `not ${capacity}`)
      }
    }).pipe(Effect.provide(Trace.layerPubSub)))

  it.effect("of a layer that cannot be followed is told so", () =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(Stream.runDrain(Trace.follow()))
      assert(Exit.isFailure(exit))
      assert.include(String(exit.cause), "Trace.layerFollowed")
    }).pipe(Effect.provideService(Trace.Trace, { enabled: true, append: () => Effect.void, stream: Stream.empty })))

  it.effect("that has gone leaves nothing behind, and a program waits for none", () =>
    Effect.gen(function*() {
      const { append, follow } = yield* Trace.Trace
      assert(follow !== undefined)
      const fiber = yield* Effect.fork(Stream.runForEach(follow({ capacity: 1 }), () => Effect.never))
      yield* Effect.repeatN(Effect.yieldNow(), 20)
      for (let n = 0; n < 10_000; n++) yield* append("x", started)
      yield* Fiber.interrupt(fiber)
      const later = yield* Effect.fork(Stream.runCollect(Stream.take(follow({ after: 9_999 }), 1)))
      yield* Effect.repeatN(Effect.yieldNow(), 20)
      assert.deepStrictEqual([...yield* Fiber.join(later)], [{ _tag: "Missed", count: 1 }])
    }).pipe(Effect.provide(Trace.layerPubSub)))
})
