/** Typed behaviours: what their messages and states are as `Val`s, what their handlers have, and what reaches them. */
import {
  Avm,
  Behaviour,
  Introspect,
  Obj,
  ObjectId,
  ObjectStore,
  Reflect,
  type TraceEvent,
  Tx,
  Val
} from "@effect-avm/core"
import * as Rpc from "@effect/rpc/Rpc"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Context, Deferred, Effect, Equal, Exit, Layer, Option, Ref, Schema } from "effect"
import { machineOn, onEachStore, type StoreLayer, stores } from "../support/Stores.js"

// ---------------------------------------------------------------------------
// what is shown
// ---------------------------------------------------------------------------

/** The messages that a run delivered, as `Val`s, with their first outputs. */
const called = (trace: ReadonlyArray<TraceEvent.TraceEntry>) =>
  trace.flatMap(({ event }) => event._tag === "ObjectCalled" ? [[event.input, Option.getOrNull(event.output)]] : [])

const sameVals = (actual: ReadonlyArray<unknown>, expected: ReadonlyArray<Val.Val>): void => {
  const vals = Effect.runSync(Val.fromUnknown(actual))
  assert.isTrue(Val.equals(vals, expected), `${Val.format(vals)} is not ${Val.format(expected)}`)
}

/** The state of an object as the store has it. */
const storedState = (id: ObjectId.ObjectId) =>
  Effect.gen(function*() {
    const store = yield* ObjectStore.ObjectStore
    const stored = Option.getOrThrow(yield* store.read(id, ObjectStore.latest))
    assert(stored._tag === "StoredObject")
    return stored.state
  })

const succeeded = <A, E>(exit: Exit.Exit<A, E>): A => {
  assert(Exit.isSuccess(exit), Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "")
  return exit.value
}

const defect = <A, E>(exit: Exit.Exit<A, E>): string => {
  assert(Exit.isFailure(exit), "it succeeded")
  return String(Option.getOrThrow(Cause.dieOption(exit.cause)))
}

// ---------------------------------------------------------------------------
// codecs
// ---------------------------------------------------------------------------

class Order extends Schema.Class<Order>("Order")({
  item: Schema.NonEmptyString,
  count: Schema.Int.pipe(Schema.propertySignature, Schema.withConstructorDefault(() => 1))
}) {
  get label(): string {
    return `${this.count} x ${this.item}`
  }
}

const Friend = Behaviour.make("Friend", {
  state: Schema.Int,
  initial: 0,
  protocol: [Rpc.make("Greet", { success: Schema.Int })]
})

const FriendLive = Friend.toLayer({ Greet: () => Friend.updateState((n) => n + 1) })

class Late extends Schema.TaggedError<Late>()("Late", {
  since: Schema.Date,
  who: ObjectId.ObjectId,
  missing: Schema.optional(Schema.String)
}) {}

const Shape = Schema.Union(
  Schema.TaggedStruct("Circle", { radius: Schema.Number }),
  Schema.TaggedStruct("Of", { owner: ObjectId.ObjectId })
)

