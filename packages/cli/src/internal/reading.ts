/**
 * A store that is looked into, beside whoever writes it: its objects, ids that were written short, its trace.
 */
import { type AvmError, ControllerId, ObjectId, TraceEvent, TxId } from "@effect-avm/core"
import { SqliteReader } from "@effect-avm/sqlite"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { StoreFailed, UnknownId } from "../CliError.js"
import { cut, partsOfShort } from "./text.js"
import type { Traced } from "./words.js"

// ---------------------------------------------------------------------------
// service
// ---------------------------------------------------------------------------

type Column = null | number | string | Uint8Array

export type Record = { readonly [column: string]: Column }

export class Store extends Context.Tag("@effect-avm/cli/Store")<Store, {
  readonly filename: string
  readonly reader: SqliteReader.SqliteReader["Type"]
  readonly ask: (sql: string, ...parameters: ReadonlyArray<Column>) => Effect.Effect<ReadonlyArray<Record>, StoreFailed>
}>() {}

export const failed = (error: AvmError.StoreError): StoreFailed => new StoreFailed({ reason: error.message })

export const layer = (filename: string): Layer.Layer<Store, StoreFailed> =>
  Layer.effect(
    Store,
    Effect.map(SqliteReader.SqliteReader, (reader) =>
      Store.of({
        filename,
        reader,
        ask: (sql, ...parameters) =>
          Effect.mapError(
            reader.sql.unsafe<Record>(sql, parameters),
            ({ cause }) =>
              new StoreFailed({ reason: `${filename}: ${cause instanceof Error ? cause.message : String(cause)}` })
          )
      }))
  ).pipe(Layer.provide(Layer.mapError(SqliteReader.layer({ filename }), failed)))

// ---------------------------------------------------------------------------
// ids
// ---------------------------------------------------------------------------

/** The whole id for what was written, which may be short: `o-3k5x…-4`. */
const resolve = (
  what: "object" | "transaction",
  id: string,
  exactly: string,
  like: string
): Effect.Effect<string, StoreFailed | UnknownId, Store> =>
  Effect.gen(function*() {
    const store = yield* Store
    const exact = yield* store.ask(exactly, id)
    if (exact.length > 0) return id
    const unknown = (candidates: ReadonlyArray<string>) =>
      new UnknownId({ store: store.filename, what, id, candidates })
    const parts = partsOfShort(id)
    if (Option.isNone(parts)) return yield* unknown([])
    const [prefix, suffix] = parts.value
    const found = (yield* store.ask(like, prefix, suffix)).map(({ id }) => String(id))
    const [only] = found
    return only !== undefined && found.length === 1 ? only : yield* unknown(found)
  })

/** The ids of a table that begin and end as the two parameters say, and are not shorter than both together. */
const shaped = (ids: string) =>
  `SELECT DISTINCT id FROM (${ids}), (SELECT ? AS prefix, ? AS suffix) ` +
  "WHERE substr(id, 1, length(prefix)) = prefix AND (suffix = '' OR substr(id, -length(suffix)) = suffix) " +
  "AND length(id) >= length(prefix) + length(suffix) LIMIT 5"

export const objectId = (id: string): Effect.Effect<ObjectId.ObjectId, StoreFailed | UnknownId, Store> =>
  Effect.map(
    resolve(
      "object",
      id,
      "WITH asked AS (SELECT ? AS id) SELECT 1 AS found FROM objects JOIN asked USING (id) " +
        "UNION ALL SELECT 1 FROM trace_objects JOIN asked ON object = id LIMIT 1",
      shaped("SELECT id FROM objects UNION SELECT object FROM trace_objects")
    ),
    ObjectId.make
  )

export const txId = (id: string): Effect.Effect<TxId.TxId, StoreFailed | UnknownId, Store> =>
  Effect.map(
    resolve(
      "transaction",
      id,
      "SELECT 1 AS found FROM trace WHERE tx = ? LIMIT 1",
      shaped("SELECT tx AS id FROM trace WHERE tx IS NOT NULL")
    ),
    (id) => TxId.make(id)
  )

