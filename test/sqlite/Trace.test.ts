/** The trace in the file: batches, questions, retention, and that it outlives the process. */
import {
  Avm,
  Behaviour,
  ControllerId,
  Introspect,
  MachineId,
  Obj,
  ObjectId,
  Trace,
  TraceEvent,
  Tx,
  TxId
} from "@effect-avm/core"
import { Sqlite, SqliteTrace } from "@effect-avm/sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Effect, Equal, Layer, Option, Stream, TestClock } from "effect"
import { faulty, layerDriver, newFile } from "./support.js"

const [a, b] = [ObjectId.make("a"), ObjectId.make("b")]

const entry = (timestamp: number, event: TraceEvent.TraceEvent) =>
  new TraceEvent.TraceEntry({ timestamp, event, executingController: Option.some(ControllerId.make("C1")) })

const updated = (timestamp: number, id: ObjectId.ObjectId = a) => entry(timestamp, new TraceEvent.StateUpdated({ id }))

const append = (execution: string, ...entries: ReadonlyArray<TraceEvent.TraceEntry>) =>
  Effect.flatMap(
    Trace.Trace,
    (trace) => Effect.forEach(entries, (entry) => trace.append(execution, entry), { discard: true })
  )

const ask = (query: SqliteTrace.Query) =>
  Effect.flatMap(
    SqliteTrace.SqliteTrace,
    (trace) => Effect.map(Stream.runCollect(trace.query(query)), Chunk.toReadonlyArray)
  )

const asked = (query: SqliteTrace.Query) =>
  Effect.map(ask(query), (found) => found.map(({ entry, execution }) => `${execution}${entry.timestamp}`).join(" "))

const on = (filename: string, options?: SqliteTrace.TraceOptions) =>
  Layer.provide(SqliteTrace.layer(options), Sqlite.layerStore({ filename, synchronous: "off" }))

const inMemory = (options?: SqliteTrace.TraceOptions) => on(":memory:", options)

/** One of each kind. */
const everything: ReadonlyArray<TraceEvent.TraceEvent> = [
  new TraceEvent.TransactionStarted({ tx: TxId.make("t1") }),
  new TraceEvent.ObjectCreated({ id: a, behaviour: "cell" }),
  new TraceEvent.ObjectCalled({ id: a, input: { to: b, n: 1n }, output: Option.some(new Uint8Array([1])) }),
  new TraceEvent.MessageSent({ from: a, to: b, input: null }),
  new TraceEvent.ObjectMoved({ id: a, from: MachineId.make("m0"), to: MachineId.make("m1") }),
  new TraceEvent.ObjectTransferred({ id: b, from: Option.none(), to: ControllerId.make("C2") }),
  new TraceEvent.TransactionCommitted({ tx: TxId.make("t1") }),
  new TraceEvent.ErrorOccurred({ error: "an application's own" })
]

