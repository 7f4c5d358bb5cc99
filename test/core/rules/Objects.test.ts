/** The rules of SPEC.md about objects: creation, destruction, calls, messages. */
import {
  Avm,
  type AvmError,
  Behaviour,
  Controller,
  Introspect,
  Machine,
  Obj,
  ObjectId,
  ObjectStore,
  Reflect,
  Reify,
  Tx
} from "@effect-avm/core"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Equal, Exit, Fiber, Layer, Option } from "effect"
import { machineOn, stores } from "../../support/Stores.js"
import {
  ask,
  C1,
  C2,
  controllersOf,
  Counter,
  cutController,
  cutMachine,
  defect,
  failure,
  granted,
  H,
  historyOf,
  m0,
  m1,
  m2,
  machines,
  Other,
  sameVal,
  stored,
  succeeded,
  Sum,
  tags
} from "./World.js"

describe.each(stores)("creation (%s)", (_, store) => {
  const { atHome, onMachine } = machines(store)

  const orphanOf = (access: (owned: ObjectId.ObjectId) => Effect.Effect<unknown, AvmError.AvmError, Obj.Obj>) =>
    Effect.gen(function*() {
      const owned = yield* Obj.create("counter", C1)
      const tx = yield* Tx.begin()
      const orphan = yield* Obj.create("counter")
      yield* access(owned)
      yield* Tx.commit(tx)
      return orphan
    })

  it.effect("in a deferred transaction: creating and current controller are the one it resolved to (D1, A33)", () =>
    Effect.gen(function*() {
      const id = yield* Avm.run(orphanOf((owned) => Obj.call(owned, null)))
      assert.deepStrictEqual(yield* controllersOf(id), [C1, C1])
    }).pipe(atHome))

  it.effect("… the home controller if it never resolved, none without one (D1)", () =>
    Effect.gen(function*() {
      const create = Effect.flatMap(Avm.run(orphanOf(() => Effect.void)), controllersOf)
      assert.deepStrictEqual(yield* atHome(create), [H, H])
      assert.deepStrictEqual(yield* onMachine(create), [null, null])
    }))

  it.effect("… and a transfer in the same transaction changes the current one alone (D1, D19)", () =>
    Effect.gen(function*() {
      const id = yield* Avm.run(Effect.gen(function*() {
        const tx = yield* Tx.begin()
        const orphan = yield* Obj.create("counter")
        yield* Controller.transfer(orphan, C2)
        yield* Tx.commit(tx)
        return orphan
      }))
      assert.deepStrictEqual(yield* controllersOf(id), [H, C2])
    }).pipe(atHome))

  it.effect("of an unknown behaviour fails at once, and leaves a transaction open, and deferred (D3)", () =>
    Avm.run(Effect.gen(function*() {
      const tx = yield* Tx.begin()
      assert.deepStrictEqual(yield* failure(Obj.create("nobody", C1)), { _tag: "BehaviourNotFound", name: "nobody" })
      assert.isTrue(Option.isNone(yield* Controller.current))
      assert.isTrue(yield* Tx.commit(tx))
    })).pipe(onMachine))

  it.effect("for a controller that cannot be reached: refused where it would lock, nowhere else (A20, D10)", () =>
    Effect.gen(function*() {
      yield* cutController(C1)
      yield* Avm.run(Effect.gen(function*() {
        const outside = yield* Obj.create("counter", C1)
        assert.deepStrictEqual(yield* Controller.getController(outside), Option.some(C1))
        const tx = yield* Tx.begin()
        assert.deepStrictEqual(yield* failure(Obj.create("counter", C1)), {
          _tag: "ControllerUnreachable",
          controller: "C1"
        })
        assert.isTrue(Option.isNone(yield* Controller.current))
        yield* Obj.create("counter", C2)
        assert.isTrue(yield* Tx.commit(tx))
      }))
    }).pipe(onMachine))

  it.effect("refused for another controller: the id set aside is never used (A13)", () =>
    Avm.run(Effect.gen(function*() {
      yield* Tx.begin(C1)
      const before = yield* Obj.create("counter")
      const error = yield* failure(Obj.create("counter", C2))
      const after = yield* Obj.create("counter")
      // The root frame is o1.
      assert.deepStrictEqual([before.value, after.value], ["o2", "o4"])
      assert.deepStrictEqual(error, { _tag: "CrossControllerTx", id: "o3", controller: "C2" })
    })).pipe(onMachine))

  it.effect("typed, outside a transaction, is for the home controller; raw is for none (A32, A10)", () =>
    Effect.gen(function*() {
      const ids = yield* Avm.run(Effect.gen(function*() {
        const typed = yield* Sum.create()
        const given = yield* Sum.create({ controller: C1 })
        return [typed.id, given.id, yield* Obj.create("Sum")]
      }))
      assert.deepStrictEqual(yield* Effect.forEach(ids, controllersOf), [[H, H], [C1, C1], [null, null]])
    }).pipe(atHome))

  it.effect("gives a raw object the empty list as its state, a typed one its initial state (A12)", () =>
    Avm.run(Effect.gen(function*() {
      assert.deepStrictEqual(yield* ask(yield* Obj.create("agent"), []), [])
      assert.strictEqual(yield* (yield* Sum.create()).Add({ n: 1 }), 11)
      assert.deepStrictEqual(yield* Introspect.getState, [])
    })).pipe(onMachine))
})

