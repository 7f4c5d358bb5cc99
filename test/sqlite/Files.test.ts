/** What can be wrong with a file, who may open it when, and that what is not broken stays usable. */
import { type AvmError, MachineId, ObjectStore } from "@effect-avm/core"
import { Driver, Failure, Sqlite, SqliteReader } from "@effect-avm/sqlite"
import { assert, describe, it } from "@effect/vitest"
import Database from "better-sqlite3"
import { Chunk, Effect, Exit, Option, Stream } from "effect"
import * as fs from "node:fs"
import * as path from "node:path"
import { directory, dump, id, newFile, withDriver, withStore } from "./support.js"

const creation = (name: string, state: ObjectStore.Creation["state"] = name): ObjectStore.Creation => ({
  behaviour: "cell",
  metadata: {
    id: id(name),
    machine: MachineId.make("m0"),
    creatingController: Option.none(),
    currentController: Option.none()
  },
  state
})

const create = (store: ObjectStore.Service, ...names: ReadonlyArray<string>) =>
  store.commit({ ...ObjectStore.noChanges, creates: names.map((name) => creation(name)) })

const setState = (store: ObjectStore.Service, name: string, state: ObjectStore.Creation["state"]) =>
  store.commit({ ...ObjectStore.noChanges, states: [[id(name), state]] })

const accept = (store: ObjectStore.Service, name: string, ...inputs: ReadonlyArray<string>) =>
  store.commit({
    ...ObjectStore.noChanges,
    inputs: inputs.map((input) => [id(name), { input, sender: Option.none(), answers: [] }])
  })

const stateOf = (store: ObjectStore.Service, name: string) =>
  Effect.map(
    store.read(id(name), ObjectStore.latest),
    (stored) =>
      Option.isSome(stored) && stored.value._tag === "StoredObject" ? stored.value.state : assert.fail(`no ${name}`)
  )

const newStore = (...names: ReadonlyArray<string>) =>
  Effect.tap(newFile, (filename) => withStore(filename, (store) => create(store, ...names)))

const opening = (filename: string) => Effect.flip(withStore(filename, () => Effect.void))

const reading = <A, E>(filename: string, body: (reader: SqliteReader.Service) => Effect.Effect<A, E>) =>
  Effect.provide(Effect.flatMap(SqliteReader.SqliteReader, body), SqliteReader.layer({ filename }))

/** The cause of a `StoreError`, which says what was wrong. */
const failure = ({ cause }: AvmError.StoreError): Failure.Failure => {
  // All of ours have a tag; whatever else it may be fails the comparison.
  return cause as Failure.Failure
}

const raw = (filename: string, ...statements: ReadonlyArray<string>) =>
  Effect.sync(() => {
    const db = new Database(filename)
    for (const statement of statements) db.exec(statement)
    db.close()
  })

/** Makes a file one of the first format: histories by object, and no messages. */
const asTheFirst = [
  "PRAGMA foreign_keys = OFF",
  "CREATE TABLE old (object INTEGER NOT NULL REFERENCES objects (ordinal), version INTEGER NOT NULL, " +
  "position INTEGER NOT NULL, sender TEXT, input BLOB NOT NULL, answers BLOB, " +
  "PRIMARY KEY (object, version, position)) WITHOUT ROWID",
  "INSERT INTO old SELECT object, version, entry, sender, input, answers FROM history",
  "DROP TABLE history; ALTER TABLE old RENAME TO history; ALTER TABLE objects DROP COLUMN accepted",
  "DROP TABLE messages; DROP TABLE waiting; DROP TABLE promises; DROP TABLE outputs; DROP TABLE dead_letters",
  "DELETE FROM avm_migrations WHERE migration_id > 1; PRAGMA user_version = 1"
]

/** Runs these when the file has been opened. */
const onOpen = (...statements: ReadonlyArray<string>): Driver.Service => ({
  open: (filename, options) => {
    const connection = Driver.betterSqlite3.open(filename, options)
    if (!filename.endsWith("-lock")) { for (const statement of statements) connection.exec(statement) }
    return connection
  }
})

