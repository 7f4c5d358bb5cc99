// The spans of programs, transactions and calls, as a tracer gets them that only writes down what it is told.
import { Avm, Behaviour, ControllerId, Introspect, Obj, type ObjectId, ObjectStore, Tx } from "@effect-avm/core"
import * as Rpc from "@effect/rpc/Rpc"
import { assert, describe, it } from "@effect/vitest"
import {
  Cause,
  Context,
  Deferred,
  Effect,
  Exit,
  Fiber,
  Layer,
  Option,
  Schedule,
  Schema,
  STM,
  Tracer,
  TRef
} from "effect"
import { recording, type Written } from "../support/Recording.js"
import { machineOn, type StoreLayer, stores } from "../support/Stores.js"

// ---------------------------------------------------------------------------
// what it has written down
// ---------------------------------------------------------------------------

const exitOf = (span: Written | undefined): Exit.Exit<unknown, unknown> => {
  assert(span?.status._tag === "Ended", `${span?.name} has ended`)
  return span.status.exit
}

const causeOf = (span: Written | undefined): Cause.Cause<unknown> => {
  const exit = exitOf(span)
  assert(Exit.isFailure(exit))
  return exit.cause
}

interface Tree extends ReadonlyArray<string | Tree> {}

/** A span, named with its behaviour where it is a call, and those inside it, in alphabetical order. */
const treeOf = (spans: ReadonlyArray<Written>, root: Written): Tree => {
  const behaviour = root.attributes.get("avm.behaviour")
  const inside = spans.filter(({ parent }) => Option.contains(parent, root))
  return [
    behaviour === undefined ? root.name : `${root.name} ${behaviour}`,
    ...inside.map((span) => treeOf(spans, span)).sort((a, b) => JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)
  ]
}

const trees = (spans: ReadonlyArray<Written>) =>
  spans.filter(({ parent }) => Option.isNone(parent)).map((span) => treeOf(spans, span))

const named = (spans: ReadonlyArray<Written>, name: string) => spans.filter((span) => span.name === name)

const eventsOf = (span: Written | undefined) => span?.events.map(([name]) => name)

// ---------------------------------------------------------------------------
// a machine
// ---------------------------------------------------------------------------

const C1 = ControllerId.make("C1")

class Refused extends Schema.TaggedError<Refused>()("Refused", { why: Schema.String }) {}

const Account = Behaviour.make("Account", {
  state: Schema.Int,
  initial: 0,
  protocol: [
    Rpc.make("Add", { payload: { n: Schema.Int }, success: Schema.Int }),
    Rpc.make("Refuse", { error: Refused })
  ]
})

const AccountLive = Account.toLayer({
  Add: ({ n }) => Account.updateState((_) => _ + n),
  Refuse: () => Effect.fail(new Refused({ why: "no" }))
})

/** Calls whom it is told, in one of several ways. */
const Caller = Behaviour.layerRaw("caller", function*() {
  const input = yield* Introspect.input
  const [way, callee, n] = input as readonly [string, ObjectId.ObjectId, number]
  const call = Obj.call(callee, n)
  switch (way) {
    case "own span":
      yield* Effect.withSpan(call, "mine")
      break
    case "forks":
      yield* Effect.all([call, Effect.withSpan(call, "mine")], { concurrency: "unbounded" })
      yield* Effect.flatMap(Effect.fork(call), Fiber.join)
      break
    case "waits":
      yield* Effect.yieldNow()
      yield* call
      yield* Effect.yieldNow()
      break
    default:
      yield* call
  }
  return [way]
})

const Deep = Behaviour.layerRaw("deep", function*() {
  const n = Number(yield* Introspect.input)
  if (n > 0) yield* Obj.call(yield* Introspect.self, n - 1)
  else yield* Effect.yieldNow()
  return []
})

