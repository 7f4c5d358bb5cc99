/**
 * The name of a transaction.
 *
 * @since 0.1.0
 */
import type * as Brand from "effect/Brand"
import * as Schema from "effect/Schema"

/**
 * @since 0.1.0
 * @category models
 */
export type TxId = string & Brand.Brand<"TxId">

/**
 * @since 0.1.0
 * @category schemas
 */
export const TxId: Schema.BrandSchema<TxId, string> = Schema.String.pipe(Schema.brand("TxId"))

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (value: string): TxId => TxId.make(value)