describe("a file", () => {
  it.live("is where it was left: objects, clock, and that there is nothing else", () =>
    Effect.gen(function*() {
      const filename = yield* newFile
      const before = yield* withStore(filename, (store) =>
        Effect.zipRight(create(store, "a", "b"), setState(store, "a", { n: 1n, bytes: new Uint8Array([1]) })))
      yield* withStore(filename, (store) =>
        Effect.gen(function*() {
          assert.deepStrictEqual(yield* stateOf(store, "a"), { n: 1n, bytes: new Uint8Array([1]) })
          assert.isTrue(Option.isNone(yield* store.read(id("c"), ObjectStore.latest)))
          const after = yield* setState(store, "b", 2)
          assert(before._tag === "Committed" && after._tag === "Committed")
          assert.isAbove(after.version, before.version)
          const all = yield* store.scan(ObjectStore.latest)
          assert.deepStrictEqual(
            all.map(({ metadata }) =>
              metadata.id.value
            ),
            ["a", "b"]
          )
        }))
    }).pipe(Effect.scoped))

  it.live("has columns that say what they hold", () =>
    Effect.gen(function*() {
      const filename = yield* newStore("a")
      const rows = yield* reading(filename, ({ sql }) => sql`SELECT id, behaviour, machine, controller FROM objects`)
      assert.deepStrictEqual(rows, [{ id: "a", behaviour: "cell", machine: "m0", controller: null }])
      const [log] = yield* reading(filename, ({ sql }) => sql`SELECT migration_id, name FROM avm_migrations`)
      assert.deepStrictEqual(log, { migration_id: 1, name: "objects" })
    }).pipe(Effect.scoped))

  it.live("takes no second object under an id that it has", () =>
    Effect.gen(function*() {
      const filename = yield* newStore("a")
      yield* withStore(filename, (store) =>
        Effect.gen(function*() {
          const error = failure(yield* Effect.flip(create(store, "a")))
          assert.deepStrictEqual([error._tag, error.message.includes("a is the id of an object")], ["IdTaken", true])
          yield* create(store, "b")
        }))
    }).pipe(Effect.scoped))

  it.live("may be none: everything is in memory", () =>
    Effect.gen(function*() {
      yield* withStore(":memory:", (store) => create(store, "a"))
      yield* withStore(":memory:", (store) => create(store, "a"))
    }))

  it.live("of an older format is brought to the present one", () =>
    Effect.gen(function*() {
      const filename = yield* newFile
      const contents = (store: ObjectStore.Service) => dump(store, [id("a"), id("b"), id("c")], [])
      const before = yield* withStore(filename, (store) =>
        Effect.gen(function*() {
          yield* create(store, "a", "b", "c")
          yield* accept(store, "a", "first")
          yield* accept(store, "b", "second", "third")
          yield* accept(store, "a", "fourth")
          return yield* contents(store)
        }))
      yield* raw(filename, ...asTheFirst)
      const error = failure(yield* Effect.flip(reading(filename, ({ history }) => history(id("a")))))
      assert.deepStrictEqual(error, new Failure.FileIsOlder({ filename, format: 1, needed: 3 }))
      yield* withStore(filename, (store) =>
        Effect.gen(function*() {
          assert.strictEqual(yield* contents(store), before)
          yield* accept(store, "a", "fifth")
          const inputs = (yield* store.history(id("a"))).map(({ input }) => input)
          assert.deepStrictEqual(inputs, ["first", "fourth", "fifth"])
        }))
      // The question that docs/concepts/durability.md has.
      const chain = yield* reading(filename, ({ sql }) =>
        sql`WITH RECURSIVE chain (entry) AS (
            SELECT accepted FROM objects WHERE id = 'a'
            UNION ALL SELECT previous FROM chain JOIN history USING (entry)
          )
          SELECT entry, version FROM chain JOIN history USING (entry) ORDER BY entry`)
      assert.deepStrictEqual(chain, [[1, 2], [4, 4], [5, 5]].map(([entry, version]) => ({ entry, version })))
      const tables = yield* reading(filename, ({ sql }) => sql`SELECT name FROM sqlite_master WHERE name = 'messages'`)
      assert.strictEqual(tables.length, 1)
    }).pipe(Effect.scoped))

  it.live("of an older format that cannot be brought to it stays as it is, and it is said why", () =>
    Effect.gen(function*() {
      const filename = yield* newStore("a")
      yield* raw(filename, ...asTheFirst, "INSERT INTO history VALUES (99, 1, 0, NULL, x'00', NULL)")
      const error = failure(yield* opening(filename))
      assert.deepStrictEqual(
        error,
        new Failure.FileNotOpened({
          filename,
          code: "SQLITE_CONSTRAINT_FOREIGNKEY",
          reason: "FOREIGN KEY constraint failed"
        })
      )
      yield* raw(filename, "DELETE FROM history WHERE object = 99")
      yield* withStore(filename, (store) => stateOf(store, "a"))
    }).pipe(Effect.scoped))

  it.live("may have been left in the middle of its making", () =>
    Effect.gen(function*() {
      const filename = yield* newFile
      yield* raw(
        filename,
        "CREATE TABLE avm_migrations (migration_id integer PRIMARY KEY NOT NULL, " +
          "created_at datetime NOT NULL DEFAULT current_timestamp, name VARCHAR(255) NOT NULL)"
      )
      yield* withStore(filename, (store) => create(store, "a"))
    }).pipe(Effect.scoped))
})

