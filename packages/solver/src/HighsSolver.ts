/**
 * HiGHS, a solver for linear programs with integer variables, from the optional package `highs`.
 *
 * It takes domains that are ranges, and constraints that are linear: comparisons, sums, `and` of these, nogoods over
 * variables of two values, `reified` where the indicator stands for a sum that is at least or at most something. With
 * hundreds of variables and sums over all of them it is far ahead of search.
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
import type { Constraint, Relation } from "./Constraint.js"
import { ConstraintSolver } from "./ConstraintSolver.js"
import * as Domain from "./Domain.js"
import * as Backend from "./internal/backend.js"
import type * as Problem from "./Problem.js"
import { NotExpressible, SolverFailed } from "./SolverError.js"

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
          const text = yield* Effect.suspend(() => print(problem))
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
      return values.some(Number.isNaN) ? { _tag: "Late" } : { _tag: "Values", values, best: false }
    default:
      throw new Error(`its status is "${result.Status}"`)
  }
}

/** `coefficients · variables`, at most or equal to the constant. */
interface Row {
  readonly terms: ReadonlyMap<number, number>
  readonly relation: "<=" | "="
  readonly constant: number
}

/** In the LP format, in which an empty sum has to be said with a variable. */
const print = (problem: Problem.Problem): Effect.Effect<string, NotExpressible> => {
  const rows: Array<Row> = []
  for (const [at, { domain }] of problem.variables.entries()) {
    if (sizeOf(domain) === rangeOf(domain)) continue
    return refuse(`variables[${at}].domain`, "it is not a range")
  }
  for (const [at, { constraint }] of problem.requirements.entries()) {
    const found = rowsOf(problem, constraint)
    if (typeof found === "string") return refuse(`requirements[${at}].constraint`, found)
    rows.push(...found)
  }
  const [objective] = problem.objectives
  const names = problem.variables.map((_, at) => `x${at}`)
  const counted = objective?.terms.flatMap((term) =>
    term._tag === "Times" ? [[term.variable, term.coefficient] as const] : []
  )
  return Effect.succeed([
    objective?.sense === "minimize" ? "Minimize" : "Maximize",
    ` obj: ${sum(merged(counted ?? []))}`,
    "Subject To",
    ...rows.map(({ constant, relation, terms }, at) => ` c${at}: ${sum(terms)} ${relation} ${constant}`),
    "Bounds",
    " 0 <= zero <= 0",
    ...problem.variables.map(({ domain }, at) => {
      const [low, high] = Domain.bounds(domain)
      return ` ${low} <= x${at} <= ${high}`
    }),
    "General",
    ` ${["zero", ...names].join("\n ")}`,
    "End",
    ""
  ].join("\n"))
}

const refuse = (where: string, reason: string): Effect.Effect<never, NotExpressible> =>
  new NotExpressible({ target: "highs", where, reason })

const sum = (terms: ReadonlyMap<number, number>): string => {
  const parts = [...terms].filter(([, coefficient]) => coefficient !== 0)
  return parts.length === 0
    ? "0 zero"
    : parts.map(([variable, coefficient]) => `${coefficient < 0 ? "-" : "+"} ${Math.abs(coefficient)} x${variable}`)
      .join(" ")
}

const merged = (terms: Iterable<readonly [variable: number, coefficient: number]>): ReadonlyMap<number, number> => {
  const sums = new Map<number, number>()
  for (const [variable, coefficient] of terms) sums.set(variable, (sums.get(variable) ?? 0) + coefficient)
  return sums
}

const sizeOf = (domain: Domain.Domain): number =>
  domain._tag === "Range" ? domain.to - domain.from + 1 : new Set(domain.values).size

const rangeOf = (domain: Domain.Domain): number => {
  const [low, high] = Domain.bounds(domain)
  return high - low + 1
}

