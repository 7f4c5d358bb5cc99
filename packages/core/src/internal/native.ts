/**
 * Effects written as generators that a `yield*` runs in place, without the fiber's help: what is yielded inside them goes
 * straight to whoever drives the outer generator. Anywhere else they are what `Effect.gen` makes of the same body.
 *
 * A body cannot catch: a failure that is yielded ends the outer generator as well. `outcome` is for those who must.
 */
import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import type * as Exit from "effect/Exit"
import type { YieldWrap } from "effect/Utils"
import type { Any } from "../Instr.js"
import { attempt } from "./instruction.js"
import { isDone, settled } from "./sync.js"

type Yielded = YieldWrap<Effect.Effect<unknown, unknown, unknown>>

export type Body<A> = () => Generator<Yielded, A, unknown>

class Native<A> extends Effectable.Class<A, unknown, unknown> {
  constructor(private readonly body: Body<A>) {
    super()
  }
  commit(): Effect.Effect<A, unknown, unknown> {
    return Effect.gen(this.body)
  }
}

// Over the iterator of every effect, which would yield the effect itself.
Object.defineProperty(Native.prototype, Symbol.iterator, {
  value(this: { readonly body: Body<unknown> }) {
    return this.body()
  }
})

export const native = <A>(body: Body<A>): Effect.Effect<A, unknown, unknown> => new Native(body)

/** How an instruction ends, failures included. */
export function* outcome(instruction: Any): Generator<Yielded, Exit.Exit<unknown, unknown>, unknown> {
  const step = attempt(instruction)
  return isDone(step) ? step : yield* Effect.exit(step)
}

/** The value of an effect: at once if it is finished, else by way of whoever drives this. */
export function* value<A>(effect: Effect.Effect<A, unknown, unknown>): Generator<Yielded, A, unknown> {
  const exit = settled(effect)
  // Its value is of its type.
  return exit?._tag === "Success" ? exit.value as A : yield* effect
}
