/**
 * Turns: what they commit, what becomes of those that fail, which goes next, and how the loop is run.
 */
import {
  Avm,
  AvmError,
  Behaviour,
  Controller,
  IdGenerator,
  Introspect,
  MachineId,
  Mailboxes,
  Obj,
  ObjectId,
  ObjectStore,
  Reachability,
  Scheduling,
  Trace,
  Turns,
  Tx,
  type Val
} from "@effect-avm/core"
import { assert, describe, it } from "@effect/vitest"
import { Data, Deferred, Effect, Exit, Fiber, Layer, Option, Ref, Schedule, Scope, TestClock } from "effect"
import { inMemory, machineOn, type StoreLayer, stores } from "../support/Stores.js"
import { behaviours, C1, Entries, kept, local, machine, missing, run, settle, tags } from "./Bench.js"

type Here = Layer.Layer.Success<ReturnType<typeof machine>>

const on =
  (store: StoreLayer) =>
  <E>(name: string, options: Avm.Options, body: () => Effect.Effect<void, E, Here | Scope.Scope>) =>
    it.scoped(
      name,
      () => Effect.suspend(body).pipe(Effect.provide(Layer.provideMerge(behaviours, machine(store, options))))
    )

// ---------------------------------------------------------------------------
// cranks
// ---------------------------------------------------------------------------

describe.each(stores)("a turn that fails (D25) (%s)", (_, store) => {
  const test = on(store)

  test("sends nothing, neither before the fault nor after, and creates nothing", {}, () =>
    Effect.gen(function*() {
      const store = yield* ObjectStore.ObjectStore
      const [log, promised] = yield* run(Effect.gen(function*() {
        const log = yield* Obj.create("log", local)
        return [log, yield* Obj.send(yield* Obj.create("creator", local), [log, "fail"])] as const
      }))
      const before = (yield* store.scan(ObjectStore.latest)).length
      assert.strictEqual(yield* settle, 1)
      assert.deepStrictEqual(yield* kept(log), [])
      assert.strictEqual((yield* store.scan(ObjectStore.latest)).length, before)
      assert.strictEqual((yield* run(Effect.flip(promised.await)))._tag, "ObjectNotFound")
      // The control: the same turn without the fault.
      yield* run(Effect.flatMap(Obj.create("creator", local), (creator) => Obj.sendOnly(creator, [log, "go on"])))
      assert.strictEqual(yield* settle, 3)
      assert.deepStrictEqual(yield* kept(log), ["before", "after"])
      assert.strictEqual((yield* store.scan(ObjectStore.latest)).length, before + 2)
    }).pipe(Effect.provide(creator)))

  test("leaves its entries, with ErrorOccurred at their end, and no history", {}, () =>
    Effect.gen(function*() {
      const store = yield* ObjectStore.ObjectStore
      const log = yield* run(Obj.create("log", local))
      yield* run(Obj.send(log, "fail"))
      yield* settle
      assert.deepStrictEqual((yield* tags).at(-1), [
        "TransactionStarted",
        "MessageReceived",
        "StateUpdated",
        "TransactionAborted",
        "ErrorOccurred"
      ])
      const last = (yield* Entries).at(-1)?.at(-1)
      assert.deepStrictEqual(last?.executingController, Option.none())
      assert.deepStrictEqual(yield* store.history(log), [])
      assert.deepStrictEqual(yield* kept(log), [])
    }))

  test("does not keep others waiting", {}, () =>
    Effect.gen(function*() {
      const log = yield* run(Obj.create("log", local))
      yield* run(Effect.forEach(["a", "fail", "b", "die", "c"], (message) => Obj.sendOnly(log, message)))
      assert.strictEqual(yield* settle, 5)
      assert.deepStrictEqual(yield* kept(log), ["a", "b", "c"])
    }))
})

const creator = Behaviour.layerRaw("creator", function*() {
  const input = yield* Introspect.input
  if (!Array.isArray(input)) return []
  const [log, how] = input as unknown as readonly [ObjectId.ObjectId, Val.Val]
  yield* Obj.sendOnly(log, "before")
  const made = yield* Obj.create("log")
  yield* Obj.call(made, "used")
  if (how === "fail") yield* Obj.call(missing, null)
  yield* Obj.sendOnly(log, "after")
  return [made]
})

// ---------------------------------------------------------------------------
// policies
// ---------------------------------------------------------------------------

