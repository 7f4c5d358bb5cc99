/**
 * What FD and Nondet say to a solver: terms and constraints as data.
 *
 * A term stands for a value that is not known yet: an FD variable, a recorded choice, a sum of such. A constraint relates
 * terms and values. Both know their data, are equal if it is, and have a codec; what they mean in a store is said by the
 * instructions that take them.
 *
 * Equality is of any `Val`s. Order is of numbers, of bigints, or of text by its UTF-16 code units; sums are of integers.
 * Pinned by `test/core/FD.test.ts`.
 *
 * @since 0.1.0
 */
import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"
import * as Inspectable from "effect/Inspectable"
import * as Schema from "effect/Schema"
import { opaque } from "./internal/schema.js"
import { equals, format as formatVal, hash, type Val, ValFromJson } from "./Val.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category symbols
 */
export const TermTypeId: unique symbol = Symbol.for("@effect-avm/core/Term")

/**
 * @since 0.1.0
 * @category symbols
 */
export type TermTypeId = typeof TermTypeId

/**
 * A value not known yet: an FD variable, a recorded choice, or an expression over them.
 *
 * @since 0.1.0
 * @category models
 */
export interface Term<out A> extends Equal.Equal {
  readonly [TermTypeId]: (_: never) => A
}

/**
 * @since 0.1.0
 * @category models
 */
export type TermOrValue<A> = Term<A> | A

/**
 * @since 0.1.0
 * @category symbols
 */
export const ConstraintTypeId: unique symbol = Symbol.for("@effect-avm/core/Constraint")

/**
 * @since 0.1.0
 * @category symbols
 */
export type ConstraintTypeId = typeof ConstraintTypeId

/**
 * @since 0.1.0
 * @category models
 */
export interface Constraint extends Equal.Equal {
  readonly [ConstraintTypeId]: ConstraintTypeId
}

/**
 * The data of a term, by which it is known. `Value`: it is known.
 *
 * @since 0.1.0
 * @category models
 */
export type TermData =
  | { readonly _tag: "Variable"; readonly id: string }
  | { readonly _tag: "Choice"; readonly id: string }
  | { readonly _tag: "Value"; readonly value: Val }
  | {
    readonly _tag: "Sum"
    readonly terms: ReadonlyArray<{ readonly factor: number; readonly term: TermData }>
    readonly constant: number
  }

/**
 * The data of a constraint.
 *
 * @since 0.1.0
 * @category models
 */
export type ConstraintData =
  | {
    readonly _tag: "Compare"
    readonly relation: "=" | "!=" | "<=" | "<"
    readonly left: TermData
    readonly right: TermData
  }
  | { readonly _tag: "AllDifferent"; readonly terms: ReadonlyArray<TermData> }
  | {
    readonly _tag: "Table"
    readonly terms: ReadonlyArray<TermData>
    readonly rows: ReadonlyArray<ReadonlyArray<Val>>
  }
  | { readonly _tag: "And"; readonly constraints: ReadonlyArray<ConstraintData> }
  | { readonly _tag: "Or"; readonly constraints: ReadonlyArray<ConstraintData> }
  | { readonly _tag: "Not"; readonly constraint: ConstraintData }

// ---------------------------------------------------------------------------
// guards
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category guards
 */
export const isTerm = (u: unknown): u is Term<Val> => u instanceof TermOf

/**
 * @since 0.1.0
 * @category guards
 */
export const isConstraint = (u: unknown): u is Constraint => u instanceof ConstraintOf

// ---------------------------------------------------------------------------
// accessors
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category accessors
 */
export const termData = (self: TermOrValue<Val>): TermData =>
  // What is no term of ours is a value.
  self instanceof TermOf ? self.data : { _tag: "Value", value: self as Val }

/**
 * @since 0.1.0
 * @category accessors
 */
export const data = (self: Constraint): ConstraintData =>
  // There is no other implementation.
  (self as ConstraintOf).data

// ---------------------------------------------------------------------------
// constraints
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category constraints
 */
export const eq = <A extends Val>(self: Term<A>, that: Term<Val> | NoInfer<A>): Constraint => compare("=", self, that)

/**
 * @since 0.1.0
 * @category constraints
 */
export const neq = <A extends Val>(self: Term<A>, that: Term<Val> | NoInfer<A>): Constraint => compare("!=", self, that)

/**
 * @since 0.1.0
 * @category constraints
 */
export const leq = (self: TermOrValue<number>, that: TermOrValue<number>): Constraint => compare("<=", self, that)

/**
 * @since 0.1.0
 * @category constraints
 */
export const lt = (self: TermOrValue<number>, that: TermOrValue<number>): Constraint => compare("<", self, that)

/**
 * @since 0.1.0
 * @category constraints
 */
export const geq = (self: TermOrValue<number>, that: TermOrValue<number>): Constraint => leq(that, self)

/**
 * @since 0.1.0
 * @category constraints
 */
export const gt = (self: TermOrValue<number>, that: TermOrValue<number>): Constraint => lt(that, self)

