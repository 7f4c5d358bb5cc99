/**
 * The few calls that are made of SQLite, as an interface to stand in between.
 *
 * The store asks nothing but this, so that a test can make the n-th statement fail, or a disk be full. The default is
 * better-sqlite3, which is synchronous: a call blocks the process for as long as it takes, and nothing comes in between
 * the statements of one step. Pinned by `test/sqlite/Faults.test.ts`.
 *
 * @since 0.1.0
 */
import Sqlite from "better-sqlite3"
import * as Context from "effect/Context"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * What a column holds. An integer beyond 2^53 is none of ours.
 *
 * @since 0.1.0
 * @category models
 */
export type Value = null | number | string | Uint8Array

/**
 * A row, by position.
 *
 * @since 0.1.0
 * @category models
 */
export type Row = ReadonlyArray<Value>

/**
 * A statement that is prepared once. Each of its calls throws what SQLite says: an `Error` with a `code`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Statement {
  /** The names of what it answers; none for a statement that answers no rows. */
  readonly columns: ReadonlyArray<string>
  readonly run: (...parameters: ReadonlyArray<Value>) => void
  readonly get: (...parameters: ReadonlyArray<Value>) => Row | undefined
  readonly all: (...parameters: ReadonlyArray<Value>) => ReadonlyArray<Row>
}

/**
 * How far a backup is, in pages of the file.
 *
 * @since 0.1.0
 * @category models
 */
export interface Progress {
  readonly totalPages: number
  readonly remainingPages: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Connection {
  readonly prepare: (sql: string) => Statement
  /** Several statements that answer nothing. */
  readonly exec: (sql: string) => void
  readonly inTransaction: () => boolean
  /** Copies the file page by page; `next` is told of the progress, and answers how many pages to copy next. */
  readonly backup: (destination: string, next: (progress: Progress) => number) => Promise<Progress>
  readonly close: () => void
}

/**
 * @since 0.1.0
 * @category models
 */
export interface OpenOptions {
  readonly readonly: boolean
  /** How long a statement waits, blocking the process, for a file that somebody else has locked. */
  readonly busyTimeoutMillis: number
}

// ---------------------------------------------------------------------------
// service
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category models
 */
export interface Service {
  readonly open: (filename: string, options: OpenOptions) => Connection
}

// ---------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category constructors
 */
export const betterSqlite3: Service = {
  open: (filename, { busyTimeoutMillis, readonly }) => {
    const db = new Sqlite(filename, { readonly, fileMustExist: readonly, timeout: busyTimeoutMillis })
    return {
      prepare: (sql) => prepare(db, sql),
      exec: (sql) => void db.exec(sql),
      inTransaction: () => db.inTransaction,
      backup: (destination, progress) => db.backup(destination, { progress }),
      close: () => void db.close()
    }
  }
}

/**
 * better-sqlite3, if no other is provided.
 *
 * @since 0.1.0
 * @category services
 */
export class Driver extends Context.Reference<Driver>()("@effect-avm/sqlite/Driver", {
  defaultValue: (): Service => betterSqlite3
}) {}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const prepare = (db: Sqlite.Database, sql: string): Statement => {
  const statement = db.prepare<Array<Value>, Row>(sql)
  if (statement.reader) statement.raw(true)
  return {
    columns: statement.reader ? statement.columns().map(({ name }) => name) : [],
    // As they are: a function around them costs as much as a tenth of what they do.
    run: statement.run.bind(statement),
    get: statement.get.bind(statement),
    all: statement.all.bind(statement)
  }
}
