/**
 * Sentences about ids and values, for the messages of errors: short, and made whatever the values are.
 */
import { format, isVal } from "../Val.js"

/** So much of a value is shown. */
const longest = 100

/** So many things are listed. */
const most = 5

/** A template whose values are shown: an id or a text as it is, a `Val` on one line; cut where they are long. */
export const say = (sentence: TemplateStringsArray, ...values: ReadonlyArray<unknown>): string =>
  String.raw({ raw: sentence }, ...values.map(shown))

/** A `Val` where text is not a name but data: in quotes. */
export const data = (value: unknown): string => isVal(value) ? cut(format(value)) : shown(value)

/** `a, b, c and 7 more`. */
export class Listed {
  constructor(private readonly values: unknown) {}
  toString(): string {
    if (!Array.isArray(this.values)) return shown(this.values)
    const more = this.values.length - most
    return this.values.slice(0, most).map(shown).join(", ") + (more > 0 ? ` and ${more} more` : "")
  }
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const shown = (value: unknown): string => {
  if (typeof value === "string") return cut(value)
  if (value instanceof Listed) return value.toString()
  return isVal(value) ? cut(format(value)) : typeof value
}

const cut = (text: string): string =>
  text.length <= longest
    ? text
    // Not through the middle of a pair.
    : `${text.slice(0, longest - 1).replace(/[\ud800-\udbff]$/, "")}…`
