/** Where in its work a fiber is met: so many rounds of the scheduler, or operations, from here. */
import { Effect, type Fiber, Scheduler } from "effect"

/** Waits for so many rounds of the scheduler. */
export const rounds = (count: number): Effect.Effect<void> =>
  Effect.withFiberRuntime((fiber) =>
    Effect.async((resume) => {
      const go = (left: number): void =>
        left === 0 ? resume(Effect.void) : fiber.currentScheduler.scheduleTask(() => go(left - 1), 0)
      go(count)
    })
  )

/** The effect, after so many operations of its fiber in one go: effect makes a fiber give way after 2,048 of them. */
export const after = <A, E, R>(operations: number, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
  let all = operations % 2 === 1 ? Effect.suspend(() => effect) : effect
  for (let n = 0; n < Math.floor(operations / 2); n++) {
    const rest = all
    all = Effect.flatMap(Effect.void, () => rest)
  }
  return Effect.zipRight(Effect.yieldNow(), all)
}

/** Asks before each step of a fiber's run loop. */
export const asking = (before: (fiber: Fiber.RuntimeFiber<unknown, unknown>) => void): Scheduler.Scheduler => ({
  shouldYield: (fiber) => {
    before(fiber)
    return Scheduler.defaultScheduler.shouldYield(fiber)
  },
  scheduleTask: (task, priority) => Scheduler.defaultScheduler.scheduleTask(task, priority)
})
