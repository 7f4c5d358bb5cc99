/**
 * The decisions and rulings of SPEC.md, one scenario each, on the machine. What a vector or another test pins is not
 * repeated; `docs/spec-map.md` says where it is.
 */
import {
  Avm,
  AvmError,
  Behaviour,
  Controller,
  ControllerId,
  IdGenerator,
  Introspect,
  Machine,
  MachineId,
  Obj,
  ObjectId,
  ObjectStore,
  Pure,
  Reachability,
  Reflect,
  Reify,
  Scheduling,
  Trace,
  TraceEvent,
  Tx,
  TxId,
  Val
} from "@effect-avm/core"
import * as Rpc from "@effect/rpc/Rpc"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Equal, Exit, Fiber, Layer, Option, Schedule, Schema } from "effect"

const [C1, C2, H] = [ControllerId.make("C1"), ControllerId.make("C2"), ControllerId.make("H")]
const [m0, m1, m2] = [MachineId.make("m0"), MachineId.make("m1"), MachineId.make("m2")]

// ---------------------------------------------------------------------------
// behaviours
// ---------------------------------------------------------------------------

/** Counts its messages. */
const Counter = Behaviour.layerRaw("counter", function*() {
  const state = yield* Introspect.getState
  const n = typeof state === "number" ? state + 1 : 1
  yield* Introspect.setState(n)
  return [n]
})

/** Appends its message to its state; `"get"` answers the state. */
const Diary = Behaviour.layerRaw("diary", function*() {
  const [state, input] = [yield* Introspect.getState, yield* Introspect.input]
  assert(Array.isArray(state))
  if (input === "get") return [state]
  yield* Introspect.setState([...state, input])
  return []
})

/** Says where it is. */
const Where = Behaviour.layerRaw("where", function*() {
  return [[yield* Introspect.self, yield* Introspect.currentMachine, yield* Introspect.getState]]
})

/** What an instruction fails with, by its tag. */
const outcome = <A, E extends { readonly _tag: string }, R>(instruction: Effect.Effect<A, E, R>) =>
  Effect.match(instruction, { onFailure: ({ _tag }) => _tag, onSuccess: () => "done" })

/** Does as the message says, on `[what, …arguments]`. */
const Agent = Behaviour.layerRaw("agent", function*() {
  const input = yield* Introspect.input
  assert(Array.isArray(input))
  const [what, argument, message] = input
  switch (what) {
    case "call": {
      assert(ObjectId.isObjectId(argument))
      return Option.toArray(yield* Obj.call(argument, message ?? null))
    }
    case "call with state": {
      assert(ObjectId.isObjectId(argument))
      const state = yield* Introspect.getState
      yield* Introspect.setState(message ?? null)
      return Option.toArray(yield* Obj.call(argument, state))
    }
    case "destroy me": {
      yield* Obj.destroy(yield* Introspect.self)
      return [[yield* outcome(Introspect.getState), yield* outcome(Introspect.setState("ghost"))]]
    }
    case "teleport": {
      yield* Machine.teleport(m2)
      return yield* Effect.fail(new AvmError.NoActiveTx())
    }
    case "wait":
      return yield* Effect.zipRight(Machine.teleport(m2), Effect.never)
    case "fail": {
      yield* Introspect.setState("dirty")
      return yield* Effect.fail(new AvmError.NoActiveTx())
    }
    case "begin and fail": {
      yield* Tx.begin()
      yield* Introspect.setState("dirty")
      return yield* Effect.fail(new AvmError.NoActiveTx())
    }
    case "commit":
      return [yield* Tx.commit(TxId.make(String(argument)))]
    case "abort": {
      yield* Tx.abort(TxId.make(String(argument)))
      return []
    }
    default:
      return [yield* Introspect.getState]
  }
})

const Sum = Behaviour.make("Sum", {
  state: Schema.Int,
  initial: 10,
  protocol: [
    Rpc.make("Add", { payload: { n: Schema.Int }, success: Schema.Int }),
    Rpc.make("Half", { success: Schema.Int })
  ]
})

const SumLive = Sum.toLayer({
  Add: ({ n }) => Sum.updateState((sum) => sum + n),
  Half: () => Effect.map(Sum.state, (sum) => sum / 4)
})

const Other = Behaviour.make("Other", {
  state: Schema.Int,
  initial: 0,
  protocol: [Rpc.make("Add", { payload: { n: Schema.Int }, success: Schema.Int })]
})

const OtherLive = Other.toLayer({ Add: ({ n }) => Other.updateState((sum) => sum + n) })

const Behaviours = Layer.mergeAll(Counter, Diary, Where, Agent, SumLive, OtherLive)

// ---------------------------------------------------------------------------
// the machine
// ---------------------------------------------------------------------------

const ports = Layer.mergeAll(
  ObjectStore.layerMemory,
  Reachability.layerTest,
  IdGenerator.layerCounter,
  Trace.layerNone,
  Scheduling.layerFair
)

const platform = (home: Option.Option<ControllerId.ControllerId>) =>
  Behaviours.pipe(
    Layer.provideMerge(Avm.layer({ homeController: home })),
    Layer.provideMerge(ports)
  )