const Memory = Behaviour.make("Memory", {
  state: Schema.Struct({
    since: Schema.Date,
    sum: Schema.BigInt,
    known: Schema.Array(ObjectId.ObjectId),
    friends: Schema.Array(Friend.Ref),
    note: Schema.optionalWith(Schema.String, { exact: true })
  }),
  initial: { since: new Date(0), sum: 0n, known: [], friends: [] },
  protocol: [
    Rpc.make("Since", { payload: { now: Schema.Date }, success: Schema.Date }),
    Rpc.make("Add", { payload: { n: Schema.BigInt, raw: Schema.BigIntFromSelf }, success: Schema.BigIntFromSelf }),
    Rpc.make("Bytes", { payload: { bytes: Schema.Uint8ArrayFromSelf }, success: Schema.Uint8ArrayFromSelf }),
    Rpc.make("Know", {
      payload: {
        who: ObjectId.ObjectId,
        more: Schema.Array(Schema.Tuple(Schema.String, ObjectId.ObjectId)),
        maybe: Schema.optional(Schema.NullOr(ObjectId.ObjectId))
      },
      success: Schema.Array(ObjectId.ObjectId)
    }),
    Rpc.make("Befriend", { payload: { friend: Friend.Ref }, success: Friend.Ref }),
    Rpc.make("GreetAll", { success: Schema.Array(Schema.Int) }),
    Rpc.make("Note", {
      payload: { note: Schema.optional(Schema.String), or: Schema.UndefinedOr(Schema.String) },
      success: Schema.Array(Schema.String)
    }),
    Rpc.make("Find", { payload: { key: Schema.String }, success: Schema.OptionFromNullOr(Schema.String) }),
    Rpc.make("Maybe", { payload: Schema.UndefinedOr(Schema.Int), success: Schema.UndefinedOr(Schema.Int) }),
    Rpc.make("Nothing"),
    Rpc.make("Null", { payload: Schema.Null, success: Schema.Null }),
    Rpc.make("Default", {
      payload: Schema.Struct({
        times: Schema.Int.pipe(Schema.propertySignature, Schema.withConstructorDefault(() => 2)),
        sign: Schema.optionalWith(Schema.String, { default: () => "+" })
      }),
      success: Schema.String
    }),
    Rpc.make("Draw", { payload: Shape, success: Schema.String }),
    Rpc.make("Take", { payload: Order, success: Schema.String }),
    Rpc.make("Wait", { error: Late })
  ]
})

const MemoryLive = Memory.toLayer({
  *Since({ now }) {
    const { since } = yield* Memory.state
    yield* Memory.updateState((state) => ({ ...state, since: now }))
    return since
  },
  Add: ({ n, raw }) =>
    Effect.map(Memory.updateState((state) => ({ ...state, sum: state.sum + n + raw })), ({ sum }) => sum),
  Bytes: ({ bytes }) => Effect.succeed(bytes.map((byte) => byte + 1)),
  *Know({ maybe, more, who }) {
    const found = [who, ...more.map(([, id]) => id), ...(maybe === undefined || maybe === null ? [] : [maybe])]
    const { known } = yield* Memory.updateState((state) => ({ ...state, known: [...state.known, ...found] }))
    return known
  },
  *Befriend({ friend }) {
    yield* Memory.updateState((state) => ({ ...state, friends: [...state.friends, friend] }))
    return friend
  },
  GreetAll: () =>
    Effect.flatMap(Memory.state, ({ friends }) => Effect.forEach(friends, (friend) => Effect.orDie(friend.Greet()))),
  *Note(payload) {
    yield* Memory.updateState((state) => ({ ...state, ...payload.note === undefined ? {} : { note: payload.note } }))
    return Object.keys(payload)
  },
  Find: ({ key }) => Effect.succeed(key === "here" ? Option.some("found") : Option.none()),
  Maybe: (n) => Effect.succeed(n === undefined ? undefined : n + 1),
  Nothing: () => Effect.void,
  Null: (nothing) => Effect.succeed(nothing),
  Default: ({ sign, times }) => Effect.succeed(sign.repeat(times)),
  Draw: (shape) => Effect.succeed(shape._tag === "Circle" ? `circle ${shape.radius}` : `of ${shape.owner.value}`),
  Take: (order) => Effect.succeed(`${order instanceof Order}: ${order.label}`),
  *Wait() {
    return yield* new Late({ since: new Date(1), who: yield* Introspect.self })
  }
})

type MemoryRef = typeof Memory.Ref.Type

const remembering = (store: StoreLayer) => Layer.provideMerge(Layer.mergeAll(MemoryLive, FriendLive), machineOn(store))

