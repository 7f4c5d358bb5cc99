/**
 * The statements of the trace: a batch in, a page out.
 */
import { ControllerId, TraceEvent, TxId } from "@effect-avm/core"
import * as ObjectId from "@effect-avm/core/ObjectId"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Connection, Row, Value } from "../Driver.js"
import type { Query, Written } from "../SqliteTrace.js"

export interface NewEntry {
  readonly at: number
  readonly execution: string
  readonly tx: TxId.TxId | undefined
  readonly entry: TraceEvent.TraceEntry
}

export interface Kept {
  /** Only the last so many. */
  readonly newest: number | undefined
  /** Only those from then on. */
  readonly since: number | undefined
}

export interface TraceRows {
  readonly write: (entries: ReadonlyArray<NewEntry>, kept: Kept) => void
  /** Those after the one with this number; at most `entryPageSize`. */
  readonly query: (query: Query, after: number) => ReadonlyArray<Written>
}

export const entryPageSize = 500

/** What is deleted with one batch: where much has gathered, it goes bit by bit. */
const deletedAtOnce = 5000

export const make = (connection: Connection): TraceRows => {
  const insert = connection.prepare(
    "INSERT INTO trace (at, execution, timestamp, tx, controller, event, fields) VALUES (?, ?, ?, ?, ?, ?, ?)"
  )
  const about = connection.prepare(
    "INSERT OR IGNORE INTO trace_objects (object, entry) VALUES (?, last_insert_rowid())"
  )
  const entryOf = connection.prepare("SELECT max(entry) FROM trace")
  const drop = connection.prepare(
    "DELETE FROM trace WHERE entry IN (SELECT entry FROM trace WHERE entry <= ? OR at < ? ORDER BY entry " +
      `LIMIT ${deletedAtOnce})`
  )

  const insertAll = (entries: ReadonlyArray<NewEntry>): void => {
    for (const { at, entry, execution, tx } of entries) {
      const { event, executingController, timestamp } = entry
      // Every event encodes to a record with its tag.
      const { _tag, ...fields } = encode(event) as { readonly _tag: string }
      const controller = Option.getOrNull(executingController)
      insert.run(at, execution, timestamp, tx ?? null, controller, _tag, JSON.stringify(fields))
      // `last_insert_rowid` stays that of the entry: the other table has no row ids.
      for (const object of objectsOf(event)) about.run(object)
    }
  }

  return {
    write: (entries, { newest, since }) => {
      connection.exec("BEGIN IMMEDIATE")
      try {
        insertAll(entries)
        if (newest !== undefined || since !== undefined) {
          const last = Number(entryOf.get()?.[0] ?? 0)
          drop.run(newest === undefined ? 0 : last - newest, since ?? 0)
        }
        connection.exec("COMMIT")
      } catch (error) {
        if (connection.inTransaction()) connection.exec("ROLLBACK")
        throw error
      }
    },
    query: (query, after) => {
      const { conditions, parameters } = conditionsOf(query)
      const statement = connection.prepare(
        "SELECT entry, at, execution, timestamp, tx, controller, event, fields FROM trace " +
          `WHERE ${["entry > ?", ...conditions].join(" AND ")} ORDER BY entry LIMIT ${entryPageSize}`
      )
      return statement.all(after, ...parameters).map(toWritten)
    }
  }
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const encode = Schema.encodeSync(TraceEvent.TraceEvent)
const decode = Schema.decodeUnknownSync(TraceEvent.TraceEvent)

const conditionsOf = (
  { execution, fromMillis, object, tx, untilMillis }: Query
): { readonly conditions: ReadonlyArray<string>; readonly parameters: ReadonlyArray<Value> } => {
  const all: ReadonlyArray<readonly [condition: string, parameter: Value | undefined]> = [
    ["entry IN (SELECT entry FROM trace_objects WHERE object = ?)", object?.value],
    ["tx = ?", tx],
    ["execution = ?", execution],
    ["at >= ?", fromMillis],
    ["at < ?", untilMillis]
  ]
  const asked = all.flatMap(([condition, parameter]) => parameter === undefined ? [] : [{ condition, parameter }])
  return {
    conditions: asked.map(({ condition }) => condition),
    parameters: asked.map(({ parameter }) => parameter)
  }
}

/** The objects that an event names. */
const objectsOf = (event: TraceEvent.TraceEvent): ReadonlySet<string> => {
  const named: ReadonlyArray<unknown> = Object.values(event)
  const failed = event._tag === "ErrorOccurred" && typeof event.error === "object" && event.error !== null
    ? Object.values(event.error)
    : []
  return new Set([...named, ...failed].filter(ObjectId.isObjectId).map(({ value }) => value))
}

const toWritten = (row: Row): Written => {
  const [number, at, execution, timestamp, tx, controller, event, fields] = row
  return {
    number: Number(number),
    atMillis: Number(at),
    execution: String(execution),
    tx: Option.map(Option.fromNullable(tx), (tx) => TxId.make(String(tx))),
    entry: new TraceEvent.TraceEntry({
      timestamp: Number(timestamp),
      event: decode({ _tag: event, ...JSON.parse(String(fields)) }),
      executingController: Option.map(Option.fromNullable(controller), (owner) => ControllerId.make(String(owner)))
    })
  }
}
