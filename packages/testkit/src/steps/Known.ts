/**
 * What the steps executed so far have made known, and how later steps refer to it.
 *
 * @since 0.1.0
 */
import { AvmError, Introspect, type Obj, ObjectId, type Pure, type Reflect, Val } from "@effect-avm/core"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { functions, missing } from "../Behaviours.js"
import { ask, type Request } from "../Script.js"
import type { Instruction, Message, ObjectRef, ScryPredicate, Step, TxRef } from "./Step.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

type KnownObject = readonly [id: ObjectId.ObjectId, behaviour: string]

/**
 * @since 0.1.0
 * @category models
 */
export interface Known {
  readonly objects: Array<KnownObject>
  readonly txs: Array<string>
  readonly promises: Array<ObjectId.ObjectId>
  readonly answers: Array<Val.Val>
}

/**
 * A message to the behaviour `script`: steps, and what they may refer to.
 *
 * @since 0.1.0
 * @category models
 */
export type Packet = {
  readonly steps: ReadonlyArray<Step>
  readonly objects: ReadonlyArray<KnownObject>
  readonly txs: ReadonlyArray<string>
  readonly promises: ReadonlyArray<ObjectId.ObjectId>
}

// ---------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (): Known => ({ objects: [], txs: [], promises: [], answers: [] })

/**
 * @since 0.1.0
 * @category guards
 */
export const isPacket = (input: Val.Val): input is Packet =>
  // Nothing but `packed` makes records with these members: answers that hold one are not referred to.
  Predicate.isRecord(input) && "steps" in input && "objects" in input && "txs" in input

/**
 * @since 0.1.0
 * @category constructors
 */
export const unpacked = ({ objects, promises, txs }: Packet): Known => ({
  objects: [...objects],
  txs: [...txs],
  promises: [...promises],
  answers: []
})

// ---------------------------------------------------------------------------
// references
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category operations
 */
export function* objectOf(known: Known, ref: ObjectRef): Generator<Request, ObjectId.ObjectId, unknown> {
  // Asked where it is referred to, so that no step costs an instruction that it does not need.
  if (ref === "self") return yield* ask(Introspect.self)
  if (ref === "missing") return missing
  return (typeof ref === "number" ? latest(known.objects, ref)?.[0] : latest(known.promises, ref.promise)) ?? missing
}

/**
 * @since 0.1.0
 * @category operations
 */
export const behaviourOf = (known: Known, id: ObjectId.ObjectId): string =>
  known.objects.find(([other]) => other.value === id.value)?.[1] ?? "script"

/**
 * @since 0.1.0
 * @category operations
 */
export const txOf = (known: Known, ref: TxRef): string =>
  ref === "unknown" ? "no-tx" : latest(known.txs, ref) ?? "no-tx"

/**
 * @since 0.1.0
 * @category operations
 */
export function* valueOf(
  known: Known,
  message: Message,
  behaviour: string
): Generator<Request, Val.Val, unknown> {
  switch (message.kind) {
    case "plain":
      return message.value
    case "fit":
      return yield* fit(known, behaviour, message.first, message.second)
    case "script":
      return packed(known, message.steps)
    case "answer":
      return quotable(latest(known.answers, message.answer) ?? null)
    case "object":
      return yield* objectOf(known, message.object)
    case "invalid":
      return ["not", Number.NaN]
  }
}

/**
 * @since 0.1.0
 * @category operations
 */
export const predicateOf = ({ name, test }: ScryPredicate): Reflect.DeepPredicate => (behaviour, metadata) => {
  switch (test) {
    case "all":
      return true
    case "none":
      return false
    case "controller":
      return Option.contains(metadata.currentController, name)
    case "machine":
      return metadata.machine === name
    case "behaviour":
      return behaviour === name
    case "throws":
      throw new Error(`a predicate threw ${name}`)
  }
}

/**
 * @since 0.1.0
 * @category operations
 */
export const functionOf = (name: string): Pure.PureFunction => functions[name] ?? (() => Option.none())

// ---------------------------------------------------------------------------
// answers
// ---------------------------------------------------------------------------

/**
 * Keeps the answer of a step, and what it tells of: objects created, transactions begun, also by those who were called.
 *
 * @since 0.1.0
 * @category operations
 */
export const learn = (known: Known, step: Instruction, answer: unknown): void => {
  const told = Either.isEither(answer)
    ? Either.match(answer, { onLeft: (error) => ({ failed: toVal(error) }), onRight: (answer) => tell(step, answer) })
    : tell(step, answer)
  known.answers.push(told)
  if (step.op === "create" || step.op === "begin" || step.op === "call" || step.op === "send") gather(known, told)
}

