/**
 * Running a program again on its record: what was answered is not executed again, and what differs is named.
 */
import { Avm, Behaviour, ControllerId, FD, type Instr, Introspect, Nondet, Obj, Tx } from "@effect-avm/core"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { assert, describe, it } from "vitest"
import { machineOn, type StoreLayer, stores } from "../support/Stores.js"

/** A platform that counts what is executed. */
const counting = (store: StoreLayer, executed: Map<string, number>) =>
  Layer.provideMerge(
    Avm.intercept((instruction: Instr.Any, execute) => {
      executed.set(instruction._tag, (executed.get(instruction._tag) ?? 0) + 1)
      return execute
    }),
    machineOn(store)
  )

const Echo = Behaviour.layerRaw("echo", Effect.map(Introspect.input, (input) => [input]))

describe.each(stores)("a body that is run again (%s)", (_, store) => {
  it("executes no instruction again that was answered before the label (D28)", async () => {
    const executed = new Map<string, number>()
    const body = Effect.gen(function*() {
      const echo = yield* Obj.create("echo", ControllerId.make("local"))
      yield* Obj.call(echo, "once")
      const x = yield* FD.newVar(FD.range(1, 4))
      yield* Effect.either(FD.label(FD.variable("unknown")))
      const value = yield* FD.label(x)
      yield* Obj.call(echo, value)
      return value
    })
    const found = await Effect.runPromise(
      Avm.run(Stream.runCollect(FD.search(body))).pipe(Effect.provide(Echo), Effect.provide(counting(store, executed)))
    )
    assert.deepStrictEqual(Chunk.toArray(found), [1, 2, 3, 4])
    const counts = ["Obj.create", "FD.newVar", "FD.label", "Obj.call", "Introspect.input"].map((tag) =>
      executed.get(tag)
    )
    assert.deepStrictEqual(counts, [1, 1, 2, 5, 5])
  })

  it("executes none again before the first choice that is another one (D29)", async () => {
    const executed = new Map<string, number>()
    const body = Tx.transact(Effect.gen(function*() {
      const echo = yield* Obj.create("echo", ControllerId.make("local"))
      yield* Obj.call(echo, "before")
      const value = yield* Nondet.choose([1, 2, 3, 4])
      yield* Nondet.require(value > 3)
      return value
    }))
    const found = await Effect.runPromise(
      Avm.run(body).pipe(Effect.provide(Echo), Effect.provide(counting(store, executed)))
    )
    assert.strictEqual(found, 4)
    // Once in the first run, which is not recorded, and once in all the others.
    assert.deepStrictEqual([executed.get("Obj.create"), executed.get("Obj.call")], [2, 2])
    assert.strictEqual(executed.get("Tx.begin"), 2)
  })

  it("is a defect where it asks something else, and says what", async () => {
    let runs = 0
    const body = Effect.gen(function*() {
      const x = yield* FD.newVar(FD.range(1, 2))
      if (runs++ > 0) yield* Introspect.sender
      return yield* FD.label(x)
    })
    const exit = await Effect.runPromiseExit(
      Avm.run(Stream.runCollect(FD.search(body))).pipe(Effect.provide(machineOn(store)))
    )
    assert.isTrue(Exit.isFailure(exit) && /Introspect\.sender.*FD\.label/.test(String(exit.cause)), String(exit))
  })

  it("is a defect where it ends before its record, too", async () => {
    let runs = 0
    const body = Effect.gen(function*() {
      const x = yield* FD.newVar(FD.range(1, 2))
      return runs++ > 0 ? 0 : yield* FD.label(x)
    })
    const exit = await Effect.runPromiseExit(
      Avm.run(Stream.runCollect(FD.search(body))).pipe(Effect.provide(machineOn(store)))
    )
    assert.isTrue(Exit.isFailure(exit) && /its end.*FD\.label/.test(String(exit.cause)), String(exit))
  })
})