onEachStore("messages and states as Vals", remembering, (it) => {
  const traced = <A, E>(use: (memory: MemoryRef) => Effect.Effect<A, E, Obj.Obj>) =>
    Effect.gen(function*() {
      const memory = yield* Avm.run(Memory.create())
      const { exit, trace } = yield* Avm.runTraced(use(memory))
      return { memory, exit, called: called(trace) }
    })

  it.effect("a Date travels as text, also in the state", () =>
    Effect.gen(function*() {
      const { called, exit, memory } = yield* traced((memory) => memory.Since({ now: new Date(86400000) }))
      assert.deepStrictEqual(succeeded(exit), new Date(0))
      sameVals(called, [[["Since", { now: "1970-01-02T00:00:00.000Z" }], "1970-01-01T00:00:00.000Z"]])
      sameVals([yield* storedState(memory.id)], [
        { since: "1970-01-02T00:00:00.000Z", sum: "0", known: [], friends: [] }
      ])
    }))

  it.effect("a bigint as the schema says, as text or as itself; bytes are bytes", () =>
    Effect.gen(function*() {
      const big = 2n ** 70n
      const sum = yield* traced((memory) => memory.Add({ n: big, raw: 1n }))
      assert.strictEqual(succeeded(sum.exit), big + 1n)
      sameVals(sum.called, [[["Add", { n: String(big), raw: 1n }], big + 1n]])
      const bytes = yield* traced((memory) => memory.Bytes({ bytes: new Uint8Array([1, 255]) }))
      assert.deepStrictEqual(succeeded(bytes.exit), new Uint8Array([2, 0]))
      sameVals(bytes.called, [[["Bytes", { bytes: new Uint8Array([1, 255]) }], new Uint8Array([2, 0])]])
    }))

  it.effect("an object id stays a reference, wherever it is in a message, an answer or a state", () =>
    Effect.gen(function*() {
      const [a, b, c] = [ObjectId.make("a"), ObjectId.make("b"), ObjectId.make("c")]
      const { called, exit, memory } = yield* traced((memory) => memory.Know({ who: a, more: [["b", b]], maybe: c }))
      assert.deepStrictEqual(succeeded(exit).map(({ value }) => value), ["a", "b", "c"])
      sameVals(called, [[["Know", { who: a, more: [["b", b]], maybe: c }], [a, b, c]]])
      const state = yield* storedState(memory.id)
      assert.isTrue(Val.equals(state, { since: "1970-01-01T00:00:00.000Z", sum: "0", known: [a, b, c], friends: [] }))
    }))

  it.effect("a typed reference in a payload, an answer and a state is one, and can be called", () =>
    Effect.gen(function*() {
      const friend = yield* Avm.run(Friend.create())
      const { called, exit, memory } = yield* traced((memory) =>
        Effect.gen(function*() {
          const same = yield* memory.Befriend({ friend })
          yield* same.Greet()
          return [same, yield* memory.GreetAll()] as const
        })
      )
      const [same, greeted] = succeeded(exit)
      assert.isTrue(Equal.equals(same, friend))
      assert.deepStrictEqual(greeted, [2])
      sameVals(called.slice(0, 1), [[["Befriend", { friend: friend.id }], friend.id]])
      const state = yield* storedState(memory.id)
      assert.isTrue(Val.equals((state as { readonly friends: Val.Val }).friends, [friend.id]))
    }))

  it.effect("what is optional and not there is no key; what is undefined neither", () =>
    Effect.gen(function*() {
      const none = yield* traced((memory) => memory.Note({ or: undefined }))
      sameVals(none.called.map(([input]) => input), [["Note", {}]])
      const explicit = yield* traced((memory) => memory.Note({ note: undefined, or: undefined }))
      sameVals(explicit.called.map(([input]) => input), [["Note", {}]])
      sameVals([yield* storedState(explicit.memory.id)], [
        { since: "1970-01-01T00:00:00.000Z", sum: "0", known: [], friends: [] }
      ])
      const both = yield* traced((memory) => memory.Note({ note: "n", or: "o" }))
      sameVals(both.called.map(([input]) => input), [["Note", { note: "n", or: "o" }]])
      assert.sameMembers([...succeeded(both.exit)], ["note", "or"])
      const whole = yield* traced((memory) => Effect.all([memory.Maybe(undefined), memory.Maybe(1)]))
      assert.deepStrictEqual(succeeded(whole.exit), [undefined, 2])
      sameVals(whole.called, [[["Maybe", null], null], [["Maybe", 1], 2]])
    }))

  it.effect("nothing as payload and as answer is null", () =>
    Effect.gen(function*() {
      const { called, exit } = yield* traced((memory) =>
        Effect.all([
          Effect.asVoid(memory.Nothing()),
          memory.Null(null),
          memory.Find({ key: "gone" }),
          memory.Find({ key: "here" })
        ])
      )
      assert.deepStrictEqual(succeeded(exit), [undefined, null, Option.none(), Option.some("found")])
      sameVals(called.slice(0, 3), [
        [["Nothing", null], null],
        [["Null", null], null],
        [["Find", { key: "gone" }], null]
      ])
    }))

  it.effect("defaults are filled in by whoever sends, and by whoever decodes", () =>
    Effect.gen(function*() {
      const { called, exit } = yield* traced((memory) =>
        Effect.all([
          memory.Default({}),
          memory.Default({ times: 3, sign: "-" }),
          Effect.map(Obj.call(memory.id, ["Default", { times: 1 }]), Option.getOrNull)
        ])
      )
      assert.deepStrictEqual(succeeded(exit), ["++", "---", "+"])
      sameVals(called.map(([input]) => input), [
        ["Default", { times: 2, sign: "+" }],
        ["Default", { times: 3, sign: "-" }],
        ["Default", { times: 1 }]
      ])
    }))

  it.effect("a payload may be a union", () =>
    Effect.gen(function*() {
      const owner = ObjectId.make("a")
      const { called, exit } = yield* traced((memory) =>
        Effect.all([memory.Draw({ _tag: "Circle", radius: 2 }), memory.Draw({ _tag: "Of", owner })])
      )
      assert.deepStrictEqual(succeeded(exit), ["circle 2", "of a"])
      sameVals(called.map(([input]) => input), [
        ["Draw", { _tag: "Circle", radius: 2 }],
        ["Draw", { _tag: "Of", owner }]
      ])
    }))

  it.effect("a payload may be a class: the handler has an instance, the message its fields", () =>
    Effect.gen(function*() {
      const { called, exit } = yield* traced((memory) =>
        Effect.all([memory.Take(new Order({ item: "nut" })), memory.Take({ item: "bolt", count: 2 })])
      )
      assert.deepStrictEqual(succeeded(exit), ["true: 1 x nut", "true: 2 x bolt"])
      sameVals(called.map(([input]) => input), [
        ["Take", { item: "nut", count: 1 }],
        ["Take", { item: "bolt", count: 2 }]
      ])
      const refused = yield* traced((memory) => Effect.flip(memory.Take({ item: "" })))
      assert.strictEqual(succeeded(refused.exit)._tag, "InvalidInput")
      assert.isEmpty(refused.called)
    }))

  it.effect("a declared error is encoded like the rest, and is itself again at a typed caller", () =>
    Effect.gen(function*() {
      const { exit, memory } = yield* traced((memory) =>
        Effect.all([Effect.flip(memory.Wait()), Effect.flip(Obj.call(memory.id, ["Wait", null]))])
      )
      const [typed, raw] = succeeded(exit)
      assert(typed._tag === "Late")
      assert.instanceOf(typed, Late)
      assert.deepStrictEqual([typed.since, typed.who.value], [new Date(1), memory.id.value])
      assert(raw._tag === "CalleeFailed")
      sameVals([raw.error], [{ _tag: "Late", since: "1970-01-01T00:00:00.001Z", who: memory.id }])
    }))

  it.effect("a message that is no payload of it is InvalidInput: a reference is not its text", () =>
    Effect.gen(function*() {
      const inputs: ReadonlyArray<Val.Val> = [
        ["Know", { who: "a", more: [] }],
        ["Befriend", { friend: "a" }],
        ["Since", { now: "yesterday" }],
        ["Draw", { _tag: "Square" }],
        ["Take", { item: "", count: 1 }],
        ["Nobody", null]
      ]
      for (const input of inputs) {
        const { exit } = yield* traced((memory) => Effect.flip(Obj.call(memory.id, input)))
        assert.strictEqual(succeeded(exit)._tag, "InvalidInput", Val.format(input))
      }
    }))
})

