/**
 * Problems as FlatZinc: the flat form that MiniZinc hands to solvers, with its standard predicates alone.
 *
 * Variables are called `x0`, `x1`, … in their order, and are the output; what formulas need beside them is called `b0`, …
 * (truth values), `i0`, … (the same as integers) and `objective`. Tables, elements and all-different constraints are taken
 * apart: a solver that knows better ones gets them from the MiniZinc model.
 *
 * `test/solver/Exports.test.ts` pins the text, and has it solved.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import type { Relation } from "./Constraint.js"
import * as Domain from "./Domain.js"
import { combined, lower, type Lowered } from "./internal/lower.js"
import type * as Problem from "./Problem.js"
import { NotExpressible } from "./SolverError.js"

/**
 * The FlatZinc text. Several objectives become one, as in `MiniZinc.print`.
 *
 * @since 0.1.0
 * @category printing
 */
export const print = (problem: Problem.Problem): Either.Either<string, NotExpressible> => {
  const objective = combined(problem, "FlatZinc")
  if (objective instanceof NotExpressible) return Either.left(objective)
  const flat = new Flat()
  for (const { constraint } of problem.requirements) flat.require(lower(constraint))
  const solve = objective === undefined ? "solve satisfy;" : flat.maximize(problem, objective)
  return Either.right([
    ...problem.variables.map(({ domain }, at) =>
      `var ${
        domain._tag === "Range" ? `${domain.from}..${domain.to}` : `{${domain.values.join(",")}}`
      }: x${at} :: output_var;`
    ),
    ...flat.declarations,
    ...flat.constraints,
    solve,
    ""
  ].join("\n"))
}

// ---------------------------------------------------------------------------
// internals
// ---------------------------------------------------------------------------

const list = (entries: ReadonlyArray<string | number>): string => `[${entries.join(",")}]`

/** A sum in one of three relations to a constant. */
interface Row {
  readonly predicate: "int_lin_eq" | "int_lin_ne" | "int_lin_le"
  readonly coefficients: ReadonlyArray<number>
  readonly variables: ReadonlyArray<number>
  readonly constant: number
}

const rowOf = (
  coefficients: ReadonlyArray<number>,
  variables: ReadonlyArray<number>,
  relation: Relation,
  constant: number
): Row => {
  const negated = coefficients.map((coefficient) => -coefficient)
  switch (relation) {
    case "=":
      return { predicate: "int_lin_eq", coefficients, variables, constant }
    case "!=":
      return { predicate: "int_lin_ne", coefficients, variables, constant }
    case "<=":
      return { predicate: "int_lin_le", coefficients, variables, constant }
    case "<":
      return { predicate: "int_lin_le", coefficients, variables, constant: constant - 1 }
    case ">=":
      return { predicate: "int_lin_le", coefficients: negated, variables, constant: -constant }
    case ">":
      return { predicate: "int_lin_le", coefficients: negated, variables, constant: -constant - 1 }
  }
}

const pairsOf = ({ offsets, variables }: Extract<Lowered, { _tag: "AllDifferent" }>): ReadonlyArray<Row> =>
  variables.flatMap((x, i) =>
    variables.slice(i + 1).map((y, j) =>
      rowOf([1, -1], [x, y], "!=", (offsets?.[i + 1 + j] ?? 0) - (offsets?.[i] ?? 0))
    )
  )

class Flat {
  readonly declarations: Array<string> = []
  readonly constraints: Array<string> = []
  private truths = 0
  private integers = 0

  require(constraint: Lowered): void {
    switch (constraint._tag) {
      case "And":
        for (const part of constraint.constraints) this.require(part)
        return
      case "Or":
        this.clause(constraint.constraints.map((part) => this.truthOf(part)), [])
        return
      case "Not":
        this.clause([], [this.truthOf(constraint.constraint)])
        return
      case "Reified":
        this.add(
          "bool_eq",
          this.truthOfRow(rowOf([1], [constraint.indicator], "=", 1)),
          this.truthOf(constraint.constraint)
        )
        return
      case "Member":
        this.clause(this.equalities(constraint), [])
        return
      case "AllDifferent":
        for (const row of pairsOf(constraint)) this.add(row.predicate, ...this.parts(row))
        return
      default: {
        const row = this.rowOf(constraint)
        this.add(row.predicate, ...this.parts(row))
      }
    }
  }

