/**
 * The one complaint about a program that does not do the same when it is run again: the first instruction by which it
 * differs, and the one that had been there.
 */
import * as Data from "effect/Data"

export class Differs extends Data.TaggedError("Differs")<{ readonly found: string; readonly expected: string }> {
  override get message(): string {
    return `the body is not deterministic: it went on with ${this.found}, where it had gone on with ${this.expected}`
  }
}

/** Where there is no instruction any more. */
export const itsEnd = "its end"
