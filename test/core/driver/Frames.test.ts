/** Every fiber, at every time, is in its own frame: around what waits, in concurrent calls, in daemons, in other runtimes. */
import {
  Avm,
  Behaviour,
  type InstructionSet,
  Introspect,
  Machine,
  MachineId,
  Obj,
  ObjectId,
  type Val
} from "@effect-avm/core"
import { assert } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Option, Runtime } from "effect"
import { machineOn, onEachStore, type StoreLayer } from "../../support/Stores.js"

const m1 = MachineId.make("m1")

/** Self, sender, input and machine, as text. */
function* here() {
  const [self, sender] = [yield* Introspect.self, yield* Introspect.sender]
  const input = yield* Introspect.input
  const machine = yield* Introspect.currentMachine
  return [
    self.value,
    Option.match(sender, { onNone: () => "", onSome: (_) => _.value }),
    JSON.stringify(input),
    machine
  ]
    .join(" ")
}

const waits = [
  Effect.yieldNow(),
  Effect.promise(() => Promise.resolve()),
  Effect.async<void>((resume) => {
    setImmediate(() => resume(Effect.void))
  })
]

/** What was seen where it should not. */
const wrong: Array<string> = []

const check = (expected: string) =>
  Effect.map(Effect.gen(here), (actual) => {
    if (actual !== expected) wrong.push(`${actual} instead of ${expected}`)
  })

/** Calls two of its kind at once, to the depth of its message, waiting in between. */
const Tree = Behaviour.layerRaw("tree", function*() {
  const depth = Number(yield* Introspect.input)
  const at = yield* here()
  yield* waits[depth % 3] ?? Effect.void
  yield* check(at)
  if (depth === 0) return [1]
  const child = Effect.flatMap(Obj.create("tree"), (id) => Obj.call(id, depth - 1))
  const sums = yield* Effect.all([child, child], { concurrency: depth % 2 === 0 ? 2 : "unbounded" })
  yield* check(at)
  yield* waits[(depth + 1) % 3] ?? Effect.void
  yield* check(at)
  return [1 + sums.reduce((sum, _) => sum + Number(Option.getOrThrow(_)), 0)]
})

/** Teleports, waits and calls on; its caller's machine is another. */
const Traveller = Behaviour.layerRaw("traveller", function*() {
  const depth = Number(yield* Introspect.input)
  yield* Machine.teleport(m1)
  const at = yield* here()
  yield* waits[depth % 3] ?? Effect.void
  yield* check(at)
  if (depth > 0) yield* Obj.call(yield* Introspect.self, depth - 1)
  yield* check(at)
  yield* waits[depth % 3] ?? Effect.void
  return [yield* Introspect.currentMachine]
})

/** What the tests below leave to behaviours. */
let gate: Deferred.Deferred<void> | undefined
let daemon: Fiber.RuntimeFiber<ReadonlyArray<string>, unknown> | undefined

/** Leaves a fiber behind that says where it is, and changes its object, after the call is over. */
const Parent = Behaviour.layerRaw("parent", function*() {
  const input = yield* Introspect.input
  if (input === "state") return [yield* Introspect.getState]
  const open = gate ?? (yield* Effect.dieMessage("no gate"))
  const at = yield* here()
  daemon = yield* Effect.forkDaemon(Effect.gen(function*() {
    yield* Deferred.await(open)
    yield* Introspect.setState("changed by the daemon")
    const called = yield* Obj.call(yield* Obj.create("tree"), 0)
    return [at, yield* here(), String(Option.getOrNull(called))]
  }))
  return [at]
})

const Grandparent = Behaviour.layerRaw("grandparent", function*() {
  const at = yield* here()
  const id = yield* Obj.create("parent")
  yield* Obj.call(id, "fork")
  yield* check(at)
  return [id]
})

const FirstAndLast = Behaviour.layerRaw("first and last", function*() {
  yield* Effect.yieldNow()
  return yield* Effect.map(Effect.yieldNow(), () => ["waited"])
})
const First = Behaviour.layerRaw("first", function*() {
  yield* Effect.promise(() => Promise.resolve())
  return [yield* Introspect.input]
})
const Last = Behaviour.layerRaw("last", function*() {
  const input = yield* Introspect.input
  return yield* Effect.promise(() => Promise.resolve([input]))
})
const Only = Behaviour.layerRaw("only", Effect.as(Effect.yieldNow(), ["waited"]))

