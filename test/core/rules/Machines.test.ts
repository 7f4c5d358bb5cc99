/** The rules of SPEC.md about machines: replicas, and how freezing reconciles them. */
import { Avm, Controller, Machine, Obj, ObjectId, Tx } from "@effect-avm/core"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { stores } from "../../support/Stores.js"
import {
  ask,
  C1,
  C2,
  cutController,
  cutMachine,
  failure,
  historyOf,
  m0,
  m1,
  m2,
  machines,
  sameVal,
  shown,
  stored,
  succeeded,
  tags
} from "./World.js"

describe.each(stores)("replicas (%s)", (_, store) => {
  const { onMachine } = machines(store)

  it.effect("are made here, leave the object where it is, and diverge (D20, D22)", () =>
    Effect.gen(function*() {
      const { exit, trace } = yield* Avm.runTraced(Effect.gen(function*() {
        const id = yield* Obj.create("counter", C1)
        yield* Machine.moveObject(id, m2)
        assert.isFalse(yield* Machine.fetch(ObjectId.make("missing")))
        yield* Machine.teleport(m1)
        assert.isTrue(yield* Machine.fetch(id))
        assert.deepStrictEqual(yield* Machine.getMachine(id), Option.some(m2))
        assert.deepStrictEqual([yield* ask(id, "a"), yield* ask(id, "b")], [1, 2])
        yield* Machine.teleport(m0)
        return yield* ask(id, "c")
      }))
      assert.strictEqual(succeeded(exit), 1)
      const places = shown(trace).map(([event]) => event).filter((event) =>
        /Moved|Fetched/.test(String(Object(event)._tag))
      )
      assert.deepStrictEqual(places, [
        { _tag: "ObjectMoved", id: "o2", from: "m0", to: "m2" },
        { _tag: "ExecutionMoved", from: "m0", to: "m1" },
        { _tag: "ObjectFetched", id: "o2", machine: "m1" },
        { _tag: "ExecutionMoved", from: "m1", to: "m0" }
      ])
    }).pipe(onMachine))

  it.effect("run on their machine, and answer where the object's own cannot be reached (A25)", () =>
    Effect.gen(function*() {
      yield* Avm.run(Effect.gen(function*() {
        const id = yield* Obj.create("where", C1)
        yield* Machine.teleport(m1)
        yield* Machine.fetch(id)
        yield* cutMachine(m0)
        sameVal(yield* ask(id, null), [id, m1, []])
        const tx = yield* Tx.begin()
        assert.deepStrictEqual(yield* failure(Obj.call(id, null)), { _tag: "MachineUnreachable", machine: "m0" })
        yield* cutMachine(m0, true)
        sameVal(yield* ask(id, null), [id, m0, []])
        yield* Tx.commit(tx)
      }))
    }).pipe(onMachine))

  it.effect("already there, fetch answers true, logs, and leaves them as they are (A21)", () =>
    Effect.gen(function*() {
      const { exit, trace } = yield* Avm.runTraced(Effect.gen(function*() {
        const id = yield* Obj.create("counter", C1)
        assert.isTrue(yield* Machine.fetch(id))
        assert.strictEqual((yield* stored(id)).replicas.size, 0)
        yield* Machine.teleport(m1)
        yield* Machine.fetch(id)
        yield* Obj.call(id, null)
        // Nothing is asked of the object's machine for it.
        yield* cutMachine(m0)
        assert.isTrue(yield* Machine.fetch(id))
        return yield* ask(id, null)
      }))
      assert.strictEqual(succeeded(exit), 2)
      assert.strictEqual(tags(trace).filter((tag) => tag === "ObjectFetched").length, 3)
    }).pipe(onMachine))

  it.effect("of an object whose machine cannot be reached cannot be made, nor locks that a transaction (A29, A33)", () =>
    Avm.run(Effect.gen(function*() {
      const id = yield* Obj.create("counter", C1)
      yield* Machine.teleport(m1)
      yield* cutMachine(m0)
      const unreachable = { _tag: "MachineUnreachable", machine: "m0" }
      assert.deepStrictEqual(yield* failure(Machine.fetch(id)), unreachable)
      yield* Tx.begin()
      assert.deepStrictEqual(yield* failure(Machine.fetch(id)), unreachable)
      assert.isTrue(Option.isNone(yield* Controller.current))
    })).pipe(onMachine))

  it.effect("disappear when the object moves to their machine (A25)", () =>
    Effect.gen(function*() {
      for (const inTx of [false, true]) {
        const id = yield* Avm.run(Effect.gen(function*() {
          const id = yield* Obj.create("counter", C1)
          yield* Machine.teleport(m1)
          yield* Machine.fetch(id)
          yield* Obj.call(id, "at the replica")
          yield* inTx ? Tx.transact(Machine.moveObject(id, m1)) : Machine.moveObject(id, m1)
          assert.strictEqual(yield* ask(id, "at the object"), 1)
          return id
        }))
        assert.strictEqual((yield* stored(id)).replicas.size, 0)
      }
    }).pipe(onMachine))

  it.effect("are pending in a transaction like everything else (A25)", () =>
    Effect.gen(function*() {
      const id = yield* Avm.run(Effect.gen(function*() {
        const id = yield* Obj.create("counter", C1)
        yield* Machine.teleport(m1)
        const tx = yield* Tx.begin()
        yield* Machine.fetch(id)
        yield* Avm.run(Effect.zipRight(Machine.teleport(m1), Obj.call(id, "elsewhere")))
        yield* Tx.abort(tx)
        return id
      }))
      const { replicas, state } = yield* stored(id)
      assert.deepStrictEqual([replicas.size, state], [0, 1])
    }).pipe(onMachine))

  it.effect("are no part of what moving an object has read, nor fetching one that is here (A21, A34)", () =>
    Effect.gen(function*() {
      const id = yield* Avm.run(
        Effect.tap(Obj.create("counter", C1), (id) => Effect.zipRight(Machine.teleport(m1), Machine.fetch(id)))
      )
      const other = yield* Avm.run(Obj.create("counter", C2))
      // While the replica on m1 accepts a message.
      const meanwhile = Avm.run(Effect.zipRight(Machine.teleport(m1), Obj.call(id, "meanwhile")))
      const during = <A, E, R>(body: Effect.Effect<A, E, R>) =>
        Effect.gen(function*() {
          const tx = yield* Tx.begin()
          yield* body
          yield* meanwhile
          assert.isTrue(yield* Tx.commit(tx))
        })
      yield* Avm.run(during(Machine.fetch(id)))
      yield* Avm.run(Effect.zipRight(Machine.teleport(m1), during(Machine.fetch(id))))
      yield* Avm.run(during(Machine.moveObject(id, m2)))
      // One that is refused has read whose it is, and nothing else.
      yield* Avm.run(during(Effect.zipRight(Obj.call(other, null), failure(Machine.fetch(id)))))
      const { replicas, state } = yield* stored(id)
      assert.deepStrictEqual([state, replicas.get(m1)?.state], [[], 4])
    }).pipe(onMachine))

  it.effect("disappear where the object is moved to, also when they are fetched before the commit (A25)", () =>
    Effect.gen(function*() {
      const id = yield* Avm.run(Obj.create("counter", C1))
      const fetched = Avm.run(Effect.zipRight(Machine.teleport(m1), Machine.fetch(id)))
      yield* Avm.run(Effect.gen(function*() {
        const moving = yield* Tx.begin()
        yield* Machine.moveObject(id, m1)
        yield* fetched
        assert.strictEqual((yield* stored(id)).replicas.size, 1)
        assert.isTrue(yield* Tx.commit(moving))
      }))
      assert.strictEqual((yield* stored(id)).replicas.size, 0)
    }).pipe(onMachine))

  it.effect("conflict with a transaction that has fetched where there was none (A21)", () =>
    Avm.run(Effect.gen(function*() {
      const id = yield* Obj.create("counter", C1)
      yield* Machine.teleport(m1)
      const tx = yield* Tx.begin()
      yield* Machine.fetch(id)
      yield* Avm.run(Effect.zipRight(Machine.teleport(m1), Machine.fetch(id)))
      yield* Avm.run(Effect.zipRight(Machine.teleport(m1), Obj.call(id, "meanwhile")))
      assert.deepStrictEqual(yield* failure(Tx.commit(tx)), { _tag: "TxConflict", tx, objects: [id.value] })
      assert.strictEqual(yield* ask(id, "still there"), 2)
    })).pipe(onMachine))
})

