/**
 * What a behaviour is given when it is called: its own services, and the families as its caller has them. It is made once
 * for each of the few callers that a behaviour has at a time.
 */
import * as Context from "effect/Context"
import * as Tracer from "effect/Tracer"
import type { Registration } from "../Behaviour.js"
import { families } from "../InstructionSet.js"
import type { Cell } from "./frame.js"
import { tableOf } from "./instruction.js"
import { isRegistered, type Registered } from "./registry.js"

/**
 * The behaviour's own services, and the families as its caller has them: a family that was replaced for a part of a
 * program is replaced for whom that part calls. The caller's span is passed on as well.
 */
export const contextOf = (registration: Registration, cell: Cell): Made => {
  const caller = cell.context ?? cell.fiber?.currentContext ?? Context.empty()
  if (!isRegistered(registration)) return made(registration, caller)
  const { last } = registration
  return last !== undefined && last.caller === caller ? last : registration.last = made(registration, caller)
}

const made = (registration: Registration, caller: Context.Context<never>): Made => {
  let known = contexts.get(registration.services)
  if (known === undefined) contexts.set(registration.services, known = [])
  for (const entry of known) if (entry.caller === caller) return entry
  for (const entry of known) {
    if (passedOn.every((key) => entry.context.unsafeMap.get(key) === caller.unsafeMap.get(key))) {
      return remember(known, caller, entry.context)
    }
  }
  const services = new Map(registration.services.unsafeMap)
  for (const key of passedOn) {
    const service = caller.unsafeMap.get(key)
    if (service === undefined) services.delete(key)
    else services.set(key, service)
  }
  return remember(known, caller, Context.unsafeMake(services))
}

const passedOn: ReadonlyArray<string> = [...families.map((family) => family.key), Tracer.ParentSpan.key]

/** A context made for a behaviour that is called from another one. */
export type Made = NonNullable<Registered["last"]>

/** The last few of each behaviour: its callers are few at a time, and ask again and again. */
const contexts = new WeakMap<Context.Context<never>, Array<Made>>()

const remember = (known: Array<Made>, caller: Context.Context<never>, context: Context.Context<never>): Made => {
  if (known.length >= 4) known.shift()
  const entry = { caller, context, table: tableOf(context) }
  known.push(entry)
  return entry
}
