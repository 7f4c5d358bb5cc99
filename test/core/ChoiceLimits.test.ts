/**
 * Searches that run away: brackets with choices, joint intents, searches by labels, and variables that are hard to tell
 * values for. Each limit ends them with a failure that says which it was and what was found; nothing is committed that
 * was not asked for, and whoever is in the way can always interrupt them.
 */
import {
  Avm,
  AvmError,
  Behaviour,
  Constraint,
  ControllerId,
  FD,
  Intent,
  Introspect,
  Nondet,
  Obj,
  Tx,
  TxId
} from "@effect-avm/core"
import { ConstraintSolver, Solver } from "@effect-avm/solver"
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Effect, Exit, Fiber, Layer, Option, Schedule, Schema, Stream, TestClock } from "effect"
import { portsOn, type Store, stores } from "../support/Stores.js"

const local = ControllerId.make("local")

const Cell = Behaviour.layerRaw("cell", function*() {
  const input = yield* Introspect.input
  if (input === null) return [yield* Introspect.getState]
  yield* Introspect.setState(input)
  return []
})

const platform = ([, store]: Store, solver?: ConstraintSolver.Service) =>
  Layer.provideMerge(
    Cell,
    Layer.provide(
      Avm.layer(),
      solver === undefined ? Layer.empty : Layer.succeed(ConstraintSolver.ConstraintSolver, solver)
    )
  ).pipe(Layer.provideMerge(portsOn(store)))

/** Which of so many digits there are, it says of all of them at once: so the body has to be run with each number. */
const opaque = (digits: number, secret: number, runs: { n: number } = { n: 0 }) =>
  Effect.gen(function*() {
    runs.n++
    let number = 0
    for (let at = 0; at < digits; at++) number = number * 10 + (yield* Nondet.choose([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]))
    yield* Nondet.require(number === secret, "the secret")
    return number
  })

/** What fits into a knapsack, seen through by the solver: it finds something soon, and the best after very long. */
const knapsack = (size: number) =>
  Effect.gen(function*() {
    const weights = Array.from({ length: size }, (_, at) => 1000 + (at * 7919) % 977)
    const taken = yield* Effect.forEach(weights, (weight, at) =>
      Nondet.choice([1, 0], { weights: [weight + (at * 31) % 17, 0] }))
    const load = Constraint.sum(taken.map((one, at) =>
      Constraint.times(weights[at], one)
    ))
    yield* Nondet.require(Constraint.leq(load, Math.floor(size * 1450 / 2)), "fits")
    return taken
  })

/** More pigeons than holes; only trying tells. */
const pigeons = (holes: number) =>
  Effect.gen(function*() {
    const all = yield* Effect.forEach(Array.from({ length: holes + 1 }), () => FD.newVar(FD.range(1, holes)))
    for (const [at, one] of all.entries()) {
      for (const other of all.slice(at + 1)) yield* FD.post(Constraint.neq(one, other))
    }
    return all
  })

const undecided = <A, E>(bracket: Effect.Effect<A, E, Avm.Avm>) =>
  Effect.map(Effect.flip(bracket), (error) => {
    assert.instanceOf(error, AvmError.ChoicesUndecided)
    return error
  })

