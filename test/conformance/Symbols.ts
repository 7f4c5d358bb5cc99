/**
 * The names that a vector gives to ids, and results, errors and entries in the terms of a vector.
 *
 * A name is bound once, to one id, and no id has two names.
 */
import { AvmError, Constraint, ObjectId, type TraceEvent } from "@effect-avm/core"
import { Behaviours } from "@effect-avm/testkit"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"

/** An object reference, or the text of another id. */
type Id = ObjectId.ObjectId | string

export class Symbols {
  private readonly ids = new Map<string, Id>([
    ["$missing", Behaviours.missing],
    ["$noTx", "no-tx"],
    ["$noVar", "no-var"]
  ])

  /** Binds a name where it occurs first; whether it fits where it occurs again is found out by comparing. */
  bind(name: unknown, found: unknown): void {
    const id = idOf(Option.isOption(found) ? Option.getOrUndefined(found) : found)
    if (!isName(name) || this.ids.has(name)) return
    if (ObjectId.isObjectId(id) || (Predicate.isString(id) && this.nameOf(id) === undefined)) this.ids.set(name, id)
  }

  /** Data with names, as data with ids. */
  resolve(data: unknown): unknown {
    if (isName(data)) {
      const id = this.ids.get(data)
      if (id === undefined) throw new Error(`${data} is used before it is bound`)
      return id
    }
    if (Array.isArray(data)) return data.map((item) => this.resolve(item))
    if (!Predicate.isRecord(data)) return data
    return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, this.resolve(value)]))
  }

  /** What came of a step, as data with names; null stands for none. */
  name(answer: unknown): unknown {
    const found = idOf(answer)
    if (ObjectId.isObjectId(found)) return this.nameOf(found) ?? `?${found.value}`
    if (Predicate.isString(found)) return this.nameOf(found) ?? found
    if (Option.isOption(found)) return Option.isNone(found) ? null : this.name(found.value)
    if (Array.isArray(found)) return found.map((item) => this.name(item))
    if (AvmError.isAvmError(found)) {
      return this.tagged(found._tag, found, Object.keys(Object(Schema.encodeSync(AvmError.AvmError)(found))))
    }
    if (!Predicate.isRecord(found)) return found
    return Object.fromEntries(Object.entries(found).map(([key, value]) => [renamed(key), this.name(value)]))
  }

  /** An entry of the trace, without its timestamp. */
  entry({ event, executingController }: TraceEvent.TraceEntry): unknown {
    return {
      ...this.tagged(event._tag, event, Object.keys(event)),
      ...event._tag === "ObjectFrozen" ? { owner: event.controller } : {},
      controller: this.name(executingController)
    }
  }

  private tagged(tag: string, found: object, keys: ReadonlyArray<string>): Readonly<Record<string, unknown>> {
    const fields = new Map<string, unknown>(Object.entries(found))
    // The text of a message is nobody's business.
    const shown = keys.filter((key) => key !== "_tag" && key !== "message")
    return { tag, ...Object.fromEntries(shown.map((key) => [key, this.name(fields.get(key))])) }
  }

  private nameOf(id: Id): string | undefined {
    for (const [name, bound] of this.ids) {
      const same = ObjectId.isObjectId(id) ? ObjectId.isObjectId(bound) && bound.value === id.value : bound === id
      if (same) return name
    }
    return undefined
  }
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

/** A variable is named by its id. */
const idOf = (found: unknown): unknown => Constraint.isTerm(found) && "id" in found ? found.id : found

const isName = (data: unknown): data is string => Predicate.isString(data) && data.startsWith("$") && data !== "$_"

const renamed = (key: string): string =>
  key === "creatingController" ? "creating" : key === "currentController" ? "current" : key
