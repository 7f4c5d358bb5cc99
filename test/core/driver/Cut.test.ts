/** A fiber that is interrupted where it stands, or whose program ends before it: nothing is lost, and nothing done twice. */
import {
  Avm,
  Behaviour,
  ControllerId,
  FD,
  IdGenerator,
  Introspect,
  Mailboxes,
  Nondet,
  Obj,
  ObjectId,
  ObjectStore,
  Trace,
  Tx,
  TxId
} from "@effect-avm/core"
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, FiberRef, Layer, Option, Schema, Stream } from "effect"
import { Counter } from "../../support/Counter.js"
import { type Counted, Held, onEachCounted } from "../../support/Held.js"
import { machineOn, onEachStore, type StoreLayer, stores } from "../../support/Stores.js"

const owner = ControllerId.make("C1")

/** The fiber is told to end while it is running: it does so where it next comes by its run loop. */
const interruptMe = (): void => {
  const fiber = Option.getOrThrow(Fiber.getCurrentFiber())
  fiber.unsafeInterruptAsFork(fiber.id())
}

const Interrupting = Behaviour.layerRaw("interrupting", function*() {
  yield* Effect.sync(interruptMe)
  return []
})

/** Leaves a transaction open. */
const Leaving = Behaviour.layerRaw("leaving", function*() {
  yield* Tx.begin()
  yield* Effect.sync(interruptMe)
  return []
})

const behaviours = Layer.mergeAll(Counter, Interrupting, Leaving)
const turns = (n: number) => Effect.repeatN(Effect.yieldNow(), n)
const counter = Obj.create("counter", owner)
const valueOf = (id: ObjectId.ObjectId) => Effect.map(Avm.run(Obj.call(id, 0)), Option.getOrThrow)

/** Runs the program in a fiber that is interrupted, from the inside. */
const cut = <A, E>(program: Effect.Effect<A, E, Avm.Avm>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(program)
    assert(Exit.isInterrupted(yield* Fiber.await(fiber)))
    yield* turns(20)
  })

const held = (store: Counted) =>
  Layer.provideMerge(behaviours, Avm.layer()).pipe(
    Layer.provideMerge(Layer.merge(Avm.layerPortsMemory, store))
  )

onEachCounted("cut off: what has ended where it stands", held, (it) => {
  it.effect("lets go of its snapshot, though its fiber never comes to that", () =>
    Effect.gen(function*() {
      yield* cut(Avm.run(Tx.transact(Effect.zipRight(Effect.sync(interruptMe), Exit.fail("failed")))))
      assert.strictEqual((yield* Held).count, 0)
    }))

  it.effect("and does nothing more, as in its run loop", () =>
    Effect.gen(function*() {
      const done: Array<string> = []
      const doing = (what: string) => Effect.sync(() => done.push(what))
      const body = (name: string) => Effect.zipRight(Effect.sync(interruptMe), doing(name))
      yield* cut(Avm.run(body("program")))
      yield* cut(Avm.run(Tx.transact(body("bracket"))))
      assert.deepStrictEqual(done, [])
      // Unless it may not be interrupted.
      yield* cut(Effect.zipRight(Effect.uninterruptible(Avm.run(body("uninterruptible"))), Effect.yieldNow()))
      assert.deepStrictEqual(done, ["uninterruptible"])
    }))

  it.effect("and runs a body no more: of a search, and of a bracket with choices", () =>
    Effect.gen(function*() {
      for (const at of [1, 2, 3]) {
        for (const last of [false, true]) {
          let runs = 0
          const done: Array<number> = []
          const ending = Effect.suspend(() => {
            if (++runs === at) interruptMe()
            return last ? Exit.void : Effect.sync(() => void done.push(runs))
          })
          const searched = Effect.gen(function*() {
            const x = yield* FD.newVar(FD.range(1, 5))
            const value = yield* FD.label(x)
            yield* ending
            if (value < 4) yield* Effect.fail("another")
          })
          const chosen = Effect.gen(function*() {
            const value = yield* Nondet.choose([1, 2, 3, 4])
            yield* ending
            yield* Nondet.require(value > 3)
          })
          const programs: ReadonlyArray<Effect.Effect<unknown, unknown, Avm.Avm>> = [
            Avm.run(FD.commitFirst(searched)),
            Avm.run(Stream.runDrain(FD.search(searched))),
            Avm.run(Tx.transact(chosen))
          ]
          for (const program of programs) {
            runs = 0
            done.length = 0
            yield* cut(program)
            assert.strictEqual(runs, at)
            assert.strictEqual(done.length, last ? 0 : at - 1)
            assert.strictEqual((yield* Held).count, 0)
          }
        }
      }
    }))

  it.effect("as a program does that leaves one open, and is interrupted in its last step", () =>
    Effect.gen(function*() {
      yield* cut(Avm.run(Effect.zipRight(Tx.begin(), Effect.sync(interruptMe))))
      yield* cut(Avm.run(Effect.zipRight(Tx.begin(), Effect.zipRight(Effect.sync(interruptMe), Exit.fail("failed")))))
      assert.strictEqual((yield* Held).count, 0)
    }))

  it.effect("and lets go of it once, where a call has left its transaction open", () =>
    Effect.gen(function*() {
      const id = yield* Avm.run(Obj.create("leaving", owner))
      yield* cut(Avm.run(Obj.call(id, "hello")))
      assert.strictEqual((yield* Held).count, 0)
    }))

  it.effect("so that whoever else holds the same one sees what it showed", () =>
    Effect.gen(function*() {
      const objects = yield* ObjectStore.ObjectStore
      const [leaving, id] = yield* Avm.run(Effect.all([Obj.create("leaving", owner), counter]))
      yield* Avm.run(Obj.call(id, 1))
      // A commit that is not durable yet, seen by two.
      const writing = yield* Effect.fork(Avm.run(Tx.transact(Obj.call(id, 1))))
      yield* Effect.yieldNow()
      const snapshot = yield* objects.snapshot
      const seen = yield* objects.read(id, snapshot)
      yield* cut(Avm.run(Obj.call(leaving, "hello")))
      yield* Fiber.join(writing)
      yield* Effect.repeatN(Avm.run(Tx.transact(Obj.call(id, 1))), 3)
      assert.deepStrictEqual(yield* objects.read(id, snapshot), seen)
      yield* objects.release(snapshot)
    }))

  it.effect("and a call that has ended is in the history", () =>
    Effect.gen(function*() {
      const id = yield* Avm.run(Obj.create("interrupting", owner))
      yield* cut(Avm.run(Obj.call(id, "hello")))
      const objects = yield* ObjectStore.ObjectStore
      assert.deepStrictEqual((yield* objects.history(id)).map(({ input }) => input), ["hello"])
    }))
})

