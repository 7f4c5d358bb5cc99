/**
 * Trace entries in the file of the platform, to be asked for by object, transaction, execution and time.
 *
 * Entries are written in batches, with a delay: a crash may take the last of them, never a commit. A batch that cannot be
 * written is tried again with the next one. An entry belongs to a transaction if its execution had one open when it came.
 * Pinned by `test/sqlite/Trace.test.ts` and the law suite of the port.
 *
 * @since 0.1.0
 */
import { type AvmError, Trace, type TraceEvent, type TxId } from "@effect-avm/core"
import type * as ObjectId from "@effect-avm/core/ObjectId"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { FileNotOpened, ReadFailed, reasonOf, toStoreError, WriteFailed } from "./Failure.js"
import { entryPageSize, make as makeRows, type NewEntry } from "./internal/traceRows.js"
import { SqliteFile } from "./SqliteFile.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category models
 */
export interface TraceOptions {
  /** Entries in a batch; 256 without. */
  readonly batch?: number
  /** A smaller batch is written after so long; a quarter of a second without. */
  readonly delay?: Duration.DurationInput
  /** Entries that are kept: the last so many. All without. */
  readonly maxEntries?: number
  /** Entries that are kept: those that are not older. All without. */
  readonly maxAge?: Duration.DurationInput
}

/**
 * What is asked for; what is left out does not matter.
 *
 * @since 0.1.0
 * @category models
 */
export interface Query {
  /** Entries that are about this object: it is called, created, moved, sent to, … */
  readonly object?: ObjectId.ObjectId
  readonly tx?: TxId.TxId
  readonly execution?: string
  /** In milliseconds since 1970, included. */
  readonly fromMillis?: number
  /** In milliseconds since 1970, not included. */
  readonly untilMillis?: number
}

/**
 * An entry as it was written: which one it is in the file, and when it came.
 *
 * @since 0.1.0
 * @category models
 */
export interface Written {
  readonly number: number
  readonly atMillis: number
  readonly execution: string
  readonly tx: Option.Option<TxId.TxId>
  readonly entry: TraceEvent.TraceEntry
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** In the order in which they came, page by page; with those that were not written yet. */
  readonly query: (query: Query) => Stream.Stream<Written, AvmError.StoreError>
  /** Writes what has not been written yet. */
  readonly flush: Effect.Effect<void, AvmError.StoreError>
}

// ---------------------------------------------------------------------------
// service
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category services
 */
export class SqliteTrace extends Context.Tag("@effect-avm/sqlite/SqliteTrace")<SqliteTrace, Service>() {}

// ---------------------------------------------------------------------------
// layers
// ---------------------------------------------------------------------------

/**
 * The port, and the questions; `Trace.stream` answers what is there now, oldest first, and ends.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: TraceOptions = {}
): Layer.Layer<SqliteTrace | Trace.Trace, AvmError.StoreError, SqliteFile> =>
  Layer.scopedContext(
    Effect.gen(function*() {
      const { connection, filename } = yield* SqliteFile
      const { batch = 256, delay = Duration.millis(250), maxAge, maxEntries } = options
      const clock = yield* Effect.clock
      const rows = yield* Effect.try({
        try: () => makeRows(connection),
        catch: (thrown) => toStoreError(new FileNotOpened({ filename, ...reasonOf(thrown) }))
      })
      const open = new Map<string, TxId.TxId>()
      let waiting: Array<NewEntry> = []

      const write = (): Exit.Exit<void, AvmError.StoreError> => {
        if (waiting.length === 0) return Exit.void
        const entries = waiting
        try {
          const now = clock.unsafeCurrentTimeMillis()
          rows.write(entries, {
            newest: maxEntries,
            since: maxAge === undefined ? undefined : now - Duration.toMillis(maxAge)
          })
          waiting = []
          return Exit.void
        } catch (thrown) {
          const what = `${entries.length} trace entries`
          return Exit.fail(toStoreError(new WriteFailed({ what, ...reasonOf(thrown) })))
        }
      }

      const append = (execution: string, entry: TraceEvent.TraceEntry): Effect.Effect<void> => {
        const { _tag } = entry.event
        if (entry.event._tag === "TransactionStarted") open.set(execution, entry.event.tx)
        waiting.push({ at: clock.unsafeCurrentTimeMillis(), execution, tx: open.get(execution), entry })
        if (_tag === "TransactionCommitted" || _tag === "TransactionAborted") open.delete(execution)
        // A disk that does not take them is asked again when another batch has come together.
        if (waiting.length % batch === 0) write()
        return Exit.void
      }

      const flush = Effect.suspend(write)
      const page = (query: Query) => (after: number) =>
        Effect.zipRight(
          flush,
          Effect.try({
            try: () => {
              const found = rows.query(query, after)
              const last = found.at(-1)
              const more = last !== undefined && found.length === entryPageSize
              return [Chunk.fromIterable(found), more ? Option.some(last.number) : Option.none<number>()] as const
            },
            catch: (thrown) => toStoreError(new ReadFailed({ what: "the trace", ...reasonOf(thrown) }))
          })
        )
      const query = (query: Query) => Stream.paginateChunkEffect(0, page(query))

      yield* Effect.addFinalizer(() => Effect.ignoreLogged(flush))
      yield* Effect.forkScoped(Effect.forever(Effect.zipRight(Effect.sleep(delay), Effect.ignore(flush))))

      return Context.make(SqliteTrace, { query, flush }).pipe(
        Context.add(Trace.Trace, {
          enabled: true,
          append,
          stream: Stream.map(query({}), ({ entry, execution }) => [execution, entry] as const)
        })
      )
    })
  )
