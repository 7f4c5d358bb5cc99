/**
 * Opening a file: is it ours, may we write, does anybody else. Everything that is wrong with it is found out here, before
 * a program runs, as far as that can be had without reading all of it.
 */
import type { AvmError } from "@effect-avm/core"
import type { SqlClient } from "@effect/sql/SqlClient"
import * as Client from "@effect/sql/SqlClient"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as fs from "node:fs"
import { type Connection, Driver, type Service } from "../Driver.js"
import {
  type Failure,
  FileInUse,
  FileIsForeign,
  FileIsNewer,
  FileIsOlder,
  FileIsTruncated,
  FileNotOpened,
  reasonOf,
  toStoreError
} from "../Failure.js"
import * as client from "./client.js"
import * as schema from "./schema.js"

export interface File {
  readonly filename: string
  readonly connection: Connection
  readonly sql: SqlClient
}

export interface OpenOptions {
  readonly filename: string
  readonly synchronous: "full" | "normal" | "off"
  readonly busyTimeoutMillis: number
}

/**
 * Pages of the log, 16 MB, from one copy of what is in it into the file itself to the next. Commits touch the same pages
 * again and again, which are copied once: four times as seldom as SQLite does by itself saves a fifth of a grouped commit.
 */
const checkpointPages = 4000

/** Opens for writing; nobody else can until the scope closes, or the process ends, however it ends. */
export const open = (options: OpenOptions): Effect.Effect<File, AvmError.StoreError, Scope.Scope> =>
  Effect.gen(function*() {
    const { filename } = options
    const driver = yield* Driver
    if (!isMemory(filename)) yield* lock(driver, filename)
    const connection = yield* connect(driver, filename, false, options.busyTimeoutMillis)
    yield* attempt(filename, () => {
      checkLength(filename)
      check(connection, filename)
      const mode = connection.prepare("PRAGMA journal_mode = WAL").get()?.[0]
      if (mode !== "wal" && !isMemory(filename)) throw new Error(`journal_mode is ${mode}, and not wal`)
      // To be set after the journal mode, which brings a default of its own.
      connection.exec(`PRAGMA synchronous = ${options.synchronous}`)
      connection.exec("PRAGMA foreign_keys = ON")
      connection.exec("PRAGMA cache_size = -16000")
      connection.exec(`PRAGMA wal_autocheckpoint = ${checkpointPages}`)
    })
    const sql = yield* client.make(connection)
    yield* schema.migrate.pipe(
      Effect.provideService(Client.SqlClient, sql),
      Effect.catchAllCause((cause) => Effect.fail(unopened(filename)(innermost(Cause.squash(cause)))))
    )
    // SQLite opens what it may not write for reading, and says so at the first change.
    yield* attempt(filename, () => connection.exec("BEGIN IMMEDIATE; UPDATE clock SET version = version; ROLLBACK"))
    return { filename, connection, sql }
  })

/** Opens for reading, beside whoever writes. */
export const openReadonly = (
  { busyTimeoutMillis, filename }: Omit<OpenOptions, "synchronous">
): Effect.Effect<File, AvmError.StoreError, Scope.Scope> =>
  Effect.gen(function*() {
    const connection = yield* connect(yield* Driver, filename, true, busyTimeoutMillis)
    yield* attempt(filename, () => {
      checkLength(filename)
      check(connection, filename)
      const format = numberOf(connection, "PRAGMA user_version")
      if (format > 0 && format < schema.format) throw new FileIsOlder({ filename, format, needed: schema.format })
    })
    return { filename, connection, sql: yield* client.make(connection) }
  })

export const isMemory = (filename: string): boolean => filename === ":memory:" || filename === ""

// ---------------------------------------------------------------------------
// internal: opening
// ---------------------------------------------------------------------------

const connect = (driver: Service, filename: string, readonly: boolean, busyTimeoutMillis: number) =>
  Effect.acquireRelease(
    attempt(filename, () => driver.open(filename, { readonly, busyTimeoutMillis })),
    (connection) => Effect.sync(() => connection.close())
  )

const attempt = <A>(filename: string, run: () => A): Effect.Effect<A, AvmError.StoreError> =>
  Effect.try({ try: run, catch: unopened(filename) })