const Ending = Behaviour.layerRaw("ending", function*() {
  switch (yield* Introspect.input) {
    case "dies":
      throw new Error("broken")
    case "waits":
      return yield* Effect.never
    case "answers nonsense":
      return [Number.NaN]
    case "leaves open":
      yield* Tx.begin()
      return []
    default:
      return yield* Behaviour.reject
  }
})

const behaviours = Layer.mergeAll(AccountLive, Caller, Deep, Ending)
type Registered = Layer.Layer.Success<typeof behaviours>

/** The memory store, taking its time: nothing is at hand. */
const slow = Layer.effect(
  ObjectStore.ObjectStore,
  Effect.map(ObjectStore.ObjectStore, (store) => {
    const slowly = <A, E>(effect: Effect.Effect<A, E>) => Effect.zipRight(Effect.yieldNow(), effect)
    return ObjectStore.ObjectStore.of({
      ...store,
      read: (id, snapshot) => slowly(store.read(id, snapshot)),
      commit: (changes, enlisted) => slowly(store.commit(changes, enlisted))
    })
  })
).pipe(Layer.provideMerge(ObjectStore.layerMemory))

const machine = (store: StoreLayer): Layer.Layer<Avm.Platform | Registered> =>
  Layer.provideMerge(behaviours, machineOn(store, { homeController: Option.none() }))

const on = (store: StoreLayer) => <A, E>(effect: Effect.Effect<A, E, Avm.Platform | Registered>) =>
  Effect.suspend(() => {
    const { spans, tracer } = recording()
    return Effect.map(
      Effect.exit(Effect.withTracer(Effect.provide(effect, machine(store)), tracer)),
      (exit) => ({ exit, spans })
    )
  })

// ---------------------------------------------------------------------------
// tests
// ---------------------------------------------------------------------------

