/**
 * Looking into a file beside whoever writes it: for tools that inspect, from another process or this one.
 *
 * A reader takes no lock that a writer minds. Each question is answered as of one moment; two questions may see two. What
 * it sees is durable. Pinned by `test/sqlite/Files.test.ts`.
 *
 * @since 0.1.0
 */
import type { AvmError, ObjectId, ObjectStore } from "@effect-avm/core"
import type { SqlClient } from "@effect/sql/SqlClient"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { FileNotOpened, ObjectUnreadable, ReadFailed, reasonOf, toStoreError } from "./Failure.js"
import * as file from "./internal/file.js"
import { pageSize, reading } from "./internal/rows.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** None if the id was never created. */
  readonly object: (id: ObjectId.ObjectId) => Effect.Effect<Option.Option<ObjectStore.Stored>, AvmError.StoreError>
  /** All of them, in order of creation, page by page. */
  readonly objects: Stream.Stream<ObjectStore.StoredObject, AvmError.StoreError>
  /** Also of a destroyed object; oldest first. */
  readonly history: (id: ObjectId.ObjectId) => Effect.Effect<ReadonlyArray<ObjectStore.Accepted>, AvmError.StoreError>
  /** For every other question; it cannot write. */
  readonly sql: SqlClient
}

/**
 * @since 0.1.0
 * @category models
 */
export interface ReaderOptions {
  readonly filename: string
  /** How long a question waits for a lock, blocking the process; 1000 without. */
  readonly busyTimeoutMillis?: number
}

// ---------------------------------------------------------------------------
// service
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category services
 */
export class SqliteReader extends Context.Tag("@effect-avm/sqlite/SqliteReader")<SqliteReader, Service>() {}

// ---------------------------------------------------------------------------
// layers
// ---------------------------------------------------------------------------

/**
 * Opens a file that exists.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  { busyTimeoutMillis = 1000, filename }: ReaderOptions
): Layer.Layer<SqliteReader, AvmError.StoreError> =>
  Layer.scoped(
    SqliteReader,
    Effect.gen(function*() {
      const { connection, sql } = yield* file.openReadonly({ filename, busyTimeoutMillis })
      const rows = yield* Effect.try({
        try: () => reading(connection),
        catch: (thrown) => toStoreError(new FileNotOpened({ filename, ...reasonOf(thrown) }))
      })
      const looking = <A>(what: string, look: () => A): Effect.Effect<A, AvmError.StoreError> =>
        Effect.try({
          try: look,
          catch: (thrown) =>
            toStoreError(
              thrown instanceof ObjectUnreadable ? thrown : new ReadFailed({ what, ...reasonOf(thrown) })
            )
        })
      const page = (after: number) =>
        looking("a page of objects", () => {
          const found = rows.page(after)
          const last = found.at(-1)
          const objects = found.map(rows.found).filter((stored) => stored._tag === "StoredObject")
          const next = last === undefined || found.length < pageSize
            ? Option.none<number>()
            : Option.some(Number(last[0]))
          return [Chunk.fromIterable(objects), next] as const
        })
      return {
        sql,
        object: (id) =>
          looking(id.value, () => Option.map(Option.fromNullable(rows.object(id.value)), ({ value }) => value)),
        objects: Stream.paginateChunkEffect(0, page),
        history: (id) => looking(`the history of ${id.value}`, () => rows.history(id.value))
      }
    })
  )
