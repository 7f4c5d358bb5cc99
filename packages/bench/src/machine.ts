/**
 * The machine that is measured, and the behaviours on it.
 */
import { Avm, Behaviour, ControllerId, IdGenerator, Introspect, Obj, type ObjectId, Trace } from "@effect-avm/core"
import * as Rpc from "@effect/rpc/Rpc"
import { Effect, Layer, ManagedRuntime, Option, Schema } from "effect"

export const controller = ControllerId.make("C1")

/** Reads its input and its state, writes its state, answers: what a small object does. */
const Adder = Behaviour.layerRaw("adder", function*() {
  const n = yield* Introspect.input
  const state = yield* Introspect.getState
  const sum = (typeof state === "number" ? state : 0) + (typeof n === "number" ? n : 0)
  yield* Introspect.setState(sum)
  return [sum]
})

/** The same with something that is no instruction in between. */
const Foreign = Behaviour.layerRaw("foreign", function*() {
  const n = yield* Introspect.input
  const state = yield* Introspect.getState
  const sum = (typeof state === "number" ? state : 0) + (typeof n === "number" ? n : 0)
  yield* Effect.yieldNow()
  yield* Introspect.setState(sum)
  return [sum]
})

/** Instructions in a frame: as many as the input says. */
const Looper = Behaviour.layerRaw("looper", function*() {
  const n = yield* Introspect.input
  for (let i = 0; i < Number(n); i++) yield* Introspect.getState
  return []
})

/** Calls the object it is told, as often as it is told. */
const Caller = Behaviour.layerRaw("caller", function*() {
  const input = yield* Introspect.input
  const [id, times] = input as unknown as readonly [ObjectId.ObjectId, number]
  for (let i = 0; i < times; i++) yield* Obj.call(id, 1)
  return []
})

const Deep = Behaviour.layerRaw("deep", function*() {
  const n = yield* Introspect.input
  if (n === 0) return [0]
  const below = yield* Obj.call(yield* Introspect.self, Number(n) - 1)
  return [Option.getOrElse(below, () => 0)]
})

const Failing = Behaviour.layerRaw("failing", Behaviour.reject)

export const Account = Behaviour.make("Account", {
  state: Schema.Struct({ balance: Schema.Int }),
  initial: { balance: 0 },
  protocol: [Rpc.make("Deposit", { payload: { amount: Schema.Int }, success: Schema.Int })]
})

const AccountLive = Account.toLayer({
  *Deposit({ amount }) {
    const { balance } = yield* Account.state
    yield* Account.setState({ balance: balance + amount })
    return balance + amount
  }
})

const behaviours = Layer.mergeAll(Adder, Foreign, Looper, Caller, Deep, Failing, AccountLive)

/** A machine of its own, with the trace that `trace` makes. */
export const make = (trace: Layer.Layer<Trace.Trace> = Trace.layerNone) => {
  const platform = Layer.provide(
    Avm.layer({ homeController: Option.none() }),
    Layer.mergeAll(Avm.layerPortsMemory, IdGenerator.layerCounter, trace)
  )
  const runtime = ManagedRuntime.make(Layer.provideMerge(behaviours, platform))
  const run = <A, E, R>(program: Effect.Effect<A, E, R> & Avm.Runnable<R>): Effect.Effect<A> => {
    const running = Avm.run(program) as Effect.Effect<A, E, Layer.Layer.Success<typeof behaviours> | Avm.Avm>
    return Effect.promise(() => runtime.runPromise(running))
  }
  return { run, runtime }
}

export type Machine = ReturnType<typeof make>