describe.each(stores)("freeze (%s)", (_, store) => {
  const { onMachine } = machines(store)

  /** A diary with a message of its own, and replicas on m1 and m2 with two each, in turns. */
  const diverged = Effect.gen(function*() {
    const id = yield* Obj.create("diary", C1)
    yield* Effect.forEach([m2, m1], (machine) => Effect.zipRight(Machine.teleport(machine), Machine.fetch(id)))
    for (const text of ["first", "second"]) {
      for (const machine of [m2, m1]) {
        yield* Machine.teleport(machine)
        yield* Obj.call(id, `${machine} ${text}`)
      }
    }
    yield* Machine.teleport(m0)
    yield* Obj.call(id, "m0")
    return id
  })

  const reconciled = ["m0", "m1 first", "m1 second", "m2 first", "m2 second"]

  it.effect("replays by machine, then in order of acceptance; afterwards all are equal (D21, A26)", () =>
    Effect.gen(function*() {
      const id = yield* Avm.run(Effect.gen(function*() {
        const id = yield* diverged
        assert.deepStrictEqual(yield* Controller.freeze(id), Option.some(true))
        for (const machine of [m0, m1, m2]) {
          yield* Machine.teleport(machine)
          assert.deepStrictEqual(yield* ask(id, "get"), reconciled)
        }
        // Nothing is replayed twice.
        yield* Controller.freeze(id)
        return id
      }))
      const { replicas, state } = yield* stored(id)
      assert.deepStrictEqual(state, reconciled)
      assert.deepStrictEqual([...replicas.values()].map((replica) => replica.state), [reconciled, reconciled])
      const told = (yield* historyOf(id)).map(({ input }) => input).filter((input) => input !== "get")
      assert.deepStrictEqual(told, reconciled)
    }).pipe(onMachine))

  it.effect("logs ObjectFrozen alone, with the object's controller, and only when it did (A22)", () =>
    Effect.gen(function*() {
      const id = yield* Avm.run(diverged)
      const { exit, trace } = yield* Avm.runTraced(Effect.gen(function*() {
        const free = yield* Obj.create("counter")
        assert.deepStrictEqual(yield* Controller.freeze(free), Option.none())
        assert.deepStrictEqual(yield* Controller.freeze(ObjectId.make("missing")), Option.some(false))
        yield* cutController(C1)
        assert.deepStrictEqual(yield* Controller.freeze(id), Option.some(false))
        yield* cutController(C1, true)
        yield* Controller.freeze(id)
      }))
      succeeded(exit)
      assert.deepStrictEqual(shown(trace).slice(1), [
        [{ _tag: "ObjectFrozen", id: id.value, controller: "C1" }, null]
      ])
    }).pipe(onMachine))

  it.effect("in a transaction: none, false and CrossControllerTx lock nothing, the rest is pending (A4, A25)", () =>
    Effect.gen(function*() {
      const id = yield* Avm.run(diverged)
      yield* Avm.run(Effect.gen(function*() {
        const free = yield* Obj.create("counter")
        const tx = yield* Tx.begin()
        assert.deepStrictEqual(yield* Controller.freeze(free), Option.none())
        assert.deepStrictEqual(yield* Controller.freeze(ObjectId.make("missing")), Option.some(false))
        yield* cutController(C1)
        assert.deepStrictEqual(yield* Controller.freeze(id), Option.some(false))
        yield* cutController(C1, true)
        assert.isTrue(Option.isNone(yield* Controller.current))
        assert.deepStrictEqual(yield* Controller.freeze(id), Option.some(true))
        assert.deepStrictEqual(yield* Controller.current, Option.some(C1))
        assert.deepStrictEqual(yield* ask(id, "get"), reconciled)
        assert.deepStrictEqual(yield* Avm.run(ask(id, "get")), ["m0"])
        yield* Tx.abort(tx)
        const foreign = yield* Tx.begin(C2)
        assert.deepStrictEqual(yield* failure(Controller.freeze(id)), {
          _tag: "CrossControllerTx",
          id: id.value,
          controller: "C1"
        })
        assert.isTrue(yield* Tx.commit(foreign))
        yield* Tx.transact(Controller.freeze(id))
        assert.deepStrictEqual(yield* ask(id, "get"), reconciled)
      }))
    }).pipe(onMachine))

  it.effect("calls nothing again: other instructions answer what they answered at the replica (A26)", () =>
    Effect.gen(function*() {
      const [agent, counter] = yield* Avm.run(Effect.gen(function*() {
        const [agent, counter] = [yield* Obj.create("agent", C1), yield* Obj.create("counter", C1)]
        yield* Machine.teleport(m1)
        yield* Machine.fetch(agent)
        assert.strictEqual(yield* ask(agent, ["call", counter]), 1)
        assert.deepStrictEqual(yield* failure(Obj.call(agent, ["call", ObjectId.make("missing")])), {
          _tag: "ObjectNotFound",
          id: "missing"
        })
        assert.deepStrictEqual(yield* Controller.freeze(agent), Option.some(true))
        return [agent, counter] as const
      }))
      assert.strictEqual((yield* stored(counter)).state, 1)
      assert.strictEqual((yield* historyOf(counter)).length, 1)
      assert.strictEqual((yield* historyOf(agent)).length, 2)
    }).pipe(onMachine))

  it.effect("of a behaviour that asks something else on replay: FreezeFailed, and nothing changed (A26)", () =>
    Effect.gen(function*() {
      const { after, agent, before } = yield* Effect.gen(function*() {
        const agent = yield* Avm.run(Effect.gen(function*() {
          const [agent, counter] = [yield* Obj.create("agent", C1), yield* Obj.create("counter", C1)]
          yield* Machine.teleport(m1)
          yield* Machine.fetch(agent)
          yield* Obj.call(agent, ["call with state", counter, "there"])
          yield* Machine.teleport(m0)
          // What it will ask the counter is its state, which is another one here.
          yield* Obj.call(agent, ["call with state", counter, "here"])
          return agent
        }))
        const before = yield* stored(agent)
        const { trace } = yield* Avm.runTraced(Effect.gen(function*() {
          assert.deepStrictEqual(yield* failure(Controller.freeze(agent)), { _tag: "FreezeFailed", id: agent.value })
          yield* Tx.begin()
          assert.deepStrictEqual(yield* failure(Controller.freeze(agent)), { _tag: "FreezeFailed", id: agent.value })
          assert.isTrue(Option.isNone(yield* Controller.current))
        }))
        assert.deepStrictEqual(tags(trace), ["TransactionStarted", "TransactionAborted"])
        return { agent, before, after: yield* stored(agent) }
      })
      assert.deepStrictEqual(after, before)
      assert.strictEqual((yield* historyOf(agent)).length, 1)
    }).pipe(onMachine))
})
