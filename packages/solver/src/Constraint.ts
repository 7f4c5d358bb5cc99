/**
 * Constraints as plain data, over variables that are numbers.
 *
 * A variable is known by its number: the place in `Problem.variables`, or what `Engine.newVariable` answered. Constraints
 * are JSON already; the schema is their codec. `test/solver/Constraint.test.ts` pins what each one means, against
 * `Check.holds`.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category models
 */
export const Relation = Schema.Literal("=", "!=", "<=", "<", ">=", ">")

/**
 * @since 0.1.0
 * @category models
 */
export type Relation = typeof Relation.Type

const Variable = Schema.Number.annotations({ description: "the number of a variable" })
const Numbers = Schema.Array(Schema.Number)

/**
 * `left relation right + offset`.
 *
 * @since 0.1.0
 * @category models
 */
export const Compare = Schema.TaggedStruct("Compare", {
  left: Variable,
  relation: Relation,
  right: Variable,
  offset: Schema.optionalWith(Schema.Number, { exact: true })
})

/**
 * `left relation value`.
 *
 * @since 0.1.0
 * @category models
 */
export const CompareValue = Schema.TaggedStruct("CompareValue", {
  left: Variable,
  relation: Relation,
  value: Schema.Number
})

/**
 * The variable has one of the values.
 *
 * @since 0.1.0
 * @category models
 */
export const Member = Schema.TaggedStruct("Member", { variable: Variable, values: Numbers })

/**
 * How much an `AllDifferent` sees. `value`: a value that a variable has, no other has. `bounds`: so many variables within an
 * interval as it has values keep the others out of it. `domain`: no value is left that is in no assignment.
 *
 * @since 0.1.0
 * @category models
 */
export const Consistency = Schema.Literal("value", "bounds", "domain")

/**
 * @since 0.1.0
 * @category models
 */
export type Consistency = typeof Consistency.Type

/**
 * No two of `variables[i] + offsets[i]` are equal. Without offsets these are zero; without a consistency it is `domain`
 * where that is cheap (at most 32 values), else `bounds`.
 *
 * @since 0.1.0
 * @category models
 */
export const AllDifferent = Schema.TaggedStruct("AllDifferent", {
  variables: Numbers,
  offsets: Schema.optionalWith(Numbers, { exact: true }),
  consistency: Schema.optionalWith(Consistency, { exact: true })
})

/**
 * The sum of `coefficients[i] * variables[i]` stands in the relation to the constant.
 *
 * @since 0.1.0
 * @category models
 */
export const Linear = Schema.TaggedStruct("Linear", {
  coefficients: Numbers,
  variables: Numbers,
  relation: Relation,
  constant: Schema.Number
})

/**
 * The values of the variables are one of the rows.
 *
 * @since 0.1.0
 * @category models
 */
export const Table = Schema.TaggedStruct("Table", { variables: Numbers, rows: Schema.Array(Numbers) })

/**
 * `values[index]` is the value of `result`. The first value has the index 0; an index outside of them does not hold.
 *
 * @since 0.1.0
 * @category models
 */
export const Element = Schema.TaggedStruct("Element", { index: Variable, values: Numbers, result: Variable })

/**
 * `variables[index]` and `result` are equal.
 *
 * @since 0.1.0
 * @category models
 */
export const ElementVariable = Schema.TaggedStruct("ElementVariable", {
  index: Variable,
  variables: Numbers,
  result: Variable
})

/**
 * Not all of `variables[i] = values[i]` hold. What a failed attempt has taught.
 *
 * @since 0.1.0
 * @category models
 */
export const Nogood = Schema.TaggedStruct("Nogood", { variables: Numbers, values: Numbers })

/**
 * Constraints without parts.
 *
 * @since 0.1.0
 * @category models
 */
export type Simple =
  | typeof Compare.Type
  | typeof CompareValue.Type
  | typeof Member.Type
  | typeof AllDifferent.Type
  | typeof Linear.Type
  | typeof Table.Type
  | typeof Element.Type
  | typeof ElementVariable.Type
  | typeof Nogood.Type

/**
 * @since 0.1.0
 * @category models
 */
