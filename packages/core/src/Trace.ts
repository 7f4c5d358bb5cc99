/**
 * The port that takes trace entries.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import type { StoreError } from "./AvmError.js"
import type { TraceEntry } from "./TraceEvent.js"

/**
 * An entry with the execution it belongs to.
 *
 * @since 0.1.0
 * @category models
 */
export type Traced = readonly [execution: string, entry: TraceEntry]

/**
 * @since 0.1.0
 * @category services
 */
export class Trace extends Context.Tag("@effect-avm/core/Trace")<Trace, {
  /** False where nobody listens: then no entry is built. */
  readonly enabled: boolean
  /** Takes the entry at once; the effect is what there is to wait for. */
  readonly append: (execution: string, entry: TraceEntry) => Effect.Effect<void>
  readonly stream: Stream.Stream<Traced, StoreError>
}>() {}

/**
 * Takes nothing, and costs nothing.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerNone: Layer.Layer<Trace> = Layer.succeed(Trace, {
  enabled: false,
  append: () => Exit.void,
  stream: Stream.empty
})

/**
 * Keeps the last `capacity` entries; `stream` answers those that are there now, oldest first, and ends.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerRing = (options: { readonly capacity: number }): Layer.Layer<Trace> =>
  Layer.sync(Trace, () => {
    const ring: Array<Traced> = []
    let oldest = 0
    return Trace.of({
      enabled: true,
      append: (execution, entry) => {
        if (ring.length < options.capacity) ring.push([execution, entry])
        else if (options.capacity > 0) {
          ring[oldest] = [execution, entry]
          oldest = (oldest + 1) % options.capacity
        }
        return Exit.void
      },
      stream: Stream.suspend(() => Stream.fromIterable([...ring.slice(oldest), ...ring.slice(0, oldest)]))
    })
  })

/**
 * Hands each entry to whoever listens at that time; `stream` never ends.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerPubSub: Layer.Layer<Trace> = Layer.scoped(
  Trace,
  Effect.map(Effect.acquireRelease(PubSub.unbounded<Traced>(), PubSub.shutdown), (pubsub) =>
    Trace.of({
      enabled: true,
      append: (execution, entry) => PubSub.publish(pubsub, [execution, entry]),
      stream: Stream.fromPubSub(pubsub)
    }))
)
