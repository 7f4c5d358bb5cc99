/**
 * A recording taken apart: lifelines, transactions, steps in the order of time, and what was known of each object after
 * each step. The pictures are drawn from it.
 *
 * One entry is one step, but for a call, which is two: its beginning, if that was recorded where it belongs, else just
 * before its end, and its reply. Pinned by `test/diagram/Chart.test.ts`.
 *
 * @since 0.1.0
 */
import { read } from "./internal/reader.js"
import type { Recording } from "./Recording.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * What happens in a step. `go` is `ExecutionMoved`; `begin`, `commit` and `abort` are a transaction's.
 *
 * @since 0.1.0
 * @category models
 */
export type Kind =
  | "call"
  | "reply"
  | "send"
  | "receive"
  | "create"
  | "destroy"
  | "state"
  | "move"
  | "go"
  | "fetch"
  | "transfer"
  | "freeze"
  | "function"
  | "begin"
  | "commit"
  | "abort"
  | "error"

/**
 * In the fields that hold an index, -1 stands for what is not known, or for nothing.
 *
 * @since 0.1.0
 * @category models
 */
export interface Step {
  readonly kind: Kind
  /** The entry it belongs to, counted from 0 over the whole recording. */
  readonly entry: number
  /** An index of `executions`. */
  readonly execution: number
  readonly timestamp: number
  /** Who did it: an index of `lifelines`. */
  readonly from: number
  /** To whom. */
  readonly to: number
  /** A few words. */
  readonly label: string
  /** All there is, as names with values; printed anew whenever it is asked for. */
  readonly fields: ReadonlyArray<readonly [name: string, value: string]>
  /** An index of `transactions`. */
  readonly tx: number
  /** Of a call its reply, of a reply its call: an index of `steps`. */
  readonly pair: number
}

/**
 * What is known of an object from a step on, until its next change. Without a value: not known.
 *
 * @since 0.1.0
 * @category models
 */
export interface Change {
  /** An index of `steps`; -1 for what was so before. */
  readonly step: number
  readonly life: "none" | "alive" | "destroyed"
  readonly controller: string | undefined
  readonly machine: string | undefined
  readonly state: string | undefined
  /** The objects whose references are in the state. */
  readonly holds: ReadonlyArray<number>
  /** The open transaction in which it is so: nobody else sees it yet. */
  readonly tx: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Lifeline {
  /** The id, in full unless it is very long. */
  readonly id: string
  /** `mentioned`: a reference to it was seen, and nothing else. */
  readonly kind: "program" | "object" | "mentioned"
  /** The behaviour of an object, if it is known; the name of a program. */
  readonly title: string | undefined
  /** The first controller and machine that are known of it. */
  readonly controller: string | undefined
  readonly machine: string | undefined
  /** In the order of steps; at least one. */
  readonly changes: ReadonlyArray<Change>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Transaction {
  readonly id: string
  readonly execution: number
  /** Steps; -1 where the recording has no beginning or no end of it. */
  readonly begin: number
  readonly end: number
  readonly outcome: "committed" | "aborted" | "open"
  readonly controller: string | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Chart {
  readonly title: string
  readonly executions: ReadonlyArray<string>
  readonly lifelines: ReadonlyArray<Lifeline>
  readonly transactions: ReadonlyArray<Transaction>
  readonly steps: ReadonlyArray<Step>
  /** How many entries the recording has; not all of them need be in `steps`. */
  readonly entries: number
  /** What the reader has to be told: what was left out, shortened, not recorded, or could not be placed. */
  readonly notes: ReadonlyArray<string>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Entries that are taken up: 1,000,000 without. The others are counted, and a note says so. */
  readonly maxEntries?: number | undefined
  /** Characters of a payload or state that are kept: 10,000 without. */
  readonly maxPayload?: number | undefined
}

// ---------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------

/**
 * Reads the recording once, in time and memory proportional to its entries.
 *
 * Throws a `RangeError` if an option is no whole number of 0 or more.
 *
 * ```ts
 * import { Avm, Behaviour, Introspect, Obj } from "@effect-avm/core"
 * import { Chart, Recording } from "@effect-avm/diagram"
 * import { Effect } from "effect"
 * import * as assert from "node:assert/strict"
 *
 * const Echo = Behaviour.layerRaw("echo", Effect.map(Introspect.input, (input) => [input]))
 * const program = Effect.flatMap(Obj.create("echo"), (echo) => Obj.call(echo, "hello"))
 * const traced = Avm.runTraced(program).pipe(Effect.provide(Echo), Effect.provide(Avm.layerMemory))
 *
 * const { trace } = await Effect.runPromise(traced)
 * const chart = Chart.make(Recording.fromTrace(trace))
 * assert.deepEqual(chart.steps.map(({ kind }) => kind), ["create", "call", "reply"])
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (recording: Recording, options: Options = {}): Chart => read(recording, options)

/**
 * Whether a value is a chart already, so that several pictures can share one.
 *
 * @since 0.1.0
 * @category guards
 */
export const isChart = (value: Recording | Chart): value is Chart => "steps" in value

/**
 * What was known of an object after a step: its last change up to there.
 *
 * @since 0.1.0
 * @category queries
 */
export const after = (lifeline: Lifeline, step: number): Change => {
  let low = 0
  let high = lifeline.changes.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (lifeline.changes[middle].step <= step) low = middle
    else high = middle - 1
  }
  return lifeline.changes[low]
}
