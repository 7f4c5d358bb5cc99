/**
 * The port that says which ready message or program goes next.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"

/**
 * @since 0.1.0
 * @category services
 */
export class Scheduling extends Context.Tag("@effect-avm/core/Scheduling")<Scheduling, {
  /** The index of the one to go next; `ready` is never empty and has the longest waiting first. */
  readonly next: (ready: ReadonlyArray<string>) => Effect.Effect<number>
}>() {}

/**
 * First come, first served.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerFair: Layer.Layer<Scheduling> = Layer.succeed(Scheduling, { next: () => Exit.succeed(0) })

/**
 * Any of them, the same in every run with the same seed.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerSeeded = (seed: number): Layer.Layer<Scheduling> =>
  Layer.sync(Scheduling, () => {
    const random = Random.make(seed)
    return Scheduling.of({ next: (ready) => random.nextIntBetween(0, ready.length) })
  })
