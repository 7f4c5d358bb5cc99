/**
 * An Effect scheduler that picks who goes next by a seed, so that an interleaving can be had again from the number that a
 * failing test prints.
 *
 * Fibers change places where they yield, fork, wait or wake, and nowhere else. A program over stores in memory does none
 * of that, so its interleavings are as fine as one makes them: `layerYielding` yields before each instruction, inside
 * behaviours as well; a script yields between its steps; a store that yields (`History.recording`) cuts instructions
 * into the operations they are made of. All of these stay deterministic as long as nothing else but the seed decides:
 * a live timer or a promise of the world outside is woken when it is woken, and only then drawn among the others.
 *
 * Every ready fiber is as likely as any other, so none waits for ever; priorities are not looked at. Tasks are handed to
 * Effect's own scheduler one by one, which lets timers have their turn. Pinned by `test/concurrency/Scheduler.test.ts`.
 *
 * @since 0.1.0
 */
import { Avm } from "@effect-avm/core"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Scheduler from "effect/Scheduler"
import { PCGRandom } from "effect/Utils"

// ---------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------

/**
 * A scheduler for one run: it goes on where its random numbers stand, so a second run needs another one.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (seed: number): Scheduler.Scheduler => {
  const random = new PCGRandom(seed)
  const ready: Array<Scheduler.Task> = []
  let draining = false

  const drain = (): void => {
    const [task] = ready.splice(random.integer(ready.length), 1)
    draining = ready.length > 0
    if (draining) Scheduler.defaultScheduler.scheduleTask(drain, 0)
    task?.()
  }

  return Scheduler.make((task) => {
    ready.push(task)
    if (draining) return
    draining = true
    Scheduler.defaultScheduler.scheduleTask(drain, 0)
  })
}

// ---------------------------------------------------------------------------
// operations
// ---------------------------------------------------------------------------

/**
 * Runs the effect, and the fibers it forks, in the order that the seed gives: the same each time it is run.
 *
 * @since 0.1.0
 * @category operations
 */
export const withSeed = (seed: number) => <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => Effect.withScheduler(Effect.zipRight(Effect.yieldNow(), effect), make(seed)))

// ---------------------------------------------------------------------------
// layers
// ---------------------------------------------------------------------------

/**
 * Yields before each instruction of every family, wherever it is executed: interleavings of single instructions.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerYielding: Layer.Layer<Avm.Avm, never, Avm.Avm> = Avm.intercept((_, execute) =>
  Effect.zipRight(Effect.yieldNow(), execute)
)
