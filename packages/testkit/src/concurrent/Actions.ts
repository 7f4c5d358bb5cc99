/**
 * The actions of concurrent programs, and the behaviour of the objects that they meet at.
 *
 * The state of an `account` is a number and a mark; no two writes have the same mark. It starts as the empty list.
 *
 * @since 0.1.0
 */
import {
  Controller,
  ControllerId,
  Introspect,
  Machine,
  MachineId,
  Obj,
  ObjectId,
  Reflect,
  type Val
} from "@effect-avm/core"
import * as Option from "effect/Option"
import { missing } from "../Behaviours.js"
import { ask, type Instruction, reject, type Script } from "../Script.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * An instruction: a message to an account, or something that is done with one.
 *
 * @since 0.1.0
 * @category models
 */
export type Action =
  | { readonly op: "get" | "set" | "touch" | "refuse" | "spawn"; readonly object: number }
  | { readonly op: "add"; readonly object: number; readonly amount: number }
  | { readonly op: "pay"; readonly object: number; readonly other: number; readonly amount: number }
  | { readonly op: "copy" | "compare"; readonly object: number; readonly other: number }
  | { readonly op: "controllerOf" | "machineOf" | "reflect" | "destroy"; readonly object: number }
  | { readonly op: "scry"; readonly owner: string }
  | { readonly op: "create"; readonly owner: string | null }
  | { readonly op: "transfer"; readonly object: number; readonly owner: string }
  | { readonly op: "move"; readonly object: number; readonly machine: string }

/**
 * Actions each by itself, in a transaction of raw instructions, in a bracket, or in a read-only one. A raw transaction that
 * is ended by nothing stays open; a bracket fails on purpose or is tried again as often as it says.
 *
 * @since 0.1.0
 * @category models
 */
export type Block =
  | { readonly kind: "alone"; readonly actions: ReadonlyArray<Action> }
  | {
    readonly kind: "raw"
    readonly lock: string | null
    readonly actions: ReadonlyArray<Action>
    readonly end: "abort" | "commit" | "nothing"
  }
  | {
    readonly kind: "bracket"
    readonly lock: string | null
    readonly actions: ReadonlyArray<Action>
    readonly retries: number
    readonly fails: boolean
  }
  | { readonly kind: "readOnly"; readonly lock: string | null; readonly actions: ReadonlyArray<Action> }

/**
 * @since 0.1.0
 * @category models
 */
export interface Concurrent {
  /** The home controller; null for none. */
  readonly home: string | null
  /** Whether the store yields within instructions, too. */
  readonly yielding: boolean
  /** The owners of the objects that are there before the programs start. */
  readonly shared: ReadonlyArray<string | null>
  readonly programs: ReadonlyArray<ReadonlyArray<Block>>
}

// ---------------------------------------------------------------------------
// instructions
// ---------------------------------------------------------------------------

/**
 * The instruction that an action is, for a program that knows these objects. What it writes has this mark.
 *
 * @since 0.1.0
 * @category conversions
 */
export const instructionOf = (
  action: Action,
  known: ReadonlyArray<ObjectId.ObjectId>,
  mark: string
): Instruction => {
  const at = (index: number) => known[index % known.length] ?? missing
  switch (action.op) {
    case "get":
    case "set":
    case "touch":
    case "refuse":
    case "spawn":
      return Obj.call(at(action.object), [action.op, mark])
    case "add":
      return Obj.call(at(action.object), ["add", mark, action.amount])
    case "pay":
      return Obj.call(at(action.object), ["pay", mark, action.amount, at(action.other)])
    case "copy":
    case "compare":
      return Obj.call(at(action.object), [action.op, mark, 0, at(action.other)])
    case "controllerOf":
      return Controller.getController(at(action.object))
    case "machineOf":
      return Machine.getMachine(at(action.object))
    case "reflect":
      return Reflect.reflect(at(action.object))
    case "scry": {
      const wanted = ControllerId.make(action.owner)
      return Reflect.scryMeta(({ currentController }) => Option.contains(currentController, wanted))
    }
    case "create":
      return Obj.create("account", action.owner === null ? undefined : ControllerId.make(action.owner))
    case "destroy":
      return Obj.destroy(at(action.object))
    case "transfer":
      return Controller.transfer(at(action.object), ControllerId.make(action.owner))
    case "move":
      return Machine.moveObject(at(action.object), MachineId.make(action.machine))
  }
}

// ---------------------------------------------------------------------------
// the behaviour
// ---------------------------------------------------------------------------

/**
 * What every object does. `set` writes without reading, `copy` reads another and writes itself, `compare` reads two.
 *
 * @since 0.1.0
 * @category behaviours
 */
export const account: Script = function*() {
  const input = yield* ask(Introspect.input)
  if (!Array.isArray(input)) return yield* reject()
  const [op, mark, amount, other]: ReadonlyArray<Val.Val | undefined> = input
  if (typeof mark !== "string") return yield* reject()
  switch (op) {
    case "get":
      return [yield* ask(Introspect.getState)]
    case "set":
      yield* ask(Introspect.setState([0, mark]))
      return []
    case "touch":
      return [mark]
    case "spawn":
      return [yield* ask(Obj.create("account"))]
  }
  if (op === "add" && typeof amount === "number") {
    const sum = balance(yield* ask(Introspect.getState)) + amount
    yield* ask(Introspect.setState([sum, mark]))
    return [sum]
  }
  if (!ObjectId.isObjectId(other)) return yield* reject()
  const before = yield* ask(Introspect.getState)
  switch (op) {
    case "pay":
      if (typeof amount !== "number") break
      yield* ask(Introspect.setState([balance(before) - amount, mark]))
      return Option.toArray(yield* ask(Obj.call(other, ["add", mark, amount])))
    case "copy": {
      const found = Option.getOrElse(yield* ask(Obj.call(other, ["get", mark])), () => null)
      yield* ask(Introspect.setState([balance(found), mark]))
      return [found]
    }
    case "compare":
      return [[before, Option.getOrElse(yield* ask(Obj.call(other, ["get", mark])), () => null)]]
  }
  return yield* reject()
}

const balance = (state: Val.Val): number => {
  const first: unknown = Array.isArray(state) ? state[0] : undefined
  return typeof first === "number" ? first : 0
}
