/**
 * Recordings of behaviours that choose, wait and try again, on every store: what is recorded is the way that was taken in the
 * end, so that replaying leads to the state there is (A26, A42), and does nothing a second time.
 */
import {
  Avm,
  type AvmError,
  Behaviour,
  Constraint,
  Controller,
  ControllerId,
  FD,
  Introspect,
  Machine,
  MachineId,
  Nondet,
  Obj,
  ObjectId,
  ObjectStore,
  Tx,
  type Val
} from "@effect-avm/core"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, Fiber, Layer, Option, Schedule, STM, TRef } from "effect"
import { portsOn, type Store, stores } from "../support/Stores.js"

const local = ControllerId.make("local")

/** Adds what it is told, and answers the sum. */
const Counter = Behaviour.layerRaw("counter", function*() {
  const sum = Number(yield* Introspect.getState) + Number(yield* Introspect.input)
  yield* Introspect.setState(sum)
  return [sum]
})

const memory = TRef.make<ReadonlyArray<number>>([]).pipe(STM.commit, Effect.runSync)

const ask = (id: Val.Val, message: Val.Val) =>
  ObjectId.isObjectId(id)
    ? Effect.map(Obj.call(id, message), (answer) => Number(Option.getOrThrow(answer)))
    : Effect.dieMessage("no object")

const otherwise = <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.either(effect), Either.match({ onLeft: ({ _tag }) => _tag, onRight: () => "well" }))

/** What a behaviour does when it gets a message of this name, with the object that came with it. */
const ways = {
  /** The body is run with 1, 2 and 3. */
  choose: (other: Val.Val) =>
    otherwise(Tx.required(Effect.gen(function*() {
      const before = yield* ask(other, 1)
      const n = yield* Nondet.choose([1, 2, 3])
      const after = yield* ask(other, n)
      yield* Tx.enlist(TRef.update(memory, (all) => [...all, n]))
      yield* Nondet.require(n === 3)
      yield* Introspect.setState([n, before, after])
    }))),
  terms: (other: Val.Val) =>
    otherwise(Tx.required(Effect.gen(function*() {
      const x = yield* FD.newVar(FD.range(2, 4))
      const n = yield* Nondet.choice([1, 2, 3])
      yield* Nondet.require(Constraint.lt(x, n))
      yield* Introspect.setState([n.value, yield* FD.label(x), yield* ask(other, 1)])
    }))),
  impossible: (other: Val.Val) =>
    otherwise(Tx.required(Effect.gen(function*() {
      yield* Introspect.setState(["never", yield* ask(other, 1)])
      yield* Nondet.require((yield* Nondet.choose([1, 2])) > 2)
    }))),
  undecided: (other: Val.Val) =>
    otherwise(Tx.required(
      Effect.gen(function*() {
        yield* Introspect.setState(["never", yield* ask(other, 1)])
        yield* Nondet.require((yield* Nondet.choose([1, 2, 3])) > 2)
      }),
      { limits: { runs: 2 } }
    )),
  wait: (other: Val.Val) =>
    otherwise(Tx.required(Effect.gen(function*() {
      const n = yield* Nondet.choose([1, 2])
      yield* Nondet.require(n === 2)
      const sum = yield* ask(other, 0)
      yield* Introspect.setState(["waited", sum])
      if (sum < 5) yield* Tx.retry
    }))),
  conflict: (other: Val.Val) =>
    otherwise(Tx.required(
      Effect.gen(function*() {
        const sum = yield* ask(other, 1)
        yield* Introspect.setState(["tried", sum])
        yield* Effect.yieldNow()
      }),
      { retry: Schedule.recurs(1) }
    )),
  raw: () =>
    Effect.gen(function*() {
      const id = yield* Tx.begin()
      yield* Introspect.setState("never")
      yield* Nondet.require(false)
      return yield* otherwise(Tx.commit(id))
    })
} as const

type Way = keyof typeof ways

const isWay = (text: unknown): text is Way => typeof text === "string" && text in ways

