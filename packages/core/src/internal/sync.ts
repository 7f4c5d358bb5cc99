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
  constructor(private readonly left?: Effect.Effect<A, E>) {}

  get effect(): Effect.Effect<A, E> {
    return this.left as Effect.Effect<A, E> // only a `Notified` has none, and answers this itself
  }
}

/** Who hears how a step came out: the step itself, in a `Later` if need be. */
export interface Listener<in A, in E> {
  readonly tell: (step: Step<A, E>) => void
}

/**
 * What is left of a step that needs no fiber: it begins when somebody listens, once, and tells him the rest when it is time.
 * What comes next is done there and then. So a commit can be waited for without a fiber for each.
 *
 * What waits is held for as long as the disk takes, by everybody who waits: these are instances with as few fields as can be,
 * where a closure would hold all that its neighbours refer to.
 */
export abstract class Notified<out A, out E> extends Later<A, E> {
  /** What is told is none of these. */
  abstract listen(to: Listener<A, E>): void

  /** Nothing that has begun is interrupted. */
  override get effect(): Effect.Effect<A, E> {
    return Effect.uninterruptible(
      Effect.async<A, E>((resume) => this.listen({ tell: (step) => resume(effectOf(step)) }))
    )
  }
}

/** What the kernel's operations answer. No answer of theirs is a `Later` itself. */
export type Step<A, E = never> = A | Later<A, E>

/** What an uninterruptible region gives back to a part of it: that it may be interrupted, if it could be outside. */
export type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

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
  if (step instanceof Notified) return new AndThen(step, next)
  // A failure has no value for what comes next.
  return isFailure(step.effect)
    ? new Later(step.effect)
    : new Later(Effect.flatMap(step.effect, (value) => effectOf(next(value))))
}

/** Goes on with however a step ends. */
export const exiting = <A, E, B, E2>(
  step: Step<A, E>,
  next: (exit: Exit.Exit<A, E>) => Step<B, E2>
): Step<B, E2> => {
  if (!(step instanceof Later)) return next(Exit.succeed(step))
  if (step instanceof Notified) return new Exiting(step, next)
  const { effect } = step
  return isFailure(effect)
    ? next(effect)
    : new Later(Effect.matchCauseEffect(effect, {
      onFailure: (cause) => effectOf(next(Exit.failCause(cause))),
      onSuccess: (value) => effectOf(next(Exit.succeed(value)))
    }))
}

/** What comes after a step that is told. */
abstract class Next<A, E, B, E2> extends Notified<B, E2> implements Listener<A, E> {
  private to: Listener<B, E2> | undefined = undefined

  constructor(private readonly step: Notified<A, E>) {
    super()
  }
  protected abstract after(step: Step<A, E>): Step<B, E2>

  listen(to: Listener<B, E2>): void {
    this.to = to
    this.step.listen(this)
  }
  tell(step: Step<A, E>): void {
    let rest: Step<B, E2>
    try {
      rest = this.after(step)
    } catch (defect) {
      rest = die(defect)
    }
    const { to } = this
    if (to === undefined) return
    if (rest instanceof Notified) rest.listen(to)
    else to.tell(rest)
  }
}

class AndThen<A, E, B, E2> extends Next<A, E, B, E | E2> {
  constructor(step: Notified<A, E>, private readonly next: (value: A) => Step<B, E2>) {
    super(step)
  }
  after(step: Step<A, E>): Step<B, E | E2> {
    return andThen(step, this.next)
  }
}

class Exiting<A, E, B, E2> extends Next<A, E, B, E2> {
  constructor(step: Notified<A, E>, private readonly next: (exit: Exit.Exit<A, E>) => Step<B, E2>) {
    super(step)
  }
  after(step: Step<A, E>): Step<B, E2> {
    return exiting(step, this.next)
  }
}

class Unless<A, E, B, E2> extends Notified<A | B, E | E2> {
  constructor(private readonly step: Notified<A, E>, private readonly instead: () => Later<B, E2> | undefined) {
    super()
  }
  listen(to: Listener<A | B, E | E2>): void {
    const other = this.instead()
    if (other === undefined) this.step.listen(to)
    else to.tell(other)
  }
}

/** Looks, when what is left of the step begins, whether it still may: if not, what is answered instead. */
export const unless = <A, E, B, E2>(step: Step<A, E>, instead: () => Later<B, E2> | undefined): Step<A | B, E | E2> => {
  if (!(step instanceof Later)) return step
  return step instanceof Notified
    ? new Unless(step, instead)
    : new Later<A | B, E | E2>(Effect.suspend((): Effect.Effect<A | B, E | E2> => instead()?.effect ?? step.effect))
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
export const causeOf = <A, E>(step: Step<A, E>): Cause.Cause<E> | undefined => {
  if (!(step instanceof Later) || step instanceof Notified) return undefined
  const { effect } = step
  return isFailure(effect) ? effect.cause : undefined
}

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
