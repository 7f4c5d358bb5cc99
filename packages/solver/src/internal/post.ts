/**
 * From a constraint to what propagates it.
 *
 * Constraints have been validated. What can be said once and for all (a value, a membership) changes the domain and leaves
 * nothing behind; the rest becomes a propagator, or a condition where it stands inside of a formula. Answers false where
 * it fails at once.
 */
import type { Constraint, Relation, Simple } from "../Constraint.js"
import * as AllDifferent from "./allDifferent.js"
import { BoundsDiffer } from "./allDifferentBounds.js"
import { DifferentInList, DifferentInWord } from "./allDifferentDomain.js"
import * as Comparison from "./comparison.js"
import { type Condition, Holding } from "./condition.js"
import * as Element from "./element.js"
import * as Formula from "./formula.js"
import * as Linear from "./linear.js"
import * as Nogood from "./nogood.js"
import { Assigned, BoundMoved, Changed, type Propagator } from "./propagator.js"
import type { Store } from "./store.js"
import * as Table from "./table.js"

/** Two by two up to so many variables: that many pairs still fit well into a cache. */
const mostPairwise = 64

/** Beyond these a list of values for each variable costs more than it takes away. */
const mostInList = { variables: 1000, values: 16_384 }

/** No difference of two values is larger. */
const widest = 2_000_000_000

export const post = (store: Store, constraint: Constraint): boolean => {
  switch (constraint._tag) {
    case "And":
      return constraint.constraints.every((part) => post(store, part))
    case "Or":
      return constraint.constraints.length === 1
        ? post(store, constraint.constraints[0])
        : hold(store, conditionOf(store, constraint))
    case "Not": {
      const negated = negation(constraint.constraint)
      return negated === undefined ? hold(store, conditionOf(store, constraint)) : post(store, negated)
    }
    case "Reified":
      return hold(store, conditionOf(store, constraint))
    default:
      return postSimple(store, constraint)
  }
}

/** The constraint that holds where this one does not, if there is one that is better than its condition. */
const negation = (constraint: Constraint): Constraint | undefined => {
  switch (constraint._tag) {
    case "Compare":
    case "CompareValue":
    case "Linear":
      return { ...constraint, relation: Comparison.opposite(constraint.relation) }
    case "Not":
      return constraint.constraint
    case "And":
      return { _tag: "Or", constraints: constraint.constraints.map((part) => ({ _tag: "Not", constraint: part })) }
    case "Or":
      return { _tag: "And", constraints: constraint.constraints.map((part) => ({ _tag: "Not", constraint: part })) }
    case "Nogood":
      return {
        _tag: "And",
        constraints: constraint.variables.map((left, at) => ({
          _tag: "CompareValue",
          left,
          relation: "=",
          value: constraint.values[at]
        }))
      }
    default:
      return undefined
  }
}

const enter = (store: Store, propagator: Propagator, scope: ReadonlyArray<number>, event: number): boolean => {
  store.subscribe(propagator, scope, event)
  store.enter(propagator, scope)
  return true
}

/** Without variables there is nothing to wait for; with one, a condition has said all when it has once been made to hold. */
const hold = (store: Store, condition: Condition): boolean => {
  if (condition.scope.length === 0) return condition.enforce(store)
  return enter(store, new Holding(condition), condition.scope, condition.event)
}

const postSimple = (store: Store, constraint: Simple): boolean => {
  switch (constraint._tag) {
    case "Compare": {
      const { left, offset = 0, relation, right } = constraint
      return postCompare(store, store.address(left), relation, store.address(right), offset)
    }
    case "AllDifferent":
      return postAllDifferent(store, constraint)
    case "Linear": {
      const { constant, kind, sum } = sumOf(store, constraint)
      const difference = differenceOf(sum)
      if (difference === undefined) {
        const condition = Linear.condition(sum, kind, constant)
        return sum.addresses.length === 1 ? condition.enforce(store) : hold(store, condition)
      }
      const [x, y] = difference
      return postCompare(store, x, kind, y, constant)
    }
    case "Table": {
      const { addresses, rows } = tableOf(store, constraint)
      if (rows.length === 0) return false
      if (addresses.length === 0) return true
      const table = new Table.TableHolds(store, addresses, rows)
      return table.begin(store) && enter(store, table, addresses, Changed)
    }
    case "Nogood": {
      const { addresses, values } = literalsOf(store, constraint)
      if (addresses === undefined) return true
      return addresses.length > 0 && enter(store, new Nogood.Avoids(addresses, values), addresses, Assigned)
    }
    case "CompareValue":
    case "Member":
      return conditionOf(store, constraint).enforce(store)
    default:
      return hold(store, conditionOf(store, constraint))
  }
}

