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
  TraceEvent,
  TxId
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
        const reader = yield* Effect.fork(Stream.runCollect(Stream.take(stream, 3)))
        // A stream of what comes has its reader before anything does; one of what was there is read again below.
        yield* Effect.repeatN(Effect.yieldNow(), 20)
        for (const timestamp of [0, 1, 2]) yield* append("law", updated(timestamp))
        const live = yield* Fiber.join(reader)
        const read = live.length > 0 || !enabled ? live : yield* Stream.runCollect(Stream.take(stream, 3))
        assert.deepStrictEqual(
          [...read].map(([execution, entry]) => [execution, entry.timestamp]),
          enabled
            ? [["law", 0], ["law", 1], ["law", 2]]
            : []
        )
      }))

    it.effect("who follows gets what was asked for, numbered, and is told how much was missed", () =>
      Effect.gen(function*() {
        const { append, enabled, follow } = yield* Trace.Trace
        if (follow === undefined || !enabled) return
        const tx = TxId.make("t1")
        const inOrder = yield* Effect.fork(Stream.runCollect(Stream.take(follow({ execution: "a" }), 6)))
        const inTx = yield* Effect.fork(Stream.runCollect(Stream.take(follow({ tx }), 2)))
        const slow = yield* Effect.fork(Stream.runCollect(Stream.take(follow({ execution: "a", capacity: 2 }), 3)))
        yield* Effect.repeatN(Effect.yieldNow(), 20)
        // All at once: no reader has its turn in between.
        for (const timestamp of [0, 1, 2, 3, 4, 5]) {
          yield* append("a", updated(timestamp), timestamp === 3 ? tx : undefined)
          yield* append("b", updated(timestamp))
        }
        const committed = new TraceEvent.TransactionCommitted({ tx })
        yield* append("b", new TraceEvent.TraceEntry({ ...updated(6), event: committed }))
        const [first, ...others] = numbered(yield* Fiber.join(inOrder))
        assert(first !== undefined)
        assert.deepStrictEqual(
          [first, ...others].map(({ entry, number }) => [number - first.number, entry.timestamp]),
          [[0, 0], [2, 1], [4, 2], [6, 3], [8, 4], [10, 5]]
        )
        assert.deepStrictEqual(
          numbered(yield* Fiber.join(inTx)).map(({ entry, execution }) => [execution, entry.timestamp]),
          [["a", 3], ["b", 6]]
        )
        const [told, ...rest] = yield* Fiber.join(slow)
        assert.deepStrictEqual(told, { _tag: "Missed", count: 4 })
        assert.deepStrictEqual(numbered(rest).map(({ entry }) => entry.timestamp), [4, 5])
      }))

    it.effect("who comes back is given what is kept, and told how much is not", () =>
      Effect.gen(function*() {
        const { append, enabled, follow } = yield* Trace.Trace
        if (follow === undefined || !enabled) return
        const reader = yield* Effect.fork(Stream.runCollect(Stream.take(follow({ execution: "c" }), 1)))
        yield* Effect.repeatN(Effect.yieldNow(), 20)
        yield* append("c", updated(0))
        const [before] = numbered(yield* Fiber.join(reader))
        assert(before !== undefined)
        for (let timestamp = 1; timestamp <= 10; timestamp++) yield* append("c", updated(timestamp))
        const after = follow({ execution: "c", after: before.number })
        const next = yield* Effect.fork(Stream.runCollect(Stream.takeUntil(after, isLast)))
        yield* Effect.repeatN(Effect.yieldNow(), 20)
        yield* append("c", updated(11))
        const items = [...yield* Fiber.join(next)]
        const missed = items.filter(Trace.isMissed).reduce((sum, { count }) => sum + count, 0)
        const got = numbered(items.filter((item) => !Trace.isMissed(item)))
        // Together they are all, without a gap and without one twice.
        assert.strictEqual(missed + got.length, 11)
        assert.deepStrictEqual(got.map(({ entry }) => entry.timestamp), got.map((_, n) => missed + 1 + n))
      }))
  })

const updated = (timestamp: number): TraceEvent.TraceEntry =>
  new TraceEvent.TraceEntry({
    timestamp,
    event: new TraceEvent.StateUpdated({ id: ObjectId.make("o1") }),
    executingController: Option.none()
  })

const isLast = (item: Trace.Numbered | Trace.Missed): boolean => !Trace.isMissed(item) && item.entry.timestamp === 11

const numbered = (items: Iterable<Trace.Numbered | Trace.Missed>): ReadonlyArray<Trace.Numbered> =>
  [...items].map((item) => {
    assert(!Trace.isMissed(item), "nothing was missed")
    return item
  })