// ---------------------------------------------------------------------------
// handlers
// ---------------------------------------------------------------------------

class Tariff extends Context.Tag("test/Tariff")<Tariff, { readonly of: (amount: number) => number }>() {}

const Till = Behaviour.make("Till", {
  state: Schema.Int,
  initial: 0,
  protocol: [
    Rpc.make("Pay", { payload: { amount: Schema.Int }, success: Schema.Int }),
    Rpc.make("PayEffect", { payload: { amount: Schema.Int }, success: Schema.Int })
  ]
})

const tillHandlers = Till.of({
  *Pay({ amount }) {
    const tariff = yield* Tariff
    return yield* Till.updateState((sum) => sum + tariff.of(amount))
  },
  PayEffect: ({ amount }) => Effect.flatMap(Tariff, (tariff) => Till.updateState((sum) => sum + tariff.of(amount)))
})

const tariff = (factor: number) => Layer.succeed(Tariff, { of: (amount) => amount * factor })

describe.each(stores)("handlers (%s)", (_, store) => {
  it.effect("have the services that their layer was built with, whatever the caller has", () =>
    Effect.gen(function*() {
      const sum = yield* Avm.run(Effect.gen(function*() {
        const till = yield* Till.create()
        yield* till.Pay({ amount: 2 })
        return yield* Effect.provide(till.Pay({ amount: 2 }), tariff(1000))
      }))
      assert.strictEqual(sum, 40)
    }).pipe(
      Effect.provide(Layer.provide(Till.toLayer(tillHandlers), tariff(10))),
      Effect.provide(machineOn(store))
    ))

  it.effect("are the same as generators and as functions to an Effect", () =>
    Effect.gen(function*() {
      const { exit, trace } = yield* Avm.runTraced(Effect.gen(function*() {
        const till = yield* Till.create()
        return [yield* till.Pay({ amount: 1 }), yield* till.PayEffect({ amount: 1 }), yield* till.Pay({ amount: 1 })]
      }))
      assert.deepStrictEqual(succeeded(exit), [1, 2, 3])
      assert.deepStrictEqual(trace.map(({ event }) => event._tag), [
        "ObjectCreated",
        "StateUpdated",
        "ObjectCalled",
        "StateUpdated",
        "ObjectCalled",
        "StateUpdated",
        "ObjectCalled"
      ])
    }).pipe(
      Effect.provide(Layer.provide(Till.toLayer(tillHandlers), tariff(1))),
      Effect.provide(machineOn(store))
    ))

  it.effect("may be built by an Effect, whose scope is that of the layer", () =>
    Effect.gen(function*() {
      const log = yield* Ref.make<ReadonlyArray<string>>([])
      const say = (what: string) => Ref.update(log, (_) => [..._, what])
      const built = Effect.gen(function*() {
        const { of } = yield* Tariff
        yield* Effect.acquireRelease(say("open"), () => say("closed"))
        const seen = yield* Ref.make(0)
        return Till.of({
          *Pay({ amount }) {
            yield* say("pay")
            return of(amount) + (yield* Ref.updateAndGet(seen, (n) => n + 1))
          },
          PayEffect: () => Ref.get(seen)
        })
      })
      const answers = yield* Avm.run(Effect.gen(function*() {
        const [one, two] = [yield* Till.create(), yield* Till.create()]
        return [yield* one.Pay({ amount: 1 }), yield* two.Pay({ amount: 1 }), yield* one.PayEffect({ amount: 0 })]
      })).pipe(
        Effect.provide(Layer.provide(Till.toLayer(built), tariff(10))),
        Effect.provide(machineOn(store))
      )
      assert.deepStrictEqual(answers, [11, 12, 2])
      assert.deepStrictEqual(yield* Ref.get(log), ["open", "pay", "pay", "closed"])
    }))

  it.effect("whose building fails make the layer fail", () =>
    Effect.gen(function*() {
      const failing: Effect.Effect<typeof tillHandlers, string> = Effect.fail("no licence")
      const error = yield* Avm.run(Till.create()).pipe(
        Effect.provide(Layer.provide(Till.toLayer(failing), tariff(1))),
        Effect.provide(machineOn(store)),
        Effect.flip
      )
      assert.strictEqual(error, "no licence")
    }))
})

