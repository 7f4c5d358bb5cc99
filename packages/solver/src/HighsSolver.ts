/**
 * HiGHS, a solver for linear programs with integer variables, from the optional package `highs`.
 *
 * It takes every problem. What is no sum is said with more variables (`internal/linearized`), which weakens what it can
 * tell in advance: with hundreds of variables and sums over all of them it is far ahead of search, and far behind it where
 * everything is a condition. In conditions, sums that can be larger than some hundred thousand are beyond its precision: a
 * solution that is none is found out, as with every solver; that there is none has to be believed.
 *
 * It runs in the thread that calls it and holds it until it is done: give a limit of time, or run it in a worker.
 *
 * `test/solver/ConstraintSolver.test.ts` runs the laws of the port on it.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Check from "./Check.js"
import { ConstraintSolver } from "./ConstraintSolver.js"
import * as Backend from "./internal/backend.js"
import { Program, sumOf, type Terms } from "./internal/linearized.js"
import type * as Problem from "./Problem.js"
import { SolverFailed } from "./SolverError.js"

/**
 * Loads the package when it first solves something.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<ConstraintSolver> = Layer.effect(
  ConstraintSolver,
  Effect.gen(function*() {
    const loaded = yield* Effect.cached(Backend.load("highs", async () => {
      const module: unknown = await import("highs")
      // Its types describe the form for `require`; imported, its default is the loader.
      return (module as { readonly default: () => Promise<Highs> }).default()
    }))
    return Backend.service({
      name: "highs",
      solve: (problem, time) =>
        Effect.gen(function*() {
          const text = print(problem)
          const highs = yield* loaded
          return yield* Effect.try({
            try: () =>
              answer(
                problem,
                highs.solve(text, {
                  output_flag: false,
                  mip_rel_gap: 0,
                  mip_abs_gap: 0,
                  ...Option.match(time, {
                    onNone: () => ({}),
                    onSome: (time) => ({ time_limit: Duration.toSeconds(time) })
                  })
                })
              ),
            catch: (cause) => new SolverFailed({ solver: "highs", cause })
          })
        })
    })
  })
)

// ---------------------------------------------------------------------------
// internals
// ---------------------------------------------------------------------------

interface Highs {
  readonly solve: (model: string, options: Readonly<Record<string, boolean | number>>) => Result
}

interface Result {
  readonly Status: string
  readonly Columns: Readonly<Record<string, { readonly Primal?: number }>>
}

const answer = (problem: Problem.Problem, result: Result): Backend.Answer => {
  const values = problem.variables.map((_, at) => Math.round(result.Columns[`x${at}`]?.Primal ?? NaN) + 0)
  switch (result.Status) {
    case "Optimal":
      return { _tag: "Values", values, best: true }
    case "Infeasible":
    case "Primal infeasible or unbounded":
      // All variables have bounds, so it is not unbounded.
      return { _tag: "Impossible" }
    case "Time limit reached":
      // What it has then may be no solution.
      return values.some(Number.isNaN) || Check.violations(problem, values).length > 0
        ? { _tag: "Late" }
        : { _tag: "Values", values, best: false }
    default:
      throw new Error(`its status is "${result.Status}"`)
  }
}

/** In the LP format, in which an empty sum has to be said with a variable. */
const print = (problem: Problem.Problem): string => {
  const { columns, rows } = new Program(problem)
  const [objective] = problem.objectives
  const counted = objective?.terms.flatMap((term) => term._tag === "Times" ? [term] : []) ?? []
  const goal = sumOf(counted.map(({ variable }) => variable), counted.map(({ coefficient }) => coefficient))
  return [
    objective?.sense === "minimize" ? "Minimize" : "Maximize",
    ` obj: ${sum(goal.terms)}`,
    "Subject To",
    ...rows.map(({ constant, relation, terms }, at) => ` c${at}: ${sum(terms)} ${relation} ${constant}`),
    "Bounds",
    " 0 <= zero <= 0",
    ...columns.map(([low, high], at) => ` ${low} <= x${at} <= ${high}`),
    "General",
    ` ${["zero", ...columns.map((_, at) => `x${at}`)].join("\n ")}`,
    "End",
    ""
  ].join("\n")
}

const sum = (terms: Terms): string =>
  terms.size === 0
    ? "0 zero"
    : [...terms].map(([column, factor]) => `${factor < 0 ? "-" : "+"} ${Math.abs(factor)} x${column}`).join(" ")
