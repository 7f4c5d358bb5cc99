/** What the recorder writes down at the port of the store. */
import { ControllerId, MachineId, ObjectId, ObjectStore } from "@effect-avm/core"
import * as History from "@effect-avm/testkit/History"
import * as ObjectStoreLaws from "@effect-avm/testkit/ObjectStoreLaws"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { assert, describe, it } from "vitest"
import { stores } from "../support/Stores.js"

// A recorder that is in the way would break a law.
for (const [name, store] of stores) {
  ObjectStoreLaws.suite(`${name}, recorded`, History.recording(store))
  ObjectStoreLaws.suite(`${name}, recorded and yielding`, History.recording(store, { yielding: true }))
}

const x = ObjectId.make("x")
const C1 = Option.some(ControllerId.make("C1"))

const creation: ObjectStore.Creation = {
  behaviour: "cell",
  metadata: { id: x, machine: MachineId.make("m0"), creatingController: C1, currentController: C1 },
  state: 0
}

const recorded = (body: (store: ObjectStore.Service) => Effect.Effect<unknown, unknown>) =>
  Effect.runPromise(
    Effect.gen(function*() {
      yield* body(yield* ObjectStore.ObjectStore)
      return yield* Effect.flatMap(History.Recording, ({ history }) => history)
    }).pipe(Effect.provide(History.recording(ObjectStore.layerMemory)))
  )

describe("History", () => {
  it("is plain data", async () => {
    const history = await recorded((store) => store.commit({ ...ObjectStore.noChanges, creates: [creation] }))
    assert.deepStrictEqual<unknown>(JSON.parse(JSON.stringify(history)), history)
  })

  it("has creations, reads and commits, under their labels", async () => {
    const history = await recorded((store) =>
      Effect.gen(function*() {
        yield* store.commit({ ...ObjectStore.noChanges, creates: [creation] }).pipe(History.labelled("a"))
        const snapshot = yield* store.snapshot.pipe(History.labelled("b"))
        yield* store.read(x, snapshot)
        const reads = new Map([["x", { id: x, exists: true, state: 1 }]])
        yield* store.commit({ ...ObjectStore.noChanges, snapshot, reads, states: [[x, 1]] })
        yield* store.release(snapshot)
      })
    )
    assert.deepStrictEqual(history.map(({ label, outcome }) => [label, outcome]), [
      ["a", { _tag: "Committed", number: 1 }],
      ["b", { _tag: "Committed", number: 2 }]
    ])
    assert.deepStrictEqual(history[1]?.reads, [
      { object: "x", part: "existence", value: "born", relied: true },
      { object: "x", part: "metadata", version: 1, relied: false },
      { object: "x", part: "state", value: "0", version: 1, relied: true },
      { object: "x", part: "replicas", version: 1, relied: false }
    ])
    assert.deepStrictEqual(history[1]?.writes, [{ object: "x", part: "state", value: "1" }])
  })

  it("has scans, and the versions that would have answered", async () => {
    const history = await recorded((store) =>
      Effect.gen(function*() {
        yield* store.commit({ ...ObjectStore.noChanges, creates: [creation] })
        const snapshot = yield* store.snapshot
        yield* store.scan(snapshot)
        yield* store.commit({ ...ObjectStore.noChanges, moves: [[x, MachineId.make("m1")]] })
        yield* store.commit({ ...ObjectStore.noChanges, moves: [[x, MachineId.make("m0")]] })
        const scans = [{
          predicate: (_: string, { machine }: { machine: string }) => machine === "m0",
          answer: new Set("x")
        }]
        yield* store.commit({ ...ObjectStore.noChanges, snapshot, scans })
        yield* store.release(snapshot)
      })
    )
    assert.deepStrictEqual(history[1]?.scans, [{ saw: [{ object: "x", version: 1 }], matching: ["x@1", "x@3"] }])
    assert.deepStrictEqual(history[1]?.outcome, { _tag: "Refused" })
  })

  it("takes each look outside transactions for one of its own", async () => {
    const history = await recorded((store) =>
      Effect.zipRight(store.read(x, ObjectStore.latest), store.read(x, ObjectStore.latest))
    )
    assert.deepStrictEqual(history.map(({ reads }) => reads), [
      [{ object: "x", part: "existence", value: "unborn", relied: true }],
      [{ object: "x", part: "existence", value: "unborn", relied: true }]
    ])
  })
})
