/**
 * The platform on one SQLite file: the same program, the same machine, and objects that survive.
 *
 * What is promised when, after which crash and with which option, is in `docs/concepts/durability.md`. A file has one
 * writer: a second one, in this process or in another, fails with `FileInUse`. Readers may come beside it
 * (`SqliteReader`). Pinned by the suites of the memory store, which run on this one as well, and by `test/sqlite`.
 *
 * @since 0.1.0
 */
import {
  Avm,
  type AvmError,
  IdGenerator,
  Mailboxes,
  ObjectStore,
  Reachability,
  Scheduling,
  Trace
} from "@effect-avm/core"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { FileNotOpened, MessageUnreadable, reasonOf, toStoreError } from "./Failure.js"
import { Cache } from "./internal/cache.js"
import { Committer } from "./internal/committer.js"
import * as file from "./internal/file.js"
import { Mail } from "./internal/mail.js"
import * as mailboxes from "./internal/mailboxes.js"
import * as rows from "./internal/rows.js"
import * as store from "./internal/store.js"
import * as SqliteFile from "./SqliteFile.js"
import * as SqliteTrace from "./SqliteTrace.js"

// ---------------------------------------------------------------------------
// options
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category models
 */
export interface StoreOptions {
  /** `":memory:"` for a file that is none. Beside a file there are `-wal`, `-shm` and `-lock`, which belong to it. */
  readonly filename: string
  /**
   * When a commit counts as written. `full`, the default: when the disk has it; nothing that was answered is ever lost.
   * `normal`: when the operating system has it; a crash of the machine may take the last commits, never a part of one.
   * `off`: the same, and a crash of the machine may leave the file unusable.
   */
  readonly synchronous?: "full" | "normal" | "off"
  /** Objects kept in memory beyond those in use, in estimated bytes; 64 MiB without. */
  readonly cacheBytes?: number
  /** How long a write waits for somebody else's lock on the file, blocking the process; 1000 without. */
  readonly busyTimeoutMillis?: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface SqliteOptions extends Avm.Options, StoreOptions {}

// ---------------------------------------------------------------------------
// layers
// ---------------------------------------------------------------------------

/**
 * The store alone, its messages, and the file it is on.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerStore = (
  options: StoreOptions
): Layer.Layer<ObjectStore.ObjectStore | Mailboxes.Mailboxes | SqliteFile.SqliteFile, AvmError.StoreError> =>
  Layer.scopedContext(
    Effect.gen(function*() {
      const { busyTimeoutMillis = 1000, cacheBytes = 64 * 2 ** 20, filename, synchronous = "full" } = options
      const { connection } = yield* file.open({ filename, synchronous, busyTimeoutMillis })
      const { mail, service } = yield* Effect.acquireRelease(
        Effect.try({
          try: () => {
            const statements = rows.make(connection)
            const cache = new Cache(cacheBytes, statements.clock())
            const mail = new Mail(statements.mail())
            const committer = new Committer(filename, statements, cache, mail)
            return {
              committer,
              service: store.make(statements, cache, mail, committer),
              mail: mailboxes.make(mail, committer)
            }
          },
          catch: (thrown) =>
            toStoreError(
              thrown instanceof MessageUnreadable ? thrown : new FileNotOpened({ filename, ...reasonOf(thrown) })
            )
        }),
        ({ committer }) => Effect.sync(() => committer.close())
      )
      return Context.make(ObjectStore.ObjectStore, service).pipe(
        Context.add(Mailboxes.Mailboxes, mail),
        Context.add(SqliteFile.SqliteFile, SqliteFile.make(filename, connection))
      )
    })
  )

/**
 * The ports alone, for an assembly of one's own: random ids, everybody reachable, fair scheduling, no trace.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerPorts = (
  options: StoreOptions
): Layer.Layer<Avm.Ports | SqliteFile.SqliteFile, AvmError.StoreError> =>
  Layer.mergeAll(layerStore(options), Trace.layerNone, others)

/**
 * The whole machine on a file, in place of `Avm.layerMemory`.
 *
 * ```ts
 * import { Avm, Behaviour, Introspect, Obj, ObjectId } from "@effect-avm/core"
 * import { Sqlite } from "@effect-avm/sqlite"
 * import { Effect, Layer, Option } from "effect"
 * import * as assert from "node:assert/strict"
 * import { mkdtempSync, rmSync } from "node:fs"
 * import { tmpdir } from "node:os"
 * import { join } from "node:path"
 *
 * const Counter = Behaviour.layerRaw("counter", Effect.gen(function*() {
 *   const count = [yield* Introspect.getState].flat().length + 1
 *   yield* Introspect.setState(Array.from({ length: count }, () => null))
 *   return [count]
 * }))
 *
 * const directory = mkdtempSync(join(tmpdir(), "counter-"))
 * const run = <A, E>(program: Effect.Effect<A, E, Avm.Avm>) =>
 *   Effect.runPromise(Effect.provide(
 *     program,
 *     Layer.provideMerge(Counter, Sqlite.layer({ filename: join(directory, "counter.db") }))
 *   ))
 *
 * const id = await run(Avm.run(Effect.tap(Obj.create("counter"), (id) => Obj.call(id, null))))
 * // Another machine, on the same file.
 * const count = await run(Avm.run(Obj.call(ObjectId.make(id.value), null)))
 * assert.deepEqual(count, Option.some(2))
 * rmSync(directory, { recursive: true })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: SqliteOptions
): Layer.Layer<Avm.Platform | SqliteFile.SqliteFile, AvmError.StoreError> =>
  Layer.provideMerge(Avm.layer(options), layerPorts(options))

/**
 * The same, with a trace that is kept in the file and can be asked (`SqliteTrace`).
 *
 * @since 0.1.0
 * @category layers
 */
export const layerTraced = (
  options: SqliteOptions & { readonly trace?: SqliteTrace.TraceOptions }
): Layer.Layer<Avm.Platform | SqliteFile.SqliteFile | SqliteTrace.SqliteTrace, AvmError.StoreError> =>
  Layer.provideMerge(
    Avm.layer(options),
    Layer.merge(Layer.provideMerge(SqliteTrace.layer(options.trace), layerStore(options)), others)
  )

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const others = Layer.mergeAll(Reachability.layerAll, Scheduling.layerFair, IdGenerator.layerRandom)
