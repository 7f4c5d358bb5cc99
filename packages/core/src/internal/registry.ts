/**
 * The memory of `Behaviour.Registry`.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type Registration, Registry } from "../Behaviour.js"
import type { Table } from "./frame.js"

/** A registration with what its behaviour was given when it was last called. */
export interface Registered extends Registration {
  last:
    | { readonly caller: Context.Context<never>; readonly context: Context.Context<never>; readonly table: Table }
    | undefined
}

export const isRegistered = (registration: Registration): registration is Registered => "last" in registration

export const make = (): Registry["Type"] => {
  const behaviours = new Map<string, Option.Option<Registration>>()
  return Registry.of({
    register: (registration) =>
      Effect.suspend(() => {
        const { identity, name } = registration
        const known = behaviours.get(name)
        if (known !== undefined && Option.isSome(known) && known.value.identity !== identity) {
          return Effect.dieMessage(`Two behaviours are called ${name}: rename one of them`)
        }
        // The same behaviour again (A36): it goes on with the services captured last, which live longer.
        const registered: Registered = { ...registration, last: undefined }
        behaviours.set(name, Option.some(registered))
        return Effect.void
      }),
    lookup: (name) => behaviours.get(name) ?? Option.none(),
    names: Effect.sync(() => [...behaviours.keys()])
  })
}
