/**
 * A machine for tests of messages: turns run when they are told to, ids count, entries of the trace are kept by execution.
 */
import {
  Avm,
  Behaviour,
  ControllerId,
  IdGenerator,
  Introspect,
  Obj,
  ObjectId,
  ObjectStore,
  Reachability,
  Scheduling,
  Trace,
  type TraceEvent,
  Turns,
  type Val
} from "@effect-avm/core"
import { Context, Effect, Layer, Stream } from "effect"
import type { StoreLayer } from "../support/Stores.js"

export const C1 = ControllerId.make("C1")
export const local = ControllerId.make("local")

/** The entries of each execution, as they come. */
export class Entries extends Context.Tag("Entries")<Entries, ReadonlyArray<Array<TraceEvent.TraceEntry>>>() {}

const tracing: Layer.Layer<Trace.Trace | Entries> = Layer.effectContext(Effect.sync(() => {
  const entries: Array<Array<TraceEvent.TraceEntry>> = []
  const known = new Map<string, Array<TraceEvent.TraceEntry>>()
  return Context.make(Trace.Trace, {
    enabled: true,
    append: (execution, entry) =>
      Effect.sync(() => {
        const own = known.get(execution)
        if (own !== undefined) return void own.push(entry)
        const first = [entry]
        known.set(execution, first)
        entries.push(first)
      }),
    stream: Stream.empty
  }).pipe(Context.add(Entries, entries))
}))

/** All of it, on a store. */
export const machine = (store: StoreLayer, options: Avm.Options = {}) =>
  Layer.provideMerge(
    Avm.layer({ ...options, turns: { run: "manual", ...options.turns } }),
    Layer.mergeAll(store, Reachability.layerTest, Scheduling.layerFair, IdGenerator.layerCounter, tracing)
  )

/** The tags of what happened, one list for each execution that said something. */
export const tags = Effect.map(Entries, (all) => all.map((entries) => entries.map(({ event }) => event._tag)))

// ---------------------------------------------------------------------------
// behaviours
// ---------------------------------------------------------------------------

/** Keeps what it is told, in order; answers how much that is. A message `"fail"` fails after it was kept. */
const Log = Behaviour.layerRaw("log", function*() {
  const input = yield* Introspect.input
  const kept = (yield* Introspect.getState) as ReadonlyArray<Val.Val>
  yield* Introspect.setState([...kept, input])
  if (input === "fail") yield* Obj.call(missing, null)
  if (input === "die") yield* Effect.die(new Error("broken"))
  return [kept.length + 1]
})

export const missing = ObjectId.make("missing")

/** Sends each of its input's `[to, message]`s, fails in the middle if one of them is `"fail"`, and answers itself. */
const Sender = Behaviour.layerRaw("sender", function*() {
  const sends = yield* Introspect.input
  if (!Array.isArray(sends)) return [yield* Introspect.self]
  for (const send of sends) {
    if (send === "fail") yield* Obj.call(missing, null)
    else yield* Obj.sendOnly(send[0], send[1])
  }
  return [yield* Introspect.self]
})

/** Takes as many messages as its input says, and answers what it got. */
const Taker = Behaviour.layerRaw("taker", function*() {
  const count = Number(yield* Introspect.input)
  const got: Array<Val.Val> = []
  for (let n = 0; n < count; n++) {
    const message = yield* Obj.receive
    got.push(message._tag === "Some" ? [message.value] : [])
  }
  return [got]
})

/** Answers what it is told: an object, in these tests. */
const Teller = Behaviour.layerRaw("teller", Effect.map(Introspect.input, (input) => [input]))

/** Keeps what it is called with; answers what it has kept when it is sent to. */
const Keeper = Behaviour.layerRaw("keeper", function*() {
  const input = yield* Introspect.input
  if (input !== null) yield* Introspect.setState(input)
  return [yield* Introspect.getState]
})

/** Answers who sent the message. */
const Who = Behaviour.layerRaw(
  "who",
  Effect.map(Introspect.sender, (sender) => sender._tag === "Some" ? [sender.value] : [])
)

export const behaviours = Layer.mergeAll(Log, Sender, Taker, Teller, Keeper, Who)

/** A program of its own on the machine. */
export const run = Avm.run

/** What a log has kept. */
export const kept = (id: ObjectId.ObjectId) =>
  Effect.flatMap(
    ObjectStore.ObjectStore,
    (store) =>
      Effect.map(store.read(id, ObjectStore.latest), (stored) =>
        stored._tag === "Some" && stored.value._tag === "StoredObject" ? stored.value.state : undefined)
  )

export const settle = Turns.settle
