/**
 * What objects do: typed behaviours (a protocol, a state), raw ones (a program from `Val` to `Val`s), and their registry.
 *
 * A typed message is, as a `Val`, the list `[tag, payload]` (A35); its answer the one output. A handler that fails with
 * what its message declares answers `CalleeFailed`, which a typed reference turns back into the declared error.
 * Pinned by `test/core/Behaviour.test.ts` and `test/types/Behaviours.types.ts`.
 *
 * @since 0.1.0
 */
import type * as Rpc from "@effect/rpc/Rpc"
import type * as RpcSchema from "@effect/rpc/RpcSchema"
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Equal from "effect/Equal"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { YieldWrap } from "effect/Utils"
import { type AvmError, type InvalidInput, type MailboxFull, ObjectRejectedCall, type StoreError } from "./AvmError.js"
import type { ControllerId } from "./ControllerId.js"
import type { Safe } from "./InstructionSet.js"
import * as typed from "./internal/typed.js"
import { input, type Introspect, self, type StateError } from "./Introspect.js"
import type { CallError, CreateError, Eventual, Obj, SendOptions } from "./Obj.js"
import type { ObjectId } from "./ObjectId.js"
import type { AnyInTx, OutsideTx } from "./TxPlace.js"
import type { Val } from "./Val.js"

// ---------------------------------------------------------------------------
// registry
// ---------------------------------------------------------------------------

/**
 * A program that says what one message does.
 *
 * @since 0.1.0
 * @category models
 */
export type Program = Effect.Effect<ReadonlyArray<Val>, AvmError, Safe>

/**
 * A behaviour as the machine knows it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Registration {
  readonly name: string
  readonly program: Program
  /** The services of the application, and the unsafe families granted, that the program uses. */
  readonly services: Context.Context<never>
  /** The state of an object before its first `setState` (A12). */
  readonly initial: Val
  /** How the program begins, where it is a generator: then it is driven without the fiber's help. */
  readonly generator?: () => Iterator<YieldWrap<Effect.Effect<unknown, unknown, unknown>>, unknown, unknown>
  /** What is made of a failure of that generator; the program has done so itself. */
  readonly failure?: (id: ObjectId, input: Val, error: unknown) => Effect.Effect<Cause.Cause<AvmError>>
  /** Tells whether two registrations are the same behaviour (A36). */
  readonly identity: object
}

/**
 * The behaviours a machine knows by name.
 *
 * @since 0.1.0
 * @category services
 */
export class Registry extends Context.Tag("@effect-avm/core/Behaviour/Registry")<Registry, {
  /** The same behaviour again is fine; another one under a taken name is a defect, so that the layer fails to build. */
  readonly register: (registration: Registration) => Effect.Effect<void>
  readonly lookup: (name: string) => Option.Option<Registration>
  readonly names: Effect.Effect<ReadonlyArray<string>>
}>() {}

declare const RegisteredTypeId: unique symbol
declare const SelfTypeId: unique symbol

/**
 * Provided by a behaviour's layer, required where objects of it are created: a forgotten layer does not compile.
 *
 * @since 0.1.0
 * @category models
 */
export interface Registered<in out Name extends string> {
  readonly [RegisteredTypeId]: { readonly "provided by toLayer of": (_: Name) => Name }
}

/**
 * Required by the state of a behaviour: its own handlers alone have one.
 *
 * @since 0.1.0
 * @category models
 */
export interface Self<in out Name extends string> {
  readonly [SelfTypeId]: { readonly "only in handlers of": (_: Name) => Name }
}

/**
 * Any of them.
 *
 * @since 0.1.0
 * @category models
 */
export interface AnySelf {
  readonly [SelfTypeId]: unknown
}

// ---------------------------------------------------------------------------
// references
// ---------------------------------------------------------------------------

/**
 * A message of the protocol as a method: the declared success, the declared error or a `CallError`.
 *
 * @since 0.1.0
 * @category models
 */
export type Methods<Rpcs extends Rpc.Any> = {
  readonly [Current in Rpcs as Current["_tag"]]: (
    payload: Rpc.PayloadConstructor<Current>
  ) => Effect.Effect<Rpc.Success<Current>, Rpc.Error<Current> | CallError, Obj>
}

