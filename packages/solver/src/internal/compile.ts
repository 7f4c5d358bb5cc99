/**
 * From a problem to a store of the engine, and from its objectives to sums of variables.
 *
 * The variables of the problem come first, so they keep their numbers. What objectives need beside them, how much a value
 * counts and whether a wish holds, becomes variables that follow from the others.
 */
import type { Constraint } from "../Constraint.js"
import * as Domain from "../Domain.js"
import type { Objective, Problem } from "../Problem.js"
import type { Goal } from "../Search.js"
import { post } from "./post.js"
import { Store } from "./store.js"

export interface Compiled {
  readonly store: Store
  readonly goals: ReadonlyArray<Goal>
  /** A requirement cannot hold, as was seen at once. */
  readonly failed: boolean
}

/** Domains up to this size have a row for each value. */
const mostRows = 10_000

export const addVariables = (store: Store, problem: Problem): void => {
  for (const { domain } of problem.variables) {
    if (domain._tag === "Range") store.addRange(domain.from, domain.to)
    else store.addValues(Domain.toArray(domain))
  }
}

/** The problem has been checked. */
export const compile = (problem: Problem): Compiled => {
  const store = new Store()
  addVariables(store, problem)
  const posted = problem.requirements.every(({ constraint }) => post(store, constraint))
  const goals = posted ? problem.objectives.map((objective) => goalOf(store, problem, objective)) : []
  return { store, goals, failed: !posted }
}

const goalOf = (store: Store, problem: Problem, { sense, terms }: Objective): Goal => {
  const coefficients: Array<number> = []
  const variables: Array<number> = []
  /** For each variable, what its values count. */
  const valued = new Map<number, Map<number, number>>()
  for (const term of terms) {
    if (term._tag === "Times") {
      coefficients.push(term.coefficient)
      variables.push(term.variable)
    } else if (isValue(term.constraint) && sizeOf(problem, term.constraint.left) <= mostRows) {
      const { left, value } = term.constraint
      const weights = valued.get(left) ?? new Map<number, number>()
      weights.set(value, (weights.get(value) ?? 0) + term.weight)
      valued.set(left, weights)
    } else {
      coefficients.push(term.weight)
      variables.push(indicator(store, term.constraint))
    }
  }
  for (const [variable, weights] of valued) {
    const rows = Domain.toArray(problem.variables[variable].domain).map((value) => [value, weights.get(value) ?? 0])
    // A sum of weights may be larger than a value can be.
    if (rows.every(([, weight]) => weight <= Domain.maximum)) {
      coefficients.push(1)
      variables.push(worth(store, variable, rows))
    } else {
      for (const [value, weight] of weights) {
        coefficients.push(weight)
        variables.push(indicator(store, { _tag: "CompareValue", left: variable, relation: "=", value }))
      }
    }
  }
  return { sense, coefficients, variables }
}

const isValue = (constraint: Constraint): constraint is Extract<Constraint, { _tag: "CompareValue" }> =>
  constraint._tag === "CompareValue" && constraint.relation === "="

const sizeOf = (problem: Problem, variable: number): number => {
  const { domain } = problem.variables[variable]
  return domain._tag === "Range" ? domain.to - domain.from + 1 : domain.values.length
}

/** A variable that is one if the constraint holds, else zero. */
const indicator = (store: Store, constraint: Constraint): number => {
  const variable = store.addRange(0, 1)
  post(store, { _tag: "Reified", indicator: variable, constraint })
  return variable
}

/** A variable that is what the value of another one counts. */
const worth = (store: Store, variable: number, rows: ReadonlyArray<ReadonlyArray<number>>): number => {
  const weights = [...new Set(rows.map(([, weight]) => weight))].sort((a, b) => a - b)
  const added = store.addValues(weights)
  post(store, { _tag: "Table", variables: [variable, added], rows })
  return added
}
