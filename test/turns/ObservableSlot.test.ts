/**
 * The observable slot of `examples/ObservableSlot.ts`, claim by claim; with calls instead of messages as the control.
 */
import { type Avm, Behaviour, Introspect, Obj, type ObjectId, type Turns, Tx, type Val } from "@effect-avm/core"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { type StoreLayer, stores } from "../support/Stores.js"
import { local, machine, missing, run, settle } from "./Bench.js"

/** What happened, in order. */
type Log = Array<string>

type Message = readonly [kind: string, ...arguments: ReadonlyArray<Val.Val>]

/** A slot that tells its observers first and changes then, by calls or by messages. */
const slot = (way: "call" | "send", log: Log) =>
  Behaviour.layerRaw("slot", function*() {
    const [kind, ...values] = (yield* Introspect.input) as Message
    const state = (yield* Introspect.getState) as ReadonlyArray<Val.Val>
    const [value = 0, ...observers] = state
    switch (kind) {
      case "watch":
        yield* Introspect.setState([value, ...observers, values[0] ?? null])
        return []
      case "get":
        return [value]
      case "set":
      case "set and fail":
        for (const next of values) {
          const [before = 0] = (yield* Introspect.getState) as ReadonlyArray<Val.Val>
          log.push(`set ${next}`)
          for (const observer of observers) {
            // Only observers are put there.
            const id = observer as ObjectId.ObjectId
            if (way === "call") yield* Effect.ignore(Obj.call(id, ["changed"]))
            else yield* Obj.sendOnly(id, ["changed"])
          }
          yield* Introspect.setState([next, ...observers])
          log.push(`was ${before}`)
        }
        if (kind === "set and fail") yield* Obj.call(missing, null)
        log.push("returns")
        return []
    }
    return []
  })

/** Asks the slot, and says what it saw; one that is broken says nothing. */
const observer = (log: Log) =>
  Behaviour.layerRaw("observer", function*() {
    const [kind, ...values] = (yield* Introspect.input) as Message
    if (kind === "observe") {
      yield* Introspect.setState(values)
      // A slot is what it is told to observe.
      yield* Obj.call(values[0] as ObjectId.ObjectId, ["watch", yield* Introspect.self])
      return []
    }
    const [id, name] = (yield* Introspect.getState) as readonly [ObjectId.ObjectId, string]
    if (name === "broken") yield* Effect.die(new Error("broken"))
    const seen = yield* Obj.call(id, ["get"])
    log.push(`${name} sees ${seen._tag === "Some" ? seen.value : "nothing"}`)
    return []
  })

/** A slot, and observers of these names. */
const observed = (...names: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const id = yield* Obj.create("slot", local)
    for (const name of names) yield* watch(id, name)
    return id
  })

const watch = (slot: ObjectId.ObjectId, name: string) =>
  Effect.flatMap(Obj.create("observer", local), (id) => Obj.call(id, ["observe", slot, name]))

const on = (store: StoreLayer) =>
(
  name: string,
  way: "call" | "send",
  body: (log: Log) => Effect.Effect<void, unknown, Avm.Avm | Turns.Turns>
) =>
  it.effect(name, () =>
    Effect.suspend(() => {
      const log: Log = []
      return Effect.provide(
        body(log),
        Layer.provideMerge(
          Layer.mergeAll(slot(way, log), observer(log)),
          machine(store, { turns: { onFailure: "drop" } })
        )
      )
    }))