const row = (
  terms: Iterable<readonly [variable: number, coefficient: number]>,
  relation: Relation,
  constant: number
): ReadonlyArray<Row> | string => {
  const sums = merged(terms)
  const negated = merged([...sums].map(([variable, coefficient]) => [variable, -coefficient] as const))
  switch (relation) {
    case "=":
    case "<=":
      return [{ terms: sums, relation, constant }]
    case "<":
      return [{ terms: sums, relation: "<=", constant: constant - 1 }]
    case ">=":
      return [{ terms: negated, relation: "<=", constant: -constant }]
    case ">":
      return [{ terms: negated, relation: "<=", constant: -constant - 1 }]
    case "!=":
      return "an inequality is not linear"
  }
}

/** The rows that say it, or why there are none. */
const rowsOf = (problem: Problem.Problem, constraint: Constraint): ReadonlyArray<Row> | string => {
  switch (constraint._tag) {
    case "Compare":
      return row([[constraint.left, 1], [constraint.right, -1]], constraint.relation, constraint.offset ?? 0)
    case "CompareValue":
      return row([[constraint.left, 1]], constraint.relation, constraint.value)
    case "Linear":
      return row(
        constraint.variables.map((variable, at) => [variable, constraint.coefficients[at]] as const),
        constraint.relation,
        constraint.constant
      )
    case "And": {
      const parts = constraint.constraints.map((part) => rowsOf(problem, part))
      const refused = parts.find((part) => typeof part === "string")
      return refused ?? parts.flat().filter((part) => typeof part !== "string")
    }
    case "Nogood":
      return nogoodRow(problem, constraint)
    case "Reified":
      return reifiedRows(problem, constraint.indicator, constraint.constraint)
    default:
      return `${constraint._tag} is not linear`
  }
}

/** Of variables with two values: not all of them are at the end that is named. */
const nogoodRow = (
  problem: Problem.Problem,
  { values, variables }: Extract<Constraint, { readonly _tag: "Nogood" }>
): ReadonlyArray<Row> | string => {
  const literals = new Map<number, number>()
  for (const [at, variable] of variables.entries()) {
    const [low, high] = Domain.bounds(problem.variables[variable].domain)
    const value = values[at]
    // It is never all of them.
    if (value < low || value > high || (literals.get(variable) ?? value) !== value) return []
    if (high - low > 1) return "a nogood over more than two values is not linear"
    literals.set(variable, value)
  }
  // How many are at the other end: at least one. A variable with one value is always at this one.
  const terms: Array<readonly [number, number]> = []
  let constant = 1
  for (const [variable, value] of literals) {
    const [low, high] = Domain.bounds(problem.variables[variable].domain)
    if (low === high) continue
    const sign = value === low ? 1 : -1
    terms.push([variable, sign])
    constant += sign * value
  }
  return row(terms, ">=", constant)
}

/** The indicator is one where the sum is at most the constant, and where it is not, the sum is larger. */
const reifiedRows = (
  problem: Problem.Problem,
  indicator: number,
  constraint: Constraint
): ReadonlyArray<Row> | string => {
  const [zero, one] = Domain.bounds(problem.variables[indicator].domain)
  if (zero < 0 || one > 1) return "the indicator has other values than zero and one"
  const found = rowsOf(problem, constraint)
  if (typeof found === "string") return found
  const [single] = found
  if (found.length !== 1 || single.relation !== "<=") {
    return `${constraint._tag} with an equality is not linear if reified`
  }
  let low = 0
  let high = 0
  for (const [variable, coefficient] of single.terms) {
    const ends = Domain.bounds(problem.variables[variable].domain).map((end) => coefficient * end)
    low += Math.min(...ends)
    high += Math.max(...ends)
  }
  const { constant, terms } = single
  const upper = high - constant
  const lower = low - constant - 1
  return [
    // sum <= constant + upper * (1 - indicator)
    { terms: merged([...terms, [indicator, upper]]), relation: "<=", constant: constant + upper },
    // sum >= constant + 1 + lower * indicator
    {
      terms: merged([...[...terms].map(([variable, coefficient]) => [variable, -coefficient] as const), [
        indicator,
        lower
      ]]),
      relation: "<=",
      constant: -constant - 1
    }
  ]
}