describe.each(stores)("what becomes of a message whose turn fails (%s)", (_, store) => {
  const test = on(store)

  const failing = (options: Turns.Options) => ({ turns: options })

  const letters = Effect.flatMap(Turns.Turns, (_) => _.deadLetters)

  const sendBoth = Effect.gen(function*() {
    const log = yield* Obj.create("log", local)
    const promised = yield* Obj.send(log, "fail")
    yield* Obj.sendOnly(log, "die")
    return [log, promised] as const
  })

  test("drop: it is forgotten", failing({ onFailure: "drop" }), () =>
    Effect.gen(function*() {
      yield* run(sendBoth)
      assert.strictEqual(yield* settle, 2)
      assert.deepStrictEqual(yield* letters, [])
    }))

  test("parkUnanswered, without further words: what nobody would hear of is kept", {}, () =>
    Effect.gen(function*() {
      const [log] = yield* run(sendBoth)
      yield* settle
      assert.deepStrictEqual((yield* letters).map((_) => [_.message.to, _.message.input, _.reason._tag, _.attempts]), [
        [log, "die", "Died", 1]
      ])
    }))

  test(
    "park: it is kept, can be looked at, replayed, and discarded",
    failing({ onFailure: "park" }),
    () =>
      Effect.gen(function*() {
        const turns = yield* Turns.Turns
        const [log, promised] = yield* run(sendBoth)
        yield* settle
        const [first, second] = yield* letters
        assert(first !== undefined && second !== undefined)
        assert.deepStrictEqual(first.reason, Mailboxes.Broken({ error: new AvmError.ObjectNotFound({ id: missing }) }))
        // Now it goes well.
        yield* run(Effect.flatMap(Obj.create("log", local), () => Effect.void))
        assert.isTrue(yield* turns.replay({ ...first }))
        assert.isFalse(yield* turns.replay(first))
        assert.isTrue(yield* turns.discard(second))
        assert.isFalse(yield* turns.discard(second))
        assert.strictEqual(yield* settle, 1)
        assert.deepStrictEqual((yield* letters).map((_) => _.message.input), ["fail"])
        assert.deepStrictEqual(yield* kept(log), [])
        // The promise stays as it was broken.
        assert.strictEqual((yield* run(Effect.flip(promised.await)))._tag, "ObjectNotFound")
      })
  )

  test(
    "retry: it has more turns; each message that the last one sends is sent once",
    failing({ retry: Schedule.recurs(5), onFailure: "park" }),
    () =>
      Effect.gen(function*() {
        const [log, flaky, other] = yield* run(Effect.gen(function*() {
          const log = yield* Obj.create("log", local)
          return [log, yield* Obj.create("flaky", local), yield* Obj.create("flaky", local)] as const
        }))
        const [thrice, never] = yield* run(Effect.all([Obj.send(flaky, [log, 3]), Obj.send(other, [log, 100])]))
        yield* run(Obj.sendOnly(flaky, [log, 0]))
        assert.strictEqual(yield* settle, 5)
        assert.deepStrictEqual(yield* run(thrice.await), Option.some(3))
        assert.strictEqual((yield* run(Effect.flip(never.await)))._tag, "ObjectNotFound")
        // The message behind it waited for it.
        assert.deepStrictEqual(yield* kept(log), ["sent after 3", "sent after 0"])
        assert.deepStrictEqual((yield* letters).map((_) => _.attempts), [6])
      }).pipe(Effect.provide(Flaky))
  )

  test(
    "retry waits as its schedule says, and others go on meanwhile",
    failing({ retry: Schedule.spaced("1 hour"), onFailure: "drop" }),
    () =>
      Effect.gen(function*() {
        const { flaky, log } = yield* run(
          Effect.all({ flaky: Obj.create("flaky", local), log: Obj.create("log", local) })
        )
        yield* run(Effect.all([Obj.sendOnly(flaky, [log, 2]), Obj.sendOnly(log, "meanwhile")]))
        const settling = yield* Effect.fork(settle)
        yield* Effect.repeatN(Effect.yieldNow(), 50)
        assert.deepStrictEqual(yield* kept(log), ["meanwhile"])
        yield* TestClock.adjust("1 hour")
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(yield* Fiber.join(settling), 3)
        assert.deepStrictEqual(yield* kept(log), ["meanwhile", "sent after 2"])
      }).pipe(Effect.provide(Flaky))
  )
})