describe.each(stores)("destruction (%s)", (_, store) => {
  const { onMachine } = machines(store)

  it.effect("takes behaviour, metadata, state and replicas, and nothing brings a part back (D4, A25)", () =>
    Effect.gen(function*() {
      const id = yield* Avm.run(Effect.gen(function*() {
        const id = yield* Obj.create("counter", C1)
        yield* Machine.teleport(m1)
        yield* Machine.fetch(id)
        const tx = yield* Tx.begin(C1)
        yield* Obj.destroy(id)
        yield* Obj.call(id, null)
        yield* Controller.transfer(id, C2)
        yield* Machine.moveObject(id, m2)
        yield* Tx.commit(tx)
        // The replica on m1 does not answer either.
        assert.deepStrictEqual(yield* failure(Obj.call(id, null)), { _tag: "ObjectNotFound", id: id.value })
        return id
      }))
      const store = yield* ObjectStore.ObjectStore
      const left = Option.getOrThrow(yield* store.read(id, ObjectStore.latest))
      assert.strictEqual(left._tag, "Tombstone")
      assert.isEmpty(yield* store.scan(ObjectStore.latest))
    }).pipe(onMachine))

  it.effect("only destroyObj says ObjectAlreadyDestroyed, to all others the object is missing (A6)", () =>
    Avm.run(
      Effect.provide(
        Effect.gen(function*() {
          const id = yield* Obj.create("counter", C1)
          yield* Obj.destroy(id)
          const missing = { _tag: "ObjectNotFound", id: id.value }
          const looks = Effect.gen(function*() {
            assert.deepStrictEqual(yield* failure(Obj.destroy(id)), { _tag: "ObjectAlreadyDestroyed", id: id.value })
            assert.deepStrictEqual(yield* failure(Obj.call(id, null)), missing)
            assert.deepStrictEqual(yield* failure(Controller.transfer(id, C1)), missing)
            assert.deepStrictEqual(yield* failure(Machine.moveObject(id, m1)), missing)
            assert.isFalse(yield* Machine.fetch(id))
            assert.deepStrictEqual(yield* Controller.freeze(id), Option.some(false))
            assert.isTrue(Option.isNone(yield* Controller.getController(id)))
            assert.isTrue(Option.isNone(yield* Machine.getMachine(id)))
            assert.isTrue(Option.isNone(yield* Reflect.reflect(id)))
            assert.isEmpty(yield* Reflect.scryMeta(() => true))
          })
          yield* looks
          yield* Tx.begin()
          yield* looks
        }),
        granted
      )
    ).pipe(onMachine))

  it.effect("that is pending shows in reifyTxState alone; twice is logged twice, and counts once (A5)", () =>
    Effect.gen(function*() {
      const { exit, trace } = yield* Avm.runTraced(Effect.provide(
        Effect.gen(function*() {
          const id = yield* Obj.create("counter", C1)
          yield* Tx.begin()
          assert.isTrue(yield* Obj.destroy(id))
          assert.isTrue(yield* Obj.destroy(id))
          assert.strictEqual(yield* ask(id, null), 1)
          assert.isTrue(Option.isSome(yield* Reflect.reflect(id)))
          assert.strictEqual((yield* Reflect.scryDeep((behaviour) => behaviour === "counter")).length, 1)
          assert.isTrue(Option.isSome(yield* Machine.getMachine(id)))
          assert.isTrue(Option.isSome(yield* Controller.getController(id)))
          assert.deepStrictEqual(Option.getOrThrow(yield* Reify.txState).destroys, [id])
        }),
        granted
      ))
      succeeded(exit)
      assert.strictEqual(tags(trace).filter((tag) => tag === "ObjectDestroyed").length, 2)
    }).pipe(onMachine))

  it.effect("of the running object outside a transaction: it has no state any more (A7)", () =>
    Avm.run(Effect.gen(function*() {
      const id = yield* Obj.create("agent", C1)
      assert.deepStrictEqual(yield* ask(id, ["destroy me"]), ["ContextUnavailable", "ContextUnavailable"])
    })).pipe(onMachine))
})

