/**
 * What runs a vector: anything that can execute single instructions of two programs on one machine.
 */
import {
  Avm,
  type AvmError,
  Introspect,
  type Mailboxes,
  type ObjectId,
  type ObjectStore,
  type TraceEvent
} from "@effect-avm/core"
import { Behaviours, Model, type Script } from "@effect-avm/testkit"
import type * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Machine from "../support/Machine.js"
import type { Vector } from "./Vector.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

export type Actor = "a" | "b"

/** What a step answered or failed with, and the entries it added to the trace of its program. */
export interface Stepped {
  readonly outcome: Either.Either<unknown, AvmError.AvmError>
  readonly entries: ReadonlyArray<TraceEvent.TraceEntry>
}

/** Programs that have been started, and wait for their instructions. */
export interface Running {
  readonly root: (actor: Actor) => ObjectId.ObjectId
  readonly step: (actor: Actor, instruction: Script.Instruction) => Effect.Effect<Stepped>
  /** Ends the program, with the failure of its last step if that failed, and gives the entries that this adds. */
  readonly end: (actor: Actor) => Effect.Effect<ReadonlyArray<TraceEvent.TraceEntry>>
}

export interface Executor {
  readonly name: string
  /** A machine as the vector wants it, and on it one program for each of the actors; their input is `"start"`. */
  readonly open: (vector: Vector, actors: ReadonlyArray<Actor>) => Effect.Effect<Running, never, Scope.Scope>
}

// ---------------------------------------------------------------------------
// the model
// ---------------------------------------------------------------------------

export const model: Executor = {
  name: "model",
  open: (vector, actors) =>
    Effect.sync(() => {
      const sessions = new Map<Actor, Model.Session>()
      const endings = new Map<Actor, Model.Ending>()
      let world = Model.make({
        home: vector.home ?? undefined,
        machine: vector.machine,
        unreachable: vector.unreachable,
        behaviours: Object.fromEntries(vector.behaviours.map((name) => [name, behaviour(name)]))
      })
      for (const actor of actors) {
        const started = Model.start(world, { input: "start" })
        world = started.world
        sessions.set(actor, started.session)
      }
      const session = (actor: Actor): Model.Session => {
        const found = sessions.get(actor)
        if (found === undefined) throw new Error(`${actor} was not started`)
        return found
      }
      const added = (actor: Actor, next: Model.Session) => {
        const entries = next.trace.slice(session(actor).trace.length)
        sessions.set(actor, next)
        return entries
      }
      return {
        root: (actor) => session(actor).frames[0].self,
        step: (actor, instruction) =>
          Effect.sync(() => {
            const next = Model.step(world, session(actor), instruction)
            world = next.world
            endings.set(
              actor,
              Either.match(next.outcome, {
                onLeft: (error) => ({ _tag: "Failed", error }),
                onRight: () => ({ _tag: "Succeeded" })
              })
            )
            return { outcome: next.outcome, entries: added(actor, next.session) }
          }),
        end: (actor) =>
          Effect.sync(() => added(actor, Model.end(world, session(actor), endings.get(actor) ?? { _tag: "Succeeded" })))
      }
    })
}

// ---------------------------------------------------------------------------
// the machine
// ---------------------------------------------------------------------------

/** A step that a program is told to do, or to end. */
type Order =
  | { readonly _tag: "Step"; readonly instruction: Script.Instruction; readonly done: Deferred.Deferred<Outcome> }
  | { readonly _tag: "End" }

type Outcome = Stepped["outcome"]

/** The real machine over the platform that `ports` builds: each actor is a program that does as it is told. */
export const machine = (name: string, store: Layer.Layer<ObjectStore.ObjectStore | Mailboxes.Mailboxes>): Executor => ({
  name,
  open: (vector, actors) =>
    Effect.gen(function*() {
      const entries: Machine.Entries = new Map()
      const behaviours = Object.fromEntries(vector.behaviours.map((name) => [name, behaviour(name)]))
      const context = yield* Layer.build(Machine.layer({ ...vector, behaviours }, store, entries))
      const programs = new Map<Actor, Program>()
      for (const actor of actors) programs.set(actor, yield* start(context))
      const of = (actor: Actor): Program => {
        const found = programs.get(actor)
        if (found === undefined) throw new Error(`${actor} was not started`)
        return found
      }
      const added = <A, E>(actor: Actor, effect: Effect.Effect<A, E>) =>
        Effect.suspend(() => {
          const of = () => entries.get(rootOf(actor)) ?? []
          const before = of().length
          return Effect.map(effect, (value) => [value, of().slice(before)] as const)
        })
      const rootOf = (actor: Actor) => of(actor).root.value
      return {
        root: (actor) => of(actor).root,
        step: (actor, instruction) =>
          Effect.gen(function*() {
            const done = yield* Deferred.make<Outcome>()
            const step = Effect.zipRight(
              Queue.offer(of(actor).orders, { _tag: "Step", instruction, done }),
              Deferred.await(done)
            )
            const [outcome, entries] = yield* added(actor, step)
            return { outcome, entries }
          }),
        end: (actor) =>
          Effect.gen(function*() {
            const end = Effect.zipRight(Queue.offer(of(actor).orders, { _tag: "End" }), Fiber.await(of(actor).fiber))
            const [, entries] = yield* added(actor, end)
            return entries
          })
      }
    })
})

interface Program {
  readonly root: ObjectId.ObjectId
  readonly orders: Queue.Queue<Order>
  readonly fiber: Fiber.Fiber<unknown, unknown>
}

const start = (context: Context.Context<Avm.Platform>): Effect.Effect<Program, never, Scope.Scope> =>
  Effect.gen(function*() {
    const orders = yield* Queue.unbounded<Order>()
    const root = yield* Deferred.make<ObjectId.ObjectId>()
    const program = Effect.gen(function*() {
      yield* Deferred.succeed(root, yield* Introspect.self)
      let last: Outcome = Either.right(undefined)
      while (true) {
        const order = yield* Queue.take(orders)
        if (order._tag === "End") return yield* last
        const instruction: Effect.Effect<unknown, AvmError.AvmError, Script.Requirements> = order.instruction
        last = yield* Effect.either(instruction)
        yield* Deferred.succeed(order.done, last)
      }
    })
    const fiber = yield* Effect.forkScoped(
      Avm.run(Effect.provide(program, Machine.allUnsafe), { input: "start" }).pipe(Effect.provide(context))
    )
    return { root: yield* Deferred.await(root), orders, fiber }
  })

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const behaviour = (name: string) => {
  const script = Behaviours.behaviours[name]
  if (script === undefined) throw new Error(`no behaviour is called ${name}`)
  return script
}
