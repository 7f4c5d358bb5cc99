/**
 * Constraints over `Val`s as constraints of the solver, over its integers.
 *
 * Equality is of codes. Order is of codes where all values are ordinary integers; otherwise each variable gets another one
 * beside it, with the places of its values in their order. Sums are of ordinary integers alone.
 */
import { Constraint, Domain } from "@effect-avm/solver"
import { InvalidConstraint, UnknownVariable } from "../AvmError.js"
import type { ConstraintData, TermData } from "../Constraint.js"
import { equals, format, fromUnknown, type Val } from "../Val.js"
import { type Interned, isOrdinary, largest, order } from "./interning.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/** Thrown by `lower`, and by scopes for what they do not know. */
export class Refused {
  constructor(readonly error: UnknownVariable | InvalidConstraint) {}
}

export const refuse = (message: string): never => {
  throw new Refused(new InvalidConstraint({ message }))
}

export const refuseVariable = (id: string): never => {
  throw new Refused(new UnknownVariable({ var: id }, true))
}

type Named = Extract<TermData, { readonly _tag: "Variable" | "Choice" }>

/** What a constraint may speak of, and where more variables come from. */
export interface Scope {
  readonly interned: Interned
  /** The solver's variable, or the value where that is known. */
  readonly find: (named: Named) => number | { readonly value: Val }
  readonly min: (variable: number) => number
  readonly max: (variable: number) => number
  readonly values: (variable: number) => ReadonlyArray<number>
  /** One more variable. */
  readonly add: (domain: Domain.Domain) => number
  /** Something that holds in any case: what a variable that was added has to do with others. */
  readonly link: (constraint: Constraint.Constraint) => void
}

/** Always, and never. */
export const always: Constraint.Constraint = Constraint.and()
const never: Constraint.Constraint = Constraint.or()

// ---------------------------------------------------------------------------
// operations
// ---------------------------------------------------------------------------

/** The constraint for the solver; throws `Refused`. */
export const lower = (scope: Scope, data: ConstraintData): Constraint.Constraint => {
  switch (data._tag) {
    case "Compare":
      return compare(scope, data.relation, data.left, data.right)
    case "AllDifferent": {
      const parts = data.terms.map((term) => shifted(scope, term))
      const offsets = parts.map(({ offset }) => offset)
      return Constraint.allDifferent(
        parts.map(({ variable }) => variable),
        offsets.some((offset) => offset !== 0) ? { offsets } : {}
      )
    }
    case "Table": {
      for (const row of data.rows) {
        if (row.length !== data.terms.length) refuse(`a row of ${row.length} values for ${data.terms.length} terms`)
      }
      const rows = data.rows.map((row) => row.map((value) => scope.interned.code(checked(value))))
      return Constraint.table(data.terms.map((term) => variableOf(scope, term)), rows)
    }
    case "And":
      return Constraint.and(...data.constraints.map((part) => lower(scope, part)))
    case "Or":
      return Constraint.or(...data.constraints.map((part) => lower(scope, part)))
    case "Not":
      return Constraint.not(lower(scope, data.constraint))
  }
}

/** A sum for the solver: so many times each variable, and a constant. */
export interface Sum {
  readonly coefficients: ReadonlyArray<number>
  readonly variables: ReadonlyArray<number>
  readonly constant: number
}

export const sumOf = (scope: Scope, data: TermData): Sum => {
  const found = new Map<number, number>()
  let constant = 0
  const add = (factor: number, term: TermData): void => {
    if (!Number.isSafeInteger(factor)) refuse(`${factor} is no integer: sums are of integers`)
    if (term._tag === "Sum") {
      constant += factor * integer(term.constant)
      for (const part of term.terms) add(factor * part.factor, part.term)
      return
    }
    const place = placeOf(scope, term)
    if (typeof place === "number") found.set(integers(scope, place, term), (found.get(place) ?? 0) + factor)
    else constant += factor * integer(place.value)
  }
  if (data._tag === "Sum") {
    // A constant that is no integer is for whoever compares.
    for (const part of data.terms) add(part.factor, part.term)
    constant += data.constant
  } else if (data._tag === "Value" && typeof data.value === "number") constant = data.value
  else add(1, data)
  const used = [...found].filter(([, factor]) => factor !== 0)
  return { coefficients: used.map(([, factor]) => factor), variables: used.map(([variable]) => variable), constant }
}

// ---------------------------------------------------------------------------
// comparing
// ---------------------------------------------------------------------------

type Relation = Extract<ConstraintData, { readonly _tag: "Compare" }>["relation"]

const compare = (scope: Scope, relation: Relation, left: TermData, right: TermData): Constraint.Constraint => {
  if (left._tag === "Sum" || right._tag === "Sum") {
    return compareSums(relation, sumOf(scope, left), sumOf(scope, right))
  }
  const a = placeOf(scope, left)
  const b = placeOf(scope, right)
  if (relation === "=" || relation === "!=") {
    if (typeof a === "number") {
      return typeof b === "number"
        ? Constraint.compare(a, relation, b)
        : Constraint.compareValue(a, relation, scope.interned.code(b.value))
    }
    if (typeof b === "number") return Constraint.compareValue(b, relation, scope.interned.code(a.value))
    return equals(a.value, b.value) === (relation === "=") ? always : never
  }
  return inOrder(scope, relation, a, b)
}

type Place = number | { readonly value: Val }

