/**
 * The Object family: creating objects, destroying them, calling them now, sending them messages for later.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import {
  type AvmError,
  BehaviourNotFound,
  ContextUnavailable,
  ControllerUnreachable,
  CrossControllerTx,
  InvalidDuringTx,
  InvalidInput,
  type InvalidVal,
  MachineUnreachable,
  MailboxFull,
  type ObjectAlreadyDestroyed,
  ObjectHasNoController,
  type ObjectNotAvailable,
  ObjectNotFound,
  ObjectRejectedCall,
  StoreError
} from "./AvmError.js"
import { ControllerId } from "./ControllerId.js"
import type { Instr } from "./Instr.js"
import { define, erase } from "./internal/instruction.js"
import { make as makeObjectId, ObjectId } from "./ObjectId.js"
import type { OutsideTx } from "./TxPlace.js"
import { type Val, ValFromJson } from "./Val.js"

// ---------------------------------------------------------------------------
// errors
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category errors
 */
export type CreateError = BehaviourNotFound | CrossControllerTx | ControllerUnreachable | StoreError

/**
 * @since 0.1.0
 * @category errors
 */
export type DestroyError =
  | ObjectNotFound
  | ObjectAlreadyDestroyed
  | ObjectHasNoController
  | ObjectNotAvailable
  | CrossControllerTx
  | ControllerUnreachable
  | StoreError

/**
 * What any call can fail with, whatever the object does. A typed behaviour lets nothing else of the machine's through,
 * so this plus the declared error is all that a typed call fails with.
 *
 * @since 0.1.0
 * @category errors
 */
export type CallError =
  | ObjectNotFound
  | InvalidInput
  | ObjectRejectedCall
  | BehaviourNotFound
  | ContextUnavailable
  | InvalidDuringTx
  | MachineUnreachable
  | CrossControllerTx
  | ObjectHasNoController
  | ControllerUnreachable
  | MailboxFull
  | StoreError

/**
 * @since 0.1.0
 * @category errors
 */
export type ReceiveError = ContextUnavailable | StoreError

/**
 * Whether the receiver exists is found out when the message is delivered.
 *
 * @since 0.1.0
 * @category errors
 */
export type SendError = InvalidVal | MailboxFull | StoreError

/**
 * `Effect.catchIf(Obj.isCallError, …)` leaves the declared errors.
 *
 * @since 0.1.0
 * @category errors
 */
export const isCallError: (u: unknown) => u is CallError = Schema.is(Schema.Union(
  ObjectNotFound,
  InvalidInput,
  ObjectRejectedCall,
  BehaviourNotFound,
  ContextUnavailable,
  InvalidDuringTx,
  MachineUnreachable,
  CrossControllerTx,
  ObjectHasNoController,
  ControllerUnreachable,
  MailboxFull,
  StoreError
))

// ---------------------------------------------------------------------------
// service
// ---------------------------------------------------------------------------

/**
 * What gives the instructions of this family their meaning.
 *
 * @since 0.1.0
 * @category services
 */
export interface Service {
  /**
   * With `home`, an object that is created outside a transaction and for no controller is created for the home controller
   * (A32). A service that wraps this member passes it on.
   */
  readonly create: (
    behaviour: string,
    controller: Option.Option<ControllerId>,
    home?: boolean
  ) => Effect.Effect<ObjectId, CreateError>
  readonly destroy: (id: ObjectId) => Effect.Effect<true, DestroyError>
  /**
   * `behaviour` is the name that a typed reference believes in: an object of another one answers `InvalidInput` (A35).
   * A service that wraps this member passes it on.
   */
  readonly call: (id: ObjectId, input: Val, behaviour?: string) => Effect.Effect<Option.Option<Val>, AvmError>
  readonly receive: Effect.Effect<Option.Option<Val>, ReceiveError>
  /** `behaviour` as with `call`; `key` see `SendOptions`. */
  readonly send: (id: ObjectId, message: Val, behaviour?: string, key?: string) => Effect.Effect<Promised, SendError>
  readonly sendOnly: (id: ObjectId, message: Val, behaviour?: string, key?: string) => Effect.Effect<void, SendError>
  readonly await: (promise: ObjectId) => Effect.Effect<Option.Option<Val>, AvmError>
  readonly forward: (promise: ObjectId, on: Forward["args"]["on"], to: ObjectId, tag: string) => Effect.Effect<
    void,
    SendError
  >
  readonly emit: (channel: string, payload: Val, answer: Emit["args"]["answer"]) => Effect.Effect<void, SendError>
}

/**
 * @since 0.1.0
 * @category services
 */
export class Obj extends Context.Tag("@effect-avm/core/Obj")<Obj, Service>() {}

// ---------------------------------------------------------------------------
// promises
// ---------------------------------------------------------------------------

/**
 * What a message sent will answer, once its turn has committed. Broken with the error if the turn fails.
 *
 * @since 0.1.0
 * @category models
 */
