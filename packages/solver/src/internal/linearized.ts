/**
 * Any problem as a linear program over integers.
 *
 * Whether a constraint holds is a sum that is one where it does and else zero: of columns for that, each tied to the
 * constraint by rows that bind on one side where the column is one, on the other where it is zero. Equality is "at most" and
 * "at least" together, a value of a variable is the step between two "at most"s, and the rest is and, or, not.
 */
import type { Relation } from "../Constraint.js"
import * as Domain from "../Domain.js"
import type { Problem } from "../Problem.js"
import { lower, type Lowered } from "./lower.js"

/** Factors of columns. */
export type Terms = ReadonlyMap<number, number>

/** The sum of the terms is at most, or equal to, the constant. */
export interface Row {
  readonly terms: Terms
  readonly relation: "<=" | "="
  readonly constant: number
}

interface Sum {
  readonly terms: Terms
  readonly constant: number
}

type AllDifferent = Extract<Lowered, { readonly _tag: "AllDifferent" }>

/** So many values are told apart one by one. */
const mostValues = 1000

/** The first columns are those of the variables. */
export class Program {
  readonly columns: Array<readonly [low: number, high: number]> = []
  readonly rows: Array<Row> = []
  /** Whether a column is at most a value: by both. */
  private readonly below = new Map<number, Map<number, Sum>>()

  constructor({ requirements, variables }: Problem) {
    for (const { domain } of variables) this.columns.push(Domain.bounds(domain))
    for (const [variable, { domain }] of variables.entries()) this.leaveOut(variable, domain)
    for (const { constraint } of requirements) this.hold(lower(constraint), true)
  }

  // -------------------------------------------------------------------------
  // what has to hold
  // -------------------------------------------------------------------------

  /** The values between the bounds that are none of the domain. */
  private leaveOut(variable: number, domain: Domain.Domain): void {
    if (domain._tag === "Range") return
    const values = Domain.toArray(domain)
    for (let at = 1; at < values.length; at++) {
      const [before, value] = [values[at - 1], values[at]]
      if (value === before + 1) continue
      const [low, high] = [this.isAtMost(variable, before), this.isAtMost(variable, value - 1)]
      this.row(plus(high, times(-1, low)), "=", 0)
    }
  }

  /** `wanted`: whether it is to hold, or not to. */
  private hold(constraint: Lowered, wanted: boolean): void {
    switch (constraint._tag) {
      case "Not":
        return this.hold(constraint.constraint, !wanted)
      case "And":
      case "Or": {
        const { constraints } = constraint
        if ((constraint._tag === "And") === wanted) { for (const part of constraints) this.hold(part, wanted) }
        else this.row(total(constraints.map((part) => this.truth(part, wanted))), ">=", 1)
        return
      }
      case "Compare":
      case "CompareValue":
      case "Linear": {
        const { constant, relation, sum } = comparison(constraint)
        const asked = wanted ? relation : opposite[relation]
        return asked === "!="
          ? this.row(this.isRelated(sum, "=", constant), "=", 0)
          : this.row(sum, asked, constant)
      }
      case "AllDifferent":
        if (wanted) return this.allDifferent(constraint)
        break
      case "Reified": {
        const { constraint: inner, indicator } = constraint
        const difference = plus(this.truth(inner, wanted), times(-1, this.isValue(indicator, 1)))
        return this.row(difference, "=", 0)
      }
    }
    this.row(this.truth(constraint, wanted), "=", 1)
  }

  /** Each value once, or, where there are more of them than pairs, or too many, each two of the variables. */
  private allDifferent(constraint: AllDifferent): void {
    const { offsets, variables } = constraint
    const bounds = variables.map((variable, at) => this.columns[variable].map((end) => end + (offsets?.[at] ?? 0)))
    const low = Math.min(...bounds.map(([low]) => low))
    const high = Math.max(...bounds.map(([, high]) => high))
    const most = Math.min(mostValues, variables.length * (variables.length - 1) / 2)
    if (high - low >= most) return pairs(constraint).forEach((pair) => this.hold(pair, true))
    for (let value = low; value <= high; value++) {
      const each = variables.map((variable, at) => this.isValue(variable, value - (offsets?.[at] ?? 0)))
      this.row(total(each), "<=", 1)
    }
  }

