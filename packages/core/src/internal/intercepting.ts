/**
 * Standing between the instructions of a program and the family services that give them their meaning.
 *
 * It is done to a context: whoever runs in it, behaviours that are called from there among them, asks the services around
 * the ones there were. Recording stands on this, feeding a record again, and `Avm.intercept`.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Any } from "../Instr.js"
import { directOf, withDirect } from "./direct.js"
import { type Cell, here, type Member } from "./frame.js"
import { type Definition, definitionsOf, execute } from "./instruction.js"
import { type Step, stepOf } from "./sync.js"

/** An instruction on its way to its service. */
export interface Asked {
  readonly cell: Cell
  readonly instruction: Any
  /** Executes it, at once if that can be. */
  readonly now: () => Step<unknown, unknown>
  /** The same as an effect, for wherever it will be run. */
  readonly effect: () => Effect.Effect<unknown, unknown>
}

export type Around = (asked: Asked) => Step<unknown, unknown>

/** Puts `around` between every instruction and the family service that the context has for it. */
export const intercepting = <R>(context: Context.Context<R>, around: Around): Context.Context<R> =>
  replacing(context, (service, definitions) => serviceAround(service, definitions, around))

/** Another service for each family that the context has. */
export const replacing = <R>(
  context: Context.Context<R>,
  replace: (service: object, definitions: ReadonlyArray<Definition>, key: string) => object
): Context.Context<R> => {
  const services = new Map(context.unsafeMap)
  for (const [key, definitions] of definitionsOf()) {
    const service = services.get(key)
    if (service !== undefined && service !== null) services.set(key, replace(service as object, definitions, key))
  }
  return Context.unsafeMake(services)
}

/** A family service whose instructions go through `around`. */
export const serviceAround = (
  original: object,
  definitions: ReadonlyArray<Definition>,
  around: Around
): object => {
  const direct = directOf<Readonly<{ [member: string]: Member }>>(original)
  const members: { [member: string]: Member } = {}
  const service: { [member: string]: unknown } = {}
  for (const { make, member, params } of definitions) {
    const inner = direct?.[member]
    const run: Member = (cell, ...values) => {
      const args: { [param: string]: unknown } = {}
      params.forEach((param, at) => {
        if (values[at] !== undefined) args[param] = values[at]
      })
      const instruction = make(args)
      const effect = () => execute(original, instruction)
      return around({
        cell,
        instruction,
        now: () => inner === undefined ? stepOf(effect()) : inner(cell, ...values),
        effect
      })
    }
    members[member] = run
    service[member] = params.length === 0
      ? here(run)
      : (...values: ReadonlyArray<unknown>) => here((cell) => run(cell, ...values))
  }
  return withDirect(service, members)
}