describe("a file is refused", () => {
  it.live("if it is garbage", () =>
    Effect.gen(function*() {
      const filename = yield* newFile
      fs.writeFileSync(filename, "no database at all ".repeat(100))
      const error = failure(yield* opening(filename))
      assert.deepStrictEqual(
        error,
        new Failure.FileNotOpened({
          filename,
          code: "SQLITE_NOTADB",
          reason: "file is not a database"
        })
      )
    }).pipe(Effect.scoped))

  it.live("if it has been cut off", () =>
    Effect.gen(function*() {
      const filename = yield* newStore("a")
      const { size } = fs.statSync(filename)
      fs.truncateSync(filename, size - 4096)
      const error = failure(yield* opening(filename))
      assert.deepStrictEqual(
        error,
        new Failure.FileIsTruncated({ filename, bytes: size - 4096, expected: size })
      )
    }).pipe(Effect.scoped))

  it.live("if it is of a newer version", () =>
    Effect.gen(function*() {
      const filename = yield* newStore("a")
      yield* raw(filename, "PRAGMA user_version = 99")
      const error = failure(yield* opening(filename))
      assert.deepStrictEqual(error, new Failure.FileIsNewer({ filename, format: 99, known: 3 }))
      assert.strictEqual(error.message, `${filename} has the format 99; this version knows those up to 3`)
    }).pipe(Effect.scoped))

  it.live("if it is somebody else's", () =>
    Effect.gen(function*() {
      const filename = yield* newFile
      yield* raw(filename, "CREATE TABLE theirs (x)")
      const error = failure(yield* opening(filename))
      assert.deepStrictEqual(error, new Failure.FileIsForeign({ filename, applicationId: 0 }))
      // And has not been touched.
      const db = new Database(filename)
      assert.deepStrictEqual(db.prepare("SELECT name FROM sqlite_master").pluck().all(), ["theirs"])
      db.close()
    }).pipe(Effect.scoped))

  it.live("if its directory is not there", () =>
    Effect.gen(function*() {
      const filename = path.join(yield* directory, "nowhere", "avm.db")
      const error = failure(yield* opening(filename))
      assert.strictEqual(error._tag, "FileNotOpened")
      assert.strictEqual(
        error.message,
        `${filename} cannot be opened: Cannot open database because the directory does not exist`
      )
    }).pipe(Effect.scoped))

  it.live("if it may not be written", () =>
    Effect.gen(function*() {
      const filename = yield* newStore("a")
      const readonly: Driver.Service = {
        open: (filename, options) =>
          Driver.betterSqlite3.open(filename, { ...options, readonly: !filename.endsWith("-lock") })
      }
      const error = failure(yield* withDriver(readonly)(opening(filename)))
      assert(error._tag === "FileNotOpened")
      assert.strictEqual(error.code, "SQLITE_READONLY")
      // Reading it is another matter.
      assert.isTrue(Option.isSome(yield* reading(filename, (reader) => reader.object(id("a")))))
    }).pipe(Effect.scoped))
})

