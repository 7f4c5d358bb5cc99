// The laws of the port, on every layer of it: whatever solves, the answers are those of the meaning of the constraints.
import { Check, Constraint, ConstraintSolver, Domain, Problem, Solver } from "@effect-avm/solver"
import * as HighsSolver from "@effect-avm/solver/HighsSolver"
import * as MiniZincSolver from "@effect-avm/solver/MiniZincSolver"
import * as Z3Solver from "@effect-avm/solver/Z3Solver"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, type Layer, Stream } from "effect"
import * as fc from "fast-check"
import { Program } from "../../packages/solver/src/internal/linearized.js"
import { formula, problems } from "./Generated.js"
import * as Puzzles from "./Puzzles.js"

const { compare, compareValue, linear } = Constraint

const values = (domain: Domain.Domain) => Domain.toArray(domain)

const solutionsOf = ({ requirements, variables }: Problem.Problem): ReadonlyArray<Problem.Solution> =>
  variables.reduce<ReadonlyArray<ReadonlyArray<number>>>(
    (prefixes, { domain }) => prefixes.flatMap((prefix) => values(domain).map((value) => [...prefix, value])),
    [[]]
  ).filter((solution) => requirements.every(({ constraint }) => Check.holds(constraint, solution)))

/** The best one, the smallest of these. Values are tried in ascending order, so it comes first. */
const bestOf = (problem: Problem.Problem): Problem.Solution => {
  const rank = (solution: Problem.Solution) =>
    Check.objectives(problem, solution).map((sum, at) => problem.objectives[at].sense === "maximize" ? -sum : sum)
  const isBetter = (a: ReadonlyArray<number>, b: ReadonlyArray<number>) => {
    const at = a.findIndex((sum, at) => sum !== b[at])
    return at !== -1 && a[at] < b[at]
  }
  return solutionsOf(problem).reduce((best, solution) => isBetter(rank(solution), rank(best)) ? solution : best)
}

/** Linear, and over ranges: what every one of them can express. */
const knapsack = Problem.make({
  variables: Puzzles.upTo(6).map((at) => ({ name: `item ${at}`, domain: Domain.range(0, at < 3 ? 1 : 2) })),
  requirements: [
    { name: "weight", constraint: linear([12, 2, 1, 4, 1, 3], Puzzles.upTo(6), "<=", 15) },
    { name: "not both", constraint: Constraint.nogood([1, 2], [1, 1]) },
    { name: "order", constraint: Constraint.and(compare(3, "<=", 4), compare(4, ">=", 5, -1)) }
  ],
  objectives: [
    Problem.maximize(...[4, 2, 1, 10, 2, 3].map((worth, at) => Problem.times(worth, at))),
    Problem.minimize(Problem.when(1, compareValue(0, "=", 1)), Problem.times(1, 5))
  ]
})

const suite = (
  name: string,
  layer: Layer.Layer<ConstraintSolver.ConstraintSolver>,
  /** How many problems it is given: some take a second to be asked. */
  numRuns: number
): void => {
  it.layer(layer)(name, (it) => {
    const service = ConstraintSolver.ConstraintSolver

    it.effect("finds the best solution, and the smallest of these", () =>
      Effect.gen(function*() {
        const solver = yield* service
        for (const problem of [knapsack, Puzzles.everything]) {
          const outcome = yield* solver.solve(problem, { ties: "smallest" })
          assert.strictEqual(outcome._tag, "Solved")
          if (outcome._tag !== "Solved") return
          assert.deepStrictEqual(outcome.solution, bestOf(problem))
          assert.deepStrictEqual(outcome.objectives, Check.objectives(problem, outcome.solution))
        }
      }), 60_000)

    it.effect("finds what trying all values finds best, in generated problems", () =>
      Effect.gen(function*() {
        const solver = yield* service
        const run = (problem: Problem.Problem) => Effect.runPromise(solver.solve(problem, { ties: "smallest" }))
        const property = fc.asyncProperty(
          problems(formula, 4),
          fc.array(formula, { maxLength: 2 }),
          async (small, goals) => {
            const problem = Problem.make({
              variables: small.domains.map((domain, at) => ({ name: `x${at}`, domain: Domain.values(domain) })),
              requirements: small.constraints,
              objectives: goals.map((goal) => Problem.maximize(Problem.when(2, goal), Problem.times(1, 0)))
            })
            const outcome = await run(problem)
            if (solutionsOf(problem).length === 0) assert.strictEqual(outcome._tag, "Unsatisfiable")
            else assert.deepStrictEqual(outcome._tag === "Solved" && outcome.solution, bestOf(problem))
          }
        )
        yield* Effect.promise(() =>
          fc.assert(property, { numRuns: numRuns * (process.env.SOAK === undefined ? 1 : 20) })
        )
      }), 600_000)

    it.effect("finds all solutions, each once", () =>
      Effect.gen(function*() {
        const solver = yield* service
        const few = Problem.make({
          variables: Puzzles.upTo(3).map((at) => ({ name: `x${at}`, domain: Domain.boolean })),
          requirements: [linear([1, 1, 1], [0, 1, 2], ">=", 2)]
        })
        const found = yield* Stream.runCollect(solver.solveAll(few))
        assert.deepStrictEqual(
          Array.from(found, (_) => _.join("")).sort(),
          solutionsOf(few).map((_) => _.join("")).sort()
        )
        const two = yield* Stream.runCollect(solver.solveAll(few, { limits: { solutions: 2 } }))
        assert.strictEqual(two.length, 2)
      }), 60_000)

    it.effect("solves something else while solutions are read", () =>
      Effect.gen(function*() {
        const solver = yield* service
        const pair = Problem.make({
          variables: Puzzles.upTo(2).map((at) => ({ name: `x${at}`, domain: Domain.boolean })),
          requirements: [linear([1, 1], [0, 1], "=", 1)]
        })
        const found = yield* solver.solveAll(pair).pipe(
          Stream.mapEffect(([x]) => Effect.map(solver.solve(knapsack), ({ _tag }) => `${x} ${_tag}`)),
          Stream.runCollect
        )
        assert.deepStrictEqual(Array.from(found).sort(), ["0 Solved", "1 Solved"])
      }), 60_000)

    it.effect("tells what is impossible", () =>
      Effect.gen(function*() {
        const solver = yield* service
        const impossible = Problem.make({
          variables: [{ name: "x", domain: Domain.range(0, 4) }, { name: "y", domain: Domain.range(0, 4) }],
          requirements: [linear([2, 2], [0, 1], "=", 7)]
        })
        assert.strictEqual((yield* solver.solve(impossible))._tag, "Unsatisfiable")
      }), 60_000)

    it.effect("refuses what is no problem", () =>
      Effect.gen(function*() {
        const solver = yield* service
        const error = yield* Effect.flip(
          solver.solve(Problem.make({ variables: [], requirements: [compare(0, "=", 1)] }))
        )
        assert.deepInclude(error, { _tag: "UnknownVariable", where: "requirements[0].constraint.left", variable: 0 })
      }))

    it.effect("says that it was too late for all solutions", () =>
      Effect.gen(function*() {
        const solver = yield* service
        let count = 0
        const error = yield* solver.solveAll(Puzzles.queens(14), { limits: { time: "300 millis" } }).pipe(
          Stream.runForEach(() => Effect.sync(() => void count++)),
          Effect.flip
        )
        assert.deepInclude(error, { _tag: "SearchLimited", limit: "time", solutions: count })
      }).pipe(Effect.withClock(Clock.make())), 60_000)
  })
}

