/**
 * Effects on the outside world: declared as channels, asked for inside transactions and turns, done by a handler once the
 * transaction has committed.
 *
 * An output is a part of the commit that asks for it. An aborted transaction has none, and a committed one loses none: it
 * stays in the store until the handler has succeeded, over crashes and restarts. The handler may therefore run more than
 * once for an output, each time with the same key, and nobody else's: whoever acts in the outside world keeps the keys, and
 * acts once for each. The outputs of one object to one channel go one after the other, in order.
 *
 * Pinned by `test/turns/Outbox.test.ts`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { opaque } from "./internal/schema.js"
import { effectOf, type Step } from "./internal/sync.js"
import * as valSchema from "./internal/valSchema.js"
import { emit, type Obj, type SendError } from "./Obj.js"
import type { ObjectId } from "./ObjectId.js"
import type { Val } from "./Val.js"

// ---------------------------------------------------------------------------
// registry
// ---------------------------------------------------------------------------

/**
 * What a machine does with the outputs to a channel. A failure, of whatever kind, is tried again by the schedule; an output
 * that the schedule gives up stays until the machine starts again, and is logged.
 *
 * @since 0.1.0
 * @category models
 */
export interface Handler {
  readonly channel: string
  readonly handle: (payload: Val, key: string) => Effect.Effect<Val, unknown>
  readonly retry: Schedule.Schedule<unknown, unknown>
}

/**
 * The handlers a machine knows, by their channels.
 *
 * @since 0.1.0
 * @category services
 */
export class Outbox extends Context.Tag("@effect-avm/core/Outbox")<Outbox, {
  /** A handler in the place of another one for the same channel. */
  readonly register: (handler: Handler) => Effect.Effect<void>
  readonly lookup: (channel: string) => Option.Option<Handler>
}>() {}

// ---------------------------------------------------------------------------
// channels
// ---------------------------------------------------------------------------

/**
 * Who is told of the success of an output: it is sent `[tag, success]`, in the commit that removes the output.
 *
 * @since 0.1.0
 * @category models
 */
export interface EmitOptions {
  readonly answer?: { readonly to: ObjectId; readonly tag: string }
}

/**
 * @since 0.1.0
 * @category models
 */
export interface HandlerOptions<E, RS> {
  /** When a handler that has failed is tried again: 100 ms later, then twice as long each time, up to a minute. */
  readonly retry?: Schedule.Schedule<unknown, E, RS>
}

/**
 * A kind of output.
 *
 * @since 0.1.0
 * @category models
 */
export interface Channel<in out Payload, in out Success> {
  readonly name: string

  /** Asks for it; it is done after the transaction has committed, if it does. A payload that its schema refuses is a defect. */
  readonly emit: (payload: Payload, options?: EmitOptions) => Effect.Effect<void, SendError, Obj>

  /** What is done. */
  readonly toLayer: <E, R, RS = never>(
    handle: (payload: Payload, key: string) => Effect.Effect<Success, E, R>,
    options?: HandlerOptions<E, RS>
  ) => Layer.Layer<never, never, Outbox | R | RS>
}

/**
 * Declares a channel. What is encoded must be a `Val`.
 *
 * ```ts
 * import { Avm, Behaviour, Obj, Outbox } from "@effect-avm/core"
 * import { Deferred, Effect, Layer, Schema } from "effect"
 * import * as assert from "node:assert/strict"
 *
 * const Mail = Outbox.make("mail", { payload: Schema.Struct({ text: Schema.String }) })
 *
 * const Shop = Behaviour.layerRaw("shop", Effect.as(Mail.emit({ text: "Thank you" }), []))
 *
 * const main = Effect.gen(function*() {
 *   const sent = yield* Deferred.make<string>()
 *   const MailLive = Mail.toLayer(({ text }) => Effect.asVoid(Deferred.succeed(sent, text)))
 *   const shop = Effect.flatMap(Obj.create("shop"), (id) => Effect.zipRight(Obj.send(id, "an order"), Deferred.await(sent)))
 *   return yield* Avm.run(shop).pipe(Effect.provide(Layer.merge(Shop, MailLive)), Effect.provide(Avm.layerMemory))
 * })
 * assert.equal(await Effect.runPromise(main), "Thank you")
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <
  Payload,
  EncodedPayload extends Val,
  Success = void,
  EncodedSuccess extends Val | void = void
>(
  name: string,
  options: {
    readonly payload: Schema.Schema<Payload, EncodedPayload>
    /** Nothing without. */
    readonly success?: Schema.Schema<Success, EncodedSuccess>
  }
): Channel<Payload, Success> => {
  const payloads = valSchema.make(opaque(options.payload))
  // Without one, `Success` is `void`.
  const success = options.success ??
    Schema.Void as Schema.Schema<unknown, unknown> as Schema.Schema<Success, EncodedSuccess>
  const successes = valSchema.make(opaque(success))
  return {
    name,
    emit: (payload, options) =>
      Effect.flatMap(
        defect(`A payload of ${name}`, payloads.encode(payload)),
        (val): Effect.Effect<void, SendError, Obj> => emit(name, val, options?.answer)
      ),
    toLayer: (handle, options) =>
      Layer.effectDiscard(Effect.gen(function*() {
        const outbox = yield* Outbox
        const services = yield* Effect.context<never>()
        yield* outbox.register({
          channel: name,
          handle: (val, key) =>
            Effect.flatMap(defect(`A payload of ${name}`, payloads.decode(val)), (payload) =>
              // The layer requires what the handler and its schedule do.
              Effect.flatMap(Effect.provide(handle(payload, key), services as Context.Context<unknown>), (success) =>
                defect(`The success of ${name}`, successes.encode(success)))) as Effect.Effect<Val, unknown>,
          retry: options?.retry === undefined
            ? patiently
            : provided(options.retry as Schedule.Schedule<unknown, unknown>, services)
        })
      })) as Layer.Layer<never, never, never>
  }
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const patiently: Schedule.Schedule<unknown, unknown> = Schedule.union(
  Schedule.exponential("100 millis"),
  Schedule.spaced("1 minute")
)

const provided = (
  schedule: Schedule.Schedule<unknown, unknown>,
  services: Context.Context<never>
): Schedule.Schedule<unknown, unknown> => Schedule.mapInputContext(schedule, () => services)

const defect = <A>(what: string, step: Step<A, { readonly message: string }>): Effect.Effect<A> =>
  Effect.catchAll(
    effectOf(step),
    (error) => Effect.dieMessage(`${what} is refused by its own schema: ${error.message}`)
  )