const Chooser = Behaviour.layerRaw("chooser", function*() {
  const input = yield* Introspect.input
  const [way, other] = Array.isArray(input) ? input : []
  if (!isWay(way)) return [yield* Introspect.getState]
  // A place exists in types alone.
  const outcome = yield* ways[way](other ?? null) as Effect.Effect<string, AvmError.AvmError, Obj.Obj>
  return [outcome]
})

/** Chooses in the transaction of its caller, after it has asked for something. */
const Callee = Behaviour.layerRaw("callee", function*() {
  const other = yield* Introspect.input
  const before = yield* ask(other, 1)
  const n = yield* Nondet.choose([1, 2, 3])
  yield* Effect.yieldNow()
  yield* Introspect.setState([before, n, yield* ask(other, n)])
  return [n]
})

/** Calls itself so many times. */
const Deep = Behaviour.layerRaw("deep", function*() {
  const n = Number(yield* Introspect.input)
  if (n === 0) return [0]
  return [1 + (yield* ask(yield* Introspect.self, n - 1))]
})

const platform = ([, store]: Store) =>
  Layer.mergeAll(Counter, Chooser, Callee, Deep).pipe(
    Layer.provideMerge(Avm.layer({ recordAnswers: true })),
    Layer.provideMerge(
      portsOn(store)
    )
  )

const stored = (id: ObjectId.ObjectId) =>
  Effect.gen(function*() {
    const store = yield* ObjectStore.ObjectStore
    const object = Option.getOrThrow(yield* store.read(id, ObjectStore.latest))
    assert(object._tag === "StoredObject")
    return object
  })

const stateOf = (id: ObjectId.ObjectId) => Effect.map(stored(id), ({ state }) => state)

const namesOf = (id: ObjectId.ObjectId) =>
  Effect.gen(function*() {
    const store = yield* ObjectStore.ObjectStore
    return (yield* store.history(id)).map(({ answers }) =>
      answers.map(({ instruction }) => (instruction as { readonly _tag: string })._tag)
    )
  })

const setUp = Avm.run(Effect.gen(function*() {
  const counter = yield* Obj.create("counter", local)
  yield* Obj.call(counter, 0)
  return { counter, chooser: yield* Obj.create("chooser", local), callee: yield* Obj.create("callee", local) }
}))

