/**
 * The virtual machine put together: its layers, and how a program is run.
 *
 * A machine is a layer. Provide it once, at the edge of the application, together with the layers of the behaviours: two
 * separate `Effect.provide`s of a platform make two machines, which know nothing of each other's objects.
 *
 * @since 0.1.0
 */
import { ConstraintSolver, Solver } from "@effect-avm/solver"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { BehaviourNotFound, FreezeFailed, ObjectNotFound, StoreError } from "./AvmError.js"
import { type AnySelf, Registry } from "./Behaviour.js"
import * as ControllerId from "./ControllerId.js"
import * as IdGenerator from "./IdGenerator.js"
import type { Instr } from "./Instr.js"
import type { Instruction, Safe, Unsafe } from "./InstructionSet.js"
import * as families from "./internal/families.js"
import * as functions from "./internal/functions.js"
import { intercepting } from "./internal/intercepting.js"
import type { Kernel } from "./internal/kernel.js"
import * as outputs from "./internal/outputs.js"
import { Post } from "./internal/post.js"
import * as privilege from "./internal/privilege.js"
import * as registry from "./internal/registry.js"
import * as replaying from "./internal/replaying.js"
import * as running from "./internal/running.js"
import { direct } from "./internal/storeSteps.js"
import { later } from "./internal/sync.js"
import * as turnLoop from "./internal/turnLoop.js"
import * as MachineId from "./MachineId.js"
import * as Mailboxes from "./Mailboxes.js"
import type { ObjectId } from "./ObjectId.js"
import * as ObjectStore from "./ObjectStore.js"
import { Outbox } from "./Outbox.js"
import type { UnsafePure } from "./Pure.js"
import * as Reachability from "./Reachability.js"
import type { UnsafeReflect } from "./Reflect.js"
import type { UnsafeReify } from "./Reify.js"
import * as Scheduling from "./Scheduling.js"
import * as Trace from "./Trace.js"
import type { TraceEntry } from "./TraceEvent.js"
import * as Turns from "./Turns.js"
import type { AnyInTx, OutsideTx } from "./TxPlace.js"
import type { Val } from "./Val.js"

/**
 * A running machine. What it needs to run programs is its own affair: the families, the kernel, the ports.
 *
 * @since 0.1.0
 * @category services
 */
export class Avm extends Context.Tag("@effect-avm/core/Avm")<Avm, {
  /** The families as programs and behaviours get them; `override` replaces some. */
  readonly families: Context.Context<Safe>
  /** Those that are granted by name, see `layerUnsafe`. */
  readonly unsafe: Context.Context<Unsafe>
  /** @internal */
  readonly kernel: Kernel
}>() {}

// ---------------------------------------------------------------------------
// options
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The controller this machine acts for; `"local"` without. */
  readonly homeController?: Option.Option<ControllerId.ControllerId>
  /** Where programs start; `"m0"` without. */
  readonly machine?: MachineId.MachineId
  /** Whether `receive` waits for a message, as it does without, or answers none at once (D23). */
  readonly receive?: "wait" | "none"
  /** How many messages a mailbox takes; any number without. */
  readonly mailbox?: MailboxOptions
  /** How turns are run; in the background without. */
  readonly turns?: Turns.Options
  /**
   * Keeps, with each message in a history, what the instructions of its activation were answered (A42): then `replay`
   * leads to the state. It costs time and space; `false` without. Hazard: every machine on a file has to have it, since a
   * message that was accepted without its answers ends what can be replayed of its object.
   */
  readonly recordAnswers?: boolean
}

/**
 * @since 0.1.0
 * @category models
 */
export interface MailboxOptions {
  readonly capacity: number
  /**
   * Whether sending to a full mailbox fails with `MailboxFull`, as it does without, or waits until there is room. Inside
   * transactions and turns it always fails: whoever waits there keeps others from making room.
   */
  readonly onFull?: "fail" | "wait"
}

/**
 * @since 0.1.0
 * @category models
 */
export interface RunOptions {
  /** The message of the root frame; `null` without. */
  readonly input?: Val
}

// ---------------------------------------------------------------------------
// layers
// ---------------------------------------------------------------------------

/**
 * What every ready-made platform provides.
 *
 * @since 0.1.0
 * @category models
 */
export type Platform = Avm | Registry | Turns.Turns | Outbox

/**
 * @since 0.1.0
 * @category models
 */
export type Ports =
  | ObjectStore.ObjectStore
  | Mailboxes.Mailboxes
  | Reachability.Reachability
  | Scheduling.Scheduling
  | IdGenerator.IdGenerator
  | Trace.Trace

