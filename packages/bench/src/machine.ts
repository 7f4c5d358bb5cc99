/**
 * The machine that is measured, and the behaviours on it.
 */
import {
  Avm,
  AvmError,
  Behaviour,
  ControllerId,
  IdGenerator,
  Introspect,
  Obj,
  type ObjectId,
  Trace
} from "@effect-avm/core"
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
const adding = (name: string, effect: Effect.Effect<unknown>) =>
  Behaviour.layerRaw(name, function*() {
    const n = yield* Introspect.input
    const state = yield* Introspect.getState
    const sum = (typeof state === "number" ? state : 0) + (typeof n === "number" ? n : 0)
    yield* effect
    yield* Introspect.setState(sum)
    return [sum]
  })

const Foreign = Layer.mergeAll(
  adding("foreign", Effect.sync(() => 1)),
  // It has to be run by the fiber, which answers at once …
  adding("escaping", Effect.flatMap(Effect.sync(() => 1), () => Effect.void)),
  // … or waits for its next turn.
  adding("waiting", Effect.yieldNow())
)

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

const Refusing = Behaviour.layerRaw("refusing", Behaviour.reject)

const failure = new AvmError.FunctionNotFound({ name: "nothing" })
const Failing = Behaviour.layerRaw("failing", function*() {
  return yield* Effect.fail(failure)
})

const defect = new Error("broken")

const Dying = Behaviour.layerRaw("dying", function*() {
  throw defect
})

/** Calls the object it is told, as often as it is told, and catches what fails. */
const Catching = Behaviour.layerRaw("catching", function*() {
  const input = yield* Introspect.input
  const [id, times] = input as unknown as readonly [ObjectId.ObjectId, number]
  for (let i = 0; i < times; i++) yield* Effect.catchTag(Obj.call(id, 1), "FunctionNotFound", () => Effect.void)
  return []
})

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

const behaviours = Layer.mergeAll(Adder, Foreign, Looper, Caller, Deep, Refusing, Failing, Dying, Catching, AccountLive)

/** A machine of its own, with the trace that `trace` makes. */
export const make = (trace: Layer.Layer<Trace.Trace> = Trace.layerNone) => {
  const platform = Avm.layer({ homeController: Option.none() }).pipe(
    Layer.provideMerge(trace),
    Layer.provide(Layer.merge(Avm.layerPortsMemory, IdGenerator.layerCounter))
  )
  const runtime = ManagedRuntime.make(Layer.provideMerge(behaviours, platform))
  const run = <A, E, R>(program: Effect.Effect<A, E, R> & Avm.Runnable<R>): Effect.Effect<A> => {
    const running = Avm.run(program) as Effect.Effect<A, E, Layer.Layer.Success<typeof behaviours> | Avm.Avm>
    return Effect.promise(() => runtime.runPromise(running))
  }
  return { run, runtime }
}

export type Machine = ReturnType<typeof make>
