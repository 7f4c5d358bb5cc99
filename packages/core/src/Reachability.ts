/**
 * The port that says who can be reached now.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type { ControllerId } from "./ControllerId.js"
import type { MachineId } from "./MachineId.js"

/**
 * @since 0.1.0
 * @category services
 */
export class Reachability extends Context.Tag("@effect-avm/core/Reachability")<Reachability, {
  readonly machine: (id: MachineId) => Effect.Effect<boolean>
  readonly controller: (id: ControllerId) => Effect.Effect<boolean>
}>() {}

/**
 * Cuts machines and controllers off and back on, in tests.
 *
 * @since 0.1.0
 * @category services
 */
export class Switchboard extends Context.Tag("@effect-avm/core/Reachability/Switchboard")<Switchboard, {
  readonly setMachine: (id: MachineId, reachable: boolean) => Effect.Effect<void>
  readonly setController: (id: ControllerId, reachable: boolean) => Effect.Effect<void>
}>() {}

/**
 * Everybody can be reached, always.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerAll: Layer.Layer<Reachability> = Layer.succeed(Reachability, {
  machine: () => yes,
  controller: () => yes
})

/**
 * Everybody can be reached, but for those that the `Switchboard` cuts off.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerTest: Layer.Layer<Reachability | Switchboard> = Layer.effectContext(Effect.sync(() => {
  const machines = new Set<MachineId>()
  const controllers = new Set<ControllerId>()
  return Context.make(Reachability, {
    machine: (id) => Effect.sync(() => !machines.has(id)),
    controller: (id) => Effect.sync(() => !controllers.has(id))
  }).pipe(Context.add(Switchboard, {
    setMachine: (id, reachable) => Effect.sync(() => cut(machines, id, !reachable)),
    setController: (id, reachable) => Effect.sync(() => cut(controllers, id, !reachable))
  }))
}))

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const yes = Exit.succeed(true)

const cut = <A>(off: Set<A>, id: A, isOff: boolean): void => {
  if (isOff) off.add(id)
  else off.delete(id)
}
