/**
 * Models of variables and constraints, as problems for a solver.
 */
import { ConstraintSolver, Problem, type Search, Solver, type SolverError } from "@effect-avm/solver"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { EmptyDomain, InvalidConstraint, type UnknownVariable } from "../AvmError.js"
import { type Constraint, data, makeTerm, type Term, termData, type TermOrValue } from "../Constraint.js"
import { fromUnknown, type InvalidVal, type Val } from "../Val.js"
import { format } from "../Val.js"
import { Interned, isOrdinary, largest } from "./interning.js"
import { Refused, refuseVariable } from "./lowering.js"
import { Sketch } from "./sketch.js"
import { domainOf, type Values } from "./space.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

type Failure = EmptyDomain | InvalidVal | UnknownVariable | InvalidConstraint

export interface Options {
  readonly nodes?: number
  readonly solutions?: number
  readonly time?: Duration.DurationInput
  readonly onProgress?: (progress: Search.Progress) => Effect.Effect<void>
}

interface Model {
  readonly variables: Readonly<Record<string, { readonly data: Values }>>
  readonly constraints: (terms: Readonly<Record<string, Term<Val>>>) => Iterable<Constraint>
}

interface Best {
  readonly solution: Option.Option<Readonly<Record<string, Val>>>
  readonly complete: boolean
  readonly limit: Option.Option<"time" | "nodes" | "solutions">
  readonly progress: Search.Progress
}

type Objective = (terms: Readonly<Record<string, Term<Val>>>) => TermOrValue<number>

// ---------------------------------------------------------------------------
// operations
// ---------------------------------------------------------------------------

export const best = (model: Model, objective: Objective | undefined, options: Options): Effect.Effect<Best, Failure> =>
  Effect.flatMap(
    compiled(model, objective),
    ({ problem, read }) =>
      Effect.flatMap(
        solver,
        (solver) =>
          Effect.map(Effect.catchAll(solver.solve(problem, solverOptions(options)), refused), (outcome): Best => {
            const { progress } = outcome
            switch (outcome._tag) {
              case "Solved":
                return { solution: Option.some(read(outcome.solution)), complete: true, limit: Option.none(), progress }
              case "Unsatisfiable":
                return { solution: Option.none(), complete: true, limit: Option.none(), progress }
              case "Limited":
                return {
                  solution: Option.map(outcome.best, read),
                  complete: false,
                  limit: Option.some(outcome.limit),
                  progress
                }
            }
          })
      )
  )

export const all = (
  model: Model,
  options: Options
): Stream.Stream<Readonly<Record<string, Val>>, Failure | SolverError.SearchLimited> =>
  Stream.unwrap(
    Effect.map(Effect.all([compiled(model, undefined), solver]), ([{ problem, read }, solver]) =>
      solver.solveAll(problem, solverOptions(options)).pipe(
        Stream.catchAll((error): Stream.Stream<never, SolverError.SearchLimited | InvalidConstraint> =>
          error._tag === "SearchLimited" ? Stream.fail(error) : Stream.fromEffect(refused(error))
        ),
        Stream.map(read)
      ))
  )

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const embedded: ConstraintSolver.Service = { name: "embedded", solve: Solver.solve, solveAll: Solver.solveAll }

/** The port, where it is provided. */
const solver: Effect.Effect<ConstraintSolver.Service> = Effect.map(
  Effect.serviceOption(ConstraintSolver.ConstraintSolver),
  Option.getOrElse(() => embedded)
)

const solverOptions = ({ nodes, onProgress, solutions, time }: Options): Solver.Options => ({
  limits: {
    ...nodes === undefined ? {} : { nodes },
    ...solutions === undefined ? {} : { solutions },
    ...time === undefined ? {} : { time }
  },
  ...onProgress === undefined ? {} : { onProgress }
})

/** What cannot be said is the model's fault; that a solver of one's own is missing or fails is not. */
const refused = (error: SolverError.SolverError): Effect.Effect<never, InvalidConstraint> => {
  switch (error._tag) {
    case "SolverMissing":
    case "SolverFailed":
    case "WrongAnswer":
      return Effect.die(error)
    default:
      return Effect.fail(new InvalidConstraint({ message: error.message }))
  }
}

interface Compiled {
  readonly problem: Problem.Problem
  readonly read: (solution: Problem.Solution) => Readonly<Record<string, Val>>
}

const compiled = (model: Model, objective: Objective | undefined): Effect.Effect<Compiled, Failure> =>
  Effect.suspend((): Effect.Effect<Compiled, Failure> => {
    const interned = new Interned()
    const places = new Map<string, number>()
    const sketch: Sketch = new Sketch(
      interned,
      ({ _tag, id }) => (_tag === "Variable" ? places.get(id) : undefined) ?? refuseVariable(id)
    )
    const terms: Record<string, Term<Val>> = {}
    const names = Object.keys(model.variables)
    for (const name of names) {
      const values = model.variables[name].data
      const wrong = wrongIn(name, values)
      if (wrong !== undefined) return Effect.fail(wrong)
      const [domain] = domainOf(interned, values)
      if (domain === undefined) return Effect.fail(new EmptyDomain({ var: name }, true))
      places.set(name, sketch.add(domain, name))
      terms[name] = makeTerm({ _tag: "Variable", id: name })
    }
    try {
      let place = 0
      for (const constraint of model.constraints(terms)) {
        sketch.require(sketch.lower(data(constraint)), `constraint ${++place}`)
      }
      const objectives = objective === undefined ? [] : [goal(sketch, objective(terms))]
      return Effect.succeed({
        problem: labelled(sketch.problem(objectives), interned),
        read: reader(names, interned)
      })
    } catch (error) {
      return error instanceof Refused ? Effect.fail(error.error) : Effect.die(error)
    }
  })

/** To set properties is six times as fast as to make them from pairs; `__proto__` alone cannot be set. */
const reader = (names: ReadonlyArray<string>, interned: Interned): Compiled["read"] =>
  names.includes("__proto__")
    ? (solution) => Object.fromEntries(names.map((name, at) => [name, interned.value(solution[at])]))
    : (solution) => {
      const record: Record<string, Val> = {}
      for (let at = 0; at < names.length; at++) record[names[at]] = interned.value(solution[at])
      return record
    }

const goal = (sketch: Sketch, objective: TermOrValue<number>): Problem.Objective => {
  const { coefficients, variables } = sketch.sum(termData(objective))
  return Problem.maximize(...variables.map((variable, at) => Problem.times(coefficients[at], variable)))
}

/** What the values stand for, where they are no integers themselves. */
const labelled = (problem: Problem.Problem, interned: Interned): Problem.Problem => ({
  ...problem,
  variables: problem.variables.map((variable) =>
    variable.domain._tag === "Values" && variable.domain.values.some((code) => code > largest)
      ? {
        ...variable,
        labels: [...new Set(variable.domain.values)].sort((a, b) => a - b).map((code) => format(interned.value(code)))
      }
      : variable
  )
})

const wrongIn = (name: string, values: Values): InvalidVal | InvalidConstraint | undefined => {
  if (values._tag === "Range") {
    const { from, to } = values
    return from > to || (isOrdinary(from) && isOrdinary(to))
      ? undefined
      : new InvalidConstraint({ message: `${name}: a range from ${from} to ${to}` })
  }
  const found = fromUnknown(values.values)
  return found._tag === "Left" ? found.left : undefined
}
