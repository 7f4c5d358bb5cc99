/**
 * Effects written as generators that a `yield*` runs in place, without the fiber's help: what is yielded inside them goes
 * straight to whoever drives the outer generator. Anywhere else they are what `Effect.gen` makes of the same body.
 *
 * A body cannot catch: a failure that is yielded ends the outer generator as well.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import * as Exit from "effect/Exit"
import type { YieldWrap } from "effect/Utils"
import type { Any } from "../Instr.js"
import { Now, Transparent } from "./eager.js"
import { attempt, iterating } from "./instruction.js"
import { effectOf, Later, later, type Step } from "./sync.js"

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

Object.defineProperty(Native.prototype, Transparent, { value: true })

export const native = <A>(body: Body<A>): Effect.Effect<A, unknown, unknown> => new Native(body)

/**
 * An instruction with something done to its answer, or to its failure, at once where the instruction is executed at once.
 */
class Converted extends Effectable.Class<unknown, unknown, unknown> {
  constructor(
    readonly instruction: Any,
    readonly onSuccess: (answer: unknown) => Step<unknown, unknown>,
    readonly onFailure: (cause: Cause.Cause<unknown>) => Effect.Effect<unknown, unknown, unknown>
  ) {
    super()
  }
  commit(): Effect.Effect<unknown, unknown, unknown> {
    return this.convert(this.instruction)
  }
  [Now](): Step<unknown, unknown> {
    const step = attempt(this.instruction)
    // What the effect needs is in the context of whoever runs it.
    return step instanceof Later
      ? later(this.convert(step.effect) as Effect.Effect<unknown, unknown>)
      : this.onSuccess(step)
  }
  convert(effect: Effect.Effect<unknown, unknown, unknown>): Effect.Effect<unknown, unknown, unknown> {
    return Effect.matchCauseEffect(effect, {
      onFailure: this.onFailure,
      onSuccess: (answer) => effectOf(this.onSuccess(answer))
    })
  }
}

Object.defineProperty(Converted.prototype, Symbol.iterator, {
  value(this: Converted): Iterator<unknown, unknown> {
    return iterating(this[Now]())
  }
})

export const converted = (
  instruction: Any,
  onSuccess: (answer: unknown) => Step<unknown, unknown>,
  onFailure: (cause: Cause.Cause<unknown>) => Effect.Effect<unknown, unknown, unknown> = Exit.failCause
): Effect.Effect<unknown, unknown, unknown> => new Converted(instruction, onSuccess, onFailure)
