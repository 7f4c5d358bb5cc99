/** What freeze makes of activations that undid, refused or did several things at once at a replica (A26). */
import {
  Avm,
  AvmError,
  Behaviour,
  Controller,
  ControllerId,
  Introspect,
  Machine,
  MachineId,
  Obj,
  ObjectId,
  ObjectStore,
  Tx
} from "@effect-avm/core"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Schema } from "effect"
import { machineOn, onEachStore, type StoreLayer } from "../support/Stores.js"

const C1 = ControllerId.make("C1")

const Aborter = Behaviour.layerRaw("aborter", function*() {
  const tx = yield* Tx.begin()
  yield* Introspect.setState("must not stay")
  yield* Tx.abort(tx)
  return []
})

const Selfish = Behaviour.layerRaw("selfish", function*() {
  const input = yield* Introspect.input
  if (input === "no") return yield* Behaviour.reject
  yield* Introspect.setState(input)
  yield* Obj.call(yield* Introspect.self, "no")
  return []
})

const Slow = Behaviour.layerRaw("slow", function*() {
  const turns = Number(yield* Introspect.input)
  for (let n = 0; n < turns; n++) yield* Effect.yieldNow()
  return [turns]
})

const Both = Behaviour.layerRaw("both", function*() {
  const input = yield* Introspect.input
  if (!Array.isArray(input)) return [yield* Introspect.getState]
  const answers = yield* Effect.all(
    input.filter(ObjectId.isObjectId).map((id, index) => Obj.call(id, index === 0 ? 20 : 1)),
    { concurrency: "unbounded" }
  )
  yield* Introspect.setState(answers.map((_) => Option.getOrNull(_)))
  return []
})

const platform = (store: StoreLayer) =>
  Layer.provideMerge(Layer.mergeAll(Aborter, Selfish, Slow, Both), machineOn(store, { homeController: Option.none() }))

/** The state of the object and of its replica, and what it has accepted. */
const stored = (id: ObjectId.ObjectId) =>
  Effect.gen(function*() {
    const store = yield* ObjectStore.ObjectStore
    const object = Option.getOrThrow(yield* store.read(id, ObjectStore.latest))
    assert(object._tag === "StoredObject")
    const history = yield* store.history(id)
    return [object.state, object.replicas.get(MachineId.make("m1"))?.state, history.map((_) => _.input)]
  })

/** Calls a replica on m1 with `message`, whatever comes of it, and freezes. */
const atReplica = (id: ObjectId.ObjectId, message: Parameters<typeof Obj.call>[1]) =>
  Effect.gen(function*() {
    yield* Machine.teleport(MachineId.make("m1"))
    yield* Machine.fetch(id)
    yield* Effect.ignore(Obj.call(id, message))
    yield* Machine.teleport(MachineId.make("m0"))
    return yield* Controller.freeze(id)
  })

onEachStore("freeze", platform, (it) => {
  it.effect("does not bring back what a transaction at the replica had undone (D14)", () =>
    Effect.gen(function*() {
      const id = yield* Avm.run(Effect.gen(function*() {
        const id = yield* Obj.create("aborter", C1)
        assert.deepStrictEqual(yield* atReplica(id, 1), Option.some(true))
        return id
      }))
      assert.deepStrictEqual(yield* stored(id), [[], [], [1]])
    }))

  it.effect("replays what was asked at once in the order in which it was asked", () =>
    Effect.gen(function*() {
      const answer = yield* Avm.run(Effect.gen(function*() {
        const [a, b] = [yield* Obj.create("slow", C1), yield* Obj.create("slow", C1)]
        const id = yield* Obj.create("both", C1)
        const frozen = yield* atReplica(id, [a, b])
        return [frozen, yield* Obj.call(id, null)]
      }))
      assert.deepStrictEqual(answer, [Option.some(true), Option.some([20, 1])])
    }))
})

onEachStore("a refusal that is passed on", platform, (it) => {
  it.effect("is not the object's own: the message it had accepted stays in the history (D7)", () =>
    Effect.gen(function*() {
      const [direct, replicated] = yield* Avm.run(Effect.gen(function*() {
        const direct = yield* Obj.create("selfish", C1)
        yield* Effect.ignore(Obj.call(direct, "yes"))
        const replicated = yield* Obj.create("selfish", C1)
        assert.deepStrictEqual(yield* atReplica(replicated, "yes"), Option.some(true))
        return [direct, replicated]
      }))
      assert.deepStrictEqual(yield* stored(direct), ["yes", undefined, ["yes"]])
      assert.deepStrictEqual(yield* stored(replicated), ["yes", "yes", ["yes"]])
    }))
})

describe("an application's error of the same tag", () => {
  class ObjectNotFound extends Schema.TaggedError<ObjectNotFound>()("ObjectNotFound", { id: ObjectId.ObjectId }) {}

  it("is not the machine's", () => {
    const error = new ObjectNotFound({ id: ObjectId.make("o1") })
    assert.isFalse(AvmError.isAvmError(error))
    assert.isFalse(Obj.isCallError(error))
    assert.isTrue(AvmError.isAvmError(new AvmError.ObjectNotFound({ id: ObjectId.make("o1") })))
  })
})
