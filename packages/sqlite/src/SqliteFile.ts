/**
 * The file under a running platform: its name, and copies of it while it is in use.
 *
 * Pinned by `test/sqlite/Backup.test.ts`.
 *
 * @since 0.1.0
 */
import type { AvmError } from "@effect-avm/core"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as fs from "node:fs/promises"
import type { Connection, Progress } from "./Driver.js"
import { BackupFailed, reasonOf, toStoreError } from "./Failure.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category models
 */
export interface BackupOptions {
  /** Between two steps of so many pages, everything else goes on; 100 without. A page has 4096 bytes. */
  readonly pagesPerStep?: number
  /** Told before each step. */
  readonly onProgress?: (progress: Progress) => void
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Service {
  readonly filename: string
  /**
   * Copies the file, also one in memory. The copy has every commit that was answered before the end, and of each commit
   * all or nothing. It is at `destination` when it is complete, in place of what was there; interruption leaves nothing.
   */
  readonly backup: (destination: string, options?: BackupOptions) => Effect.Effect<Progress, AvmError.StoreError>
  /** @internal */
  readonly connection: Connection
}

// ---------------------------------------------------------------------------
// service
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category services
 */
export class SqliteFile extends Context.Tag("@effect-avm/sqlite/SqliteFile")<SqliteFile, Service>() {}

// ---------------------------------------------------------------------------
// operations
// ---------------------------------------------------------------------------

/**
 * Copies the file of the platform that is provided, while it runs.
 *
 * @since 0.1.0
 * @category operations
 */
export const backup = (
  destination: string,
  options?: BackupOptions
): Effect.Effect<Progress, AvmError.StoreError, SqliteFile> =>
  Effect.flatMap(SqliteFile, (file) => file.backup(destination, options))

// ---------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------

/** @internal */
export const make = (filename: string, connection: Connection): Service => ({
  filename,
  connection,
  backup: (destination, { onProgress, pagesPerStep = 100 } = {}) => {
    const partial = `${destination}.partial`
    const copied = Effect.async<Progress, AvmError.StoreError>((resume) => {
      let stopped = false
      const copying = connection.backup(partial, (progress) => {
        if (stopped) throw new Error("interrupted")
        onProgress?.(progress)
        return pagesPerStep
      }).then(
        (progress) => resume(Effect.succeed(progress)),
        (thrown) => resume(Effect.fail(failed(destination)(thrown)))
      )
      return Effect.promise(() => {
        stopped = true
        return copying
      })
    })
    const renamed = Effect.tryPromise({ try: () => fs.rename(partial, destination), catch: failed(destination) })
    return Effect.zipLeft(copied, renamed).pipe(
      Effect.onError(() => Effect.promise(() => fs.rm(partial, { force: true })))
    )
  }
})

const failed = (filename: string) => (thrown: unknown): AvmError.StoreError =>
  toStoreError(new BackupFailed({ filename, ...reasonOf(thrown) }))