/**
 * The schema of the payload refuses it, the mailbox is full, or the store failed. Part of `CallError`, so handlers let it
 * through.
 *
 * @since 0.1.0
 * @category errors
 */
export type SendError = InvalidInput | MailboxFull | StoreError

/**
 * The same messages, delivered in a turn of their own.
 *
 * @since 0.1.0
 * @category models
 */
export type Sends<Rpcs extends Rpc.Any> = {
  readonly [Current in Rpcs as Current["_tag"]]: (
    payload: Rpc.PayloadConstructor<Current>,
    options?: SendOptions
  ) => Effect.Effect<Eventual<Rpc.Success<Current>, Rpc.Error<Current> | CallError>, SendError, Obj>
}

/**
 * The same, where nobody wants the answer.
 *
 * @since 0.1.0
 * @category models
 */
export type SendsOnly<Rpcs extends Rpc.Any> = {
  readonly [Current in Rpcs as Current["_tag"]]: (
    payload: Rpc.PayloadConstructor<Current>,
    options?: SendOptions
  ) => Effect.Effect<void, SendError, Obj>
}

interface RefBase<in out Name extends string, Rpcs extends Rpc.Any> extends Equal.Equal {
  readonly id: ObjectId
  readonly behaviour: Name
  readonly send: Sends<Rpcs>
  readonly sendOnly: SendsOnly<Rpcs>
}

/**
 * An object of a known behaviour. Its methods are the protocol.
 *
 * @since 0.1.0
 * @category models
 */
export type Ref<Name extends string, Rpcs extends Rpc.Any> = RefBase<Name, Rpcs> & Methods<Rpcs>

// ---------------------------------------------------------------------------
// handlers
// ---------------------------------------------------------------------------

/**
 * What a handler may fail with: what its message declares, and what every call can fail with anyway.
 *
 * @since 0.1.0
 * @category models
 */
export type HandlerError<Current extends Rpc.Any> = Rpc.Error<Current> | CallError

/**
 * A generator method, or a function that returns an Effect. Its errors and its place are checked by `CheckHandlers`.
 *
 * @since 0.1.0
 * @category models
 */
export type Handler<Current extends Rpc.Any> = (
  payload: Rpc.Payload<Current>
) =>
  | Generator<YieldWrap<Effect.Effect<unknown, unknown, unknown>>, Rpc.Success<Current>, never>
  | Effect.Effect<Rpc.Success<Current>, unknown, unknown>

/**
 * @since 0.1.0
 * @category models
 */
export type HandlersFrom<Rpcs extends Rpc.Any> = { readonly [Current in Rpcs as Current["_tag"]]: Handler<Current> }

/**
 * `unknown` for each handler in order, a sentence for each that is not.
 *
 * @since 0.1.0
 * @category models
 */
export type CheckHandlers<Rpcs extends Rpc.Any, Handlers> = {
  readonly [K in keyof Handlers]: K extends Rpcs["_tag"]
    ? CheckHandler<Extract<Rpcs, { readonly _tag: K }>, ErrorOf<Handlers[K]>, ContextOf<Handlers[K]>>
    : "The protocol has no message of this name."
}

/** The place comes first: what is in the wrong one has errors that nobody should declare. */
type CheckHandler<Current extends Rpc.Any, E, R> = [Extract<R, OutsideTx>] extends [never]
  ? [Extract<R, AnyInTx>] extends [never]
    ? [Exclude<E, HandlerError<Current>>] extends [never] ? unknown : Undeclared<Exclude<E, HandlerError<Current>>>
  : "A handler does not know whether it runs in a transaction: use Tx.retry and Tx.enlist in the body of Tx.transact."
  : "A handler runs in its caller's transaction, if there is one: no Tx.transact, teleport or await here. Use Tx.required."

type Undeclared<E> = E extends { readonly _tag: infer Tag extends string }
  ? `This handler fails with ${Tag}: declare it in the protocol, or handle it here.`
  : "This handler fails with an error its protocol does not declare."

