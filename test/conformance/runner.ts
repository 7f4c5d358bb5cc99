/**
 * Runs a vector on an executor and says where they differ, as `README.md` tells how to compare.
 */
import type { TraceEvent } from "@effect-avm/core"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type { Actor, Executor, Stepped } from "./executors.js"
import { instruction } from "./Instructions.js"
import { Symbols } from "./Symbols.js"
import type { Step, Vector } from "./Vector.js"

/** One line for each difference, in order; none if the executor conforms. */
export const differences = (vector: Vector, executor: Executor): Effect.Effect<ReadonlyArray<string>> =>
  Effect.scoped(Effect.gen(function*() {
    const actors: ReadonlyArray<Actor> = vector.steps.some(({ actor }) => actor === "b") ? ["a", "b"] : ["a"]
    const running = yield* executor.open(vector, actors)
    const symbols = new Symbols()
    symbols.bind("$root", running.root("a"))
    if (actors.includes("b")) symbols.bind("$rootB", running.root("b"))

    const found: Array<string> = []
    const traces = new Map<Actor, Array<TraceEvent.TraceEntry>>(actors.map((actor) => [actor, []]))
    for (const [index, step] of vector.steps.entries()) {
      const actor = step.actor ?? "a"
      const args = step.args.map((argument) => symbols.resolve(argument))
      const stepped = yield* running.step(actor, instruction(step.instr, args))
      traces.get(actor)?.push(...stepped.entries)
      bind(symbols, step, stepped)
      const place = `step ${index + 1} (${step.instr})`
      found.push(...unlike(`${place}, answer`, expected(step), answered(symbols, step, stepped)))
      found.push(...unlike(`${place}, events`, step.events, stepped.entries.map((entry) => symbols.entry(entry))))
    }

    const ends: Array<ReadonlyArray<unknown>> = []
    for (const actor of actors) {
      const entries = yield* running.end(actor)
      traces.get(actor)?.push(...entries)
      ends.push(entries.map((entry) => symbols.entry(entry)))
    }
    // Each program has a trace of its own, and which of them ends first is nobody's business.
    if (!areMerged(vector.end.events, ends)) found.push(...unlike("end, events", vector.end.events, ends.flat()))

    for (const [actor, trace] of traces) {
      const increasing = trace.every((entry, index) => entry.timestamp > (trace[index - 1]?.timestamp ?? -Infinity))
      if (!increasing) found.push(`${actor}: timestamps do not increase: ${trace.map((entry) => entry.timestamp)}`)
    }
    return found
  }))

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

/** Names are bound by `as`, or where they occur first in an ObjectCreated or TransactionStarted of the step. */
const bind = (symbols: Symbols, step: Step, { entries, outcome }: Stepped): void => {
  if (step.as !== undefined && Either.isRight(outcome)) symbols.bind(step.as, outcome.right)
  for (const [index, { event }] of entries.entries()) {
    const wanted = step.events[index]
    if (event._tag === "ObjectCreated") symbols.bind(wanted?.id, event.id)
    if (event._tag === "TransactionStarted") symbols.bind(wanted?.tx, event.tx)
  }
}

/** For an optional result, the value it holds. */
const answered = (symbols: Symbols, step: Step, { outcome }: Stepped): unknown => {
  if (Either.isLeft(outcome)) return { error: symbols.name(outcome.left) }
  const answer = outcome.right
  if (answer === undefined) return { void: true }
  if (Option.isOption(answer) && Option.isNone(answer)) return { none: true }
  return { value: asSets(step, symbols.name(answer)) }
}

const expected = ({ expect, ...step }: Step): unknown =>
  "value" in expect ? { value: asSets({ ...step, expect }, expect.value) } : expect

/** The answers of scry and the lists of ids in a reified transaction are equal as sets: compare them in one order. */
const asSets = ({ instr }: Step, answer: unknown): unknown => {
  if (instr.startsWith("Reflect.scry") && Array.isArray(answer)) return inOrder(answer)
  if (instr !== "Reify.txState" || !Predicate.isRecord(answer)) return answer
  return Object.fromEntries(
    Object.entries(answer).map((
      [key, value]
    ) => [key, key !== "writes" && Array.isArray(value) ? inOrder(value) : value])
  )
}

const inOrder = (list: ReadonlyArray<unknown>): ReadonlyArray<unknown> =>
  list.map((item) => JSON.stringify(item)).sort().map((item): unknown => JSON.parse(item))

const unlike = (place: string, wanted: unknown, found: unknown): ReadonlyArray<string> => {
  const path = difference(wanted, found)
  return path === undefined ? [] : [
    `${place}${path === "" ? "" : ` at ${path}`}\n  expected ${JSON.stringify(wanted)}\n  found    ${
      JSON.stringify(found)
    }`
  ]
}

/** Whether these are the entries of all, those of each in their order. */
const areMerged = (wanted: ReadonlyArray<unknown>, parts: ReadonlyArray<ReadonlyArray<unknown>>): boolean => {
  const [next, ...rest] = wanted
  if (wanted.length === 0) return parts.every((part) => part.length === 0)
  return parts.some(([first, ...left], place) =>
    first !== undefined && difference(next, first) === undefined &&
    areMerged(rest, parts.map((part, other) => other === place ? left : part))
  )
}

/** The path to the first difference; `$_` is like anything, and the `objects` of a TxConflict are a set. */
const difference = (wanted: unknown, found: unknown): string | undefined => {
  // Null stands for none, which an error leaves out.
  if (wanted === "$_" || wanted === found || (wanted === null && found === undefined)) return undefined
  if (Array.isArray(wanted) && Array.isArray(found)) {
    return wanted.length === found.length ? inside(wanted.entries(), (index) => found[index]) : ".length"
  }
  if (!Predicate.isRecord(wanted) || !Predicate.isRecord(found)) return ""
  const [left, right] = [conflictAsSet(wanted), conflictAsSet(found)]
  const extra = Object.keys(right).find((key) => !(key in left))
  return extra === undefined ? inside(Object.entries(left), (key) => right[key]) : `.${extra}`
}

const inside = <K extends string | number>(
  wanted: Iterable<readonly [key: K, value: unknown]>,
  found: (key: K) => unknown
): string | undefined => {
  for (const [key, value] of wanted) {
    const rest = difference(value, found(key))
    if (rest !== undefined) return `.${key}${rest}`
  }
  return undefined
}

const conflictAsSet = (data: Readonly<Record<PropertyKey, unknown>>): Readonly<Record<string, unknown>> =>
  data.tag === "TxConflict" && Array.isArray(data.objects) ? { ...data, objects: inOrder(data.objects) } : { ...data }
