/**
 * The Machine family: where execution and objects are.
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
  MachineUnreachable,
  ObjectHasNoController,
  ObjectNotAvailable,
  ObjectNotFound,
  StoreError,
  TeleportDuringTx
} from "./AvmError.js"
import type { Instr } from "./Instr.js"
import { define, erase } from "./internal/instruction.js"
import { MachineId } from "./MachineId.js"
import { ObjectId } from "./ObjectId.js"
import type { OutsideTx } from "./TxPlace.js"

/**
 * @since 0.1.0
 * @category errors
 */
export type TeleportError = MachineUnreachable | TeleportDuringTx

/**
 * @since 0.1.0
 * @category errors
 */
export type FetchError =
  | MachineUnreachable
  | ObjectHasNoController
  | CrossControllerTx
  | ControllerUnreachable
  | StoreError

/**
 * @since 0.1.0
 * @category errors
 */
export type MoveError = ObjectNotFound | ObjectNotAvailable | FetchError

/**
 * @since 0.1.0
 * @category services
 */
export interface Service {
  readonly getMachine: (id: ObjectId) => Effect.Effect<Option.Option<MachineId>, StoreError>
  readonly teleport: (machine: MachineId) => Effect.Effect<true, TeleportError>
  readonly moveObject: (id: ObjectId, machine: MachineId) => Effect.Effect<true, MoveError>
  readonly fetch: (id: ObjectId) => Effect.Effect<boolean, FetchError>
}

/**
 * @since 0.1.0
 * @category services
 */
export class Machine extends Context.Tag("@effect-avm/core/Machine")<Machine, Service>() {}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface GetMachine
  extends Instr<"Machine.getMachine", { readonly id: ObjectId }, Option.Option<MachineId>, StoreError, Machine>
{}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface Teleport
  extends Instr<"Machine.teleport", { readonly machine: MachineId }, true, TeleportError, Machine | OutsideTx>
{}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface MoveObject
  extends Instr<"Machine.moveObject", { readonly id: ObjectId; readonly machine: MachineId }, true, MoveError, Machine>
{}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface Fetch extends Instr<"Machine.fetch", { readonly id: ObjectId }, boolean, FetchError, Machine> {}

/**
 * @since 0.1.0
 * @category instructions
 */
export const getMachine = (id: ObjectId): GetMachine => make.getMachine({ id })
/**
 * Execution goes on at `machine`. Refused inside a bracket by the compiler, inside a raw transaction at run time.
 *
 * @since 0.1.0
 * @category instructions
 */
export const teleport = (machine: MachineId): Teleport => make.teleport({ machine })

/**
 * @since 0.1.0
 * @category instructions
 */
export const moveObject = (id: ObjectId, machine: MachineId): MoveObject => make.moveObject({ id, machine })
/**
 * Makes a replica here; false if the object is missing.
 *
 * @since 0.1.0
 * @category instructions
 */
export const fetch = (id: ObjectId): Fetch => make.fetch({ id })

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const family = erase(Machine)

const make = {
  getMachine: define<GetMachine>("Machine.getMachine", {
    family,
    params: ["id"],
    args: Schema.Struct({ id: ObjectId }),
    answer: Schema.Option(MachineId)
  }),
  teleport: define<Teleport>("Machine.teleport", {
    family,
    params: ["machine"],
    args: Schema.Struct({ machine: MachineId }),
    answer: Schema.Literal(true)
  }),
  moveObject: define<MoveObject>("Machine.moveObject", {
    family,
    params: ["id", "machine"],
    args: Schema.Struct({ id: ObjectId, machine: MachineId }),
    answer: Schema.Literal(true)
  }),
  fetch: define<Fetch>("Machine.fetch", {
    family,
    params: ["id"],
    args: Schema.Struct({ id: ObjectId }),
    answer: Schema.Boolean
  })
}

/**
 * @internal
 */
export const definitions = Object.values(make).map((_) => _.definition)
