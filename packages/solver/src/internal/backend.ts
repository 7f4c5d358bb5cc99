/**
 * What every other solver needs around it: several objectives one after the other, ties, all solutions, and the check of
 * each answer.
 *
 * A backend solves problems with one objective at most, whose terms count variables.
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Check from "../Check.js"
import * as Constraint from "../Constraint.js"
import type { Service } from "../ConstraintSolver.js"
import * as Domain from "../Domain.js"
import * as Problem from "../Problem.js"
import type { Progress } from "../Search.js"
import type { Options, Outcome } from "../Solver.js"
import { SearchLimited, type SolverError, SolverMissing, WrongAnswer } from "../SolverError.js"

export type Answer =
  /** `best` is false where the limit of time came first. */
  | { readonly _tag: "Values"; readonly values: Problem.Solution; readonly best: boolean }
  | { readonly _tag: "Impossible" }
  | { readonly _tag: "Late" }

/** The limit of time has come. */
export class Late extends Data.TaggedError("Late") {}

export interface Backend {
  readonly name: string
  readonly solve: (
    problem: Problem.Problem,
    time: Option.Option<Duration.Duration>
  ) => Effect.Effect<Answer, SolverError>
  /**
   * All solutions of a problem without objectives, some perhaps more than once. Without it they are asked for one after the
   * other, each time from the start.
   */
  readonly all?: (
    problem: Problem.Problem,
    time: Option.Option<Duration.Duration>
  ) => Stream.Stream<Problem.Solution, SolverError | Late>
}

/** A package that may not be there, loaded when it is needed. */
export const load = <A>(name: string, module: () => Promise<A>): Effect.Effect<A, SolverMissing> =>
  Effect.tryPromise({ try: module, catch: (cause) => new SolverMissing({ package: name, cause }) })

// ---------------------------------------------------------------------------
// the service
// ---------------------------------------------------------------------------

/** Other solvers do not tell. */
const progress = (solutions: number): Progress => ({ nodes: 0, failures: 0, restarts: 0, solutions, best: undefined })

export const service = (backend: Backend): Service => {
  const solve: Service["solve"] = (problem, options = {}) =>
    Effect.gen(function*() {
      const found = Problem.check(problem)
      if (found !== undefined) return yield* Effect.fail(found)
      const ties = options.ties === "smallest"
        ? problem.variables.map((_, at) => Problem.minimize(Problem.times(1, at)))
        : []
      const whole = withIndicators({ ...problem, objectives: [...problem.objectives, ...ties] })
      const time = limitOf(options)
      const clock = yield* Effect.clock
      const began = clock.unsafeCurrentTimeMillis()
      const left = () => Option.map(time, (time) => Duration.subtract(time, clock.unsafeCurrentTimeMillis() - began))
      const count = problem.variables.length
      const limited = (best: Problem.Solution | undefined): Outcome => ({
        _tag: "Limited",
        limit: "time",
        best: Option.fromNullable(best?.slice(0, count)),
        progress: progress(best === undefined ? 0 : 1)
      })
      let best: Problem.Solution | undefined
      let current: Problem.Problem = { ...whole, objectives: [] }
      // Without objectives there is still one thing to ask.
      const phases: ReadonlyArray<Problem.Objective | undefined> = whole.objectives.length === 0
        ? [undefined]
        : whole.objectives
      for (const objective of phases) {
        const answer = yield* backend.solve(
          objective === undefined ? current : { ...current, objectives: [objective] },
          left()
        )
        if (answer._tag === "Late") return limited(best)
        if (answer._tag === "Impossible") {
          if (best === undefined) return { _tag: "Unsatisfiable" as const, progress: progress(0) }
          return yield* new WrongAnswer({ solver: backend.name, violated: ["an answer that it gave before"] })
        }
        const violated = Check.violations(current, answer.values)
        if (violated.length > 0) return yield* new WrongAnswer({ solver: backend.name, violated })
        best = answer.values
        if (!answer.best) return limited(best)
        if (objective !== undefined) {
          current = { ...current, requirements: [...current.requirements, { constraint: equality(objective, best) }] }
        }
      }
      const solution = (best ?? []).slice(0, count)
      const objectives = Check.objectives(problem, solution)
      return { _tag: "Solved" as const, solution, objectives, progress: progress(1) }
    })
  const all = backend.all === undefined ? oneByOne(solve) : atOnce(backend.name, backend.all)
  return {
    name: backend.name,
    solve,
    solveAll: (problem, options = {}) => {
      const stream = all({ ...problem, objectives: [] }, options)
      const most = options.limits?.solutions
      return most === undefined ? stream : Stream.take(stream, most)
    }
  }
}