/** Fails as often as it is told; it counts outside of its state, which is undone. */
const Flaky = Layer.unwrapEffect(Effect.sync(() => {
  const tried = new Map<string, number>()
  return Behaviour.layerRaw("flaky", function*() {
    const [log, times] = (yield* Introspect.input) as unknown as readonly [ObjectId.ObjectId, number]
    const { value } = yield* Introspect.self
    const attempt = times === 0 ? 0 : tried.get(value) ?? 0
    tried.set(value, attempt + 1)
    yield* Obj.sendOnly(log, `sent after ${attempt}`)
    if (attempt < times) yield* Obj.call(missing, null)
    return [attempt]
  })
}))

// ---------------------------------------------------------------------------
// conflicts, controllers, reachability
// ---------------------------------------------------------------------------

describe.each(stores)("a turn that conflicts (%s)", (_, store) => {
  const test = on(store)

  test(
    "is run again, however often, on a fresh snapshot; only the last one counts",
    { turns: { onFailure: "park" } },
    () =>
      Effect.gen(function*() {
        const tries = yield* Ref.make(0)
        const log = yield* run(Obj.create("log", local))
        // Another program changes what the turn has read, the first five times.
        const meddle = Effect.gen(function*() {
          const before = yield* Ref.getAndUpdate(tries, (n) => n + 1)
          if (before < 5) yield* Effect.orDie(run(Obj.call(log, before)))
        })
        const context = yield* Effect.context<Avm.Avm>()
        const Reader = Behaviour.layerRaw("reader", function*() {
          const count = yield* Obj.call(log, "read")
          yield* Effect.provide(meddle, context)
          yield* Obj.sendOnly(log, "sent")
          return Option.toArray(count)
        })
        const send = Effect.flatMap(Obj.create("reader", local), (reader) => Obj.send(reader, null))
        const promised = yield* Effect.provide(Effect.zipLeft(run(send), settle), Reader)
        assert.deepStrictEqual(yield* run(promised.await), Option.some(6))
        assert.deepStrictEqual(yield* kept(log), [0, 1, 2, 3, 4, "read", "sent"])
        assert.strictEqual(yield* Ref.get(tries), 6)
        assert.deepStrictEqual(yield* Effect.flatMap(Turns.Turns, (_) => _.deadLetters), [])
      })
  )
})

