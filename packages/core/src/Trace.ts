/**
 * The port that takes trace entries, and from which they are read: as they are kept, or as they come.
 *
 * A reader that follows has a bounded buffer. When it is too slow, the oldest entries in it go, and a `Missed` in their
 * place says how many: nothing is lost silently, and no program waits for a reader. Pinned by the law suite
 * `PortLaws.trace` of the testkit, and `test/core/Trace.test.ts`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { StoreError } from "./AvmError.js"
import * as following from "./internal/following.js"
import type { ObjectId } from "./ObjectId.js"
import type { TraceEntry, TraceEvent } from "./TraceEvent.js"
import type { TxId } from "./TxId.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * An entry with the execution it belongs to.
 *
 * @since 0.1.0
 * @category models
 */
export type Traced = readonly [execution: string, entry: TraceEntry]

/**
 * An entry with its place among all that the layer has taken: the first has the number 1.
 *
 * @since 0.1.0
 * @category models
 */
export interface Numbered {
  readonly number: number
  readonly execution: string
  /** The transaction in which it came to be, or that it is about. */
  readonly tx: Option.Option<TxId>
  readonly entry: TraceEntry
}

/**
 * In the place of so many entries that the reader was too slow for, or that were gone when it asked.
 *
 * @since 0.1.0
 * @category models
 */
export interface Missed {
  readonly _tag: "Missed"
  readonly count: number
}

/**
 * Which entries are asked for; what is left out does not matter.
 *
 * @since 0.1.0
 * @category models
 */
export interface Query {
  /** Entries that name this object: it is called, created, moved, sent to, … */
  readonly object?: ObjectId
  readonly tx?: TxId
  readonly execution?: string
  /** Entries of one of these kinds. */
  readonly events?: ReadonlyArray<TraceEvent["_tag"]>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface FollowOptions extends Query {
  /** So many entries wait for the reader; 1024 without. */
  readonly capacity?: number
  /**
   * Begins after the entry with this number, as far back as the layer keeps them; those that it does not keep any more
   * are missed, whatever they were about. Without, it begins with what comes.
   */
  readonly after?: number
}

// ---------------------------------------------------------------------------
// service
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** False where nobody listens: then no entry is built. */
  readonly enabled: boolean
  /** Takes the entry at once, with the transaction that is open there; the effect is what there is to wait for. */
  readonly append: (execution: string, entry: TraceEntry, tx?: TxId) => Effect.Effect<void>
  readonly stream: Stream.Stream<Traced, StoreError>
  /** What comes, for as long as the layer lives; absent where it cannot be followed. */
  readonly follow?: (options: FollowOptions) => Stream.Stream<Numbered | Missed, StoreError>
}

/**
 * @since 0.1.0
 * @category services
 */
export class Trace extends Context.Tag("@effect-avm/core/Trace")<Trace, Service>() {}

// ---------------------------------------------------------------------------
// reading
// ---------------------------------------------------------------------------

/**
 * The entries of all executions as they come, until the layer ends. Numbers, and so `after`, hold within one layer.
 *
 * A layer that cannot be followed is made so by `layerFollowed`; without, this is a defect, as is a capacity that is no
 * positive integer.
 *
 * ```ts
 * import { Avm, Behaviour, Introspect, Obj, Trace } from "@effect-avm/core"
 * import { Effect, Layer, Stream } from "effect"
 * import * as assert from "node:assert/strict"
 *
 * const Echo = Behaviour.layerRaw("echo", Effect.map(Introspect.input, (input) => [input]))
 * const Ports = Layer.merge(Avm.layerPortsMemory, Trace.layerRing({ capacity: 100 }))
 * const Machine = Layer.provideMerge(Avm.layer(), Ports)
 *
 * const program = Effect.flatMap(Obj.create("echo"), (echo) => Obj.call(echo, "hello"))
 * const main = Effect.gen(function*() {
 *   yield* Avm.run(program)
 *   const calls = Trace.follow({ events: ["ObjectCalled"], after: 0 })
 *   return yield* Stream.runCollect(Stream.take(calls, 1))
 * })
 *
 * const [call] = await Effect.runPromise(main.pipe(Effect.provide(Echo), Effect.provide(Machine)))
 * assert.ok(call !== undefined && !Trace.isMissed(call))
 * assert.equal(call.number, 2)
 * assert.equal(call.entry.event._tag, "ObjectCalled")
 * ```
 *
 * @since 0.1.0
 * @category reading
 */
export const follow = (options: FollowOptions = {}): Stream.Stream<Numbered | Missed, StoreError, Trace> =>
  Stream.unwrap(
    Effect.map(
      Trace,
      (trace) =>
        trace.follow?.(options) ?? Stream.dieMessage("This layer of Trace cannot be followed: see Trace.layerFollowed")
    )
  )

/**
 * @since 0.1.0
 * @category refinements
 */
export const isMissed = (item: Numbered | Missed): item is Missed => "_tag" in item

/**
 * Whether the entry is one of those asked for.
 *
 * @since 0.1.0
 * @category predicates
 */
export const matches: (query: Query, entry: Omit<Numbered, "number">) => boolean = following.matches

// ---------------------------------------------------------------------------
// layers
// ---------------------------------------------------------------------------

/**
 * Takes nothing, and costs nothing.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerNone: Layer.Layer<Trace> = Layer.succeed(Trace, {
  enabled: false,
  append: () => Exit.void,
  stream: Stream.empty,
  follow: () => Stream.empty
})

/**
 * Keeps the last `capacity` entries; `stream` answers those that are there now, oldest first, and ends.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerRing = (options: { readonly capacity: number }): Layer.Layer<Trace> =>
  Layer.scoped(
    Trace,
    Effect.map(following.make, (hub) => {
      const ring = following.makeRing(options.capacity)
      return Trace.of({
        enabled: true,
        append: (execution, entry, tx) => {
          ring.push(execution, entry, tx)
          hub.publish(execution, entry, tx)
          return Exit.void
        },
        stream: Stream.suspend(() =>
          Stream.fromIterable(ring.after(0).map(({ entry, execution }): Traced => [execution, entry]))
        ),
        follow: (options) => hub.follow(options, ring.after)
      })
    })
  )

/**
 * Keeps nothing, and hands each entry to whoever listens at that time. `stream` never ends, and loses nothing: what waits
 * for a slow reader of it grows without bound.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerPubSub: Layer.Layer<Trace> = Layer.scoped(
  Trace,
  Effect.map(following.make, (hub) =>
    Trace.of({
      enabled: true,
      append: (execution, entry, tx) => {
        hub.publish(execution, entry, tx)
        return Exit.void
      },
      stream: hub.all,
      follow: (options) => hub.follow(options, following.nothingKept)
    }))
)

/**
 * Over another layer: the same, and what it takes can be followed.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerFollowed: Layer.Layer<Trace, never, Trace> = Layer.scoped(
  Trace,
  Effect.gen(function*() {
    const trace = yield* Trace
    const hub = yield* following.make
    return Trace.of({
      enabled: true,
      append: (execution, entry, tx) => {
        hub.publish(execution, entry, tx)
        return trace.enabled ? trace.append(execution, entry, tx) : Exit.void
      },
      stream: trace.stream,
      follow: (options) => hub.follow(options, following.nothingKept)
    })
  })
)
