/**
 * What comes in wrong: the error or defect that SPEC.md names, a machine that stays usable, and nothing half-done.
 */
import {
  Avm,
  AvmError,
  Behaviour,
  ControllerId,
  Introspect,
  Obj,
  ObjectId,
  Pure,
  Reflect,
  Tx,
  TxId,
  type Val
} from "@effect-avm/core"
import * as Rpc from "@effect/rpc/Rpc"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, Context, DefaultServices, Effect, Equal, Exit, Layer, Option, Schema } from "effect"
import { machineOn, onEachStore, type StoreLayer } from "../support/Stores.js"

const C1 = ControllerId.make("C1")

const liveClock = Context.get(DefaultServices.liveServices, Clock.Clock)

const Echo = Behaviour.layerRaw("echo", Effect.map(Introspect.input, (input) => [input]))
const Keeper = Behaviour.layerRaw("keeper", function*() {
  const input = yield* Introspect.input
  yield* Introspect.setState(input)
  return [yield* Introspect.getState]
})
const Rejecting = Behaviour.layerRaw("rejecting", Behaviour.reject)
const NoList = Behaviour.layerRaw("no-list", Effect.succeed(5 as unknown as ReadonlyArray<Val.Val>))
const NoVal = Behaviour.layerRaw("no-val", Effect.succeed([{ ok: [undefined] }] as unknown as ReadonlyArray<Val.Val>))
const Throwing = Behaviour.layerRaw(
  "throwing",
  Effect.sync(() => {
    throw new Error("broken")
  })
)
const Opening = Behaviour.layerRaw("opening", Effect.as(Tx.begin(), []))

class Refused extends Schema.TaggedError<Refused>()("Refused", { why: Schema.String }) {}

const Clerk = Behaviour.make("Clerk", {
  state: Schema.Struct({ count: Schema.Int }),
  initial: { count: 0 },
  protocol: [
    Rpc.make("Add", { payload: { n: Schema.Int }, success: Schema.Int, error: Refused }),
    Rpc.make("Fail", { error: Refused }),
    Rpc.make("Throw"),
    Rpc.make("Lie", { success: Schema.Int }),
    Rpc.make("Spoil")
  ]
})

const Other = Behaviour.make("Other", { state: Schema.Null, initial: null, protocol: [Rpc.make("Go")] })

const ClerkLive = Clerk.toLayer({
  *Add({ n }) {
    const { count } = yield* Clerk.updateState(({ count }) => ({ count: count + n }))
    return count
  },
  Fail: () => Effect.fail(new Refused({ why: "closed" })),
  Throw: (): Effect.Effect<void> => {
    throw new Error("broken")
  },
  Lie: () => Effect.succeed(0.5),
  Spoil: () => Clerk.setState({ count: 0.5 })
})

const behaviours = Layer.mergeAll(Echo, Keeper, Rejecting, NoList, NoVal, Throwing, Opening, ClerkLive)

const machine = (store: StoreLayer) =>
  Layer.provideMerge(behaviours, machineOn(store, { homeController: Option.none() }))

/** Runs, and shows that the machine works afterwards. */
const run = <A, E, R>(program: Effect.Effect<A, E, R> & Avm.Runnable<R>) =>
  Effect.gen(function*() {
    const { exit, trace } = yield* Avm.runTraced(program)
    const echo = yield* Avm.run(Effect.flatMap(Obj.create("echo"), (id) => Obj.call(id, "still here")))
    assert.deepStrictEqual(echo, Option.some("still here"))
    return { exit, trace }
  })

const failure = <A, E>(exit: Exit.Exit<A, E>): E => {
  const error = Exit.isFailure(exit) ? Cause.failureOption(exit.cause) : Option.none()
  return Option.getOrThrowWith(error, () => new Error(`not a failure: ${String(exit)}`))
}

const defect = <A, E>(exit: Exit.Exit<A, E>): string => {
  assert(Exit.isFailure(exit))
  return String(Option.getOrThrow(Cause.dieOption(exit.cause)))
}

const failsWith = <A, E>(exit: Exit.Exit<A, E>, error: AvmError.AvmError): void => {
  const actual = failure(exit)
  assert(AvmError.isAvmError(actual), String(actual))
  assert.deepStrictEqual(encode(actual), encode(error))
}

const encode = Schema.encodeSync(AvmError.AvmError)

const cyclic: Array<unknown> = []
cyclic.push(cyclic)