  private row({ constant: added, terms }: Sum, relation: Exclude<Relation, "!=">, constant: number): void {
    const isFlipped = relation === ">=" || relation === ">"
    const factor = isFlipped ? -1 : 1
    const strict = relation === "<" || relation === ">" ? 1 : 0
    this.rows.push({
      terms: isFlipped ? times(-1, { terms, constant: 0 }).terms : terms,
      relation: relation === "=" ? "=" : "<=",
      constant: factor * (constant - added) - strict
    })
  }

  // -------------------------------------------------------------------------
  // whether something holds
  // -------------------------------------------------------------------------

  /** One where it holds, or where it does not if that is wanted; else zero. */
  private truth(constraint: Lowered, wanted: boolean): Sum {
    switch (constraint._tag) {
      case "Not":
        return this.truth(constraint.constraint, !wanted)
      case "And":
      case "Or": {
        const isAnd = (constraint._tag === "And") === wanted
        const parts = constraint.constraints.map((part) => this.truth(part, isAnd === wanted))
        return asWanted(this.both(parts), isAnd)
      }
      case "Compare":
      case "CompareValue":
      case "Linear": {
        const { constant, relation, sum } = comparison(constraint)
        return this.isRelated(sum, wanted ? relation : opposite[relation], constant)
      }
      case "Member": {
        const found = new Set(constraint.values)
        return asWanted(total([...found].map((value) => this.isValue(constraint.variable, value))), wanted)
      }
      case "AllDifferent":
        return asWanted(this.both(pairs(constraint).map((pair) => this.truth(pair, true))), wanted)
      case "Reified": {
        const [one, other] = [this.isValue(constraint.indicator, 1), this.truth(constraint.constraint, true)]
        const both = this.both([one, other])
        const neither = this.both([one, other].map((sum) => asWanted(sum, false)))
        return asWanted(plus(both, neither), wanted)
      }
    }
  }

  /** Whether all of them are one. */
  private both(sums: ReadonlyArray<Sum>): Sum {
    const open = sums.filter(({ constant, terms }) => terms.size > 0 || constant === 0)
    if (open.some(({ terms }) => terms.size === 0)) return nothing
    if (open.length === 0) return one
    if (open.length === 1) return open[0]
    const found = this.column(0, 1)
    for (const sum of open) this.row(plus(found, times(-1, sum)), "<=", 0)
    this.row(plus(total(open), times(-1, found)), "<=", open.length - 1)
    return found
  }

  private isRelated(sum: Sum, relation: Relation, constant: number): Sum {
    switch (relation) {
      case "<=":
        return this.isSumAtMost(sum, constant)
      case "<":
        return this.isSumAtMost(sum, constant - 1)
      case ">=":
        return asWanted(this.isSumAtMost(sum, constant - 1), false)
      case ">":
        return asWanted(this.isSumAtMost(sum, constant), false)
      case "=":
        return plus(this.isSumAtMost(sum, constant), times(-1, this.isSumAtMost(sum, constant - 1)))
      case "!=":
        return asWanted(this.isRelated(sum, "=", constant), false)
    }
  }

  private isValue(variable: number, value: number): Sum {
    return plus(this.isAtMost(variable, value), times(-1, this.isAtMost(variable, value - 1)))
  }

  private isAtMost(column: number, value: number): Sum {
    const [low, high] = this.columns[column]
    if (value < low) return nothing
    if (value >= high) return one
    // Of two values it is the lower one.
    if (high === low + 1) return { terms: new Map([[column, -1]]), constant: high }
    let known = this.below.get(column)
    if (known === undefined) this.below.set(column, known = new Map())
    let found = known.get(value)
    if (found === undefined) known.set(value, found = this.bound(new Map([[column, 1]]), value, low, high))
    return found
  }