// ---------------------------------------------------------------------------
// behaviours that know one another
// ---------------------------------------------------------------------------

interface PingMethods {
  readonly Ping: (payload: { readonly n: number }) => Effect.Effect<number, Obj.CallError, Obj.Obj>
}

const Ping = Behaviour.make("Ping", {
  state: Schema.Null,
  initial: null,
  protocol: [
    Rpc.make("Ping", { payload: { n: Schema.Int }, success: Schema.Int }),
    Rpc.make("Me", { success: ObjectId.ObjectId }),
    Rpc.make("ByMyself", { payload: { n: Schema.Int }, success: Schema.Int })
  ]
})

const Pong = Behaviour.make("Pong", {
  state: Schema.Null,
  initial: null,
  protocol: [Rpc.make("Pong", { payload: { n: Schema.Int, ping: Ping.Ref }, success: Schema.Int })]
})

const PingLive = Ping.toLayer({
  *Ping({ n }) {
    if (n <= 0) return 0
    const pong = yield* Effect.orDie(Pong.create())
    return 1 + (yield* pong.Pong({ n: n - 1, ping: yield* Ping.self }))
  },
  Me: () => Effect.map(Ping.self, ({ id }) => id),
  *ByMyself({ n }) {
    const self: PingMethods = yield* Ping.self
    return yield* self.Ping({ n })
  }
})