/**
 * The machine over ports of one's own choice. A `ConstraintSolver` that is there as well decides between choices (D29);
 * otherwise the embedded one does.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<Platform, never, Ports> =>
  Layer.scopedContext(Effect.gen(function*() {
    const store = yield* ObjectStore.ObjectStore
    const behaviours = registry.make()
    const post = new Post({
      receive: options?.receive ?? "wait",
      capacity: options?.mailbox?.capacity ?? Number.POSITIVE_INFINITY,
      onFull: options?.mailbox?.onFull ?? "fail"
    })
    const kernel: Kernel = {
      store,
      objects: direct(store, ObjectStore.noChanges),
      mailboxes: yield* Mailboxes.Mailboxes,
      post,
      reachability: yield* Reachability.Reachability,
      ids: yield* IdGenerator.IdGenerator,
      trace: yield* Trace.Trace,
      registry: behaviours,
      functions: functions.make(store),
      privilege: privilege.make(),
      solver: Option.getOrElse(yield* Effect.serviceOption(ConstraintSolver.ConstraintSolver), () => embedded),
      homeController: options?.homeController ?? Option.some(ControllerId.make("local")),
      machine: options?.machine ?? MachineId.make("m0"),
      recordAnswers: options?.recordAnswers ?? false
    }
    const safe = families.safe(kernel)
    post.families = safe
    const outbox = outputs.make(kernel)
    const turns = yield* turnLoop.make(kernel, yield* Scheduling.Scheduling, outbox, options?.turns ?? {})
    if (options?.turns?.run !== "manual") yield* Effect.forkScoped(turns.run)
    return Context.make(Avm, { families: safe, unsafe: families.unsafe(kernel), kernel }).pipe(
      Context.add(Registry, behaviours),
      Context.add(Turns.Turns, turns),
      Context.add(Outbox, outbox.outbox)
    )
  }))

/**
 * Every port in memory: random ids, everybody reachable, fair scheduling, no trace but that of `runTraced`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerPortsMemory: Layer.Layer<Ports> = Layer.mergeAll(
  ObjectStore.layerMemory,
  Reachability.layerAll,
  Scheduling.layerFair,
  IdGenerator.layerRandom,
  Trace.layerNone
)

/**
 * @since 0.1.0
 * @category layers
 */
export const layerMemoryWith = (options: Options): Layer.Layer<Platform> =>
  Layer.provide(layer(options), layerPortsMemory)

/**
 * The whole machine in memory, for tests and for what need not survive.
 *
 * ```ts
 * import { Avm, Behaviour, Introspect, Obj } from "@effect-avm/core"
 * import { Effect, Option } from "effect"
 * import * as assert from "node:assert/strict"
 *
 * const Echo = Behaviour.layerRaw("echo", Effect.map(Introspect.input, (input) => [input]))
 *
 * const program = Effect.gen(function*() {
 *   const echo = yield* Obj.create("echo")
 *   return yield* Obj.call(echo, "hello")
 * })
 *
 * const main = Avm.run(program).pipe(Effect.provide(Echo), Effect.provide(Avm.layerMemory))
 * assert.deepEqual(await Effect.runPromise(main), Option.some("hello"))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<Platform> = layerMemoryWith({})

// ---------------------------------------------------------------------------
// families of one's own
// ---------------------------------------------------------------------------

/**
 * Puts a family service of one's own in place of the machine's, everywhere, inside behaviours as well. It may be built on
 * the one it replaces.
 *
 * @since 0.1.0
 * @category layers
 */
export const override = <S extends Instruction, E, R>(
  family: Layer.Layer<S, E, R>
): Layer.Layer<Avm, E, Exclude<R, Instruction> | Avm> =>
  Layer.scoped(
    Avm,
    Effect.gen(function*() {
      const avm = yield* Avm
      const known = Context.merge(avm.families, avm.unsafe)
      // What the layer needs of families is here; the rest is left as a requirement.
      const built =
        (yield* Effect.provide(Layer.build(family), known as Context.Context<R & Instruction>)) as Context.Context<S>
      const families = replacing(avm.families, built)
      yield* forTurns(avm.kernel, families)
      return { ...avm, families, unsafe: replacing(avm.unsafe, built) }
    })
  ) as Layer.Layer<Avm, E, Exclude<R, Instruction> | Avm>

/**
 * Stands around every instruction of every family: logging, recording, measuring.
 *
 * @since 0.1.0
 * @category layers
 */
export const intercept = <R = never>(
  around: <A, E>(
    instruction: Instr<string, unknown, A, E, unknown>,
    execute: Effect.Effect<A, E>
  ) => Effect.Effect<A, E, R>
): Layer.Layer<Avm, never, R | Avm> =>
  Layer.scoped(
    Avm,
    Effect.gen(function*() {
      const avm = yield* Avm
      const services = yield* Effect.context<R>()
      const put = (context: Context.Context<never>) =>
        intercepting(context, ({ effect, instruction }) =>
          later(Effect.suspend(() =>
            Effect.mapInputContext(around(instruction, effect()), (here: Context.Context<never>) =>
              Context.merge(services, here))
          )))
      // The same tags, each with a service of the same shape.
      const families = put(avm.families) as Context.Context<Safe>
      yield* forTurns(avm.kernel, families)
      return { ...avm, families, unsafe: put(avm.unsafe) as Context.Context<Unsafe> }
    })
  )

