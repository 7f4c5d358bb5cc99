/**
 * Whoever runs turns is interrupted wherever he is: the turns he has begun are over when he is gone, nobody else's are, and
 * every mailbox is left to others.
 */
import { Avm, Behaviour, Introspect, Obj, ObjectStore, Trace, Turns, Tx } from "@effect-avm/core"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, ManagedRuntime, Option, Stream } from "effect"
import { Counter, local } from "../support/Counter.js"
import { type Counted, Held, layerTelling, onEachCounted } from "../support/Held.js"
import { after, rounds } from "../support/Rounds.js"
import { machineOn, type StoreLayer, stores } from "../support/Stores.js"

const Endless = Behaviour.layerRaw("endless", function*() {
  yield* Effect.never
  return []
})
/** Waits in the middle of its turn. */
const Waiting = Behaviour.layerRaw("waiting", function*() {
  yield* Effect.yieldNow()
  yield* Introspect.setState(1)
  return []
})
const behaviours = Layer.mergeAll(Counter, Endless, Waiting)

const machine = (store: StoreLayer, run: "manual" | "background" = "manual") =>
  Layer.provideMerge(behaviours, machineOn(store, { turns: { run } }))

const made = (behaviour: string, count: number) => Avm.run(Effect.replicateEffect(Obj.create(behaviour, local), count))

const sent = (ids: ReadonlyArray<Parameters<typeof Obj.sendOnly>[0]>, times: number) =>
  Effect.forEach(ids, (id) => Effect.replicateEffect(Obj.sendOnly(id, 1), times))

const valueOf = (id: Parameters<typeof Obj.call>[0]) => Effect.map(Avm.run(Obj.call(id, 0)), Option.getOrThrow)

describe.each(stores)("whoever runs turns (%s)", (_, store) => {
  const run = <A, E>(program: Effect.Effect<A, E, Avm.Avm | Avm.Platform>) =>
    Effect.runPromise(Effect.provide(program, machine(store)))

  it("ends when he is told to, and leaves what is left to others", async () => {
    for (let n = 0; n <= 10; n++) {
      await run(Effect.gen(function*() {
        // Effect lets others come to run within this many turns, at one place or another.
        const ids = yield* made("counter", 60 + n)
        yield* Avm.run(sent(ids, 10))
        const running = yield* Effect.forkDaemon(Turns.settle)
        yield* rounds(n)
        yield* Fiber.interrupt(running)
        yield* Turns.settle
        assert.deepStrictEqual(yield* Effect.forEach(ids, valueOf), ids.map(() => 10), `${n} rounds`)
      }))
    }
  })

  it("or is disposed of with the machine", async () => {
    for (let n = 1; n <= 12; n++) {
      const runtime = ManagedRuntime.make(machine(store, "background"))
      await runtime.runPromise(Effect.gen(function*() {
        const ids = yield* made("counter", 64)
        yield* Avm.run(Tx.transact(sent(ids, 20)))
        yield* Effect.repeatN(Effect.yieldNow(), n)
      }))
      await runtime.dispose()
    }
  })

  it("steps, and is interrupted: the mailbox is left to others", async () => {
    for (let operations = 2010; operations <= 2030; operations++) {
      await run(Effect.gen(function*() {
        const [id] = yield* made("counter", 1)
        assert(id !== undefined)
        yield* Avm.run(Obj.sendOnly(id, 1))
        const stepping = yield* Effect.forkDaemon(after(operations, Turns.step))
        yield* rounds(1)
        yield* Fiber.interrupt(stepping)
        yield* Turns.settle
        assert.strictEqual(yield* valueOf(id), 1, `${operations} operations`)
      }))
    }
  })

  it("also where a turn has just been given a fiber", async () => {
    for (let n = 0; n <= 12; n++) {
      await run(Effect.gen(function*() {
        const ids = yield* made("waiting", 8)
        yield* Avm.run(sent(ids, 3))
        const running = yield* Effect.forkDaemon(Turns.settle)
        yield* rounds(n)
        yield* Fiber.interrupt(running)
        yield* Turns.settle
      }))
    }
  })

  it.each([["runs", Turns.run], ["steps", Turns.step]] as const)(
    "does not wait for what another one %s",
    (_, other) =>
      run(Effect.gen(function*() {
        const ids = yield* made("endless", 1)
        yield* Avm.run(sent(ids, 1))
        const running = yield* Effect.forkDaemon(other)
        yield* rounds(20)
        const settling = yield* Effect.forkDaemon(Turns.settle)
        yield* rounds(20)
        yield* Fiber.interrupt(settling)
        yield* Fiber.interrupt(running)
      }))
  )

  it("stands where he stood, when that is over", async () => {
    const slow = Layer.succeed(Trace.Trace, {
      enabled: true,
      append: (_, { event }) => event._tag === "TransactionCommitted" ? Effect.yieldNow() : Effect.void,
      stream: Stream.empty
    })
    const platform = Layer.provideMerge(Counter, Avm.layer({ turns: { run: "manual" } })).pipe(
      Layer.provideMerge(Layer.mergeAll(Avm.layerPortsMemory, slow, store))
    )
    for (let n = 1; n <= 20; n++) {
      await Effect.runPromise(
        Effect.gen(function*() {
          const ids = yield* made("counter", 8)
          yield* Avm.run(sent(ids, 1))
          const stood: Array<string> = []
          const standing = Effect.map(Introspect.self, ({ value }) => void stood.push(value))
          const program = Effect.zipRight(standing, Effect.onExit(Turns.settle, () => standing))
          const running = yield* Effect.forkDaemon(Avm.run(program))
          yield* Effect.repeatN(Effect.yieldNow(), n)
          yield* Fiber.interrupt(running)
          assert.isAtMost(new Set(stood).size, 1, `${n} yields`)
        }).pipe(Effect.provide(platform))
      )
    }
  })
})

