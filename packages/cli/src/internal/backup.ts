/**
 * `avm backup`: a copy of a store while it is in use, as of one moment.
 */
import { Driver, Failure, SqliteReader } from "@effect-avm/sqlite"
import * as Effect from "effect/Effect"
import * as fs from "node:fs/promises"
import * as path from "node:path"
import { BadArgument, type CliError, OutputNotWritten } from "../CliError.js"
import type { Term } from "../Term.js"
import { type Advance, jsonLine, out, progress } from "./printing.js"
import { failed } from "./reading.js"
import { printable } from "./text.js"

export interface Options {
  readonly store: string
  readonly destination: string
  readonly force: boolean
  readonly json: boolean
}

/** Between two steps of so many pages the process can be interrupted. A page has 4096 bytes. */
const pagesPerStep = 2000

export const backup = (options: Options): Effect.Effect<void, CliError, Term> =>
  Effect.gen(function*() {
    const { destination, store } = options
    if (path.resolve(store) === path.resolve(destination)) {
      return yield* new BadArgument({ argument: "DESTINATION", reason: "it is the store itself" })
    }
    // Whatever is wrong with the file is said before anything is written; pages of an older format are pages as well.
    yield* Effect.provide(SqliteReader.SqliteReader, SqliteReader.layer({ filename: store })).pipe(
      Effect.catchIf(({ cause }) => cause instanceof Failure.FileIsOlder, () => Effect.void),
      Effect.mapError(failed)
    )
    const exists = yield* Effect.promise(() => fs.stat(destination).then(() => true, () => false))
    if (exists && !options.force) {
      return yield* new OutputNotWritten({ path: destination, reason: "it is there already; --force replaces it" })
    }
    const pages = yield* Effect.scoped(copied(options))
    if (options.json) return yield* jsonLine({ store, destination, pages })
    yield* out(`${printable(store)} was copied to ${printable(destination)}, ${pages} pages`)
  })

const copied = ({ destination, store }: Options) =>
  Effect.gen(function*() {
    const driver = yield* Driver.Driver
    const failed = (thrown: unknown) =>
      new OutputNotWritten({ path: destination, reason: thrown instanceof Error ? thrown.message : String(thrown) })
    const partial = `${destination}.partial`
    yield* Effect.addFinalizer(() => Effect.promise(() => fs.rm(partial, { force: true })))
    const connection = yield* Effect.acquireRelease(
      Effect.try({ try: () => driver.open(store, { readonly: true, busyTimeoutMillis: 1000 }), catch: failed }),
      (connection) => Effect.sync(() => connection.close())
    )
    // All pages are of one moment, and the copying does not begin anew when a writer commits.
    yield* Effect.try({
      try: () => {
        connection.exec("BEGIN")
        connection.prepare("SELECT version FROM clock").get()
      },
      catch: failed
    })
    const total = connection.prepare("PRAGMA page_count").get()?.[0]
    const advance: Advance = yield* progress("copying", Number(total))
    let before = Number(total)
    const { totalPages } = yield* Effect.async<Driver.Progress, OutputNotWritten>((resume) => {
      let isStopped = false
      const copying = connection.backup(partial, ({ remainingPages }) => {
        if (isStopped) throw new Error("interrupted")
        const steps = before - remainingPages
        before = remainingPages
        Effect.runFork(advance(steps))
        return pagesPerStep
      }).then((progress) => resume(Effect.succeed(progress)), (thrown) => resume(Effect.fail(failed(thrown))))
      return Effect.promise(() => {
        isStopped = true
        return copying
      })
    })
    yield* Effect.tryPromise({ try: () => fs.rename(partial, destination), catch: failed })
    return totalPages
  })
