/** Depth and length: calls nest without a stack, programs run without a heap that grows. */
import { Avm, Behaviour, Introspect, Obj } from "@effect-avm/core"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import * as v8 from "node:v8"
import * as vm from "node:vm"
import { inMemory, machineOn, stores } from "../support/Stores.js"

v8.setFlagsFromString("--expose-gc")
const collectGarbage: () => void = vm.runInNewContext("gc")

const Deep = Behaviour.layerRaw("deep", function*() {
  const n = yield* Introspect.input
  if (typeof n !== "number" || n === 0) return [0]
  const below = yield* Obj.call(yield* Introspect.self, n - 1)
  return [Number(Option.getOrElse(below, () => 0)) + 1]
})

describe.each(stores)("depth (%s)", (_, store) => {
  // A call that waits takes some kilobytes: a million do not fit into Node's usual heap. On SQLite each waits for its
  // object, and then for the disk; by the slower way, all of them do.
  const depth = store !== inMemory[1] ? 100_000 : process.env.EFFECT_AVM_EAGER === "0" ? 200_000 : 1_000_000

  it.effect(`${depth.toLocaleString("en")} nested calls`, () =>
    Effect.gen(function*() {
      const answer = yield* Avm.run(Effect.flatMap(Obj.create("deep"), (id) => Obj.call(id, depth)))
      assert.deepStrictEqual(answer, Option.some(depth))
    }).pipe(Effect.provide(Layer.provideMerge(Deep, machineOn(store)))))
})

/** The state of a program is in no store. */
it.layer(Avm.layerMemory)("length", (it) => {
  it.effect("1,000,000 instructions, without growing memory while no trace is kept", () =>
    Effect.gen(function*() {
      const used = yield* Avm.run(Effect.gen(function*() {
        const samples: Array<number> = []
        for (let n = 0; n < 1_000_000; n++) {
          yield* Introspect.setState(n)
          if (n % 250_000 === 249_999) {
            collectGarbage()
            samples.push(process.memoryUsage().heapUsed)
          }
        }
        return samples
      }))
      const grown = (used.at(-1) ?? 0) - (used[0] ?? 0)
      // Three quarters of a million instructions: a tenth of what one word for each of them would take.
      assert.isBelow(grown, 600_000)
    }))

  it.effect("a trace grows by its entries, and nothing else", () =>
    Effect.gen(function*() {
      const { trace } = yield* Avm.runTraced(Effect.gen(function*() {
        for (let n = 0; n < 10_000; n++) yield* Introspect.setState(n)
      }))
      assert.strictEqual(trace.length, 10_000)
      assert.isTrue(trace.every((entry, index) => entry.timestamp === index))
    }))
})
