/**
 * The behaviours and pure functions that the conformance vectors name (`test/conformance/BEHAVIOURS.md`), as scripts.
 *
 * Behaviours of generated programs are in `Steps`.
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
  type Pure,
  Reify,
  Tx,
  TxId,
  type Val
} from "@effect-avm/core"
import * as Option from "effect/Option"
import { ask, type Script } from "./Script.js"

/**
 * An id that is never given out.
 *
 * @since 0.1.0
 * @category constants
 */
export const missing: ObjectId.ObjectId = ObjectId.make("missing")

// ---------------------------------------------------------------------------
// counting, echoing
// ---------------------------------------------------------------------------

const counter: Script = function*() {
  const state = yield* ask(Introspect.getState)
  const first = isList(state) ? state[0] : undefined
  const next = isNatural(first) ? first + 1 : 1
  yield* ask(Introspect.setState([next]))
  return [next]
}

const echo: Script = function*() {
  return [yield* ask(Introspect.input)]
}

const silent: Script = function*() {
  return []
}

const multi: Script = function*() {
  return [1, 2, 3]
}

const introspector: Script = function*() {
  const self = yield* ask(Introspect.self)
  const input = yield* ask(Introspect.input)
  const sender = yield* ask(Introspect.sender)
  const machine = yield* ask(Introspect.currentMachine)
  const state = yield* ask(Introspect.getState)
  const controller = yield* ask(Controller.current)
  const context = yield* ask(Reify.context)
  return [[self, input, opt(sender), machine, state, opt(controller), [
    context.self,
    context.input,
    opt(context.sender),
    context.machine,
    opt(context.controller)
  ]]]
}

// ---------------------------------------------------------------------------
// state
// ---------------------------------------------------------------------------

const setGet: Script = function*() {
  const input = yield* ask(Introspect.input)
  const before = yield* ask(Introspect.getState)
  yield* ask(Introspect.setState([input]))
  return [[before, yield* ask(Introspect.getState)]]
}

const setTwice: Script = function*() {
  yield* ask(Introspect.setState([1]))
  yield* ask(Introspect.setState([2, 22]))
  return [yield* ask(Introspect.getState)]
}

const cell: Script = function*() {
  const input = yield* ask(Introspect.input)
  if (isList(input) && input.length === 2 && input[0] === "set") {
    yield* ask(Introspect.setState([input[1]]))
    return ["ok"]
  }
  return [yield* ask(Introspect.getState)]
}

const board: Script = function*() {
  const input = yield* ask(Introspect.input)
  const state = yield* ask(Introspect.getState)
  const ships: ReadonlyArray<Val.Val> = isList(state) ? state : []
  if (!isList(input)) return [bad]
  const [kind, x, y] = input
  if (kind === "ship" && input.length === 4) {
    yield* ask(Introspect.setState([input, ...ships]))
    return [input]
  }
  if (kind === "at" && input.length === 3) return ships.some((ship) => covers(ship, x, y)) ? [input] : []
  return [bad]
}

const covers = (ship: Val.Val, x: unknown, y: unknown): boolean => {
  if (!isList(ship)) return false
  const [, left, top, rows] = ship
  return left === x && typeof y === "number" && typeof top === "number" && typeof rows === "number" &&
    y >= top && y < top + rows
}

// ---------------------------------------------------------------------------
// calling
// ---------------------------------------------------------------------------

const forwarder: Script = function*() {
  const input = yield* ask(Introspect.input)
  if (!isList(input) || input.length !== 2 || !ObjectId.isObjectId(input[0])) return [bad]
  return [["fwd", opt(yield* ask(Obj.call(input[0], input[1])))]]
}

const failing: Script = function*() {
  return [opt(yield* ask(Obj.call(missing, "boo")))]
}

const failAfterSet: Script = function*() {
  yield* ask(Introspect.setState(["dirty"]))
  return yield* failing()
}

const nested: Script = function*() {
  const input = yield* ask(Introspect.input)
  const sender = yield* ask(Introspect.sender)
  if (typeof input !== "number" || input <= 0) return [[input, opt(sender)]]
  const result = yield* ask(Obj.call(yield* ask(Introspect.self), input - 1))
  const inputAfter = yield* ask(Introspect.input)
  const senderAfter = yield* ask(Introspect.sender)
  return [[input, opt(sender), opt(result), inputAfter, opt(senderAfter)]]
}

const receiver: Script = function*() {
  return [opt(yield* ask(Obj.receive))]
}

const twiceReceiver: Script = function*() {
  const first = yield* ask(Obj.receive)
  return [[opt(first), opt(yield* ask(Obj.receive))]]
}

const childCaller: Script = function*() {
  const child = yield* ask(Obj.create("introspector"))
  return [opt(yield* ask(Obj.call(child, "hi")))]
}

const ctxRestore: Script = function*() {
  const target = yield* ask(Introspect.input)
  if (!ObjectId.isObjectId(target)) return [bad]
  const before = yield* ask(Introspect.currentMachine)
  yield* ask(Obj.call(target, "probe"))
  const after = yield* ask(Introspect.currentMachine)
  const self = yield* ask(Introspect.self)
  const input = yield* ask(Introspect.input)
  return [[before, after, self, input, opt(yield* ask(Introspect.sender))]]
}