describe.each(stores)("calls (%s)", (_, store) => {
  const { onMachine } = machines(store)

  it.effect("restore frame and machine of the caller, whatever happened (D5)", () =>
    Avm.run(
      Effect.gen(function*() {
        const id = yield* Obj.create("agent")
        yield* Machine.moveObject(id, m1)
        const self = yield* Introspect.self
        const here = Effect.gen(function*() {
          assert.strictEqual(yield* Introspect.currentMachine, m0)
          assert.isTrue(Equal.equals(yield* Introspect.self, self))
          assert.strictEqual(yield* Introspect.input, "mine")
        })
        assert.deepStrictEqual(yield* failure(Obj.call(id, ["teleport"])), { _tag: "NoActiveTx" })
        yield* here
        yield* Effect.exit(Obj.call(id, "no list"))
        yield* here
        const waiting = yield* Effect.fork(Obj.call(id, ["wait"]))
        yield* Effect.repeatN(Effect.yieldNow(), 10)
        yield* Fiber.interrupt(waiting)
        yield* here
        const first = yield* Effect.raceFirst(Obj.call(id, ["wait"]), Effect.repeatN(Effect.yieldNow(), 10))
        assert.isUndefined(first)
        yield* here
      }),
      { input: "mine" }
    ).pipe(onMachine))

  it.effect("of an object whose machine cannot be reached: MachineUnreachable, which locks nothing (D6, A33)", () =>
    Effect.gen(function*() {
      const id = yield* Avm.run(Effect.gen(function*() {
        const id = yield* Obj.create("counter", C1)
        yield* Machine.moveObject(id, m1)
        return id
      }))
      yield* cutMachine(m1)
      const unreachable = { _tag: "MachineUnreachable", machine: "m1" }
      yield* Avm.run(Effect.gen(function*() {
        assert.deepStrictEqual(yield* failure(Obj.call(id, null)), unreachable)
        const tx = yield* Tx.begin()
        assert.deepStrictEqual(yield* failure(Obj.call(id, null)), unreachable)
        assert.isTrue(Option.isNone(yield* Controller.current))
        yield* Tx.abort(tx)
      }))
      yield* cutMachine(m1, true)
      assert.strictEqual(yield* Avm.run(ask(id, null)), 1)
      assert.strictEqual((yield* historyOf(id)).length, 1)
    }).pipe(onMachine))

  it.effect("keep what a failing callee did, outside a transaction; its messages with their sender (A42, A9)", () =>
    Effect.gen(function*() {
      const { exit, id, trace } = yield* Effect.gen(function*() {
        const id = yield* Avm.run(Obj.create("agent"))
        const { exit, trace } = yield* Avm.runTraced(Effect.gen(function*() {
          yield* Effect.ignore(Obj.call(id, ["fail"]))
          return yield* Introspect.self
        }))
        return { exit, id, trace }
      })
      assert.strictEqual((yield* stored(id)).state, "dirty")
      assert.deepStrictEqual(tags(trace), ["StateUpdated"])
      const history = yield* historyOf(id)
      sameVal(history.map(({ input, sender }) => [input, Option.getOrNull(sender)]), [[["fail"], succeeded(exit)]])
    }).pipe(onMachine))
})