// ---------------------------------------------------------------------------
// the trace
// ---------------------------------------------------------------------------

export interface Asked {
  readonly object: Option.Option<ObjectId.ObjectId>
  readonly tx: Option.Option<TxId.TxId>
}

export interface Written extends Traced {
  readonly number: number
  readonly atMillis: number
}

const pageSize = 1000

const where = ({ object, tx }: Asked): { readonly sql: string; readonly parameters: ReadonlyArray<string> } => ({
  sql: (Option.isSome(object) ? " AND entry IN (SELECT entry FROM trace_objects WHERE object = ?)" : "") +
    (Option.isSome(tx) ? " AND tx = ?" : ""),
  parameters: [...Option.toArray(Option.map(object, ({ value }) => value)), ...Option.toArray(tx)]
})

const page = (asked: Asked, after: number): Effect.Effect<ReadonlyArray<Written>, StoreFailed, Store> =>
  Effect.gen(function*() {
    const { ask, filename } = yield* Store
    const { parameters, sql } = where(asked)
    const rows = yield* ask(
      "SELECT entry, at, execution, timestamp, tx, controller, event, fields FROM trace " +
        `WHERE entry > ?${sql} ORDER BY entry LIMIT ${pageSize}`,
      after,
      ...parameters
    )
    return yield* Effect.forEach(rows, (row) =>
      Effect.try({
        try: () => toWritten(row),
        catch: (thrown) =>
          new StoreFailed({
            reason: `${filename}: entry ${row.entry} of the trace cannot be read: ${cut(String(thrown), 300)}`
          })
      }))
  })

/** Those that are there, after the one with this number. */
export const entries = (asked: Asked, after: number): Stream.Stream<Written, StoreFailed, Store> =>
  Stream.paginateChunkEffect(after, (after) =>
    Effect.map(page(asked, after), (found) => {
      const last = found.at(-1)
      return [
        Chunk.fromIterable(found),
        last !== undefined && found.length === pageSize ? Option.some(last.number) : Option.none<number>()
      ] as const
    }))

export const count = (asked: Asked, after: number): Effect.Effect<number, StoreFailed, Store> =>
  Effect.gen(function*() {
    const { ask } = yield* Store
    const { parameters, sql } = where(asked)
    const [row] = yield* ask(`SELECT count(*) AS n FROM trace WHERE entry > ?${sql}`, after, ...parameters)
    return Number(row?.n ?? 0)
  })

/** The number before the last so many entries. */
export const beforeLast = (asked: Asked, last: number): Effect.Effect<number, StoreFailed, Store> =>
  Effect.gen(function*() {
    const { ask } = yield* Store
    const { parameters, sql } = where(asked)
    const [row] = yield* ask(
      `SELECT entry FROM trace WHERE entry > 0${sql} ORDER BY entry DESC LIMIT 1 OFFSET ?`,
      ...parameters,
      last
    )
    return Number(row?.entry ?? 0)
  })

/** The lowest number that the trace still has; entries before it were dropped. */
export const first: Effect.Effect<Option.Option<number>, StoreFailed, Store> = Effect.flatMap(
  Store,
  ({ ask }) =>
    Effect.map(ask("SELECT min(entry) AS n FROM trace"), ([row]) => Option.map(Option.fromNullable(row?.n), Number))
)

const decodeEvent = Schema.decodeUnknownSync(TraceEvent.TraceEvent)

/** Throws what is wrong with it. */
export const toWritten = (row: Record): Written => ({
  number: Number(row.entry),
  atMillis: Number(row.at),
  execution: String(row.execution),
  tx: Option.map(Option.fromNullable(row.tx), (tx) => TxId.make(String(tx))),
  // Its parts are what they should be: to check them once more would take longer than all the rest.
  entry: new TraceEvent.TraceEntry({
    timestamp: Number(row.timestamp),
    event: decodeEvent({ _tag: row.event, ...JSON.parse(String(row.fields)) }),
    executingController: Option.map(Option.fromNullable(row.controller), (owner) => ControllerId.make(String(owner)))
  }, { disableValidation: true })
})