export interface And {
  readonly _tag: "And"
  readonly constraints: ReadonlyArray<Constraint>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Or {
  readonly _tag: "Or"
  readonly constraints: ReadonlyArray<Constraint>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Not {
  readonly _tag: "Not"
  readonly constraint: Constraint
}

/**
 * `indicator = 1` if and only if the constraint holds.
 *
 * @since 0.1.0
 * @category models
 */
export interface Reified {
  readonly _tag: "Reified"
  readonly indicator: number
  readonly constraint: Constraint
}

/**
 * @since 0.1.0
 * @category models
 */
export type Constraint = Simple | And | Or | Not | Reified

/**
 * @since 0.1.0
 * @category models
 */
export const Constraint: Schema.Schema<Constraint> = Schema.Union(
  Compare,
  CompareValue,
  Member,
  AllDifferent,
  Linear,
  Table,
  Element,
  ElementVariable,
  Nogood,
  Schema.TaggedStruct("And", { constraints: Schema.Array(Schema.suspend(() => Constraint)) }),
  Schema.TaggedStruct("Or", { constraints: Schema.Array(Schema.suspend(() => Constraint)) }),
  Schema.TaggedStruct("Not", { constraint: Schema.suspend(() => Constraint) }),
  Schema.TaggedStruct("Reified", { indicator: Variable, constraint: Schema.suspend(() => Constraint) })
).annotations({ identifier: "Constraint" })

// ---------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------

/**
 * `left relation right + offset`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const compare = (left: number, relation: Relation, right: number, offset = 0): Constraint =>
  offset === 0
    ? { _tag: "Compare", left, relation, right }
    : { _tag: "Compare", left, relation, right, offset }

/**
 * `left relation value`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const compareValue = (left: number, relation: Relation, value: number): Constraint => ({
  _tag: "CompareValue",
  left,
  relation,
  value
})

/**
 * The variable has one of the values.
 *
 * @since 0.1.0
 * @category constructors
 */
export const member = (variable: number, values: ReadonlyArray<number>): Constraint => ({
  _tag: "Member",
  variable,
  values
})

/**
 * No two of the variables, with their offsets, are equal.
 *
 * @since 0.1.0
 * @category constructors
 */
export const allDifferent = (
  variables: ReadonlyArray<number>,
  options: { readonly offsets?: ReadonlyArray<number>; readonly consistency?: Consistency } = {}
): Constraint => ({ _tag: "AllDifferent", variables, ...options })

/**
 * The sum of `coefficients[i] * variables[i]` stands in the relation to the constant.
 *
 * @since 0.1.0
 * @category constructors
 */
export const linear = (
  coefficients: ReadonlyArray<number>,
  variables: ReadonlyArray<number>,
  relation: Relation,
  constant: number
): Constraint => ({ _tag: "Linear", coefficients, variables, relation, constant })

/**
 * The sum of the variables stands in the relation to the constant.
 *
 * @since 0.1.0
 * @category constructors
 */
export const sum = (variables: ReadonlyArray<number>, relation: Relation, constant: number): Constraint =>
  linear(variables.map(() => 1), variables, relation, constant)

/**
 * The values of the variables are one of the rows.
 *
 * @since 0.1.0
 * @category constructors
 */
export const table = (variables: ReadonlyArray<number>, rows: ReadonlyArray<ReadonlyArray<number>>): Constraint => ({
  _tag: "Table",
  variables,
  rows
})

/**
 * `values[index]` is the value of `result`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const element = (index: number, values: ReadonlyArray<number>, result: number): Constraint => ({
  _tag: "Element",
  index,
  values,
  result
})

/**
 * `variables[index]` and `result` are equal.
 *
 * @since 0.1.0
 * @category constructors
 */
export const elementVariable = (index: number, variables: ReadonlyArray<number>, result: number): Constraint => ({
  _tag: "ElementVariable",
  index,
  variables,
  result
})

/**
 * Not all of the variables have these values.
 *
 * @since 0.1.0
 * @category constructors
 */
export const nogood = (variables: ReadonlyArray<number>, values: ReadonlyArray<number>): Constraint => ({
  _tag: "Nogood",
  variables,
  values
})

/**
 * @since 0.1.0
 * @category constructors
 */
export const and = (...constraints: ReadonlyArray<Constraint>): Constraint => ({ _tag: "And", constraints })

/**
 * @since 0.1.0
 * @category constructors
 */
export const or = (...constraints: ReadonlyArray<Constraint>): Constraint => ({ _tag: "Or", constraints })

/**
 * @since 0.1.0
 * @category constructors
 */
export const not = (constraint: Constraint): Constraint => ({ _tag: "Not", constraint })

/**
 * The second holds wherever the first does.
 *
 * @since 0.1.0
 * @category constructors
 */
export const implies = (condition: Constraint, consequence: Constraint): Constraint => or(not(condition), consequence)

/**
 * `indicator = 1` if and only if the constraint holds.
 *
 * @since 0.1.0
 * @category constructors
 */
export const reified = (indicator: number, constraint: Constraint): Constraint => ({
  _tag: "Reified",
  indicator,
  constraint
})