const manual = (store: Counted) =>
  Layer.provideMerge(behaviours, Avm.layer({ turns: { run: "manual" } })).pipe(
    Layer.provideMerge(Layer.merge(Avm.layerPortsMemory, store))
  )

onEachCounted("turns that wait for their commits", manual, (it) => {
  it.effect("are over when whoever runs them is, and no message is taken twice or lost", () =>
    Effect.gen(function*() {
      const ids = yield* Avm.run(Effect.replicateEffect(Obj.create("counter", local), 8))
      for (let n = 1; n <= 12; n++) {
        yield* Avm.run(Effect.forEach(ids, (id) => Obj.sendOnly(id, 1)))
        const settling = yield* Effect.fork(Turns.settle)
        yield* Effect.repeatN(Effect.yieldNow(), n)
        yield* Fiber.interrupt(settling)
        assert.strictEqual((yield* Held).count, 0, `after ${n} yields`)
        yield* Turns.settle
        assert.deepStrictEqual(yield* Effect.forEach(ids, valueOf), ids.map(() => n), `after ${n} yields`)
      }
    }))
})

describe("whoever runs turns", () => {
  it.effect("waits for all of them, also when one of them is cut off", () =>
    Effect.gen(function*() {
      const told: Array<string> = []
      const [lost, committed] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      let attempts = 0
      const Twice = Behaviour.layerRaw("twice", function*() {
        yield* Introspect.setState(1)
        if (++attempts > 1) yield* Effect.never
        return []
      })
      /** Tells of the first turn that it has lost, of the second that it is committed, each when it is told to. */
      const telling = layerTelling((objects) => {
        let commits = 0
        return (changes, { scheduler }, tell) => {
          const isFirst = commits++ === 0
          const later = isFirst
            ? Effect.as(Deferred.await(lost), ObjectStore.Conflicted({ objects: [] }))
            : Effect.zipRight(Deferred.await(committed), objects.commit(changes))
          Effect.runCallback(Effect.tap(later, () => void told.push(isFirst ? "lost" : "committed")), {
            scheduler,
            onExit: tell
          })
        }
      })
      yield* Effect.gen(function*() {
        const ids = [...yield* made("twice", 1), ...yield* made("counter", 1)]
        yield* Avm.run(sent(ids, 1))
        const settling = yield* Effect.forkDaemon(Turns.settle)
        yield* rounds(20)
        const interrupting = yield* Effect.fork(Fiber.interrupt(settling))
        yield* rounds(5)
        yield* Deferred.succeed(lost, undefined)
        yield* rounds(20)
        yield* Deferred.succeed(committed, undefined)
        yield* Fiber.join(interrupting)
        assert.deepStrictEqual(told, ["lost", "committed"])
      }).pipe(
        Effect.provide(
          Layer.provideMerge(Layer.merge(Twice, Counter), Avm.layer({ turns: { run: "manual" } })).pipe(
            Layer.provideMerge(Layer.merge(Avm.layerPortsMemory, telling))
          )
        )
      )
    }))
})
