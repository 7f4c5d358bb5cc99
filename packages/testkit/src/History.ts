/**
 * What transactions did, as seen at the `ObjectStore` port: what they were answered, what they asked to be changed, and
 * what became of it. `HistoryChecker` judges it.
 *
 * `recording` puts the recorder around any layer of the store. It believes the store as little as it can: a state is
 * kept as the text that was returned, so that its writer is found by what was written, and a snapshot's number is not
 * looked at. Commits are known by the numbers they were answered, other parts by the version they were returned with.
 * What happens outside transactions is recorded as small transactions: each read of what is committed now, each commit.
 *
 * A history is plain data. Pinned by `test/concurrency/History.test.ts`.
 *
 * @since 0.1.0
 */
import { type Mailboxes, ObjectStore } from "@effect-avm/core"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import { globalValue } from "effect/GlobalValue"
import * as Layer from "effect/Layer"
import * as Recorder from "./concurrent/Recorder.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * What can be read or written of an object apart from the rest. Creation and destruction write its existence.
 *
 * @since 0.1.0
 * @category models
 */
export type Part = "existence" | "metadata" | "state" | "replicas"

/**
 * A part of an object as it was returned: by its value (a state as text; `unborn`, `born` or `gone`), or by the number of
 * the commit that wrote it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Read {
  readonly object: string
  readonly part: Part
  readonly value?: string
  readonly version?: number
  /** False for what was returned, but is no reason for what the transaction did: another part was asked for (A34). */
  readonly relied: boolean
}

/**
 * All objects as they were returned, and which versions of which objects (`o1@7`: the metadata of o1 as commit 7 left it)
 * would have answered what was asked; without, whichever there are.
 *
 * @since 0.1.0
 * @category models
 */
export interface Scan {
  readonly saw: ReadonlyArray<{ readonly object: string; readonly version: number }>
  readonly matching?: ReadonlyArray<string>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Write {
  readonly object: string
  readonly part: Part
  readonly value?: string
}

/**
 * Committed with a number, refused, or ended without asking: it changed nothing, or gave up.
 *
 * @since 0.1.0
 * @category models
 */
export type Outcome =
  | { readonly _tag: "Committed"; readonly number: number }
  | { readonly _tag: "Refused" }
  | { readonly _tag: "Ended" }

/**
 * When something was asked and when it was answered, by one clock for all.
 *
 * @since 0.1.0
 * @category models
 */
export interface Span {
  readonly from: number
  readonly to: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Transaction {
  readonly name: string
  /** On whose behalf, see `labelled`. */
  readonly label: string
  /** When the snapshot was taken; outside transactions, when the one thing that was done was done. */
  readonly snapshot: Span
  readonly commit?: Span
  readonly reads: ReadonlyArray<Read>
  readonly scans: ReadonlyArray<Scan>
  readonly writes: ReadonlyArray<Write>
  /** The objects to whose histories its commit adds, which come to be in the order of the commits. */
  readonly accepted?: ReadonlyArray<string>
  readonly outcome: Outcome
}

/**
 * In the order in which they began.
 *
 * @since 0.1.0
 * @category models
 */
export type History = ReadonlyArray<Transaction>

// ---------------------------------------------------------------------------
// service
// ---------------------------------------------------------------------------

/**
 * What has been recorded so far.
 *
 * @since 0.1.0
 * @category services
 */
export class Recording extends Context.Tag("@effect-avm/testkit/History/Recording")<Recording, {
  readonly history: Effect.Effect<History>
}>() {}

// ---------------------------------------------------------------------------
// labels
// ---------------------------------------------------------------------------

const label: FiberRef.FiberRef<string> = globalValue("@effect-avm/testkit/History/label", () => FiberRef.unsafeMake(""))

/**
 * What the effect does to the store is recorded under this label.
 *
 * @since 0.1.0
 * @category operations
 */
export const labelled = (name: string) => <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.locally(effect, label, name)

// ---------------------------------------------------------------------------
// layers
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Yields before and after every operation, so that others come in between the operations of one instruction. */
  readonly yielding?: boolean
}

/**
 * The same store, with everything it is asked recorded.
 *
 * @since 0.1.0
 * @category layers
 */
export const recording = <E, R>(
  store: Layer.Layer<ObjectStore.ObjectStore | Mailboxes.Mailboxes, E, R>,
  { yielding = false }: Options = {}
): Layer.Layer<ObjectStore.ObjectStore | Mailboxes.Mailboxes | Recording, E, R> =>
  Layer.effectContext(Effect.map(ObjectStore.ObjectStore, (inner) => {
    const recorder = Recorder.make(inner, FiberRef.get(label), yielding)
    return Context.make(ObjectStore.ObjectStore, recorder.service).pipe(
      Context.add(Recording, { history: Effect.sync(recorder.history) })
    )
  })).pipe(Layer.provideMerge(store))