const fanOut: Script = function*() {
  const input = yield* ask(Introspect.input)
  if (!isList(input)) return [bad]
  const [a, b] = input
  if (!ObjectId.isObjectId(a) || !ObjectId.isObjectId(b)) return [bad]
  const results = [
    opt(yield* ask(Obj.call(a, 1))),
    opt(yield* ask(Obj.call(b, 2))),
    opt(yield* ask(Obj.call(a, 3)))
  ]
  yield* ask(Introspect.setState(results))
  return [results]
}

const rally = (kind: "ping" | "pong", other: "ping" | "pong"): Script =>
  function*() {
    const input = yield* ask(Introspect.input)
    if (!isList(input)) return [bad]
    const [, n, partner, max] = input
    if (typeof n !== "number" || typeof max !== "number" || !ObjectId.isObjectId(partner)) return [bad]
    if (n >= max) return [`${kind}-done`]
    const self = yield* ask(Introspect.self)
    yield* ask(Obj.call(partner, [other, n + 1, self, max]))
    return [`${kind}-continue`]
  }

// ---------------------------------------------------------------------------
// transactions
// ---------------------------------------------------------------------------

const txer: Script = function*() {
  const input = yield* ask(Introspect.input)
  const tx = yield* ask(Tx.begin())
  yield* ask(Introspect.setState([input]))
  const committed = yield* ask(Tx.commit(tx))
  return [[tx, committed, yield* ask(Introspect.getState)]]
}

const txOpener: Script = function*() {
  return [yield* ask(Tx.begin(ControllerId.make("C1")))]
}

const txOpenerDeferred: Script = function*() {
  return [yield* ask(Tx.begin())]
}

const txCloser: Script = function*() {
  const input = yield* ask(Introspect.input)
  return typeof input === "string" ? [yield* ask(Tx.commit(TxId.make(input)))] : [bad]
}

const txAborter: Script = function*() {
  const input = yield* ask(Introspect.input)
  if (typeof input !== "string") return [bad]
  yield* ask(Tx.abort(TxId.make(input)))
  return ["aborted"]
}

// ---------------------------------------------------------------------------
// creating, destroying, moving
// ---------------------------------------------------------------------------

const creator: Script = function*() {
  const input = yield* ask(Introspect.input)
  return typeof input === "string" ? [yield* ask(Obj.create(input))] : [bad]
}

const destroyer: Script = function*() {
  const input = yield* ask(Introspect.input)
  return ObjectId.isObjectId(input) ? [yield* ask(Obj.destroy(input))] : [bad]
}

const suicide: Script = function*() {
  const destroyed = yield* ask(Obj.destroy(yield* ask(Introspect.self)))
  yield* ask(Introspect.setState(["ghost"]))
  return [[destroyed, yield* ask(Introspect.getState)]]
}

const teleporter: Script = function*() {
  const input = yield* ask(Introspect.input)
  if (typeof input !== "string") return [bad]
  const moved = yield* ask(Machine.teleport(MachineId.make(input)))
  return [[moved, yield* ask(Introspect.currentMachine)]]
}

const mover: Script = function*() {
  const input = yield* ask(Introspect.input)
  if (typeof input !== "string") return [bad]
  const self = yield* ask(Introspect.self)
  const moved = yield* ask(Machine.moveObject(self, MachineId.make(input)))
  const here = yield* ask(Introspect.currentMachine)
  return [[moved, here, opt(yield* ask(Machine.getMachine(self)))]]
}

// ---------------------------------------------------------------------------
// by name
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category behaviours
 */
export const behaviours: Readonly<Record<string, Script>> = {
  board,
  cell,
  childCaller,
  counter,
  creator,
  ctxRestore,
  destroyer,
  echo,
  failAfterSet,
  failing,
  fanOut,
  forwarder,
  introspector,
  mover,
  multi,
  nested,
  ping: rally("ping", "pong"),
  pong: rally("pong", "ping"),
  receiver,
  setGet,
  setTwice,
  silent,
  suicide,
  teleporter,
  twiceReceiver,
  txAborter,
  txCloser,
  txOpener,
  txOpenerDeferred,
  txer
}

/**
 * Their source texts differ, as a registration goes by the text (A36).
 *
 * @since 0.1.0
 * @category functions
 */
export const functions: Readonly<Record<string, Pure.PureFunction>> = {
  inc1: ([n, ...rest]) => isNatural(n) && rest.length === 0 ? Option.some(n + 1) : Option.none(),
  inc2: ([n, ...rest]) => isNatural(n) && rest.length === 0 ? Option.some(n + 2) : Option.none(),
  sum: ([a, b, ...rest]) => isNatural(a) && isNatural(b) && rest.length === 0 ? Option.some(a + b) : Option.none(),
  never: () => Option.none()
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const bad = "bad-input"

const isList = (val: Val.Val | undefined): val is ReadonlyArray<Val.Val> => Array.isArray(val)

const isNatural = (u: unknown): u is number => typeof u === "number" && Number.isInteger(u) && u >= 0

const opt = (option: Option.Option<Val.Val>): ReadonlyArray<Val.Val> => Option.toArray(option)
