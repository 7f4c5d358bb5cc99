/**
 * The name of a controller, the authority that orders the transactions of its objects.
 *
 * @since 0.1.0
 */
import type * as Brand from "effect/Brand"
import * as Schema from "effect/Schema"

/**
 * @since 0.1.0
 * @category models
 */
export type ControllerId = string & Brand.Brand<"ControllerId">

/**
 * @since 0.1.0
 * @category schemas
 */
export const ControllerId: Schema.BrandSchema<ControllerId, string> = Schema.String.pipe(Schema.brand("ControllerId"))

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (value: string): ControllerId => ControllerId.make(value)
