/**
 * Sequencing that does not wait for what is there already.
 *
 * A step of the kernel is its answer itself, or, where that is not at hand (a port that takes its time, a failure), what is
 * left to be run, as a `Later`. So an instruction over memory is a few plain function calls, without an effect being made.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"

/** What is left of a step: an effect without requirements. A failure is one that is finished. */
export class Later<out A, out E> {
  constructor(readonly effect: Effect.Effect<A, E>) {}
}

/** What the kernel's operations answer. No answer of theirs is a `Later` itself. */
export type Step<A, E = never> = A | Later<A, E>

// ---------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------

export const succeed = <A>(value: A): Step<A> => value

export const done: Step<void> = undefined

export const fail = <E>(error: E): Step<never, E> => new Later(Exit.fail(error))

export const failCause = <E>(cause: Cause.Cause<E>): Step<never, E> => new Later(Exit.failCause(cause))

export const die = (defect: unknown): Step<never> => new Later(Exit.die(defect))

export const later = <A, E>(effect: Effect.Effect<A, E>): Step<A, E> => new Later(effect)

/** The step of an effect: its value, where it is finished in one of the ways in which effects can be. */
export const stepOf = <A, E>(effect: Effect.Effect<A, E>): Step<A, E> => {
  // What has settled has done so with the types of the effect.
  const exit = settled(effect) as Exit.Exit<A, E> | undefined
  if (exit === undefined) return new Later(effect)
  return exit._tag === "Success" ? exit.value : new Later(exit)
}

// ---------------------------------------------------------------------------
// operations
// ---------------------------------------------------------------------------

export const effectOf = <A, E>(step: Step<A, E>): Effect.Effect<A, E> =>
  step instanceof Later ? step.effect : Exit.succeed(step)

export const andThen = <A, E, B, E2>(step: Step<A, E>, next: (value: A) => Step<B, E2>): Step<B, E | E2> => {
  if (!(step instanceof Later)) return next(step)
  // A failure has no value for what comes next.
  return isFailure(step.effect)
    ? new Later(step.effect)
    : new Later(Effect.flatMap(step.effect, (value) => effectOf(next(value))))
}

/** The same step with another error. */
export const refail = <A, E, E2>(step: Step<A, E>, error: () => E2): Step<A, E2> =>
  step instanceof Later ? new Later(Effect.mapError(step.effect, error)) : step

/** A step that is not at hand, changed as an effect. */
export const mapLater = <A, E, B, E2>(
  step: Step<A, E>,
  f: (effect: Effect.Effect<A, E>) => Effect.Effect<B, E2>
): Step<A | B, E2> => step instanceof Later ? new Later(f(step.effect)) : step

/** The cause of a step that has failed already. */
export const causeOf = <A, E>(step: Step<A, E>): Cause.Cause<E> | undefined =>
  step instanceof Later && isFailure(step.effect) ? step.effect.cause : undefined

/** The outcome of an effect that is finished, in one of the ways in which effects can be; none of any other. */
export const settled = (effect: Effect.Effect<unknown, unknown, unknown>): Exit.Exit<unknown, unknown> | undefined => {
  const { _op, _tag } = effect as { readonly _op?: unknown; readonly _tag?: unknown }
  // An exit needs nothing.
  if ((_tag === "Success" || _tag === "Failure") && _op === _tag) return effect as Exit.Exit<unknown, unknown>
  if (!Either.isEither(effect)) return undefined
  return Either.isRight(effect) ? Exit.succeed(effect.right) : Exit.fail(effect.left)
}

/** By the operation as well as the tag, which an application's own error may have. */
const isFailure = <A, E>(effect: Effect.Effect<A, E>): effect is Exit.Failure<never, E> => {
  const { _op, _tag } = effect as { readonly _op?: unknown; readonly _tag?: unknown }
  return _tag === "Failure" && _op === "Failure"
}
