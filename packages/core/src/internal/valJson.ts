/**
 * The JSON forms of a `Val`: as data, and as text.
 *
 * What JSON lacks becomes a record with one key: `{"$bigint":"-12"}`, `{"$bytes":"<base64>"}`, `{"$ref":"o1"}`. A
 * record whose single key starts with `$` gets one more `$` in front of it, so that it is not taken for one of those.
 * Equal Vals have the same text: keys are sorted, and -0 is 0. Pinned by `test/core/Val.test.ts`.
 */
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import { isObjectId, make as makeObjectId } from "../ObjectId.js"
import type { Val } from "../Val.js"
import { firstCulprit } from "./valCheck.js"
import { isBytes, isDictionary, Malformed, parseBigInt, type Parts, type Path, put, walk } from "./valWalk.js"

// ---------------------------------------------------------------------------
// operations
// ---------------------------------------------------------------------------

export const toJson = (val: Val): Val => copy(val, tag, (_, key) => key)

/** Throws `Malformed`. */
export const fromJson = (json: unknown): Val => {
  const culprit = firstCulprit(json)
  if (culprit !== undefined) throw new Malformed(culprit.path, `not JSON: ${culprit.found}`)
  // Without a culprit it is a Val.
  return copy(json as Val, untag, unescaped)
}

export const toText = (val: Val): string => {
  let text = ""
  walk(val, {
    rewrite: tag,
    leaf: (leaf) => {
      text += typeof leaf === "string" ? JSON.stringify(leaf) : String(leaf)
    },
    open: ({ keys }) => {
      text += keys === undefined ? "[" : "{"
    },
    next: ({ keys }, index) => {
      if (index > 0) text += ","
      if (keys !== undefined) text += `${JSON.stringify(keys[index])}:`
    },
    close: ({ keys }) => {
      text += keys === undefined ? "]" : "}"
    }
  })
  return text
}

/** Throws `Malformed`. */
export const fromText = (text: string): Val => {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw new Malformed([], error instanceof Error ? error.message : String(error))
  }
  // What `JSON.parse` gives is a Val, but for numbers that are too large.
  return copy(json as Val, untag, unescaped)
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const tag = (val: Val): Val => {
  // -0 as well
  if (val === 0) return 0
  if (typeof val === "bigint") return { $bigint: String(val) }
  if (isObjectId(val)) return { $ref: val.value }
  if (isBytes(val)) return { $bytes: Encoding.encodeBase64(val) }
  const tagged = taggedOf(val)
  return tagged === undefined ? val : { [`$${tagged.tag}`]: tagged.body }
}

const untag = (json: Val, place: () => Path): Val => {
  if (typeof json === "number" && !Number.isFinite(json)) throw new Malformed(place(), `not JSON: ${json}`)
  if (typeof json === "bigint") throw new Malformed(place(), "not JSON: bigint")
  if (isBytes(json)) throw new Malformed(place(), "not JSON: Uint8Array")
  if (isObjectId(json)) throw new Malformed(place(), "not JSON: ObjectId")
  const tagged = taggedOf(json)
  if (tagged === undefined || tagged.tag.startsWith("$$")) return json
  const { body, tag } = tagged
  switch (tag) {
    case "$bigint": {
      const bigint = typeof body === "string" && /^(0|-?[1-9][0-9]*)$/.test(body) ? parseBigInt(body) : undefined
      if (bigint !== undefined) return bigint
      throw new Malformed(place(), "$bigint wants a whole number as text, without leading zeros")
    }
    case "$bytes": {
      const bytes = typeof body === "string" ? Either.getOrUndefined(Encoding.decodeBase64(body)) : undefined
      // The decoder is lenient; there is one text for the same bytes.
      if (bytes !== undefined && Encoding.encodeBase64(bytes) === body) return bytes
      throw new Malformed(place(), "$bytes wants base64 text, padded and without line breaks")
    }
    case "$ref":
      if (typeof body === "string") return makeObjectId(body)
      throw new Malformed(place(), "$ref wants the text of an object id")
    default:
      throw new Malformed(place(), `${JSON.stringify(tag)} is no known tag`)
  }
}

const taggedOf = (val: Val): { readonly tag: string; readonly body: Val } | undefined => {
  if (!isDictionary(val)) return undefined
  const keys = Object.keys(val)
  return keys.length === 1 && keys[0].startsWith("$") ? { tag: keys[0], body: val[keys[0]] } : undefined
}

const unescaped = ({ values }: Parts, key: string): string =>
  values.length === 1 && key.startsWith("$$") ? key.slice(1) : key

/** A copy in which `rewrite` had its say about every part. */
const copy = (
  root: Val,
  rewrite: (val: Val, place: () => Path) => Val,
  rename: (parts: Parts, key: string) => string
): Val => {
  const open: Array<{ readonly parts: Parts; readonly target: Array<Val> | Record<string, Val>; index: number }> = []
  const place = () => open.map(({ index, parts }) => parts.keys === undefined ? index : parts.keys[index])
  let copied: Val = null
  const add = (val: Val): void => {
    const top = open.at(-1)
    if (top === undefined) {
      copied = val
    } else if (Array.isArray(top.target)) {
      top.target.push(val)
    } else if (top.parts.keys !== undefined) {
      put(top.target, rename(top.parts, top.parts.keys[top.index]), val)
    }
  }
  walk(root, {
    rewrite: (val) => rewrite(val, place),
    leaf: add,
    open: (parts) => {
      const target: Array<Val> | Record<string, Val> = parts.keys === undefined ? [] : {}
      add(target)
      open.push({ parts, target, index: 0 })
    },
    next: (_, index) => {
      open[open.length - 1].index = index
    },
    close: () => {
      open.pop()
    }
  })
  return copied
}
