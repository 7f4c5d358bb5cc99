/**
 * The Pure family: functions known to the machine by name, versioned and hashed.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type {
  FunctionAlreadyRegistered,
  FunctionNotFound,
  InvalidVal,
  StoreError,
  VersionConflict
} from "./AvmError.js"
import type { Instr } from "./Instr.js"
import { define, erase } from "./internal/instruction.js"
import { type Val, ValFromJson } from "./Val.js"

/**
 * None means: these arguments are not mine. Throwing is a defect of the function.
 *
 * @since 0.1.0
 * @category models
 */
export type PureFunction = (args: ReadonlyArray<Val>) => Option.Option<Val>

/**
 * @since 0.1.0
 * @category errors
 */
export type UpdateError = FunctionNotFound | VersionConflict | StoreError

/**
 * @since 0.1.0
 * @category errors
 */
export type RegisterError = FunctionAlreadyRegistered | StoreError

/**
 * @since 0.1.0
 * @category models
 */
export interface UpdateOptions {
  /** Fails with `VersionConflict` unless this is the version in force. */
  readonly expectedVersion?: number
}

/**
 * @since 0.1.0
 * @category services
 */
export class Pure extends Context.Tag("@effect-avm/core/Pure")<Pure, {
  readonly call: (name: string, args: ReadonlyArray<Val>) => Effect.Effect<Option.Option<Val>, InvalidVal | StoreError>
  readonly update: (name: string, fn: PureFunction, options?: UpdateOptions) => Effect.Effect<true, UpdateError>
}>() {}

/**
 * **Unsafe**: a program that needs it runs only where it is granted (`Avm.layerUnsafe`).
 *
 * @since 0.1.0
 * @category services
 */
export class UnsafePure extends Context.Tag("@effect-avm/core/UnsafePure")<UnsafePure, {
  readonly register: (name: string, fn: PureFunction) => Effect.Effect<true, RegisterError>
}>() {}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface Call extends
  Instr<
    "Pure.call",
    { readonly name: string; readonly args: ReadonlyArray<Val> },
    Option.Option<Val>,
    InvalidVal | StoreError,
    Pure
  >
{}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface Update extends
  Instr<
    "Pure.update",
    { readonly name: string; readonly fn: PureFunction; readonly options: UpdateOptions },
    true,
    UpdateError,
    Pure
  >
{}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface Register
  extends Instr<"Pure.register", { readonly name: string; readonly fn: PureFunction }, true, RegisterError, UnsafePure>
{}

/**
 * None if nothing of this name is registered, or it rejects its arguments.
 *
 * @since 0.1.0
 * @category instructions
 */
export const call = (name: string, args: ReadonlyArray<Val>): Call => make.call({ name, args })

/**
 * @since 0.1.0
 * @category instructions
 */
export const update = (name: string, fn: PureFunction, options?: UpdateOptions): Update =>
  make.update({ name, fn, options: options ?? {} })

/**
 * @since 0.1.0
 * @category instructions
 */
export const register = (name: string, fn: PureFunction): Register => makeUnsafe.register({ name, fn })

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const make = {
  call: define<Call>("Pure.call", {
    family: erase(Pure),
    params: ["name", "args"],
    args: Schema.Struct({ name: Schema.String, args: Schema.Array(ValFromJson) }),
    answer: Schema.Option(ValFromJson)
  }),
  update: define<Update>("Pure.update", {
    family: erase(Pure),
    params: ["name", "fn", "options"],
    answer: Schema.Literal(true)
  })
}

const makeUnsafe = {
  register: define<Register>("Pure.register", {
    family: erase(UnsafePure),
    params: ["name", "fn"],
    answer: Schema.Literal(true)
  })
}

/**
 * @internal
 */
export const definitions = Object.values(make).map((_) => _.definition)

/**
 * @internal
 */
export const unsafeDefinitions = Object.values(makeUnsafe).map((_) => _.definition)
