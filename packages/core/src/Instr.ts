/**
 * An instruction is a value: an `Effect` that knows its name and its arguments, so that it can be run, printed, recorded,
 * replayed or shipped without a second representation of programs.
 *
 * What it means is said by the family service in its requirements. Two instructions are equal if their names and
 * arguments are. Pinned by `test/core/Instr.test.ts`.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import * as internal from "./internal/instruction.js"

/**
 * `R` is the family that gives the instruction its meaning, plus the place where it is allowed, if it is not allowed
 * everywhere (`Tx.InTx`, `Tx.OutsideTx`).
 *
 * @since 0.1.0
 * @category models
 */
export interface Instr<out Tag extends string, out Args, out A, out E, out R> extends Effect.Effect<A, E, R> {
  /** Family and name: `"Obj.call"`. */
  readonly _tag: Tag
  readonly args: Args
}

/**
 * @since 0.1.0
 * @category models
 */
export type Any = Instr<string, unknown, unknown, unknown, unknown>

/**
 * @since 0.1.0
 * @category guards
 */
export const isInstr: (u: unknown) => u is Any = internal.isInstr

/**
 * One line for people. Arguments that are no data (a predicate, a function) show as `<function>`.
 *
 * ```ts
 * import { Instr, Obj, ObjectId } from "@effect-avm/core"
 * import * as assert from "node:assert/strict"
 *
 * assert.equal(Instr.format(Obj.call(ObjectId.make("o-17"), { amount: 3 })), `Obj.call(o-17, {"amount":3})`)
 * ```
 *
 * @since 0.1.0
 * @category conversions
 */
export const format: (self: Any) => string = internal.format

/**
 * The codec of the arguments, to JSON; none where one of them is a function.
 *
 * @since 0.1.0
 * @category schemas
 */
export const argsSchema: (self: Any) => Option.Option<Schema.Schema<unknown, unknown>> = internal.argsSchema

/**
 * The codec of the answer, to JSON, for records and for other machines; none where an argument is a function.
 *
 * @since 0.1.0
 * @category schemas
 */
export const answerSchema: (self: Any) => Option.Option<Schema.Schema<unknown, unknown>> = internal.answerSchema
