/**
 * Durable turns: messages to many objects, each processed in a commit of its own, by how many turns are under way at once;
 * beside the same in memory. A turn takes its message out, changes a state, and adds to a history.
 */
import { Avm, Behaviour, Introspect, Obj, type ObjectId, Turns } from "@effect-avm/core"
import { Sqlite } from "@effect-avm/sqlite"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { median } from "./harness.js"
import { controller } from "./machine.js"

const Adder = Behaviour.layerRaw("adder", function*() {
  const state = yield* Introspect.getState
  yield* Introspect.setState((typeof state === "number" ? state : 0) + 1)
  return []
})

const objects = 1000

/** Microseconds for a turn, in each round. */
const times = async (
  platform: (turns: Turns.Options) => Layer.Layer<Avm.Platform, unknown>,
  concurrency: number,
  messages: number,
  rounds: number
): Promise<ReadonlyArray<number>> => {
  const runtime = ManagedRuntime.make(Layer.provideMerge(Adder, platform({ run: "manual", concurrency })))
  const ids = await runtime.runPromise(Avm.run(Effect.replicateEffect(Obj.create("adder", controller), objects)))
  const found: Array<number> = []
  for (let round = -1; round < rounds; round++) {
    await runtime.runPromise(Effect.forEach(
      Array.from({ length: messages }, (_, n) => ids[(n * 7919) % objects] as ObjectId.ObjectId), // within the list
      (id) => Avm.run(Obj.sendOnly(id, 1)),
      { concurrency: 128, discard: true }
    ))
    const from = performance.now()
    await runtime.runPromise(Turns.settle)
    // The first one warms up.
    if (round >= 0) found.push((performance.now() - from) * 1000 / messages)
  }
  await runtime.dispose()
  return found
}

export const table = async (rounds: number, synchronous: "full" | "normal" | "off"): Promise<string> => {
  const where = mkdtempSync(join(process.env.BENCH_DIR ?? tmpdir(), "effect-avm-bench-"))
  const lines = [
    `\n### Durable turns, synchronous = ${synchronous}\n`,
    "| at once | | µs per turn | turns per second |",
    "|---:|---|---:|---:|"
  ]
  for (const concurrency of [1, 16, 128]) {
    const file = join(where, `${concurrency}.db`)
    for (
      const [name, platform] of [
        ["on a file", (turns: Turns.Options) => Sqlite.layer({ filename: file, synchronous, turns })],
        ["in memory", (turns: Turns.Options) => Avm.layerMemoryWith({ turns })]
      ] as const
    ) {
      const micros = median(await times(platform, concurrency, 2000, rounds))
      lines.push(`| ${concurrency} | ${name} | ${micros.toFixed(1)} | ${Math.round(1e6 / micros)} |`)
    }
  }
  rmSync(where, { recursive: true })
  return lines.join("\n")
}