/** What a handler does, seen as one effect; what `Effect.gen` would make of it. */
type EffectOf<H> = H extends (...args: never) => infer Return
  ? Return extends Generator<infer Y, infer A, infer _N> ? [Y] extends [never] ? Effect.Effect<A>
    : [Y] extends [YieldWrap<Effect.Effect<infer _A, infer E, infer R>>] ? Effect.Effect<A, E, R>
    : never
  : Return
  : never

type ErrorOf<H> = EffectOf<H> extends Effect.Effect<infer _A, infer E, infer _R> ? E : never

type ContextOf<H> = EffectOf<H> extends Effect.Effect<infer _A, infer _E, infer R> ? R : never

/**
 * The requirements of a record of handlers.
 *
 * @since 0.1.0
 * @category models
 */
export type HandlersContext<Handlers> = { readonly [K in keyof Handlers]: ContextOf<Handlers[K]> }[keyof Handlers]

// ---------------------------------------------------------------------------
// typed behaviours
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category models
 */
export interface Behaviour<in out Name extends string, in out State, in out Rpcs extends Rpc.Any> {
  readonly name: Name
  readonly protocol: ReadonlyArray<Rpcs>
  readonly stateSchema: Schema.Schema<State, Val>
  readonly initial: State

  /** Creates an object in its initial state. */
  readonly create: (options?: {
    readonly controller?: ControllerId
  }) => Effect.Effect<Ref<Name, Rpcs>, CreateError, Obj | Registered<Name>>

  /**
   * The object of this id, taken to be one of this behaviour; if it is not, calls fail with `InvalidInput`. The id may be
   * that of a promise (`Eventual.id`): then it can be sent to, before it is settled, and not called.
   */
  readonly ref: (id: ObjectId) => Ref<Name, Rpcs>

  /** References of this behaviour as data: for payloads, states and results. Encodes to the `ObjectId`. */
  readonly Ref: Schema.Schema<Ref<Name, Rpcs>, ObjectId>

  /** The running object, from its own handlers. */
  readonly self: Effect.Effect<Ref<Name, Rpcs>, never, Introspect | Self<Name>>

  /** The state of the running object, from its own handlers. */
  readonly state: Effect.Effect<State, StateError, Introspect | Self<Name>>

  /** A state that its schema refuses is a defect. */
  readonly setState: (state: State) => Effect.Effect<void, StateError, Introspect | Self<Name>>

  /**
   * Answers the new state. It is `getState` and `setState`: outside transactions and turns another fiber may change the
   * object in between, and that change is lost.
   */
  readonly updateState: (f: (state: State) => State) => Effect.Effect<State, StateError, Introspect | Self<Name>>

  /** Gives handlers their types where they are not written as the argument of `toLayer`. */
  readonly of: <Handlers extends HandlersFrom<Rpcs> & CheckHandlers<Rpcs, Handlers>>(handlers: Handlers) => Handlers

  /**
   * Registers the handlers. The application's own services that they use are captured here, so they are requirements of
   * the layer; instructions are not.
   */
  readonly toLayer: <Handlers extends HandlersFrom<Rpcs> & CheckHandlers<Rpcs, Handlers>, EX = never, RX = never>(
    build: Handlers | Effect.Effect<Handlers, EX, RX>
  ) => Layer.Layer<
    Registered<Name>,
    EX,
    Registry | Exclude<RX, Scope.Scope> | Exclude<HandlersContext<Handlers>, Safe | Registered<Name> | Self<Name>>
  >
}

/**
 * @since 0.1.0
 * @category models
 */
export type Any = Behaviour<string, unknown, Rpc.Any>

/**
 * `unknown` for each message that can be one, a sentence for each that cannot.
 *
 * @since 0.1.0
 * @category models
 */
export type CheckProtocol<Protocol> = { readonly [I in keyof Protocol]: CheckMessage<Protocol[I]> }

type CheckMessage<Current> = Current extends { readonly _tag: keyof RefBase<string, Rpc.Any> & string }
  ? `References have a member of this name already: ${Current["_tag"]}`
  : [Rpc.SuccessSchema<Current>] extends [RpcSchema.Stream<infer _A, infer _E>] ?
    "Messages have one answer: no streams."
  : [Rpc.Context<Current>] extends [never] ? unknown
  : "The schemas of a message must not need services."