describe.each(stores)("a bracket with limits (%s)", (name, layer) => {
  const onMachine = Effect.provide(platform([name, layer]))

  it.effect("of runs says so, was aborted, and has changed nothing", () =>
    Effect.gen(function*() {
      const cell = yield* Avm.run(Effect.tap(Obj.create("cell", local), (cell) => Obj.call(cell, "before")))
      const runs = { n: 0 }
      const body = Effect.zipRight(Obj.call(cell, "changed"), opaque(3, 999, runs))
      const { exit, trace } = yield* Avm.runTraced(Tx.transact(body, { limits: { runs: 20 } }))
      const error = yield* Effect.flip(exit)
      assert.instanceOf(error, AvmError.ChoicesUndecided)
      assert.deepStrictEqual([error.limit, error.runs, error.best], ["runs", 20, undefined])
      // The first choices are tried twice.
      assert.strictEqual(runs.n, 21)
      assert.deepStrictEqual(trace.slice(-2).map(({ event }) => event._tag), ["TransactionAborted", "ErrorOccurred"])
      assert.deepStrictEqual(yield* Avm.run(Obj.call(cell, null)), Option.some("before"))
    }).pipe(onMachine))

  it.effect("that are wide enough finds what it would find without", () =>
    Effect.gen(function*() {
      const limits = { runs: 1000, nodes: 1_000_000, time: "1 minute" } as const
      assert.strictEqual(yield* Avm.run(Tx.transact(opaque(2, 37), { limits })), 37)
      const error = yield* Effect.flip(Avm.run(Tx.transact(opaque(1, 10), { limits })))
      assert.instanceOf(error, AvmError.Unsatisfiable)
    }).pipe(onMachine))

  it.effect("commits the best found so far where it is told to, and only then", () =>
    Effect.gen(function*() {
      const cell = yield* Avm.run(Effect.tap(Obj.create("cell", local), (cell) => Obj.call(cell, "before")))
      const deal = (accept?: (undecided: AvmError.ChoicesUndecided) => boolean) =>
        Tx.transact(
          Effect.gen(function*() {
            const taken = yield* knapsack(40)
            yield* Obj.call(cell, "changed")
            return taken.map(({ value }) => value)
          }),
          { limits: { nodes: 200 }, ...accept === undefined ? {} : { accept } }
        )
      const error = yield* undecided(Avm.run(deal()))
      assert.strictEqual(error.limit, "nodes")
      assert.isAtLeast(error.nodes, 200)
      assert(error.best !== undefined)
      assert.strictEqual(error.best.values.length, 40)
      assert.isAbove(error.best.loss, 0)
      yield* undecided(Avm.run(deal(({ best }) => best !== undefined && best.loss === 0)))
      assert.deepStrictEqual(yield* Avm.run(Obj.call(cell, null)), Option.some("before"))
      const asked: Array<unknown> = []
      const taken = yield* Avm.run(deal(({ best }) => asked.push(best) > 0))
      assert.deepStrictEqual(asked, [error.best])
      assert.deepStrictEqual(taken, [...error.best.values] as Array<number>)
      assert.deepStrictEqual(yield* Avm.run(Obj.call(cell, null)), Option.some("changed"))
    }).pipe(onMachine))
})

