/**
 * Problems as SMT-LIB 2 scripts over the integers, with the optimisation commands of Z3.
 *
 * Variables are called `x0`, `x1`, … in their order. Several objectives stay several: Z3 takes them in order, the most
 * important one first.
 *
 * `test/solver/Exports.test.ts` pins the text, and has it solved.
 *
 * @since 0.1.0
 */
import type { Constraint, Relation } from "./Constraint.js"
import type * as Domain from "./Domain.js"
import { lower } from "./internal/lower.js"
import type * as Problem from "./Problem.js"

/**
 * The declarations, assertions and objectives, without a command to check them.
 *
 * ```ts
 * import { Constraint, Domain, Problem, SmtLib } from "@effect-avm/solver"
 * import * as assert from "node:assert"
 *
 * const problem = Problem.make({
 *   variables: [{ name: "width", domain: Domain.range(1, 9) }, { name: "height", domain: Domain.range(-2, 8) }],
 *   requirements: [Constraint.compare(0, "<", 1, -3)],
 *   objectives: [Problem.maximize(Problem.times(2, 0))]
 * })
 *
 * assert.strictEqual(SmtLib.print(problem), `(declare-const x0 Int)
 * (assert (<= 1 x0 9))
 * (declare-const x1 Int)
 * (assert (<= (- 2) x1 8))
 * (assert (< x0 (+ x1 (- 3))))
 * (maximize (+ (* 2 x0)))
 * `)
 * ```
 *
 * @since 0.1.0
 * @category printing
 */
export const print = (problem: Problem.Problem): string =>
  [
    ...problem.variables.flatMap(({ domain }, at) => [
      `(declare-const x${at} Int)`,
      `(assert ${within(`x${at}`, domain)})`
    ]),
    ...problem.requirements.map(({ constraint }) => `(assert ${expression(constraint)})`),
    ...problem.objectives.map(({ sense, terms }) =>
      `(${sense} ${
        sum(terms.map((term) =>
          term._tag === "Times"
            ? `(* ${integer(term.coefficient)} x${term.variable})`
            : `(ite ${expression(term.constraint)} ${term.weight} 0)`
        ))
      })`
    ),
    ""
  ].join("\n")

// ---------------------------------------------------------------------------
// internals
// ---------------------------------------------------------------------------

const integer = (value: number): string => value < 0 ? `(- ${-value})` : `${value}`

const sum = (terms: ReadonlyArray<string>): string => terms.length === 0 ? "0" : `(+ ${terms.join(" ")})`

const junction = (operator: string, parts: ReadonlyArray<string>, empty: string): string =>
  parts.length === 0 ? empty : `(${operator} ${parts.join(" ")})`

const oneOf = (variable: string, values: ReadonlyArray<number>): string =>
  junction("or", values.map((value) => `(= ${variable} ${integer(value)})`), "false")

const within = (variable: string, domain: Domain.Domain): string =>
  domain._tag === "Range"
    ? `(<= ${integer(domain.from)} ${variable} ${integer(domain.to)})`
    : oneOf(variable, domain.values)

const relate = (left: string, relation: Relation, right: string): string =>
  relation === "!=" ? `(not (= ${left} ${right}))` : `(${relation} ${left} ${right})`

const plus = (variable: number, offset: number): string =>
  offset === 0 ? `x${variable}` : `(+ x${variable} ${integer(offset)})`

const expression = (constraint: Constraint): string => {
  const lowered = lower(constraint)
  switch (lowered._tag) {
    case "Compare":
      return relate(`x${lowered.left}`, lowered.relation, plus(lowered.right, lowered.offset ?? 0))
    case "CompareValue":
      return relate(`x${lowered.left}`, lowered.relation, integer(lowered.value))
    case "Member":
      return oneOf(`x${lowered.variable}`, lowered.values)
    case "AllDifferent":
      return lowered.variables.length <= 1
        ? "true"
        : `(distinct ${lowered.variables.map((variable, at) => plus(variable, lowered.offsets?.[at] ?? 0)).join(" ")})`
    case "Linear": {
      const terms = lowered.variables.map((variable, at) => `(* ${integer(lowered.coefficients[at])} x${variable})`)
      return relate(sum(terms), lowered.relation, integer(lowered.constant))
    }
    case "And":
      return junction("and", lowered.constraints.map(expression), "true")
    case "Or":
      return junction("or", lowered.constraints.map(expression), "false")
    case "Not":
      return `(not ${expression(lowered.constraint)})`
    case "Reified":
      return `(= (= x${lowered.indicator} 1) ${expression(lowered.constraint)})`
  }
}