describe("ConstraintSolver", () => {
  suite("embedded", ConstraintSolver.layerEmbedded, 100)
  suite("highs", HighsSolver.layer, 50)
  suite("z3-solver", Z3Solver.layer, 10)
  suite("minizinc", MiniZincSolver.layer, 1)

  it("highs clears as the engine does", async () => {
    const problem = Puzzles.clearing(Puzzles.offers(30))
    const solve = Effect.flatMap(ConstraintSolver.ConstraintSolver, (solver) => solver.solve(problem))
    const [ours, theirs] = await Promise.all([
      Effect.runPromise(Effect.provide(solve, ConstraintSolver.layerEmbedded)),
      Effect.runPromise(Effect.provide(solve, HighsSolver.layer))
    ])
    assert.deepStrictEqual(ours._tag === "Solved" && ours.objectives, [25_139])
    assert.deepStrictEqual(theirs._tag === "Solved" && theirs.objectives, [25_139])
  })

  it("highs is told of few variables with many values two by two", async () => {
    const variables = ["x", "y", "z"].map((name) => ({ name, domain: Domain.range(0, 900) }))
    const problem = Problem.make({
      variables,
      requirements: [Constraint.allDifferent([0, 1, 2])],
      objectives: [Problem.maximize(...variables.map((_, variable) => Problem.times(1, variable)))]
    })
    assert.isBelow(new Program(problem).columns.length, 20)
    const outcome = await Effect.runPromise(Effect.provide(
      Effect.flatMap(ConstraintSolver.ConstraintSolver, (solver) => solver.solve(problem)),
      HighsSolver.layer
    ))
    assert.deepStrictEqual(outcome._tag === "Solved" && outcome.objectives, [900 + 899 + 898])
  })

  it("highs clears 200 offers, and nothing is better", async () => {
    const problem = Puzzles.clearing(Puzzles.offers(200))
    const theirs = await Effect.runPromise(Effect.provide(
      Effect.flatMap(ConstraintSolver.ConstraintSolver, (solver) => solver.solve(problem)),
      HighsSolver.layer
    ))
    assert.ok(theirs._tag === "Solved")
    const [best] = theirs.objectives
    assert.strictEqual(best, 298_432)

    // At any prices a better solution is worth no more than what it moves with what is left over. So at these prices it
    // can do otherwise than take what is worth something, and leave the rest, only where that costs less than it gains.
    const prices = [9740, 0, 1400, 41]
    const worth = problem.objectives[0].terms.map((term) => term._tag === "Times" ? 100 * term.coefficient : NaN)
    for (const [asset, { constraint }] of problem.requirements.entries()) {
      assert.ok(constraint._tag === "Linear" && constraint.relation === ">=" && constraint.constant === 0)
      for (const [at, variable] of constraint.variables.entries()) {
        worth[variable] += prices[asset] * constraint.coefficients[at]
      }
    }
    const bound = worth.reduce((sum, worth) => sum + Math.max(0, worth), 0)
    const gap = bound - 100 * best
    assert.isAtMost(gap / bound, 0.0005)
    const isOpen = worth.map((worth) => Math.abs(worth) < gap)
    assert.strictEqual(isOpen.filter((open) => open).length, 28)
    const rest = {
      ...problem,
      variables: problem.variables.map((variable, at) =>
        isOpen[at] ? variable : { ...variable, domain: worth[at] > 0 ? Domain.range(1, 1) : Domain.range(0, 0) }
      )
    }
    const ours = await Effect.runPromise(Solver.solve(rest))
    assert.deepStrictEqual(ours._tag === "Solved" && ours.objectives, [best])
  }, 60_000)
})
