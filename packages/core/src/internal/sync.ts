/**
 * Sequencing that does not wait for what is there already.
 *
 * The ports answer effects, and the memory layers answer finished ones. `andThen` goes on at once with those, so that an
 * instruction over memory is one synchronous step, and suspends for any other.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

/** What the kernel's operations answer: an effect without requirements, finished whenever possible. */
export type Step<A, E = never> = Effect.Effect<A, E>

export const succeed: <A>(value: A) => Step<A> = Exit.succeed
export const fail: <E>(error: E) => Step<never, E> = Exit.fail

export const done: Step<void> = Exit.void

export const isDone = <A, E>(step: Step<A, E>): step is Exit.Exit<A, E> => {
  const tag = (step as { readonly _tag?: unknown })._tag
  return tag === "Success" || tag === "Failure"
}

export const andThen = <A, E, B, E2>(step: Step<A, E>, next: (value: A) => Step<B, E2>): Step<B, E | E2> => {
  if (!isDone(step)) return Effect.flatMap(step, next)
  return step._tag === "Success" ? next(step.value) : Exit.failCause(step.cause)
}