/** Turns belong to no program: they get the families that were put last, for as long as those are there. */
const forTurns = ({ post }: Kernel, families: Context.Context<Safe>): Effect.Effect<void, never, Scope.Scope> => {
  const before = post.families
  return Effect.acquireRelease(
    Effect.sync(() => {
      post.families = families
    }),
    () =>
      Effect.sync(() => {
        if (post.families === families) post.families = before
      })
  )
}

/**
 * @since 0.1.0
 * @category models
 */
export type UnsafeTag = typeof UnsafeReflect | typeof UnsafeReify | typeof UnsafePure

/**
 * Grants unsafe families by name, to a program or to a behaviour's layer. The only way there is.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerUnsafe = <const Tags extends readonly [UnsafeTag, ...ReadonlyArray<UnsafeTag>]>(
  ...tags: Tags
): Layer.Layer<Context.Tag.Identifier<Tags[number]>, never, Avm> =>
  Layer.effectContext(
    Effect.map(Avm, ({ unsafe }) =>
      // Each tag is one of those in `unsafe`.
      Context.unsafeMake(new Map(tags.map((tag) => [tag.key, unsafe.unsafeMap.get(tag.key)]))) as Context.Context<
        Context.Tag.Identifier<Tags[number]>
      >)
  )

// ---------------------------------------------------------------------------
// running
// ---------------------------------------------------------------------------

/**
 * The condition on a program: `unknown` where it may be run, else a sentence. A generic function that passes its argument
 * on to `run` repeats it, as with `Tx.NoNest`.
 *
 * @since 0.1.0
 * @category models
 */
export type Runnable<R> = [Extract<R, Unsafe>] extends [never]
  ? [Extract<R, AnyInTx>] extends [never] ? [Extract<R, AnySelf>] extends [never] ? unknown
    : "This program reads the state of a behaviour: only that behaviour's handlers have one."
  : "This program uses Tx.retry or Tx.enlist outside a transaction: put it into Tx.transact."
  : "This program uses an unsafe instruction: grant it by name with Effect.provide(Avm.layerUnsafe(…))."

/**
 * A run with all that can be known about it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Execution<A, E> {
  readonly id: string
  readonly exit: Exit.Exit<A, E>
  readonly trace: ReadonlyArray<TraceEntry>
}

/**
 * Runs a program in a root frame of its own; a transaction it leaves open is aborted (D15).
 *
 * Inside another program it runs a program of its own, whose commits the outer one's abort does not undo.
 *
 * @since 0.1.0
 * @category running
 */
export const run = <A, E, R>(
  program: Effect.Effect<A, E, R> & Runnable<R>,
  options?: RunOptions
): Effect.Effect<A, E, Exclude<R, Safe | OutsideTx> | Avm> =>
  running.run<A, E, R>(machineOf, program, options?.input ?? null, undefined)

/**
 * The same, never failing: the result as an `Exit`, with the trace, which a failing program keeps (D27). Interruption
 * interrupts.
 *
 * @since 0.1.0
 * @category running
 */
export const runTraced = <A, E, R>(
  program: Effect.Effect<A, E, R> & Runnable<R>,
  options?: RunOptions
): Effect.Effect<Execution<A, E>, never, Exclude<R, Safe | OutsideTx> | Avm> =>
  Effect.flatMap(Avm, (machine) =>
    Effect.suspend(() => {
      const entries: Array<TraceEntry> = []
      let id = ""
      return Effect.map(
        Effect.exit(running.run<A, E, R>(() => machine, program, options?.input ?? null, {
          entries,
          started: (execution) => {
            id = execution.id
          }
        })),
        (exit) => ({ id, exit, trace: entries })
      )
    }))

/**
 * The state to which the history of an object leads, from its initial one: its messages are given to its behaviour again,
 * with the answers of then, and nothing but its own state is executed. With `recordAnswers` it is the state that the
 * object has (A42). A behaviour that asks something else than it did, or something that was not recorded, be it its input,
 * is FreezeFailed.
 *
 * @since 0.1.0
 * @category running
 */
export const replay = (
  id: ObjectId
): Effect.Effect<Val, BehaviourNotFound | FreezeFailed | ObjectNotFound | StoreError, Avm> =>
  Effect.flatMap(Avm, ({ families, kernel }) => Effect.provide(replaying.replay(kernel, id), families))

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

/** Dies as a service that is missing does. */
const machineOf = (context: Context.Context<never>): running.Machine =>
  Context.unsafeGet(context as Context.Context<Avm>, Avm)

const embedded: ConstraintSolver.Service = { name: "embedded", solve: Solver.solve, solveAll: Solver.solveAll }

/** The services of `self`, those that `that` has too taken from there. */
const replacing = <S>(self: Context.Context<S>, that: Context.Context<never>): Context.Context<S> => {
  const services = new Map(self.unsafeMap)
  for (const key of services.keys()) {
    if (that.unsafeMap.has(key)) services.set(key, that.unsafeMap.get(key))
  }
  return Context.unsafeMake(services)
}
