/**
 * The one data type of messages, state, arguments and results: data with structural equality, which every store,
 * network and trace can hold.
 *
 * Invariants, pinned by `test/core/Val.test.ts`:
 *
 * - `fromUnknown` takes exactly the Vals, runs no code of what it looks at, and names the first culprit;
 * - `equals` is an equivalence; equal Vals have equal hashes, the same JSON text and the same bytes;
 * - every `Val` survives `Json`, `ValFromJson` and `Binary`, up to `equals`;
 * - neither deep nor cyclic data overflows the stack.
 *
 * Hazards. A `Val` is immutable by contract: data is neither copied nor frozen, so mutating it after handing it over is
 * not detected, and every holder sees it. A part that occurs twice is a value twice, whether it is one object or two:
 * data that shares parts many times over is small in memory and large when encoded.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Hash from "effect/Hash"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import type * as AST from "effect/SchemaAST"
import * as binary from "./internal/valBinary.js"
import { firstCulprit } from "./internal/valCheck.js"
import * as json from "./internal/valJson.js"
import { formatPath, isBytes, isDictionary, isList, type Leaf, Malformed, type Path } from "./internal/valWalk.js"
import { isObjectId, type ObjectId } from "./ObjectId.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * Immutable data with structural equality.
 *
 * Numbers are finite, and -0 is 0. Strings are sequences of UTF-16 code units, lone surrogates among them. Lists have
 * no holes and no properties besides their elements; records are plain objects (or have no prototype) whose properties
 * are enumerable, have strings as keys and are no accessors; the order of the keys does not matter. An object reference
 * is a `Val` of its own kind, not text (A28), so that a message can be searched for the objects it mentions. Properties
 * that a list hides (non-enumerable ones), or that were added to bytes, are no part of the value.
 *
 * @since 0.1.0
 * @category models
 */
export type Val =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | ObjectId
  | ReadonlyArray<Val>
  | { readonly [key: string]: Val }

// ---------------------------------------------------------------------------
// errors
// ---------------------------------------------------------------------------

/**
 * Something offered as a `Val` is none. `path` leads to the first culprit, by indexes and keys; `found` says what it
 * is: `function`, `undefined`, `symbol`, `NaN`, `Infinity`, `-Infinity`, the name of a class, `class instance` if it
 * has no name, `Proxy`, `cycle`, `hole`, `accessor`, `symbol key`, `non-enumerable property`, `property of a list`.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidVal extends Schema.TaggedError<InvalidVal>("@effect-avm/core/InvalidVal")("InvalidVal", {
  path: Schema.Array(Schema.Union(Schema.String, Schema.Int)),
  found: Schema.String
}) {
  /** For people: `not a Val: function at ["lines"][2].price`. */
  override get message(): string {
    const path = formatPath(this.path)
    return `not a Val: ${this.found}${path === "" ? "" : ` at ${path}`}`
  }
}

// ---------------------------------------------------------------------------
// guards
// ---------------------------------------------------------------------------

/**
 * Whether `fromUnknown` takes it.
 *
 * @since 0.1.0
 * @category guards
 */
export const isVal = (u: unknown): u is Val => firstCulprit(u) === undefined

// ---------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------

/**
 * Checks foreign data; the answer is the very same data, not a copy.
 *
 * Fails with `InvalidVal` at the first culprit in depth-first order. No code of the data runs: accessors and proxies
 * are refused unasked. Scalars cost nothing; a list or record costs some 100 nanoseconds, and 20 to 40 for each part.
 * Hazard: whoever keeps the data can still mutate it.
 *
 * ```ts
 * import { Val } from "@effect-avm/core"
 * import { Either } from "effect"
 * import * as assert from "node:assert/strict"
 *
 * const order = { lines: [{ price: 3 }, { price: () => 4 }] }
 * const error = Either.getOrThrow(Either.flip(Val.fromUnknown(order)))
 * assert.deepEqual(error.path, ["lines", 1, "price"])
 * assert.equal(error.message, `not a Val: function at ["lines"][1].price`)
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromUnknown = (input: unknown): Either.Either<Val, InvalidVal> => {
  const culprit = firstCulprit(input)
  // What has no culprit in it is a Val.
  return culprit === undefined ? Either.right(input as Val) : Either.left(new InvalidVal(culprit))
}

// ---------------------------------------------------------------------------
// equality
// ---------------------------------------------------------------------------

/**
 * Structural equality: the same kind of value with equal parts, in records whatever the order of the keys. 0 equals -0;
 * a number never equals a bigint, nor text a reference.
 *
 * ```ts
 * import { ObjectId, Val } from "@effect-avm/core"
 * import * as assert from "node:assert/strict"
 *
 * assert.ok(Val.equals({ to: ObjectId.make("o1"), n: 1 }, { n: 1, to: ObjectId.make("o1") }))
 * assert.ok(!Val.equals(1, 1n))
 * ```
 *
 * @since 0.1.0
 * @category equality
 */
