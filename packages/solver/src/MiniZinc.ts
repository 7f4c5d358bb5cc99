/**
 * Problems as MiniZinc models.
 *
 * Variables are called `x0`, `x1`, … in their order, with their names as comments: a model that is printed in another tool
 * leads back here by numbers.
 *
 * `test/solver/Exports.test.ts` pins the text, and has it solved.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import type { Constraint, Relation } from "./Constraint.js"
import type * as Domain from "./Domain.js"
import { combined, lower } from "./internal/lower.js"
import * as Problem from "./Problem.js"
import { NotExpressible } from "./SolverError.js"

/**
 * The model. Several objectives become one, in which the more important ones cannot be outweighed; not if its sums would
 * be too large to be exact.
 *
 * ```ts
 * import { Constraint, Domain, MiniZinc, Problem } from "@effect-avm/solver"
 * import * as assert from "node:assert"
 * import { Either } from "effect"
 *
 * const problem = Problem.make({
 *   variables: [{ name: "width", domain: Domain.range(1, 9) }, { name: "height", domain: Domain.values([2, 4, 8]) }],
 *   requirements: [{ name: "it fits", constraint: Constraint.linear([2, 3], [0, 1], "<=", 20) }],
 *   objectives: [Problem.maximize(Problem.times(1, 0))]
 * })
 *
 * assert.strictEqual(Either.getOrThrow(MiniZinc.print(problem)), `include "globals.mzn";
 * var 1..9: x0; % width
 * var {2,4,8}: x1; % height
 * constraint 2*x0 + 3*x1 <= 20; % it fits
 * solve maximize 1*x0;
 * `)
 * ```
 *
 * @since 0.1.0
 * @category printing
 */
export const print = (problem: Problem.Problem): Either.Either<string, NotExpressible> => {
  const objective = combined(problem, "MiniZinc")
  if (objective instanceof NotExpressible) return Either.left(objective)
  const terms = objective?.map(({ coefficient, term }) =>
    term._tag === "Times"
      ? `${coefficient}*x${term.variable}`
      : `${coefficient}*bool2int(${expression(term.constraint)})`
  )
  return Either.right([
    `include "globals.mzn";`,
    ...problem.variables.map(({ domain, name }, at) => `var ${printDomain(domain)}: x${at}; % ${oneLine(name)}`),
    ...problem.requirements.map(({ constraint }, at) =>
      `constraint ${requirement(constraint)}; % ${oneLine(Problem.nameOf(problem, at))}`
    ),
    terms === undefined ? "solve satisfy;" : `solve maximize ${terms.length === 0 ? "0" : terms.join(" + ")};`,
    ""
  ].join("\n"))
}

// ---------------------------------------------------------------------------
// internals
// ---------------------------------------------------------------------------

/** A name may be anything. */
const oneLine = (name: string): string => name.replaceAll(/\s+/g, " ")

const printDomain = (domain: Domain.Domain): string =>
  domain._tag === "Range" ? `${domain.from}..${domain.to}` : `{${domain.values.join(",")}}`

const relations: Readonly<Record<Relation, string>> = {
  "=": "=",
  "!=": "!=",
  "<=": "<=",
  "<": "<",
  ">=": ">=",
  ">": ">"
}

/** What is required may use global constraints that have no good form within formulas. */
const requirement = (constraint: Constraint): string => {
  if (constraint._tag !== "Table" || constraint.rows.length === 0 || constraint.variables.length === 0) {
    return expression(constraint)
  }
  const rows = constraint.rows.map((row) => row.join(",")).join(" | ")
  return `table([${constraint.variables.map((variable) => `x${variable}`).join(",")}], [| ${rows} |])`
}

const plus = (variable: number, offset: number): string =>
  offset === 0 ? `x${variable}` : `x${variable} ${offset < 0 ? "-" : "+"} ${Math.abs(offset)}`

const junction = (parts: ReadonlyArray<string>, operator: string, empty: string): string =>
  parts.length === 0 ? empty : parts.map((part) => `(${part})`).join(` ${operator} `)

const expression = (constraint: Constraint): string => {
  const lowered = lower(constraint)
  switch (lowered._tag) {
    case "Compare":
      return `x${lowered.left} ${relations[lowered.relation]} ${plus(lowered.right, lowered.offset ?? 0)}`
    case "CompareValue":
      return `x${lowered.left} ${relations[lowered.relation]} ${lowered.value}`
    case "Member":
      return lowered.values.length === 0 ? "false" : `x${lowered.variable} in {${lowered.values.join(",")}}`
    case "AllDifferent": {
      const entries = lowered.variables.map((variable, at) => plus(variable, lowered.offsets?.[at] ?? 0))
      return entries.length <= 1 ? "true" : `all_different([${entries.join(",")}])`
    }
    case "Linear": {
      const terms = lowered.variables.map((variable, at) => `${lowered.coefficients[at]}*x${variable}`)
      return `${terms.length === 0 ? "0" : terms.join(" + ")} ${relations[lowered.relation]} ${lowered.constant}`
    }
    case "And":
      return junction(lowered.constraints.map(expression), "/\\", "true")
    case "Or":
      return junction(lowered.constraints.map(expression), "\\/", "false")
    case "Not":
      return `not (${expression(lowered.constraint)})`
    case "Reified":
      return `(x${lowered.indicator} = 1) <-> (${expression(lowered.constraint)})`
  }
}
