/**
 * What can be seen of a run, as text that two implementations can be compared by.
 *
 * Equal values give equal text: records in the order of their keys, the `objects` of a TxConflict as a set. The text of a
 * message is not part of the contract and left out, unless a predicate threw it (D26); so are timestamps.
 *
 * @since 0.1.0
 */
import { AvmError, ObjectId, type TraceEvent } from "@effect-avm/core"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"

/**
 * @since 0.1.0
 * @category models
 */
export interface Observation {
  readonly outcome: string
  readonly trace: ReadonlyArray<string>
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  outcome: Either.Either<unknown, unknown>,
  trace: ReadonlyArray<TraceEvent.TraceEntry>
): Observation => ({
  outcome: print(outcome),
  trace: trace.map(({ event, executingController }) =>
    `${print(event)}${Option.match(executingController, { onNone: () => "", onSome: (name) => ` by ${name}` })}`
  )
})

/**
 * @since 0.1.0
 * @category conversions
 */
export const print = (value: unknown): string => {
  if (typeof value === "bigint") return `${value}n`
  if (typeof value === "string") return JSON.stringify(value)
  if (value === null || typeof value !== "object") return String(value)
  if (ObjectId.isObjectId(value)) return `#${value.value}`
  if (value instanceof Uint8Array) return `bytes(${value.join(" ")})`
  if (Option.isOption(value)) {
    return Option.match(value, {
      onNone: () => "none",
      onSome: (held) => `some(${print(held)})`
    })
  }
  if (Either.isEither(value)) {
    return Either.match(value, {
      onLeft: (error) => `failed ${print(error)}`,
      onRight: (answer) => `answered ${print(answer)}`
    })
  }
  if (Array.isArray(value)) return `[${value.map(print).join(", ")}]`
  const fields = new Map<string, unknown>(Object.entries(value))
  if (AvmError.isAvmError(value) && value._tag !== "ScryPredicateFailed") fields.delete("message")
  if (AvmError.isAvmError(value) && value._tag === "TxConflict") fields.set("objects", value.objects.map(print).sort())
  fields.delete("_tag")
  const shown = [...fields].sort(([a], [b]) => a < b ? -1 : 1).map(([key, field]) => `${key}: ${print(field)}`)
  return `${Predicate.hasProperty(value, "_tag") ? String(value._tag) : ""}{${shown.join(", ")}}`
}