const PongLive = Pong.toLayer({
  *Pong({ n, ping }) {
    return 1 + (yield* ping.Ping({ n: n - 1 }))
  }
})

const cycle = (store: StoreLayer) => Layer.provideMerge(Behaviour.layerAll(PingLive, PongLive), machineOn(store))

onEachStore("a cycle", cycle, (it) => {
  it.effect("of behaviours that create and call each other is merged by layerAll", () =>
    Effect.gen(function*() {
      const rounds = yield* Avm.run(Effect.flatMap(Ping.create(), (ping) => ping.Ping({ n: 5 })))
      assert.strictEqual(rounds, 6)
    }))

  it.effect("Behaviour.self is the running object, and may be called like any other", () =>
    Effect.gen(function*() {
      const { called: calls, ping, result } = yield* Effect.gen(function*() {
        const ping = yield* Avm.run(Ping.create())
        const { exit, trace } = yield* Avm.runTraced(Effect.all([ping.Me(), ping.ByMyself({ n: 0 })]))
        return { ping, result: succeeded(exit), called: called(trace) }
      })
      assert.isTrue(Equal.equals(result[0], ping.id))
      assert.strictEqual(result[1], 0)
      sameVals(calls, [[["Me", null], ping.id], [["Ping", { n: 0 }], 0], [["ByMyself", { n: 0 }], 0]])
    }))
})

// ---------------------------------------------------------------------------
// families, inside and out
// ---------------------------------------------------------------------------

const Echo = Behaviour.layerRaw("echo", Effect.map(Introspect.input, (input) => [input]))