/**
 * `self` is before `that`, whatever they are that has an order: numbers, bigints, text.
 *
 * @since 0.1.0
 * @category constraints
 */
export const before = <A extends number | bigint | string>(self: Term<A>, that: TermOrValue<NoInfer<A>>): Constraint =>
  compare("<", self, that)

/**
 * No two of them are equal.
 *
 * @since 0.1.0
 * @category constraints
 */
export const allDifferent = <A extends Val>(terms: Iterable<Term<A>>): Constraint =>
  new ConstraintOf({ _tag: "AllDifferent", terms: dataOf(terms) })

/**
 * The values of the terms are one of the rows.
 *
 * @since 0.1.0
 * @category constraints
 */
export const table = <const A extends ReadonlyArray<Val>>(
  terms: { readonly [I in keyof A]: Term<A[I]> },
  rows: ReadonlyArray<A>
): Constraint => new ConstraintOf({ _tag: "Table", terms: dataOf(terms as ReadonlyArray<Term<Val>>), rows })

/**
 * @since 0.1.0
 * @category constraints
 */
export const and = (...constraints: ReadonlyArray<Constraint>): Constraint =>
  new ConstraintOf({ _tag: "And", constraints: constraints.map(data) })

/**
 * @since 0.1.0
 * @category constraints
 */
export const or = (...constraints: ReadonlyArray<Constraint>): Constraint =>
  new ConstraintOf({ _tag: "Or", constraints: constraints.map(data) })

/**
 * @since 0.1.0
 * @category constraints
 */
export const not = (constraint: Constraint): Constraint =>
  new ConstraintOf({ _tag: "Not", constraint: data(constraint) })

// ---------------------------------------------------------------------------
// terms
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category terms
 */
export const plus = (self: TermOrValue<number>, that: TermOrValue<number>): Term<number> => sum([self, that])

/**
 * @since 0.1.0
 * @category terms
 */
export const times = (factor: number, self: Term<number>): Term<number> => linear([[factor, self]])

/**
 * `self - that`.
 *
 * @since 0.1.0
 * @category terms
 */
export const minus = (self: TermOrValue<number>, that: TermOrValue<number>): Term<number> =>
  linear([[1, self], [-1, that]])

/**
 * @since 0.1.0
 * @category terms
 */
export const sum = (terms: Iterable<TermOrValue<number>>): Term<number> => {
  const sum = new Summing()
  for (const term of terms) sum.add(1, term)
  return sum.term
}

// ---------------------------------------------------------------------------
// formatting
// ---------------------------------------------------------------------------

/**
 * One line for people.
 *
 * @since 0.1.0
 * @category formatting
 */
export const format = (self: Constraint): string => formatData(data(self))

// ---------------------------------------------------------------------------
// schemas
// ---------------------------------------------------------------------------

const TermData: Schema.Schema<TermData, unknown> = opaque(Schema.Union(
  Schema.TaggedStruct("Variable", { id: Schema.String }),
  Schema.TaggedStruct("Choice", { id: Schema.String }),
  Schema.TaggedStruct("Value", { value: ValFromJson }),
  Schema.TaggedStruct("Sum", {
    terms: Schema.Array(Schema.Struct({ factor: Schema.Finite, term: Schema.suspend(() => TermData) })),
    constant: Schema.Finite
  })
))

const ConstraintData: Schema.Schema<ConstraintData, unknown> = opaque(Schema.Union(
  Schema.TaggedStruct("Compare", {
    relation: Schema.Literal("=", "!=", "<=", "<"),
    left: TermData,
    right: TermData
  }),
  Schema.TaggedStruct("AllDifferent", { terms: Schema.Array(TermData) }),
  Schema.TaggedStruct("Table", { terms: Schema.Array(TermData), rows: Schema.Array(Schema.Array(ValFromJson)) }),
  Schema.TaggedStruct("And", { constraints: Schema.Array(Schema.suspend(() => ConstraintData)) }),
  Schema.TaggedStruct("Or", { constraints: Schema.Array(Schema.suspend(() => ConstraintData)) }),
  Schema.TaggedStruct("Not", { constraint: Schema.suspend(() => ConstraintData) })
))

/**
 * The codec of terms.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Term: Schema.Schema<Term<Val>, unknown> = opaque(Schema.transform(
  TermData,
  Schema.declare(isTerm, { identifier: "Term" }),
  { strict: true, decode: (data) => makeTerm(data), encode: (term) => termData(term) }
))

/**
 * The interchange form, JSON with a version: `{ version: 1, constraint }`, where `constraint` is the data with `Val`s as
 * `ValFromJson` has them.
 *
 * ```ts
 * import { Constraint } from "@effect-avm/core"
 * import { Equal, Schema } from "effect"
 * import * as assert from "node:assert/strict"
 *
 * const constraint = Constraint.or(Constraint.leq(3, 4), Constraint.not(Constraint.lt(1, 2)))
 * const json = JSON.stringify(Schema.encodeSync(Constraint.Constraint)(constraint))
 * assert.ok(Equal.equals(Schema.decodeUnknownSync(Constraint.Constraint)(JSON.parse(json)), constraint))
 * ```
 *
 * @since 0.1.0
 * @category schemas
 */