const inOrder = (scope: Scope, relation: "<=" | "<", a: Place, b: Place): Constraint.Constraint => {
  if (typeof a !== "number" && typeof b !== "number") return follows(relation, a.value, b.value) ? always : never
  if (isInteger(scope, a) && isInteger(scope, b)) {
    if (typeof a !== "number") return Constraint.compareValue(b as number, flipped(relation), Number(a.value))
    return typeof b === "number"
      ? Constraint.compare(a, relation, b)
      : Constraint.compareValue(a, relation, Number(b.value))
  }
  if (typeof a !== "number" || typeof b !== "number") {
    const variable = typeof a === "number" ? a : b as number
    const holds = (value: Val): boolean =>
      typeof a === "number"
        ? follows(relation, value, (b as { readonly value: Val }).value)
        : follows(relation, a.value, value)
    return Constraint.member(variable, codes(scope, variable).filter((code) => holds(scope.interned.value(code))))
  }
  const all = [...new Set([...codes(scope, a), ...codes(scope, b)])]
  all.sort((x, y) => sorted(scope.interned.value(x), scope.interned.value(y)))
  const places = new Map(all.map((code, at) => [code, at]))
  const ranked = (variable: number): number => {
    const rows = codes(scope, variable).map((code) => [code, places.get(code) ?? 0])
    const rank = scope.add(Domain.values(rows.map(([, place]) => place)))
    scope.link(Constraint.table([variable, rank], rows))
    return rank
  }
  return Constraint.compare(ranked(a), relation, ranked(b))
}

const flipped = (relation: "<=" | "<"): ">=" | ">" => relation === "<=" ? ">=" : ">"

const sorted = (self: Val, that: Val): number =>
  order(self, that) ?? refuse(`${format(self)} and ${format(that)} have no order`)

const follows = (relation: "<=" | "<", self: Val, that: Val): boolean => {
  const found = sorted(self, that)
  return relation === "<=" ? found <= 0 : found < 0
}

const compareSums = (relation: Relation, left: Sum, right: Sum): Constraint.Constraint => {
  const found = new Map<number, number>()
  left.variables.forEach((variable, at) => found.set(variable, left.coefficients[at]))
  right.variables.forEach((variable, at) => found.set(variable, (found.get(variable) ?? 0) - right.coefficients[at]))
  const used = [...found].filter(([, factor]) => factor !== 0)
  const exact = right.constant - left.constant
  if (!Number.isInteger(exact) && (relation === "=" || relation === "!=")) return relation === "=" ? never : always
  const constant = relation === "<" ? Math.ceil(exact) : Math.floor(exact)
  if (used.length === 0) {
    const holds = relation === "="
      ? constant === 0
      : relation === "!="
      ? constant !== 0
      : relation === "<"
      ? 0 < constant
      : 0 <= constant
    return holds ? always : never
  }
  const [[first, factor], second] = used
  if (second === undefined && factor === 1) return Constraint.compareValue(first, relation, constant)
  if (used.length === 2 && factor + second[1] === 0 && Math.abs(factor) === 1) {
    return factor === 1
      ? Constraint.compare(first, relation, second[0], constant)
      : Constraint.compare(second[0], relation, first, constant)
  }
  return Constraint.linear(used.map(([, factor]) => factor), used.map(([variable]) => variable), relation, constant)
}

// ---------------------------------------------------------------------------
// terms
// ---------------------------------------------------------------------------

const placeOf = (scope: Scope, data: Exclude<TermData, { readonly _tag: "Sum" }>): Place =>
  data._tag === "Value" ? { value: checked(data.value) } : scope.find(data)

/** A variable with this value. */
const variableOf = (scope: Scope, data: TermData): number => {
  if (data._tag !== "Sum") {
    const place = placeOf(scope, data)
    return typeof place === "number" ? place : scope.add(Domain.values([scope.interned.code(place.value)]))
  }
  const { coefficients, constant, variables } = sumOf(scope, data)
  let [from, to] = [integer(constant), constant]
  variables.forEach((variable, at) => {
    const ends = [coefficients[at] * scope.min(variable), coefficients[at] * scope.max(variable)]
    from += Math.min(...ends)
    to += Math.max(...ends)
  })
  if (!isOrdinary(from) || !isOrdinary(to)) refuse(`a sum from ${from} to ${to} is too large`)
  const added = scope.add(Domain.range(from, to))
  scope.link(Constraint.linear([...coefficients, -1], [...variables, added], "=", -constant))
  return added
}

/** A variable and what is added to it. */
const shifted = (scope: Scope, data: TermData): { readonly variable: number; readonly offset: number } => {
  if (data._tag === "Sum") {
    const { coefficients, constant, variables } = sumOf(scope, data)
    if (variables.length === 1 && coefficients[0] === 1) return { variable: variables[0], offset: integer(constant) }
  }
  return { variable: variableOf(scope, data), offset: 0 }
}

const checked = (val: Val): Val => {
  const found = fromUnknown(val)
  return found._tag === "Right" ? found.right : refuse(found.left.message)
}

const integer = (val: Val): number =>
  typeof val === "number" && Number.isSafeInteger(val)
    ? val
    : refuse(`${format(val)} is no integer: sums are of integers`)

const isInteger = (scope: Scope, place: Place): boolean =>
  typeof place === "number"
    ? scope.max(place) <= largest
    : typeof place.value === "number" && isOrdinary(place.value)

const integers = (scope: Scope, variable: number, term: TermData): number =>
  isInteger(scope, variable)
    ? variable
    : refuse(
      `${term._tag === "Variable" || term._tag === "Choice" ? term.id : "a term"} has values that are no integers`
    )

/** More values than these are not put in order one by one. */
const mostCodes = 100_000

const codes = (scope: Scope, variable: number): ReadonlyArray<number> => {
  const found = scope.values(variable)
  return found.length > mostCodes ? refuse(`${found.length} values are too many to be put in order`) : found
}
