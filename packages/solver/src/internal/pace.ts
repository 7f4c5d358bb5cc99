/**
 * Long work in slices, so that timers, sockets and other fibers live, and so that it can be interrupted.
 *
 * A turn lasts for some milliseconds by the `Clock`; then the event loop goes round once (`setImmediate`: a fiber that only
 * yields keeps timers from firing). Slices grow and shrink until one takes a fraction of a turn. Where the clock stands
 * still, a turn is a fixed number of slices. How the work is cut changes nothing about its result.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/** Nanoseconds that a turn may take. */
const turn = 3_000_000
/** Nanoseconds that a slice should take at most. */
const slice = 400_000
const mostSlices = 64
const mostSteps = 16_384

/** What is kept from one piece of work to the next. */
export interface Pace {
  steps: number
  slices: number
  /** When the turn began; undefined before the first. */
  began: bigint | undefined
}

export const make = (): Pace => ({ steps: 256, slices: 0, began: undefined })

const pause = (pace: Pace): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    const immediate = setImmediate(() => {
      pace.slices = 0
      pace.began = undefined
      resume(Effect.void)
    })
    return Effect.sync(() => clearImmediate(immediate))
  })

const isOver = (pace: Pace, now: bigint): boolean =>
  pace.slices >= mostSlices || (pace.began !== undefined && Number(now - pace.began) > turn)

/** Slices until one answers something, or the turn is over. */
const oneTurn = <A>(
  pace: Pace,
  clock: Clock.Clock,
  work: (steps: number) => A | undefined,
  atSlice: (now: bigint) => A | undefined
): A | undefined => {
  let before = clock.unsafeCurrentTimeNanos()
  pace.began ??= before
  while (!isOver(pace, before)) {
    const found = work(pace.steps)
    pace.slices++
    const now = clock.unsafeCurrentTimeNanos()
    const taken = Number(now - before)
    if (taken > slice) pace.steps = Math.max(1, pace.steps >> 1)
    else if (taken > 0 && taken < slice / 4) pace.steps = Math.min(mostSteps, pace.steps << 1)
    const ended = found ?? atSlice(now)
    if (ended !== undefined) return ended
    before = now
  }
  return undefined
}

/**
 * Runs slices until one answers something. At the end of each, `atSlice` sees the time and may answer instead; at the end
 * of a turn, so may `atTurn`.
 */
export const run = <A>(
  pace: Pace,
  work: (steps: number) => A | undefined,
  atSlice: (now: bigint) => A | undefined,
  atTurn: () => Effect.Effect<A | undefined>
): Effect.Effect<A> =>
  Effect.clockWith((clock) => {
    const loop: Effect.Effect<A> = Effect.suspend(() => {
      const found = oneTurn(pace, clock, work, atSlice)
      if (found !== undefined) return Effect.succeed(found)
      return Effect.flatMap(
        atTurn(),
        (ended) => ended === undefined ? Effect.zipRight(pause(pace), loop) : Effect.succeed(ended)
      )
    })
    // What went before may have used up the turn.
    return Effect.suspend(() =>
      isOver(pace, clock.unsafeCurrentTimeNanos()) ? Effect.zipRight(pause(pace), loop) : loop
    )
  })
