/**
 * A problem as data: variables, what is required of them, and what is preferred. It is what travels to other solvers,
 * into files and over the network.
 *
 * The form has a version. Version 1:
 *
 * - `variables`: each has a name of its own, a domain of integers and, where these stand for something else, a label for
 *   each value, in ascending order of the values. In constraints a variable is its place in this list.
 * - `requirements`: each is a constraint that has to hold, with the name by which it is reported, and where it came from.
 * - `objectives`: what is to be as large or as small as possible, the most important one first. A later one decides only
 *   between solutions that are equally good by those before it.
 *
 * `test/solver/Problem.test.ts` pins it.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { Constraint } from "./Constraint.js"
import * as Domain from "./Domain.js"
import * as Validate from "./internal/validate.js"
import { MalformedConstraint, MalformedProblem, NegativeWeight, type ProblemError } from "./SolverError.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

const text = Schema.optionalWith(Schema.String, { exact: true })

/**
 * @since 0.1.0
 * @category models
 */
export const Variable = Schema.Struct({
  name: Schema.String,
  domain: Domain.Domain,
  /** What the values stand for, in ascending order of the values. */
  labels: Schema.optionalWith(Schema.Array(Schema.String), { exact: true }),
  origin: text
})

/**
 * @since 0.1.0
 * @category models
 */
export type Variable = typeof Variable.Type

/**
 * @since 0.1.0
 * @category models
 */
export const Requirement = Schema.Struct({
  constraint: Constraint,
  name: text,
  origin: text
})

/**
 * @since 0.1.0
 * @category models
 */
export type Requirement = typeof Requirement.Type

/**
 * `Times` counts the variable so many times. `When` counts the weight, which is not negative, if the constraint holds: so a
 * wish is said, or how much a value is preferred.
 *
 * @since 0.1.0
 * @category models
 */
export const Term = Schema.Union(
  Schema.TaggedStruct("Times", { coefficient: Schema.Number, variable: Schema.Number }),
  Schema.TaggedStruct("When", { weight: Schema.Number, constraint: Constraint })
)

/**
 * @since 0.1.0
 * @category models
 */
export type Term = typeof Term.Type

/**
 * @since 0.1.0
 * @category models
 */
export const Objective = Schema.Struct({
  sense: Schema.Literal("maximize", "minimize"),
  terms: Schema.Array(Term),
  origin: text
})

/**
 * @since 0.1.0
 * @category models
 */
export type Objective = typeof Objective.Type

/**
 * @since 0.1.0
 * @category models
 */
export const Problem = Schema.Struct({
  version: Schema.Literal(1),
  variables: Schema.Array(Variable),
  requirements: Schema.Array(Requirement),
  objectives: Schema.Array(Objective)
}).annotations({ identifier: "Problem", description: "Version 1" })

/**
 * @since 0.1.0
 * @category models
 */
export type Problem = typeof Problem.Type

/**
 * A value for each variable, by its place.
 *
 * @since 0.1.0
 * @category models
 */
export type Solution = ReadonlyArray<number>

// ---------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------

/**
 * Puts a problem together. Constraints may stand alone among the requirements.
 *
 * ```ts
 * import { Constraint, Domain, Problem } from "@effect-avm/solver"
 * import * as assert from "node:assert"
 * import { Either } from "effect"
 *
 * const problem = Problem.make({
 *   variables: [
 *     { name: "x", domain: Domain.range(1, 9) },
 *     { name: "colour", domain: Domain.range(0, 1), labels: ["red", "green"] }
 *   ],
 *   requirements: [Constraint.implies(Constraint.compareValue(1, "=", 0), Constraint.compareValue(0, ">", 5))],
 *   objectives: [{ sense: "minimize", terms: [{ _tag: "Times", coefficient: 1, variable: 0 }] }]
 * })
 *
 * assert.deepStrictEqual(Problem.parse(JSON.parse(JSON.stringify(problem))), Either.right(problem))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (parts: {
  readonly variables: ReadonlyArray<Variable>
  readonly requirements?: ReadonlyArray<Requirement | Constraint>
  readonly objectives?: ReadonlyArray<Objective>
}): Problem => ({
  version: 1,
  variables: parts.variables,
  requirements: (parts.requirements ?? []).map((part) => "_tag" in part ? { constraint: part } : part),
  objectives: parts.objectives ?? []
})

/**
 * Counts a variable so many times.
 *
 * @since 0.1.0
 * @category constructors
 */
