/**
 * The Reflect family: looking at other objects without asking them. All of it is unsafe.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { ScryPredicateFailed, StoreError } from "./AvmError.js"
import type { Instr } from "./Instr.js"
import { define, erase } from "./internal/instruction.js"
import { ObjectId } from "./ObjectId.js"
import { ObjectMeta } from "./ObjectMeta.js"

/**
 * @since 0.1.0
 * @category errors
 */
export type ScryError = ScryPredicateFailed | StoreError

/**
 * @since 0.1.0
 * @category models
 */
export type MetaPredicate = (metadata: ObjectMeta) => boolean

/**
 * @since 0.1.0
 * @category models
 */
export type DeepPredicate = (behaviour: string, metadata: ObjectMeta) => boolean

/**
 * @since 0.1.0
 * @category services
 */
export interface Service {
  readonly reflect: (id: ObjectId) => Effect.Effect<Option.Option<ObjectMeta>, StoreError>
  readonly scryMeta: (
    predicate: MetaPredicate
  ) => Effect.Effect<ReadonlyArray<readonly [id: ObjectId, metadata: ObjectMeta]>, ScryError>
  readonly scryDeep: (
    predicate: DeepPredicate
  ) => Effect.Effect<ReadonlyArray<readonly [id: ObjectId, behaviour: string, metadata: ObjectMeta]>, ScryError>
}

/**
 * **Unsafe**: a program that needs it runs only where it is granted (`Avm.layerUnsafe`).
 *
 * @since 0.1.0
 * @category services
 */
export class UnsafeReflect extends Context.Tag("@effect-avm/core/UnsafeReflect")<UnsafeReflect, Service>() {}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface Reflect
  extends Instr<"Reflect.reflect", { readonly id: ObjectId }, Option.Option<ObjectMeta>, StoreError, UnsafeReflect>
{}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface ScryMeta extends
  Instr<
    "Reflect.scryMeta",
    { readonly predicate: MetaPredicate },
    ReadonlyArray<readonly [id: ObjectId, metadata: ObjectMeta]>,
    ScryError,
    UnsafeReflect
  >
{}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface ScryDeep extends
  Instr<
    "Reflect.scryDeep",
    { readonly predicate: DeepPredicate },
    ReadonlyArray<readonly [id: ObjectId, behaviour: string, metadata: ObjectMeta]>,
    ScryError,
    UnsafeReflect
  >
{}

/**
 * @since 0.1.0
 * @category instructions
 */
export const reflect = (id: ObjectId): Reflect => make.reflect({ id })
/**
 * Every object whose metadata satisfies the predicate, in order of creation.
 *
 * @since 0.1.0
 * @category instructions
 */
export const scryMeta = (predicate: MetaPredicate): ScryMeta => make.scryMeta({ predicate })

/**
 * @since 0.1.0
 * @category instructions
 */
export const scryDeep = (predicate: DeepPredicate): ScryDeep => make.scryDeep({ predicate })

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const family = erase(UnsafeReflect)

const make = {
  reflect: define<Reflect>("Reflect.reflect", {
    family,
    params: ["id"],
    args: Schema.Struct({ id: ObjectId }),
    answer: Schema.Option(ObjectMeta)
  }),
  scryMeta: define<ScryMeta>("Reflect.scryMeta", {
    family,
    params: ["predicate"],
    answer: Schema.Array(Schema.Tuple(ObjectId, ObjectMeta))
  }),
  scryDeep: define<ScryDeep>("Reflect.scryDeep", {
    family,
    params: ["predicate"],
    answer: Schema.Array(Schema.Tuple(ObjectId, Schema.String, ObjectMeta))
  })
}

/**
 * @internal
 */
export const definitions = Object.values(make).map((_) => _.definition)
