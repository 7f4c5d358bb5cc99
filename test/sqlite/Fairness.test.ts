/**
 * A program that writes without end lets timers, sockets and other programs have their turn: a write stops the process for
 * as long as the disk takes. Counted in writes, not in time.
 */
import { Avm, Behaviour, ControllerId, Introspect, Obj, Pure, Turns, Tx } from "@effect-avm/core"
import { Sqlite } from "@effect-avm/sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, ManagedRuntime, Option, STM } from "effect"
import { Watch } from "../core/driver/spins.js"
import { machineOn } from "../support/Stores.js"

const Counter = Behaviour.layerRaw("counter", function*() {
  const state = yield* Introspect.getState
  yield* Introspect.setState(typeof state === "number" ? state + 1 : 1)
  return []
})

const store = Layer.orDie(Sqlite.layerStore({ filename: ":memory:" }))

const machine = Layer.provideMerge(Counter, machineOn(store, { turns: { run: "manual" } }))

const program = Effect.gen(function*() {
  const id = yield* Obj.create("counter", ControllerId.make("local"))
  const call = Obj.call(id, null)
  yield* Pure.register("f", () => Option.none())
  const ways = {
    calls: call,
    brackets: Tx.transact(call),
    "brackets with an STM": Tx.transact(Effect.zipRight(call, Tx.enlist(STM.void))),
    "a function": Effect.suspend(() => Pure.update("f", () => Option.none())),
    messages: Obj.sendOnly(id, null),
    turns: Effect.zipRight(Obj.sendOnly(id, null), Turns.step)
  }
  for (const [name, write] of Object.entries(ways)) {
    const watch = new Watch("an immediate")
    while (watch.goOn(1)) yield* write
    assert.isBelow(watch.instructions, 40, name)
  }
})

const main = Avm.run(Effect.provide(program, Avm.layerUnsafe(Pure.UnsafePure)))

describe("between writes of any kind, the event loop goes round", () => {
  it.effect("in an effect", () => Effect.provide(main, machine))

  it("in a ManagedRuntime", async () => {
    const runtime = ManagedRuntime.make(machine)
    await runtime.runPromise(main)
    await runtime.dispose()
  })
})