let names = 0
const slowIds = Layer.succeed(
  IdGenerator.IdGenerator,
  IdGenerator.IdGenerator.of({
    objectId: Effect.sync(() => ObjectId.make(`o${++names}`)),
    txId: Effect.sync(() => Schema.decodeSync(TxId.TxId)(`t${++names}`))
  })
)

const named = (store: Counted) =>
  Avm.layer().pipe(Layer.provideMerge(Layer.mergeAll(Avm.layerPortsMemory, slowIds, store)))

onEachCounted("cut off: a bracket that waits for its name", named, (it) => {
  it.effect("holds no snapshot yet", () =>
    Effect.gen(function*() {
      yield* cut(Avm.run(Effect.gen(function*() {
        yield* Introspect.self
        interruptMe()
        yield* Tx.transact(Effect.void)
      })))
      assert.strictEqual((yield* Held).count, 0)
    }))
})

/** Takes each entry at once, and lets whoever wrote it wait. */
const slowTrace = Layer.succeed(Trace.Trace, {
  enabled: true,
  append: () => Effect.yieldNow(),
  stream: Stream.empty
})

const traced = (store: StoreLayer) =>
  Avm.layer().pipe(Layer.provideMerge(Layer.mergeAll(Avm.layerPortsMemory, slowTrace, store)))

onEachStore("cut off: a bracket whose trace takes its time", traced, (it) => {
  it.effect("is open for nobody who comes after", () =>
    Effect.gen(function*() {
      const after: Array<string> = []
      const bracket = Effect.gen(function*() {
        yield* Introspect.self
        interruptMe()
        yield* Tx.transact(Effect.void)
      })
      const finalizer = Effect.map(Effect.either(Tx.transact(Effect.void)), ({ _tag }) => void after.push(_tag))
      yield* cut(Avm.run(Effect.onInterrupt(bracket, () => finalizer)))
      assert.deepStrictEqual(after, ["Right"])
    }))
})

const machine = (store: StoreLayer) => Layer.provideMerge(behaviours, machineOn(store))