describe("two at a time", () => {
  it.live("a second writer is told at once who has it; afterwards it may", () =>
    Effect.gen(function*() {
      const filename = yield* newFile
      yield* withStore(filename, () =>
        Effect.gen(function*() {
          const error = failure(yield* opening(filename))
          assert.deepStrictEqual(error, new Failure.FileInUse({ filename, pid: process.pid }))
          assert.strictEqual(error.message, `${filename} is open for writing already in this process`)
        }))
      yield* withStore(filename, (store) => create(store, "a"))
    }).pipe(Effect.scoped))

  it.live("a reader beside the writer sees what was answered, and no less", () =>
    Effect.gen(function*() {
      const filename = yield* newStore("a")
      yield* withStore(filename, (store) =>
        reading(filename, (reader) =>
          Effect.gen(function*() {
            for (let n = 0; n < 5; n++) {
              yield* setState(store, "a", n)
              yield* store.commit({
                ...ObjectStore.noChanges,
                inputs: [[id("a"), { input: n, sender: Option.none(), answers: [] }]]
              })
              const seen = Option.getOrThrow(yield* reader.object(id("a")))
              assert.strictEqual(seen._tag === "StoredObject" && seen.state, n)
              assert.strictEqual((yield* reader.history(id("a"))).length, n + 1)
            }
            yield* create(store, "b")
            const ids = Stream.map(reader.objects, ({ metadata }) => metadata.id.value)
            assert.deepStrictEqual(Chunk.toArray(yield* Stream.runCollect(ids)), ["a", "b"])
            assert.match(
              String(yield* Effect.flip(reader.sql`DELETE FROM objects`)),
              /readonly|Failed to execute statement/
            )
          })))
    }).pipe(Effect.scoped))

  it.live("a reader has many pages of objects", () =>
    Effect.gen(function*() {
      const names = Array.from({ length: 2500 }, (_, n) => `o${n}`)
      const filename = yield* newStore(...names)
      const found = yield* reading(filename, ({ objects }) => Stream.runCollect(objects))
      assert.deepStrictEqual(Chunk.toArray(found).map(({ metadata }) => metadata.id.value), names)
    }).pipe(Effect.scoped))

  it.live("what somebody else has locked cannot be written, and can be again", () =>
    Effect.gen(function*() {
      const filename = yield* newStore("a")
      yield* withStore(filename, (store) =>
        Effect.gen(function*() {
          const other = new Database(filename)
          other.exec("BEGIN IMMEDIATE")
          const error = failure(yield* Effect.flip(setState(store, "a", "lost")))
          assert(error._tag === "WriteFailed")
          assert.strictEqual(error.code, "SQLITE_BUSY")
          assert.strictEqual(yield* stateOf(store, "a"), "a")
          other.exec("ROLLBACK")
          other.close()
          yield* setState(store, "a", "kept")
          assert.strictEqual(yield* stateOf(store, "a"), "kept")
        }), { busyTimeoutMillis: 5 })
    }).pipe(Effect.scoped))
})

describe("a disk that is full", () => {
  it.live("refuses what does not fit, keeps the rest, and takes what does", () =>
    Effect.gen(function*() {
      const filename = yield* newStore("a")
      yield* withStore(filename, (store) =>
        Effect.gen(function*() {
          const big = "x".repeat(400_000)
          const error = failure(yield* Effect.flip(setState(store, "a", big)))
          assert(error._tag === "WriteFailed")
          assert.strictEqual(error.code, "SQLITE_FULL")
          assert.strictEqual(yield* stateOf(store, "a"), "a")
          yield* setState(store, "a", "small")
          assert.strictEqual(yield* stateOf(store, "a"), "small")
        })).pipe(withDriver(onOpen("PRAGMA max_page_count = 60")))
      assert.strictEqual(yield* withStore(filename, (store) => stateOf(store, "a")), "small")
    }).pipe(Effect.scoped))
})

