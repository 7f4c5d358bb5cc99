// Solving as effects: outcomes, limits, ties, streams, fairness, interruption, and the small set that cannot hold together.
import { Check, Constraint, Domain, Problem, Solver } from "@effect-avm/solver"
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Duration, Effect, Either, Fiber, Option, Ref, Stream, TestClock } from "effect"
import * as fc from "fast-check"
import * as Puzzles from "./Puzzles.js"

const { compare, compareValue, linear } = Constraint

/** Takes minutes. */
const endless = Puzzles.colouring(Puzzles.mycielski(7), 6)

const run = <A, E>(effect: Effect.Effect<A, E>): Promise<A> => Effect.runPromise(effect)

describe("solve", () => {
  it("finds the best by several objectives, and the smallest of these", async () => {
    const digit = fc.integer({ min: -3, max: 3 })
    const relation = fc.constantFrom<Constraint.Relation>("<=", ">=", "!=", "=")
    const problems = fc.tuple(
      fc.array(fc.tuple(digit, digit, digit, relation, digit), { maxLength: 3 }),
      fc.array(
        fc.tuple(fc.constantFrom("maximize" as const, "minimize" as const), digit, digit, fc.nat(5), fc.nat(5), digit),
        { maxLength: 3 }
      )
    ).map(([rows, objectives]) =>
      Problem.make({
        variables: ["x", "y", "z"].map((name) => ({ name, domain: Domain.range(-2, 2) })),
        requirements: rows.map(([a, b, c, relation, d]) => linear([a, b, c], [0, 1, 2], relation, d)),
        objectives: objectives.map(([sense, a, b, v, w, d]) => ({
          sense,
          terms: [
            Problem.times(a, 0),
            Problem.times(b, 1),
            Problem.when(v, compareValue(2, "=", d)),
            Problem.when(w, compareValue(2, "=", 1)),
            Problem.when(w, compare(0, "<", 1))
          ]
        }))
      })
    )
    const range = [-2, -1, 0, 1, 2]
    const everything = range.flatMap((x) => range.flatMap((y) => range.map((z) => [x, y, z])))
    await fc.assert(
      fc.asyncProperty(problems, async (problem) => {
        const rank = (solution: ReadonlyArray<number>) =>
          Check.objectives(problem, solution).map((sum, at) => problem.objectives[at].sense === "maximize" ? -sum : sum)
        const best = everything.filter((_) => Check.violations(problem, _).length === 0).reduce<
          Problem.Solution | undefined
        >(
          (best, solution) => {
            if (best === undefined) return solution
            const [ours, theirs] = [rank(solution), rank(best)]
            const at = ours.findIndex((sum, at) => sum !== theirs[at])
            return at !== -1 && ours[at] < theirs[at] ? solution : best
          },
          undefined
        )
        const outcome = await run(Solver.solve(problem, { ties: "smallest" }))
        if (best === undefined) assert.strictEqual(outcome._tag, "Unsatisfiable")
        else {
          assert.strictEqual(outcome._tag, "Solved")
          if (outcome._tag !== "Solved") return
          assert.deepStrictEqual(outcome.solution, best)
          assert.deepStrictEqual(outcome.objectives, Check.objectives(problem, best))
          assert.deepStrictEqual(await run(Solver.solve(problem, { ties: "smallest" })), outcome)
          const any = await run(Solver.solve(problem))
          assert.deepStrictEqual(any._tag === "Solved" && any.objectives, outcome.objectives)
        }
      }),
      { numRuns: process.env.SOAK === undefined ? 400 : 10_000 }
    )
  })

  it("finds the smallest of them where the order of the variables is a bad one to search in", async () => {
    // Larger domains than those of offers, so that it comes to halving them.
    const amounts = (seed: number): Problem.Problem => {
      const offers = Puzzles.offers(14, 3, seed)
      const { objectives, requirements, variables } = Puzzles.clearing(offers, 3)
      return Problem.make({
        variables: variables.map((_) => ({ ..._, domain: Domain.range(-1, 4) })),
        requirements,
        objectives
      })
    }
    const problems = [Puzzles.clearing(Puzzles.offers(24)), ...[2, 5].map(amounts)]
    for (const problem of problems) {
      // The same, said by objectives.
      const smallest = problem.variables.map((_, at) => Problem.minimize(Problem.times(1, at)))
      const other = await run(Solver.solve({ ...problem, objectives: [...problem.objectives, ...smallest] }))
      const found = await run(Solver.solve(problem, { ties: "smallest" }))
      assert.ok(found._tag === "Solved" && other._tag === "Solved")
      assert.deepStrictEqual(found.solution, other.solution)
    }
    const outcome = await run(Solver.solve(Puzzles.clearing(Puzzles.offers(40)), { ties: "smallest" }))
    assert.strictEqual(outcome._tag, "Solved")
    // In the order of the variables it is millions.
    assert.isBelow(outcome.progress.nodes, 100_000)
  })

  it("says that the decisions are used up, and the best so far", async () => {
    const clearing = Puzzles.clearing(Puzzles.offers(40))
    const outcome = await run(Solver.solve(clearing, { limits: { nodes: 1000 } }))
    assert.strictEqual(outcome._tag, "Limited")
    if (outcome._tag !== "Limited") return
    assert.deepStrictEqual([outcome.limit, outcome.progress.nodes], ["nodes", 1000])
    const best = Option.getOrThrow(outcome.best)
    assert.deepStrictEqual(Check.violations(clearing, best), [])
    assert.deepStrictEqual<ReadonlyArray<number | undefined>>(Check.objectives(clearing, best), [outcome.progress.best])
  })

  it("says that there were improvements enough", async () => {
    const outcome = await run(Solver.solve(Puzzles.clearing(Puzzles.offers(40)), { limits: { solutions: 2 } }))
    assert.deepInclude(outcome, { _tag: "Limited", limit: "solutions" })
  })

  it("says that the time is over", async () => {
    const outcome = await run(Solver.solve(endless, { limits: { time: "40 millis" } }))
    assert.deepInclude(outcome, { _tag: "Limited", limit: "time", best: Option.none() })
  })

  it.effect("goes by the clock that it is given", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(Solver.solve(endless, { limits: { time: "1 hour" } }))
      yield* Effect.yieldNow()
      yield* TestClock.adjust("61 minutes")
      assert.deepInclude(yield* Fiber.join(fiber), { _tag: "Limited", limit: "time" })
    }))

  it("tells about its progress", async () => {
    const told = await run(Effect.gen(function*() {
      const told = yield* Ref.make<ReadonlyArray<number>>([])
      yield* Solver.solve(endless, {
        limits: { time: "50 millis" },
        onProgress: ({ nodes }) => Ref.update(told, (before) => [...before, nodes])
      })
      return yield* Ref.get(told)
    }))
    assert.isAbove(told.length, 2)
    assert.deepStrictEqual(told, [...told].sort((a, b) => a - b))
    assert.isAbove(told[told.length - 1], told[0])
  })
})

