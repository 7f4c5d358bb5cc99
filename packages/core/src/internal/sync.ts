/**
 * Sequencing that does not wait for what is there already.
 *
 * The ports answer effects, and the memory layers answer finished ones. `andThen` goes on at once with those, so that an
 * instruction over memory is one synchronous step, and suspends for any other.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"

/** What the kernel's operations answer: an effect without requirements, finished whenever possible. */
export type Step<A, E = never> = Effect.Effect<A, E>

export const succeed: <A>(value: A) => Step<A> = Exit.succeed
export const fail: <E>(error: E) => Step<never, E> = Exit.fail

export const done: Step<void> = Exit.void

/** By the operation as well as the tag, which an application's own error may have. */
export const isDone = <A, E>(step: Step<A, E>): step is Exit.Exit<A, E> => {
  const { _op, _tag } = step as { readonly _op?: unknown; readonly _tag?: unknown }
  return (_tag === "Success" || _tag === "Failure") && _op === _tag
}

export const andThen = <A, E, B, E2>(step: Step<A, E>, next: (value: A) => Step<B, E2>): Step<B, E | E2> => {
  if (!isDone(step)) return Effect.flatMap(step, next)
  return step._tag === "Success" ? next(step.value) : Exit.failCause(step.cause)
}

/** The outcome of an effect that is finished, in one of the ways in which effects can be; none of any other. */
export const settled = (effect: Effect.Effect<unknown, unknown, unknown>): Exit.Exit<unknown, unknown> | undefined => {
  // An exit needs nothing.
  if (isDone(effect as Effect.Effect<unknown, unknown>)) return effect as Exit.Exit<unknown, unknown>
  if (!Either.isEither(effect)) return undefined
  return Either.isRight(effect) ? Exit.succeed(effect.right) : Exit.fail(effect.left)
}

/** The same effect, finished if it is. */
export const stepOf = <A, E>(effect: Effect.Effect<A, E>): Step<A, E> =>
  // What has settled has done so with the types of the effect.
  settled(effect) as Exit.Exit<A, E> | undefined ?? effect

/** The same step with another error. */
export const refail = <A, E, E2>(step: Step<A, E>, error: () => E2): Step<A, E2> =>
  isDone(step) ? Exit.mapError(step, error) : Effect.mapError(step, error)