export const equals = (self: Val, that: Val): boolean => {
  const pairs: Array<readonly [Val, Val]> = []
  for (let pair: readonly [Val, Val] | undefined = [self, that]; pair !== undefined; pair = pairs.pop()) {
    if (!sameUpToParts(pair[0], pair[1], pairs)) return false
  }
  return true
}

/**
 * The same for equal Vals. It is for hash tables in memory: between versions it may change.
 *
 * @since 0.1.0
 * @category equality
 */
export const hash = (val: Val): number => {
  // Every part adds a number that depends on it and on the way to it, so the order of the additions does not matter.
  let sum = 0
  const parts: Array<{ readonly val: Val; readonly way: number }> = [{ val, way: 0 }]
  for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
    const { val, way } = part
    if (isList(val)) {
      sum = sum + mix(way, val.length + 1) | 0
      for (let index = 0; index < val.length; index++) parts.push({ val: val[index], way: mix(way, index + 2) })
    } else if (isDictionary(val)) {
      const keys = Object.keys(val)
      sum = sum + mix(way, -keys.length - 1) | 0
      for (const key of keys) parts.push({ val: val[key], way: mix(way, ~Hash.string(key)) })
    } else {
      sum = sum + mix(way, hashLeaf(val)) | 0
    }
  }
  return Hash.optimize(sum)
}

// ---------------------------------------------------------------------------
// formatting
// ---------------------------------------------------------------------------

/**
 * One line for people: a reference as its text, everything else as `Json` has it. Equal Vals look the same.
 *
 * @since 0.1.0
 * @category formatting
 */
export const format = (val: Val): string => isObjectId(val) ? val.value : json.toText(val)

// ---------------------------------------------------------------------------
// schemas
// ---------------------------------------------------------------------------

/**
 * The identity schema: refuses what is no `Val`, at its place.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Val: Schema.Schema<Val> = Schema.declare(
  [],
  { decode: () => (input, _, ast) => judge(ast, input), encode: () => (input, _, ast) => judge(ast, input) },
  { identifier: "Val", description: "a Val", equivalence: () => equals, pretty: () => format }
)

/**
 * Plain JSON data, as `JSON.parse` gives it, in which every `Val` survives.
 *
 * Null, booleans, numbers, strings, lists and records stand for themselves. The rest is a record with one key:
 * `{"$bigint":"12"}`, `{"$bytes":"<base64>"}`, `{"$ref":"o1"}`; a record whose single key starts with `$` gets one more
 * `$` in front. What is no such data, or has a tag it does not know, is a `ParseError` at its place.
 *
 * @since 0.1.0
 * @category schemas
 */
export const ValFromJson: Schema.Schema<Val, unknown> = Schema.transformOrFail(Schema.Unknown, Val, {
  strict: true,
  decode: (data, _, ast) => decoding(ast, data, json.fromJson),
  encode: (val) => ParseResult.succeed(json.toJson(val))
}).annotations({ identifier: "ValFromJson" })

/**
 * JSON text in which every `Val` survives, in the form of `ValFromJson`. Equal Vals have the same text.
 *
 * ```ts
 * import { ObjectId, Val } from "@effect-avm/core"
 * import { Schema } from "effect"
 * import * as assert from "node:assert/strict"
 *
 * const message = ["Deposit", { to: ObjectId.make("o1"), amount: 12n }]
 * const text = Schema.encodeSync(Val.Json)(message)
 * assert.equal(text, `["Deposit",{"amount":{"$bigint":"12"},"to":{"$ref":"o1"}}]`)
 * assert.ok(Val.equals(Schema.decodeSync(Val.Json)(text), message))
 * ```
 *
 * @since 0.1.0
 * @category schemas
 */