const unopened = (filename: string) => (thrown: unknown): AvmError.StoreError =>
  toStoreError(isFailure(thrown) ? thrown : new FileNotOpened({ filename, ...reasonOf(thrown) }))

/** What SQLite has said, of what was made of that. */
const innermost = (thrown: unknown): unknown =>
  thrown instanceof Error && thrown.cause instanceof Error ? innermost(thrown.cause) : thrown

const isFailure = (thrown: unknown): thrown is Failure =>
  thrown instanceof FileIsForeign || thrown instanceof FileIsNewer || thrown instanceof FileIsOlder ||
  thrown instanceof FileIsTruncated

const numberOf = (connection: Connection, sql: string): number => Number(connection.prepare(sql).get()?.[0] ?? 0)

const check = (connection: Connection, filename: string): void => {
  const applicationId = numberOf(connection, "PRAGMA application_id")
  const format = numberOf(connection, "PRAGMA user_version")
  if (applicationId !== schema.applicationId) {
    const fresh = applicationId === 0 && format === 0 &&
      // The list of migrations comes before the first one, which says whose file it is.
      numberOf(connection, `SELECT count(*) FROM sqlite_master WHERE name <> '${schema.migrationsTable}'`) === 0
    if (!fresh) throw new FileIsForeign({ filename, applicationId })
  } else if (format > schema.format) {
    throw new FileIsNewer({ filename, format, known: schema.format })
  }
}

/**
 * The header of a file says how many pages it has. It is right where everything has been copied into the file, that is,
 * where there is no write-ahead log beside it; with one, pages that are missing are found when they are read.
 */
const checkLength = (filename: string): void => {
  if (isMemory(filename)) return
  const log = fs.statSync(`${filename}-wal`, { throwIfNoEntry: false })
  if (log !== undefined && log.size > 0) return
  const header = Buffer.alloc(headerBytes)
  const file = fs.openSync(filename, "r")
  try {
    if (fs.readSync(file, header, 0, headerBytes, 0) < headerBytes) return
    // SQLite says what it thinks of another beginning.
    if (header.toString("latin1", 0, 16) !== "SQLite format 3\0") return
    const bytes = fs.fstatSync(file).size
    const page = header.readUInt16BE(16)
    const expected = (page === 1 ? 65536 : page) * header.readUInt32BE(28)
    if (bytes < expected) throw new FileIsTruncated({ filename, bytes, expected })
  } finally {
    fs.closeSync(file)
  }
}

const headerBytes = 100

// ---------------------------------------------------------------------------
// internal: one writer
// ---------------------------------------------------------------------------

/**
 * A lock of the operating system on a file beside the file, taken through SQLite: it goes when the process goes. The
 * file itself cannot be locked for good, since readers would be shut out. Who holds it is written inside, for the
 * message; that it is locked, and not what is in it, is what counts.
 */
const lock = (driver: Service, filename: string) =>
  Effect.acquireRelease(
    Effect.suspend(() => {
      let holder: number | undefined
      return Effect.try({
        try: () => {
          const connection = driver.open(`${filename}-lock`, { readonly: false, busyTimeoutMillis: 0 })
          try {
            // Waits for nothing on the disk: the lock is all that is wanted.
            connection.exec("PRAGMA synchronous = OFF")
            holder = readHolder(connection)
            connection.exec(
              "BEGIN IMMEDIATE; CREATE TABLE IF NOT EXISTS holder (pid INTEGER); DELETE FROM holder; " +
                `INSERT INTO holder VALUES (${process.pid}); COMMIT; BEGIN IMMEDIATE`
            )
            return connection
          } catch (error) {
            connection.close()
            throw error
          }
        },
        catch: (thrown) =>
          reasonOf(thrown).code.startsWith("SQLITE_BUSY")
            ? toStoreError(new FileInUse({ filename, ...holder === undefined ? {} : { pid: holder } }))
            : unopened(filename)(thrown)
      })
    }),
    (connection) => Effect.sync(() => connection.close())
  )

const readHolder = (connection: Connection): number | undefined => {
  if (connection.prepare("SELECT 1 FROM sqlite_master WHERE name = 'holder'").get() === undefined) return undefined
  const pid = connection.prepare("SELECT pid FROM holder").get()?.[0]
  return typeof pid === "number" ? pid : undefined
}