describe.each(stores)("controllers and turns (%s)", (_, store) => {
  const test = on(store)

  const Probe = Behaviour.layerRaw("probe", function*() {
    const input = yield* Introspect.input
    const controller = yield* Controller.current
    if (ObjectId.isObjectId(input)) yield* Obj.call(input, "called")
    if (input === "create") yield* Obj.create("log", C1)
    if (input === "child") return [yield* Obj.create("log")]
    if (input === "begin") yield* Tx.begin()
    if (input === "retry") yield* Tx.retry
    if (Array.isArray(input) && ObjectId.isObjectId(input[0])) yield* Controller.freeze(input[0])
    return [Option.getOrElse(controller, () => "none")]
  })
  const ask = (id: ObjectId.ObjectId, input: Val.Val) =>
    Effect.gen(function*() {
      const promised = yield* run(Obj.send(id, input))
      yield* settle
      return yield* run(Effect.exit(promised.await))
    })
  const error = (tag: AvmError.AvmError["_tag"]) => (exit: Exit.Exit<unknown, AvmError.AvmError>) =>
    assert.strictEqual(Exit.isFailure(exit) && exit.cause._tag === "Fail" && exit.cause.error._tag, tag)

  test("a turn is locked to the controller of its object", {}, () =>
    Effect.gen(function*() {
      const [probe, mine, other] = yield* run(
        Effect.all([Obj.create("probe", C1), Obj.create("log", C1), Obj.create("log", local)])
      )
      assert.deepStrictEqual(yield* ask(probe, null), Exit.succeed(Option.some("C1")))
      assert.deepStrictEqual(yield* ask(probe, mine), Exit.succeed(Option.some("C1")))
      error("CrossControllerTx")(yield* ask(probe, other))
    }).pipe(Effect.provide(Probe)))

  test(
    "of an object without one, to none (A43): it may touch itself, and what it creates has none",
    {},
    () =>
      Effect.gen(function*() {
        const store = yield* ObjectStore.ObjectStore
        const [probe, orphan, owned, log] = yield* run(
          Effect.all([Obj.create("probe"), Obj.create("log"), Obj.create("log", local), Obj.create("log")])
        )
        assert.deepStrictEqual(yield* ask(probe, null), Exit.succeed(Option.some("none")))
        error("ObjectHasNoController")(yield* ask(probe, orphan))
        error("CrossControllerTx")(yield* ask(probe, owned))
        error("CrossControllerTx")(yield* ask(probe, "create"))
        error("CrossControllerTx")(yield* ask(probe, [owned]))
        assert.deepStrictEqual(yield* ask(probe, [orphan]), Exit.succeed(Option.some("none")))
        const child = yield* ask(probe, "child")
        const id = Exit.isSuccess(child) ? Option.getOrThrow(child.value) : assert.fail("no child")
        const stored = yield* store.read(id as ObjectId.ObjectId, ObjectStore.latest)
        assert.deepStrictEqual(
          Option.map(stored, (_) => _._tag === "StoredObject" && _.metadata.currentController),
          Option.some(Option.none())
        )
        yield* run(Effect.all([Obj.sendOnly(log, 1), Obj.sendOnly(log, 2)]))
        yield* settle
        assert.deepStrictEqual(yield* kept(log), [1, 2])
      }).pipe(Effect.provide(Probe))
  )

  test(
    "a turn is a transaction already: no other in it; and no bracket, so it cannot wait (A40)",
    {},
    () =>
      Effect.gen(function*() {
        const probe = yield* run(Obj.create("probe", C1))
        error("NestedTxNotSupported")(yield* ask(probe, "begin"))
        const died = yield* ask(probe, "retry")
        assert.isTrue(Exit.isFailure(died) && died.cause._tag === "Die")
      }).pipe(Effect.provide(Probe))
  )

  test(
    "what cannot be reached waits, and is delivered once it can be: controllers, machines",
    {},
    () =>
      Effect.gen(function*() {
        const switchboard = yield* Reachability.Switchboard
        const log = yield* run(Effect.gen(function*() {
          const log = yield* Obj.create("log", C1)
          yield* Obj.sendOnly(log, "a")
          return log
        }))
        yield* switchboard.setController(C1, false)
        const before = (yield* tags).length
        assert.strictEqual(yield* settle, 0)
        yield* switchboard.setController(C1, true)
        yield* switchboard.setMachine(MachineId.make("m0"), false)
        assert.strictEqual(yield* settle, 0)
        assert.strictEqual((yield* tags).length, before)
        assert.deepStrictEqual(yield* kept(log), [])
        yield* switchboard.setMachine(MachineId.make("m0"), true)
        assert.strictEqual(yield* settle, 1)
        assert.deepStrictEqual(yield* kept(log), ["a"])
      })
  )
})

// ---------------------------------------------------------------------------
// the loop
// ---------------------------------------------------------------------------