/**
 * Declares a typed behaviour. What is encoded must be a `Val`: a `Schema.Date` may be in a state, a `DateFromSelf` not.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <
  const Name extends string,
  State,
  Encoded extends Val,
  const Protocol extends ReadonlyArray<Rpc.Any>
>(
  name: Name,
  options: {
    readonly state: Schema.Schema<State, Encoded>
    readonly initial: NoInfer<State>
    readonly protocol: Protocol & CheckProtocol<Protocol>
  }
): Behaviour<Name, State, Protocol[number]> =>
  // `internal/typed.ts` works on erased types: the protocol is data there. The signature above is the contract.
  typed.make(name, options as unknown as typed.Options) as unknown as Behaviour<Name, State, Protocol[number]>

// ---------------------------------------------------------------------------
// raw behaviours
// ---------------------------------------------------------------------------

/**
 * A program that runs once per message: `Introspect.input` is the message, the list its outputs.
 *
 * @since 0.1.0
 * @category models
 */
export type RawProgram =
  | Effect.Effect<ReadonlyArray<Val>, AvmError, unknown>
  | (() => Generator<YieldWrap<Effect.Effect<unknown, AvmError, unknown>>, ReadonlyArray<Val>, never>)

/**
 * Registers a program as the behaviour `name`. Nothing but its errors is checked by the compiler; create its objects with
 * `Obj.create(name)`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerRaw = <const Name extends string, P extends RawProgram>(
  name: Name,
  program: P
): Layer.Layer<
  Registered<Name>,
  never,
  | Registry
  | Exclude<P extends Effect.Effect<infer _A, infer _E, infer R> ? R : ContextOf<P>, Safe | OutsideTx | AnyInTx>
> => {
  const identity = {}
  const raw: RawProgram = program
  const body = Effect.isEffect(raw) ? raw : Effect.gen(raw)
  const native = Effect.isEffect(raw) ? {} : { generator: raw }
  // The services that are not instructions are captured with the registration, and the machine provides the rest.
  return registering((services) => ({ name, program: body as Program, ...native, services, initial: [], identity }))
}

// ---------------------------------------------------------------------------
// operations
// ---------------------------------------------------------------------------

/**
 * Merges layers of behaviours that create each other's objects, which no order of providing could satisfy.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerAll = <
  const Layers extends readonly [
    Layer.Layer<never, unknown, unknown>,
    ...ReadonlyArray<Layer.Layer<never, unknown, unknown>>
  ]
>(...layers: Layers): Layer.Layer<
  SuccessOf<Layers>,
  Layer.Layer.Error<Layers[number]>,
  Exclude<Layer.Layer.Context<Layers[number]>, SuccessOf<Layers>>
> =>
  // `Registered` is a requirement in types alone: the layers need nothing of one another to be built.
  Layer.mergeAll(...layers) as Layer.Layer<never, unknown, unknown> as Layer.Layer<
    SuccessOf<Layers>,
    Layer.Layer.Error<Layers[number]>,
    Exclude<Layer.Layer.Context<Layers[number]>, SuccessOf<Layers>>
  >

type SuccessOf<Layers> = {
  readonly [I in keyof Layers]: Layers[I] extends Layer.Layer<infer Out, infer _E, infer _In> ? Out : never
}[keyof Layers & number]

/**
 * Refuses the message that is being handled: the caller gets `ObjectRejectedCall`.
 *
 * @since 0.1.0
 * @category instructions
 */
export const reject: Effect.Effect<never, ObjectRejectedCall, Introspect> = Effect.flatMap(
  self,
  (id) => Effect.flatMap(input, (input) => Effect.fail(new ObjectRejectedCall({ id, input }, true)))
)

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const registering = <Name extends string, R>(
  registration: (services: Context.Context<never>) => Registration
): Layer.Layer<Registered<Name>, never, Registry | R> =>
  // `Registered` exists in types alone, so the context that provides it is empty.
  Layer.effectContext(Effect.gen(function*() {
    const registry = yield* Registry
    yield* registry.register(registration(yield* Effect.context<never>()))
    return Context.empty() as Context.Context<Registered<Name>>
  }))
