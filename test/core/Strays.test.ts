/** Fibers and activations that are cut off: nothing of them goes on outside their transaction, and nothing is lost. */
import {
  Avm,
  Behaviour,
  ControllerId,
  IdGenerator,
  Introspect,
  MachineId,
  Obj,
  ObjectStore,
  Trace,
  Tx
} from "@effect-avm/core"
import { assert, describe, it } from "@effect/vitest"
import { Data, Deferred, Effect, Exit, Fiber, Layer, Option, Schedule, Scope } from "effect"
import { type StoreLayer, stores } from "../support/Stores.js"

const C1 = ControllerId.make("C1")

const Counter = Behaviour.layerRaw("counter", function*() {
  const state = yield* Introspect.getState
  const n = (typeof state === "number" ? state : 0) + Number(yield* Introspect.input)
  yield* Introspect.setState(n)
  return [n]
})
const Slow = Behaviour.layerRaw("slow", function*() {
  yield* Introspect.setState("changed")
  return yield* Effect.never
})
const Opener = Behaviour.layerRaw("opener", function*() {
  yield* Tx.begin()
  return yield* Effect.never
})

class Failure extends Data.TaggedError("Failure")<{ readonly x: number }> {}
const Oddly = Behaviour.layerRaw("oddly", function*() {
  return [yield* Effect.catchAll(Effect.suspend(() => new Failure({ x: 1 })), ({ x }) => Effect.succeed(x))]
})
const Odder = Behaviour.layerRaw("odder", function*() {
  yield* new Failure({ x: 1 }) as unknown as Effect.Effect<void>
  return []
})

const behaviours = Layer.mergeAll(Counter, Slow, Opener, Oddly, Odder)

/** The memory store without its short way. */
const ordinary = Layer.effect(
  ObjectStore.ObjectStore,
  Effect.map(ObjectStore.ObjectStore, (store) => ObjectStore.ObjectStore.of({ ...store }))
).pipe(Layer.provideMerge(ObjectStore.layerMemory))

const machine = (store: StoreLayer) =>
  behaviours.pipe(
    Layer.provideMerge(Avm.layer({ homeController: Option.none(), machine: MachineId.make("m0") })),
    Layer.provideMerge(Layer.mergeAll(Avm.layerPortsMemory, store, Trace.layerPubSub, IdGenerator.layerCounter))
  )

const get = (id: Parameters<typeof Obj.call>[0]) => Effect.map(Avm.run(Obj.call(id, 0)), Option.getOrNull)

describe.each([...stores, ["memory, by the long way", ordinary] as const])("cut off (%s)", (_, store) => {
  it.effect("an interrupted call is in the history, and its transaction is aborted and traced", () =>
    Effect.gen(function*() {
      const [slow, opener] = yield* Avm.run(Effect.all([Obj.create("slow", C1), Obj.create("opener", C1)]))
      const interrupt = <A, E>(program: Effect.Effect<A, E, Avm.Avm>) =>
        Effect.gen(function*() {
          const fiber = yield* Effect.fork(program)
          yield* Effect.repeatN(Effect.yieldNow(), 20)
          yield* Fiber.interrupt(fiber)
        })
      yield* interrupt(Avm.run(Obj.call(slow, "hello")))
      const objects = yield* ObjectStore.ObjectStore
      assert.deepStrictEqual((yield* objects.history(slow)).map((_) => _.input), ["hello"])
      const tags: Array<string> = []
      yield* interrupt(Avm.run(
        Effect.onInterrupt(
          Obj.call(opener, 1),
          () => Effect.map(Effect.either(Tx.transact(Effect.void)), (_) => tags.push(_._tag))
        )
      ))
      // A finalizer may have a transaction of its own: the callee's is gone.
      assert.deepStrictEqual(tags, ["Right"])
    }).pipe(Effect.provide(machine(store))))
})

describe.each(stores)("a transaction that ends under a fiber (%s)", (_, store) => {
  it.effect("at the end of its program: the rest of the bracket does not happen either", () =>
    Effect.gen(function*() {
      const id = yield* Avm.run(Obj.create("counter", C1))
      const [begun, go] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const bracket = Tx.transact(Effect.gen(function*() {
        yield* Obj.call(id, 1)
        yield* Deferred.succeed(begun, undefined)
        yield* Deferred.await(go)
        yield* Obj.call(id, 10)
      }))
      const fiber = yield* Avm.run(Effect.zipLeft(Effect.forkDaemon(bracket), Deferred.await(begun)))
      yield* Deferred.succeed(go, undefined)
      assert.isTrue(Exit.isFailure(yield* Fiber.await(fiber)))
      assert.strictEqual(yield* get(id), 0)
    }).pipe(Effect.provide(machine(store))))

  it.effect("by its commit: a fiber in a longer scope does not write on outside", () =>
    Effect.gen(function*() {
      const id = yield* Avm.run(Obj.create("counter", C1))
      const [begun, go] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const scope = yield* Scope.make()
      const fiber = yield* Avm.run(Tx.transact(Effect.gen(function*() {
        const fiber = yield* Effect.forkIn(
          Effect.gen(function*() {
            yield* Obj.call(id, 1)
            yield* Deferred.succeed(begun, undefined)
            yield* Deferred.await(go)
            yield* Obj.call(id, 10)
          }),
          scope
        )
        yield* Deferred.await(begun)
        return fiber
      })))
      yield* Deferred.succeed(go, undefined)
      assert.isTrue(Exit.isInterrupted(yield* Fiber.await(fiber)))
      assert.strictEqual(yield* get(id), 1)
      yield* Scope.close(scope, Exit.void)
    }).pipe(Effect.provide(machine(store))))
})

describe.each(stores)("an application's own classes (%s)", (_, store) => {
  it.effect("may be tagged as they like: an error called Failure is one, and no finished effect", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* Avm.run(Effect.flatMap(Obj.create("oddly"), (_) => Obj.call(_, 1))), Option.some(1))
      const error = yield* Effect.flip(Avm.run(Effect.flatMap(Obj.create("odder"), (_) => Obj.call(_, 1))))
      assert.instanceOf(error, Failure)
    }).pipe(Effect.provide(machine(store))))
})

describe.each(stores)("a conflict of somebody else's (%s)", (_, store) => {
  it.effect("does not run the body again", () =>
    Effect.gen(function*() {
      const id = yield* Avm.run(Obj.create("counter", C1))
      let runs = 0
      const losing = Avm.run(Tx.transact(Effect.gen(function*() {
        yield* Obj.call(id, 1)
        yield* Effect.provide(Avm.run(Obj.call(id, 1)), yield* Effect.context<Avm.Avm>())
      })))
      const outer = Tx.transact(Effect.suspend(() => (runs++, losing)), { retry: Schedule.recurs(3) })
      assert.strictEqual((yield* Effect.flip(Avm.run(outer)))._tag, "TxConflict")
      assert.strictEqual(runs, 1)
    }).pipe(Effect.provide(machine(store))))
})