describe.each([...stores, ["memory that takes its time", slow] as const])("spans (%s)", (_, store) => {
  const traced = on(store)

  it.effect("are as deep as what runs", () =>
    Effect.gen(function*() {
      const { spans } = yield* traced(
        Avm.run(Effect.gen(function*() {
          const alice = yield* Account.create({ controller: C1 })
          const caller = yield* Obj.create("caller", C1)
          yield* Tx.transact(Effect.gen(function*() {
            yield* alice.Add({ n: 1 })
            yield* Obj.call(caller, ["plain", alice.id, 0])
          }))
          yield* Obj.call(caller, ["waits", caller, 0])
        })).pipe(Effect.ignore)
      )
      const [program] = spans
      assert.deepStrictEqual(
        program === undefined ? undefined : treeOf(spans, program)[1],
        ["avm.transaction", ["avm.call Account"], ["avm.call caller", ["avm.call Account"]]]
      )
      for (const span of spans) assert.strictEqual(span.status._tag, "Ended", span.name)
    }))

  it.effect("are made for turns, which end as their messages do", () =>
    Effect.gen(function*() {
      const { exit, spans } = yield* traced(
        Avm.run(Effect.gen(function*() {
          const alice = yield* Account.create({ controller: C1 })
          yield* (yield* alice.send.Add({ n: 1 })).await
          yield* Effect.exit((yield* alice.send.Refuse()).await)
        }))
      )
      assert.isTrue(Exit.isSuccess(exit))
      const [done, refused] = spans.filter(({ name }) => name === "avm.turn")
      assert(done !== undefined && refused !== undefined)
      assert.deepStrictEqual(treeOf(spans, done), ["avm.turn", ["avm.call Account"]])
      assert.strictEqual(done.attributes.get("avm.turn.outcome"), "committed")
      assert.isTrue(Exit.isSuccess(exitOf(done)))
      assert.strictEqual(refused.attributes.get("avm.turn.outcome"), "failed")
      assert.isTrue(Cause.isFailure(causeOf(refused)))
      assert.deepStrictEqual(done.events.map(([name]) => name).slice(0, 2), ["TransactionStarted", "MessageReceived"])
    }))

  it.effect("nest across forks, the spans of a behaviour and those of the application", () =>
    Effect.gen(function*() {
      const { exit, spans } = yield* traced(
        Avm.run(Effect.gen(function*() {
          const [deep, caller] = yield* Effect.all([Obj.create("deep"), Obj.create("caller")])
          yield* Effect.withSpan(Obj.call(caller, ["own span", deep, 0]), "inside")
          yield* Obj.call(caller, ["forks", deep, 0])
          yield* Effect.flatMap(Effect.fork(Obj.call(caller, ["waits", deep, 0])), Fiber.join)
          yield* Effect.all([Obj.call(deep, 0), Obj.call(deep, 0)], { concurrency: "unbounded" })
        })).pipe(Effect.withSpan("request"))
      )
      assert(Exit.isSuccess(exit), String(exit))
      assert.deepStrictEqual(trees(spans), [
        [
          "request",
          [
            "avm.program",
            ["avm.call caller", ["avm.call deep"], ["avm.call deep"], ["mine", ["avm.call deep"]]],
            ["avm.call caller", ["avm.call deep"]],
            ["avm.call deep"],
            ["avm.call deep"],
            ["inside", ["avm.call caller", ["mine", ["avm.call deep"]]]]
          ]
        ]
      ])
    }))

  it.effect("nest as deep as the calls, and what is called is an event of the caller's span", () =>
    Effect.gen(function*() {
      const depth = 300
      const { spans } = yield* traced(
        Avm.run(Effect.flatMap(Obj.create("deep"), (id) => Obj.call(id, depth)))
      )
      const calls = named(spans, "avm.call")
      assert.lengthOf(calls, depth + 1)
      for (const [n, call] of calls.entries()) {
        assert.strictEqual(Option.getOrUndefined(call.parent), n === 0 ? spans[0] : calls[n - 1])
        assert.deepStrictEqual(eventsOf(call), n === depth ? [] : ["ObjectCalled"], String(n))
        assert(Exit.isSuccess(exitOf(call)))
      }
      assert.deepStrictEqual(eventsOf(spans[0]), ["ObjectCreated", "ObjectCalled"])
    }))

  it.effect("link a try to the one before, which was lost", () =>
    Effect.gen(function*() {
      const { exit, spans } = yield* traced(
        Effect.gen(function*() {
          const cell = yield* Avm.run(Account.create({ controller: C1 }))
          let tries = 0
          return yield* Avm.run(Tx.transact(
            Effect.gen(function*() {
              yield* cell.Add({ n: 1 })
              if (++tries < 3) {
                yield* Effect.orDie(Effect.fork(Avm.run(cell.Add({ n: 10 }))).pipe(Effect.flatMap(Fiber.join)))
              }
              return tries
            }),
            { retry: Schedule.recurs(5) }
          ))
        })
      )
      assert.deepStrictEqual(exit, Exit.succeed(3))
      const tries = named(spans, "avm.transaction")
      assert.deepStrictEqual(
        tries.map(({ attributes }) => attributes.get("avm.transaction.outcome")),
        ["conflicted", "conflicted", "committed"]
      )
      assert.deepStrictEqual(
        tries.map(({ links }) => links.map(({ attributes, span }) => [attributes["avm.link"], span])),
        [[], [["earlier try", tries[0]]], [["earlier try", tries[1]]]]
      )
      assert.strictEqual(new Set(tries.map(({ parent }) => Option.getOrUndefined(parent)?.spanId)).size, 1)
      const lost = Cause.failureOption(causeOf(tries[0]))
      assert.strictEqual(Option.getOrUndefined(lost as Option.Option<{ readonly _tag: string }>)?._tag, "TxConflict")
      assert(Exit.isSuccess(exitOf(tries[2])))
      assert.strictEqual(eventsOf(tries[0])?.at(-1), "TransactionAborted")
      assert.strictEqual(eventsOf(tries[2])?.at(-1), "TransactionCommitted")
    }))

  it.effect("end as what they stand for ends", () =>
    Effect.gen(function*() {
      const { spans } = yield* traced(
        Avm.run(Effect.gen(function*() {
          const id = yield* Obj.create("ending")
          for (const way of ["rejects", "dies", "answers nonsense", "leaves open"]) {
            yield* Effect.exit(Obj.call(id, way))
          }
          const waiting = yield* Effect.fork(Obj.call(id, "waits"))
          yield* Effect.repeatN(Effect.yieldNow(), 50)
          yield* Fiber.interrupt(waiting)
          const account = yield* Account.create({ controller: C1 })
          yield* Effect.exit(account.Refuse())
          return yield* Effect.fail("the program")
        }))
      )
      const [rejects, dies, nonsense, open, waits, refuses] = named(spans, "avm.call")
      assert.include(String(causeOf(rejects)), "ObjectRejectedCall")
      assert.include(String(Option.getOrUndefined(Cause.dieOption(causeOf(dies)))), "broken")
      assert.include(String(causeOf(nonsense)), "InvalidVal")
      assert.include(String(causeOf(open)), "InvalidDuringTx")
      assert.deepStrictEqual(eventsOf(open), ["TransactionStarted", "TransactionAborted"])
      assert.isTrue(Cause.isInterruptedOnly(causeOf(waits)))
      assert.include(String(Cause.squash(causeOf(refuses))), "no")
      assert.deepStrictEqual(causeOf(spans[0]), Cause.fail("the program"))
      assert.strictEqual(eventsOf(spans[0])?.at(-1), "ErrorOccurred")
    }))
})

