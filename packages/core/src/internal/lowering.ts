/**
 * Constraints over `Val`s as constraints of the solver, over its integers.
 *
 * Equality is of codes. Order is of codes where all values are ordinary integers; otherwise each variable gets another one
 * beside it, with the places of its values in their order. Sums are of ordinary integers alone.
 *
 * A choice is a variable over the places of its options. What is said of it and a value is said of the places; a sum of
 * choices between evenly spaced integers (any two are) is a sum of places. So buying or not at a price out of a list comes
 * out linear, which is what every solver knows best. Only where that does not do, a choice gets a variable for its value.
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

/** One of several values, by its place among them. */
export interface Chosen {
  /** The variable for the place. */
  readonly place: number
  readonly options: ReadonlyArray<Val>
  /** Its value as a sum of its place, where the options are evenly spaced integers. */
  readonly sum: Sum | undefined
  /** A variable with its value; made when it is asked for. */
  readonly variable: () => number
}

/** What a constraint may speak of, and where more variables come from. */
export interface Scope {
  readonly interned: Interned
  /** The solver's variable, the value where that is known, or a choice by its place. */
  readonly find: (named: Named) => Place
  readonly min: (variable: number) => number
  readonly max: (variable: number) => number
  readonly values: (variable: number) => ReadonlyArray<number>
  /** One more variable. */
  readonly add: (domain: Domain.Domain) => number
  /** Something that holds in any case: what a variable that was added has to do with others. */
  readonly link: (constraint: Constraint.Constraint) => void
}

export const chosen = (place: number, options: ReadonlyArray<Val>, variable: () => number): Chosen => ({
  place,
  options,
  sum: spaced(place, options),
  variable
})

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
    case "AllDifferent":
      return allDifferent(scope, data.terms)
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

/** Nearly always of variables alone. */
const allDifferent = (scope: Scope, terms: ReadonlyArray<TermData>): Constraint.Constraint => {
  const variables = new Array<number>(terms.length)
  let offsets: Array<number> | undefined
  for (let at = 0; at < terms.length; at++) {
    const term = terms[at]
    const place = term._tag === "Variable" ? scope.find(term) : undefined
    if (typeof place === "number") variables[at] = place
    else {
      const { offset, variable } = shifted(scope, term)
      variables[at] = variable
      if (offset !== 0) (offsets ??= terms.map(() => 0))[at] = offset
    }
  }
  return Constraint.allDifferent(variables, offsets === undefined ? {} : { offsets })
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
    const sum = sumAt(scope, place)
    if (sum === undefined) return refuseSum(term)
    constant += factor * sum.constant
    sum.variables.forEach((variable, at) =>
      found.set(variable, (found.get(variable) ?? 0) + factor * sum.coefficients[at])
    )
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
  if (isChosen(a) && isKnown(b)) return among(a, (option) => holds(relation, option, b.value))
  if (isKnown(a) && isChosen(b)) return among(b, (option) => holds(relation, a.value, option))
  if (isChosen(a) || isChosen(b)) {
    const [ofA, ofB] = [sumAt(scope, a), sumAt(scope, b)]
    if (ofA !== undefined && ofB !== undefined) return compareSums(relation, ofA, ofB)
  }
  return compareValues(scope, relation, isChosen(a) ? a.variable() : a, isChosen(b) ? b.variable() : b)
}

/** A variable, or a value. */
type Simple = number | { readonly value: Val }
type Place = Simple | Chosen

const isChosen = (place: Place): place is Chosen => typeof place !== "number" && "place" in place
const isKnown = (place: Place): place is { readonly value: Val } => typeof place !== "number" && "value" in place

const holds = (relation: Relation, self: Val, that: Val): boolean => {
  switch (relation) {
    case "=":
      return equals(self, that)
    case "!=":
      return !equals(self, that)
    default:
      return follows(relation, self, that)
  }
}

/** The choice is an option for which it holds. */
const among = ({ options, place }: Chosen, holds: (option: Val) => boolean): Constraint.Constraint => {
  const last = options.length - 1
  const places = options.flatMap((option, at) => holds(option) ? [at] : [])
  const [first] = places
  if (places.length === options.length) return always
  if (first === undefined) return never
  if (places.length === 1) return Constraint.compareValue(place, "=", first)
  if (places[last - first] === last) return Constraint.compareValue(place, ">=", first)
  if (places[places.length - 1] === places.length - 1) return Constraint.compareValue(place, "<=", places.length - 1)
  return places.length === last
    ? Constraint.compareValue(place, "!=", places.findIndex((found, at) => found !== at))
    : Constraint.member(place, places)
}

const compareValues = (scope: Scope, relation: Relation, a: Simple, b: Simple): Constraint.Constraint => {
  if (relation !== "=" && relation !== "!=") return inOrder(scope, relation, a, b)
  if (typeof a === "number") {
    return typeof b === "number"
      ? Constraint.compare(a, relation, b)
      : Constraint.compareValue(a, relation, scope.interned.code(b.value))
  }
  if (typeof b === "number") return Constraint.compareValue(b, relation, scope.interned.code(a.value))
  return holds(relation, a.value, b.value) ? always : never
}

const inOrder = (scope: Scope, relation: "<=" | "<", a: Simple, b: Simple): Constraint.Constraint => {
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

/** A place as a sum; undefined where it may be something else than an integer. */
const sumAt = (scope: Scope, place: Place): Sum | undefined => {
  if (isKnown(place)) {
    const { value } = place
    return typeof value === "number" && Number.isSafeInteger(value)
      ? { coefficients: [], variables: [], constant: value }
      : undefined
  }
  if (isChosen(place) && place.sum !== undefined) return place.sum
  const variable = isChosen(place) ? place.variable() : place
  return isInteger(scope, variable) ? { coefficients: [1], variables: [variable], constant: 0 } : undefined
}

const spaced = (place: number, options: ReadonlyArray<Val>): Sum | undefined => {
  const [first, second = first] = options
  if (typeof first !== "number" || typeof second !== "number") return undefined
  const step = second - first
  if (!options.every((option, at) => option === first + step * at && isOrdinary(option))) return undefined
  return step === 0
    ? { coefficients: [], variables: [], constant: first }
    : { coefficients: [step], variables: [place], constant: first }
}

/** A variable with this value. */
const variableOf = (scope: Scope, data: TermData): number => {
  if (data._tag !== "Sum") {
    const place = placeOf(scope, data)
    return isKnown(place)
      ? scope.add(Domain.values([scope.interned.code(place.value)]))
      : isChosen(place)
      ? place.variable()
      : place
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
  const place = data._tag === "Sum" ? undefined : placeOf(scope, data)
  const sum = place === undefined ? sumOf(scope, data) : isChosen(place) ? place.sum : undefined
  if (sum !== undefined && sum.variables.length === 1 && sum.coefficients[0] === 1) {
    return { variable: sum.variables[0], offset: integer(sum.constant) }
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

const isInteger = (scope: Scope, place: Simple): boolean =>
  typeof place === "number"
    ? scope.max(place) <= largest
    : typeof place.value === "number" && isOrdinary(place.value)

const refuseSum = (term: Exclude<TermData, { readonly _tag: "Sum" }>): never =>
  term._tag === "Value"
    ? refuse(`${format(term.value)} is no integer: sums are of integers`)
    : refuse(`${term.id} has values that are no integers`)

/** More values than these are not put in order one by one. */
const mostCodes = 100_000

const codes = (scope: Scope, variable: number): ReadonlyArray<number> => {
  const found = scope.values(variable)
  return found.length > mostCodes ? refuse(`${found.length} values are too many to be put in order`) : found
}