describe("while it searches", () => {
  /** How late a timer is, in milliseconds: the median of some. */
  const lateness = Effect.gen(function*() {
    const late: Array<number> = []
    for (let round = 0; round < 9; round++) {
      const [taken] = yield* Effect.timed(Effect.sleep("20 millis"))
      late.push(Duration.toMillis(taken) - 20)
    }
    return late.sort((a, b) => a - b)[4]
  })

  const searches: Readonly<Record<string, Effect.Effect<unknown, unknown>>> = {
    "for one solution": Solver.solve(endless),
    "and a stream is read": Stream.runDrain(Solver.solveAll(Puzzles.queens(14)))
  }

  for (const [name, search] of Object.entries(searches)) {
    it(`timers fire within 10 milliseconds: ${name}`, async () => {
      // The machine may have others to serve as well.
      const alone = await run(lateness)
      const beside = await run(Effect.scoped(Effect.zipRight(Effect.forkScoped(search), lateness)))
      assert.isBelow(beside - alone, 10)
    })
  }

  it("it can be interrupted", async () => {
    const [taken] = await run(Effect.gen(function*() {
      const fiber = yield* Effect.fork(Stream.runDrain(Solver.solveAll(endless)))
      yield* Effect.sleep("30 millis")
      return yield* Effect.timed(Fiber.interrupt(fiber))
    }))
    assert.isBelow(Duration.toMillis(taken), 200)
  })
})