describe.each(stores)("spans (%s)", (_, store) => {
  const traced = on(store)

  it.effect("end where their fiber is told to end as they begin, and nothing is done within", () =>
    Effect.gen(function*() {
      for (const cutAt of ["avm.program", "avm.transaction"]) {
        const { spans, tracer } = recording()
        const cutting = Tracer.make({
          span: (name, ...rest) => {
            const fiber = Option.getOrThrow(Fiber.getCurrentFiber())
            if (name === cutAt) fiber.unsafeInterruptAsFork(fiber.id())
            return tracer.span(name, ...rest)
          },
          context: tracer.context
        })
        let isDone = false
        const body = Effect.sync(() => {
          isDone = true
        })
        const fiber = yield* Effect.fork(Effect.withTracer(Avm.run(Tx.transact(body)), cutting))
        assert(Exit.isInterrupted(yield* Fiber.await(fiber)))
        assert.isFalse(isDone, cutAt)
        assert.isNotEmpty(named(spans, cutAt))
        for (const span of spans) exitOf(span)
      }
    }).pipe(Effect.provide(machine(store))))

  it.effect("say what they are about", () =>
    Effect.gen(function*() {
      const { spans } = yield* traced(Avm.run(Effect.gen(function*() {
        const account = yield* Account.create({ controller: C1 })
        yield* Tx.transact(account.Add({ n: 1 }))
        const raw = yield* Obj.create("deep")
        yield* Obj.call(raw, 0)
        return [account.id, raw] as const
      })))
      const [program, transaction, add, plain] = spans
      const created = program?.events.flatMap(([name, attributes]) => name === "ObjectCreated" ? [attributes] : [])
      const [account, raw] = created?.map((attributes) => attributes["avm.object.id"]) ?? []
      assert.deepStrictEqual([...program?.attributes.keys() ?? []], ["avm.execution"])
      const tx = transaction?.attributes.get("avm.transaction.id")
      assert.isString(tx)
      assert.deepStrictEqual(Object.fromEntries(transaction?.attributes ?? []), {
        "avm.transaction.id": tx,
        "avm.transaction.outcome": "committed",
        // It was deferred: the first object has told whose it is.
        "avm.controller": "C1"
      })
      assert.deepStrictEqual(Object.fromEntries(add?.attributes ?? []), {
        "avm.object.id": account,
        "avm.behaviour": "Account",
        "avm.machine": "m0",
        "avm.message.tag": "Add",
        "avm.transaction.id": tx,
        "avm.controller": "C1"
      })
      assert.deepStrictEqual(Object.fromEntries(plain?.attributes ?? []), {
        "avm.object.id": raw,
        "avm.behaviour": "deep",
        "avm.machine": "m0"
      })
      assert.deepStrictEqual(transaction?.events.map(([name, attributes]) => [name, Object.keys(attributes)]), [
        ["TransactionStarted", ["avm.timestamp", "avm.transaction.id"]],
        ["ObjectCalled", ["avm.timestamp", "avm.controller", "avm.object.id", "avm.input", "avm.output"]],
        ["TransactionCommitted", ["avm.timestamp", "avm.controller", "avm.transaction.id"]]
      ])
      assert.deepStrictEqual(add?.events.map(([name, attributes]) => [name, attributes["avm.object.id"]]), [
        ["StateUpdated", account]
      ])
    }))

  it.effect("cut what is long", () =>
    Effect.gen(function*() {
      const long = "x".repeat(1_000_000)
      const { spans } = yield* traced(
        Avm.run(Effect.flatMap(Obj.create("ending"), (id) => Effect.ignore(Obj.call(id, long)))).pipe(
          Effect.zipRight(Avm.run(Effect.fail(new Error(long))))
        )
      )
      const [, attributes] = spans.flatMap(({ events }) => events).find(([name]) => name === "ErrorOccurred") ?? []
      assert.isBelow(String(attributes?.["avm.error"]).length, 300)
    }))

  it.effect("of what waits are beside each other, and linked", () =>
    Effect.gen(function*() {
      const { exit, spans } = yield* traced(Effect.gen(function*() {
        const cell = yield* Avm.run(Account.create({ controller: C1 }))
        const enough = Tx.transact(
          Effect.flatMap(cell.Add({ n: 0 }), (balance) => balance < 5 ? Tx.retry : Effect.succeed(balance))
        )
        const waiting = yield* Effect.fork(Avm.run(enough))
        yield* Effect.repeatN(Effect.yieldNow(), 50)
        yield* Avm.run(cell.Add({ n: 7 }))
        return yield* Fiber.join(waiting)
      }))
      assert.deepStrictEqual(exit, Exit.succeed(7))
      const [first, second] = named(spans, "avm.transaction")
      assert.strictEqual(first?.attributes.get("avm.transaction.outcome"), "waiting")
      assert.strictEqual(second?.attributes.get("avm.transaction.outcome"), "committed")
      assert.deepStrictEqual(first?.parent, second?.parent)
      assert.strictEqual(second?.links[0]?.span, first)
    }))

  it.effect("of brackets that end otherwise say how", () =>
    Effect.gen(function*() {
      const { spans } = yield* traced(Effect.gen(function*() {
        const cell = yield* Avm.run(Account.create({ controller: C1 }))
        yield* Effect.exit(Avm.run(Tx.transact(Effect.zipRight(cell.Add({ n: 1 }), Effect.fail("failed")))))
        yield* Effect.exit(Avm.run(Tx.transact(Effect.zipRight(cell.Add({ n: 1 }), Effect.die("broken")))))
        const gate = yield* Deferred.make<void>()
        const body = Effect.zipRight(
          Effect.zipRight(cell.Add({ n: 1 }), Deferred.succeed(gate, undefined)),
          Effect.never
        )
        const fiber = yield* Effect.fork(Avm.run(Tx.transact(body)))
        yield* Deferred.await(gate)
        yield* Fiber.interrupt(fiber)
        const counter = yield* TRef.make(0)
        yield* Effect.exit(Avm.run(Tx.transact(Tx.enlist(STM.zipRight(TRef.get(counter), STM.fail("enlisted"))))))
      }))
      const tries = named(spans, "avm.transaction")
      assert.deepStrictEqual(
        tries.map(({ attributes }) => attributes.get("avm.transaction.outcome")),
        ["aborted", "aborted", "aborted", "aborted"]
      )
      const [failed, broken, interrupted, enlisted] = tries.map(causeOf)
      assert.deepStrictEqual([failed, broken, enlisted], [
        Cause.fail("failed"),
        Cause.die("broken"),
        Cause.fail("enlisted")
      ])
      assert.isTrue(interrupted !== undefined && Cause.isInterruptedOnly(interrupted))
    }))

  it.effect("are not made for transactions without a bracket, which are events", () =>
    Effect.gen(function*() {
      const { spans } = yield* traced(Avm.run(Effect.gen(function*() {
        const committed = yield* Tx.begin()
        yield* Tx.commit(committed)
        yield* Tx.begin()
      })))
      assert.deepStrictEqual(trees(spans), [["avm.program"]])
      assert.deepStrictEqual(eventsOf(spans[0]), [
        "TransactionStarted",
        "TransactionCommitted",
        "TransactionStarted",
        "TransactionAborted"
      ])
    }))

  it.effect("carry what the application asks of its spans", () =>
    Effect.gen(function*() {
      const elsewhere = Tracer.externalSpan({ spanId: "s", traceId: "t" })
      const { spans } = yield* traced(
        Avm.run(Effect.void).pipe(
          Effect.annotateSpans("app.user", "u1"),
          Effect.linkSpans(elsewhere),
          Effect.withTracerTiming(false),
          Effect.withParentSpan(elsewhere)
        )
      )
      const [program] = spans
      assert.strictEqual(program?.attributes.get("app.user"), "u1")
      assert.deepStrictEqual(program?.links.map(({ span }) => span), [elsewhere])
      assert.deepStrictEqual(program?.parent, Option.some(elsewhere))
      assert(program?.status._tag === "Ended")
      assert.deepStrictEqual([program.status.startTime, program.status.endTime], [BigInt(0), BigInt(0)])
    }))

  it.effect("are not made where the application has no tracer, or has switched it off", () =>
    Effect.gen(function*() {
      const program = Effect.gen(function*() {
        const account = yield* Account.create({ controller: C1 })
        return yield* Tx.transact(account.Add({ n: 1 }))
      })
      const off = yield* traced(Effect.withTracerEnabled(Avm.run(program), false))
      assert.deepStrictEqual(off.spans, [])
      // Neither is anything given to a behaviour to be the parent of others.
      const parent = yield* Avm.run(Effect.flatMap(Account.create({ controller: C1 }), () => Effect.context<never>()))
        .pipe(
          Effect.provide(machine(store))
        )
      assert.isTrue(Option.isNone(Context.getOption(parent, Tracer.ParentSpan)))
      const on = yield* traced(Avm.run(program))
      assert.deepStrictEqual(off.exit, on.exit)
    }))

  it.effect("change nothing in what a program does", () =>
    Effect.gen(function*() {
      const program = Avm.runTraced(Effect.gen(function*() {
        const caller = yield* Obj.create("caller", C1)
        const ending = yield* Obj.create("ending", C1)
        yield* Effect.exit(Tx.transact(Obj.call(caller, ["plain", ending, 1]), { controller: C1 }))
        yield* Effect.exit(Obj.call(ending, "dies"))
        return yield* Effect.fail("in the end")
      }))
      const shape = ({ exit, trace }: Avm.Execution<unknown, unknown>) => [
        exit,
        trace.map(({ event, timestamp }) => [timestamp, event._tag])
      ]
      const { exit, spans } = yield* traced(program)
      assert.isAbove(spans.length, 3)
      assert(Exit.isSuccess(exit))
      assert.deepStrictEqual(shape(exit.value), shape(yield* Effect.provide(program, machine(store))))
    }))
})
