/**
 * The integers that a variable may be.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * All integers from the first to the last, both included.
 *
 * @since 0.1.0
 * @category models
 */
export const Range = Schema.TaggedStruct("Range", { from: Schema.Number, to: Schema.Number })

/**
 * These integers, in any order; twice is the same as once.
 *
 * @since 0.1.0
 * @category models
 */
export const Values = Schema.TaggedStruct("Values", { values: Schema.Array(Schema.Number) })

/**
 * @since 0.1.0
 * @category models
 */
export const Domain = Schema.Union(Range, Values)

/**
 * @since 0.1.0
 * @category models
 */
export type Domain = typeof Domain.Type

/**
 * The largest magnitude of a value: two of them, added, still fit 32 bits.
 *
 * @since 0.1.0
 * @category models
 */
export const maximum = 1_000_000_000

/**
 * @since 0.1.0
 * @category constructors
 */
export const range = (from: number, to: number): Domain => ({ _tag: "Range", from, to })

/**
 * @since 0.1.0
 * @category constructors
 */
export const values = (values: Iterable<number>): Domain => ({ _tag: "Values", values: Array.from(values) })

/**
 * Zero and one.
 *
 * @since 0.1.0
 * @category constructors
 */
export const boolean: Domain = range(0, 1)

/**
 * The smallest and the largest value.
 *
 * @since 0.1.0
 * @category accessors
 */
export const bounds = (domain: Domain): readonly [smallest: number, largest: number] =>
  domain._tag === "Range"
    ? [domain.from, domain.to]
    : [
      domain.values.reduce((least, value) => Math.min(least, value), Infinity),
      domain.values.reduce((most, value) => Math.max(most, value), -Infinity)
    ]

/**
 * @since 0.1.0
 * @category accessors
 */
export const has = (domain: Domain, value: number): boolean =>
  domain._tag === "Range"
    ? Number.isInteger(value) && value >= domain.from && value <= domain.to
    : domain.values.includes(value)

/**
 * The values in ascending order, each once.
 *
 * @since 0.1.0
 * @category accessors
 */
export const toArray = (domain: Domain): Array<number> =>
  domain._tag === "Range"
    ? Array.from({ length: Math.max(0, domain.to - domain.from + 1) }, (_, at) => domain.from + at)
    : [...new Set(domain.values)].sort((a, b) => a - b)
