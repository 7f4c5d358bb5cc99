/**
 * What things weigh, after garbage collection.
 */
import { Avm, Introspect, Obj, type TraceEvent } from "@effect-avm/core"
import * as Effect from "effect/Effect"
import { controller, make } from "./machine.js"

const collect = (): number => {
  globalThis.gc?.()
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

export const table = async (count: number): Promise<string> => {
  const machine = make()
  const before = collect()
  await Effect.runPromise(machine.run(Effect.gen(function*() {
    for (let n = 0; n < count; n++) yield* Obj.create("adder", controller)
  })))
  const perObject = (collect() - before) / count
  const entries: Array<ReadonlyArray<TraceEvent.TraceEntry>> = []
  const clean = collect()
  const traced = Avm.runTraced(Effect.gen(function*() {
    for (let n = 0; n < 100_000; n++) yield* Introspect.setState(n)
  }))
  entries.push((await machine.runtime.runPromise(traced)).trace)
  const perEntry = (collect() - clean) / 100_000
  return [
    "\n### Memory\n",
    "| | bytes | target |",
    "|---|---:|---:|",
    `| object, of ${count.toLocaleString("en")}, its id and empty state included | ${perObject.toFixed(0)} | 450 |`,
    `| trace entry (${entries.length} run) | ${perEntry.toFixed(0)} | |`
  ].join("\n")
}
