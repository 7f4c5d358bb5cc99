/**
 * The Object family: creating objects, destroying them, sending them messages.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
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
  MachineUnreachable,
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
import { ObjectId } from "./ObjectId.js"
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
  | StoreError

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
}

/**
 * @since 0.1.0
 * @category services
 */
export class Obj extends Context.Tag("@effect-avm/core/Obj")<Obj, Service>() {}

// ---------------------------------------------------------------------------
// instructions
// ---------------------------------------------------------------------------

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

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const family = erase(Obj)

const make = {
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
  })
}

/**
 * @internal
 */
export const definitions = Object.values(make).map((_) => _.definition)