export interface Eventual<out A, out E> {
  /**
   * The promise itself, as a reference: messages sent to it wait until it is settled, then go on, in order, to the object
   * that it resolves to. If it breaks, or is no object, their answers break as well.
   */
  readonly id: ObjectId
  /** Waits. Not inside a transaction or a behaviour: the message leaves only when that one has committed. */
  readonly await: Effect.Effect<A, E, Obj | OutsideTx>
  /** Sends `[tag, answer]` to `to` in a turn of its own, when the answer is there. Data, so that it survives a restart. */
  readonly onResolved: (to: ObjectId, tag: string) => Effect.Effect<void, SendError, Obj>
  /** Sends `[tag, error]`, the error as JSON, when the promise breaks. */
  readonly onBroken: (to: ObjectId, tag: string) => Effect.Effect<void, SendError, Obj>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface SendOptions {
  /**
   * Names the message, in the whole store: one that is sent again under the same key is the same message. It is processed
   * once, and every sender gets its answer. For what comes from outside, and may come twice. A store remembers keys for as
   * long as answers (`Mailboxes.Service.promised`).
   */
  readonly key?: string
  /** What the sender believes the object to be; one of another behaviour answers `InvalidInput` (A35). */
  readonly behaviour?: string
}

/**
 * What a raw message will answer: the first output of the behaviour.
 *
 * @since 0.1.0
 * @category models
 */
export type Promised = Eventual<Option.Option<Val>, AvmError>

/**
 * The id of the message that is sent under this key, and of its promise.
 *
 * @since 0.1.0
 * @category constructors
 */
export const keyed = (key: string): ObjectId => makeObjectId(`key:${key}`)

/**
 * The handle of a promise that is known by its id, such as one that was kept in a state.
 *
 * @since 0.1.0
 * @category constructors
 */
export const eventual = (promise: ObjectId): Promised => new PromisedImpl(promise)

// ---------------------------------------------------------------------------
// instructions
// ---------------------------------------------------------------------------

const family = erase(Obj)

const receiving = define<Receive>("Obj.receive", {
  family,
  args: Schema.Struct({}),
  answer: Schema.Option(ValFromJson)
})

/**
 * @since 0.1.0
 * @category instructions
 */
export interface Create extends
  Instr<
    "Obj.create",
    { readonly behaviour: string; readonly controller: Option.Option<ControllerId>; readonly home?: boolean },
    ObjectId,
    CreateError,
    Obj
  >
{}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface Destroy extends Instr<"Obj.destroy", { readonly id: ObjectId }, true, DestroyError, Obj> {}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface Call extends
  Instr<
    "Obj.call",
    { readonly id: ObjectId; readonly input: Val; readonly behaviour?: string },
    Option.Option<Val>,
    AvmError,
    Obj
  >
{}

/**
 * Creates an object of the named behaviour; inside a transaction it is usable at once and pending until commit.
 *
 * @since 0.1.0
 * @category instructions
 */
export const create = (behaviour: string, controller?: ControllerId): Create =>
  make.create({ behaviour, controller: Option.fromNullable(controller) })

/**
 * The same, as typed behaviours create: for the home controller where no other is to be had (A32).
 *
 * @since 0.1.0
 * @category instructions
 */
export const createTyped = (behaviour: string, controller?: ControllerId): Create =>
  make.create({ behaviour, controller: Option.fromNullable(controller), home: true })

/**
 * @since 0.1.0
 * @category instructions
 */
export const destroy = (id: ObjectId): Destroy => make.destroy({ id })

/**
 * Runs the object's behaviour on `input` and answers its first output. The callee may be anything, so every `AvmError`
 * may come through; a typed reference (`Behaviour`) has a smaller error.
 *
 * @since 0.1.0
 * @category instructions
 */
export const call = (id: ObjectId, input: Val): Call => make.call({ id, input })

/**
 * The same, for a reference that believes the object to be of this behaviour; if it is not, it answers `InvalidInput`
 * before anything runs (A35).
 *
 * @since 0.1.0
 * @category instructions
 */
export const callAs = (behaviour: string, id: ObjectId, input: Val): Call => make.call({ id, input, behaviour })

/**
 * @since 0.1.0
 * @category instructions
 */
export interface Receive extends Instr<"Obj.receive", {}, Option.Option<Val>, ReceiveError, Obj> {}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface Send extends
  Instr<
    "Obj.send",
    { readonly id: ObjectId; readonly message: Val } & SendOptions,
    Promised,
    SendError,
    Obj
  >
{}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface SendOnly extends
  Instr<
    "Obj.sendOnly",
    { readonly id: ObjectId; readonly message: Val } & SendOptions,
    void,
    SendError,
    Obj
  >
{}

/**
 * Waits for the answer that was promised.
 *
 * @since 0.1.0
 * @category instructions
 */
export interface Await
  extends Instr<"Obj.await", { readonly promise: ObjectId }, Option.Option<Val>, AvmError, Obj | OutsideTx>
{}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface Forward extends
  Instr<
    "Obj.forward",
    { readonly promise: ObjectId; readonly on: "resolved" | "broken"; readonly to: ObjectId; readonly tag: string },
    void,
    SendError,
    Obj
  >
{}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface Emit extends
  Instr<
    "Obj.emit",
    {
      readonly channel: string
      readonly payload: Val
      readonly answer: Option.Option<{ readonly to: ObjectId; readonly tag: string }>
    },
    void,
    SendError,
    Obj
  >
{}

/**
 * The next message of the running object's mailbox, of which it is removed (D23). Outside transactions it waits for one,
 * unless the machine is told otherwise; in a transaction, it answers none if nothing is there (A40).
 *
 * @since 0.1.0
 * @category instructions
 */
export const receive: Receive = receiving({})

/**
 * Delivers later, in a turn of its own; from inside a transaction, if and when that commits (D24, D25).
 *
 * @since 0.1.0
 * @category instructions
 */
export const send = (id: ObjectId, message: Val, options?: SendOptions): Send => make.send({ id, message, ...options })

/**
 * The same as `send`, where nobody wants the answer.
 *
 * @since 0.1.0
 * @category instructions
 */
export const sendOnly = (id: ObjectId, message: Val, options?: SendOptions): SendOnly =>
  make.sendOnly({ id, message, ...options })

/**
 * Puts something into the outbox, for the handler of the channel: it runs after the transaction has committed. `Outbox` has
 * the typed form.
 *
 * @since 0.1.0
 * @category instructions
 */
export const emit = (
  channel: string,
  payload: Val,
  answer?: { readonly to: ObjectId; readonly tag: string }
): Emit => make.emit({ channel, payload, answer: Option.fromNullable(answer) })

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

class PromisedImpl implements Promised {
  constructor(readonly id: ObjectId) {}
  get await(): Await {
    return make.await({ promise: this.id })
  }
  onResolved(to: ObjectId, tag: string): Forward {
    return make.forward({ promise: this.id, on: "resolved", to, tag })
  }
  onBroken(to: ObjectId, tag: string): Forward {
    return make.forward({ promise: this.id, on: "broken", to, tag })
  }
  [Equal.symbol](that: unknown): boolean {
    return that instanceof PromisedImpl && Equal.equals(this.id, that.id)
  }
  [Hash.symbol](): number {
    return Hash.hash(this.id)
  }
  toJSON(): unknown {
    return { _id: "Eventual", id: this.id.value }
  }
  toString(): string {
    return `Eventual(${this.id.value})`
  }
}

const PromisedFromId: Schema.Schema<Promised, string> = Schema.transform(
  ObjectId,
  Schema.declare((u): u is Promised => u instanceof PromisedImpl, { identifier: "Eventual" }),
  { strict: true, decode: eventual, encode: (promised) => promised.id }
)

const messageArgs = Schema.Struct({
  id: ObjectId,
  message: ValFromJson,
  behaviour: Schema.optionalWith(Schema.String, { exact: true }),
  key: Schema.optionalWith(Schema.String, { exact: true })
})

const make = {
  receive: receiving,
  create: define<Create>("Obj.create", {
    family,
    params: ["behaviour", "controller", "home"],
    perform: (member, cell, { behaviour, controller, home }) => member(cell, behaviour, controller, home),
    args: Schema.Struct({
      behaviour: Schema.String,
      controller: Schema.Option(ControllerId),
      home: Schema.optionalWith(Schema.Boolean, { exact: true })
    }),
    answer: ObjectId
  }),
  destroy: define<Destroy>("Obj.destroy", {
    family,
    params: ["id"],
    args: Schema.Struct({ id: ObjectId }),
    answer: Schema.Literal(true)
  }),
  call: define<Call>("Obj.call", {
    family,
    params: ["id", "input", "behaviour"],
    perform: (member, cell, { behaviour, id, input }) => member(cell, id, input, behaviour),
    args: Schema.Struct({
      id: ObjectId,
      input: ValFromJson,
      behaviour: Schema.optionalWith(Schema.String, { exact: true })
    }),
    answer: Schema.Option(ValFromJson)
  }),
  send: define<Send>("Obj.send", {
    family,
    params: ["id", "message", "behaviour", "key"],
    args: messageArgs,
    answer: PromisedFromId
  }),
  sendOnly: define<SendOnly>("Obj.sendOnly", {
    family,
    params: ["id", "message", "behaviour", "key"],
    args: messageArgs,
    answer: Schema.Void
  }),
  await: define<Await>("Obj.await", {
    family,
    params: ["promise"],
    args: Schema.Struct({ promise: ObjectId }),
    answer: Schema.Option(ValFromJson)
  }),
  forward: define<Forward>("Obj.forward", {
    family,
    params: ["promise", "on", "to", "tag"],
    args: Schema.Struct({
      promise: ObjectId,
      on: Schema.Literal("resolved", "broken"),
      to: ObjectId,
      tag: Schema.String
    }),
    answer: Schema.Void
  }),
  emit: define<Emit>("Obj.emit", {
    family,
    params: ["channel", "payload", "answer"],
    args: Schema.Struct({
      channel: Schema.String,
      payload: ValFromJson,
      answer: Schema.Option(Schema.Struct({ to: ObjectId, tag: Schema.String }))
    }),
    answer: Schema.Void
  })
}

/**
 * @internal
 */
export const definitions = Object.values(make).map((_) => _.definition)