export const times = (coefficient: number, variable: number): Term => ({ _tag: "Times", coefficient, variable })

/**
 * Counts the weight if the constraint holds.
 *
 * @since 0.1.0
 * @category constructors
 */
export const when = (weight: number, constraint: Constraint): Term => ({ _tag: "When", weight, constraint })

/**
 * @since 0.1.0
 * @category constructors
 */
export const maximize = (...terms: ReadonlyArray<Term>): Objective => ({ sense: "maximize", terms })

/**
 * @since 0.1.0
 * @category constructors
 */
export const minimize = (...terms: ReadonlyArray<Term>): Objective => ({ sense: "minimize", terms })

// ---------------------------------------------------------------------------
// checking
// ---------------------------------------------------------------------------

/**
 * What is wrong with a problem, the first thing of it; undefined if nothing is.
 *
 * @since 0.1.0
 * @category checking
 */
export const check = (problem: Problem): ProblemError | undefined => {
  const variables = checkVariables(problem.variables)
  if (variables !== undefined) return variables
  const bounds = problem.variables.map(({ domain }) => Domain.bounds(domain))
  const all: Validate.Variables = {
    count: bounds.length,
    min: (variable) => bounds[variable][0],
    max: (variable) => bounds[variable][1]
  }
  for (const [at, { constraint }] of problem.requirements.entries()) {
    const found = Validate.constraint(all, `requirements[${at}].constraint`, constraint)
    if (found !== undefined) return found
  }
  for (const [at, objective] of problem.objectives.entries()) {
    const found = checkObjective(all, `objectives[${at}]`, objective)
    if (found !== undefined) return found
  }
  return undefined
}

/**
 * Reads a problem from data of unknown form, and checks it.
 *
 * @since 0.1.0
 * @category checking
 */
export const parse = (input: unknown): Either.Either<Problem, ProblemError> =>
  Schema.decodeUnknownEither(Problem)(input).pipe(
    Either.mapLeft((error) => new MalformedProblem({ reason: ParseResult.TreeFormatter.formatErrorSync(error) })),
    Either.flatMap((problem): Either.Either<Problem, ProblemError> => {
      const found = check(problem)
      return found === undefined ? Either.right(problem) : Either.left(found)
    })
  )

/**
 * The name by which a requirement is reported.
 *
 * @since 0.1.0
 * @category accessors
 */
export const nameOf = (problem: Problem, requirement: number): string => {
  const { name, origin } = problem.requirements[requirement]
  return name ?? origin ?? `requirements[${requirement}]`
}

// ---------------------------------------------------------------------------
// internals
// ---------------------------------------------------------------------------

const checkVariables = (variables: ReadonlyArray<Variable>): ProblemError | undefined => {
  const names = new Set<string>()
  for (const [at, { domain, labels, name }] of variables.entries()) {
    const where = `variables[${at}]`
    if (names.has(name)) return new MalformedProblem({ reason: `${where}.name: "${name}" is the name of another one` })
    names.add(name)
    const found = Validate.domain(`${where}.domain`, domain)
    if (found !== undefined) return found
    if (labels === undefined) continue
    const size = domain._tag === "Range" ? domain.to - domain.from + 1 : new Set(domain.values).size
    if (labels.length !== size) {
      return new MalformedProblem({ reason: `${where}.labels: ${labels.length} labels for ${size} values` })
    }
  }
  return undefined
}

const checkObjective = (all: Validate.Variables, where: string, objective: Objective): ProblemError | undefined => {
  const coefficients: Array<number> = []
  const variables: Array<number> = []
  let total = 0
  for (const [at, term] of objective.terms.entries()) {
    const here = `${where}.terms[${at}]`
    if (term._tag === "Times") {
      coefficients.push(term.coefficient)
      variables.push(term.variable)
      continue
    }
    const found = Validate.integer(here, ".weight", term.weight, Validate.largestSum) ??
      (term.weight < 0 ? new NegativeWeight({ where: `${here}.weight`, weight: term.weight }) : undefined) ??
      Validate.constraint(all, `${here}.constraint`, term.constraint)
    if (found !== undefined) return found
    total += term.weight
  }
  if (total > Validate.largestSum) {
    return new MalformedConstraint({ where, reason: `the weights add up to ${total}, which is not exact` })
  }
  return Validate.sum(all, where, coefficients, variables)
}