/** Passes `[id, message]` on. */
const Relay = Behaviour.layerRaw("relay", function*() {
  const input = yield* Introspect.input
  assert(Array.isArray(input) && ObjectId.isObjectId(input[0]))
  return Option.toArray(yield* Obj.call(input[0], input[1] ?? null))
})

const Peeping = Behaviour.layerRaw("peeping", function*() {
  const found = yield* Reflect.scryMeta(() => true)
  return [found.length]
})

/** What the compiler asks a grant for, without the grant. */
const peep = Reflect.scryMeta(() => true) as unknown as Effect.Effect<ReadonlyArray<unknown>>

const Sneaking = Layer.merge(
  Behaviour.layerRaw("sneaking", function*() {
    return [(yield* peep).length]
  }),
  Behaviour.layerRaw("sneaking effect", Effect.map(peep, (found) => [found.length]))
)

const GrantedPeeping = Layer.provide(Peeping, Avm.layerUnsafe(Reflect.UnsafeReflect))

const world = (store: StoreLayer) =>
  Layer.provideMerge(Layer.mergeAll(Echo, Relay, Sneaking, GrantedPeeping), machineOn(store))

/** Writes down every call. */
const logged = (log: Array<Val.Val>) =>
  Layer.effect(
    Obj.Obj,
    Effect.map(Obj.Obj, (obj) =>
      Obj.Obj.of({
        ...obj,
        call: (id, input, behaviour) =>
          Effect.tap(obj.call(id, input, behaviour), () => Effect.sync(() => log.push(input)))
      }))
  )

const twice = Effect.gen(function*() {
  const [relay, echo] = [yield* Obj.create("relay"), yield* Obj.create("echo")]
  return yield* Obj.call(relay, [echo, "hello"])
})

onEachStore("families", world, (it) => {
  it.effect("one that is replaced for a part of a program is replaced for whom that part calls, and no longer", () =>
    Effect.gen(function*() {
      const log: Array<Val.Val> = []
      yield* Avm.run(Effect.zipRight(Effect.provide(twice, logged(log)), twice))
      assert.deepStrictEqual(log.length, 2)
      assert.strictEqual(log[0], "hello")
    }))

  it.effect("one that is replaced for the machine is replaced in every program and behaviour", () =>
    Effect.gen(function*() {
      const log: Array<Val.Val> = []
      yield* Effect.provide(Effect.zipRight(Avm.run(twice), Avm.run(twice)), Avm.override(logged(log)))
      assert.deepStrictEqual(log.length, 4)
      yield* Avm.run(twice)
      assert.deepStrictEqual(log.length, 4)
    }))

  it.effect("an interceptor sees every instruction, also those of behaviours, and of granted families", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const recorded = Avm.intercept((instruction, execute) =>
        Effect.ensuring(execute, Effect.sync(() => seen.push(instruction._tag)))
      )
      const program = Effect.gen(function*() {
        yield* twice
        yield* Effect.either(Obj.create("nobody"))
        yield* Tx.transact(Introspect.setState(1))
        yield* Effect.provide(Reflect.reflect(ObjectId.make("x")), Avm.layerUnsafe(Reflect.UnsafeReflect))
      })
      yield* Effect.provide(Avm.run(program), recorded)
      assert.deepStrictEqual(seen, [
        "Obj.create",
        "Obj.create",
        "Introspect.input",
        "Introspect.input",
        "Obj.call",
        "Obj.call",
        "Obj.create",
        "Tx.begin",
        "Introspect.setState",
        "Tx.commit",
        "Reflect.reflect"
      ])
    }))

  it.effect("an interceptor may refuse in place of the machine", () =>
    Effect.gen(function*() {
      const refusing = Avm.intercept((instruction, execute) =>
        instruction._tag === "Introspect.input" ? Effect.die("not today") : execute
      )
      assert.include(defect(yield* Effect.provide(Effect.exit(Avm.run(twice)), refusing)), "not today")
      assert.deepStrictEqual(yield* Avm.run(twice), Option.some("hello"))
    }))

  it.effect("an unsafe one that the caller was granted does not leak to whom it calls", () =>
    Effect.gen(function*() {
      for (const behaviour of ["sneaking", "sneaking effect"]) {
        const program = Effect.gen(function*() {
          const id = yield* Obj.create(behaviour)
          assert.isAbove((yield* Reflect.scryMeta(() => true)).length, 0)
          return yield* Obj.call(id, null)
        })
        const exit = yield* Effect.exit(Avm.run(Effect.provide(program, Avm.layerUnsafe(Reflect.UnsafeReflect))))
        assert.include(
          defect(exit),
          "Reflect.scryMeta is unsafe and not granted here: provide Avm.layerUnsafe(Reflect.UnsafeReflect)",
          behaviour
        )
      }
    }))

  it.effect("one that was granted to the layer of a behaviour is its own, whoever calls", () =>
    Effect.gen(function*() {
      const answer = yield* Avm.run(Effect.flatMap(Obj.create("peeping"), (id) => Obj.call(id, null)))
      assert.isAbove(Number(Option.getOrThrow(answer)), 0)
    }))
})

