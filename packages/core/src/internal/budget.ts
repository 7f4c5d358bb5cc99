/**
 * What is left of the limits of a search.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"

export interface Limits {
  readonly nodes?: number
  readonly time?: Duration.DurationInput
}

export class Budget {
  /** Decisions that were taken so far. */
  nodes = 0
  /** In nanoseconds of the clock. */
  private readonly deadline: Option.Option<bigint>

  constructor(private readonly limits: Limits, private readonly clock: Clock.Clock) {
    this.deadline = Option.map(
      Duration.toNanos(limits.time ?? Duration.infinity),
      (nanos) => clock.unsafeCurrentTimeNanos() + nanos
    )
  }

  /** The limit that ends the search here, if one does. */
  get reached(): "nodes" | "time" | undefined {
    if (this.nodes >= (this.limits.nodes ?? Infinity)) return "nodes"
    return Option.exists(this.deadline, (deadline) => this.clock.unsafeCurrentTimeNanos() >= deadline)
      ? "time"
      : undefined
  }

  /** For a search of its own: to be told what it has taken, it answers whether there is more. */
  counting(): (nodes: number) => boolean {
    const before = this.nodes
    return (nodes) => {
      this.nodes = before + nodes
      return this.reached === undefined
    }
  }

  /** For a solver. */
  get left(): Limits {
    return {
      ...this.limits.nodes === undefined ? {} : { nodes: Math.max(0, this.limits.nodes - this.nodes) },
      ...Option.match(this.deadline, {
        onNone: () => ({}),
        onSome: (deadline) => {
          const nanos = deadline - this.clock.unsafeCurrentTimeNanos()
          return { time: Duration.nanos(nanos > 0n ? nanos : 0n) }
        }
      })
    }
  }
}
