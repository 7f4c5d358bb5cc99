/**
 * What pictures are made of: the entries of one execution or of several, and what else is known.
 *
 * A trace alone does not say who made a call, when a call began, and what an object's state became. Whoever knows hands
 * it in, as `Detail`s on the entries or beside them. What nobody knows is drawn as not known: a call whose caller was not
 * recorded comes out of nowhere, at the time at which it ended. Pinned by `test/diagram/Chart.test.ts`.
 *
 * @since 0.1.0
 */
import type { ControllerId } from "@effect-avm/core/ControllerId"
import type { MachineId } from "@effect-avm/core/MachineId"
import type { ObjectId } from "@effect-avm/core/ObjectId"
import type { Traced } from "@effect-avm/core/Trace"
import type { TraceEvent } from "@effect-avm/core/TraceEvent"
import type { TxId } from "@effect-avm/core/TxId"
import type { Val } from "@effect-avm/core/Val"
import type * as Option from "effect/Option"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * What can be known of an entry beside the entry.
 *
 * @since 0.1.0
 * @category models
 */
export interface Detail {
  /** Who ran the instruction: the object itself, or the root id of the program. Of a call this is the caller. */
  readonly by?: ObjectId | undefined
  /** Of a call: the timestamp that the execution's next entry would have had when the call began. */
  readonly since?: number | undefined
  /** The transaction in which the instruction ran. */
  readonly tx?: TxId | undefined
  /** Of a creation: where the object is. */
  readonly machine?: MachineId | undefined
  /** Of a creation: the controller it was given. */
  readonly controller?: ControllerId | undefined
  /** Of an update, or of a creation: what the state is now. */
  readonly state?: Val | undefined
}

/**
 * A `TraceEntry`, possibly with a detail.
 *
 * @since 0.1.0
 * @category models
 */
export interface Entry {
  readonly timestamp: number
  readonly event: TraceEvent
  readonly executingController: Option.Option<ControllerId>
  readonly detail?: Detail | undefined
}

/**
 * A detail that is not on its entry, but names it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Later extends Detail {
  /** The only execution there is, without. */
  readonly execution?: string | undefined
  readonly timestamp: number
}

/**
 * An object that was there before the first entry, or more about one that the entries mention.
 *
 * @since 0.1.0
 * @category models
 */
export interface Known {
  readonly id: ObjectId
  readonly behaviour?: string | undefined
  readonly controller?: ControllerId | undefined
  readonly machine?: MachineId | undefined
  /** Before the first entry; of an object that is created in the trace, its first one. */
  readonly state?: Val | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Program {
  readonly execution: string
  /** What the picture calls it; `program` without. */
  readonly name?: string | undefined
  /** The id of its root frame, which is no object (A11). */
  readonly root?: ObjectId | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Knowledge {
  readonly title?: string | undefined
  readonly programs?: ReadonlyArray<Program> | undefined
  readonly objects?: Iterable<Known> | undefined
  readonly details?: Iterable<Later> | undefined
}

/**
 * `entries` in the order in which they were recorded; within an execution their timestamps rise. It is read once.
 *
 * @since 0.1.0
 * @category models
 */
export interface Recording extends Knowledge {
  readonly entries: Iterable<readonly [execution: string, entry: Entry]>
}

// ---------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------

/**
 * The trace of one execution, as `Avm.runTraced` answers it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromTrace = (trace: Iterable<Entry>, knowledge: Knowledge = {}): Recording => ({
  ...knowledge,
  entries: {
    *[Symbol.iterator]() {
      for (const entry of trace) yield ["", entry] as const
    }
  }
})

/**
 * What the stream of a `Trace` layer gave, of any number of executions.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromTraced = (traced: Iterable<Traced>, knowledge: Knowledge = {}): Recording => ({
  ...knowledge,
  entries: traced
})
