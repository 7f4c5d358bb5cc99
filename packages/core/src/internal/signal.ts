/**
 * Something has changed: whoever saw an older version is woken.
 */
import * as Effect from "effect/Effect"

export class Signal {
  version = 0
  private readonly waiting = new Set<() => void>()

  raise(): void {
    this.version++
    for (const wake of [...this.waiting]) wake()
  }

  /** Waits until there is a newer version than the one seen. */
  after(seen: number): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      if (this.version !== seen) return resume(Effect.void)
      const wake = () => {
        this.waiting.delete(wake)
        resume(Effect.void)
      }
      this.waiting.add(wake)
      return Effect.sync(() => this.waiting.delete(wake))
    })
  }
}
