/**
 * Running concurrent programs on the machine, under a seed, with a log of every instruction and a history of the store.
 *
 * @since 0.1.0
 */
import {
  Avm,
  type AvmError,
  Behaviour,
  ControllerId,
  IdGenerator,
  type InstructionSet,
  Introspect,
  type Mailboxes,
  Obj,
  type ObjectId,
  ObjectStore,
  Pure,
  Reachability,
  Reflect,
  Reify,
  Scheduling,
  Trace,
  Tx
} from "@effect-avm/core"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as FiberRef from "effect/FiberRef"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as History from "../History.js"
import type * as Script from "../Script.js"
import * as SeededScheduler from "../SeededScheduler.js"
import { account, type Action, type Block, type Concurrent, instructionOf } from "./Actions.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * An instruction that was executed, with those that the behaviour it called executed. What it did to the store is in the
 * history under its label.
 *
 * @since 0.1.0
 * @category models
 */
export interface Logged {
  readonly label: string
  readonly instruction: Script.Instruction
  readonly within: ReadonlyArray<Logged>
  readonly exit: Exit.Exit<unknown, unknown>
}

/**
 * An object at the end: what is committed, and its history.
 *
 * @since 0.1.0
 * @category models
 */
export interface Kept {
  readonly stored: ObjectStore.StoredObject
  readonly accepted: ReadonlyArray<ObjectStore.Accepted>
}

/**
 * What happened. The first log is that of the program that made the shared objects.
 *
 * @since 0.1.0
 * @category models
 */
