/**
 * For those who have no tables, elements and nogoods: the same with comparisons, and, or, not.
 */
import type { Constraint } from "../Constraint.js"
import * as Domain from "../Domain.js"
import type { Objective, Problem, Term } from "../Problem.js"
import { NotExpressible } from "../SolverError.js"
import { largestSum } from "./validate.js"

export type Plain = Exclude<
  Constraint,
  { readonly _tag: "Table" | "Element" | "ElementVariable" | "Nogood" | "And" | "Or" | "Not" | "Reified" }
>

/** Constraints of these tags alone. */
export type Lowered =
  | Plain
  | { readonly _tag: "And" | "Or"; readonly constraints: ReadonlyArray<Lowered> }
  | { readonly _tag: "Not"; readonly constraint: Lowered }
  | { readonly _tag: "Reified"; readonly indicator: number; readonly constraint: Lowered }

const and = (constraints: ReadonlyArray<Lowered>): Lowered => ({ _tag: "And", constraints })
const or = (constraints: ReadonlyArray<Lowered>): Lowered => ({ _tag: "Or", constraints })
const is = (left: number, value: number): Lowered => ({ _tag: "CompareValue", left, relation: "=", value })

export const lower = (constraint: Constraint): Lowered => {
  switch (constraint._tag) {
    case "Table":
      return or(constraint.rows.map((row) => and(row.map((value, at) => is(constraint.variables[at], value)))))
    case "Element":
      return or(constraint.values.map((value, at) => and([is(constraint.index, at), is(constraint.result, value)])))
    case "ElementVariable":
      return or(
        constraint.variables.map((left, at) =>
          and([is(constraint.index, at), { _tag: "Compare", left, relation: "=", right: constraint.result }])
        )
      )
    case "Nogood":
      return {
        _tag: "Not",
        constraint: and(constraint.variables.map((variable, at) => is(variable, constraint.values[at])))
      }
    case "And":
      return and(constraint.constraints.map(lower))
    case "Or":
      return or(constraint.constraints.map(lower))
    case "Not":
      return { _tag: "Not", constraint: lower(constraint.constraint) }
    case "Reified":
      return { _tag: "Reified", indicator: constraint.indicator, constraint: lower(constraint.constraint) }
    default:
      return constraint
  }
}

// ---------------------------------------------------------------------------
// one objective for several
// ---------------------------------------------------------------------------

const rangeOf = (problem: Problem, term: Term): readonly [low: number, high: number] => {
  if (term._tag === "When") return [0, term.weight]
  const [low, high] = Domain.bounds(problem.variables[term.variable].domain)
  const ends = [term.coefficient * low, term.coefficient * high]
  return [Math.min(...ends), Math.max(...ends)]
}

/** The coefficient of a term, whatever it counts. */
export const coefficientOf = (term: Term): number => term._tag === "Times" ? term.coefficient : term.weight

export interface Weighted {
  readonly coefficient: number
  readonly term: Term
}

/**
 * Several objectives as one that is to be as large as possible: each one counts so much that what comes after cannot make
 * up for it. Undefined if there is none.
 */
export const combined = (problem: Problem, target: string): ReadonlyArray<Weighted> | NotExpressible | undefined => {
  if (problem.objectives.length === 0) return undefined
  let weighted: ReadonlyArray<Weighted> = []
  let factor = 1
  let largest = 0
  for (let at = problem.objectives.length - 1; at >= 0; at--) {
    const { sense, terms }: Objective = problem.objectives[at]
    const sign = sense === "maximize" ? 1 : -1
    let width = 0
    for (const term of terms) {
      const [low, high] = rangeOf(problem, term)
      width += high - low
      largest += factor * Math.max(Math.abs(low), Math.abs(high))
    }
    if (largest > largestSum) {
      const reason = "together with the objectives after it, its sum is no longer exact"
      return new NotExpressible({ target, where: `objectives[${at}]`, reason })
    }
    const scale = sign * factor
    weighted = [...terms.map((term) => ({ coefficient: scale * coefficientOf(term), term })), ...weighted]
    factor *= width + 1
  }
  return weighted
}