const noVals: ReadonlyArray<readonly [unknown, ReadonlyArray<string | number>, string]> = [
  [{ lines: [1, { price: () => 1 }] }, ["lines", 1, "price"], "function"],
  [[Number.NaN], [0], "NaN"],
  [{ when: new Date(0) }, ["when"], "Date"],
  [undefined, [], "undefined"],
  [cyclic, [0], "cycle"],
  [new Map(), [], "Map"]
]

onEachStore("bad input", machine, (it) => {
  it.effect("an unknown behaviour fails at creation (D3)", () =>
    Effect.gen(function*() {
      const { exit } = yield* run(Obj.create("nobody"))
      failsWith(exit, new AvmError.BehaviourNotFound({ name: "nobody" }))
    }))

  it.effect("an unknown id", () =>
    Effect.gen(function*() {
      const id = ObjectId.make("never")
      failsWith((yield* run(Obj.call(id, 1))).exit, new AvmError.ObjectNotFound({ id }))
      failsWith((yield* run(Obj.destroy(id))).exit, new AvmError.ObjectNotFound({ id }))
    }))

  it.effect("what is no Val, in a call, a state, an argument and the input of a program (A35)", () =>
    Effect.gen(function*() {
      for (const [culprit, path, found] of noVals) {
        const val = culprit as Val.Val
        const error = (prefix: ReadonlyArray<string | number>) =>
          new AvmError.InvalidVal({ path: [...prefix, ...path], found })
        failsWith((yield* run(Effect.flatMap(Obj.create("echo"), (id) => Obj.call(id, val)))).exit, error([]))
        failsWith((yield* run(Introspect.setState(val))).exit, error([]))
        failsWith((yield* run(Pure.call("f", [1, val]))).exit, error([1]))
        const started = yield* Effect.exit(Avm.run(Effect.void, { input: val }))
        if (culprit !== undefined) assert.include(defect(started), found)
      }
    }))

  it.effect("outputs that are no list are a defect, outputs that are no Vals an error", () =>
    Effect.gen(function*() {
      const no = yield* run(Effect.flatMap(Obj.create("no-list"), (id) => Obj.call(id, 1)))
      assert.include(defect(no.exit), "no-list answers no list of outputs")
      const val = yield* run(Effect.flatMap(Obj.create("no-val"), (id) => Obj.call(id, 1)))
      failsWith(val.exit, new AvmError.InvalidVal({ path: [0, "ok", 0], found: "undefined" }))
    }))

  it.effect("a behaviour that throws is a defect, written into the trace (A39)", () =>
    Effect.gen(function*() {
      const { exit, trace } = yield* run(Effect.flatMap(Obj.create("throwing"), (id) => Obj.call(id, 1)))
      assert.include(defect(exit), "broken")
      assert.strictEqual(trace.at(-1)?.event._tag, "ErrorOccurred")
    }))

  it.effect("a behaviour that refuses (D7)", () =>
    Effect.gen(function*() {
      const { exit } = yield* run(Effect.flatMap(Obj.create("rejecting"), (id) => Obj.call(id, "please")))
      const error = failure(exit)
      assert(AvmError.isAvmError(error) && error._tag === "ObjectRejectedCall" && error.input === "please")
    }))

  it.effect("an input that the protocol cannot decode is InvalidInput, before anything runs (D7)", () =>
    Effect.gen(function*() {
      const inputs: ReadonlyArray<Val.Val> = ["Add", ["Add"], ["Add", { n: 0.5 }], ["Add", null], ["Nothing", null], [
        1,
        2,
        3
      ]]
      for (const input of inputs) {
        const { exit } = yield* run(Effect.flatMap(Clerk.create(), (clerk) => Obj.call(clerk.id, input)))
        const error = failure(exit)
        assert(AvmError.isAvmError(error) && error._tag === "InvalidInput")
        assert.deepStrictEqual(error.input, input)
      }
    }))

  it.effect("a payload that its schema refuses does not leave the caller (A30, A35)", () =>
    Effect.gen(function*() {
      const refused = Effect.flatMap(Clerk.create(), (clerk) => clerk.Add({ n: 0.5 }))
      const error = failure((yield* run(refused)).exit)
      assert(AvmError.isAvmError(error) && error._tag === "InvalidInput")
      assert.deepStrictEqual(error.input, ["Add", { n: 0.5 }])
      const noVal = Effect.flatMap(Clerk.create(), (clerk) => clerk.Add({ n: Number.NaN }))
      const second = failure((yield* run(noVal)).exit)
      assert(AvmError.isAvmError(second) && second._tag === "InvalidInput" && second.input === null)
    }))

  it.effect("a reference to an object of another behaviour answers InvalidInput (A35)", () =>
    Effect.gen(function*() {
      const { exit } = yield* run(Effect.flatMap(Obj.create("echo"), (id) => Clerk.ref(id).Add({ n: 1 })))
      const error = failure(exit)
      assert(AvmError.isAvmError(error) && error._tag === "InvalidInput")
    }))

  it.effect("InvalidInput says what is wrong with the message", () =>
    Effect.gen(function*() {
      const said = (call: (clerk: typeof Clerk.Ref.Type) => Effect.Effect<unknown, unknown, Obj.Obj>) =>
        Effect.gen(function*() {
          const { exit } = yield* run(Effect.flatMap(
            Clerk.create(),
            (clerk) => Effect.mapError(call(clerk), (error) => [clerk.id.value, String(error)] as const)
          ))
          const error = failure(exit)
          assert(Array.isArray(error))
          return String(error[1]).replace(String(error[0]), "o1")
        })
      assert.strictEqual(
        yield* said((clerk) => clerk.Add({ n: 1.5 })),
        `InvalidInput: o1 cannot take ["Add",{"n":1.5}]: the payload of Add: ["n"] Expected an integer, actual 1.5`
      )
      assert.strictEqual(
        yield* said(({ id }) => Obj.call(id, ["Add", { n: "many" }])),
        `InvalidInput: o1 cannot take ["Add",{"n":"many"}]: the payload of Add: ["n"] Expected number, actual "many"`
      )
      assert.strictEqual(
        yield* said(({ id }) => Obj.call(id, ["Subtract", null])),
        `InvalidInput: o1 cannot take ["Subtract",null]: Clerk has no message Subtract (it has Add, Fail, Throw, Lie, Spoil)`
      )
      assert.strictEqual(
        yield* said(({ id }) => Obj.call(id, 5)),
        "InvalidInput: o1 cannot take 5: a message to Clerk is [tag, payload] (it has Add, Fail, Throw, Lie, Spoil)"
      )
      assert.strictEqual(
        yield* said(({ id }) => Other.ref(id).Go()),
        `InvalidInput: o1 cannot take ["Go",null]: its behaviour is Clerk, not Other`
      )
    }))

  it.effect("a declared error reaches a typed caller as itself, a raw one as CalleeFailed", () =>
    Effect.gen(function*() {
      const typed = failure((yield* run(Effect.flatMap(Clerk.create(), (clerk) => clerk.Fail()))).exit)
      assert.isTrue(Equal.equals(typed, new Refused({ why: "closed" })))
      const raw = failure((yield* run(Effect.flatMap(Clerk.create(), ({ id }) => Obj.call(id, ["Fail", null])))).exit)
      assert(AvmError.isAvmError(raw) && raw._tag === "CalleeFailed")
      assert.deepStrictEqual(raw.error, { _tag: "Refused", why: "closed" })
    }))

  it.effect("a handler that throws, a success or a state that its schema refuses: defects of the behaviour (A30)", () =>
    Effect.gen(function*() {
      const call = <A, E, R>(f: (clerk: typeof Clerk.Ref.Type) => Effect.Effect<A, E, R>) =>
        Effect.flatMap(Clerk.create(), f)
      assert.include(defect((yield* run(call((clerk) => clerk.Throw()))).exit), "broken")
      assert.include(
        defect((yield* run(call((clerk) => clerk.Lie()))).exit),
        "The answer of Lie is refused by its own schema"
      )
      const spoilt = defect((yield* run(call((clerk) => clerk.Spoil()))).exit)
      assert.match(spoilt, /The new state of Clerk\(\S+\) is refused by its own schema/)
    }))

  it.effect("a failing call outside a transaction keeps what was done, inside one the transaction decides", () =>
    Effect.gen(function*() {
      const { exit } = yield* run(Effect.gen(function*() {
        const clerk = yield* Clerk.create({ controller: C1 })
        yield* Effect.exit(Tx.transact(Effect.zipRight(clerk.Add({ n: 5 }), clerk.Fail())))
        const afterAbort = yield* clerk.Add({ n: 0 })
        yield* Tx.transact(Effect.zipRight(clerk.Add({ n: 5 }), Effect.ignore(clerk.Fail())))
        return [afterAbort, yield* clerk.Add({ n: 0 })]
      }))
      assert.deepStrictEqual(exit, Exit.succeed([0, 5]))
    }))

  it.effect("a predicate that throws is ScryPredicateFailed with its message (D26)", () =>
    Effect.gen(function*() {
      const scry = Effect.zipRight(
        Obj.create("echo"),
        Reflect.scryMeta(() => {
          throw new Error("cannot look")
        })
      )
      const { exit } = yield* run(Effect.provide(scry, Avm.layerUnsafe(Reflect.UnsafeReflect)))
      const error = failure(exit)
      assert(error._tag === "ScryPredicateFailed" && error.message === "cannot look")
    }))

  it.effect("a pure function that throws is a defect of that function", () =>
    Effect.gen(function*() {
      const program = Effect.gen(function*() {
        yield* Pure.register("boom", () => {
          throw new Error("inside")
        })
        return yield* Pure.call("boom", [])
      })
      const { exit } = yield* run(Effect.provide(program, Avm.layerUnsafe(Pure.UnsafePure)))
      assert.include(defect(exit), "The pure function boom threw")
    }))

  it.effect("a program that ends with an open transaction has it aborted (D15)", () =>
    Effect.gen(function*() {
      const { exit, trace } = yield* run(Effect.gen(function*() {
        const keeper = yield* Obj.create("keeper", C1)
        yield* Tx.begin()
        yield* Obj.call(keeper, "lost")
        return keeper
      }))
      assert(Exit.isSuccess(exit))
      assert.strictEqual(trace.at(-1)?.event._tag, "TransactionAborted")
      const before = yield* Avm.run(Obj.call(exit.value, "kept"))
      assert.deepStrictEqual(before, Option.some("kept"))
    }))

  it.effect("a callee that leaves its transaction open: aborted, and the call fails (D15, A14)", () =>
    Effect.gen(function*() {
      const { exit, trace } = yield* run(Effect.flatMap(Obj.create("opening"), (id) => Obj.call(id, 1)))
      failsWith(exit, new AvmError.InvalidDuringTx({ what: "beginTx" }))
      assert.deepStrictEqual(trace.map(({ event }) => event._tag), [
        "ObjectCreated",
        "TransactionStarted",
        "TransactionAborted",
        "ErrorOccurred"
      ])
    }))

  it.effect("finishing what is not open (D13, A8)", () =>
    Effect.gen(function*() {
      const unknown = TxId.make("nothing")
      failsWith((yield* run(Tx.commit(unknown))).exit, new AvmError.NoActiveTx())
      failsWith(
        (yield* run(Effect.zipRight(Tx.begin(), Tx.abort(unknown)))).exit,
        new AvmError.TxNotFound({ tx: unknown })
      )
      const { exit } = yield* run(Effect.gen(function*() {
        const first = yield* Tx.begin()
        const nested = yield* Effect.either(Tx.begin())
        yield* Tx.commit(first)
        const second = yield* Tx.begin()
        const again = yield* Effect.either(Tx.commit(first))
        yield* Tx.abort(second)
        return [nested, again, yield* Effect.either(Tx.abort(second))].map((_) => _._tag === "Left" ? _.left._tag : "?")
      }))
      assert.deepStrictEqual(exit, Exit.succeed(["NestedTxNotSupported", "TxAlreadyCommitted", "TxAlreadyAborted"]))
    }))

  it.effect("interruption aborts the bracket, is not written as a failure, and restores the caller's frame (D15, A39)", () =>
    Effect.gen(function*() {
      const { exit, trace } = yield* run(Effect.gen(function*() {
        const keeper = yield* Obj.create("keeper", C1)
        const self = yield* Introspect.self
        const timedOut = yield* Effect.timeoutOption(
          Tx.transact(Effect.zipRight(Obj.call(keeper, "lost"), Effect.never)),
          "1 millis"
        ).pipe(Effect.withClock(liveClock))
        return [Option.isNone(timedOut), Equal.equals(self, yield* Introspect.self)]
      }))
      assert.deepStrictEqual(exit, Exit.succeed([true, true]))
      assert.strictEqual(trace.at(-1)?.event._tag, "TransactionAborted")
    }))
})

describe("two behaviours of one name", () => {
  it.effect("make the layer fail to build (A36); the same one twice is fine", () =>
    Effect.gen(function*() {
      const same = yield* Effect.exit(
        Effect.provide(Effect.provide(Avm.run(Obj.create("echo")), Echo), Echo).pipe(Effect.provide(Avm.layerMemory))
      )
      assert.isTrue(Exit.isSuccess(same))
      const Other = Behaviour.layerRaw("echo", Effect.succeed([]))
      const both = yield* Effect.exit(
        Avm.run(Obj.create("echo")).pipe(Effect.provide(Layer.merge(Echo, Other)), Effect.provide(Avm.layerMemory))
      )
      assert.include(defect(both), "Two behaviours are called echo")
    }))
})

describe("an instruction without a machine", () => {
  it.effect("is a defect that says so", () =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(Introspect.self as unknown as Effect.Effect<ObjectId.ObjectId>)
      assert.include(defect(exit), "run the program with Avm.run")
    }))
})