describe("what is broken in a file", () => {
  it.live("is told with the object's name; other objects are read, and it can be written anew", () =>
    Effect.gen(function*() {
      const filename = yield* newStore("good", "bad")
      yield* raw(filename, "UPDATE objects SET state = x'01ff' WHERE id = 'bad'")
      yield* withStore(filename, (store) =>
        Effect.gen(function*() {
          const error = failure(yield* Effect.flip(stateOf(store, "bad")))
          assert(error._tag === "ObjectUnreadable")
          assert.deepStrictEqual([error.id, error.part], ["bad", "state"])
          assert.match(error.message, /^the state of bad cannot be read: at byte \d+: /)
          assert.strictEqual(yield* stateOf(store, "good"), "good")
          const all = yield* store.scan(ObjectStore.latest)
          assert.deepStrictEqual(all.map(({ metadata }) => metadata.id.value), ["good", "bad"])
          assert.throws(() => all[1]?.state, /the state of bad cannot be read/)
        }))
    }).pipe(Effect.scoped))

  it.live("may be a history: its object is still there, and others have theirs", () =>
    Effect.gen(function*() {
      const filename = yield* newStore("good", "bad")
      const breaking = (statement: string, said: RegExp) =>
        Effect.gen(function*() {
          yield* withStore(filename, (store) =>
            Effect.zipRight(
              accept(store, "good", "in"),
              Effect.zipRight(accept(store, "bad", "in"), accept(store, "bad", "in"))
            ))
          yield* raw(filename, statement)
          yield* withStore(filename, (store) =>
            Effect.gen(function*() {
              const error = failure(yield* Effect.flip(store.history(id("bad"))))
              assert(error._tag === "ObjectUnreadable")
              assert.deepStrictEqual([error.id, error.part], ["bad", "history"])
              assert.match(error.reason, said)
              assert.strictEqual(yield* stateOf(store, "bad"), "bad")
              assert.isNotEmpty(yield* store.history(id("good")))
            }))
        })
      yield* breaking("UPDATE history SET previous = entry WHERE object = 2", /^the entry \d+ does not come after/)
      yield* breaking("UPDATE objects SET accepted = 1 WHERE ordinal = 2", /^the entry 1 is of another object$/)
      yield* breaking("UPDATE objects SET accepted = 99 WHERE ordinal = 2", /^there is no entry 99$/)
    }).pipe(Effect.scoped))

  it.live("may be a page: what is on others is still there", () =>
    Effect.gen(function*() {
      const filename = yield* newFile
      const names = Array.from({ length: 2000 }, (_, n) => `o${n}`)
      yield* withStore(filename, (store) =>
        store.commit({
          ...ObjectStore.noChanges,
          creates: names.map((name) => creation(name, name.repeat(20)))
        }))
      // A leaf of the table of objects, by what is in it.
      const bytes = fs.readFileSync(filename)
      const at = Math.floor(bytes.indexOf("o1000".repeat(20)) / 4096) * 4096
      bytes.fill(0xa5, at, at + 4096)
      fs.writeFileSync(filename, bytes)
      yield* withStore(filename, (store) =>
        Effect.gen(function*() {
          const exits = yield* Effect.forEach(names, (name) => Effect.exit(stateOf(store, name)))
          const broken = names.filter((_, index) => exits[index]?._tag === "Failure")
          assert.include(broken, "o1000")
          assert.isBelow(broken.length, 50)
          const error = failure(yield* Effect.flip(stateOf(store, "o1000")))
          assert.strictEqual(error._tag, "ObjectUnreadable")
          assert.match(error.message, /^the row of o1000 cannot be read: SQLITE_CORRUPT/)
          assert.isTrue(Exit.isSuccess(yield* Effect.exit(setState(store, "o1", "still"))))
        }))
    }).pipe(Effect.scoped))
})

describe("when it is closed", () => {
  it.live("nothing is answered any more", () =>
    Effect.gen(function*() {
      const filename = yield* newFile
      const store = yield* withStore(filename, Effect.succeed)
      const error = failure(yield* Effect.flip(create(store, "a")))
      assert.deepStrictEqual(error, new Failure.StoreClosed({ filename }))
      assert.isTrue(fs.existsSync(filename))
    }).pipe(Effect.scoped))
})

describe("synchronous", () => {
  for (const [synchronous, expected] of [["full", 2], ["normal", 1], ["off", 0]] as const) {
    it.live(`${synchronous} is what it says`, () =>
      Effect.gen(function*() {
        let asked: unknown
        const watching: Driver.Service = {
          open: (filename, options) => {
            const connection = Driver.betterSqlite3.open(filename, options)
            return {
              ...connection,
              close: () => {
                if (!filename.endsWith("-lock")) asked = connection.prepare("PRAGMA synchronous").get()?.[0]
                connection.close()
              }
            }
          }
        }
        const filename = yield* newFile
        yield* withDriver(watching)(
          Effect.provide(Effect.void, Sqlite.layerStore({ filename, synchronous }))
        )
        assert.strictEqual(asked, expected)
      }).pipe(Effect.scoped))
  }
})
