/**
 * The Introspect family: what a running object knows about itself.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { ContextUnavailable, InvalidVal, StoreError } from "./AvmError.js"
import type { Instr } from "./Instr.js"
import { define, erase } from "./internal/instruction.js"
import { MachineId } from "./MachineId.js"
import { ObjectId } from "./ObjectId.js"
import { type Val, ValFromJson } from "./Val.js"

/**
 * @since 0.1.0
 * @category errors
 */
export type StateError = ContextUnavailable | StoreError

/**
 * @since 0.1.0
 * @category errors
 */
export type SetStateError = StateError | InvalidVal

/**
 * @since 0.1.0
 * @category services
 */
export interface Service {
  readonly self: Effect.Effect<ObjectId>
  readonly input: Effect.Effect<Val>
  readonly sender: Effect.Effect<Option.Option<ObjectId>>
  readonly currentMachine: Effect.Effect<MachineId>
  readonly getState: Effect.Effect<Val, StateError>
  readonly setState: (state: Val) => Effect.Effect<void, SetStateError>
}

/**
 * @since 0.1.0
 * @category services
 */
export class Introspect extends Context.Tag("@effect-avm/core/Introspect")<Introspect, Service>() {}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface Self extends Instr<"Introspect.self", {}, ObjectId, never, Introspect> {}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface Input extends Instr<"Introspect.input", {}, Val, never, Introspect> {}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface Sender extends Instr<"Introspect.sender", {}, Option.Option<ObjectId>, never, Introspect> {}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface CurrentMachine extends Instr<"Introspect.currentMachine", {}, MachineId, never, Introspect> {}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface GetState extends Instr<"Introspect.getState", {}, Val, StateError, Introspect> {}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface SetState
  extends Instr<"Introspect.setState", { readonly state: Val }, void, SetStateError, Introspect>
{}

const family = erase(Introspect)

const make = {
  self: define<Self>("Introspect.self", { family, args: Schema.Struct({}), answer: ObjectId }),
  input: define<Input>("Introspect.input", { family, args: Schema.Struct({}), answer: ValFromJson }),
  sender: define<Sender>("Introspect.sender", { family, args: Schema.Struct({}), answer: Schema.Option(ObjectId) }),
  currentMachine: define<CurrentMachine>("Introspect.currentMachine", {
    family,
    args: Schema.Struct({}),
    answer: MachineId
  }),
  getState: define<GetState>("Introspect.getState", { family, args: Schema.Struct({}), answer: ValFromJson }),
  setState: define<SetState>("Introspect.setState", {
    family,
    params: ["state"],
    perform: (member, cell, { state }) => member(cell, state),
    args: Schema.Struct({ state: ValFromJson }),
    answer: Schema.Void
  })
}

/**
 * @internal
 */
export const definitions = Object.values(make).map((_) => _.definition)

/**
 * @since 0.1.0
 * @category instructions
 */
export const self: Self = make.self({})

/**
 * @since 0.1.0
 * @category instructions
 */
export const input: Input = make.input({})

/**
 * @since 0.1.0
 * @category instructions
 */
export const sender: Sender = make.sender({})

/**
 * @since 0.1.0
 * @category instructions
 */
export const currentMachine: CurrentMachine = make.currentMachine({})

/**
 * @since 0.1.0
 * @category instructions
 */
export const getState: GetState = make.getState({})

/**
 * @since 0.1.0
 * @category instructions
 */
export const setState = (state: Val): SetState => make.setState({ state })
