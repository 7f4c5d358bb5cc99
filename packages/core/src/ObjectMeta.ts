/**
 * What a machine knows about an object apart from its behaviour and state (A15).
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { ControllerId } from "./ControllerId.js"
import { MachineId } from "./MachineId.js"
import { ObjectId } from "./ObjectId.js"

/**
 * Plain data: `{ id, machine, creatingController, currentController }`.
 *
 * @since 0.1.0
 * @category schemas
 */
export const ObjectMeta = Schema.Struct({
  id: ObjectId,
  machine: MachineId,
  /** Never changes once the creation is committed. */
  creatingController: Schema.Option(ControllerId),
  currentController: Schema.Option(ControllerId)
})

/**
 * @since 0.1.0
 * @category models
 */
export interface ObjectMeta extends Schema.Schema.Type<typeof ObjectMeta> {}