describe.each(stores)("the loop (%s)", (_, store) => {
  const test = on(store)

  test(
    "step brings one message through; what is ready longest goes first, and then to the end",
    {},
    () =>
      Effect.gen(function*() {
        const [a, b, c] = yield* run(Effect.replicateEffect(Obj.create("log", local), 3))
        assert(a !== undefined && b !== undefined && c !== undefined)
        yield* run(
          Effect.forEach([[a, 1], [a, 2], [b, 1], [a, 3], [c, 1], [b, 2]] as const, ([id, n]) => Obj.sendOnly(id, n))
        )
        const order: Array<string> = []
        for (let turn = yield* Turns.step; Option.isSome(turn); turn = yield* Turns.step) {
          const { answer, attempts, message } = turn.value
          assert.deepStrictEqual([answer._tag, attempts], ["Resolved", 1])
          order.push(`${message.to.value} ${message.input}`)
        }
        assert.deepStrictEqual(order, [
          `${a.value} 1`,
          `${b.value} 1`,
          `${c.value} 1`,
          `${a.value} 2`,
          `${b.value} 2`,
          `${a.value} 3`
        ])
      })
  )

  it.effect("with the same seed picks the same, and every object's messages in order", () =>
    Effect.gen(function*() {
      const ordered = (seed: number) =>
        Effect.gen(function*() {
          const logs = yield* run(Effect.replicateEffect(Obj.create("log", local), 5))
          yield* run(Effect.forEach([1, 2, 3], (n) => Effect.forEach(logs, (log) => Obj.sendOnly(log, n))))
          const order: Array<string> = []
          for (let turn = yield* Turns.step; Option.isSome(turn); turn = yield* Turns.step) {
            order.push(`${turn.value.message.to.value} ${turn.value.message.input}`)
          }
          for (const log of logs) assert.deepStrictEqual(yield* kept(log), [1, 2, 3])
          return order
        }).pipe(
          Effect.provide(
            Layer.provideMerge(
              behaviours,
              Layer.provideMerge(
                Avm.layer({ turns: { run: "manual" } }),
                Layer.mergeAll(
                  store,
                  Reachability.layerAll,
                  IdGenerator.layerCounter,
                  Trace.layerNone,
                  Scheduling.layerSeeded(seed)
                )
              )
            )
          )
        )
      const orders = yield* Effect.forEach([1, 1, 2, 3, 4], ordered)
      assert.deepStrictEqual(orders[0], orders[1])
      assert.isAbove(new Set(orders.map((_) => _.join())).size, 2)
    }))

  const together = (concurrency: number, most: number) =>
    test(`runs turns of different objects at the same time, up to ${concurrency}; those of one in order`, {
      turns: { concurrency }
    }, () =>
      Effect.gen(function*() {
        let running = 0
        let seen = 0
        const Slow = Behaviour.layerRaw("slow", function*() {
          running++
          seen = Math.max(seen, running)
          for (let n = 0; n < 5; n++) yield* Effect.yieldNow()
          running--
          const before = (yield* Introspect.getState) as ReadonlyArray<Val.Val>
          yield* Introspect.setState([...before, yield* Introspect.input])
          return []
        })
        const slow = yield* Effect.provide(
          Effect.gen(function*() {
            const slow = yield* run(Effect.replicateEffect(Obj.create("slow", local), 4))
            yield* run(Effect.forEach([1, 2, 3], (n) => Effect.forEach(slow, (id) => Obj.sendOnly(id, n))))
            assert.strictEqual(yield* settle, 12)
            return slow
          }),
          Slow
        )
        assert.strictEqual(seen, most)
        for (const id of slow) assert.deepStrictEqual(yield* kept(id), [1, 2, 3])
      }))

  together(16, 4)
  together(2, 2)
  together(1, 1)

  it.live("runs in the background without further words, until the machine is gone", () =>
    Effect.gen(function*() {
      const answer = yield* run(Effect.flatMap(Obj.create("log", local), (log) => Obj.send(log, "a"))).pipe(
        Effect.flatMap((promised) => run(promised.await)),
        Effect.provide(Layer.provideMerge(behaviours, machineOn(store)))
      )
      assert.deepStrictEqual(answer, Option.some(1))
    }))

  it.live("in the background tries again what could not be reached", () =>
    Effect.gen(function*() {
      const switchboard = yield* Reachability.Switchboard
      const log = yield* run(Obj.create("log", C1))
      yield* switchboard.setController(C1, false)
      const promised = yield* run(Obj.send(log, "a"))
      yield* Effect.sleep("20 millis")
      assert.deepStrictEqual(yield* kept(log), [])
      yield* switchboard.setController(C1, true)
      assert.deepStrictEqual(yield* run(promised.await), Option.some(1))
    }).pipe(
      Effect.provide(Layer.provideMerge(behaviours, machine(store, { turns: { run: "background", pollMillis: 5 } })))
    ))

  test(
    "as a layer runs as long as its scope; then what has begun is undone, and its message stays",
    {},
    () =>
      Effect.gen(function*() {
        const begun = yield* Deferred.make<void>()
        const log = yield* run(Obj.create("log", local))
        const go = yield* Ref.make(false)
        const Slow = Behaviour.layerRaw("slow", function*() {
          yield* Obj.call(log, "in the turn")
          yield* Obj.sendOnly(log, "sent")
          yield* Deferred.succeed(begun, undefined)
          if (!(yield* Ref.get(go))) yield* Effect.never
          return []
        })
        yield* Effect.provide(
          Effect.gen(function*() {
            yield* run(Effect.flatMap(Obj.create("slow", local), (slow) => Obj.sendOnly(slow, 1)))
            const scope = yield* Scope.make()
            yield* Layer.buildWithScope(Turns.layer, scope)
            yield* Deferred.await(begun)
            yield* Scope.close(scope, Exit.void)
            assert.deepStrictEqual(yield* kept(log), [])
            yield* Ref.set(go, true)
            assert.strictEqual(yield* settle, 2)
            assert.deepStrictEqual(yield* kept(log), ["in the turn", "sent"])
          }),
          Slow
        )
      })
  )

  test("settles turns of the very program that asks for it", {}, () =>
    run(Effect.gen(function*() {
      const log = yield* Obj.create("log", local)
      for (let n = 0; n < 3; n++) {
        yield* Obj.sendOnly(log, n)
        yield* settle
        assert.deepStrictEqual(yield* Obj.call(log, "called"), Option.some(2 * n + 2))
      }
    })))

  test("a family that was put in another's place is there in turns as well", {}, () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const watching = Avm.intercept((instruction, execute) =>
        Effect.zipRight(Effect.sync(() => void seen.push(instruction._tag)), execute)
      )
      const log = yield* run(Obj.create("log", local))
      yield* run(Obj.sendOnly(log, 1))
      yield* Effect.provide(settle, watching)
      assert.deepStrictEqual(seen, ["Introspect.input", "Introspect.getState", "Introspect.setState"])
      yield* run(Obj.sendOnly(log, 1))
      yield* settle
      assert.strictEqual(seen.length, 3)
    }))

  // On SQLite each takes ten times as long.
  const count = store === inMemory[1] ? 100_000 : 10_000

  it.effect(`${count.toLocaleString("en")} messages to one object, and to 1,000`, () =>
    Effect.gen(function*() {
      const logs = yield* run(Effect.replicateEffect(Obj.create("sender", local), 1000))
      yield* run(Effect.gen(function*() {
        for (let n = 0; n < count; n++) yield* Obj.sendOnly(logs[n % 2 === 0 ? 0 : n % 1000] as ObjectId.ObjectId, n)
      }))
      assert.strictEqual(yield* settle, count)
    }).pipe(Effect.provide(Layer.provideMerge(behaviours, machineOn(store, { turns: { run: "manual" } })))))
})

