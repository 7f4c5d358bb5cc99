/**
 * The Reify family: the execution as data. The context is safe to see; transaction and constraints are not.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { ControllerId } from "./ControllerId.js"
import type { Instr } from "./Instr.js"
import { define, erase } from "./internal/instruction.js"
import { MachineId } from "./MachineId.js"
import { ObjectId } from "./ObjectId.js"
import { TxId } from "./TxId.js"
import { type Val, ValFromJson } from "./Val.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface ReifiedContext {
  readonly self: ObjectId
  readonly input: Val
  readonly sender: Option.Option<ObjectId>
  readonly machine: MachineId
  readonly controller: Option.Option<ControllerId>
}

/**
 * The running transaction (A15).
 *
 * @since 0.1.0
 * @category models
 */
export interface ReifiedTxState {
  readonly txId: TxId
  readonly writes: ReadonlyArray<readonly [id: ObjectId, input: Val]>
  readonly creates: ReadonlyArray<ObjectId>
  readonly destroys: ReadonlyArray<ObjectId>
  readonly observed: ReadonlyArray<ObjectId>
  readonly transfers: ReadonlyArray<readonly [id: ObjectId, controller: ControllerId]>
  readonly moves: ReadonlyArray<readonly [id: ObjectId, machine: MachineId]>
  readonly states: ReadonlyArray<readonly [id: ObjectId, state: Val]>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface ReifiedConstraints {
  readonly variables: ReadonlyArray<readonly [id: string, domain: ReadonlyArray<Val>]>
  readonly constraints: ReadonlyArray<Val>
}

/**
 * @since 0.1.0
 * @category services
 */
export class Reify extends Context.Tag("@effect-avm/core/Reify")<Reify, {
  readonly context: Effect.Effect<ReifiedContext>
}>() {}

/**
 * **Unsafe**: a program that needs it runs only where it is granted (`Avm.layerUnsafe`).
 *
 * @since 0.1.0
 * @category services
 */
export class UnsafeReify extends Context.Tag("@effect-avm/core/UnsafeReify")<UnsafeReify, {
  readonly txState: Effect.Effect<Option.Option<ReifiedTxState>>
  readonly constraints: Effect.Effect<ReifiedConstraints>
}>() {}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface ReifyContext extends Instr<"Reify.context", {}, ReifiedContext, never, Reify> {}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface ReifyTxState extends Instr<"Reify.txState", {}, Option.Option<ReifiedTxState>, never, UnsafeReify> {}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface ReifyConstraints extends Instr<"Reify.constraints", {}, ReifiedConstraints, never, UnsafeReify> {}

const make = {
  context: define<ReifyContext>("Reify.context", {
    family: erase(Reify),
    args: Schema.Struct({}),
    answer: Schema.Struct({
      self: ObjectId,
      input: ValFromJson,
      sender: Schema.Option(ObjectId),
      machine: MachineId,
      controller: Schema.Option(ControllerId)
    })
  })
}

const makeUnsafe = {
  txState: define<ReifyTxState>("Reify.txState", {
    family: erase(UnsafeReify),
    args: Schema.Struct({}),
    answer: Schema.Option(Schema.Struct({
      txId: TxId,
      writes: Schema.Array(Schema.Tuple(ObjectId, ValFromJson)),
      creates: Schema.Array(ObjectId),
      destroys: Schema.Array(ObjectId),
      observed: Schema.Array(ObjectId),
      transfers: Schema.Array(Schema.Tuple(ObjectId, ControllerId)),
      moves: Schema.Array(Schema.Tuple(ObjectId, MachineId)),
      states: Schema.Array(Schema.Tuple(ObjectId, ValFromJson))
    }))
  }),
  constraints: define<ReifyConstraints>("Reify.constraints", {
    family: erase(UnsafeReify),
    args: Schema.Struct({}),
    answer: Schema.Struct({
      variables: Schema.Array(Schema.Tuple(Schema.String, Schema.Array(ValFromJson))),
      constraints: Schema.Array(ValFromJson)
    })
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

/**
 * @since 0.1.0
 * @category instructions
 */
export const context: ReifyContext = make.context({})
/**
 * None outside a transaction.
 *
 * @since 0.1.0
 * @category instructions
 */
export const txState: ReifyTxState = makeUnsafe.txState({})

/**
 * @since 0.1.0
 * @category instructions
 */
export const constraints: ReifyConstraints = makeUnsafe.constraints({})