describe.each(stores)("the observable slot, with messages (%s)", (_, store) => {
  const test = on(store)

  test(
    "no observer runs before the setter has returned; each reads the new value, in order of registration",
    "send",
    (log) =>
      Effect.gen(function*() {
        const id = yield* run(observed("a", "b", "c"))
        yield* run(Obj.call(id, ["set", 1]))
        yield* settle
        assert.deepStrictEqual(log, ["set 1", "was 0", "returns", "a sees 1", "b sees 1", "c sees 1"])
      })
  )

  test("the same where the setter is sent to as well", "send", (log) =>
    Effect.gen(function*() {
      const id = yield* run(observed("a", "b"))
      yield* run(Obj.sendOnly(id, ["set", 1]))
      assert.deepStrictEqual(log, [])
      yield* settle
      assert.deepStrictEqual(log, ["set 1", "was 0", "returns", "a sees 1", "b sees 1"])
    }))

  test("two sets in one turn notify twice, and both read the last", "send", (log) =>
    Effect.gen(function*() {
      const id = yield* run(observed("a"))
      yield* run(Obj.sendOnly(id, ["set", 1, 2]))
      yield* settle
      assert.deepStrictEqual(log.slice(-2), ["a sees 2", "a sees 2"])
    }))

  test("who asks later reads the new value or a later one", "send", (log) =>
    Effect.gen(function*() {
      const id = yield* run(observed("a", "b"))
      yield* run(Effect.all([Obj.sendOnly(id, ["set", 1]), Obj.sendOnly(id, ["set", 2]), Obj.sendOnly(id, ["set", 3])]))
      yield* settle
      const seen = (name: string) =>
        log.flatMap((line) => line.startsWith(`${name} sees`) ? [Number(line.split(" ").at(-1))] : [])
      for (const name of ["a", "b"]) {
        assert.strictEqual(seen(name).length, 3)
        for (const [index, value] of seen(name).entries()) assert.isAtLeast(value, index + 1)
      }
    }))

  test("a throwing observer disturbs neither setter nor peers", "send", (log) =>
    Effect.gen(function*() {
      const id = yield* run(observed("a", "broken", "c"))
      yield* run(Tx.transact(Obj.call(id, ["set", 1])))
      yield* settle
      assert.deepStrictEqual(log, ["set 1", "was 0", "returns", "a sees 1", "c sees 1"])
    }))

  test("late observers are not told the past", "send", (log) =>
    Effect.gen(function*() {
      const id = yield* run(observed("early"))
      yield* run(Obj.call(id, ["set", 1]))
      yield* run(watch(id, "late"))
      yield* settle
      assert.deepStrictEqual(log.slice(-1), ["early sees 1"])
      yield* run(Obj.call(id, ["set", 2]))
      yield* settle
      assert.deepStrictEqual(log.slice(-2), ["early sees 2", "late sees 2"])
    }))

  test(
    "if the setter's turn fails, no assignment and no notification survive",
    "send",
    (log) =>
      Effect.gen(function*() {
        const id = yield* run(observed("a"))
        yield* run(Obj.sendOnly(id, ["set and fail", 1]))
        yield* settle
        assert.deepStrictEqual(log, ["set 1", "was 0"])
        yield* run(Obj.call(id, ["set", 5]))
        yield* settle
        assert.deepStrictEqual(log.slice(2), ["set 5", "was 0", "returns", "a sees 5"])
      })
  )
})

describe.each(stores)("the observable slot, with calls: the control (%s)", (_, store) => {
  const test = on(store)

  test("observers run in the middle of the setter, and read the old value", "call", (log) =>
    Effect.gen(function*() {
      const id = yield* run(observed("a", "b"))
      yield* run(Obj.call(id, ["set", 1, 2]))
      assert.deepStrictEqual(log, [
        "set 1",
        "a sees 0",
        "b sees 0",
        "was 0",
        "set 2",
        "a sees 1",
        "b sees 1",
        "was 1",
        "returns"
      ])
    }))

  test("a throwing observer takes the setter and its peers with it", "call", (log) =>
    Effect.gen(function*() {
      const id = yield* run(observed("a", "broken", "c"))
      const exit = yield* run(Effect.exit(Tx.transact(Obj.call(id, ["set", 1]))))
      assert.strictEqual(exit._tag, "Failure")
      assert.deepStrictEqual(log, ["set 1", "a sees 0"])
    }))
})