describe.each(stores)("what a bracket with limits comes to (%s)", (name, layer) => {
  const onMachine = Effect.provide(platform([name, layer]))

  it.live("of time says so, with the best found so far", () =>
    Effect.gen(function*() {
      const error = yield* undecided(Avm.run(Tx.transact(
        Effect.map(knapsack(60), (all) => all.map(({ value }) => value)),
        { limits: { time: "60 millis" } }
      )))
      assert.deepStrictEqual([error.limit, error.best?.values.length], ["time", 60])
      const none = yield* undecided(Avm.run(Tx.transact(opaque(4, 9999), { limits: { time: "60 millis" } })))
      assert.deepStrictEqual([none.limit, none.best], ["time", undefined])
      assert.isAbove(none.runs, 1)
    }).pipe(onMachine))

  it.effect("counts time by the Clock, from when the first choices did not do (D30)", () =>
    Effect.gen(function*() {
      const body = Effect.gen(function*() {
        const n = yield* Nondet.choose([1, 2, 3, 4, 5, 6])
        yield* TestClock.adjust("1 second")
        yield* Nondet.require(n === 6)
        return n
      })
      const within = (time: `${number} seconds`) => Avm.run(Tx.transact(body, { limits: { time } }))
      assert.strictEqual(yield* within("6 seconds"), 6)
      const error = yield* undecided(within("4 seconds"))
      assert.deepStrictEqual([error.limit, error.runs], ["time", 4])
    }).pipe(onMachine))

  it.effect("does not take a failure, or Tx.retry, for the outcome, where it is not known to be that of the best choices", () =>
    Effect.gen(function*() {
      const cell = yield* Avm.run(Obj.create("cell", local))
      const ends = (end: Effect.Effect<never, string, Tx.Tx | Tx.InTx>) =>
        undecided(Avm.run(Tx.transact(
          Effect.gen(function*() {
            const taken = yield* knapsack(30)
            if (taken.some(({ value }) => value === 0)) {
              yield* Obj.call(cell, null)
              return yield* end
            }
          }),
          { limits: { nodes: 150 }, accept: () => true }
        )))
      for (const end of [Effect.fail("no"), Tx.retry, Effect.zipRight(Effect.exit(Tx.retry), Effect.fail("no"))]) {
        const error = yield* ends(end)
        assert.deepStrictEqual([error.limit, error.best], ["nodes", undefined])
      }
      // Nor what a body makes of a retry that it has kept to itself.
      const kept = yield* undecided(Avm.run(Tx.transact(
        Effect.gen(function*() {
          const taken = yield* knapsack(30)
          yield* Obj.call(cell, null)
          if (taken.some(({ value }) => value === 0)) yield* Effect.exit(Tx.retry)
        }),
        { limits: { nodes: 150 }, accept: () => true }
      )))
      assert.strictEqual(kept.best, undefined)
    }).pipe(onMachine))

  it.effect("of runs: the one that would be one too many is not made, not even for the best found so far", () =>
    Effect.gen(function*() {
      let runs = 0
      const body = Effect.zipRight(Effect.sync(() => runs++), Effect.asVoid(knapsack(40)))
      const error = yield* undecided(Avm.run(Tx.transact(body, { limits: { nodes: 200, runs: 1 } })))
      assert.deepStrictEqual([error.limit, error.runs, error.best, runs], ["nodes", 1, undefined, 2])
    }).pipe(onMachine))

  it.effect("that conflicts or waits searches anew, with all of its limits", () =>
    Effect.gen(function*() {
      const cell = yield* Avm.run(Effect.tap(Obj.create("cell", local), (cell) => Obj.call(cell, 0)))
      let conflicts = 0
      const chosen = yield* Avm.run(Tx.transact(
        Effect.gen(function*() {
          const before = Number(Option.getOrThrow(yield* Obj.call(cell, null)))
          const n = yield* Nondet.choose([1, 2, 3])
          yield* Nondet.require(n === 3)
          if (conflicts++ < 2) yield* Avm.run(Obj.call(cell, before + 1))
          yield* Obj.call(cell, 10 * before)
          return before
        }),
        { limits: { runs: 3 }, retry: Schedule.forever }
      ))
      assert.strictEqual(chosen, 2)
    }).pipe(onMachine))

  it.effect("whose `accept` throws is aborted, and dies of it", () =>
    Effect.gen(function*() {
      const broken = (): boolean => {
        throw new Error("broken")
      }
      const { exit, trace } = yield* Avm.runTraced(
        Tx.transact(Effect.asVoid(knapsack(40)), { limits: { nodes: 200 }, accept: broken })
      )
      assert.isTrue(Exit.isFailure(exit) && String(exit.cause).includes("broken"))
      assert.deepStrictEqual(trace.slice(-2).map(({ event }) => event._tag), ["TransactionAborted", "ErrorOccurred"])
    }).pipe(onMachine))

  it.effect("hands what is left of them to the solver that is provided", () =>
    Effect.gen(function*() {
      const given: Array<number | undefined> = []
      const solver: ConstraintSolver.Service = {
        name: "limited",
        solve: (problem, options) =>
          Effect.suspend(() => {
            given.push(options?.limits?.nodes)
            return Solver.solve(problem, options)
          }),
        solveAll: Solver.solveAll
      }
      // What a plain boolean says needs no solver.
      const both = Effect.gen(function*() {
        yield* Nondet.require(Constraint.lt(yield* Nondet.choice([2, 1]), 2))
        return yield* opaque(2, 5)
      })
      const bracket = Tx.transact(both, { limits: { nodes: 1000 } })
      assert.strictEqual(yield* Effect.provide(Avm.run(bracket), platform([name, layer], solver)), 5)
      assert.deepStrictEqual(given.slice(0, 1), [1000])
      assert.isTrue(given.every((nodes, at) => at === 0 || Number(nodes) <= Number(given[at - 1])))
    }))

  it("the failure travels, and says what happened", () => {
    const best = { values: [1, "a", null], loss: 2.5 }
    const error = new AvmError.ChoicesUndecided({ tx: TxId.make("t1"), limit: "nodes", runs: 3, nodes: 7, best })
    const json = JSON.parse(JSON.stringify(Schema.encodeSync(AvmError.ChoicesUndecided)(error)))
    assert.deepStrictEqual(Schema.decodeUnknownSync(AvmError.ChoicesUndecided)(json), error)
    assert.include(error.message, "limit of nodes")
  })
})

describe.each(stores)("Intent.compose with limits (%s)", (name, layer) => {
  const onMachine = Effect.provide(platform([name, layer]))

  const parties = {
    a: Intent.make("a", knapsack(20)),
    b: Intent.make("b", knapsack(20))
  }
  const balance: Intent.ComposeOptions<typeof parties>["balance"] = ({ a, b }) => [
    Constraint.eq(Constraint.sum(a), Constraint.sum(b))
  ]

  it.effect("says which one was reached, and accepts the best found so far if told to", () =>
    Effect.gen(function*() {
      const error = yield* undecided(Avm.run(Intent.compose(parties, { balance, limits: { nodes: 300 } })))
      assert.deepStrictEqual([error.limit, error.best?.values.length], ["nodes", 40])
      const deal = Intent.compose(parties, { balance, limits: { nodes: 300 }, accept: () => true })
      const { a, b } = yield* Avm.run(deal)
      const count = (all: ReadonlyArray<Nondet.Choice<number>>) => all.reduce((sum, { value }) => sum + value, 0)
      assert.strictEqual(count(a), count(b))
    }).pipe(onMachine))
})

