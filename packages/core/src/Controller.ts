/**
 * The Controller family: who orders the transactions of an object.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type {
  ControllerUnreachable,
  CrossControllerTx,
  FreezeFailed,
  ObjectNotFound,
  StoreError,
  UnauthorizedTransfer
} from "./AvmError.js"
import { ControllerId } from "./ControllerId.js"
import type { Instr } from "./Instr.js"
import { define, erase } from "./internal/instruction.js"
import { ObjectId } from "./ObjectId.js"

/**
 * @since 0.1.0
 * @category errors
 */
export type TransferError =
  | ObjectNotFound
  | UnauthorizedTransfer
  | CrossControllerTx
  | ControllerUnreachable
  | StoreError

/**
 * @since 0.1.0
 * @category errors
 */
export type FreezeError = FreezeFailed | CrossControllerTx | StoreError

/**
 * @since 0.1.0
 * @category services
 */
export interface Service {
  readonly current: Effect.Effect<Option.Option<ControllerId>>
  readonly getController: (id: ObjectId) => Effect.Effect<Option.Option<ControllerId>, StoreError>
  readonly transfer: (id: ObjectId, controller: ControllerId) => Effect.Effect<true, TransferError>
  readonly freeze: (id: ObjectId) => Effect.Effect<Option.Option<boolean>, FreezeError>
}

/**
 * @since 0.1.0
 * @category services
 */
export class Controller extends Context.Tag("@effect-avm/core/Controller")<Controller, Service>() {}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface Current extends Instr<"Controller.current", {}, Option.Option<ControllerId>, never, Controller> {}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface GetController
  extends
    Instr<"Controller.getController", { readonly id: ObjectId }, Option.Option<ControllerId>, StoreError, Controller>
{}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface Transfer extends
  Instr<
    "Controller.transfer",
    { readonly id: ObjectId; readonly controller: ControllerId },
    true,
    TransferError,
    Controller
  >
{}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface Freeze
  extends Instr<"Controller.freeze", { readonly id: ObjectId }, Option.Option<boolean>, FreezeError, Controller>
{}

const family = erase(Controller)

const make = {
  current: define<Current>("Controller.current", {
    family,
    args: Schema.Struct({}),
    answer: Schema.Option(ControllerId)
  }),
  getController: define<GetController>("Controller.getController", {
    family,
    params: ["id"],
    args: Schema.Struct({ id: ObjectId }),
    answer: Schema.Option(ControllerId)
  }),
  transfer: define<Transfer>("Controller.transfer", {
    family,
    params: ["id", "controller"],
    args: Schema.Struct({ id: ObjectId, controller: ControllerId }),
    answer: Schema.Literal(true)
  }),
  freeze: define<Freeze>("Controller.freeze", {
    family,
    params: ["id"],
    args: Schema.Struct({ id: ObjectId }),
    answer: Schema.Option(Schema.Boolean)
  })
}

/**
 * @internal
 */
export const definitions = Object.values(make).map((_) => _.definition)

/**
 * The controller of the running transaction, if it has one by now.
 *
 * @since 0.1.0
 * @category instructions
 */
export const current: Current = make.current({})

/**
 * @since 0.1.0
 * @category instructions
 */
export const getController = (id: ObjectId): GetController => make.getController({ id })

/**
 * @since 0.1.0
 * @category instructions
 */
export const transfer = (id: ObjectId, controller: ControllerId): Transfer => make.transfer({ id, controller })

/**
 * @since 0.1.0
 * @category instructions
 */
export const freeze = (id: ObjectId): Freeze => make.freeze({ id })