  private isSumAtMost({ constant: added, terms }: Sum, constant: number): Sum {
    const value = constant - added
    let low = 0
    let high = 0
    for (const [column, factor] of terms) {
      const [from, to] = this.columns[column]
      low += Math.min(factor * from, factor * to)
      high += Math.max(factor * from, factor * to)
    }
    if (low > value) return nothing
    if (high <= value) return one
    const [first, ...others] = terms
    if (others.length === 0 && first[1] === 1) return this.isAtMost(first[0], value)
    if (others.length === 0 && first[1] === -1) return asWanted(this.isAtMost(first[0], -value - 1), false)
    return this.bound(terms, value, low, high)
  }

  /** A column that is one where the terms are at most the value: they are from `low` to `high`. */
  private bound(terms: Terms, value: number, low: number, high: number): Sum {
    const found = this.column(0, 1)
    const sum = { terms, constant: 0 }
    this.row(plus(sum, times(high - value, found)), "<=", high)
    this.row(plus(sum, times(value + 1 - low, found)), ">=", value + 1)
    return found
  }

  private column(low: number, high: number): Sum {
    return { terms: new Map([[this.columns.push([low, high]) - 1, 1]]), constant: 0 }
  }
}

// ---------------------------------------------------------------------------
// sums
// ---------------------------------------------------------------------------

const nothing: Sum = { terms: new Map(), constant: 0 }
const one: Sum = { terms: new Map(), constant: 1 }

const total = (sums: ReadonlyArray<Sum>): Sum => {
  const terms = new Map<number, number>()
  let constant = 0
  for (const sum of sums) {
    constant += sum.constant
    for (const [column, factor] of sum.terms) add(terms, column, factor)
  }
  return { terms, constant }
}

const plus = (self: Sum, that: Sum): Sum => total([self, that])

const times = (factor: number, { constant, terms }: Sum): Sum => ({
  terms: new Map([...terms].map(([column, each]) => [column, factor * each])),
  constant: factor * constant
})

/** What comes to nothing is left out. */
const add = (terms: Map<number, number>, column: number, factor: number): void => {
  const sum = (terms.get(column) ?? 0) + factor
  if (sum === 0) terms.delete(column)
  else terms.set(column, sum)
}

/** The truth itself, or that of the opposite. */
const asWanted = (truth: Sum, wanted: boolean): Sum => wanted ? truth : plus(one, times(-1, truth))

export const sumOf = (columns: ReadonlyArray<number>, factors: ReadonlyArray<number>): Sum => {
  const terms = new Map<number, number>()
  for (const [at, column] of columns.entries()) add(terms, column, factors[at])
  return { terms, constant: 0 }
}

// ---------------------------------------------------------------------------
// comparisons
// ---------------------------------------------------------------------------

const opposite: Readonly<Record<Relation, Relation>> = {
  "=": "!=",
  "!=": "=",
  "<": ">=",
  ">=": "<",
  ">": "<=",
  "<=": ">"
}

type Comparison = Extract<Lowered, { readonly _tag: "Compare" | "CompareValue" | "Linear" }>

const comparison = (
  constraint: Comparison
): { readonly sum: Sum; readonly relation: Relation; readonly constant: number } => {
  const { relation } = constraint
  switch (constraint._tag) {
    case "Compare": {
      const { left, offset, right } = constraint
      return { sum: sumOf([left, right], [1, -1]), relation, constant: offset ?? 0 }
    }
    case "CompareValue":
      return { sum: sumOf([constraint.left], [1]), relation, constant: constraint.value }
    case "Linear":
      return { sum: sumOf(constraint.variables, constraint.coefficients), relation, constant: constraint.constant }
  }
}

const pairs = ({ offsets, variables }: AllDifferent): ReadonlyArray<Lowered> =>
  variables.flatMap((left, at) =>
    variables.slice(at + 1).map((right, next): Lowered => ({
      _tag: "Compare",
      left,
      relation: "!=",
      right,
      offset: (offsets?.[at + 1 + next] ?? 0) - (offsets?.[at] ?? 0)
    }))
  )
