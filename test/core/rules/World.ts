/**
 * The decisions and rulings of SPEC.md have one scenario each, in the tests beside this file. Here is what these share:
 * behaviours, a machine, ways to look at what came of it. What a vector or another test pins is not repeated;
 * `docs/spec-map.md` says where it is.
 */
import {
  Avm,
  AvmError,
  Behaviour,
  ControllerId,
  IdGenerator,
  Introspect,
  Machine,
  MachineId,
  Obj,
  ObjectId,
  ObjectStore,
  Pure,
  Reachability,
  Reflect,
  Reify,
  Scheduling,
  Trace,
  TraceEvent,
  Tx,
  TxId,
  Val
} from "@effect-avm/core"
import * as Rpc from "@effect/rpc/Rpc"
import { Cause, Effect, Exit, Layer, Option, Schema } from "effect"
import { assert } from "vitest"
import type { StoreLayer } from "../../support/Stores.js"

export const [C1, C2, H] = [ControllerId.make("C1"), ControllerId.make("C2"), ControllerId.make("H")]
export const [m0, m1, m2] = [MachineId.make("m0"), MachineId.make("m1"), MachineId.make("m2")]

// ---------------------------------------------------------------------------
// behaviours
// ---------------------------------------------------------------------------

/** Counts its messages. */
export const Counter = Behaviour.layerRaw("counter", function*() {
  const state = yield* Introspect.getState
  const n = typeof state === "number" ? state + 1 : 1
  yield* Introspect.setState(n)
  return [n]
})

/** Appends its message to its state; `"get"` answers the state. */
const Diary = Behaviour.layerRaw("diary", function*() {
  const [state, input] = [yield* Introspect.getState, yield* Introspect.input]
  assert(Array.isArray(state))
  if (input === "get") return [state]
  yield* Introspect.setState([...state, input])
  return []
})

/** Says where it is. */
const Where = Behaviour.layerRaw("where", function*() {
  return [[yield* Introspect.self, yield* Introspect.currentMachine, yield* Introspect.getState]]
})

/** What an instruction fails with, by its tag. */
const outcome = <A, E extends { readonly _tag: string }, R>(instruction: Effect.Effect<A, E, R>) =>
  Effect.match(instruction, { onFailure: ({ _tag }) => _tag, onSuccess: () => "done" })

/** Does as the message says, on `[what, …arguments]`. */
const Agent = Behaviour.layerRaw("agent", function*() {
  const input = yield* Introspect.input
  assert(Array.isArray(input))
  const [what, argument, message] = input
  switch (what) {
    case "call": {
      assert(ObjectId.isObjectId(argument))
      return Option.toArray(yield* Obj.call(argument, message ?? null))
    }
    case "call with state": {
      assert(ObjectId.isObjectId(argument))
      const state = yield* Introspect.getState
      yield* Introspect.setState(message ?? null)
      return Option.toArray(yield* Obj.call(argument, state))
    }
    case "destroy me": {
      yield* Obj.destroy(yield* Introspect.self)
      return [[yield* outcome(Introspect.getState), yield* outcome(Introspect.setState("ghost"))]]
    }
    case "teleport": {
      yield* Machine.teleport(m2)
      return yield* Effect.fail(new AvmError.NoActiveTx())
    }
    case "wait":
      return yield* Effect.zipRight(Machine.teleport(m2), Effect.never)
    case "fail": {
      yield* Introspect.setState("dirty")
      return yield* Effect.fail(new AvmError.NoActiveTx())
    }
    case "begin and fail": {
      yield* Tx.begin()
      yield* Introspect.setState("dirty")
      return yield* Effect.fail(new AvmError.NoActiveTx())
    }
    case "commit":
      return [yield* Tx.commit(TxId.make(String(argument)))]
    case "abort": {
      yield* Tx.abort(TxId.make(String(argument)))
      return []
    }
    default:
      return [yield* Introspect.getState]
  }
})

export const Sum = Behaviour.make("Sum", {
  state: Schema.Int,
  initial: 10,
  protocol: [
    Rpc.make("Add", { payload: { n: Schema.Int }, success: Schema.Int }),
    Rpc.make("Half", { success: Schema.Int })
  ]
})

