/** Failures and defects pass through the calls of others: `try` never sees them, Effect's operators always do. */
import { Avm, AvmError, Behaviour, Introspect, Obj, Pure, type Val } from "@effect-avm/core"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Either, Exit, Layer, Option } from "effect"
import { machineOn, onEachStore, type StoreLayer, stores } from "../../support/Stores.js"

const failure = new AvmError.FunctionNotFound({ name: "lost" })
const defect = new Error("broken")

const Failing = Behaviour.layerRaw("failing", function*() {
  yield* Introspect.setState("begun")
  return yield* Effect.fail(failure)
})
const Throwing = Behaviour.layerRaw("throwing", function*() {
  yield* Introspect.setState("begun")
  throw defect
})
/** Fails after it has waited, so that the driver has left the stack. */
const FailingLate = Behaviour.layerRaw("failing late", function*() {
  yield* Effect.yieldNow()
  return yield* Effect.fail(failure)
})
const ThrowingLate = Behaviour.layerRaw("throwing late", function*() {
  yield* Effect.yieldNow()
  throw defect
})
/** Fails by the answer of an instruction. */
const Asking = Behaviour.layerRaw("asking", function*() {
  yield* Obj.create("nobody")
  return []
})

/** The name of the behaviour to call is its input; what it calls is made anew. */
const callNamed = Effect.flatMap(
  Introspect.input,
  (name) => Effect.flatMap(Obj.create(String(name)), (id) => Obj.call(id, null))
)

const seen: Array<unknown> = []

const Trying = Behaviour.layerRaw("trying", function*() {
  const id = yield* Obj.create(String(yield* Introspect.input))
  try {
    yield* Obj.call(id, null)
  } catch (error) {
    seen.push(error)
  } finally {
    // As in Effect.gen, a generator that failed is left where it stands.
    seen.push("finally")
  }
  return ["went on"]
})

/** Catches below, and says where it is before and after. */
const Catching = Behaviour.layerRaw("catching", function*() {
  const before = [yield* Introspect.self, yield* Introspect.input]
  const id = yield* Obj.create(String(yield* Introspect.input))
  const caught = yield* Effect.catchTags(Effect.as(Obj.call(id, null), "nothing"), {
    FunctionNotFound: ({ name }) => Effect.succeed(name),
    BehaviourNotFound: ({ name }) => Effect.map(Introspect.self, (self) => self === before[0] ? name : "elsewhere")
  })
  const after = [yield* Introspect.self, yield* Introspect.input]
  yield* Introspect.setState(caught)
  assert.deepStrictEqual(after, before)
  return [caught]
})

/** Looks at how the call has ended. */
const Looking = Behaviour.layerRaw("looking", function*() {
  const self = yield* Introspect.self
  const exit = yield* Effect.exit(callNamed)
  seen.push(exit)
  return [self === (yield* Introspect.self)]
})

const Passing = Behaviour.layerRaw("passing", function*() {
  return Option.toArray(yield* Obj.call(yield* Obj.create("looking"), yield* Introspect.input))
})

/** An error of its own in place of the callee's, by throwing what it caught itself. */
const Own = Behaviour.layerRaw("own", function*() {
  try {
    yield* Introspect.self
    throw new Error("of its own")
  } catch (error) {
    yield* Effect.yieldNow()
    return [String(error)]
  } finally {
    yield* Introspect.setState("finally")
  }
})

const behaviours = Layer.mergeAll(
  Failing,
  Throwing,
  FailingLate,
  ThrowingLate,
  Asking,
  Trying,
  Catching,
  Looking,
  Passing,
  Own
)

const machine = (store: StoreLayer) => Layer.provideMerge(behaviours, machineOn(store))

const call = (behaviour: string, input: string) => Effect.flatMap(Obj.create(behaviour), (id) => Obj.call(id, input))