type World = Layer.Layer.Success<ReturnType<typeof platform>>

/** On a machine of its own, without a home controller. */
const onMachine = <A, E>(effect: Effect.Effect<A, E, World>) => Effect.provide(effect, platform(Option.none()))

const atHome = <A, E>(effect: Effect.Effect<A, E, World>) => Effect.provide(effect, platform(Option.some(H)))

const granted = Avm.layerUnsafe(Reflect.UnsafeReflect, Reify.UnsafeReify, Pure.UnsafePure)

const cutMachine = (id: MachineId.MachineId, reachable = false) =>
  Effect.flatMap(Reachability.Switchboard, (switchboard) => switchboard.setMachine(id, reachable))

const cutController = (id: ControllerId.ControllerId, reachable = false) =>
  Effect.flatMap(Reachability.Switchboard, (switchboard) => switchboard.setController(id, reachable))

const stored = (id: ObjectId.ObjectId) =>
  Effect.gen(function*() {
    const store = yield* ObjectStore.ObjectStore
    const found = Option.getOrThrow(yield* Effect.orDie(store.read(id, ObjectStore.latest)))
    assert(found._tag === "StoredObject", found._tag)
    return found
  })

const historyOf = (id: ObjectId.ObjectId) =>
  Effect.flatMap(ObjectStore.ObjectStore, (store) => Effect.orDie(store.history(id)))

/** Both controllers of a committed object. */
const controllersOf = (id: ObjectId.ObjectId) =>
  Effect.map(stored(id), ({ metadata }) => [
    Option.getOrNull(metadata.creatingController),
    Option.getOrNull(metadata.currentController)
  ])

/** The first output of a call. */
const ask = (id: ObjectId.ObjectId, input: Val.Val) => Effect.map(Obj.call(id, input), Option.getOrNull)

// ---------------------------------------------------------------------------
// looking at results
// ---------------------------------------------------------------------------

/** What something fails with, as data. */
const failure = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), (error) => {
    assert(AvmError.isAvmError(error), String(error))
    return Schema.encodeSync(AvmError.AvmError)(error)
  })

const tags = (trace: ReadonlyArray<TraceEvent.TraceEntry>) => trace.map(({ event }) => event._tag)

/** Entries as data, without their numbers. */
const shown = (trace: ReadonlyArray<TraceEvent.TraceEntry>) =>
  trace.map((entry) => {
    const { event, executingController } = entry
    return [Schema.encodeSync(TraceEvent.TraceEvent)(event), Option.getOrNull(executingController)] as const
  })

const sameVal = (actual: unknown, expected: Val.Val): void => {
  const val = Effect.runSync(Val.fromUnknown(actual))
  assert.isTrue(Val.equals(val, expected), `${Val.format(val)} is not ${Val.format(expected)}`)
}

const succeeded = <A, E>(exit: Exit.Exit<A, E>): A => {
  assert(Exit.isSuccess(exit), Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "")
  return exit.value
}

const defect = <A, E>(exit: Exit.Exit<A, E>): string => {
  assert(Exit.isFailure(exit), "it succeeded")
  return String(Option.getOrThrow(Cause.dieOption(exit.cause)))
}

// ---------------------------------------------------------------------------
// objects
// ---------------------------------------------------------------------------

