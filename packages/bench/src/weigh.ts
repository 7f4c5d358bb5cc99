/**
 * Weighs objects and entries of the trace, after garbage collection, in a process of its own: `node --expose-gc weigh.js
 * COUNT` writes the bytes of each as JSON. See `memory.ts`.
 */
import { Avm, Introspect, Obj, type ObjectId } from "@effect-avm/core"
import * as Effect from "effect/Effect"
import { controller, make } from "./machine.js"
import type { Weights } from "./memory.js"

const used = (): number => {
  for (let n = 0; n < 3; n++) globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

const count = Number(process.argv[2])
const entries = 100_000
const machine = make()

const create = (count: number): Promise<ReadonlyArray<ObjectId.ObjectId>> =>
  Effect.runPromise(machine.run(Effect.gen(function*() {
    const ids: Array<ObjectId.ObjectId> = []
    for (let n = 0; n < count; n++) ids.push(yield* Obj.create("adder", controller))
    return ids
  })))

const call = (ids: ReadonlyArray<ObjectId.ObjectId>): Promise<void> =>
  Effect.runPromise(machine.run(Effect.gen(function*() {
    for (const id of ids) yield* Obj.call(id, 1)
  })))

// So that what is made once is not weighed.
await call(await create(1000))
const empty = used()
const ids = await create(count)
// The list of ids is the test's own.
const created = used() - count * 8
await call(ids)
const called = used() - count * 8
const before = used()
const { trace } = await machine.runtime.runPromise(Avm.runTraced(Effect.gen(function*() {
  for (let n = 0; n < entries; n++) yield* Introspect.setState(null)
})))
const traced = used()
const weights: Weights = {
  object: (created - empty) / count,
  call: (called - created) / count,
  entry: (traced - before) / trace.length
}
process.stdout.write(`${JSON.stringify(weights)}\n`)
