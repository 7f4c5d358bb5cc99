/**
 * Writes in turns of the event loop. Each stops the process for as long as the disk takes, so after some of them timers,
 * sockets and signals come first. Pinned by `test/sqlite/Fairness.test.ts`.
 *
 * Writes are counted, not timed, so that runs can be reproduced; under a scheduler of the application's own, a seeded one
 * for example, they do not wait for anything but it (D30).
 */
import type { ObjectStore } from "@effect-avm/core"
import * as Effect from "effect/Effect"
import { MixedScheduler, type Scheduler, SyncScheduler } from "effect/Scheduler"

/** Writes from one turn to the next: some 20 ms where the disk is waited for. */
const allowance = 16

/**
 * Rounds of the scheduler from the first commit of a group to its write: time for those whom the write before has let go,
 * and for the turns that begin in their place, to commit as well. Otherwise two groups take turns, each with a part of all.
 */
const rounds = 4

/** Of so many writes in a turn one waits for others, also where none have been about: whoever is ready comes to run then. */
const atOnce = 8

export class Pace {
  /** In this turn. */
  private writes = 0
  /** Who made the last commit, if it was written by itself. */
  private lone: object | undefined
  private readonly waiting: Array<() => void> = []

  /** So many commits, of which `by` made the first. */
  wrote(commits: number, by?: object): void {
    this.lone = commits === 1 ? by : undefined
    if (this.writes++ > 0) return
    setImmediate(() => {
      this.writes = 0
      for (const goOn of this.waiting.splice(0)) goOn()
    })
  }

  /**
   * Whether it would be in vain to wait for others: nobody shared the last write, though it waited, and whoever commits now
   * is who committed then, or has come in another turn. Two who commit in one turn are a group again.
   */
  isAlone({ asker, scheduler }: ObjectStore.Committing): boolean {
    return this.lone !== undefined && this.writes < allowance && this.writes % atOnce !== atOnce - 1 &&
      isEffects(scheduler) && (this.writes === 0 || this.lone === asker)
  }

  /** Schedules what is going to write: if enough has been written in this turn, for the next one. */
  schedule(scheduler: Scheduler, write: () => void): void {
    if (this.isSpent(scheduler)) this.waiting.push(write)
    else after(isEffects(scheduler) ? rounds : 1, scheduler, write)
  }

  /** The answer of what has written without being scheduled: if enough has been written in this turn, in the next one. */
  answered<A, E>(scheduler: Scheduler, answer: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return this.isSpent(scheduler)
      ? Effect.async<A, E>((resume) => void this.waiting.push(() => resume(answer)))
      : answer
  }

  private isSpent(scheduler: Scheduler): boolean {
    return this.writes >= allowance && isEffects(scheduler)
  }
}

const after = (rounds: number, scheduler: Scheduler, write: () => void): void =>
  scheduler.scheduleTask(() => rounds > 1 ? after(rounds - 1, scheduler, write) : write(), 0)

/** Effect's own, which a `ManagedRuntime` has behind the synchronous one that has built it. */
const isEffects = (scheduler: Scheduler): boolean =>
  scheduler instanceof MixedScheduler || scheduler instanceof SyncScheduler && scheduler.deferred