const Nothing = Behaviour.layerRaw("nothing", function*() {
  return ["at once"]
})

/** Runs others, and itself, in fibers of their own while it stands still. */
const Nesting = Behaviour.layerRaw("nesting", function*() {
  const depth = Number(yield* Introspect.input)
  const at = yield* here()
  const runtime = yield* Effect.runtime<Introspect.Introspect | Obj.Obj>()
  const run = Runtime.runSync(runtime)
  const inside = run(Effect.gen(here))
  if (inside !== at) wrong.push(`${inside} in runSync instead of ${at}`)
  yield* Introspect.self
  if (depth > 0) {
    const below = run(Effect.gen(function*() {
      return yield* Obj.call(yield* Introspect.self, depth - 1)
    }))
    if (Option.getOrNull(below) !== depth - 1) wrong.push(`${below} from ${depth}`)
  }
  yield* check(at)
  const again = yield* here()
  if (again !== at) wrong.push(`${again} after runSync instead of ${at}`)
  return [depth]
})

const behaviours = Layer.mergeAll(
  Tree,
  Traveller,
  Parent,
  Grandparent,
  FirstAndLast,
  First,
  Last,
  Only,
  Nothing,
  Nesting
)

const world = (store: StoreLayer) => Layer.provideMerge(behaviours, machineOn(store))

const call = (behaviour: string, input: Val.Val) =>
  Effect.map(Effect.flatMap(Obj.create(behaviour), (id) => Obj.call(id, input)), Option.getOrThrow)

/** A program, the frame of whose root must be as it was. */
const run = <A, E>(program: Effect.Effect<A, E, InstructionSet.Safe>) =>
  Effect.gen(function*() {
    wrong.length = 0
    const answer = yield* Avm.run(Effect.gen(function*() {
      const at = yield* here()
      const answer = yield* program
      yield* check(at)
      return answer
    }))
    assert.deepStrictEqual(wrong, [])
    return answer
  })

onEachStore("frames", world, (it) => {
  it.effect("of a tree of concurrent calls, each of which waits", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* run(call("tree", 7)), 255)
    }))

  it.effect("of several trees at once", () =>
    Effect.gen(function*() {
      const sums = yield* run(
        Effect.all(Array.from({ length: 10 }, () => call("tree", 4)), { concurrency: "unbounded" })
      )
      assert.deepStrictEqual(sums, Array.from({ length: 10 }, () => 31))
    }))

  for (const depth of [0, 1, 100, 126, 127, 128, 129, 300]) {
    it.effect(`of ${depth} nested calls that teleport and wait`, () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* run(call("traveller", depth)), "m1")
      }))
  }

  it.effect("of a daemon that outlives its call: a copy, and its object is the same", () =>
    Effect.gen(function*() {
      gate = yield* Deferred.make<void>()
      const id = yield* run(call("grandparent", null))
      assert(ObjectId.isObjectId(id) && daemon !== undefined)
      assert.deepStrictEqual(yield* Avm.run(Obj.call(id, "state")), Option.some([]))
      yield* Deferred.succeed(gate, undefined)
      const [before, after, called] = yield* Fiber.join(daemon)
      assert.strictEqual(after, before)
      assert.strictEqual(called, "1")
      assert.deepStrictEqual(yield* Avm.run(Obj.call(id, "state")), Option.some("changed by the daemon"))
    }))

  for (
    const [behaviour, answer] of [
      ["first and last", "waited"],
      ["first", "hello"],
      ["last", "hello"],
      ["only", "waited"],
      ["nothing", "at once"]
    ] as const
  ) {
    it.effect(`of a behaviour that waits: ${behaviour}`, () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* run(call(behaviour, "hello")), answer)
      }))
  }

  for (const depth of [0, 1, 10, 60]) {
    it.effect(`of ${depth} calls, each in a runSync of its caller's`, () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* run(call("nesting", depth)), depth)
      }))
  }

  it.effect("of a program that a behaviour runs on its own machine", () =>
    Effect.gen(function*() {
      const avm = yield* Avm.Avm
      const program = Effect.gen(function*() {
        const at = yield* here()
        const inner = Effect.runSync(Effect.provideService(Avm.run(Effect.gen(here)), Avm.Avm, avm))
        yield* check(at)
        return inner === at
      })
      assert.isFalse(yield* run(program))
    }))
})
