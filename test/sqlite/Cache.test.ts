/** The bound of the cache, and what it keeps beyond it: what a snapshot can see, and what is not written yet. */
import { MachineId, type ObjectMeta, ObjectStore } from "@effect-avm/core"
import { Driver, type Sqlite } from "@effect-avm/sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option } from "effect"
import { faulty, id, withDriver, withStore } from "./support.js"

const creation = (name: string): ObjectStore.Creation => ({
  behaviour: "cell",
  metadata: {
    id: id(name),
    machine: MachineId.make("m0"),
    creatingController: Option.none(),
    currentController: Option.none()
  },
  state: [name, 0]
})

const names = Array.from({ length: 500 }, (_, n) => `o${n}`)

const commit = (store: ObjectStore.Service, changes: Partial<ObjectStore.ChangeSet>) =>
  store.commit({ ...ObjectStore.noChanges, ...changes })

const stateOf = (store: ObjectStore.Service, name: string, snapshot: ObjectStore.Snapshot = ObjectStore.latest) =>
  Effect.map(
    store.read(id(name), snapshot),
    (stored) =>
      Option.isSome(stored) && stored.value._tag === "StoredObject" ? stored.value.state : assert.fail(`no ${name}`)
  )

/** Counts the objects that are loaded from the file. */
const counting = () => {
  const watching = faulty(Driver.betterSqlite3)
  const loads = { count: 0 }
  watching.fault = (_, sql) => {
    if (/FROM objects WHERE id = \?$/.test(sql)) loads.count++
    return "none"
  }
  return { loads, driver: watching.driver }
}

const run = (
  options: Partial<Sqlite.StoreOptions>,
  body: (store: ObjectStore.Service, loads: { count: number }) => Effect.Effect<void, unknown>
) => {
  const { driver, loads } = counting()
  return withDriver(driver)(
    withStore(":memory:", (store) =>
      Effect.gen(function*() {
        yield* commit(store, { creates: names.map(creation) })
        loads.count = 0
        yield* body(store, loads)
      }), options)
  )
}

describe("the cache", () => {
  it.live("answers what was used lately without the file", () =>
    run({}, (store, loads) =>
      Effect.gen(function*() {
        for (const name of names) assert.deepStrictEqual(yield* stateOf(store, name), [name, 0])
        assert.strictEqual(loads.count, 0)
      })))

  it.live("lets go of what does not fit, and of what is used again and again last", () =>
    run({ cacheBytes: 100_000 }, (store, loads) =>
      Effect.gen(function*() {
        for (let round = 0; round < 4; round++) {
          for (const name of names) {
            assert.deepStrictEqual(yield* stateOf(store, name), [name, 0])
            yield* stateOf(store, "o7")
          }
        }
        // Some hundred objects fit; o7 is there nearly always.
        assert.isAbove(loads.count, 1000)
        loads.count = 0
        for (const name of names.slice(0, 100)) {
          yield* stateOf(store, name)
          loads.count = 0
          yield* stateOf(store, "o7")
          assert.strictEqual(loads.count, 0)
        }
      })))

  it.live("keeps what a snapshot sees, however small it is, until it is released", () =>
    run({ cacheBytes: 0 }, (store, loads) =>
      Effect.gen(function*() {
        const snapshot = yield* store.snapshot
        for (const name of names) yield* commit(store, { states: [[id(name), [name, 1]]] })
        yield* commit(store, { creates: [creation("later")] })
        for (const name of names) assert.deepStrictEqual(yield* stateOf(store, name, snapshot), [name, 0])
        assert.isTrue(Option.isNone(yield* store.read(id("later"), snapshot)))
        yield* store.release(snapshot)
        loads.count = 0
        for (const name of names) assert.deepStrictEqual(yield* stateOf(store, name), [name, 1])
        for (const name of names) yield* stateOf(store, name)
        assert.isAbove(loads.count, names.length / 2)
      })))

  it.live("knows nothing more of who has accepted a message and not changed", () =>
    run({ cacheBytes: 0 }, (store, loads) =>
      Effect.gen(function*() {
        const snapshot = yield* store.snapshot
        const accepted: ObjectStore.Accepted = { input: null, sender: Option.none(), answers: [] }
        for (const name of names) yield* commit(store, { inputs: [[id(name), accepted]] })
        loads.count = 0
        const scan = { predicate: () => true, answer: new Set(names) }
        assert.strictEqual((yield* commit(store, { snapshot, scans: [scan] }))._tag, "Committed")
        assert.strictEqual(loads.count, 0)
        yield* store.release(snapshot)
      })))

  it.live("knows who came, changed and went since a snapshot that nobody holds", () =>
    run({}, (store) =>
      Effect.gen(function*() {
        const snapshot = yield* store.snapshot
        yield* store.release(snapshot)
        const scan = {
          predicate: (_: string, { id: { value } }: ObjectMeta.ObjectMeta) => /^o[123]$|^new$/.test(value),
          answer: new Set(["o1", "o2", "o3"])
        }
        const conflicts = Effect.map(
          commit(store, { snapshot, scans: [scan] }),
          (outcome) => outcome._tag === "Conflicted" ? outcome.objects.map(({ value }) => value) : []
        )
        yield* commit(store, { states: [[id("o1"), 1]], moves: [[id("o9"), MachineId.make("m1")]] })
        assert.deepStrictEqual(yield* conflicts, [])
        yield* store.awaitConflict({ ...ObjectStore.noChanges, snapshot, reads: new Map(), scans: [scan] }).pipe(
          Effect.timeout("20 millis"),
          Effect.flip
        )
        yield* commit(store, {
          creates: [creation("new")],
          moves: [[id("o2"), MachineId.make("m1")]],
          destroys: [id("o3")]
        })
        assert.sameMembers(yield* conflicts, ["new", "o2", "o3"])
        yield* store.awaitConflict({ ...ObjectStore.noChanges, snapshot, reads: new Map(), scans: [scan] })
      })))

  it.live("keeps what waiters have to look at", () =>
    run({ cacheBytes: 0 }, (store) =>
      Effect.gen(function*() {
        const snapshot = yield* store.snapshot
        const scan = {
          predicate: (_: string, { id: { value } }: ObjectMeta.ObjectMeta) => value === "new",
          answer: new Set<string>()
        }
        const waiting = yield* Effect.fork(
          store.awaitConflict({ ...ObjectStore.noChanges, snapshot, reads: new Map(), scans: [scan] })
        )
        yield* store.release(snapshot)
        yield* Effect.sleep("1 millis")
        yield* commit(store, { creates: [creation("new")] })
        yield* Effect.timeout(Fiber.join(waiting), "1 second")
      })))
})
