/**
 * The name of an object, and the object reference among the `Val`s.
 *
 * A value of its own kind rather than a branded string (A28): a reference inside a message must be told from text at run
 * time. Two ids are equal if their texts are. Pinned by `test/core/Val.test.ts`.
 *
 * @since 0.1.0
 */
import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"
import * as Inspectable from "effect/Inspectable"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category symbols
 */
export const ObjectIdTypeId: unique symbol = Symbol.for("@effect-avm/core/ObjectId")

/**
 * @since 0.1.0
 * @category symbols
 */
export type ObjectIdTypeId = typeof ObjectIdTypeId

/**
 * @since 0.1.0
 * @category models
 */
export interface ObjectId extends Equal.Equal {
  readonly [ObjectIdTypeId]: ObjectIdTypeId
  /** The textual form, as stores and traces show it. */
  readonly value: string
}

// ---------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------

/**
 * Names an object; it need not exist.
 *
 * ```ts
 * import { ObjectId } from "@effect-avm/core"
 * import { Equal } from "effect"
 * import * as assert from "node:assert/strict"
 *
 * assert.ok(Equal.equals(ObjectId.make("o1"), ObjectId.make("o1")))
 * assert.ok(!ObjectId.isObjectId("o1"))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (value: string): ObjectId => new ObjectIdImpl(value)

/**
 * @since 0.1.0
 * @category guards
 */
export const isObjectId = (u: unknown): u is ObjectId => Predicate.hasProperty(u, ObjectIdTypeId)

/**
 * Marks the schemas that encode references as text, see `ObjectId`.
 *
 * @internal
 */
export const ReferenceAnnotationId: unique symbol = Symbol.for("@effect-avm/core/ObjectId/Reference")

// ---------------------------------------------------------------------------
// schemas
// ---------------------------------------------------------------------------

/**
 * The id itself, unencoded: where a `Val` is wanted.
 *
 * @since 0.1.0
 * @category schemas
 */
export const ObjectIdFromSelf: Schema.Schema<ObjectId> = Schema.declare(isObjectId, {
  identifier: "ObjectIdFromSelf",
  description: "an object id"
})

/**
 * The id as text, for JSON. In the payloads and states of typed behaviours it stays a reference all the same.
 *
 * @since 0.1.0
 * @category schemas
 */
export const ObjectId: Schema.Schema<ObjectId, string> = Schema.transform(Schema.String, ObjectIdFromSelf, {
  strict: true,
  decode: (value) => make(value),
  encode: (id) => id.value
}).annotations({ identifier: "ObjectId", [ReferenceAnnotationId]: true })

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

class ObjectIdImpl implements ObjectId {
  readonly value: string
  constructor(value: string) {
    this.value = value
  }
  get [ObjectIdTypeId](): ObjectIdTypeId {
    return ObjectIdTypeId
  }
  [Equal.symbol](that: unknown): boolean {
    return isObjectId(that) && that.value === this.value
  }
  [Hash.symbol](): number {
    return Hash.string(this.value)
  }
  toString(): string {
    return this.value
  }
  toJSON(): unknown {
    return { _id: "ObjectId", value: this.value }
  }
  [Inspectable.NodeInspectSymbol](): string {
    return `ObjectId(${this.value})`
  }
}
