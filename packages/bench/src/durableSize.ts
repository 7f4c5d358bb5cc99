/**
 * A store of many objects: made in a file, then opened by a process of its own, which says how long that took, what it
 * weighs, and what an object costs that is in the cache, or is not.
 */
import { ControllerId, MachineId, ObjectId, ObjectStore } from "@effect-avm/core"
import { Sqlite } from "@effect-avm/sqlite"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

interface Seen {
  readonly openMillis: number
  readonly openBytes: number
  readonly coldMicros: number
  readonly warmMicros: number
  readonly laterBytes: number
}

const owner = Option.some(ControllerId.make("bench"))

const creation = (n: number): ObjectStore.Creation => ({
  behaviour: "account",
  metadata: {
    id: ObjectId.make(`object-${n}`),
    machine: MachineId.make("m0"),
    creatingController: owner,
    currentController: owner
  },
  state: { balance: n, name: `account number ${n}` }
})

const fill = (filename: string, count: number): Promise<void> =>
  Effect.runPromise(
    Effect.flatMap(ObjectStore.ObjectStore, (store) =>
      Effect.forEach(
        Array.from({ length: Math.ceil(count / 5000) }, (_, batch) => batch * 5000),
        (from) =>
          store.commit({
            ...ObjectStore.noChanges,
            creates: Array.from({ length: Math.min(5000, count - from) }, (_, n) => creation(from + n))
          }),
        { discard: true }
      )).pipe(Effect.provide(Sqlite.layerStore({ filename, synchronous: "off" })))
  )

/** What the process does that opens it. */
const look = async (filename: string, count: number): Promise<Seen> => {
  const looks = Math.min(count, 200_000)
  const before = performance.now()
  return Effect.runPromise(
    Effect.gen(function*() {
      const store = yield* ObjectStore.ObjectStore
      yield* store.read(ObjectId.make("object-0"), ObjectStore.latest)
      const openMillis = performance.now() - before
      const openBytes = process.memoryUsage.rss()
      const timed = (nth: (n: number) => number) =>
        Effect.gen(function*() {
          const from = performance.now()
          for (let n = 0; n < looks; n++) {
            yield* store.read(ObjectId.make(`object-${nth(n)}`), ObjectStore.latest)
          }
          return (performance.now() - from) * 1000 / looks
        })
      // All over the file, no object twice; then a few again and again.
      const coldMicros = yield* timed((n) => (n * 7919) % count)
      const warmMicros = yield* timed((n) => n % 1000)
      return { openMillis, openBytes, coldMicros, warmMicros, laterBytes: process.memoryUsage.rss() }
    }).pipe(Effect.provide(Sqlite.layerStore({ filename })))
  )
}

export const table = async (count: number): Promise<string> => {
  const where = mkdtempSync(join(tmpdir(), "effect-avm-bench-"))
  const filename = join(where, "many.db")
  await fill(filename, count)
  const seen: Seen = JSON.parse(
    execFileSync(process.execPath, [fileURLToPath(import.meta.url), filename, String(count)], { encoding: "utf8" })
  )
  const { size } = statSync(filename)
  rmSync(where, { recursive: true })
  const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`
  return [
    `\n### A file of ${count.toLocaleString("en")} objects\n`,
    "| | |",
    "|---|---:|",
    `| bytes in the file, each | ${(size / count).toFixed(0)} |`,
    `| from nothing to the first object read | ${seen.openMillis.toFixed(0)} ms |`,
    `| resident memory then | ${megabytes(seen.openBytes)} |`,
    `| an object that is not in the cache | ${seen.coldMicros.toFixed(1)} µs |`,
    `| an object that is | ${seen.warmMicros.toFixed(2)} µs |`,
    `| resident memory after all that, with a cache of 64 MiB | ${megabytes(seen.laterBytes)} |`
  ].join("\n")
}

const [, program, filename, count] = process.argv
if (filename !== undefined && program === fileURLToPath(import.meta.url)) {
  process.stdout.write(JSON.stringify(await look(filename, Number(count))))
}
