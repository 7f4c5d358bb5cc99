/**
 * Effects that are answered where they stand, without a fiber's run loop: finished ones, `Effect.sync`, and services asked
 * for by their tag. They are most of what a behaviour yields besides instructions.
 *
 * This leans on how effect represents them, which is tested when the module is loaded; where that does not hold, nothing is
 * answered here and the fiber runs them, which means the same.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { isEager } from "./eager.js"
import { settled } from "./sync.js"

type AnyEffect = Effect.Effect<unknown, unknown, unknown>

interface Primitive {
  readonly _op: string
  readonly key?: unknown
  readonly effect_instruction_i0?: unknown
}

/** How the effect ends, if that can be told here; what it needs is in `context`. */
export const peek = (effect: AnyEffect, context: Context.Context<never>): Exit.Exit<unknown, unknown> | undefined => {
  if (works) {
    const { _op, effect_instruction_i0: thunk, key } = effect as unknown as Primitive
    if (_op === "Sync" && typeof thunk === "function") {
      try {
        return Exit.succeed(thunk())
      } catch (defect) {
        return Exit.die(defect)
      }
    }
    if (_op === "Tag" && typeof key === "string" && context.unsafeMap.has(key)) {
      return Exit.succeed(context.unsafeMap.get(key))
    }
  }
  return settled(effect)
}

const test = (): boolean => {
  class Service extends Context.Tag("@effect-avm/core/peek/Service")<Service, number>() {}
  const thunk = () => 1
  const sync = Effect.sync(thunk) as unknown as Primitive
  const tag = Service as unknown as Primitive
  return sync._op === "Sync" && sync.effect_instruction_i0 === thunk && tag._op === "Tag" && tag.key === Service.key
}

const works = isEager && test()
