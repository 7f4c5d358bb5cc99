/**
 * Text for terminals: nothing of what a store or a program holds can move the cursor, hide, or pretend to be something
 * else; ids are short enough to be read; colours are where they are wanted.
 */
import { Val } from "@effect-avm/core"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

// ---------------------------------------------------------------------------
// what can be shown
// ---------------------------------------------------------------------------

/** Control characters, what turns the direction of writing, lone surrogates, and what cannot be seen. */
const unprintable =
  // eslint-disable-next-line no-control-regex -- these are the ones that must not reach a terminal
  /[\u0000-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

/** On one line, with everything that cannot be seen written out. */
export const printable = (text: string): string =>
  text.replace(unprintable, (letter) => {
    if (letter === "\n") return "\\n"
    if (letter === "\t") return "\\t"
    return `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`
  })

/** Several lines stay several lines. */
export const printableLines = (text: string): string => text.split("\n").map(printable).join("\n")

/** `1 object`, `2 objects`. */
export const counted = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`

/** At most so many characters; what is cut off is marked. */
export const cut = (text: string, most: number): string => {
  if (text.length <= most) return text
  const end = Math.max(0, most - 1)
  // Not through the middle of a pair.
  const kept = /[\ud800-\udbff]/.test(text.charAt(end - 1)) ? end - 1 : end
  return `${text.slice(0, kept)}…`
}

// ---------------------------------------------------------------------------
// ids
// ---------------------------------------------------------------------------

/** Ids as `IdGenerator.layerRandom` makes them: nearly all of each is the same in all of one run. */
const long = /\b([a-z]-[0-9a-z]{4})[0-9a-z]{12}(-[0-9a-z]+)\b/g

/** Every such id in a text, as `o-3k5x…-4`. The commands take this form as well. */
export const shortIds = (text: string): string => text.replace(long, "$1…$2")

/** What a short id says of the long one: how it begins and how it ends. */
export const partsOfShort = (id: string): Option.Option<readonly [prefix: string, suffix: string]> => {
  const [, prefix, suffix] = /^(.*?)(?:…|\.\.\.)(.*)$/s.exec(id) ?? []
  return prefix === undefined || suffix === undefined ? Option.none() : Option.some([prefix, suffix])
}

// ---------------------------------------------------------------------------
// values
// ---------------------------------------------------------------------------

/** So much of a value is put into words before it is cut: some are megabytes long. */
const longest = 4000

/** For people, on one line. */
export const showVal = (val: Val.Val): string => printable(shortIds(cut(Val.format(val), longest)))

/** Where many values stand beside each other. */
export const showBriefly = (val: Val.Val): string => cut(showVal(val), 100)

/** Whatever a program answers, for people. */
export const showResult = (value: unknown): string =>
  Val.isVal(value)
    ? printable(Val.format(value))
    : printableLines(Inspectable.toStringUnknown(value, 2))

/** Whatever a program answers, as JSON data: a `Val` in its own form; what JSON cannot hold, as text. */
export const toJson = (value: unknown): unknown => {
  if (Val.isVal(value)) return Schema.encodeSync(Val.ValFromJson)(value)
  try {
    const text = JSON.stringify(value, (_, part: unknown) => typeof part === "bigint" ? String(part) : part)
    return text === undefined ? null : JSON.parse(text)
  } catch {
    // A cycle, or a `toJSON` that throws.
    return Inspectable.toStringUnknown(value, 0)
  }
}

// ---------------------------------------------------------------------------
// colours
// ---------------------------------------------------------------------------

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan"

const codes: Readonly<Record<Style, number>> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 }

export type Paint = (style: Style | undefined, text: string) => string

export const painting = (isColoured: boolean): Paint => (style, text) =>
  isColoured && style !== undefined ? `\u001b[${codes[style]}m${text}\u001b[0m` : text

// eslint-disable-next-line no-control-regex -- the escape sequences of colours
const ansi = /\u001b\[[0-9;]*m/g

export const withoutColours = (text: string): string => text.replace(ansi, "")
