/**
 * Effects that are answered where they stand, without a fiber's run loop: finished ones, `Effect.sync`, services asked for by
 * their tag, and what `map` and `flatMap` make of such. They are most of what a behaviour yields besides instructions.
 *
 * This leans on how effect represents them, which is tested when the module is loaded; where that does not hold, nothing is
 * answered here and the fiber runs them, which means the same. Pinned by `test/core/Peek.test.ts`.
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
  readonly effect_instruction_i1?: unknown
}

type Continuation = (value: unknown) => AnyEffect

/** As many parts of one effect are run here at most: what may go on for ever is the fiber's business. */
const patience = 64

/** What is left of the effect: an exit, if all of it could be run here; what it needs is in `context`. */
export const peek = (effect: AnyEffect, context: Context.Context<never>): AnyEffect => {
  let rest = effect
  let then: Array<Continuation> | undefined
  try {
    for (let n = 0; n < patience; n++) {
      const exit = primitive(rest, context)
      if (exit === undefined) {
        const { _op, effect_instruction_i0: first, effect_instruction_i1: next } = rest as unknown as Primitive
        if (!works || _op !== "OnSuccess") break
        if (then === undefined) then = []
        // The parts of a `flatMap`.
        then.push(next as Continuation)
        rest = first as AnyEffect
        continue
      }
      if (exit._tag === "Failure" || then === undefined) return exit
      const next = then.pop()
      if (next === undefined) return exit
      rest = next(exit.value)
    }
  } catch (defect) {
    return Exit.die(defect)
  }
  for (let next = then?.pop(); next !== undefined; next = then?.pop()) rest = Effect.flatMap(rest, next)
  return rest
}

const primitive = (effect: AnyEffect, context: Context.Context<never>): Exit.Exit<unknown, unknown> | undefined => {
  if (works) {
    const { _op, effect_instruction_i0: thunk, key } = effect as unknown as Primitive
    if (_op === "Sync" && typeof thunk === "function") return Exit.succeed(thunk())
    if (_op === "Tag" && typeof key === "string" && context.unsafeMap.has(key)) {
      return Exit.succeed(context.unsafeMap.get(key))
    }
  }
  return settled(effect)
}

const test = (): boolean => {
  class Service extends Context.Tag("@effect-avm/core/peek/Service")<Service, number>() {}
  const thunk = () => 1
  const next = () => Effect.void
  const sync = Effect.sync(thunk)
  const [first, then, tag] = [sync, Effect.flatMap(sync, next), Service] as unknown as ReadonlyArray<Primitive>
  return first?._op === "Sync" && first.effect_instruction_i0 === thunk &&
    then?._op === "OnSuccess" && then.effect_instruction_i0 === sync && then.effect_instruction_i1 === next &&
    tag?._op === "Tag" && tag.key === Service.key
}

const works = isEager && test()