onEachStore("a callee that", machine, (it) => {
  for (const [name, expected] of [["failing", failure], ["failing late", failure]] as const) {
    it.effect(`is ${name}: its caller's try does not see it, and the failure is the call's`, () =>
      Effect.gen(function*() {
        seen.length = 0
        const error = yield* Effect.flip(Avm.run(call("trying", name)))
        assert.strictEqual(error, expected)
        assert.deepStrictEqual(seen, [])
      }))
  }

  for (const name of ["throwing", "throwing late"]) {
    it.effect(`is ${name}: its caller's try does not see it, and the defect is the call's`, () =>
      Effect.gen(function*() {
        seen.length = 0
        const exit = yield* Effect.exit(Avm.run(call("trying", name)))
        assert(Exit.isFailure(exit))
        assert.deepStrictEqual([...Cause.defects(exit.cause)], [defect])
        assert.isTrue(Option.isNone(Cause.failureOption(exit.cause)))
        assert.deepStrictEqual(seen, [])
      }))

    it.effect(`is ${name}: it can be caught as a defect, and as nothing else`, () =>
      Effect.gen(function*() {
        const caught = Effect.catchAllDefect(call("trying", name), (found) => Effect.succeed(found))
        assert.strictEqual(yield* Avm.run(caught), defect)
        const exit = yield* Effect.exit(Avm.run(Effect.either(call("trying", name))))
        assert.isTrue(Exit.isFailure(exit))
      }))
  }

  for (const [name, caught] of [["failing", "lost"], ["failing late", "lost"], ["asking", "nobody"]] as const) {
    it.effect(`is ${name}: catchTags around the call catches it, in the caller's frame, which goes on`, () =>
      Effect.gen(function*() {
        const answer = yield* Avm.run(call("catching", name))
        assert.deepStrictEqual(answer, Option.some(caught))
      }))
  }

  it.effect("ends in whatever way: an exit in the middle has it, and the frames above are where they were", () =>
    Effect.gen(function*() {
      for (const name of ["failing", "failing late", "throwing", "throwing late", "asking", "own"]) {
        seen.length = 0
        assert.deepStrictEqual(yield* Avm.run(call("passing", name)), Option.some(true), name)
        const [exit] = seen as ReadonlyArray<Exit.Exit<unknown, AvmError.AvmError>>
        assert(exit !== undefined)
        const expected = name === "own" ? "answered" : name.startsWith("throwing") ? "died" : "failed"
        const actual = Exit.isSuccess(exit) ? "answered" : Cause.isDie(exit.cause) ? "died" : "failed"
        assert.strictEqual(actual, expected, name)
      }
    }))

  it.effect("throws and catches by itself is a program like any other", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* Avm.run(call("own", "")), Option.some("Error: of its own"))
    }))
})

describe.each(stores)("an instruction that fails (%s)", (_, store) => {
  it.effect("is not thrown either, in a program as in a behaviour", () =>
    Effect.gen(function*() {
      const program = Effect.gen(function*() {
        try {
          return yield* Obj.create("nobody")
        } catch {
          return "caught"
        }
      })
      const ended = yield* Effect.either(Avm.run(program))
      assert(Either.isLeft(ended))
      assert.strictEqual(ended.left._tag, "BehaviourNotFound")
    }).pipe(Effect.provide(machineOn(store))))

  it.effect("nor is what throws on its way: a property of a message, a pure function", () =>
    Effect.gen(function*() {
      const trying = <A, E, R>(instruction: Effect.Effect<A, E, R>) =>
        Effect.gen(function*() {
          try {
            yield* instruction
          } catch {
            return "caught"
          }
          return "went on"
        })
      const hostile = {
        get x(): Val.Val {
          throw defect
        }
      }
      assert.isTrue(Exit.isFailure(yield* Effect.exit(Avm.run(trying(Introspect.setState(hostile))))))
      const throwing = Effect.gen(function*() {
        yield* Pure.register("throws", () => {
          throw defect
        })
        return yield* trying(Pure.call("throws", []))
      })
      const exit = yield* Effect.exit(Avm.run(Effect.provide(throwing, Avm.layerUnsafe(Pure.UnsafePure))))
      assert(Exit.isFailure(exit))
      assert.isTrue(Cause.isDie(exit.cause))
    }).pipe(Effect.provide(machineOn(store))))
})