export interface Ran {
  /** Programs attempt all they do: what they end with otherwise is a defect. */
  readonly failures: ReadonlyArray<string>
  readonly history: History.History
  readonly logs: ReadonlyArray<ReadonlyArray<Logged>>
  /** In order of creation. */
  readonly objects: ReadonlyArray<Kept>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface RunOptions {
  readonly seed: number
  /** The store in memory, if absent. */
  readonly store?: Layer.Layer<ObjectStore.ObjectStore | Mailboxes.Mailboxes>
}

// ---------------------------------------------------------------------------
// running
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category running
 */
export const run = (
  { home, programs, shared, yielding }: Concurrent,
  { seed, store = ObjectStore.layerMemory }: RunOptions
): Effect.Effect<Ran> =>
  Effect.suspend(() => {
    const logs: Array<Array<Logged>> = []
    const start = <A>(program: (log: string) => Effect.Effect<A, AvmError.AvmError, Script.Requirements>) => {
      const log: Log = { name: `p${logs.length}`, entries: [], counter: { count: 0 } }
      logs.push(log.entries)
      // Its root id is the first thing that it asks for, so that it is in the log.
      const whole = Effect.zipRight(Introspect.self, program(log.name))
      return Effect.locally(Avm.run(Effect.provide(whole, allUnsafe)), current, Option.some(log))
    }
    return Effect.gen(function*() {
      const known = yield* Effect.orDie(start(() =>
        Effect.forEach(shared, (owner) => Obj.create("account", owner === null ? undefined : ControllerId.make(owner)))
      ))
      const programsStarted = programs.map((blocks) =>
        start((name) => play(blocks, name, [...known]))
      )
      const exits = yield* SeededScheduler.withSeed(seed)(
        Effect.forEach(programsStarted, (program) => Effect.exit(program), { concurrency: "unbounded" })
      )
      const failures = exits.flatMap((exit) => Exit.isFailure(exit) ? [Cause.pretty(exit.cause)] : [])
      const service = yield* ObjectStore.ObjectStore
      const recorded = yield* History.Recording
      const history = yield* recorded.history
      const objects: Array<Kept> = []
      for (const stored of yield* Effect.orDie(service.scan(ObjectStore.latest))) {
        objects.push({ stored, accepted: yield* Effect.orDie(service.history(stored.metadata.id)) })
      }
      return { failures, history, logs, objects }
    }).pipe(Effect.provide(platform(home, History.recording(store, { yielding }))))
  })

/** A script may use every instruction. */
const allUnsafe = Avm.layerUnsafe(Reflect.UnsafeReflect, Reify.UnsafeReify, Pure.UnsafePure)

/** What is recorded is below the kernel, what is logged is above it. */
const platform = (
  home: string | null,
  store: Layer.Layer<ObjectStore.ObjectStore | Mailboxes.Mailboxes | History.Recording>
) => {
  const machine = Avm.layer({ homeController: Option.map(Option.fromNullable(home), ControllerId.make) })
  const ports = Layer.mergeAll(
    store,
    Reachability.layerAll,
    IdGenerator.layerCounter,
    Trace.layerNone,
    Scheduling.layerFair
  )
  const logging = Avm.intercept((instruction, execute) => logged(instruction, execute))
  const objects = Behaviour.layerRaw("account", driven(account)).pipe(Layer.provide(allUnsafe))
  return Layer.provideMerge(Layer.merge(logging, objects), Layer.provideMerge(machine, ports))
}

/**
 * Like `Script.toEffect`, but each instruction is run as the effect it is. Executed while it is yielded, it would count
 * against an allowance that all runs of the process share, whose pauses no seed knows of.
 */
const driven = (script: Script.Script): ReturnType<typeof Script.toEffect> =>
  Effect.suspend(() => {
    const generator = script()
    const go = (answer?: unknown): ReturnType<typeof Script.toEffect> => {
      const next = generator.next(answer)
      return next.done === true ? Effect.succeed(next.value) : Effect.flatMap(effectOf(next.value), go)
    }
    return go()
  })

const effectOf = (request: Script.Request): Effect.Effect<unknown, AvmError.AvmError, Script.Requirements> => {
  switch (request._tag) {
    case "Script.attempt": {
      const instruction: Effect.Effect<unknown, AvmError.AvmError, Script.Requirements> = request.instruction
      return Effect.either(instruction)
    }
    case "Script.reject":
      return Behaviour.reject
    case "Script.toggle":
      return Effect.dieMessage("concurrent programs: nothing to toggle")
    default:
      return request
  }
}

// ---------------------------------------------------------------------------
// the log
// ---------------------------------------------------------------------------

/** Where the running program enters its instructions; none outside of programs. */
const current = FiberRef.unsafeMake<Option.Option<Log>>(Option.none())

interface Log {
  readonly name: string
  readonly entries: Array<Logged>
  /** Of the whole program, called behaviours included. */
  readonly counter: { count: number }
}

const logged = <A, E>(
  instruction: { readonly _tag: string },
  execute: Effect.Effect<A, E>
): Effect.Effect<A, E> =>
  Effect.flatMap(FiberRef.get(current), (log) => {
    if (Option.isNone(log)) return execute
    const { counter, entries, name } = log.value
    const within: Array<Logged> = []
    const label = `${name}#${++counter.count}`
    const inner: Log = { name, entries: within, counter }
    return Effect.yieldNow().pipe(
      Effect.zipRight(execute),
      History.labelled(label),
      (effect) => Effect.locally(effect, current, Option.some(inner)),
      // Nothing but instructions of the machine comes here.
      Effect.onExit((exit) =>
        Effect.sync(() => entries.push({ label, instruction: instruction as Script.Instruction, within, exit }))
      )
    )
  })

// ---------------------------------------------------------------------------
// programs
// ---------------------------------------------------------------------------

class OnPurpose extends Data.TaggedError("OnPurpose") {}

const play = (
  blocks: ReadonlyArray<Block>,
  name: string,
  known: Array<ObjectId.ObjectId>
): Effect.Effect<void, AvmError.AvmError, Script.Requirements> => {
  let marks = 0
  const act = (action: Action) =>
    Effect.suspend(() => {
      const instruction: Effect.Effect<unknown, AvmError.AvmError, Script.Requirements> = instructionOf(
        action,
        known,
        `${name}.${++marks}`
      )
      return Effect.map(Effect.either(instruction), (answer) => {
        if (Either.isRight(answer)) learn(known, action, answer.right)
      })
    })
  const all = (actions: ReadonlyArray<Action>) => Effect.forEach(actions, act, { discard: true })
  const controllerOf = (lock: string | null) => lock === null ? {} : { controller: ControllerId.make(lock) }

  return Effect.forEach(blocks, (block): Effect.Effect<void, AvmError.AvmError, Script.Requirements> => {
    switch (block.kind) {
      case "alone":
        return all(block.actions)
      case "raw":
        return Effect.gen(function*() {
          const begun = yield* Effect.either(Tx.begin(controllerOf(block.lock).controller))
          yield* all(block.actions)
          if (Either.isLeft(begun) || block.end === "nothing") return
          const ending: Effect.Effect<unknown, AvmError.AvmError, Tx.Tx> = block.end === "commit"
            ? Tx.commit(begun.right)
            : Tx.abort(begun.right)
          yield* Effect.either(ending)
        })
      case "bracket": {
        const body = block.fails ? Effect.zipRight(all(block.actions), new OnPurpose()) : all(block.actions)
        return Effect.ignore(transact(body, { ...controllerOf(block.lock), retry: Schedule.recurs(block.retries) }))
      }
      case "readOnly":
        return Effect.ignore(transact(all(block.actions), { ...controllerOf(block.lock), readOnly: true }))
    }
  }, { discard: true })
}

/** What the compiler would refuse in a bracket, generated actions do not do. */
const transact = <E>(body: Effect.Effect<void, E, Script.Requirements>, options: Tx.Options) =>
  // `Script.Requirements` is of every instruction; none of the actions needs a place outside transactions.
  Tx.transact(body as Effect.Effect<void, E, InstructionSet.Safe>, options)

/** Objects created or found are known from then on. */
const learn = (known: Array<ObjectId.ObjectId>, { op }: Action, answer: unknown): void => {
  // These are what the instructions of the two operations answer.
  if (op === "create") known.push(answer as Effect.Effect.Success<Obj.Create>)
  if (op === "scry") {
    for (const [id] of answer as Effect.Effect.Success<Reflect.ScryMeta>) {
      if (!known.some(({ value }) => value === id.value)) known.push(id)
    }
  }
}