export const Constraint: Schema.Schema<Constraint, unknown> = opaque(Schema.transform(
  Schema.Struct({ version: Schema.Literal(1), constraint: ConstraintData }),
  Schema.declare(isConstraint, { identifier: "Constraint" }),
  {
    strict: true,
    decode: ({ constraint }) => make(constraint),
    encode: (constraint) => ({ version: 1 as const, constraint: data(constraint) })
  }
))

// ---------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------

/**
 * The constraint with this data.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (data: ConstraintData): Constraint => new ConstraintOf(data)

/**
 * The term with this data.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeTerm = (data: TermData): Term<Val> => new TermOf<Val>(data)

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

/**
 * @internal
 */
export class TermOf<out A> extends Inspectable.Class implements Term<A> {
  constructor(readonly data: TermData) {
    super()
  }
  get [TermTypeId](): (_: never) => A {
    // There in types alone.
    return (_) => _
  }
  [Equal.symbol](that: unknown): boolean {
    return that instanceof TermOf && equals(valOf(this.data), valOf(that.data))
  }
  [Hash.symbol](): number {
    return hash(valOf(this.data))
  }
  override toString(): string {
    return formatTerm(this.data)
  }
  toJSON() {
    return { _id: "Term", term: formatTerm(this.data) }
  }
}

class ConstraintOf extends Inspectable.Class implements Constraint {
  constructor(readonly data: ConstraintData) {
    super()
  }
  get [ConstraintTypeId](): ConstraintTypeId {
    return ConstraintTypeId
  }
  [Equal.symbol](that: unknown): boolean {
    return that instanceof ConstraintOf && equals(valOf(this.data), valOf(that.data))
  }
  [Hash.symbol](): number {
    return hash(valOf(this.data))
  }
  override toString(): string {
    return formatData(this.data)
  }
  toJSON() {
    return { _id: "Constraint", constraint: formatData(this.data) }
  }
}

/** The data consists of `Val`s, and has the form of one. */
const valOf = (data: TermData | ConstraintData): Val => data as Val

const compare = (
  relation: "=" | "!=" | "<=" | "<",
  left: TermOrValue<Val>,
  right: TermOrValue<Val>
): Constraint => new ConstraintOf({ _tag: "Compare", relation, left: termData(left), right: termData(right) })

const dataOf = (terms: Iterable<TermOrValue<Val>>): ReadonlyArray<TermData> =>
  // A list gives one of just its length.
  Array.isArray(terms) ? terms.map((term) => termData(term)) : Array.from(terms, (term) => termData(term))

const linear = (parts: ReadonlyArray<readonly [factor: number, term: TermOrValue<number>]>): Term<number> => {
  const sum = new Summing()
  for (const [factor, part] of parts) sum.add(factor, part)
  return sum.term
}

/** A sum in the making, in which what is added is no sum. */
class Summing {
  private readonly terms: Array<{ readonly factor: number; readonly term: TermData }> = []
  private constant = 0

  add(factor: number, part: TermOrValue<number>): void {
    if (typeof part === "number") {
      this.constant += factor * part
      return
    }
    const term = termData(part)
    if (term._tag === "Value" && typeof term.value === "number") this.constant += factor * term.value
    else if (term._tag === "Sum") {
      this.constant += factor * term.constant
      for (const inner of term.terms) this.terms.push({ factor: factor * inner.factor, term: inner.term })
    } else this.terms.push({ factor, term })
  }

  get term(): Term<number> {
    return new TermOf<number>({ _tag: "Sum", terms: this.terms, constant: this.constant })
  }
}

const formatTerm = (data: TermData): string => {
  switch (data._tag) {
    case "Variable":
    case "Choice":
      return data.id
    case "Value":
      return formatVal(data.value)
    case "Sum": {
      const parts = data.terms.map(({ factor, term }) =>
        factor === 1 ? formatTerm(term) : `${factor} ${formatTerm(term)}`
      )
      return [...parts, ...data.constant === 0 && parts.length > 0 ? [] : [String(data.constant)]].join(" + ")
    }
  }
}

const formatData = (data: ConstraintData): string => {
  switch (data._tag) {
    case "Compare":
      return `${formatTerm(data.left)} ${data.relation} ${formatTerm(data.right)}`
    case "AllDifferent":
      return `all different (${data.terms.map(formatTerm).join(", ")})`
    case "Table":
      return `(${data.terms.map(formatTerm).join(", ")}) in ${data.rows.length} rows`
    case "And":
      return `(${data.constraints.map(formatData).join(" and ")})`
    case "Or":
      return `(${data.constraints.map(formatData).join(" or ")})`
    case "Not":
      return `not ${formatData(data.constraint)}`
  }
}