describe("the trace in a file", () => {
  it.effect("gives back every entry as it was", () =>
    Effect.gen(function*() {
      const entries = everything.map((event, index) => entry(index, event))
      yield* append("x", ...entries)
      const found = yield* ask({})
      for (const [index, { entry }] of found.entries()) {
        const before = entries[index]
        assert(before !== undefined && Equal.equals(entry.event.constructor, before.event.constructor))
        assert.deepStrictEqual({ ...entry.event }, { ...before.event })
        assert.deepStrictEqual(entry.executingController, before.executingController)
      }
      assert.strictEqual(found.length, entries.length)
    }).pipe(Effect.provide(inMemory())))

  it.effect("is asked by object, transaction, execution and time, and by several at once", () =>
    Effect.gen(function*() {
      yield* append("x", ...everything.map((event, index) => entry(index, event)))
      yield* TestClock.adjust("1 minute")
      yield* append("y", updated(0, b), updated(1, a))
      assert.strictEqual(yield* asked({ object: a }), "x1 x2 x3 x4 y1")
      assert.strictEqual(yield* asked({ object: b }), "x3 x5 y0")
      assert.strictEqual(yield* asked({ tx: TxId.make("t1") }), "x0 x1 x2 x3 x4 x5 x6")
      assert.strictEqual(yield* asked({ execution: "y" }), "y0 y1")
      assert.strictEqual(yield* asked({ fromMillis: 60_000 }), "y0 y1")
      assert.strictEqual(yield* asked({ untilMillis: 60_000, object: b }), "x3 x5")
      assert.strictEqual(yield* asked({ tx: TxId.make("t1"), object: b }), "x3 x5")
      assert.strictEqual(yield* asked({ object: ObjectId.make("c") }), "")
    }).pipe(Effect.provide(inMemory())))

  it.effect("tells transactions of executions side by side apart", () =>
    Effect.gen(function*() {
      const start = (tx: string) => entry(0, new TraceEvent.TransactionStarted({ tx: TxId.make(tx) }))
      const end = (tx: string) => entry(2, new TraceEvent.TransactionAborted({ tx: TxId.make(tx) }))
      yield* append("x", start("t1"))
      yield* append("y", start("t2"), updated(1))
      yield* append("x", updated(1), end("t1"), updated(3))
      yield* append("y", end("t2"))
      assert.strictEqual(yield* asked({ tx: TxId.make("t1") }), "x0 x1 x2")
      assert.strictEqual(yield* asked({ tx: TxId.make("t2") }), "y0 y1 y2")
    }).pipe(Effect.provide(inMemory())))

  it.effect("comes in many pages", () =>
    Effect.gen(function*() {
      for (let n = 0; n < 1700; n++) yield* append("x", updated(n))
      const found = yield* ask({ object: a })
      assert.deepStrictEqual(found.map(({ entry }) => entry.timestamp), Array.from({ length: 1700 }, (_, n) => n))
    }).pipe(Effect.provide(inMemory())))

  it.effect("keeps so many entries, or those that are not older", () =>
    Effect.gen(function*() {
      const many = Effect.gen(function*() {
        for (let n = 0; n < 10; n++) {
          yield* append("x", updated(n))
          yield* TestClock.adjust("1 second")
        }
        return (yield* asked({})).split(" ")
      })
      assert.deepStrictEqual(yield* Effect.provide(many, inMemory({ maxEntries: 3 })), ["x7", "x8", "x9"])
      const aged = yield* Effect.provide(many, inMemory({ maxAge: "4 seconds", batch: 1 }))
      assert.deepStrictEqual(aged, ["x5", "x6", "x7", "x8", "x9"])
    }))

  it.effect("is written in batches, after a while, and at the end", () =>
    Effect.gen(function*() {
      const filename = yield* newFile
      const watching = faulty()
      let inserted = 0
      let commits = 0
      watching.fault = (_, sql) => {
        if (sql.startsWith("INSERT INTO trace (")) inserted++
        if (sql === "COMMIT") commits++
        return "none"
      }
      yield* Effect.gen(function*() {
        commits = 0
        for (let n = 0; n < 10; n++) yield* append("x", updated(n))
        assert.deepStrictEqual([inserted, commits], [8, 2])
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual([inserted, commits], [10, 3])
        yield* append("x", updated(10))
      }).pipe(Effect.provide(on(filename, { batch: 4 })), Effect.provide(layerDriver(watching.driver)))
      assert.strictEqual(inserted, 11)
      const found = yield* Effect.provide(ask({}), on(filename))
      assert.strictEqual(found.length, 11)
    }).pipe(Effect.scoped))

  it.effect("that cannot be written is kept, and tried again", () =>
    Effect.gen(function*() {
      const failing = faulty()
      yield* Effect.gen(function*() {
        failing.fault = (_, sql) => sql.startsWith("INSERT INTO trace (") ? "fails" : "none"
        for (let n = 0; n < 5; n++) yield* append("x", updated(n))
        const error = yield* Effect.flip(ask({}))
        assert.match(String(error.cause), /writing 5 trace entries failed: SQLITE_IOERR/)
        failing.fault = () => "none"
        assert.strictEqual(yield* asked({}), "x0 x1 x2 x3 x4")
      }).pipe(Effect.provide(inMemory({ batch: 2 })), Effect.provide(layerDriver(failing.driver)))
    }))

  it.live("is there after the machine has gone, and tells what its programs did", () =>
    Effect.gen(function*() {
      const filename = yield* newFile
      const Cell = Behaviour.layerRaw("cell", Effect.map(Introspect.input, (input) => [input]))
      const id = yield* Avm.run(
        Tx.transact(Effect.tap(Obj.create("cell", ControllerId.make("C")), (id) => Obj.call(id, 1)))
      ).pipe(
        Effect.provide(Layer.provideMerge(Cell, Sqlite.layerTraced({ filename, synchronous: "off" })))
      )
      const found = yield* Effect.provide(ask({ object: id }), on(filename))
      assert.deepStrictEqual(found.map(({ entry }) => entry.event._tag), ["ObjectCreated", "ObjectCalled"])
      const [first] = found
      assert(first !== undefined && Option.isSome(first.tx))
      const whole = yield* Effect.provide(ask({ tx: first.tx.value }), on(filename))
      assert.deepStrictEqual(whole.map(({ entry }) => entry.event._tag), [
        "TransactionStarted",
        "ObjectCreated",
        "ObjectCalled",
        "TransactionCommitted"
      ])
    }).pipe(Effect.scoped))
})
