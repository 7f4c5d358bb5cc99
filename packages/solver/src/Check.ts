/**
 * Whether values satisfy a problem, told by nothing but the meaning of its constraints.
 *
 * This is the one definition of what constraints mean: the engine is tested against it, and the answers of other solvers
 * are checked with it.
 *
 * @since 0.1.0
 */
import type { Constraint, Relation } from "./Constraint.js"
import * as Domain from "./Domain.js"
import * as Problem from "./Problem.js"

const compare = (left: number, relation: Relation, right: number): boolean => {
  switch (relation) {
    case "=":
      return left === right
    case "!=":
      return left !== right
    case "<=":
      return left <= right
    case "<":
      return left < right
    case ">=":
      return left >= right
    case ">":
      return left > right
  }
}

/**
 * Whether the constraint holds, where each variable has the value in its place.
 *
 * @since 0.1.0
 * @category checking
 */
export const holds = (constraint: Constraint, values: ReadonlyArray<number>): boolean => {
  switch (constraint._tag) {
    case "Compare":
      return compare(values[constraint.left], constraint.relation, values[constraint.right] + (constraint.offset ?? 0))
    case "CompareValue":
      return compare(values[constraint.left], constraint.relation, constraint.value)
    case "Member":
      return constraint.values.includes(values[constraint.variable])
    case "AllDifferent": {
      const { offsets, variables } = constraint
      return new Set(variables.map((variable, at) => values[variable] + (offsets?.[at] ?? 0))).size === variables.length
    }
    case "Linear": {
      const { coefficients, constant, relation, variables } = constraint
      return compare(
        variables.reduce((sum, variable, at) => sum + coefficients[at] * values[variable], 0),
        relation,
        constant
      )
    }
    case "Table":
      return constraint.rows.some((row) => row.every((value, at) => value === values[constraint.variables[at]]))
    case "Element": {
      const index = values[constraint.index]
      return index >= 0 && index < constraint.values.length && constraint.values[index] === values[constraint.result]
    }
    case "ElementVariable": {
      const index = values[constraint.index]
      return index >= 0 && index < constraint.variables.length &&
        values[constraint.variables[index]] === values[constraint.result]
    }
    case "Nogood":
      return !constraint.variables.every((variable, at) => values[variable] === constraint.values[at])
    case "And":
      return constraint.constraints.every((part) => holds(part, values))
    case "Or":
      return constraint.constraints.some((part) => holds(part, values))
    case "Not":
      return !holds(constraint.constraint, values)
    case "Reified":
      return (values[constraint.indicator] === 1) === holds(constraint.constraint, values)
  }
}

/**
 * The names of what is violated: variables outside of their domains, requirements that do not hold.
 *
 * @since 0.1.0
 * @category checking
 */
export const violations = (problem: Problem.Problem, solution: Problem.Solution): ReadonlyArray<string> => {
  if (solution.length !== problem.variables.length) {
    return [`the number of values (${solution.length} for ${problem.variables.length} variables)`]
  }
  return [
    ...problem.variables.filter(({ domain }, at) => !Domain.has(domain, solution[at])).map(({ name }) =>
      `the domain of ${name}`
    ),
    ...problem.requirements.flatMap(({ constraint }, at) =>
      holds(constraint, solution) ? [] : [Problem.nameOf(problem, at)]
    )
  ]
}

/**
 * What each objective adds up to.
 *
 * @since 0.1.0
 * @category checking
 */
export const objectives = (problem: Problem.Problem, solution: Problem.Solution): ReadonlyArray<number> =>
  problem.objectives.map(({ terms }) =>
    terms.reduce(
      (sum, term) =>
        term._tag === "Times"
          ? sum + term.coefficient * solution[term.variable]
          : holds(term.constraint, solution)
          ? sum + term.weight
          : sum,
      0
    )
  )