const tell = (step: Instruction, answer: unknown): Val.Val => {
  if (step.op === "create") return { created: toVal(answer), behaviour: step.behaviour }
  if (step.op === "begin") return { begun: toVal(answer) }
  if (step.op === "send") return { promised: (answer as Obj.Promised).id } // a send answers a promise
  return step.op === "txState" ? inOrder(toVal(answer), sets) : toVal(answer)
}

/** The lists that stand for sets in a reified transaction. */
const sets = ["creates", "destroys", "observed", "transfers", "moves", "states"]

/** Puts the lists under these keys in an order that depends on nothing but what is in them. */
const inOrder = (val: Val.Val, keys: ReadonlyArray<string>): Val.Val => {
  if (Array.isArray(val)) return val.map((item) => inOrder(item, keys))
  if (!Predicate.isRecord(val) || ObjectId.isObjectId(val)) return val
  return Object.fromEntries(
    Object.entries(val).map(([key, value]) => [
      key,
      keys.includes(key) && Array.isArray(value) ? [...value].sort(byText) : value
    ])
  )
}

const byText = (a: Val.Val, b: Val.Val): number => Val.format(a) < Val.format(b) ? -1 : 1

const gather = (known: Known, told: Val.Val): void => {
  if (Array.isArray(told)) return told.forEach((item) => gather(known, item))
  if (!Predicate.isRecord(told) || ObjectId.isObjectId(told)) return
  const { begun, behaviour, created, promised } = told
  if (ObjectId.isObjectId(created) && typeof behaviour === "string") known.objects.push([created, behaviour])
  if (typeof begun === "string") known.txs.push(begun)
  if (ObjectId.isObjectId(promised)) known.promises.push(promised)
}

/** What an instruction answers, as a value: an option is a list of at most one, an error its tag and payload. */
const toVal = (answer: unknown): Val.Val => {
  if (answer === undefined) return null
  if (Option.isOption(answer)) return Option.toArray(answer).map(toVal)
  if (AvmError.isAvmError(answer)) return inOrder(toVal(payload(answer)), ["objects"])
  if (Val.isVal(answer)) return answer
  if (Array.isArray(answer)) return answer.map(toVal)
  return Predicate.isRecord(answer)
    ? Object.fromEntries(Object.entries(answer).map(([key, value]) => [key, toVal(value)]))
    : String(answer)
}

/** The text of an error's message is not part of the contract, unless a predicate threw it. */
const payload = (error: AvmError.AvmError): Readonly<Record<string, unknown>> => {
  const fields = new Map<string, unknown>(Object.entries(error))
  const keys = Object.keys(Object(Schema.encodeSync(AvmError.AvmError)(error)))
  const shown = keys.filter((key) => key !== "message" || error._tag === "ScryPredicateFailed")
  return Object.fromEntries(shown.map((key) => [key, fields.get(key)]))
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const latest = <A>(list: ReadonlyArray<A>, n: number): A | undefined => list[list.length - 1 - (n % list.length)]

/** Messages stay small: what is known is passed on as far as it is recent. */
const packed = ({ objects, promises, txs }: Known, steps: ReadonlyArray<Step>): Packet => ({
  steps,
  objects: objects.slice(-8),
  txs: txs.slice(-3),
  promises: promises.slice(-3)
})

/** A long answer quoted twice and twice again would grow without end; one with steps in it could call itself for ever. */
const quotable = (answer: Val.Val): Val.Val => {
  const text = Val.format(answer)
  return text.length > 200 || text.includes("steps") ? null : answer
}

/** A message that the behaviour understands. */
function* fit(known: Known, behaviour: string, first: number, second: number): Generator<Request, Val.Val, unknown> {
  switch (behaviour) {
    case "script":
      return packed(known, [])
    case "cell":
      return first % 3 === 0 ? "get" : ["set", second]
    case "nested":
      return first % 4
    case "forwarder":
      return [yield* objectOf(known, first), second]
    case "fanOut":
      return [yield* objectOf(known, first), yield* objectOf(known, second)]
    case "ping":
    case "pong":
      return [behaviour, 0, yield* objectOf(known, first), second % 4]
    case "destroyer":
    case "ctxRestore":
      return yield* objectOf(known, first)
    case "txCloser":
    case "txAborter":
      return txOf(known, first)
    case "teleporter":
    case "mover":
      return `m${first % 3}`
    case "creator":
      return second % 5 === 0 ? "nobody" : "script"
    default:
      return first
  }
}