const SumLive = Sum.toLayer({
  Add: ({ n }) => Sum.updateState((sum) => sum + n),
  Half: () => Effect.map(Sum.state, (sum) => sum / 4)
})

export const Other = Behaviour.make("Other", {
  state: Schema.Int,
  initial: 0,
  protocol: [Rpc.make("Add", { payload: { n: Schema.Int }, success: Schema.Int })]
})

const OtherLive = Other.toLayer({ Add: ({ n }) => Other.updateState((sum) => sum + n) })

const Behaviours = Layer.mergeAll(Counter, Diary, Where, Agent, SumLive, OtherLive)

// ---------------------------------------------------------------------------
// the machine
// ---------------------------------------------------------------------------

const platform = (store: StoreLayer, home: Option.Option<ControllerId.ControllerId>) =>
  Behaviours.pipe(
    Layer.provideMerge(Avm.layer({ homeController: home })),
    Layer.provideMerge(
      Layer.mergeAll(store, Reachability.layerTest, IdGenerator.layerCounter, Trace.layerNone, Scheduling.layerFair)
    )
  )

type World = Layer.Layer.Success<ReturnType<typeof platform>>

/** Runs each effect on a machine of its own. */
export const machines = (store: StoreLayer) => ({
  /** Without a home controller. */
  onMachine: <A, E>(effect: Effect.Effect<A, E, World>) => Effect.provide(effect, platform(store, Option.none())),
  atHome: <A, E>(effect: Effect.Effect<A, E, World>) => Effect.provide(effect, platform(store, Option.some(H)))
})

export const granted = Avm.layerUnsafe(Reflect.UnsafeReflect, Reify.UnsafeReify, Pure.UnsafePure)

export const cutMachine = (id: MachineId.MachineId, reachable = false) =>
  Effect.flatMap(Reachability.Switchboard, (switchboard) => switchboard.setMachine(id, reachable))

export const cutController = (id: ControllerId.ControllerId, reachable = false) =>
  Effect.flatMap(Reachability.Switchboard, (switchboard) => switchboard.setController(id, reachable))

export const stored = (id: ObjectId.ObjectId) =>
  Effect.gen(function*() {
    const store = yield* ObjectStore.ObjectStore
    const found = Option.getOrThrow(yield* Effect.orDie(store.read(id, ObjectStore.latest)))
    assert(found._tag === "StoredObject", found._tag)
    return found
  })

export const historyOf = (id: ObjectId.ObjectId) =>
  Effect.flatMap(ObjectStore.ObjectStore, (store) => Effect.orDie(store.history(id)))

/** Both controllers of a committed object. */
export const controllersOf = (id: ObjectId.ObjectId) =>
  Effect.map(stored(id), ({ metadata }) => [
    Option.getOrNull(metadata.creatingController),
    Option.getOrNull(metadata.currentController)
  ])

/** The first output of a call. */
export const ask = (id: ObjectId.ObjectId, input: Val.Val) => Effect.map(Obj.call(id, input), Option.getOrNull)

// ---------------------------------------------------------------------------
// looking at results
// ---------------------------------------------------------------------------

/** What something fails with, as data. */
export const failure = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), (error) => {
    assert(AvmError.isAvmError(error), String(error))
    return Schema.encodeSync(AvmError.AvmError)(error)
  })

export const tags = (trace: ReadonlyArray<TraceEvent.TraceEntry>) => trace.map(({ event }) => event._tag)

/** Entries as data, without their numbers. */
export const shown = (trace: ReadonlyArray<TraceEvent.TraceEntry>) =>
  trace.map((entry) => {
    const { event, executingController } = entry
    return [Schema.encodeSync(TraceEvent.TraceEvent)(event), Option.getOrNull(executingController)] as const
  })

export const sameVal = (actual: unknown, expected: Val.Val): void => {
  const val = Effect.runSync(Val.fromUnknown(actual))
  assert.isTrue(Val.equals(val, expected), `${Val.format(val)} is not ${Val.format(expected)}`)
}

export const succeeded = <A, E>(exit: Exit.Exit<A, E>): A => {
  assert(Exit.isSuccess(exit), Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "")
  return exit.value
}

export const defect = <A, E>(exit: Exit.Exit<A, E>): string => {
  assert(Exit.isFailure(exit), "it succeeded")
  return String(Option.getOrThrow(Cause.dieOption(exit.cause)))
}
