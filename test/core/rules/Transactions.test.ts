/** The rules of SPEC.md about transactions: whom they may touch, how they begin and end, what conflicts. */
import {
  Avm,
  AvmError,
  Controller,
  Introspect,
  Machine,
  Obj,
  ObjectId,
  Pure,
  Reflect,
  Reify,
  Tx
} from "@effect-avm/core"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Equal, Exit, Option, Schedule, Schema } from "effect"
import { stores } from "../../support/Stores.js"
import {
  ask,
  C1,
  C2,
  cutController,
  failure,
  granted,
  H,
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

describe.each(stores)("who may be touched (%s)", (_, store) => {
  const { atHome, onMachine } = machines(store)

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

describe.each(stores)("beginning and ending (%s)", (_, store) => {
  const { atHome, onMachine } = machines(store)

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

describe.each(stores)("conflicts (%s)", (_, store) => {
  const { onMachine } = machines(store)

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
