/**
 * Whether what is required holds, for the values at hand.
 */
import type { ConstraintData, TermData } from "../Constraint.js"
import { equals, format, type Val } from "../Val.js"
import type { Choices } from "./choices.js"
import { order } from "./interning.js"
import { refuse } from "./lowering.js"

/** The value of a variable or a choice; undefined where it has none yet. */
type ValueOf = (id: string) => Val | undefined

/** The requirements of this run that do not hold, of those that mention no variables. */
export const violated = (choices: Choices): ReadonlyArray<string> =>
  choices.required
    .filter(({ condition, open }) =>
      typeof condition === "boolean" ? !condition : !open && !holds(condition, (id) => choices.valueOf(id))
    )
    .map(({ name }) => name)

/** All values are known. */
const holds = (data: ConstraintData, valueOf: ValueOf): boolean => {
  switch (data._tag) {
    case "Compare": {
      const left = valueIn(data.left, valueOf)
      const right = valueIn(data.right, valueOf)
      switch (data.relation) {
        case "=":
          return equals(left, right)
        case "!=":
          return !equals(left, right)
        case "<=":
          return ordered(left, right) <= 0
        case "<":
          return ordered(left, right) < 0
      }
    }
    // eslint-disable-next-line no-fallthrough
    case "AllDifferent": {
      const values = data.terms.map((term) => valueIn(term, valueOf))
      return values.every((value, at) => !values.slice(0, at).some((other) => equals(other, value)))
    }
    case "Table": {
      const values = data.terms.map((term) => valueIn(term, valueOf))
      return data.rows.some((row) => row.every((value, at) => equals(value, values[at])))
    }
    case "And":
      return data.constraints.every((part) => holds(part, valueOf))
    case "Or":
      return data.constraints.some((part) => holds(part, valueOf))
    case "Not":
      return !holds(data.constraint, valueOf)
  }
}

const ordered = (self: Val, that: Val): number =>
  order(self, that) ?? refuse(`${format(self)} and ${format(that)} have no order`)

const valueIn = (data: TermData, valueOf: ValueOf): Val => {
  switch (data._tag) {
    case "Value":
      return data.value
    case "Sum":
      return data.terms.reduce((sum, { factor, term }) => sum + factor * Number(valueIn(term, valueOf)), data.constant)
    case "Variable":
    case "Choice":
      return valueOf(data.id) ?? refuse(`${data.id} has no value`)
  }
}

/** The same constraint with the values of what is known. */
export const substituted = (data: ConstraintData, valueOf: ValueOf): ConstraintData => {
  const term = (data: TermData): TermData => {
    if (data._tag === "Value") return data
    if (data._tag === "Sum") {
      return { ...data, terms: data.terms.map((part) => ({ factor: part.factor, term: term(part.term) })) }
    }
    const value = valueOf(data.id)
    return value === undefined ? data : { _tag: "Value", value }
  }
  switch (data._tag) {
    case "Compare":
      return { ...data, left: term(data.left), right: term(data.right) }
    case "AllDifferent":
    case "Table":
      return { ...data, terms: data.terms.map(term) }
    case "And":
    case "Or":
      return { ...data, constraints: data.constraints.map((part) => substituted(part, valueOf)) }
    case "Not":
      return { ...data, constraint: substituted(data.constraint, valueOf) }
  }
}

/** The id of a variable, or of a choice, that it mentions; of several, the first one. */
export const mentioned = (data: ConstraintData, kind: "Variable" | "Choice"): string | undefined => {
  const first = <A>(parts: ReadonlyArray<A>, find: (part: A) => string | undefined): string | undefined => {
    for (const part of parts) {
      const id = find(part)
      if (id !== undefined) return id
    }
    return undefined
  }
  const inTerm = (data: TermData): string | undefined =>
    data._tag === kind ? data.id : data._tag === "Sum" ? first(data.terms, ({ term }) => inTerm(term)) : undefined
  switch (data._tag) {
    case "Compare":
      return inTerm(data.left) ?? inTerm(data.right)
    case "AllDifferent":
    case "Table":
      return first(data.terms, inTerm)
    case "And":
    case "Or":
      return first(data.constraints, (part) => mentioned(part, kind))
    case "Not":
      return mentioned(data.constraint, kind)
  }
}
