/** Every snapshot that is taken is given back, however a transaction ends. */
import { Avm, Behaviour, ControllerId, Introspect, Obj, ObjectStore, Tx } from "@effect-avm/core"
import { assert } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Schedule, STM } from "effect"
import { machineOn, onEachStore, type StoreLayer } from "../support/Stores.js"

const C1 = ControllerId.make("C1")

const Counter = Behaviour.layerRaw("counter", function*() {
  const state = yield* Introspect.getState
  const n = (typeof state === "number" ? state : 0) + 1
  yield* Introspect.setState(n)
  return [n]
})

const held = { now: 0, taken: 0 }

/** Counts the snapshots that are held. */
const counting = Layer.effect(
  ObjectStore.ObjectStore,
  Effect.map(ObjectStore.ObjectStore, (store) =>
    ObjectStore.ObjectStore.of({
      ...store,
      snapshot: Effect.tap(store.snapshot, () =>
        Effect.sync(() => {
          held.now++
          held.taken++
        })),
      release: (snapshot) => Effect.zipRight(Effect.sync(() => held.now--), store.release(snapshot))
    }))
)

const machine = (store: StoreLayer) => Layer.provideMerge(Counter, machineOn(Layer.provideMerge(counting, store)))

onEachStore("snapshots", machine, (it) => {
  const ways = Effect.gen(function*() {
    const id = yield* Avm.run(Obj.create("counter", C1))
    const call = Obj.call(id, null)
    const outside = Effect.flatMap(Effect.context<Avm.Avm>(), (_) => Effect.provide(Avm.run(call), _))
    const cutShort = <A, E>(program: Effect.Effect<A, E, Avm.Avm>) =>
      Effect.gen(function*() {
        const fiber = yield* Effect.fork(program)
        yield* Effect.repeatN(Effect.yieldNow(), 30)
        yield* Fiber.interrupt(fiber)
      })
    let lost = 0
    return [
      ["success", 1, Avm.run(Tx.transact(call))],
      ["failure", 1, Avm.run(Tx.transact(Effect.zipRight(call, Effect.fail("no"))))],
      ["defect", 1, Avm.run(Tx.transact(Effect.zipRight(call, Effect.die("no"))))],
      ["interruption", 1, cutShort(Avm.run(Tx.transact(Effect.zipRight(call, Effect.never))))],
      ["a conflict", 1, Avm.run(Tx.transact(Effect.zipRight(call, outside)))],
      [
        "conflicts, until it has the privilege",
        3,
        Avm.run(Tx.transact(Effect.zipRight(call, Effect.suspend(() => ++lost <= 2 ? outside : Effect.void)), {
          retry: Schedule.forever
        }))
      ],
      [
        "a policy that gives up",
        2,
        Avm.run(Tx.transact(Effect.zipRight(call, outside), { retry: Schedule.recurs(1) }))
      ],
      ["waiting, interrupted", 1, cutShort(Avm.run(Tx.transact(Effect.zipRight(call, Tx.retry))))],
      ["an enlisted STM that fails", 1, Avm.run(Tx.transact(Effect.zipRight(call, Tx.enlist(STM.fail("no")))))],
      ["an enlisted STM that waits, interrupted", 1, cutShort(Avm.run(Tx.transact(Tx.enlist(STM.retry))))],
      ["a program that leaves it open", 1, Avm.run(Tx.begin())],
      ["one that a fiber leaves open", 1, Avm.run(Effect.flatMap(Effect.fork(Tx.begin()), Fiber.join))],
      ["reading only", 1, Avm.run(Tx.transact(Effect.void, { readOnly: true }))],
      ["fibers in it", 1, Avm.run(Tx.transact(Effect.all([call, call, Effect.fork(Effect.never)], { concurrency: 3 })))]
    ] as const
  })

  it.effect("are given back", () =>
    Effect.gen(function*() {
      for (const [name, count, program] of yield* ways) {
        const before = held.taken
        const running: Effect.Effect<unknown, unknown, Avm.Avm> = program
        yield* Effect.exit(running)
        assert.deepStrictEqual([held.now, held.taken - before], [0, count], name)
      }
    }))

  it.effect("also when it is cut in the queue for the privilege", () =>
    Effect.gen(function*() {
      const id = yield* Avm.run(Obj.create("counter", C1))
      const gate = yield* Deferred.make<void>()
      const program = (wait: boolean) => {
        let tries = 0
        return Avm.run(Tx.transact(
          Effect.gen(function*() {
            yield* Obj.call(id, null)
            if (++tries <= 2) yield* Effect.provide(Avm.run(Obj.call(id, null)), yield* Effect.context<Avm.Avm>())
            else if (wait) yield* Deferred.await(gate)
          }),
          { retry: Schedule.forever }
        ))
      }
      const first = yield* Effect.fork(program(true))
      yield* Effect.repeatN(Effect.yieldNow(), 30)
      const others = yield* Effect.forEach([1, 2, 3], () => Effect.fork(program(false)))
      yield* Effect.repeatN(Effect.yieldNow(), 30)
      yield* Fiber.interruptAll(others)
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(first)
      assert.strictEqual(held.now, 0)
    }))
})