describe.each(stores)("messages (%s)", (_, store) => {
  const { onMachine } = machines(store)

  it.effect("a reference in a message is told from text, and equal to what has its text (A28)", () =>
    Avm.run(Effect.gen(function*() {
      const diary = yield* Obj.create("diary")
      yield* Obj.call(diary, [diary, diary.value])
      const kept = yield* ask(diary, "get")
      sameVal(kept, [[diary, diary.value]])
      assert(Array.isArray(kept) && Array.isArray(kept[0]))
      assert.deepStrictEqual(kept[0].map(ObjectId.isObjectId), [true, false])
      assert.isTrue(Equal.equals(ObjectId.make(diary.value), diary))
    })).pipe(onMachine))

  it.effect("a typed message is [tag, payload]; a reference of another behaviour is InvalidInput (A35, D7)", () =>
    Effect.gen(function*() {
      const sum = yield* Avm.run(Sum.create({ controller: C1 }))
      const { exit, trace } = yield* Avm.runTraced(Effect.gen(function*() {
        assert.strictEqual(yield* ask(sum.id, ["Add", { n: 1 }]), 11)
        const invalid = { _tag: "InvalidInput", id: sum.id.value, input: ["Add", { n: 1 }] }
        assert.deepStrictEqual(yield* failure(Other.ref(sum.id).Add({ n: 1 })), invalid)
        yield* Tx.begin()
        assert.deepStrictEqual(yield* failure(Other.ref(sum.id).Add({ n: 1 })), invalid)
        assert.isTrue(Option.isNone(yield* Controller.current))
      }))
      succeeded(exit)
      assert.deepStrictEqual(tags(trace), [
        "StateUpdated",
        "ObjectCalled",
        "TransactionStarted",
        "TransactionAborted"
      ])
      assert.strictEqual((yield* historyOf(sum.id)).length, 1)
    }).pipe(onMachine))

  it.effect("a payload that the schema refuses is InvalidInput, a success or a state that it refuses a defect (A30)", () =>
    Effect.gen(function*() {
      const sum = yield* Avm.run(Sum.create())
      assert.deepStrictEqual(yield* failure(Avm.run(sum.Add({ n: 0.5 }))), {
        _tag: "InvalidInput",
        id: sum.id.value,
        input: ["Add", { n: 0.5 }]
      })
      assert.isEmpty(yield* historyOf(sum.id))
      const { exit, trace } = yield* Avm.runTraced(sum.Half())
      assert.include(defect(exit), "refused by its own schema")
      assert.deepStrictEqual(tags(trace), ["ErrorOccurred"])
    }).pipe(onMachine))

  it.effect("the same behaviour twice is one; another under its name makes the layer fail to build (A36)", () =>
    Effect.gen(function*() {
      const Machine = Layer.provideMerge(Layer.merge(Counter, Layer.fresh(Counter)), machineOn(store))
      const create = Effect.exit(Effect.provide(Avm.run(Obj.create("counter")), Machine))
      assert.isTrue(Exit.isSuccess(yield* create))
      const Impostor = Behaviour.layerRaw("counter", Effect.succeed([0]))
      const Both = Layer.provideMerge(Layer.merge(Counter, Impostor), machineOn(store))
      const exit = yield* Effect.exit(Effect.provide(Avm.run(Obj.create("counter")), Both))
      assert.include(defect(exit), "counter")
    }))
})
