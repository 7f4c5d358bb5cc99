/**
 * What the smaller ports promise: one suite each, to be run against every layer. The store has `ObjectStoreLaws`.
 *
 * @since 0.1.0
 */
import {
  ControllerId,
  IdGenerator,
  MachineId,
  ObjectId,
  Reachability,
  Scheduling,
  Trace,
  TraceEvent
} from "@effect-avm/core"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

/**
 * @since 0.1.0
 * @category laws
 */
export const idGenerator = <E>(name: string, layer: Layer.Layer<IdGenerator.IdGenerator, E>): void =>
  it.layer(layer)(`IdGenerator (${name})`, (it) => {
    it.effect("no id twice, however they are asked for", () =>
      Effect.gen(function*() {
        const ids = yield* IdGenerator.IdGenerator
        const both = Effect.all([ids.objectId, ids.txId])
        const one = yield* Effect.replicateEffect(both, 500)
        const many = yield* Effect.all(Array.from({ length: 500 }, () => both), { concurrency: "unbounded" })
        const texts = [...one, ...many].flatMap(([object, tx]) => [`object ${object.value}`, `tx ${tx}`])
        assert.strictEqual(new Set(texts).size, 2000)
      }))
  })

/**
 * @since 0.1.0
 * @category laws
 */
export const reachability = <E>(name: string, layer: Layer.Layer<Reachability.Reachability, E>): void =>
  it.layer(layer)(`Reachability (${name})`, (it) => {
    it.effect("asking changes nothing", () =>
      Effect.gen(function*() {
        const { controller, machine } = yield* Reachability.Reachability
        const ask = Effect.all([machine(MachineId.make("m1")), controller(ControllerId.make("C1"))])
        assert.deepStrictEqual(yield* ask, yield* ask)
      }))
  })

/**
 * @since 0.1.0
 * @category laws
 */
export const scheduling = <E>(name: string, layer: Layer.Layer<Scheduling.Scheduling, E>): void =>
  it.layer(layer)(`Scheduling (${name})`, (it) => {
    it.effect("answers the index of one that is ready, and nobody waits for ever", () =>
      Effect.gen(function*() {
        const { next } = yield* Scheduling.Scheduling
        let ready = ["a", "b", "c", "d"]
        const last = new Map(ready.map((name) => [name, 0]))
        for (let turn = 1; turn <= 2000; turn++) {
          const index = yield* next(ready)
          const chosen = ready[index]
          assert(chosen !== undefined && Number.isInteger(index), `index ${index}`)
          last.set(chosen, turn)
          ready = [...ready.filter((_) => _ !== chosen), chosen]
        }
        for (const [name, turn] of last) assert.isAbove(turn, 1800, name)
      }))
  })

/**
 * @since 0.1.0
 * @category laws
 */
export const trace = <E>(name: string, layer: Layer.Layer<Trace.Trace, E>): void =>
  it.layer(layer)(`Trace (${name})`, (it) => {
    it.effect("what is appended is in the stream, in order, if anything is", () =>
      Effect.gen(function*() {
        const { append, enabled, stream } = yield* Trace.Trace
        const entry = (timestamp: number) =>
          new TraceEvent.TraceEntry({
            timestamp,
            event: new TraceEvent.StateUpdated({ id: ObjectId.make("o1") }),
            executingController: Option.none()
          })
        const reader = yield* Effect.fork(Stream.runCollect(Stream.take(stream, 3)))
        // A stream of what comes has its reader before anything does; one of what was there is read again below.
        yield* Effect.repeatN(Effect.yieldNow(), 20)
        for (const timestamp of [0, 1, 2]) yield* append("law", entry(timestamp))
        const live = yield* Fiber.join(reader)
        const read = live.length > 0 || !enabled ? live : yield* Stream.runCollect(Stream.take(stream, 3))
        assert.deepStrictEqual(
          [...read].map(([execution, entry]) => [execution, entry.timestamp]),
          enabled
            ? [["law", 0], ["law", 1], ["law", 2]]
            : []
        )
      }))
  })