const postCompare = (store: Store, x: number, relation: Relation, y: number, offset: number): boolean => {
  if (x === y) return Comparison.holdsOfItself(relation, offset)
  if (relation !== "!=") return hold(store, Comparison.between(x, relation, y, offset))
  return Math.abs(offset) > widest || store.addUnequal(x, y, offset)
}

const postAllDifferent = (store: Store, constraint: Extract<Simple, { _tag: "AllDifferent" }>): boolean => {
  const { offsets, variables } = constraint
  const isSmall = variables.length <= mostPairwise
  let isDistinct = isSmall || new Set(variables).size === variables.length
  const isPairwise = isSmall || !isDistinct
  if (isPairwise) {
    for (let i = 0; i < variables.length; i++) {
      for (let j = i + 1; j < variables.length; j++) {
        if (variables[i] === variables[j]) isDistinct = false
        const offset = offsets === undefined ? 0 : offsets[j] - offsets[i]
        if (!store.addUnequal(store.address(variables[i]), store.address(variables[j]), offset)) return false
      }
    }
    if (variables.length <= 2 || !isDistinct) return true
  }
  const different = differentOf(store, constraint)
  const { addresses } = different
  if (!isPairwise) enter(store, new AllDifferent.ValuesDiffer(store, different), addresses, Assigned)

  const [low, high] = AllDifferent.window(store, different)
  const values = high - low + 1
  if (values < addresses.length) return false
  const fits = addresses.length <= mostInList.variables && values <= mostInList.values
  const consistency = constraint.consistency ?? (values <= AllDifferent.wordWidth ? "domain" : "bounds")
  if (consistency === "value") return true
  if (consistency === "bounds" || !fits) return enter(store, new BoundsDiffer(different), addresses, BoundMoved)
  const propagator = values <= AllDifferent.wordWidth
    ? new DifferentInWord(store, different)
    : new DifferentInList(store, different)
  return enter(store, propagator, addresses, Changed)
}

// ---------------------------------------------------------------------------
// conditions
// ---------------------------------------------------------------------------

export const conditionOf = (store: Store, constraint: Constraint): Condition => {
  switch (constraint._tag) {
    case "And":
      return Formula.and(constraint.constraints.map((part) => conditionOf(store, part)))
    case "Or":
      return Formula.or(constraint.constraints.map((part) => conditionOf(store, part)))
    case "Not":
      return Formula.not(conditionOf(store, constraint.constraint))
    case "Reified":
      return Formula.equivalent(
        Comparison.withValue(store.address(constraint.indicator), "=", 1),
        conditionOf(store, constraint.constraint)
      )
    case "Compare": {
      const { left, offset = 0, relation, right } = constraint
      return conditionOfCompare(store.address(left), relation, store.address(right), offset)
    }
    case "CompareValue":
      return Comparison.withValue(store.address(constraint.left), constraint.relation, constraint.value)
    case "Member":
      return Comparison.member(store.address(constraint.variable), ascending(constraint.values))
    case "AllDifferent": {
      const different = differentOf(store, constraint)
      const { addresses, offsets } = different
      if (new Set(addresses).size === addresses.length) return AllDifferent.condition(different)
      const pairs = addresses.flatMap((x, i) =>
        addresses.slice(i + 1).map((y, j) => conditionOfCompare(x, "!=", y, offsets[i + 1 + j] - offsets[i]))
      )
      return Formula.and(pairs)
    }
    case "Linear": {
      const { constant, kind, sum } = sumOf(store, constraint)
      const difference = differenceOf(sum)
      return difference === undefined
        ? Linear.condition(sum, kind, constant)
        : conditionOfCompare(difference[0], kind, difference[1], constant)
    }
    case "Table": {
      const { addresses, rows } = tableOf(store, constraint)
      return rows.length === 0 ? Formula.constant(false) : Table.condition(addresses, rows)
    }
    case "Element":
      return constraint.values.length === 0
        ? Formula.constant(false)
        : Element.ofValues(store.address(constraint.index), constraint.values, store.address(constraint.result))
    case "ElementVariable":
      return constraint.variables.length === 0
        ? Formula.constant(false)
        : Element.ofVariables(
          store.address(constraint.index),
          addressesOf(store, constraint.variables),
          store.address(constraint.result)
        )
    case "Nogood": {
      const { addresses, values } = literalsOf(store, constraint)
      return addresses === undefined ? Formula.constant(true) : Nogood.condition(addresses, values)
    }
  }
}