describe.each(stores)("what is recorded (%s)", (name, layer) => {
  const onMachine = Effect.provide(platform([name, layer]))

  it.effect("of a bracket with choices is the run that was committed, once", () =>
    Effect.gen(function*() {
      yield* STM.commit(TRef.set(memory, []))
      const { chooser, counter } = yield* setUp
      assert.deepStrictEqual(yield* Avm.run(Obj.call(chooser, ["choose", counter])), Option.some("well"))
      assert.deepStrictEqual(yield* stateOf(chooser), [3, 1, 4])
      assert.deepStrictEqual(yield* namesOf(chooser), [[
        "Introspect.input",
        "Tx.join",
        "Tx.begin",
        "Obj.call",
        "Nondet.choose",
        "Obj.call",
        "Tx.enlist",
        "Nondet.require",
        "Tx.commit"
      ]])
      assert.deepStrictEqual(yield* Avm.replay(chooser), [3, 1, 4])
      assert.deepStrictEqual(yield* Avm.replay(counter), 4)
      // Neither the objects nor the application's own memory have changed since.
      assert.deepStrictEqual(yield* STM.commit(TRef.get(memory)), [3])
      assert.strictEqual(yield* stateOf(counter), 4)
    }).pipe(onMachine))

  it.effect("leads to the state whatever a bracket has come to", () =>
    Effect.gen(function*() {
      const { chooser, counter } = yield* setUp
      for (
        const [way, outcome] of [
          ["terms", "well"],
          ["impossible", "Unsatisfiable"],
          ["undecided", "ChoicesUndecided"],
          ["raw", "Unsatisfiable"],
          ["choose", "well"]
        ] as const
      ) {
        assert.deepStrictEqual(yield* Avm.run(Obj.call(chooser, [way, counter])), Option.some(outcome))
        assert.deepStrictEqual(yield* Avm.replay(chooser), yield* stateOf(chooser), way)
      }
    }).pipe(onMachine))

  it.effect("of a bracket that has waited is the try after that", () =>
    Effect.gen(function*() {
      const { chooser, counter } = yield* setUp
      const fiber = yield* Effect.fork(Avm.run(Obj.call(chooser, ["wait", counter])))
      yield* Effect.repeatN(Effect.yieldNow(), 200)
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      yield* Avm.run(Obj.call(counter, 7))
      assert.deepStrictEqual(yield* Fiber.join(fiber), Option.some("well"))
      assert.deepStrictEqual(yield* stateOf(chooser), ["waited", 7])
      assert.deepStrictEqual(yield* Avm.replay(chooser), ["waited", 7])
      const [names] = yield* namesOf(chooser)
      assert.deepStrictEqual(names.filter((name) => name === "Tx.begin" || name === "Tx.retry"), ["Tx.begin"])
    }).pipe(onMachine))

  it.effect("of races that were lost is that they were: it is tried again, and given up, as it was", () =>
    Effect.gen(function*() {
      const { counter } = yield* setUp
      const choosers = yield* Avm.run(Effect.replicateEffect(Obj.create("chooser", local), 12))
      const outcomes = yield* Effect.forEach(choosers, (id) => Avm.run(Obj.call(id, ["conflict", counter])), {
        concurrency: "unbounded"
      })
      const all = outcomes.map(Option.getOrThrow)
      assert.include(all, "well")
      for (const id of choosers) assert.deepStrictEqual(yield* Avm.replay(id), yield* stateOf(id))
      const begun = (yield* Effect.forEach(choosers, namesOf)).flat(2).filter((name) => name === "Tx.begin")
      assert.isAbove(begun.length, choosers.length)
    }).pipe(onMachine))

  it.effect("of a callee is all that it has learned, also what it was fed when its caller chose again", () =>
    Effect.gen(function*() {
      const { callee, counter } = yield* setUp
      yield* Avm.run(Tx.transact(Effect.gen(function*() {
        const n = yield* Obj.call(callee, counter)
        yield* Nondet.require(Option.getOrNull(n) === 3)
      })))
      assert.deepStrictEqual(yield* stateOf(callee), [1, 3, 4])
      assert.deepStrictEqual(yield* Avm.replay(callee), [1, 3, 4])
      assert.deepStrictEqual(yield* namesOf(callee), [
        ["Introspect.input", "Obj.call", "Nondet.choose", "Obj.call"]
      ])
      assert.deepStrictEqual(yield* Avm.replay(counter), 4)
    }).pipe(onMachine))

  it.effect("costs a call no more for being nested deeply", () =>
    Effect.gen(function*() {
      const answer = yield* Avm.run(Effect.flatMap(Obj.create("deep", local), (id) => ask(id, 10_000)))
      assert.strictEqual(answer, 10_000)
    }).pipe(onMachine))

  it.effect("at a replica is replayed by freeze, choices and all (A26)", () =>
    Effect.gen(function*() {
      const { chooser, counter } = yield* setUp
      yield* Avm.run(Effect.gen(function*() {
        yield* Machine.teleport(MachineId.make("m1"))
        yield* Machine.fetch(chooser)
        for (const way of ["terms", "impossible", "undecided", "raw", "choose"]) {
          // What a transaction does is done to the object itself: only the replica's own state is meant.
          yield* Obj.call(chooser, [way, counter])
        }
        yield* Machine.teleport(MachineId.make("m0"))
        assert.deepStrictEqual(yield* Controller.freeze(chooser), Option.some(true))
      }))
      const { replicas, state } = yield* stored(chooser)
      assert.isTrue(Array.isArray(state) && state[0] === 3)
      assert.deepStrictEqual(replicas.get(MachineId.make("m1"))?.state, state)
    }).pipe(onMachine))
})
