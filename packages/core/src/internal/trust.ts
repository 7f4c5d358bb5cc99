/**
 * Events that the machine makes itself, without what the constructors of their schema classes do to the data of others:
 * checking it and filling in defaults. Pinned by `test/core/TraceEvent.test.ts`.
 *
 * Those of each call are spelt out at the end: a property by its name is set sooner than one of a list.
 */
import type * as Option from "effect/Option"
import type { ControllerId } from "../ControllerId.js"
import type { ObjectId } from "../ObjectId.js"
import { ObjectCalled, StateUpdated, TraceEntry, type TraceEvent } from "../TraceEvent.js"
import type { Val } from "../Val.js"

/** A class of events, or of entries. */
interface Class<Fields, A> {
  new(fields: Fields, options: true): A
  readonly prototype: unknown
}

const makers = new Map<unknown, new(fields: object, tag: string | undefined) => unknown>()

/** The same as `new Class(fields, true)`. */
export const trust = <Fields extends object, A>(Class: Class<Fields, A>, fields: Fields): A => {
  const make = makers.get(Class) ?? maker(Class)
  // An instance has the prototype of its class, and the fields with the tag as properties.
  return new make(fields, (Class as { readonly _tag?: string })._tag) as A
}

const maker = (Class: { readonly prototype: unknown }): new(fields: object, tag: string | undefined) => unknown => {
  function Trusted(this: Record<string, unknown>, fields: Readonly<Record<string, unknown>>, tag: string | undefined) {
    for (const key in fields) this[key] = fields[key]
    if (tag !== undefined) this["_tag"] = tag
  }
  Trusted.prototype = Class.prototype
  // A function that is called by `new` alone.
  const make = Trusted as unknown as new(fields: object, tag: string | undefined) => unknown
  makers.set(Class, make)
  return make
}

// ---------------------------------------------------------------------------
// those of each call
// ---------------------------------------------------------------------------

type Draft<A> = { -readonly [K in keyof A]: A[K] }

/** A constructor whose instances are those of the class. */
const spelt = <Args extends ReadonlyArray<unknown>, A>(
  Class: { readonly prototype: A },
  fill: (this: Draft<A>, ...args: Args) => void
): new(...args: Args) => A => {
  fill.prototype = Class.prototype
  // A function that is called by `new` alone; an instance has the prototype of the class, and its properties.
  return fill as unknown as new(...args: Args) => A
}

const Updated = spelt(StateUpdated, function(id: ObjectId) {
  this.id = id
  this._tag = "StateUpdated"
})

const Called = spelt(ObjectCalled, function(id: ObjectId, input: Val, output: Option.Option<Val>) {
  this.id = id
  this.input = input
  this.output = output
  this._tag = "ObjectCalled"
})

const Entry = spelt(
  TraceEntry,
  function(timestamp: number, event: TraceEvent, executingController: Option.Option<ControllerId>) {
    this.timestamp = timestamp
    this.event = event
    this.executingController = executingController
  }
)

export const stateUpdated = (id: ObjectId): StateUpdated => new Updated(id)

export const objectCalled = (id: ObjectId, input: Val, output: Option.Option<Val>): ObjectCalled =>
  new Called(id, input, output)

export const traceEntry = (
  timestamp: number,
  event: TraceEvent,
  executingController: Option.Option<ControllerId>
): TraceEntry => new Entry(timestamp, event, executingController)
