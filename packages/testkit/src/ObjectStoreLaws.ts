/**
 * What every `ObjectStore` promises: run it against each layer.
 *
 * @since 0.1.0
 */
import { ControllerId, MachineId, ObjectId, ObjectStore, type Val } from "@effect-avm/core"
import { assert, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as STM from "effect/STM"
import * as Stream from "effect/Stream"
import * as TRef from "effect/TRef"

const owner = ControllerId.make("C1")
const m0 = MachineId.make("m0")
const m1 = MachineId.make("m1")

let counter = 0
const fresh = (): ObjectId.ObjectId => ObjectId.make(`law-${++counter}`)

const creation = (id: ObjectId.ObjectId, state: Val.Val = []): ObjectStore.Creation => ({
  behaviour: "cell",
  metadata: { id, machine: m0, creatingController: Option.some(owner), currentController: Option.some(owner) },
  state
})

const commit = (changes: Partial<ObjectStore.ChangeSet>) =>
  Effect.flatMap(ObjectStore.ObjectStore, (store) => store.commit({ ...ObjectStore.noChanges, ...changes }))

const read = (id: ObjectId.ObjectId, snapshot: ObjectStore.Snapshot = ObjectStore.latest) =>
  Effect.flatMap(ObjectStore.ObjectStore, (store) => store.read(id, snapshot))

const object = (id: ObjectId.ObjectId, snapshot?: ObjectStore.Snapshot) =>
  Effect.map(read(id, snapshot), (stored) => {
    assert(Option.isSome(stored) && stored.value._tag === "StoredObject", `${id.value} is missing`)
    return stored.value
  })

const readOf = (
  stored: ObjectStore.StoredObject,
  ...parts: ReadonlyArray<"metadata" | "state" | "replicas">
): ReadonlyMap<string, ObjectStore.Read> =>
  new Map([[stored.metadata.id.value, {
    id: stored.metadata.id,
    exists: true,
    ...(parts.includes("metadata") ? { metadata: stored.metadataVersion } : {}),
    ...(parts.includes("state") ? { state: stored.stateVersion } : {}),
    ...(parts.includes("replicas") ? { replicas: stored.replicasVersion } : {})
  }]])

const conflicted = (outcome: ObjectStore.Outcome): ReadonlyArray<string> =>
  outcome._tag === "Conflicted" ? outcome.objects.map((id) => id.value) : []

const accepted = (input: Val.Val): ObjectStore.Accepted => ({ input, sender: Option.none(), answers: [] })

/**
 * The laws, as tests named after the promises in `ObjectStore`.
 *
 * @since 0.1.0
 * @category laws
 */
export const suite = <E>(name: string, layer: Layer.Layer<ObjectStore.ObjectStore, E>): void =>
  it.layer(layer)(`ObjectStore (${name})`, (it) => {
    it.effect("an object that was never created is not there", () =>
      Effect.gen(function*() {
        assert.isTrue(Option.isNone(yield* read(fresh())))
      }))

    it.effect("what is committed is read, part by part", () =>
      Effect.gen(function*() {
        const id = fresh()
        yield* commit({ creates: [creation(id, { n: 1 })] })
        yield* commit({
          transfers: [[id, ControllerId.make("C2")]],
          moves: [[id, m1]],
          states: [[id, { n: 2 }]],
          inputs: [[id, accepted("hello")]],
          replicas: [[id, m0, Option.some({ state: 7, accepted: Chunk.empty() })]]
        })
        const stored = yield* object(id)
        assert.strictEqual(stored.behaviour, "cell")
        assert.deepStrictEqual(stored.state, { n: 2 })
        assert.strictEqual(stored.metadata.machine, m1)
        assert.deepStrictEqual(stored.metadata.currentController, Option.some(ControllerId.make("C2")))
        assert.deepStrictEqual(stored.metadata.creatingController, Option.some(owner))
        assert.strictEqual(stored.replicas.get(m0)?.state, 7)
        const store = yield* ObjectStore.ObjectStore
        assert.deepStrictEqual((yield* store.history(id)).map((_) => _.input), ["hello"])
      }))

    it.effect("state, metadata and replicas have versions of their own (A34)", () =>
      Effect.gen(function*() {
        const id = fresh()
        yield* commit({ creates: [creation(id)] })
        const before = yield* object(id)
        yield* commit({ states: [[id, 1]] })
        const after = yield* object(id)
        assert.strictEqual(after.metadataVersion, before.metadataVersion)
        assert.isAbove(after.stateVersion, before.stateVersion)
        yield* commit({ transfers: [[id, owner]] })
        const last = yield* object(id)
        assert.strictEqual(last.stateVersion, after.stateVersion)
        assert.isAbove(last.metadataVersion, after.metadataVersion)
        assert.strictEqual(last.replicasVersion, before.replicasVersion)
      }))

    it.effect("a stale read conflicts, by name, and nothing is applied", () =>
      Effect.gen(function*() {
        const [a, b] = [fresh(), fresh()]
        yield* commit({ creates: [creation(a, 0), creation(b, 0)] })
        const seen = yield* object(a)
        yield* commit({ states: [[a, 1]] })
        const outcome = yield* commit({ reads: readOf(seen, "state"), states: [[a, 2], [b, 2]] })
        assert.deepStrictEqual(conflicted(outcome), [a.value])
        assert.strictEqual((yield* object(a)).state, 1)
        assert.strictEqual((yield* object(b)).state, 0)
      }))

    it.effect("a read of another part does not conflict", () =>
      Effect.gen(function*() {
        const id = fresh()
        yield* commit({ creates: [creation(id)] })
        const seen = yield* object(id)
        yield* commit({ states: [[id, 1]], inputs: [[id, accepted(1)]] })
        const outcome = yield* commit({ reads: readOf(seen, "metadata", "replicas"), states: [[id, 2]] })
        assert.deepStrictEqual(conflicted(outcome), [])
      }))

    it.effect("a missing object that has come to be since conflicts, and so does one that is gone", () =>
      Effect.gen(function*() {
        const [born, dead] = [fresh(), fresh()]
        yield* commit({ creates: [creation(dead)] })
        const reads = new Map<string, ObjectStore.Read>([
          [born.value, { id: born, exists: false }],
          [dead.value, { id: dead, exists: true }]
        ])
        yield* commit({ creates: [creation(born)], destroys: [dead] })
        assert.sameMembers([...conflicted(yield* commit({ reads }))], [born.value, dead.value])
      }))

    it.effect("a destroyed object leaves a tombstone and its history, and stays as it was for older snapshots (D4)", () =>
      Effect.gen(function*() {
        const store = yield* ObjectStore.ObjectStore
        const id = fresh()
        yield* commit({ creates: [creation(id, "alive")], inputs: [[id, accepted("hello")]] })
        const snapshot = yield* store.snapshot
        yield* commit({ destroys: [id] })
        const stored = yield* read(id)
        assert.strictEqual(Option.isSome(stored) && stored.value._tag, "Tombstone")
        assert.strictEqual((yield* object(id, snapshot)).state, "alive")
        assert.strictEqual((yield* store.history(id)).length, 1)
        yield* store.release(snapshot)
      }))

    it.effect("a snapshot shows what was committed when it was taken", () =>
      Effect.gen(function*() {
        const store = yield* ObjectStore.ObjectStore
        const [id, later] = [fresh(), fresh()]
        yield* commit({ creates: [creation(id, 0)] })
        const first = yield* store.snapshot
        yield* commit({ states: [[id, 1]] })
        const second = yield* store.snapshot
        yield* commit({ states: [[id, 2]], creates: [creation(later)] })
        yield* commit({ states: [[id, 3]] })
        assert.strictEqual((yield* object(id, first)).state, 0)
        assert.strictEqual((yield* object(id, second)).state, 1)
        yield* store.release(first)
        assert.strictEqual((yield* object(id, second)).state, 1)
        assert.isTrue(Option.isNone(yield* read(later, second)))
        assert.isFalse((yield* store.scan(second)).some((_) => _.metadata.id.value === later.value))
        yield* store.release(second)
        assert.strictEqual((yield* object(id)).state, 3)
      }))

    it.effect("a scan answers in order of creation (A16)", () =>
      Effect.gen(function*() {
        const store = yield* ObjectStore.ObjectStore
        const ids = [fresh(), fresh(), fresh()]
        yield* commit({ creates: ids.slice(0, 2).map((id) => creation(id)) })
        yield* commit({ creates: ids.slice(2).map((id) => creation(id)), states: ids.slice(0, 1).map((id) => [id, 9]) })
        const mine = new Set(ids.map((id) => id.value))
        const found = (yield* store.scan(ObjectStore.latest)).map((_) => _.metadata.id.value).filter((id) =>
          mine.has(id)
        )
        assert.deepStrictEqual(found, ids.map((id) => id.value))
      }))

    it.effect("a scan conflicts with what came into its answer, left it, or changed its metadata in it (A24)", () =>
      Effect.gen(function*() {
        const store = yield* ObjectStore.ObjectStore
        const [stays, leaves, moves, other, comes] = [fresh(), fresh(), fresh(), fresh(), fresh()]
        yield* commit({
          creates: [creation(stays), creation(leaves), creation(moves), { ...creation(other), behaviour: "b" }]
        })
        const snapshot = yield* store.snapshot
        const mine = new Set([stays, leaves, moves, other, comes].map((id) => id.value))
        const scan: ObjectStore.Scan = {
          predicate: (behaviour, metadata) => behaviour === "cell" && mine.has(metadata.id.value),
          answer: new Set([stays.value, leaves.value, moves.value])
        }
        yield* commit({ states: [[stays, 1]], moves: [[other, m1]] })
        assert.deepStrictEqual(conflicted(yield* commit({ snapshot, scans: [scan] })), [])
        yield* commit({ destroys: [leaves], moves: [[moves, m1]], creates: [creation(comes)] })
        const outcome = yield* commit({ snapshot, scans: [scan] })
        assert.sameMembers([...conflicted(outcome)], [leaves.value, moves.value, comes.value])
        yield* store.release(snapshot)
      }))

    it.effect("the history grows in order, and is no part of any version (A17)", () =>
      Effect.gen(function*() {
        const store = yield* ObjectStore.ObjectStore
        const id = fresh()
        yield* commit({ creates: [creation(id)] })
        const seen = yield* object(id)
        for (const n of [1, 2, 3]) yield* commit({ inputs: [[id, accepted(n)]] })
        assert.deepStrictEqual((yield* store.history(id)).map((_) => _.input), [1, 2, 3])
        const outcome = yield* commit({ reads: readOf(seen, "metadata", "state", "replicas") })
        assert.strictEqual(outcome._tag, "Committed")
      }))

    it.effect("enlisted STM takes effect with the commit, or not at all", () =>
      Effect.gen(function*() {
        const store = yield* ObjectStore.ObjectStore
        const id = fresh()
        const ref = yield* STM.commit(TRef.make(0))
        yield* commit({ creates: [creation(id, 0)] })
        const seen = yield* object(id)
        const changes = { ...ObjectStore.noChanges, reads: readOf(seen, "state"), states: [[id, 1] as const] }
        const failed = yield* Effect.either(store.commit(changes, STM.zipRight(TRef.set(ref, 1), STM.fail("no"))))
        assert.strictEqual(failed._tag, "Left")
        assert.strictEqual((yield* object(id)).state, 0)
        yield* store.commit(changes, TRef.set(ref, 2))
        assert.strictEqual((yield* object(id)).state, 1)
        assert.deepStrictEqual(conflicted(yield* store.commit(changes, TRef.set(ref, 3))), [id.value])
        assert.strictEqual(yield* STM.commit(TRef.get(ref)), 2)
      }))

    it.effect("enlisted STM that retries leaves nothing behind, and does not wait (A41)", () =>
      Effect.gen(function*() {
        const store = yield* ObjectStore.ObjectStore
        const id = fresh()
        const ref = yield* STM.commit(TRef.make(0))
        yield* commit({ creates: [creation(id, 0)] })
        const changes = { ...ObjectStore.noChanges, states: [[id, 1] as const] }
        const outcome = yield* store.commit(changes, STM.zipRight(TRef.set(ref, 1), STM.retry))
        assert.strictEqual(outcome._tag, "Blocked")
        assert.strictEqual(yield* STM.commit(TRef.get(ref)), 0)
        assert.strictEqual((yield* object(id)).state, 0)
      }))

    it.effect("awaiting a conflict ends with the commit that brings it, or at once", () =>
      Effect.gen(function*() {
        const store = yield* ObjectStore.ObjectStore
        const [id, other] = [fresh(), fresh()]
        yield* commit({ creates: [creation(id, 0), creation(other, 0)] })
        const reads = readOf(yield* object(id), "state")
        const waiting = yield* Effect.fork(store.awaitConflict({ ...ObjectStore.noChanges, reads }))
        yield* Effect.repeatN(Effect.yieldNow(), 10)
        yield* commit({ states: [[other, 1]], inputs: [[id, accepted(1)]] })
        yield* Effect.repeatN(Effect.yieldNow(), 10)
        assert.isTrue(Option.isNone(yield* Fiber.poll(waiting)))
        yield* commit({ states: [[id, 1]] })
        yield* Fiber.join(waiting)
        yield* store.awaitConflict({ ...ObjectStore.noChanges, reads })
      }))

    it.effect("changes are announced after they are committed", () =>
      Effect.gen(function*() {
        const store = yield* ObjectStore.ObjectStore
        const id = fresh()
        const heard = yield* Effect.fork(
          Stream.runHead(Stream.filter(store.changes, (ids) => ids.some((_) => _.value === id.value)))
        )
        yield* commit({ creates: [creation(id)] })
        // Whoever listens hears of every commit from then on, so one of these.
        for (let n = 0; n < 1000 && Option.isNone(yield* Fiber.poll(heard)); n++) {
          yield* commit({ states: [[id, n]] })
          yield* Effect.yieldNow()
        }
        assert.isTrue(Option.isSome(yield* Fiber.join(heard)))
      }))

    it.effect("a pure function has one version at a time", () =>
      Effect.gen(function*() {
        const store = yield* ObjectStore.ObjectStore
        const name = `law-${++counter}`
        assert.isTrue(yield* store.writeFunction(name, { version: 0, hash: "a" }, Option.none()))
        assert.isFalse(yield* store.writeFunction(name, { version: 0, hash: "b" }, Option.none()))
        assert.isTrue(yield* store.writeFunction(name, { version: 1, hash: "b" }, Option.some(0)))
        assert.isFalse(yield* store.writeFunction(name, { version: 1, hash: "c" }, Option.some(0)))
        assert.deepStrictEqual(yield* store.readFunction(name), Option.some({ version: 1, hash: "b" }))
      }))
  })