describe.each(stores)("searches by labels with limits (%s)", (name, layer) => {
  const onMachine = Effect.provide(platform([name, layer]))

  const numbers = Effect.gen(function*() {
    const digits = yield* Effect.forEach([1, 2, 3], () => FD.newVar(FD.range(0, 9)))
    return (yield* Effect.forEach(digits, FD.label)).join("")
  })
  const secret = Effect.filterOrFail(numbers, (number) => number === "999", () => "no" as const)

  it.effect("a limit of solutions ends the stream, the others make it fail after what was found", () =>
    Effect.gen(function*() {
      const few = yield* Avm.run(Stream.runCollect(FD.search(numbers, { solutions: 3 })))
      assert.deepStrictEqual(Chunk.toArray(few), ["000", "001", "002"])
      const found: Array<string> = []
      const all = Stream.runForEach(FD.search(numbers, { nodes: 8 }), (number) => Effect.sync(() => found.push(number)))
      const error = yield* Effect.flip(Avm.run(all))
      assert(error._tag === "SearchLimited")
      assert.deepStrictEqual([error.limit, error.nodes, error.failures, error.solutions], ["nodes", 8, 0, 5])
      assert.deepStrictEqual(found, ["000", "001", "002", "003", "004"])
      assert.strictEqual(yield* Avm.run(Stream.runCount(FD.search(numbers, { nodes: 2000 }))), 1000)
    }).pipe(onMachine))

  it.effect("FD.commitFirst fails, and nothing is committed", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Avm.run(FD.commitFirst(secret, { nodes: 50 })))
      assert(typeof error !== "string" && error._tag === "SearchLimited")
      assert.deepStrictEqual([error.limit, error.solutions], ["nodes", 0])
      assert.deepStrictEqual(yield* Avm.run(FD.commitFirst(secret, { nodes: 5000 })), Option.some("999"))
    }).pipe(onMachine))

  it.effect("time is the Clock's (D30)", () =>
    Effect.gen(function*() {
      const slow = Effect.zipLeft(secret, TestClock.adjust("1 second")).pipe(
        Effect.tapError(() => TestClock.adjust("1 second"))
      )
      const error = yield* Effect.flip(Avm.run(FD.commitFirst(slow, { time: "10 seconds" })))
      assert(typeof error !== "string" && error._tag === "SearchLimited")
      assert.deepStrictEqual([error.limit, error.failures], ["time", 10])
    }).pipe(onMachine))
})

describe.each(stores)("requirements on variables that are hard to tell values for (%s)", (name, layer) => {
  const onMachine = Effect.provide(platform([name, layer]))

  const hard = Effect.gen(function*() {
    const [one] = yield* pigeons(14)
    const n = yield* Nondet.choice([1, 2, 3])
    yield* Nondet.require(Constraint.leq(n, one), "a pigeon")
  })

  it.live("a limit of time or nodes ends it", () =>
    Effect.gen(function*() {
      const time = yield* undecided(Avm.run(Tx.transact(hard, { limits: { time: "60 millis" } })))
      assert.strictEqual(time.limit, "time")
      const nodes = yield* undecided(Avm.run(Tx.transact(hard, { limits: { nodes: 20_000 } })))
      assert.strictEqual(nodes.limit, "nodes")
    }).pipe(onMachine))

  const interrupted = <A, E>(program: Effect.Effect<A, E, Avm.Avm>) =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(program)
      yield* Effect.sleep("60 millis")
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      const exit = yield* Effect.timeout(Fiber.interrupt(fiber), "5 seconds")
      assert.isTrue(Exit.isInterrupted(exit))
    })

  it.live("a bracket without limits can be interrupted there", () =>
    interrupted(Avm.run(Tx.transact(hard))).pipe(onMachine))

  it.live("and so can a raw commit, and a search by labels", () =>
    Effect.gen(function*() {
      yield* interrupted(Avm.run(Effect.gen(function*() {
        const id = yield* Tx.begin()
        yield* hard
        yield* Tx.commit(id)
      })))
      yield* interrupted(Avm.run(FD.commitFirst(hard)))
    }).pipe(onMachine))
})
