/**
 * What a `Val` is made of, and one way through it.
 *
 * A walk keeps its place on the heap, so that no depth of data overflows the stack. It meets the keys of a record in
 * their sorted order (UTF-16 code units), so that equal Vals are walked alike. Pinned by `test/core/Val.test.ts`.
 */
import { types } from "node:util"
import { isObjectId, type ObjectId } from "../ObjectId.js"
import type { Val } from "../Val.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

export type Leaf = null | boolean | number | bigint | string | Uint8Array | ObjectId
export type List = ReadonlyArray<Val>
export type Dictionary = { readonly [key: string]: Val }

/** From the outermost value to a part of it: indexes of lists, keys of records. */
export type Path = ReadonlyArray<string | number>

/** A list or record taken apart; a list has no keys. */
export interface Parts {
  readonly keys: ReadonlyArray<string> | undefined
  readonly values: ReadonlyArray<Val>
}

export interface Visitor {
  /** What is walked in place of `val`; it is not itself rewritten again, its parts are. */
  readonly rewrite?: (val: Val) => Val
  readonly leaf: (leaf: Leaf) => void
  readonly open: (parts: Parts) => void
  /** The part at `index` comes next. */
  readonly next: (parts: Parts, index: number) => void
  readonly close: (parts: Parts) => void
}

/** Thrown by what decodes, and turned into a `ParseIssue` by the schemas of `Val`, its only callers. */
export class Malformed {
  constructor(readonly path: Path, readonly reason: string) {}
}

// ---------------------------------------------------------------------------
// formatting
// ---------------------------------------------------------------------------

/** `["lines"][2].price`; nothing for the outermost value, nor for what is no path. */
export const formatPath = (path: Path): string => Array.isArray(path) ? path.map(formatStep).join("") : ""

const formatStep = (step: string | number, position: number): string => {
  if (typeof step === "number") return `[${step}]`
  return position > 0 && /^[A-Za-z_$][\w$]*$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`
}

// ---------------------------------------------------------------------------
// guards
// ---------------------------------------------------------------------------

export const isBytes: (u: unknown) => u is Uint8Array = types.isUint8Array

export const isList = (val: Val): val is List => Array.isArray(val)

export const isDictionary = (val: Val): val is Dictionary =>
  typeof val === "object" && val !== null && !isList(val) && !isObjectId(val) && !isBytes(val)

// ---------------------------------------------------------------------------
// operations
// ---------------------------------------------------------------------------

export const walk = (root: Val, visitor: Visitor): void => {
  const open: Array<{ readonly parts: Parts; index: number }> = []
  let val = root
  while (true) {
    if (visitor.rewrite !== undefined) val = visitor.rewrite(val)
    if (isList(val)) {
      const parts = { keys: undefined, values: val }
      visitor.open(parts)
      open.push({ parts, index: 0 })
    } else if (isDictionary(val)) {
      const parts = partsOf(val)
      visitor.open(parts)
      open.push({ parts, index: 0 })
    } else {
      visitor.leaf(val)
    }
    let top = open.at(-1)
    while (top !== undefined && top.index === top.parts.values.length) {
      visitor.close(top.parts)
      open.pop()
      top = open.at(-1)
    }
    if (top === undefined) return
    visitor.next(top.parts, top.index)
    val = top.parts.values[top.index++]
  }
}

/** Sets a key of a record under construction. Assignment to `__proto__` would set the prototype instead. */
export const put = (record: Record<string, Val>, key: string, val: Val): void => {
  if (key === "__proto__") {
    Object.defineProperty(record, key, { value: val, configurable: true, enumerable: true, writable: true })
  } else {
    record[key] = val
  }
}

/** None if it is longer than the platform can hold. */
export const parseBigInt = (digits: string): bigint | undefined => {
  try {
    return BigInt(digits)
  } catch {
    return undefined
  }
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const partsOf = (dictionary: Dictionary): Parts => {
  const keys = Object.keys(dictionary).sort()
  return { keys, values: keys.map((key) => dictionary[key]) }
}
