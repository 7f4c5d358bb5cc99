/**
 * Domains and variables as the FD family has them, with their codecs.
 */
import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"
import * as Schema from "effect/Schema"
import { TermOf } from "../Constraint.js"
import type * as FD from "../FD.js"
import { equals, hash, type Val, ValFromJson } from "../Val.js"
import { opaque } from "./schema.js"
import type { Values } from "./space.js"

/** The variable of this name. */
export class VarOf<out A> extends TermOf<A> implements FD.Var<A> {
  constructor(readonly id: string) {
    super({ _tag: "Variable", id })
  }
}

export class DomainOf<out A extends Val> implements FD.Domain<A> {
  constructor(readonly data: Values) {}
  get size(): number {
    const { data } = this
    return data._tag === "Range" ? Math.max(0, data.to - data.from + 1) : data.values.length
  }
  *[Symbol.iterator](): Iterator<A> {
    const { data } = this
    // A range is made for numbers alone.
    if (data._tag === "Range") { for (let value = data.from; value <= data.to; value++) yield value as Val as A }
    else yield* data.values as ReadonlyArray<A>
  }
  [Equal.symbol](that: unknown): boolean {
    return that instanceof DomainOf && equals(valOf(this.data), valOf(that.data))
  }
  [Hash.symbol](): number {
    return hash(valOf(this.data))
  }
  toString(): string {
    const { data } = this
    return data._tag === "Range" ? `${data.from}..${data.to}` : `${data.values.length} values`
  }
}

/** The data consists of `Val`s, and has the form of one. */
const valOf = (data: Values): Val => data as Val

export const Domain: Schema.Schema<FD.Domain<Val>, unknown> = opaque(Schema.transform(
  Schema.Union(
    Schema.TaggedStruct("Range", { from: Schema.Number, to: Schema.Number }),
    Schema.TaggedStruct("Values", { values: Schema.Array(ValFromJson) })
  ),
  Schema.declare((u): u is DomainOf<Val> => u instanceof DomainOf, { identifier: "Domain" }),
  { strict: true, decode: (data) => new DomainOf<Val>(data), encode: ({ data }) => data }
))

export const Var: Schema.Schema<VarOf<Val>, unknown> = opaque(Schema.transform(
  Schema.String,
  Schema.declare((u): u is VarOf<Val> => u instanceof VarOf, { identifier: "Var" }),
  { strict: true, decode: (id) => new VarOf<Val>(id), encode: ({ id }) => id }
))