describe("solveAll", () => {
  it("is lazy: it searches no further than is asked for", async () => {
    const nodes = await run(Effect.gen(function*() {
      const last = yield* Ref.make(0)
      const three = yield* Solver.solveAll(Puzzles.queens(30), {
        onProgress: ({ nodes }) => Ref.set(last, nodes)
      }).pipe(Stream.take(3), Stream.runCollect)
      assert.strictEqual(Chunk.size(three), 3)
      return yield* Ref.get(last)
    }))
    assert.isBelow(nodes, 1_000_000)
  })

  it("starts anew each time that it is run", async () => {
    const stream = Solver.solveAll(Puzzles.queens(6))
    assert.strictEqual(await run(Stream.runCount(stream)), 4)
    assert.strictEqual(await run(Stream.runCount(stream)), 4)
  })

  it("ends after as many solutions as are enough", async () =>
    assert.strictEqual(
      await run(Stream.runCount(Solver.solveAll(Puzzles.queens(8), { limits: { solutions: 10 } }))),
      10
    ))

  it("fails where decisions or time are used up, after what was found", async () => {
    for (const limits of [{ nodes: 50 }, { time: "30 millis" as const }]) {
      const found: Array<Problem.Solution> = []
      const ended = await run(Effect.either(
        Stream.runForEach(
          Solver.solveAll(Puzzles.queens(14), { limits }),
          (solution) => Effect.sync(() => found.push(solution))
        )
      ))
      assert.isTrue(Either.isLeft(ended))
      if (Either.isRight(ended) || ended.left._tag !== "SearchLimited") return assert.fail("it went on")
      assert.strictEqual(ended.left.limit, "nodes" in limits ? "nodes" : "time")
      assert.strictEqual(ended.left.solutions, found.length)
    }
  })
})

describe("what cannot hold together", () => {
  const x = Puzzles.upTo(6).map((at) => ({ name: `x${at}`, domain: Domain.range(0, 3) }))

  it("is named, and nothing else", async () => {
    const problem = Problem.make({
      variables: x,
      requirements: [
        compare(0, "!=", 1),
        compareValue(5, ">", 1),
        compare(1, "<", 2),
        compare(2, "<", 3),
        linear([1, 1], [4, 5], "<=", 5),
        compare(3, "<", 4),
        compareValue(4, "<=", 2)
      ]
    })
    assert.deepStrictEqual(await run(Solver.unsatisfiableCore(problem)), Option.some([2, 3, 5, 6]))
  })

  it("is never all right without one of them", async () => {
    const relation = fc.constantFrom<Constraint.Relation>("<", "!=", "=", ">")
    const requirement = fc.tuple(fc.nat(5), relation, fc.nat(5)).map(([a, relation, b]) => compare(a, relation, b))
    await fc.assert(
      fc.asyncProperty(fc.array(requirement, { minLength: 5, maxLength: 14 }), async (requirements) => {
        const problem = Problem.make({ variables: x, requirements })
        const satisfiable = (kept: ReadonlyArray<number>) =>
          run(Solver.solve({ ...problem, requirements: kept.map((at) => problem.requirements[at]) })).then((_) =>
            _._tag === "Solved"
          )
        const core = await run(Solver.unsatisfiableCore(problem))
        if (Option.isNone(core)) return assert.isTrue(await satisfiable(requirements.map((_, at) => at)))
        assert.isFalse(await satisfiable(core.value))
        for (const at of core.value) assert.isTrue(await satisfiable(core.value.filter((other) => other !== at)))
      })
    )
  })

  it("is not found where a limit comes first", async () => {
    const outcome = await run(Effect.flip(Solver.unsatisfiableCore(endless, { limits: { nodes: 10 } })))
    assert.deepInclude(outcome, { _tag: "SearchLimited", limit: "nodes" })
  })
})
