/**
 * Takes the entries of a run in memory, for a table and for a picture; for the picture also what entries do not say: who
 * called, when a call began, what a state became, what an object was before. Pinned by `test/cli/Run.test.ts`.
 *
 * What belongs to an entry is found by the fiber that appends it: the instruction that it is executing is in a FiberRef.
 */
import { Avm, type ControllerId, ObjectId, ObjectStore, Trace, type Val } from "@effect-avm/core"
import type { Recording } from "@effect-avm/diagram"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { Traced } from "./words.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

export interface Recorder {
  readonly entries: ReadonlyArray<Traced>
  /** Entries beyond those that are kept. */
  readonly missed: () => number
  /** Over the trace of the machine. */
  readonly layerTrace: Layer.Layer<Trace.Trace, never, Trace.Trace>
  /** Over the machine. It slows instructions down. */
  readonly layerWatch: Layer.Layer<Avm.Avm, never, Avm.Avm | ObjectStore.ObjectStore>
  readonly recording: (title: string) => Effect.Effect<Recording.Recording, never, ObjectStore.ObjectStore>
}

/** The instruction that a fiber is executing. */
interface Current {
  /** Who executes it; none for a program. */
  readonly by: Option.Option<ObjectId.ObjectId>
  /** Whose instructions those are that run inside it. */
  readonly self: Option.Option<ObjectId.ObjectId>
  /** Of a call: how many entries there were when it began. */
  readonly began?: number
  readonly state?: Val.Val
  readonly controller?: ControllerId.ControllerId
}

interface Kept extends Traced {
  readonly detail?: Recording.Detail
}

/** Beyond so many, entries are counted only; the charts take no more either. */
export const maxEntries = 1_000_000

/** Of so many objects it is asked what they were before. */
const maxKnown = 10_000

// ---------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------

export const make = (most = maxEntries): Recorder => {
  const entries: Array<Kept> = []
  let missed = 0
  /** Of each execution: where in `entries` its own are. */
  const places = new Map<string, Array<number>>()
  const known = new Map<string, Recording.Known>()
  const current = FiberRef.unsafeMake<Current>({ by: Option.none(), self: Option.none() }, { join: (parent) => parent })

  const detailOf = (execution: string): Recording.Detail | undefined => {
    const fiber = Option.getOrUndefined(Fiber.getCurrentFiber())
    if (fiber === undefined) return undefined
    const { began, by, controller, state } = fiber.getFiberRef(current)
    return {
      // The root frame of an execution has its name.
      by: Option.getOrElse(by, () => ObjectId.make(execution)),
      ...began === undefined ? {} : { since: before(places.get(execution) ?? [], began) },
      ...state === undefined ? {} : { state },
      ...controller === undefined ? {} : { controller }
    }
  }

  const keep = (isWatched: () => boolean): Trace.Service["append"] => (execution, entry, tx) => {
    if (entries.length >= most) missed++
    else {
      const detail = isWatched() ? detailOf(execution) : undefined
      const place = entries.push({
        execution,
        entry,
        tx: Option.fromNullable(tx),
        ...detail === undefined ? {} : { detail: { ...detail, tx } }
      }) - 1
      const own = places.get(execution)
      if (own === undefined) places.set(execution, [place])
      else own.push(place)
    }
    return Effect.void
  }

  let watched = false

  return {
    entries,
    missed: () => missed,
    layerTrace: Layer.effect(
      Trace.Trace,
      Effect.map(Trace.Trace, (trace) => {
        const append = keep(() => watched)
        return {
          ...trace,
          enabled: true,
          append: (execution, entry, tx) => {
            void append(execution, entry, tx)
            return trace.enabled ? trace.append(execution, entry, tx) : Effect.void
          }
        }
      })
    ),
    layerWatch: Layer.unwrapEffect(Effect.map(ObjectStore.ObjectStore, (store) => {
      watched = true
      const look = (id: ObjectId.ObjectId): Effect.Effect<void> =>
        known.has(id.value) || known.size >= maxKnown
          ? Effect.void
          : Effect.map(Effect.option(store.read(id, ObjectStore.latest)), (found) => {
            const stored = Option.getOrUndefined(Option.flatten(found))
            if (known.has(id.value) || stored?._tag !== "StoredObject") return
            const { behaviour, metadata: { currentController, machine }, state } = stored
            known.set(id.value, { id, behaviour, machine, state, controller: Option.getOrUndefined(currentController) })
          })
      return Avm.intercept((instruction, execute) =>
        FiberRef.getWith(current, ({ self }) => {
          // The arguments of these instructions, by their definitions.
          const args = instruction.args as {
            readonly id?: ObjectId.ObjectId
            readonly state: Val.Val
            readonly controller: Option.Option<ControllerId.ControllerId>
          }
          const here = { by: self, self }
          switch (instruction._tag) {
            case "Introspect.setState":
              return Effect.locally(execute, current, { ...here, state: args.state })
            case "Obj.create":
              return Effect.locally(execute, current, {
                ...here,
                ...Option.match(args.controller, { onNone: () => ({}), onSome: (controller) => ({ controller }) })
              })
            case "Obj.call": {
              const id = Option.fromNullable(args.id)
              const called = Effect.suspend(() =>
                Effect.locally(execute, current, { by: self, self: id, began: entries.length })
              )
              return Option.match(id, { onNone: () => called, onSome: (id) => Effect.zipRight(look(id), called) })
            }
            default:
              return Effect.locally(
                ObjectId.isObjectId(args.id) ? Effect.zipRight(look(args.id), execute) : execute,
                current,
                here
              )
          }
        })
      )
    })),
    recording: (title) =>
      Effect.map(created(entries), (made) => ({
        title,
        programs: [...places.keys()].map((execution) => ({ execution, root: ObjectId.make(execution) })),
        objects: [...known.values(), ...made.filter(({ id }) => !known.has(id.value))],
        entries: entries.map(({ detail, entry, execution }) => [
          execution,
          detail === undefined ? entry : {
            timestamp: entry.timestamp,
            event: entry.event,
            executingController: entry.executingController,
            detail
          }
        ])
      }))
  }
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

/** How many of them are below: what an execution's next timestamp was when there were so many entries in all. */
const before = (places: ReadonlyArray<number>, count: number): number => {
  let low = 0
  let high = places.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((places[middle] as number) < count) low = middle + 1
    else high = middle
  }
  return low
}

/** Where objects came to be that were made in the run: their creating controller, and a machine they have not left. */
const created = (
  entries: ReadonlyArray<Traced>
): Effect.Effect<ReadonlyArray<Recording.Known>, never, ObjectStore.ObjectStore> =>
  Effect.gen(function*() {
    const store = yield* ObjectStore.ObjectStore
    const made: Array<ObjectId.ObjectId> = []
    const moved = new Set<string>()
    for (const { entry: { event } } of entries) {
      if (event._tag === "ObjectCreated" && made.length < maxKnown) made.push(event.id)
      else if (event._tag === "ObjectMoved") moved.add(event.id.value)
    }
    const found = yield* Effect.forEach(made, (id) => Effect.option(store.read(id, ObjectStore.latest)))
    return found.flatMap((each): ReadonlyArray<Recording.Known> => {
      const stored = Option.getOrUndefined(Option.flatten(each))
      if (stored?._tag !== "StoredObject") return []
      const { creatingController, id, machine } = stored.metadata
      return [{
        id,
        controller: Option.getOrUndefined(creatingController),
        ...moved.has(id.value) ? {} : { machine }
      }]
    })
  })