  maximize(problem: Problem.Problem, terms: ReadonlyArray<{ coefficient: number; term: Problem.Term }>): string {
    let low = 0
    let high = 0
    const coefficients: Array<number> = []
    const variables: Array<string> = []
    for (const { coefficient, term } of terms) {
      const [least, most] = term._tag === "Times" ? Domain.bounds(problem.variables[term.variable].domain) : [0, 1]
      low += Math.min(coefficient * least, coefficient * most)
      high += Math.max(coefficient * least, coefficient * most)
      coefficients.push(coefficient)
      variables.push(term._tag === "Times" ? `x${term.variable}` : this.integerOf(this.truthOf(lower(term.constraint))))
    }
    this.declarations.push(`var ${low}..${high}: objective;`)
    this.add("int_lin_eq", list([...coefficients, -1]), list([...variables, "objective"]), "0")
    return "solve maximize objective;"
  }

  /** A variable that is true if and only if the constraint holds. */
  private truthOf(constraint: Lowered): string {
    switch (constraint._tag) {
      case "And":
        return this.truth("array_bool_and", list(constraint.constraints.map((part) => this.truthOf(part))))
      case "Or":
        return this.either(constraint.constraints.map((part) => this.truthOf(part)))
      case "Not":
        return this.truth("bool_not", this.truthOf(constraint.constraint))
      case "Reified":
        return this.truth(
          "bool_eq_reif",
          this.truthOfRow(rowOf([1], [constraint.indicator], "=", 1)),
          this.truthOf(constraint.constraint)
        )
      case "Member":
        return this.either(this.equalities(constraint))
      case "AllDifferent":
        return this.truth("array_bool_and", list(pairsOf(constraint).map((row) => this.truthOfRow(row))))
      default:
        return this.truthOfRow(this.rowOf(constraint))
    }
  }

  /** True if and only if one of them is: in clauses, which every solver has. */
  private either(truths: ReadonlyArray<string>): string {
    const name = this.newTruth()
    this.clause(truths, [name])
    for (const truth of truths) this.clause([name], [truth])
    return name
  }

  private equalities({ values, variable }: Extract<Lowered, { _tag: "Member" }>): ReadonlyArray<string> {
    return values.map((value) => this.truthOfRow(rowOf([1], [variable], "=", value)))
  }

  private truthOfRow(row: Row): string {
    return this.truth(`${row.predicate}_reif`, ...this.parts(row))
  }

  private truth(predicate: string, ...operands: ReadonlyArray<string>): string {
    const name = this.newTruth()
    this.add(predicate, ...operands, name)
    return name
  }

  private newTruth(): string {
    const name = `b${this.truths++}`
    this.declarations.push(`var bool: ${name};`)
    return name
  }

  private integerOf(truth: string): string {
    const name = `i${this.integers++}`
    this.declarations.push(`var 0..1: ${name};`)
    this.add("bool2int", truth, name)
    return name
  }

  private rowOf(constraint: Extract<Lowered, { _tag: "Compare" | "CompareValue" | "Linear" }>): Row {
    switch (constraint._tag) {
      case "Compare":
        return rowOf([1, -1], [constraint.left, constraint.right], constraint.relation, constraint.offset ?? 0)
      case "CompareValue":
        return rowOf([1], [constraint.left], constraint.relation, constraint.value)
      case "Linear":
        return rowOf(constraint.coefficients, constraint.variables, constraint.relation, constraint.constant)
    }
  }

  private parts({ coefficients, constant, variables }: Row): ReadonlyArray<string> {
    return [
      list(coefficients),
      list(variables.map((_) => `x${_}`)),
      `${constant}`
    ]
  }

  private clause(positive: ReadonlyArray<string>, negative: ReadonlyArray<string>): void {
    this.add("bool_clause", list(positive), list(negative))
  }

  private add(predicate: string, ...operands: ReadonlyArray<string>): void {
    this.constraints.push(`constraint ${predicate}(${operands.join(",")});`)
  }
}
