/**
 * The name of a machine, a physical node.
 *
 * @since 0.1.0
 */
import type * as Brand from "effect/Brand"
import * as Schema from "effect/Schema"

/**
 * @since 0.1.0
 * @category models
 */
export type MachineId = string & Brand.Brand<"MachineId">

/**
 * @since 0.1.0
 * @category schemas
 */
export const MachineId: Schema.BrandSchema<MachineId, string> = Schema.String.pipe(Schema.brand("MachineId"))

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (value: string): MachineId => MachineId.make(value)