onEachStore("cut off: a body that has its own fiber interrupted", machine, (it) => {
  it.effect("and goes on at once is aborted", () =>
    Effect.gen(function*() {
      const id = yield* Avm.run(counter)
      yield* cut(Avm.run(Tx.transact(Effect.zipRight(Effect.sync(interruptMe), Obj.call(id, 1)))))
      assert.strictEqual(yield* valueOf(id), 0)
    }))

  it.effect("where nothing is interrupted, is committed", () =>
    Effect.gen(function*() {
      const id = yield* Avm.run(counter)
      const bracket = Tx.transact(Effect.zipRight(Effect.sync(interruptMe), Obj.call(id, 1)))
      yield* cut(Avm.run(Effect.uninterruptible(bracket)))
      assert.strictEqual(yield* valueOf(id), 1)
    }))
})

class Service extends Context.Tag("test/core/driver/Cut/Service")<Service, number>() {}

onEachStore("a program that sets a reference of its own", machine, (it) => {
  it.scoped("brings no services to whoever joins its fiber", () =>
    Effect.gen(function*() {
      const own = yield* FiberRef.make(0)
      const fiber = yield* Effect.provideService(Effect.fork(Avm.run(FiberRef.set(own, 1))), Service, 1)
      const seen = Effect.zipRight(Fiber.join(fiber), Service)
      assert.strictEqual(yield* Effect.provideService(seen, Service, 2), 2)
      assert.strictEqual(yield* FiberRef.get(own), 1)
    }))
})

/** Tells when a commit has come to the store, which takes its time. */
class Reached extends Context.Tag("test/core/driver/Cut/Reached")<Reached, Deferred.Deferred<void>>() {}

const slowly = (store: StoreLayer) =>
  Layer.effectContext(Effect.gen(function*() {
    const [objects, mailboxes] = [yield* ObjectStore.ObjectStore, yield* Mailboxes.Mailboxes]
    const reached = yield* Deferred.make<void>()
    const commit: ObjectStore.Service["commit"] = (changes, enlisted) =>
      Effect.suspend(() =>
        changes.states.length === 0
          ? objects.commit(changes, enlisted)
          : Effect.zipRight(
            Effect.zipRight(Deferred.succeed(reached, undefined), turns(30)),
            objects.commit(changes, enlisted)
          )
      )
    return Context.make(ObjectStore.ObjectStore, ObjectStore.ObjectStore.of({ ...objects, commit })).pipe(
      Context.add(Mailboxes.Mailboxes, mailboxes),
      Context.add(Reached, reached)
    )
  })).pipe(Layer.provide(store))

const kindsOf = (trace: Avm.Execution<unknown, unknown>["trace"]) =>
  trace.map(({ event }) => event._tag).filter((tag) => tag.startsWith("Transaction"))

describe.each(stores)("cut off: a program that ends before another fiber's bracket (%s)", (_, store) => {
  it.effect("waits for the store, where that has it already", () =>
    Effect.gen(function*() {
      const id = yield* Avm.run(counter)
      const reached = yield* Reached
      const bracket = Tx.transact(Obj.call(id, 1))
      const { exit, trace } = yield* Avm.runTraced(
        Effect.zipRight(Effect.forkDaemon(bracket), Deferred.await(reached))
      )
      assert.deepStrictEqual(exit, Exit.void)
      assert.deepStrictEqual(kindsOf(trace), ["TransactionStarted", "TransactionCommitted"])
      assert.strictEqual(yield* valueOf(id), 1)
    }).pipe(
      Effect.provide(
        Layer.provideMerge(
          behaviours,
          Layer.provideMerge(Avm.layer(), Layer.merge(Avm.layerPortsMemory, slowly(store)))
        )
      )
    ))

  it.effect("aborts it, while it waits for its own fibers; and nothing is committed", () =>
    Effect.gen(function*() {
      const id = yield* Avm.run(counter)
      const ended = yield* Deferred.make<void>()
      const bracket = Tx.transact(Effect.gen(function*() {
        yield* Obj.call(id, 1)
        yield* Effect.fork(Effect.uninterruptible(Effect.zipRight(Introspect.self, turns(50))))
        yield* turns(5)
        yield* Deferred.succeed(ended, undefined)
      }))
      const { exit, trace } = yield* Avm.runTraced(
        Effect.zipRight(Effect.zipLeft(Effect.forkDaemon(bracket), Deferred.await(ended)), turns(10))
      )
      yield* turns(100)
      assert.deepStrictEqual(exit, Exit.void)
      assert.deepStrictEqual(kindsOf(trace), ["TransactionStarted", "TransactionAborted"])
      assert.strictEqual(yield* valueOf(id), 0)
    }).pipe(Effect.provide(machine(store))))
})