const conditionOfCompare = (x: number, relation: Relation, y: number, offset: number): Condition =>
  x === y
    ? Formula.constant(Comparison.holdsOfItself(relation, offset))
    : Comparison.between(x, relation, y, offset)

// ---------------------------------------------------------------------------
// parts
// ---------------------------------------------------------------------------

const addressesOf = (store: Store, variables: ReadonlyArray<number>): ReadonlyArray<number> =>
  variables.map((variable) => store.address(variable))

const ascending = (values: ReadonlyArray<number>): ReadonlyArray<number> => [...new Set(values)].sort((a, b) => a - b)

const differentOf = (
  store: Store,
  { offsets, variables }: Extract<Simple, { _tag: "AllDifferent" }>
): AllDifferent.Different => ({
  addresses: addressesOf(store, variables),
  offsets: offsets ?? variables.map(() => 0)
})

/** Each variable once, no zeros, and one of three relations. */
const sumOf = (store: Store, { coefficients, constant, relation, variables }: Extract<Simple, { _tag: "Linear" }>) => {
  const merged = mergedSum(store, coefficients, variables)
  const reverse = { ...merged, coefficients: merged.coefficients.map((coefficient) => -coefficient) }
  const made = (sum: Linear.Sum, kind: Linear.Kind, constant: number) => ({ sum, kind, constant })
  switch (relation) {
    case "=":
    case "!=":
    case "<=":
      return made(merged, relation, constant)
    case "<":
      return made(merged, "<=", constant - 1)
    case ">=":
      return made(reverse, "<=", -constant)
    case ">":
      return made(reverse, "<=", -constant - 1)
  }
}

export const mergedSum = (
  store: Store,
  coefficients: ReadonlyArray<number>,
  variables: ReadonlyArray<number>
): Linear.Sum => {
  const merged = new Map<number, number>()
  for (const [at, variable] of variables.entries()) {
    const a = store.address(variable)
    merged.set(a, (merged.get(a) ?? 0) + coefficients[at])
  }
  const kept = [...merged].filter(([, coefficient]) => coefficient !== 0)
  return { coefficients: kept.map(([, coefficient]) => coefficient), addresses: kept.map(([a]) => a) }
}

/** The two variables of `x - y`. */
const differenceOf = ({ addresses, coefficients }: Linear.Sum): readonly [x: number, y: number] | undefined => {
  if (addresses.length !== 2) return undefined
  if (coefficients[0] === 1 && coefficients[1] === -1) return [addresses[0], addresses[1]]
  return coefficients[0] === -1 && coefficients[1] === 1 ? [addresses[1], addresses[0]] : undefined
}

/** The rows that the domains allow; a variable that has two columns has the same value in both. */
const tableOf = (store: Store, { rows, variables }: Extract<Simple, { _tag: "Table" }>) => {
  const addresses = addressesOf(store, variables)
  const firsts = addresses.map((a) => addresses.indexOf(a))
  return {
    addresses,
    rows: rows.filter((row) => row.every((value, at) => value === row[firsts[at]] && store.has(addresses[at], value)))
  }
}

/** Each variable once; no addresses where one would need two values, so that never all of it holds. */
const literalsOf = (store: Store, { values, variables }: Extract<Simple, { _tag: "Nogood" }>) => {
  const literals = new Map<number, number>()
  for (const [at, variable] of variables.entries()) {
    const a = store.address(variable)
    if (literals.has(a) && literals.get(a) !== values[at]) return { addresses: undefined, values: [] }
    literals.set(a, values[at])
  }
  return { addresses: [...literals.keys()], values: [...literals.values()] }
}
