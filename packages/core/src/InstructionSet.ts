/**
 * The levels of the instruction set, as unions of services, and all instructions as one union of values. A program is an
 * `Effect` whose requirements are within `Safe`.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as C from "./Controller.js"
import * as F from "./FD.js"
import { type Any, argsSchema } from "./Instr.js"
import { type Definition, isInstr } from "./internal/instruction.js"
import { opaque } from "./internal/schema.js"
import * as I from "./Introspect.js"
import * as M from "./Machine.js"
import * as N from "./Nondet.js"
import * as O from "./Obj.js"
import * as P from "./Pure.js"
import * as Rt from "./Reflect.js"
import * as Ry from "./Reify.js"
import * as T from "./Tx.js"
import type { Val } from "./Val.js"

// ---------------------------------------------------------------------------
// levels
// ---------------------------------------------------------------------------

/**
 * What a program may only use where it is granted by name.
 *
 * @since 0.1.0
 * @category levels
 */
export type Unsafe = Rt.UnsafeReflect | Ry.UnsafeReify | P.UnsafePure

/**
 * @since 0.1.0
 * @category levels
 */
export type Instr0 = O.Obj | I.Introspect | Rt.UnsafeReflect | Ry.Reify | Ry.UnsafeReify

/**
 * @since 0.1.0
 * @category levels
 */
export type Instr1 = Instr0 | T.Tx

/**
 * @since 0.1.0
 * @category levels
 */
export type Instr2 = Instr1 | P.Pure | P.UnsafePure

/**
 * @since 0.1.0
 * @category levels
 */
export type Instr3 = Instr2 | M.Machine | C.Controller

/**
 * @since 0.1.0
 * @category levels
 */
export type Instruction = Instr3 | F.FD | N.Nondet

/**
 * @since 0.1.0
 * @category levels
 */
export type Safe = Exclude<Instruction, Unsafe>

// ---------------------------------------------------------------------------
// values
// ---------------------------------------------------------------------------

/**
 * Every instruction there is; `_tag` tells them apart.
 *
 * @since 0.1.0
 * @category models
 */
export type AnyInstr =
  | O.Create
  | O.Destroy
  | O.Call
  | O.Receive
  | O.Send
  | O.SendOnly
  | O.Await
  | O.Forward
  | O.Emit
  | I.Self
  | I.Input
  | I.Sender
  | I.CurrentMachine
  | I.GetState
  | I.SetState
  | Rt.Reflect
  | Rt.ScryMeta
  | Rt.ScryDeep
  | Ry.ReifyContext
  | Ry.ReifyTxState
  | Ry.ReifyConstraints
  | T.Begin
  | T.Commit
  | T.Abort
  | T.Retry
  | T.Enlist<unknown>
  | T.Join
  | P.Call
  | P.Update
  | P.Register
  | M.GetMachine
  | M.Teleport
  | M.MoveObject
  | M.Fetch
  | C.Current
  | C.GetController
  | C.Transfer
  | C.Freeze
  | F.NewVar<Val>
  | F.Narrow
  | F.Post
  | F.Label<Val>
  | N.Choose<Val>
  | N.ChooseTerm<Val>
  | N.Require

/**
 * Those without a function or an STM among their arguments, which can be stored and sent.
 *
 * @since 0.1.0
 * @category models
 */
export type Serializable = Exclude<AnyInstr, Rt.ScryMeta | Rt.ScryDeep | P.Update | P.Register | T.Enlist<unknown>>

// ---------------------------------------------------------------------------
// schemas
// ---------------------------------------------------------------------------

/**
 * The definitions behind all instructions, safe families first.
 *
 * @internal
 */
export const definitions: ReadonlyArray<Definition> = [
  ...O.definitions,
  ...I.definitions,
  ...Ry.definitions,
  ...T.definitions,
  ...P.definitions,
  ...M.definitions,
  ...C.definitions,
  ...F.definitions,
  ...N.definitions,
  ...Rt.definitions,
  ...Ry.unsafeDefinitions,
  ...P.unsafeDefinitions
]

/**
 * The tags of the safe families.
 *
 * @internal
 */
export const families = [O.Obj, I.Introspect, Ry.Reify, T.Tx, P.Pure, M.Machine, C.Controller, F.FD, N.Nondet] as const

/**
 * @internal
 */
export const familiesWithUnsafe = [...families, Rt.UnsafeReflect, Ry.UnsafeReify, P.UnsafePure] as const

/**
 * The codec of `Serializable`: `{ _tag, args }` as JSON.
 *
 * ```ts
 * import { InstructionSet, Obj, ObjectId } from "@effect-avm/core"
 * import { Equal, Schema } from "effect"
 * import * as assert from "node:assert/strict"
 *
 * const instruction = Obj.call(ObjectId.make("o1"), ["hello", 7n])
 * const json = JSON.stringify(Schema.encodeSync(InstructionSet.Serializable)(instruction))
 * const back = Schema.decodeUnknownSync(InstructionSet.Serializable)(JSON.parse(json))
 * assert.ok(Equal.equals(back, instruction))
 * ```
 *
 * @since 0.1.0
 * @category schemas
 */
export const Serializable: Schema.Schema<Serializable, unknown> = opaque(Schema.transformOrFail(
  Schema.Struct({ _tag: Schema.String, args: Schema.Unknown }),
  Schema.declare((u): u is Serializable => isInstr(u) && argsSchema(u)._tag === "Some", { identifier: "Instruction" }),
  {
    strict: false,
    decode: ({ _tag, args }, _options, ast) => {
      const definition = byTag.get(_tag)
      if (definition === undefined || definition.args._tag === "None") {
        return ParseResult.fail(new ParseResult.Type(ast, _tag, `no serialisable instruction is called ${_tag}`))
      }
      return Either.map(
        ParseResult.decodeUnknownEither(definition.args.value)(args),
        // The schema of the arguments is that of this very instruction.
        (decoded) => definition.make(decoded as object)
      )
    },
    encode: (instruction: Any, _options, ast) => {
      const schema = argsSchema(instruction)
      return schema._tag === "None"
        ? ParseResult.fail(
          new ParseResult.Type(ast, instruction, `${instruction._tag} has a function among its arguments`)
        )
        : Either.map(ParseResult.encodeUnknownEither(schema.value)(instruction.args), (args) => ({
          _tag: instruction._tag,
          args
        }))
    }
  }
))

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const byTag: ReadonlyMap<string, Definition> = new Map(definitions.map((definition) => [definition.tag, definition]))