describe("creation", () => {
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

describe("destruction", () => {
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

describe("calls", () => {
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

// ---------------------------------------------------------------------------
// transactions
// ---------------------------------------------------------------------------

describe("who may be touched", () => {
  it.effect("queries neither lock nor fail, but are in the read set (D9)", () =>
    Avm.run(Effect.gen(function*() {
      const [mine, foreign, free] = [
        yield* Obj.create("counter", C1),
        yield* Obj.create("counter", C2),
        yield* Obj.create("counter")
      ]
      const deferred = yield* Tx.begin()
      yield* Effect.forEach([mine, foreign, free], Controller.getController)
      yield* Effect.forEach([mine, foreign, free], Machine.getMachine)
      assert.isTrue(Option.isNone(yield* Controller.current))
      yield* Tx.abort(deferred)
      const tx = yield* Tx.begin(C1)
      assert.deepStrictEqual(yield* Controller.getController(foreign), Option.some(C2))
      yield* Obj.call(mine, null)
      yield* Avm.run(Machine.moveObject(foreign, m1))
      assert.deepStrictEqual(yield* failure(Tx.commit(tx)), { _tag: "TxConflict", tx, objects: [foreign.value] })
    })).pipe(onMachine))

  it.effect("resolving a deferred transaction checks reachability, and a refusal leaves it deferred (D10, A33)", () =>
    Effect.gen(function*() {
      yield* cutController(C1)
      const answer = yield* Avm.run(Effect.gen(function*() {
        const [off, on] = [yield* Obj.create("counter", C1), yield* Obj.create("counter", C2)]
        const unreachable = { _tag: "ControllerUnreachable", controller: "C1" }
        assert.deepStrictEqual(yield* failure(Tx.begin(C1)), unreachable)
        const tx = yield* Tx.begin()
        assert.deepStrictEqual(yield* failure(Obj.call(off, null)), unreachable)
        assert.deepStrictEqual(yield* failure(Obj.destroy(off)), unreachable)
        assert.deepStrictEqual(yield* failure(Machine.moveObject(off, m1)), unreachable)
        assert.deepStrictEqual(yield* failure(Machine.fetch(off)), unreachable)
        assert.deepStrictEqual(yield* failure(Controller.transfer(off, C2)), unreachable)
        assert.isTrue(Option.isNone(yield* Controller.current))
        yield* Obj.call(on, null)
        assert.deepStrictEqual(yield* Controller.current, Option.some(C2))
        return yield* Tx.commit(tx)
      }))
      assert.isTrue(answer)
    }).pipe(onMachine))

  it.effect("objects of another controller, or of none, are refused by every access (D11)", () =>
    Avm.run(Effect.gen(function*() {
      const [foreign, free] = [yield* Obj.create("counter", C2), yield* Obj.create("counter")]
      yield* Tx.begin(C1)
      const accesses: ReadonlyArray<
        (id: ObjectId.ObjectId) => Effect.Effect<unknown, AvmError.AvmError, Obj.Obj | Machine.Machine>
      > = [
        (id) => Obj.call(id, null),
        (id) => Obj.destroy(id),
        (id) => Machine.moveObject(id, m1),
        (id) => Machine.fetch(id)
      ]
      for (const access of accesses) {
        assert.deepStrictEqual(yield* failure(access(foreign)), {
          _tag: "CrossControllerTx",
          id: foreign.value,
          controller: "C2"
        })
        assert.deepStrictEqual(yield* failure(access(free)), { _tag: "ObjectHasNoController", id: free.value })
      }
    })).pipe(onMachine))

  it.effect("a pending creation may be used whoever it is for, which locks nothing (A1)", () =>
    Avm.run(Effect.gen(function*() {
      const tx = yield* Tx.begin()
      const id = yield* Obj.create("counter")
      assert.strictEqual(yield* ask(id, null), 1)
      yield* Machine.moveObject(id, m1)
      assert.isTrue(yield* Machine.fetch(id))
      yield* Controller.transfer(id, C2)
      yield* Controller.transfer(id, C1)
      yield* Controller.freeze(id)
      assert.strictEqual(yield* ask(id, null), 2)
      yield* Obj.destroy(id)
      assert.isTrue(Option.isNone(yield* Controller.current))
      assert.isTrue(yield* Tx.commit(tx))
      assert.deepStrictEqual(yield* failure(Obj.call(id, null)), { _tag: "ObjectNotFound", id: id.value })
    })).pipe(onMachine))

  it.effect("ownership goes by the snapshot: a pending transfer changes only what is shown (A2, A18)", () =>
    Effect.gen(function*() {
      const { exit, trace } = yield* Avm.runTraced(Effect.gen(function*() {
        const id = yield* Obj.create("counter", C1)
        const tx = yield* Tx.begin(C1)
        yield* Controller.transfer(id, C2)
        assert.deepStrictEqual(yield* Controller.getController(id), Option.some(C2))
        assert.strictEqual(yield* ask(id, null), 1)
        yield* Machine.moveObject(id, m1)
        yield* Machine.moveObject(id, m2)
        yield* Controller.transfer(id, H)
        yield* Tx.commit(tx)
        return yield* Controller.getController(id)
      }))
      assert.deepStrictEqual(succeeded(exit), Option.some(H))
      const moved = shown(trace).filter(([event]) => /Transferred|Moved/.test(String(Object(event)._tag)))
      assert.deepStrictEqual(moved, [
        [{ _tag: "ObjectTransferred", id: "o2", from: { _tag: "Some", value: "C1" }, to: "C2" }, C1],
        [{ _tag: "ObjectMoved", id: "o2", from: "m0", to: "m1" }, C1],
        [{ _tag: "ObjectMoved", id: "o2", from: "m1", to: "m2" }, C1],
        [{ _tag: "ObjectTransferred", id: "o2", from: { _tag: "Some", value: "C2" }, to: "H" }, C1]
      ])
    }).pipe(onMachine))

  it.effect("the first controller of an object is nobody's to refuse, and locks nothing (D19, A3)", () =>
    Effect.gen(function*() {
      const { exit, trace } = yield* Avm.runTraced(Effect.gen(function*() {
        const [one, two, three] = yield* Effect.replicateEffect(Obj.create("counter"), 3)
        assert(one !== undefined && two !== undefined && three !== undefined)
        yield* Controller.transfer(one, C1)
        const deferred = yield* Tx.begin()
        yield* Controller.transfer(two, C1)
        assert.isTrue(Option.isNone(yield* Controller.current))
        yield* Tx.commit(deferred)
        const locked = yield* Tx.begin(C2)
        yield* Controller.transfer(three, C1)
        yield* Tx.commit(locked)
        return yield* Effect.forEach([one, two, three], Controller.getController)
      }))
      assert.deepStrictEqual(succeeded(exit), [Option.some(C1), Option.some(C1), Option.some(C1)])
      const from = trace.flatMap(({ event }) => event._tag === "ObjectTransferred" ? [Option.isNone(event.from)] : [])
      assert.deepStrictEqual(from, [true, true, true])
    }).pipe(atHome))

  it.effect("the running object's own state never locks, nor fails for its controller (A33)", () =>
    Avm.run(Effect.gen(function*() {
      yield* Tx.begin()
      yield* Introspect.setState(1)
      assert.strictEqual(yield* Introspect.getState, 1)
      const orphan = yield* Obj.create("counter")
      assert.strictEqual(yield* ask(orphan, null), 1)
      assert.isTrue(Option.isNone(yield* Controller.current))
    })).pipe(onMachine))

  it.effect("outside transactions the home controller leaves others' objects alone (D18, A19)", () =>
    Effect.gen(function*() {
      const touch = Effect.gen(function*() {
        const [foreign, mine] = [yield* Obj.create("counter", C1), yield* Obj.create("counter", H)]
        const outcomes = [
          yield* Effect.either(Controller.transfer(foreign, H)),
          yield* Effect.either(Machine.moveObject(foreign, m1)),
          yield* Effect.either(Obj.destroy(foreign)),
          yield* Effect.either(Machine.moveObject(mine, m1)),
          yield* Effect.either(Controller.transfer(mine, C1)),
          yield* Effect.either(Controller.transfer(mine, H))
        ]
        assert.strictEqual(yield* ask(mine, null), 1)
        return outcomes.map((outcome) =>
          outcome._tag === "Right" ? true : Schema.encodeSync(AvmError.AvmError)(outcome.left)
        )
      })
      assert.deepStrictEqual(yield* atHome(Avm.run(touch)), [
        { _tag: "UnauthorizedTransfer", id: "o2", controller: "C1" },
        { _tag: "ObjectNotAvailable", id: "o2" },
        { _tag: "ObjectNotAvailable", id: "o2" },
        true,
        true,
        { _tag: "UnauthorizedTransfer", id: "o3", controller: "C1" }
      ])
      const unchecked = yield* onMachine(Avm.run(touch))
      assert.deepStrictEqual(unchecked, [true, true, true, true, true, true])
    }))
})

describe("beginning and ending", () => {
  it.effect("a nested beginTx fails, and the outer transaction goes on (D12)", () =>
    Avm.run(Effect.gen(function*() {
      const id = yield* Obj.create("counter", C1)
      const outer = yield* Tx.begin(C1)
      yield* Obj.call(id, null)
      assert.deepStrictEqual(yield* failure(Tx.begin(C2)), { _tag: "NestedTxNotSupported", outer })
      assert.deepStrictEqual(yield* Controller.current, Option.some(C1))
      yield* Obj.call(id, null)
      yield* Tx.commit(outer)
      assert.strictEqual(yield* ask(id, null), 3)
    })).pipe(onMachine))

  it.effect("abort undoes everything but updates of pure functions (D14)", () =>
    Effect.gen(function*() {
      const program = Effect.gen(function*() {
        const [a, b] = [yield* Obj.create("counter", C1), yield* Obj.create("counter", C1)]
        yield* Introspect.setState("before")
        const tx = yield* Tx.begin(C1)
        const created = yield* Obj.create("counter")
        yield* Obj.call(a, null)
        yield* Controller.transfer(a, C2)
        yield* Machine.moveObject(a, m1)
        yield* Obj.destroy(b)
        yield* Introspect.setState("after")
        yield* Pure.register("f", () => Option.some("registered"))
        yield* Pure.update("f", () => Option.some("updated"))
        yield* Tx.abort(tx)
        assert.isTrue(Option.isNone(yield* Machine.getMachine(created)))
        assert.strictEqual(yield* Introspect.getState, "before")
        assert.deepStrictEqual(yield* Pure.call("f", []), Option.some("updated"))
        return [a, b]
      })
      for (const id of yield* Avm.run(Effect.provide(program, granted))) {
        const { metadata, state } = yield* stored(id)
        assert.deepStrictEqual([metadata.machine, metadata.currentController, state], [m0, Option.some(C1), []])
        assert.isEmpty(yield* historyOf(id))
      }
    }).pipe(onMachine))

  it.effect("a callee may neither commit nor abort its caller's transaction (D15, A14)", () =>
    Avm.run(Effect.gen(function*() {
      const id = yield* Obj.create("agent", C1)
      const tx = yield* Tx.begin(C1)
      for (const [message, what] of [["commit", "commitTx"], ["abort", "abortTx"]] as const) {
        assert.deepStrictEqual(yield* failure(Obj.call(id, [message, tx])), { _tag: "InvalidDuringTx", what })
      }
      assert.isTrue(yield* Tx.commit(tx))
    })).pipe(onMachine))

  it.effect("one that a failing callee leaves open is aborted, and its own failure is the call's (D15)", () =>
    Effect.gen(function*() {
      const id = yield* Avm.run(Obj.create("agent", C1))
      const { exit, trace } = yield* Avm.runTraced(Effect.gen(function*() {
        const error = yield* failure(Obj.call(id, ["begin and fail"]))
        const tx = yield* Tx.begin()
        yield* Tx.commit(tx)
        return error
      }))
      assert.deepStrictEqual(succeeded(exit), { _tag: "NoActiveTx" })
      assert.deepStrictEqual(tags(trace), [
        "TransactionStarted",
        "StateUpdated",
        "TransactionAborted",
        "TransactionStarted",
        "TransactionCommitted"
      ])
      assert.deepStrictEqual((yield* stored(id)).state, [])
    }).pipe(onMachine))

  it.effect("a program that fails, dies or is interrupted has its transaction aborted first (D15, A9, A39)", () =>
    Effect.gen(function*() {
      const id = yield* Avm.run(Obj.create("counter", C1))
      const leaving = <A, E>(end: Effect.Effect<A, E>) =>
        Effect.zipRight(Effect.zipRight(Tx.begin(), Obj.call(id, null)), end)
      const failed = yield* Avm.runTraced(leaving(Effect.fail("no")))
      assert.deepStrictEqual(shown(failed.trace).slice(-2), [
        [{ _tag: "TransactionAborted", tx: "t1" }, C1],
        [{ _tag: "ErrorOccurred", error: "no" }, null]
      ])
      const died = yield* Avm.runTraced(leaving(Effect.die("broken")))
      assert.deepStrictEqual(shown(died.trace).slice(-2), [
        [{ _tag: "TransactionAborted", tx: "t2" }, C1],
        [{ _tag: "ErrorOccurred", error: "broken" }, null]
      ])
      const interrupted = yield* Avm.runTraced(leaving(Effect.interrupt))
      assert.isTrue(Exit.isInterrupted(interrupted.exit))
      assert.deepStrictEqual(shown(interrupted.trace).slice(-1), [[{ _tag: "TransactionAborted", tx: "t3" }, C1]])
      assert.deepStrictEqual((yield* stored(id)).state, [])
    }).pipe(onMachine))

  it.effect("finished ids are remembered, whether or not another is open; another program's are unknown (A8)", () =>
    Effect.gen(function*() {
      const theirs = yield* Avm.run(Effect.tap(Tx.begin(), Tx.commit))
      yield* Avm.run(Effect.gen(function*() {
        const [committed, aborted] = [yield* Effect.tap(Tx.begin(), Tx.commit), yield* Effect.tap(Tx.begin(), Tx.abort)]
        const finished = Effect.gen(function*() {
          for (const id of [committed, aborted]) {
            const _tag = id === committed ? "TxAlreadyCommitted" : "TxAlreadyAborted"
            assert.deepStrictEqual(yield* failure(Tx.commit(id)), { _tag, tx: id })
            assert.deepStrictEqual(yield* failure(Tx.abort(id)), { _tag, tx: id })
          }
        })
        yield* finished
        assert.deepStrictEqual(yield* failure(Tx.commit(theirs)), { _tag: "NoActiveTx" })
        const open = yield* Tx.begin()
        yield* finished
        assert.deepStrictEqual(yield* failure(Tx.abort(theirs)), { _tag: "TxNotFound", tx: theirs })
        assert.isTrue(yield* Tx.commit(open))
      }))
    }).pipe(onMachine))

  it.effect("the executing controller is the transaction's, from the access that resolved it on (A10)", () =>
    Effect.gen(function*() {
      const { exit, trace } = yield* Avm.runTraced(Effect.gen(function*() {
        const id = yield* Obj.create("counter", C1)
        const tx = yield* Tx.begin()
        yield* Introspect.setState(1)
        yield* Obj.call(id, null)
        yield* Tx.commit(tx)
        assert.isTrue(Option.isNone(yield* Controller.current))
        assert.isTrue(Option.isNone((yield* Reify.context).controller))
        return yield* Controller.getController(yield* Obj.create("counter"))
      }))
      assert.deepStrictEqual(succeeded(exit), Option.none())
      assert.deepStrictEqual(
        trace.map(({ event, executingController }) => [
          event._tag,
          Option.getOrNull(executingController)
        ]),
        [
          ["ObjectCreated", null],
          ["TransactionStarted", null],
          ["StateUpdated", null],
          ["StateUpdated", C1],
          ["ObjectCalled", C1],
          ["TransactionCommitted", C1],
          ["ObjectCreated", null]
        ]
      )
    }).pipe(atHome))

  it.effect("the root frame has a state of its own, transactional, and gone with the program (A11)", () =>
    Effect.gen(function*() {
      const { exit, trace } = yield* Avm.runTraced(Effect.gen(function*() {
        const self = yield* Introspect.self
        yield* Introspect.setState(1)
        const aborted = yield* Tx.begin()
        yield* Introspect.setState(2)
        assert.strictEqual(yield* Introspect.getState, 2)
        yield* Tx.abort(aborted)
        assert.strictEqual(yield* Introspect.getState, 1)
        yield* Tx.transact(Introspect.setState(3))
        assert.deepStrictEqual(yield* failure(Obj.call(self, null)), { _tag: "ObjectNotFound", id: self.value })
        return [self, yield* Introspect.getState] as const
      }))
      const [self, state] = succeeded(exit)
      assert.strictEqual(state, 3)
      const updated = trace.flatMap(({ event }) => event._tag === "StateUpdated" ? [event.id] : [])
      assert.isTrue(updated.length === 3 && updated.every((id) => Equal.equals(id, self)))
      assert.deepStrictEqual(yield* Avm.run(Introspect.getState), [])
    }).pipe(onMachine))

  it.effect("the reified transaction has one entry per object, the last value (A15)", () =>
    Avm.run(
      Effect.provide(
        Effect.gen(function*() {
          const [a, b] = [yield* Obj.create("counter", C1), yield* Obj.create("agent", C1)]
          const missing = ObjectId.make("missing")
          const tx = yield* Tx.begin()
          yield* Obj.call(b, ["call", a, "inner"])
          yield* Obj.call(a, "again")
          yield* Controller.transfer(b, C2)
          yield* Controller.transfer(b, H)
          yield* Machine.moveObject(a, m1)
          yield* Machine.moveObject(a, m2)
          yield* Controller.getController(missing)
          const created = yield* Obj.create("counter")
          yield* Introspect.setState("root")
          const state = Option.getOrThrow(yield* Reify.txState)
          const self = yield* Introspect.self
          sameVal({ ...state, observed: [] }, {
            txId: tx,
            writes: [[a, "inner"], [b, ["call", a, "inner"]], [a, "again"]],
            creates: [created],
            destroys: [],
            observed: [],
            transfers: [[b, H]],
            moves: [[a, m2]],
            states: [[a, 2], [self, "root"]]
          })
          assert.sameMembers(state.observed.map(({ value }) => value), [a.value, b.value, "missing"])
        }),
        granted
      )
    ).pipe(onMachine))
})

describe("conflicts", () => {
  it.effect("fail the bracket, or make it run again on a fresh snapshot if it is given a policy (D17, A9)", () =>
    Effect.gen(function*() {
      const id = yield* Avm.run(Obj.create("counter", C1))
      let runs = 0
      const body = Effect.gen(function*() {
        runs++
        const n = yield* ask(id, null)
        if (runs === 1) yield* Avm.run(Obj.call(id, null))
        return n
      })
      const alone = yield* Avm.runTraced(Tx.transact(body))
      assert(Exit.isFailure(alone.exit))
      assert.strictEqual(Option.getOrThrow(Cause.failureOption(alone.exit.cause))._tag, "TxConflict")
      assert.deepStrictEqual(tags(alone.trace).slice(-2), ["TransactionAborted", "ErrorOccurred"])
      runs = 0
      const again = yield* Avm.runTraced(Tx.transact(body, { retry: Schedule.recurs(1) }))
      assert.strictEqual(succeeded(again.exit), 3)
      assert.strictEqual(runs, 2)
      assert.deepStrictEqual(tags(again.trace).filter((tag) => /^Transaction|Error/.test(tag)), [
        "TransactionStarted",
        "TransactionAborted",
        "TransactionStarted",
        "TransactionCommitted"
      ])
    }).pipe(onMachine))

  it.effect("a transaction that changes nothing commits, whatever happened to what it read (A17)", () =>
    Avm.run(
      Effect.provide(
        Effect.gen(function*() {
          const id = yield* Obj.create("counter", C1)
          const tx = yield* Tx.begin(C1)
          yield* Controller.getController(id)
          yield* Reflect.scryMeta(() => true)
          yield* Introspect.setState("mine")
          yield* Avm.run(Effect.zipRight(Machine.moveObject(id, m1), Obj.create("counter", C1)))
          assert.isTrue(yield* Tx.commit(tx))
          assert.strictEqual(yield* Introspect.getState, "mine")
          const calling = yield* Tx.begin(C1)
          yield* Obj.call(id, null)
          yield* Avm.run(Obj.call(id, null))
          assert.deepStrictEqual(yield* failure(Tx.commit(calling)), {
            _tag: "TxConflict",
            tx: calling,
            objects: [id.value]
          })
        }),
        granted
      )
    ).pipe(onMachine))

  it.effect("a call that changes no state conflicts with nobody: the history is no part of the version (A17)", () =>
    Effect.gen(function*() {
      const id = yield* Avm.run(Obj.create("where", C1))
      yield* Avm.run(Effect.gen(function*() {
        const tx = yield* Tx.begin(C1)
        yield* Obj.call(id, 1)
        yield* Avm.run(Tx.transact(Obj.call(id, 2)))
        assert.isTrue(yield* Tx.commit(tx))
      }))
      assert.deepStrictEqual((yield* historyOf(id)).map(({ input }) => input), [2, 1])
    }).pipe(onMachine))

  it.effect("phantoms conflict, by the answer of the scan alone (A24)", () =>
    Avm.run(
      Effect.provide(
        Effect.gen(function*() {
          const old = yield* Obj.create("counter", C1)
          const ofC1 = Reflect.scryMeta(({ currentController }) => Option.contains(currentController, C1))
          const scanning = <A, E, R>(meanwhile: Effect.Effect<A, E, R>) =>
            Effect.gen(function*() {
              const tx = yield* Tx.begin(C1)
              yield* ofC1
              yield* Obj.create("where")
              const answer = yield* meanwhile
              return [yield* Effect.either(Tx.commit(tx)), answer] as const
            })
          const [unrelated] = yield* scanning(Avm.run(Obj.create("counter", C2)))
          assert.isTrue(unrelated._tag === "Right")
          const [state] = yield* scanning(Avm.run(Obj.call(old, null)))
          assert.isTrue(state._tag === "Right")
          const [come, phantom] = yield* scanning(Avm.run(Obj.create("counter", C1)))
          assert(come._tag === "Left" && come.left._tag === "TxConflict")
          assert.deepStrictEqual(come.left.objects.map(({ value }) => value), [phantom.value])
          const [changed] = yield* scanning(Avm.run(Machine.moveObject(old, m1)))
          assert(changed._tag === "Left" && changed.left._tag === "TxConflict")
          assert.deepStrictEqual(changed.left.objects.map(({ value }) => value), [old.value])
          const [left] = yield* scanning(Avm.run(Controller.transfer(old, C2)))
          assert(left._tag === "Left" && left.left._tag === "TxConflict")
          assert.deepStrictEqual(left.left.objects.map(({ value }) => value), [old.value])
          const [gone] = yield* scanning(Avm.run(Obj.destroy(phantom)))
          assert(gone._tag === "Left" && gone.left._tag === "TxConflict")
          assert.deepStrictEqual(gone.left.objects.map(({ value }) => value), [phantom.value])
        }),
        granted
      )
    ).pipe(onMachine))

  it.effect("state and metadata have separate versions (A34)", () =>
    Avm.run(Effect.gen(function*() {
      const [id, mine] = [yield* Obj.create("counter", C1), yield* Obj.create("counter", C1)]
      const reading = yield* Tx.begin(C1)
      yield* Controller.getController(id)
      yield* Obj.call(mine, null)
      yield* Avm.run(Obj.call(id, null))
      assert.isTrue(yield* Tx.commit(reading))
      const moved = yield* Tx.begin(C1)
      yield* Controller.getController(id)
      yield* Obj.call(mine, null)
      yield* Avm.run(Machine.moveObject(id, m1))
      assert.deepStrictEqual(yield* failure(Tx.commit(moved)), {
        _tag: "TxConflict",
        tx: moved,
        objects: [id.value]
      })
    })).pipe(onMachine))
})

// ---------------------------------------------------------------------------
// machines and replicas
// ---------------------------------------------------------------------------

describe("replicas", () => {
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
})

describe("freeze", () => {
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

// ---------------------------------------------------------------------------
// looking, functions, messages
// ---------------------------------------------------------------------------

describe("reflection", () => {
  it.effect("answers in order of creation, the pending ones last (A16)", () =>
    Avm.run(
      Effect.provide(
        Effect.gen(function*() {
          const ids = yield* Effect.replicateEffect(Obj.create("counter", C1), 12)
          // What is changed stays where it was.
          yield* Effect.forEach(ids.slice(0, 3), (id) => Machine.moveObject(id, m1))
          yield* Tx.begin()
          const pending = yield* Effect.replicateEffect(Obj.create("where"), 2)
          const all = [...ids, ...pending].map(({ value }) => value)
          const found = yield* Reflect.scryMeta(() => true)
          assert.deepStrictEqual(found.map(([id]) => id.value), all)
          const deep = yield* Reflect.scryDeep((behaviour) => behaviour === "where")
          assert.deepStrictEqual(deep.map(([id, behaviour]) => [id.value, behaviour]), [
            [all[12], "where"],
            [all[13], "where"]
          ])
        }),
        granted
      )
    ).pipe(onMachine))

  it.effect("a predicate that throws is ScryPredicateFailed, and the transaction stays open (D26)", () =>
    Avm.run(
      Effect.provide(
        Effect.gen(function*() {
          const id = yield* Obj.create("counter", C1)
          const tx = yield* Tx.begin()
          const failing = Reflect.scryMeta(() => {
            throw new Error("cannot look")
          })
          assert.deepStrictEqual(yield* failure(failing), { _tag: "ScryPredicateFailed", message: "cannot look" })
          const text = Reflect.scryDeep(() => {
            throw "just text"
          })
          assert.deepStrictEqual(yield* failure(text), { _tag: "ScryPredicateFailed", message: "just text" })
          yield* Obj.call(id, null)
          assert.isTrue(yield* Tx.commit(tx))
        }),
        granted
      )
    ).pipe(onMachine))
})

describe("pure functions", () => {
  it.effect("registered again with the same text: true, and the version is kept; with another: refused (A36)", () =>
    Avm.run(
      Effect.provide(
        Effect.gen(function*() {
          const make = (n: number) => () => Option.some(n)
          yield* Pure.register("f", make(1))
          yield* Pure.update("f", make(2))
          assert.isTrue(yield* Pure.register("f", make(3)))
          assert.deepStrictEqual(yield* failure(Pure.update("f", make(4), { expectedVersion: 0 })), {
            _tag: "VersionConflict",
            name: "f",
            expected: 0,
            actual: 1
          })
          assert.isTrue(yield* Pure.update("f", make(4), { expectedVersion: 1 }))
          assert.deepStrictEqual(yield* failure(Pure.register("f", () => Option.none())), {
            _tag: "FunctionAlreadyRegistered",
            name: "f"
          })
          assert.deepStrictEqual(yield* failure(Pure.update("g", make(1))), { _tag: "FunctionNotFound", name: "g" })
          assert.deepStrictEqual(yield* Pure.call("f", []), Option.some(4))
          assert.deepStrictEqual(yield* Pure.call("g", []), Option.none())
        }),
        granted
      )
    ).pipe(onMachine))
})

describe("messages", () => {
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
      const Machine = Layer.provideMerge(Layer.merge(Counter, Layer.fresh(Counter)), Avm.layerMemory)
      const create = Effect.exit(Effect.provide(Avm.run(Obj.create("counter")), Machine))
      assert.isTrue(Exit.isSuccess(yield* create))
      const Impostor = Behaviour.layerRaw("counter", Effect.succeed([0]))
      const Both = Layer.provideMerge(Layer.merge(Counter, Impostor), Avm.layerMemory)
      const exit = yield* Effect.exit(Effect.provide(Avm.run(Obj.create("counter")), Both))
      assert.include(defect(exit), "counter")
    }))
})

// ---------------------------------------------------------------------------
// executions
// ---------------------------------------------------------------------------

/** Something of everything. */
const variety = Effect.gen(function*() {
  const [counter, agent] = [yield* Obj.create("counter", C1), yield* Obj.create("agent", C1)]
  yield* Effect.ignore(Tx.transact(Effect.zipRight(Obj.call(agent, ["call", counter]), Effect.fail("no"))))
  yield* Tx.transact(Effect.all([Obj.call(counter, 1), Obj.create("where")]))
  yield* Machine.teleport(m1)
  yield* Machine.fetch(counter)
  yield* Effect.all([Obj.call(counter, 2), Obj.call(agent, ["call", counter])], { concurrency: "unbounded" })
  yield* Controller.freeze(counter)
  yield* Controller.transfer(counter, C2)
  return yield* Obj.call(ObjectId.make("missing"), null)
})

describe("executions", () => {
  it.effect("that fail keep what they have written, with ErrorOccurred at the end (D27)", () =>
    Effect.gen(function*() {
      const { exit, trace } = yield* Avm.runTraced(Effect.gen(function*() {
        const id = yield* Obj.create("counter", C1)
        yield* Obj.call(id, null)
        yield* Obj.call(ObjectId.make("missing"), null)
      }))
      assert.isTrue(Exit.isFailure(exit))
      assert.deepStrictEqual(tags(trace), ["ObjectCreated", "StateUpdated", "ObjectCalled", "ErrorOccurred"])
      assert.deepStrictEqual(shown(trace).at(-1), [
        { _tag: "ErrorOccurred", error: { _tag: "ObjectNotFound", id: "missing" } },
        null
      ])
      assert.deepStrictEqual(trace.map(({ timestamp }) => timestamp), [0, 1, 2, 3])
    }).pipe(onMachine))

  it.effect("with the same ids and the same scheduling are the same, entry by entry (D30)", () =>
    Effect.gen(function*() {
      const once = Effect.map(Avm.runTraced(variety), ({ exit, id, trace }) => ({
        id,
        exit: Exit.isFailure(exit) ? Option.map(Cause.failureOption(exit.cause), (error) => error._tag) : Option.none(),
        trace: trace.map((entry) => Schema.encodeSync(TraceEvent.TraceEntry)(entry))
      }))
      const [one, two] = [yield* onMachine(once), yield* onMachine(once)]
      assert.deepStrictEqual(one.exit, Option.some("ObjectNotFound"))
      assert.isAbove(one.trace.length, 15)
      assert.deepStrictEqual(one, two)
    }))

  it.effect("log failures and defects, and no interruption (A39)", () =>
    Effect.gen(function*() {
      const lastOf = <A, E>(program: Effect.Effect<A, E>) =>
        Effect.map(Avm.runTraced(Effect.zipRight(Introspect.setState(1), program)), ({ trace }) => tags(trace).at(-1))
      assert.strictEqual(yield* lastOf(Effect.fail("no")), "ErrorOccurred")
      assert.strictEqual(yield* lastOf(Effect.die("no")), "ErrorOccurred")
      assert.strictEqual(yield* lastOf(Effect.interrupt), "StateUpdated")
      assert.strictEqual(yield* lastOf(Effect.void), "StateUpdated")
      // What the program handles is no failure of it.
      assert.strictEqual(yield* lastOf(Effect.ignore(Effect.fail("no"))), "StateUpdated")
    }).pipe(onMachine))

  it.effect("that are interrupted from outside leave the machine usable, and nothing of an open transaction (D15)", () =>
    Effect.gen(function*() {
      const id = yield* Avm.run(Obj.create("counter", C1))
      const reached = yield* Deferred.make<void>()
      const fiber = yield* Effect.fork(Avm.run(Effect.gen(function*() {
        yield* Tx.begin()
        yield* Obj.call(id, null)
        yield* Deferred.succeed(reached, undefined)
        return yield* Effect.never
      })))
      yield* Deferred.await(reached)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(yield* Avm.run(ask(id, null)), 1)
    }).pipe(onMachine))
})