const limitOf = (options: Options): Option.Option<Duration.Duration> =>
  Option.map(Option.fromNullable(options.limits?.time), Duration.decode)

/** As they come, each once. */
const atOnce = (name: string, all: NonNullable<Backend["all"]>): Service["solveAll"] => (problem, options = {}) =>
  Stream.suspend(() => {
    const wrong = Problem.check(problem)
    if (wrong !== undefined) return Stream.fail(wrong)
    const found = new Set<string>()
    return all(problem, limitOf(options)).pipe(
      Stream.mapEffect((solution): Effect.Effect<Option.Option<Problem.Solution>, WrongAnswer> => {
        const key = solution.join()
        if (found.has(key)) return Effect.succeedNone
        found.add(key)
        const violated = Check.violations(problem, solution)
        return violated.length > 0
          ? Effect.fail(new WrongAnswer({ solver: name, violated }))
          : Effect.succeedSome(solution)
      }),
      Stream.filterMap((solution) => solution),
      Stream.mapError((error) =>
        error._tag === "Late"
          ? new SearchLimited({ limit: "time", nodes: 0, failures: 0, solutions: found.size })
          : error
      )
    )
  })

/** One after the other, each different from those before. */
const oneByOne = (solve: Service["solve"]): Service["solveAll"] => (problem, options = {}) => {
  const variables = problem.variables.map((_, at) => at)
  const next = (
    current: Problem.Problem,
    count: number
  ): Effect.Effect<Option.Option<readonly [Problem.Solution, Problem.Problem]>, SolverError | SearchLimited> =>
    Effect.flatMap(solve(current, { ...options, ties: "any" }), (outcome) => {
      if (outcome._tag === "Unsatisfiable") return Effect.succeed(Option.none())
      if (outcome._tag === "Limited") {
        return Effect.fail(new SearchLimited({ limit: "time", nodes: 0, failures: 0, solutions: count }))
      }
      const { solution } = outcome
      // Without variables there is one solution, and no other.
      const different = variables.length === 0 ? Constraint.or() : Constraint.nogood(variables, solution)
      const requirements = [...current.requirements, { constraint: different }]
      return Effect.succeed(Option.some([solution, { ...current, requirements }]))
    })
  return Stream.unfoldEffect(
    { current: problem, count: 0 },
    ({ count, current }) =>
      Effect.map(
        next(current, count),
        Option.map(([solution, rest]) => [solution, { current: rest, count: count + 1 }] as const)
      )
  )
}

// ---------------------------------------------------------------------------
// problems
// ---------------------------------------------------------------------------

/** Objectives that count variables alone: what counts if something holds gets a variable that says so. */
const withIndicators = (problem: Problem.Problem): Problem.Problem => {
  const variables: Array<Problem.Variable> = [...problem.variables]
  const requirements: Array<Problem.Requirement> = [...problem.requirements]
  const objectives = problem.objectives.map((objective) => ({
    ...objective,
    terms: objective.terms.map((term): Problem.Term => {
      if (term._tag === "Times") return term
      const { constraint, weight } = term
      if (isTrue(problem, constraint)) return Problem.times(weight, constraint.left)
      const indicator = variables.length
      variables.push({ name: `indicator ${indicator}`, domain: Domain.boolean })
      requirements.push({ constraint: Constraint.reified(indicator, constraint) })
      return Problem.times(weight, indicator)
    })
  }))
  return { ...problem, variables, requirements, objectives }
}

/** `x = 1`, where x is zero or one: it is its own indicator. */
const isTrue = (
  problem: Problem.Problem,
  constraint: Constraint.Constraint
): constraint is typeof Constraint.CompareValue.Type => {
  if (constraint._tag !== "CompareValue" || constraint.relation !== "=" || constraint.value !== 1) return false
  const [low, high] = Domain.bounds(problem.variables[constraint.left].domain)
  return low === 0 && high === 1
}

const equality = ({ terms }: Problem.Objective, values: Problem.Solution): Constraint.Constraint => {
  const counted = terms.flatMap((term) => term._tag === "Times" ? [term] : [])
  return Constraint.linear(
    counted.map(({ coefficient }) => coefficient),
    counted.map(({ variable }) => variable),
    "=",
    counted.reduce((sum, { coefficient, variable }) => sum + coefficient * values[variable], 0)
  )
}