export const Json: Schema.Schema<Val, string> = Schema.transformOrFail(Schema.String, Val, {
  strict: true,
  decode: (text, _, ast) => decoding(ast, text, json.fromText),
  encode: (val) => ParseResult.succeed(json.toText(val))
}).annotations({ identifier: "Json" })

/**
 * The compact binary form, as stores and networks use it; it starts with a version byte. Equal Vals have the same
 * bytes, and no other bytes decode to them, so bytes can be compared and hashed in place of the data.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Binary: Schema.Schema<Val, Uint8Array> = Schema.transformOrFail(Schema.Uint8ArrayFromSelf, Val, {
  strict: true,
  decode: (bytes, _, ast) => decoding(ast, bytes, binary.decode),
  encode: (val) => ParseResult.succeed(binary.encode(val))
}).annotations({ identifier: "Binary" })

// ---------------------------------------------------------------------------
// bytes
// ---------------------------------------------------------------------------

/**
 * The bytes of `Binary`, for what is a `Val` already: nothing is checked.
 *
 * @since 0.1.0
 * @category conversions
 */
export const toBytes = (val: Val): Uint8Array => binary.encode(val)

/**
 * What `toBytes` made bytes of; else a sentence that says where they are malformed.
 *
 * @since 0.1.0
 * @category conversions
 */
export const fromBytes = (bytes: Uint8Array): Either.Either<Val, string> => {
  try {
    return Either.right(binary.decode(bytes))
  } catch (error) {
    if (error instanceof Malformed) return Either.left(error.reason)
    throw error
  }
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

/** Decides about the two themselves; the parts in which they may differ are added to `pairs`. */
const sameUpToParts = (self: Val, that: Val, pairs: Array<readonly [Val, Val]>): boolean => {
  if (self === that) return true
  if (typeof self !== "object" || typeof that !== "object" || self === null || that === null) return false
  if (isList(self)) {
    if (!isList(that) || self.length !== that.length) return false
    // Backwards, so that the first elements are compared first.
    for (let index = self.length - 1; index >= 0; index--) {
      if (self[index] !== that[index]) pairs.push([self[index], that[index]])
    }
    return true
  }
  if (isObjectId(self)) return isObjectId(that) && self.value === that.value
  if (isBytes(self)) return isBytes(that) && self.length === that.length && self.every((byte, i) => byte === that[i])
  if (!isDictionary(that)) return false
  const keys = Object.keys(self)
  if (keys.length !== Object.keys(that).length) return false
  for (const key of keys) {
    if (!Object.hasOwn(that, key)) return false
    if (self[key] !== that[key]) pairs.push([self[key], that[key]])
  }
  return true
}

const hashLeaf = (leaf: Leaf): number => {
  switch (typeof leaf) {
    case "boolean":
      return leaf ? 11 : 12
    case "number":
      return mix(13, Hash.number(leaf))
    case "bigint":
      return mix(14, Hash.string(leaf.toString(16)))
    case "string":
      return mix(15, Hash.string(leaf))
  }
  if (leaf === null) return 16
  if (isObjectId(leaf)) return mix(17, Hash.string(leaf.value))
  return leaf.reduce(mix, 18)
}

const mix = (self: number, that: number): number => {
  const product = Math.imul(self ^ Math.imul(that, 0x9e3779b1), 0x85ebca6b)
  return product ^ product >>> 15
}

const judge = (ast: AST.AST, input: unknown): Either.Either<Val, ParseResult.ParseIssue> => {
  const culprit = firstCulprit(input)
  return culprit === undefined
    // What has no culprit in it is a Val.
    ? Either.right(input as Val)
    : Either.left(issue(ast, input, culprit.path, `not a Val: ${culprit.found}`))
}

const decoding = <I>(ast: AST.AST, input: I, decode: (input: I) => Val): Either.Either<Val, ParseResult.ParseIssue> => {
  try {
    return Either.right(decode(input))
  } catch (error) {
    if (error instanceof Malformed) return Either.left(issue(ast, input, error.path, error.reason))
    throw error
  }
}

const issue = (ast: AST.AST, actual: unknown, path: Path, message: string): ParseResult.ParseIssue => {
  const [first, ...rest] = path
  const type = new ParseResult.Type(ast, actual, message)
  return first === undefined ? type : new ParseResult.Pointer([first, ...rest], actual, type)
}
