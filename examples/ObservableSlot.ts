/**
 * The observer pattern, with calls and with messages. A slot tells its observers that it is about to change, then changes.
 * Called at once, an observer runs in the middle of that plan, and reads the old value. Sent to, it runs in a turn of its
 * own, after the plan is through: whatever the order in which the slot does things, it cannot come in between.
 *
 * ```sh
 * npx tsx --conditions=@effect-avm/source examples/ObservableSlot.ts
 * ```
 */
import { Avm, Behaviour, ObjectId, Turns, Tx } from "@effect-avm/core"
import * as Rpc from "@effect/rpc/Rpc"
import { Console, Effect, Layer, Schema } from "effect"
import { realpathSync } from "node:fs"
import { pathToFileURL } from "node:url"

// ---------------------------------------------------------------------------
// the behaviours
// ---------------------------------------------------------------------------

/** How observers hear of a change. */
export type Way = "call" | "send"

class Refused extends Schema.TaggedError<Refused>()("Refused", { value: Schema.Int }) {}

export const Slot = Behaviour.make("Slot", {
  state: Schema.Struct({
    value: Schema.Int,
    way: Schema.Literal("call", "send"),
    observers: Schema.Array(ObjectId.ObjectId)
  }),
  initial: { value: 0, way: "send", observers: [] },
  protocol: [
    Rpc.make("Use", { payload: { way: Schema.Literal("call", "send") } }),
    Rpc.make("Watch", { payload: { observer: ObjectId.ObjectId } }),
    Rpc.make("Get", { success: Schema.Int }),
    Rpc.make("Set", { payload: { value: Schema.Int }, error: Refused }),
    Rpc.make("SetAll", { payload: { values: Schema.Array(Schema.Int) }, error: Refused })
  ]
})

/** An observer asks the slot what it holds, and writes it down. A moody one refuses to. */
export const Observer = Behaviour.make("Observer", {
  state: Schema.Struct({ slot: Schema.NullOr(Slot.Ref), moody: Schema.Boolean, seen: Schema.Array(Schema.Int) }),
  initial: { slot: null, moody: false, seen: [] },
  protocol: [
    Rpc.make("Observe", { payload: { slot: Slot.Ref, moody: Schema.Boolean } }),
    Rpc.make("Changed"),
    Rpc.make("Seen", { success: Schema.Array(Schema.Int) })
  ]
})

/** A reference to a slot, as a type. */
export type Slot = typeof Slot.Ref.Type

/** The observers first, the value last: the same words for calls and for messages. */
const change = Effect.fn(function*(value: number) {
  const { observers, way } = yield* Slot.state
  for (const id of observers) {
    const observer = Observer.ref(id)
    yield* way === "call" ? observer.Changed() : observer.sendOnly.Changed()
  }
  if (value < 0) return yield* new Refused({ value })
  yield* Slot.updateState((state) => ({ ...state, value }))
})

const SlotLive = Slot.toLayer({
  Use: ({ way }) => Effect.asVoid(Slot.updateState((state) => ({ ...state, way }))),
  Watch: ({ observer }) =>
    Effect.asVoid(Slot.updateState((state) => ({ ...state, observers: [...state.observers, observer] }))),
  Get: () => Effect.map(Slot.state, ({ value }) => value),
  Set: ({ value }) => change(value),
  SetAll: ({ values }) => Effect.forEach(values, change, { discard: true })
})

const ObserverLive = Observer.toLayer({
  Observe: ({ moody, slot }) =>
    Effect.gen(function*() {
      yield* Observer.updateState((state) => ({ ...state, moody, slot }))
      const { id } = yield* Observer.self
      yield* slot.Watch({ observer: id })
    }),
  *Changed() {
    const { moody, slot } = yield* Observer.state
    if (moody) return yield* Behaviour.reject
    if (slot === null) return
    const value = yield* slot.Get()
    yield* Observer.updateState((state) => ({ ...state, seen: [...state.seen, value] }))
  },
  Seen: () => Effect.map(Observer.state, ({ seen }) => seen)
})

// ---------------------------------------------------------------------------
// the program
// ---------------------------------------------------------------------------

/** A slot with observers, who hear of it in this way; `moody` is the place of the one that refuses. */
export const watched = (way: Way, observers: number, moody?: number) =>
  Tx.transact(Effect.gen(function*() {
    const slot = yield* Slot.create()
    yield* slot.Use({ way })
    const watching = []
    for (let n = 0; n < observers; n++) {
      const observer = yield* Observer.create()
      yield* observer.Observe({ slot, moody: n === moody })
      watching.push(observer)
    }
    return { slot, watching }
  }))

const changes = (way: Way) =>
  Effect.gen(function*() {
    const { slot, watching } = yield* watched(way, 2)
    yield* Tx.transact(slot.Set({ value: 1 }))
    yield* Turns.settle
    yield* Tx.transact(slot.SetAll({ values: [2, 3] }))
    yield* Turns.settle
    return yield* Effect.forEach(watching, (observer) => observer.Seen())
  })

const disturbed = (way: Way) =>
  Effect.gen(function*() {
    const { slot, watching } = yield* watched(way, 3, 1)
    const set = yield* Effect.isSuccess(Tx.transact(slot.Set({ value: 1 })))
    yield* Turns.settle
    return { set, value: yield* slot.Get(), seen: yield* Effect.forEach(watching, (observer) => observer.Seen()) }
  })

/** Turns are run when the program says so, not in the background: what is printed is the same each time. */
export const Machine = Avm.layerMemoryWith({ turns: { run: "manual", onFailure: "drop" } })

export const Behaviours = Behaviour.layerAll(SlotLive, ObserverLive)

export const main = Effect.gen(function*() {
  const called = yield* Avm.run(changes("call"))
  const sent = yield* Avm.run(changes("send"))
  yield* Console.log("A slot is set to 1; then to 2 and 3 in one go. Two observers ask it what it holds.")
  yield* Console.log(`Called, they read   ${called.map((seen) => seen.join(", ")).join("   ")}`)
  yield* Console.log(`Sent to, they read  ${sent.map((seen) => seen.join(", ")).join("   ")}`)
  const afterCall = yield* Avm.run(disturbed("call"))
  const afterSend = yield* Avm.run(disturbed("send"))
  yield* Console.log("\nThe second of three observers refuses.")
  yield* Console.log(
    `Called, the slot    ${afterCall.set ? "is set" : "is not set"}, and ${heard(afterCall.seen)} heard of it`
  )
  yield* Console.log(
    `Sent to, the slot   ${afterSend.set ? "is set" : "is not set"}, and ${heard(afterSend.seen)} heard of it`
  )
  return { called, sent, afterCall, afterSend }
}).pipe(Effect.provide(Layer.provideMerge(Behaviours, Machine)))

const heard = (seen: ReadonlyArray<ReadonlyArray<number>>): string =>
  `${seen.filter((_) => _.length > 0).length} of ${seen.length}`

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) {
  await Effect.runPromise(main)
}
