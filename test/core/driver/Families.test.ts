/**
 * What stands around a call inside a behaviour holds for whom it calls, at any depth, and ends with it: a family of one's
 * own, an interceptor, the value of a FiberRef, a span. The ways to replace a family for a program: `Behaviour.test.ts`.
 */
import { Avm, Behaviour, Introspect, Obj, type Val } from "@effect-avm/core"
import { assert } from "@effect/vitest"
import { Effect, FiberRef, Layer, Option } from "effect"
import { machineOn, onEachStore, type StoreLayer } from "../../support/Stores.js"

/** The machine's own, but every state that is a number reads as `shift` more; in between it may wait. */
const shifted = (shift: number, wait: Effect.Effect<void>) =>
  Layer.effect(
    Introspect.Introspect,
    Effect.map(Introspect.Introspect, (introspect) =>
      Introspect.Introspect.of({
        ...introspect,
        getState: Effect.zipRight(
          wait,
          Effect.map(introspect.getState, (state) => typeof state === "number" ? state + shift : shift)
        )
      }))
  )

const setting = FiberRef.unsafeMake("unset")

/** What the innermost sees: its state, the FiberRef, the span. It leaves the FiberRef changed. */
const seen = Effect.gen(function*() {
  const state = yield* Introspect.getState
  const value = yield* FiberRef.getAndSet(setting, "set below")
  const span = yield* Effect.option(Effect.currentSpan)
  return [[state, value, Option.match(span, { onNone: () => "no span", onSome: ({ name }) => name })]]
})

/** As many calls down as its message says, then what is seen there. */
const Chain = Behaviour.layerRaw("chain", function*() {
  const depth = Number(yield* Introspect.input)
  if (depth === 0) return yield* seen
  return Option.toArray(yield* Obj.call(yield* Introspect.self, depth - 1))
})

const below = (depth: number) =>
  Effect.gen(function*() {
    return Option.getOrThrow(yield* Obj.call(yield* Obj.create("chain"), depth))
  })

/** What stands around a call of the behaviour in the middle: the test says. */
let around: (call: ReturnType<typeof below>) => Effect.Effect<
  Val.Val,
  Effect.Effect.Error<ReturnType<typeof below>>,
  Obj.Obj | Introspect.Introspect
> = (call) => call

/** Calls within `around`, then without; in the end it says what it sees itself. */
const Middle = Behaviour.layerRaw("middle", function*() {
  const depth = Number(yield* Introspect.input)
  yield* Introspect.setState(1)
  const inside = yield* around(below(depth))
  const after = yield* FiberRef.get(setting)
  yield* FiberRef.set(setting, "unset")
  const outside = yield* below(0)
  return [[inside, after, outside, yield* Introspect.getState]]
})

const run = (depth: number): Effect.Effect<unknown, unknown, Avm.Avm> =>
  Avm.run(Effect.flatMap(Obj.create("middle"), (id) => Effect.map(Obj.call(id, depth), Option.getOrThrow)))

const nothing: ReadonlyArray<unknown> = [[], "unset", "no span"]

const ways: ReadonlyArray<readonly [string, typeof around, ReadonlyArray<unknown>, string]> = [
  ["nothing", (call) => call, nothing, "set below"],
  ["a family", Effect.provide(shifted(10, Effect.void)), [10, "unset", "no span"], "set below"],
  ["a family that waits", Effect.provide(shifted(10, Effect.yieldNow())), [10, "unset", "no span"], "set below"],
  [
    "a family in a family",
    (call) => Effect.provide(Effect.provide(call, shifted(10, Effect.yieldNow())), shifted(100, Effect.void)),
    [110, "unset", "no span"],
    "set below"
  ],
  [
    "a family, and the first one again inside",
    (call) =>
      Effect.flatMap(
        Introspect.Introspect,
        (own) => Effect.provide(Effect.provideService(call, Introspect.Introspect, own), shifted(10, Effect.void))
      ),
    nothing,
    "set below"
  ],
  ["a value of a FiberRef", Effect.locally(setting, "local"), [[], "local", "no span"], "unset"],
  ["a span", Effect.withSpan("outer"), [[], "unset", "outer"], "set below"],
  [
    "all of them, in a fiber of its own",
    (call) =>
      Effect.provide(call, shifted(10, Effect.void)).pipe(
        Effect.withSpan("outer"),
        Effect.locally(setting, "local"),
        Effect.fork,
        Effect.flatten
      ),
    [10, "local", "outer"],
    "unset"
  ]
]

const machine = (store: StoreLayer) => Layer.provideMerge(Layer.merge(Chain, Middle), machineOn(store))

onEachStore("around a call in a behaviour", machine, (it) => {
  for (const [name, way, inside, after] of ways) {
    for (const depth of [0, 1, 125, 126, 127, 128, 129, 300]) {
      it.effect(`${name}: seen ${depth + 1} calls down, and no longer when it is over`, () =>
        Effect.gen(function*() {
          around = way
          assert.deepStrictEqual(yield* run(depth), [inside, after, nothing, 1])
        }))
    }
  }

  for (const depth of [0, 127, 300]) {
    it.effect(`a family for the machine holds ${depth + 1} calls down, and on top`, () =>
      Effect.gen(function*() {
        around = (call) => call
        const overridden = Avm.override(shifted(10, Effect.void))
        assert.deepStrictEqual(yield* Effect.provide(run(depth), overridden), [
          [10, "unset", "no span"],
          "set below",
          [10, "unset", "no span"],
          11
        ])
      }))

    it.effect(`an interceptor that waits stands around each instruction, ${depth + 1} calls down`, () =>
      Effect.gen(function*() {
        around = Effect.provide(shifted(10, Effect.void))
        const tags = new Map<string, number>()
        const counting = Avm.intercept((instruction, execute) =>
          Effect.zipRight(
            Effect.sync(() => tags.set(instruction._tag, (tags.get(instruction._tag) ?? 0) + 1)),
            Effect.zipRight(Effect.yieldNow(), execute)
          )
        )
        assert.deepStrictEqual(yield* Effect.provide(run(depth), counting), [
          [10, "unset", "no span"],
          "set below",
          nothing,
          1
        ])
        assert.deepStrictEqual(Object.fromEntries(tags), {
          "Obj.create": 3,
          "Obj.call": depth + 3,
          "Introspect.input": depth + 3,
          "Introspect.setState": 1,
          "Introspect.getState": 3,
          ...(depth === 0 ? {} : { "Introspect.self": depth })
        })
      }))
  }

  it.effect("a call that is replaced may answer in place of the callee, and call on", () =>
    Effect.gen(function*() {
      const cutting = Layer.effect(
        Obj.Obj,
        Effect.map(Obj.Obj, (obj) =>
          Obj.Obj.of({
            ...obj,
            call: (id, input, behaviour) =>
              input === 150 ? Effect.succeed(Option.some("cut")) : obj.call(id, input, behaviour)
          }))
      )
      around = Effect.provide(cutting)
      assert.deepStrictEqual(yield* run(300), ["cut", "unset", nothing, 1])
    }))
})
