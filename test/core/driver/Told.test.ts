/** A commit that is told: wherever the fiber is then, it hears of it; and however the store tells, it means the same. */
import { Avm, Behaviour, Introspect, Obj, ObjectId, ObjectStore, Trace, Tx } from "@effect-avm/core"
import { Sqlite } from "@effect-avm/sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Option, Schedule, Stream } from "effect"
import { Counter, creating, local } from "../../support/Counter.js"
import { layerTelling } from "../../support/Held.js"
import { after, rounds } from "../../support/Rounds.js"
import { machineOn } from "../../support/Stores.js"

const counter = Obj.create("counter", local)

describe("told between two operations of a fiber", () => {
  const store = Layer.orDie(Sqlite.layerStore({ filename: ":memory:" }))

  /** Where effect makes the fiber give way, and what the other one has begun is written meanwhile. */
  const anywhere = <A, E>(
    both: (delayed: <A1, E1, R>(effect: Effect.Effect<A1, E1, R>) => Effect.Effect<A1, E1, R>) => Effect.Effect<A, E>
  ) =>
    Effect.runPromise(Effect.gen(function*() {
      for (let operations = 2030; operations <= 2048; operations++) {
        for (let k = 0; k <= 4; k++) yield* both((effect) => Effect.zipRight(rounds(k), after(operations, effect)))
      }
    }))

  const together = <A, E, R>(one: Effect.Effect<unknown, E, R>, other: Effect.Effect<A, E, R>) =>
    Effect.all([one, other], { concurrency: "unbounded" })

  it("a commit is answered", () =>
    anywhere((delayed) =>
      Effect.flatMap(
        ObjectStore.ObjectStore,
        ({ commit }) => together(commit(creating("a")), delayed(commit(creating("b"))))
      ).pipe(Effect.provide(store))
    ))

  it("a read is answered", () =>
    anywhere((delayed) =>
      Effect.flatMap(
        ObjectStore.ObjectStore,
        ({ commit, read }) => together(commit(creating("a")), delayed(read(ObjectId.make("a"), ObjectStore.latest)))
      ).pipe(
        Effect.provide(store)
      )
    ))

  it("a bracket goes on", () =>
    anywhere((delayed) =>
      Effect.gen(function*() {
        const [a, b] = yield* Avm.run(Effect.all([counter, counter]))
        yield* together(
          Avm.run(Tx.transact(Obj.call(a, 1))),
          Avm.run(delayed(Tx.transact(Obj.call(b, 1))))
        )
      }).pipe(Effect.provide(Layer.provideMerge(Counter, machineOn(store))))
    ))
})

describe("a store that tells before it returns", () => {
  const ended = <A, E>(program: Effect.Effect<A, E, Avm.Avm>, commits: Parameters<typeof layerTelling>[0]) =>
    Effect.exit(Effect.provide(program, Layer.provideMerge(Counter, machineOn(layerTelling(commits)))))

  it.effect("that a race is lost: it is tried again", () =>
    Effect.gen(function*() {
      let commits = 0
      const exit = yield* ended(
        Effect.flatMap(
          Avm.run(counter),
          (id) => Avm.run(Tx.transact(Obj.call(id, 1), { retry: Schedule.recurs(3) }))
        ),
        (objects) => (changes, _, tell) =>
          tell(
            commits++ === 0
              ? Exit.succeed(ObjectStore.Conflicted({ objects: [] }))
              : Effect.runSyncExit(objects.commit(changes))
          )
      )
      assert.deepStrictEqual(exit, Exit.succeed(Option.some(1)))
      assert.strictEqual(commits, 2)
    }))

  it.effect("nothing, and throws: that is a defect", () =>
    Effect.gen(function*() {
      const exit = yield* ended(
        Effect.flatMap(Avm.run(counter), (id) => Avm.run(Tx.transact(Obj.call(id, 1)))),
        () => () => {
          throw new Error("broken")
        }
      )
      assert(Exit.isFailure(exit))
      assert.include(String(exit.cause), "broken")
    }))
})

describe("a commit that has begun when its fiber is told to end", () => {
  it.live("ends once, also where an activation has waited before it", () =>
    Effect.gen(function*() {
      let isCutting = false
      const store = layerTelling((objects) => (changes, _, tell) => {
        const fiber = Option.getOrThrow(Fiber.getCurrentFiber())
        if (isCutting) fiber.unsafeInterruptAsFork(fiber.id())
        isCutting = false
        setTimeout(() => tell(Effect.runSyncExit(objects.commit(changes))), 5)
      })
      const ended: Array<string> = []
      const trace = Layer.succeed(Trace.Trace, {
        enabled: true,
        append: (_, { event }) => {
          if (/^Transaction(Committed|Aborted)$/.test(event._tag)) ended.push(event._tag)
          return Exit.void
        },
        stream: Stream.empty
      })
      const Calling = Behaviour.layerRaw("calling", function*() {
        const [callee] = [yield* Introspect.input].flat()
        yield* Effect.yieldNow()
        yield* Effect.suspend(() => {
          isCutting = true
          return Tx.transact(Obj.call(ObjectId.make(String(callee)), 1))
        })
        return []
      })
      const platform = Layer.provideMerge(
        Layer.merge(Counter, Calling),
        Layer.provideMerge(Avm.layer(), Layer.mergeAll(Avm.layerPortsMemory, store, trace))
      )
      yield* Effect.gen(function*() {
        const [callee, calling] = yield* Avm.run(Effect.all([counter, Obj.create("calling", local)]))
        const running = yield* Effect.fork(Avm.run(Obj.call(calling, callee.value)))
        assert(Exit.isInterrupted(yield* Fiber.await(running)))
        yield* Effect.sleep("20 millis")
        assert.deepStrictEqual(ended, ["TransactionCommitted"])
      }).pipe(Effect.provide(platform))
    }))
})
