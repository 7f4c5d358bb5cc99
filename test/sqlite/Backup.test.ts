/** Copies of a file that is in use: whole, as of their end, or not there at all. */
import { MachineId, ObjectStore } from "@effect-avm/core"
import { type Driver, Failure, Sqlite, SqliteFile } from "@effect-avm/sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Option } from "effect"
import * as fs from "node:fs"
import * as path from "node:path"
import { directory, id, withStore } from "./support.js"

const creation = (name: string): ObjectStore.Creation => ({
  behaviour: "cell",
  metadata: {
    id: id(name),
    machine: MachineId.make("m0"),
    creatingController: Option.none(),
    currentController: Option.none()
  },
  state: 0
})

const names = Array.from({ length: 3000 }, (_, n) => `o${n}`)

const commit = (changes: Partial<ObjectStore.ChangeSet>) =>
  Effect.flatMap(ObjectStore.ObjectStore, (store) => store.commit({ ...ObjectStore.noChanges, ...changes }))

const states = (filename: string) =>
  withStore(
    filename,
    (store) => Effect.map(store.scan(ObjectStore.latest), (all) => all.map(({ state }) => Number(state)))
  )

const running = (filename: string) => Sqlite.layerStore({ filename, synchronous: "off" })

describe("a backup", () => {
  for (const from of ["a file", "memory"]) {
    it.live(`of ${from} is made while commits go on, and has each of them as a whole`, () =>
      Effect.gen(function*() {
        const where = yield* directory
        const destination = path.join(where, "copy.db")
        yield* Effect.gen(function*() {
          yield* commit({ creates: names.map(creation) })
          // Every commit changes the first object and the last, which are far apart in the file.
          let last = 0
          const writing = yield* Effect.fork(Effect.forever(Effect.suspend(() => {
            const next = last + 1
            return commit({ states: [[id("o0"), next], [id("o2999"), next]] }).pipe(
              Effect.map(() => void (last = next)),
              Effect.zipLeft(Effect.sleep("1 millis"))
            )
          })))
          const steps: Array<Driver.Progress> = []
          const before = last
          const { remainingPages, totalPages } = yield* SqliteFile.backup(destination, {
            pagesPerStep: 5,
            onProgress: (progress) => void steps.push(progress)
          })
          yield* Fiber.interrupt(writing)
          assert.strictEqual(remainingPages, 0)
          assert.isAbove(totalPages, 20)
          assert.isAbove(steps.length, 3)
          assert.isAbove(last, before)
          const copy = yield* states(destination)
          assert.strictEqual(copy.length, names.length)
          assert.strictEqual(copy[0], copy[2999])
          assert.isAtMost(Number(copy[0]), last)
        }).pipe(Effect.provide(running(from === "memory" ? ":memory:" : path.join(where, "avm.db"))))
      }).pipe(Effect.scoped))
  }

  it.live("that is interrupted leaves what was there before", () =>
    Effect.gen(function*() {
      const where = yield* directory
      const destination = path.join(where, "copy.db")
      fs.writeFileSync(destination, "before")
      yield* Effect.gen(function*() {
        yield* commit({ creates: names.map(creation) })
        const second = yield* Deferred.make<void>()
        let steps = 0
        const onProgress = () => void (++steps === 2 && Deferred.unsafeDone(second, Effect.void))
        const copying = yield* Effect.fork(SqliteFile.backup(destination, { pagesPerStep: 1, onProgress }))
        yield* Deferred.await(second)
        yield* Fiber.interrupt(copying)
        assert.isAtMost(steps, 3)
      }).pipe(Effect.provide(running(path.join(where, "avm.db"))))
      assert.strictEqual(fs.readFileSync(destination, "utf8"), "before")
      assert.deepStrictEqual(fs.readdirSync(where).filter((name) => name.includes("copy")), ["copy.db"])
    }).pipe(Effect.scoped))

  it.live("to where nothing can be written says so", () =>
    Effect.gen(function*() {
      const where = yield* directory
      const destination = path.join(where, "nowhere", "copy.db")
      const error = yield* Effect.flip(SqliteFile.backup(destination))
      assert.instanceOf(error.cause, Failure.BackupFailed)
      assert.include(error.message, destination)
    }).pipe(Effect.provide(running(":memory:")), Effect.scoped))
})
