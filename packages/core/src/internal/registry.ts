/**
 * The memory of `Behaviour.Registry`.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type Registration, Registry } from "../Behaviour.js"

export const make = (): Registry["Type"] => {
  const behaviours = new Map<string, Registration>()
  return Registry.of({
    register: (registration) =>
      Effect.suspend(() => {
        const { identity, name } = registration
        const known = behaviours.get(name)
        if (known !== undefined && known.identity !== identity) {
          return Effect.dieMessage(`Two behaviours are called ${name}: rename one of them`)
        }
        // The same behaviour again (A36): it goes on with the services captured last, which live longer.
        behaviours.set(name, registration)
        return Effect.void
      }),
    lookup: (name) => Option.fromNullable(behaviours.get(name)),
    names: Effect.sync(() => [...behaviours.keys()])
  })
}
