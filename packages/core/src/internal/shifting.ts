/**
 * Constraints of a solver for the same variables at other places.
 */
import type { Constraint } from "@effect-avm/solver"

/** The same constraint, where `by` more variables come before those it speaks of. */
export const shift = (constraint: Constraint.Constraint, by: number): Constraint.Constraint => {
  const all = (variables: ReadonlyArray<number>) => variables.map((variable) => variable + by)
  switch (constraint._tag) {
    case "Compare":
      return { ...constraint, left: constraint.left + by, right: constraint.right + by }
    case "CompareValue":
      return { ...constraint, left: constraint.left + by }
    case "Member":
      return { ...constraint, variable: constraint.variable + by }
    case "AllDifferent":
    case "Linear":
    case "Table":
    case "Nogood":
      return { ...constraint, variables: all(constraint.variables) }
    case "Element":
      return { ...constraint, index: constraint.index + by, result: constraint.result + by }
    case "ElementVariable":
      return {
        ...constraint,
        index: constraint.index + by,
        variables: all(constraint.variables),
        result: constraint.result + by
      }
    case "And":
    case "Or":
      return { ...constraint, constraints: constraint.constraints.map((part) => shift(part, by)) }
    case "Not":
      return { ...constraint, constraint: shift(constraint.constraint, by) }
    case "Reified":
      return {
        ...constraint,
        indicator: constraint.indicator + by,
        constraint: shift(constraint.constraint, by)
      }
  }
}
