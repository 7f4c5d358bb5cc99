/**
 * Why an error was made, where whoever made it knows more than the error carries. It is a part of the message alone: neither
 * a field nor compared, and lost where the error is encoded.
 */
import * as ParseResult from "effect/ParseResult"
import type { InvalidVal } from "../Val.js"
import { say } from "./saying.js"
import { formatPath } from "./valWalk.js"

const reasons = new WeakMap<object, () => string>()

/** The reason is put into words when somebody looks. */
export const because = <E extends object>(error: E, reason: () => string): E => {
  reasons.set(error, reason)
  return error
}

/** Nothing where none is known. */
export const reasonOf = (error: object): string | undefined => reasons.get(error)?.()

/** Where a schema refuses something, and why: `["n"] Expected an integer, actual 1.5`. */
export const refusal = (error: ParseResult.ParseError | InvalidVal): string => {
  if (!ParseResult.isParseError(error)) return error.message
  const [first] = ParseResult.ArrayFormatter.formatErrorSync(error)
  if (first === undefined) return error.message
  const path = formatPath(first.path.map((step) => typeof step === "symbol" ? String(step) : step))
  return path === "" ? say`${first.message}` : say`${path} ${first.message}`
}