// ---------------------------------------------------------------------------
// a store that fails
// ---------------------------------------------------------------------------

class Off extends Data.Error {}

/** A store that fails at each commit that `cut` says. */
const failing = (store: StoreLayer, cut: (commit: number) => boolean): StoreLayer =>
  Layer.effect(
    ObjectStore.ObjectStore,
    Effect.map(ObjectStore.ObjectStore, (store) => {
      let commits = 0
      return ObjectStore.ObjectStore.of({
        ...store,
        commit: (changes, enlisted) =>
          Effect.suspend(() =>
            cut(++commits)
              ? Effect.fail(new AvmError.StoreError({ cause: new Off() }))
              : store.commit(changes, enlisted)
          )
      })
    })
  ).pipe(Layer.provideMerge(store))

describe.each(stores)("a store that fails (%s)", (_, store) => {
  it.effect("wherever it does, each message is processed once, and nothing of it is half done", () =>
    Effect.gen(function*() {
      for (let cut = 3; cut < 12; cut++) {
        yield* Effect.gen(function*() {
          const { log, relay } = yield* run(
            Effect.all({ log: Obj.create("log", local), relay: Obj.create("sender", local) })
          )
          const send = Effect.retry(run(Obj.sendOnly(relay, [[log, 1], [log, 2]])), Schedule.recurs(2))
          yield* send
          let failed = 0
          const settled = Effect.retry(
            Effect.tapError(settle, () => Effect.sync(() => failed++)),
            Schedule.recurs(3)
          )
          yield* settled
          assert.deepStrictEqual(yield* kept(log), [1, 2], `cut at ${cut}`)
          assert.isAtMost(failed, 1)
          assert.deepStrictEqual(yield* (yield* Mailboxes.Mailboxes).waiting, [])
        }).pipe(
          Effect.provide(Layer.provideMerge(behaviours, machine(failing(store, (commit) => commit === cut))))
        )
      }
    }))

  it.live("is tried again in the background", () =>
    Effect.gen(function*() {
      const log = yield* run(Obj.create("log", local))
      const promised = yield* run(Obj.send(log, 1))
      assert.deepStrictEqual(yield* run(promised.await), Option.some(1))
    }).pipe(
      Effect.provide(
        Layer.provideMerge(
          behaviours,
          machine(failing(store, (commit) => commit === 3), { turns: { run: "background" } })
        )
      )
    ))
})