// ---------------------------------------------------------------------------
// concurrency
// ---------------------------------------------------------------------------

const Worker = Behaviour.layerRaw("worker", function*() {
  yield* Effect.yieldNow()
  const sender = yield* Introspect.sender
  yield* Effect.yieldNow()
  return [[yield* Introspect.self, Option.getOrNull(sender), yield* Introspect.input]]
})

const Boss = Behaviour.layerRaw("boss", function*() {
  const workers = yield* Effect.replicateEffect(Obj.create("worker"), 5)
  const answers = yield* Effect.forEach(
    workers,
    (worker, n) => Effect.map(Obj.call(worker, n), (answer) => [worker, Option.getOrNull(answer)]),
    { concurrency: "unbounded" }
  )
  return [[yield* Introspect.self, answers]]
})

/** Waits inside a call until another fiber of the same handler has made its own. */
const Meeting = Behaviour.layerRaw("meeting", function*() {
  const first = yield* Deferred.make<void>()
  const [boss, worker] = [yield* Obj.create("boss"), yield* Obj.create("worker")]
  const self = yield* Introspect.self
  const frames = yield* Effect.all([
    Effect.zipRight(Deferred.await(first), Effect.zipRight(Obj.call(boss, null), Introspect.self)),
    Effect.zipRight(Obj.call(worker, null), Effect.zipLeft(Introspect.self, Deferred.succeed(first, undefined)))
  ], { concurrency: "unbounded" })
  return [frames.every((frame) => Equal.equals(frame, self))]
})

const meeting = (store: StoreLayer) => Layer.provideMerge(Layer.mergeAll(Worker, Boss, Meeting), machineOn(store))

onEachStore("concurrency in a handler", meeting, (it) => {
  it.effect("does not mix the frames of what is called", () =>
    Effect.gen(function*() {
      const answer = yield* Avm.run(Effect.flatMap(Obj.create("boss"), (boss) => Obj.call(boss, null)))
      const [boss, workers] = Option.getOrThrow(answer) as readonly [
        Val.Val,
        ReadonlyArray<readonly [Val.Val, Val.Val]>
      ]
      assert.strictEqual(workers.length, 5)
      workers.forEach(([worker, seen], n) => sameVals([seen], [[worker, boss, n]]))
    }))

  it.effect("does not mix the frames of its own fibers, also in a bracket", () =>
    Effect.gen(function*() {
      const program = Effect.flatMap(Obj.create("meeting"), (meeting) => Obj.call(meeting, null))
      assert.deepStrictEqual(yield* Avm.run(program), Option.some(true))
      assert.deepStrictEqual(yield* Avm.run(Tx.transact(program)), Option.some(true))
    }))
})
