/**
 * Text that is safe to show: bounded, on one line where it must be, and with nothing in it that cannot be seen.
 *
 * Whatever comes from a trace goes through here before it goes through the escaping of a format, so that no format meets
 * control characters, lone surrogates or megabytes. What is cut ends in `…`. Pinned by `test/diagram/Text.test.ts`.
 */
import { isObjectId } from "@effect-avm/core/ObjectId"
import type { Val } from "@effect-avm/core/Val"

// ---------------------------------------------------------------------------
// text
// ---------------------------------------------------------------------------

/** Controls, what changes the direction of writing, what has no width, noncharacters, lone surrogates. */
const unseen = new RegExp(
  "[\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff" +
    "\\ufff9-\\ufffb\\ufffe\\uffff]|[\\ud800-\\udbff](?![\\udc00-\\udfff])|(?<![\\ud800-\\udbff])[\\udc00-\\udfff]",
  "g"
)

/** The same text with `\n`, `\u2028` and the like written out. */
export const printable = (text: string): string =>
  text.replace(unseen, (unit) => {
    if (unit === "\n") return "\\n"
    if (unit === "\t") return "\\t"
    if (unit === "\r") return "\\r"
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`
  })

/** At most `max` code units; what is cut ends in `…`. No pair of surrogates is torn. */
export const shorten = (text: string, max: number): string => {
  if (text.length <= max) return text
  const last = text.charCodeAt(max - 2)
  return `${text.slice(0, last >= 0xd800 && last <= 0xdbff ? max - 2 : Math.max(max - 1, 0))}…`
}

/** An id, for the head of a lifeline: the middle is left out, since ids differ at their ends. */
export const name = (text: string, max: number): string => {
  if (text.length > max * 8) return `${name(text.slice(0, max * 4) + text.slice(-max * 4), max)}`
  const whole = printable(text)
  if (whole.length <= max) return whole
  const tail = Math.floor((max - 1) / 3)
  return printable(`${whole.slice(0, max - 1 - tail)}…${whole.slice(-tail)}`)
}

/** Text of others, made printable and cut; a note says how long it was if it was cut. */
export const passage = (text: string, max: number): string =>
  text.length > max
    ? `${shorten(printable(text.slice(0, max)), max)} (${count(text.length)} characters)`
    : shorten(printable(text), max)

/** 12345 as `12,345`, whatever the locale. */
export const count = (number: number): string => String(number).replace(/\B(?=(\d{3})+(?!\d))/g, ",")

export const plural = (number: number, noun: string, nouns: string = `${noun}s`): string =>
  `${count(number)} ${number === 1 ? noun : nouns}`

// ---------------------------------------------------------------------------
// values
// ---------------------------------------------------------------------------

/** Nothing deeper is shown. */
const maxDepth = 32

const identifier = /^[A-Za-z_$][\w$]*$/

/**
 * A `Val` for people, on one line and at most `max` characters: `{balance: 70, owner: @o2, name: "Ann"}`. It looks at no
 * more of the data than it shows.
 */
export const show = (val: Val, max: number): string => {
  let text = ""
  // Stops once there is more than can be shown.
  const add = (part: string): boolean => (text += part).length <= max
  const parts = (open: string, close: string, length: number, part: (index: number) => boolean): boolean => {
    if (!add(open)) return false
    for (let index = 0; index < length; index++) {
      if (!add(index === 0 ? "" : ", ") || !part(index)) return false
    }
    return add(close)
  }
  const one = (val: Val, depth: number): boolean => {
    if (typeof val === "string") return add(quoted(val, max))
    if (typeof val === "bigint") return add(bounded(val, max))
    if (typeof val !== "object" || val === null) return add(String(val))
    if (isObjectId(val)) return add(`@${passage(val.value, max)}`)
    if (val instanceof Uint8Array) return add(bytes(val, max))
    if (depth === maxDepth) return add("…")
    if (isList(val)) return parts("[", "]", val.length, (index) => one(val[index], depth + 1))
    const keys = Object.keys(val)
    return parts("{", "}", keys.length, (index) => {
      const key = keys[index]
      return add(identifier.test(key) && key.length <= max ? `${key}: ` : `${quoted(key, max)}: `) &&
        one(val[key], depth + 1)
    })
  }
  one(val, 0)
  return shorten(text, max)
}

/** The same; a typed message, which is the list [tag, payload] (A35), as `Deposit {amount: 100}`. */
export const showMessage = (val: Val, max: number): string => {
  if (!isList(val) || val.length !== 2 || typeof val[0] !== "string") return show(val, max)
  const [tag, payload] = val
  if (tag.length > max || !identifier.test(tag)) return show(val, max)
  return payload === null ? tag : shorten(`${tag} ${show(payload, max)}`, max)
}

/** The references in a value, each once, in the order in which they occur; at most `max` parts are looked at. */
export const references = (val: Val, max: number): ReadonlyArray<string> => {
  const found = new Set<string>()
  const rest: Array<Val> = [val]
  for (let looked = 0; rest.length > 0 && looked < max; looked++) {
    const part = rest.pop()
    if (typeof part !== "object" || part === null || part instanceof Uint8Array) continue
    if (isObjectId(part)) {
      found.add(part.value)
      continue
    }
    const parts = isList(part) ? part : Object.values(part)
    for (let index = Math.min(parts.length, max) - 1; index >= 0; index--) rest.push(parts[index])
  }
  return [...found]
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const isList = (val: Val): val is ReadonlyArray<Val> => Array.isArray(val)

const quoted = (text: string, max: number): string => {
  if (text.length <= max) return printable(JSON.stringify(text))
  // A string that is cut in two tells its length, so that nobody takes the part for the whole.
  const kept = text.slice(0, Math.max(max - 30, 8))
  return `${printable(JSON.stringify(kept)).slice(0, -1)}…" (${count(text.length)} characters)`
}

/** The digits of a number of any size. */
const bounded = (value: bigint, max: number): string => `${shorten(value.toString(), max)}n`

const bytes = (value: Uint8Array, max: number): string => {
  const shown = Math.min(value.length, Math.ceil(max / 2))
  const hex = Array.from(value.subarray(0, shown), (byte) => byte.toString(16).padStart(2, "0")).join("")
  return `bytes(${value.length})${hex === "" ? "" : ` ${hex}`}${shown < value.length ? "…" : ""}`
}
