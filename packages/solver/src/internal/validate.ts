/**
 * What is wrong with a domain or a constraint, and where.
 *
 * After this every number is a safe integer, every variable is there, and no sum leaves the integers that are exact.
 *
 * Every change of an engine comes by here, so where something is gets its name only when it is wrong: `part` is what is
 * added to `where` then.
 */
import type { Constraint } from "../Constraint.js"
import * as Domain from "../Domain.js"
import {
  EmptyDomain,
  MalformedConstraint,
  NotAnInteger,
  OutOfRange,
  type ProblemError,
  UnknownVariable
} from "../SolverError.js"

/** What a constraint can speak of. */
export interface Variables {
  readonly count: number
  readonly min: (variable: number) => number
  readonly max: (variable: number) => number
}

/** Twice the largest sum is still exact. */
export const largestSum = Number.MAX_SAFE_INTEGER / 4

/** How many values a list may have; more would be a range. */
const mostValues = 10_000_000

type Found = ProblemError | undefined

export const integer = (where: string, part: string, found: number, limit: number): Found => {
  if (!Number.isInteger(found)) return new NotAnInteger({ where: where + part, found })
  return Math.abs(found) > limit ? new OutOfRange({ where: where + part, found, limit }) : undefined
}

const firstOf = <A>(entries: ReadonlyArray<A>, find: (entry: A, at: number) => Found): Found => {
  for (let at = 0; at < entries.length; at++) {
    const found = find(entries[at], at)
    if (found !== undefined) return found
  }
  return undefined
}

const integers = (
  where: string,
  part: string,
  found: ReadonlyArray<number>,
  limit: number = Domain.maximum
): Found => {
  for (let at = 0; at < found.length; at++) {
    const entry = found[at]
    if (!Number.isInteger(entry) || Math.abs(entry) > limit) return integer(where, `${part}[${at}]`, entry, limit)
  }
  return undefined
}

/** That all numbers of a domain are integers; it may be empty. */
export const integersOf = (where: string, domain: Domain.Domain): Found =>
  domain._tag === "Values"
    ? integers(where, ".values", domain.values, Number.MAX_SAFE_INTEGER)
    : integer(where, ".from", domain.from, Number.MAX_SAFE_INTEGER) ??
      integer(where, ".to", domain.to, Number.MAX_SAFE_INTEGER)

export const domain = (where: string, domain: Domain.Domain): Found => {
  if (domain._tag === "Values") {
    if (domain.values.length === 0) return new EmptyDomain({ where })
    if (domain.values.length > mostValues) {
      return new OutOfRange({ where: `${where}.values.length`, found: domain.values.length, limit: mostValues })
    }
    return integers(where, ".values", domain.values)
  }
  return integer(where, ".from", domain.from, Domain.maximum) ??
    integer(where, ".to", domain.to, Domain.maximum) ??
    (domain.from > domain.to ? new EmptyDomain({ where }) : undefined)
}

export const variable = (variables: Variables, where: string, part: string, found: number): Found =>
  Number.isInteger(found) && found >= 0 && found < variables.count
    ? undefined
    : new UnknownVariable({ where: where + part, variable: found, count: variables.count })

const several = (variables: Variables, where: string, part: string, found: ReadonlyArray<number>): Found => {
  for (let at = 0; at < found.length; at++) {
    const entry = found[at]
    if (!(Number.isInteger(entry) && entry >= 0 && entry < variables.count)) {
      return variable(variables, where, `${part}[${at}]`, entry)
    }
  }
  return undefined
}

const sameLength = (where: string, what: string, a: ReadonlyArray<unknown>, b: ReadonlyArray<unknown>): Found =>
  a.length === b.length
    ? undefined
    : new MalformedConstraint({ where, reason: `${a.length} variables, but ${b.length} ${what}` })

/** The largest magnitude that the sum can have is exact. */
export const sum = (
  all: Variables,
  where: string,
  coefficients: ReadonlyArray<number>,
  variables: ReadonlyArray<number>
): Found => {
  const found = sameLength(where, "coefficients", variables, coefficients) ??
    several(all, where, ".variables", variables) ??
    integers(where, ".coefficients", coefficients, Number.MAX_SAFE_INTEGER)
  if (found !== undefined) return found
  let total = 0
  for (let at = 0; at < variables.length; at++) {
    const magnitude = Math.max(Math.abs(all.min(variables[at])), Math.abs(all.max(variables[at])))
    // A coefficient counts even where its variable is zero.
    total += Math.abs(coefficients[at]) * Math.max(1, magnitude)
  }
  return total > largestSum ? new OutOfRange({ where, found: total, limit: largestSum }) : undefined
}

export const constraint = (all: Variables, where: string, found: Constraint): Found => {
  switch (found._tag) {
    case "Compare":
      return variable(all, where, ".left", found.left) ??
        variable(all, where, ".right", found.right) ??
        integer(where, ".offset", found.offset ?? 0, Number.MAX_SAFE_INTEGER / 2)
    case "CompareValue":
      return variable(all, where, ".left", found.left) ??
        integer(where, ".value", found.value, Number.MAX_SAFE_INTEGER / 2)
    case "Member":
      return variable(all, where, ".variable", found.variable) ??
        integers(where, ".values", found.values, Number.MAX_SAFE_INTEGER)
    case "AllDifferent":
      return several(all, where, ".variables", found.variables) ??
        (found.offsets === undefined
          ? undefined
          : sameLength(where, "offsets", found.variables, found.offsets) ?? integers(where, ".offsets", found.offsets))
    case "Linear":
      return sum(all, where, found.coefficients, found.variables) ??
        integer(where, ".constant", found.constant, largestSum)
    case "Table":
      return several(all, where, ".variables", found.variables) ?? firstOf(
        found.rows,
        (row, at) =>
          row.length === found.variables.length
            ? integers(where, `.rows[${at}]`, row, Number.MAX_SAFE_INTEGER)
            : sameLength(`${where}.rows[${at}]`, "values", found.variables, row)
      )
    case "Element":
      return variable(all, where, ".index", found.index) ??
        integers(where, ".values", found.values, Number.MAX_SAFE_INTEGER) ??
        variable(all, where, ".result", found.result)
    case "ElementVariable":
      return variable(all, where, ".index", found.index) ??
        several(all, where, ".variables", found.variables) ??
        variable(all, where, ".result", found.result)
    case "Nogood":
      return several(all, where, ".variables", found.variables) ??
        sameLength(where, "values", found.variables, found.values) ??
        integers(where, ".values", found.values, Number.MAX_SAFE_INTEGER)
    case "And":
    case "Or":
      return firstOf(found.constraints, (part, at) => constraint(all, `${where}.constraints[${at}]`, part))
    case "Not":
      return constraint(all, `${where}.constraint`, found.constraint)
    case "Reified":
      return variable(all, where, ".indicator", found.indicator) ??
        constraint(all, `${where}.constraint`, found.constraint)
  }
}
