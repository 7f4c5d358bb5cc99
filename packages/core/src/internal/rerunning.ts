/**
 * A body that is run again and again on its record, in one transaction: by a search under other labels, by a bracket with
 * other choices.
 *
 * A run is done where it stands, as far as that goes; what is left of it is for the fiber.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { isOver, isTold } from "./eager.js"
import type { Cell } from "./frame.js"
import { peek } from "./peek.js"
import { feeding, Record } from "./recording.js"
import { causeOf, Later, later, type Restore, type Step } from "./sync.js"

export class Rerun<A, E, R> {
  readonly record = new Record()
  private fed: Fed | undefined = undefined

  constructor(private readonly body: Effect.Effect<A, E, R>) {}

  /** What it requires is in the context of the fiber. `restore`: where it may be interrupted. */
  run(cell: Cell, restore: Restore): Step<A, E> {
    const { fiber } = cell
    const context = this.feed(fiber?.currentContext ?? Context.empty())
    const rest = (effect: Effect.Effect<A, E, R>): Step<A, E> =>
      later(restore(Effect.mapInputContext(effect, () => context as Context.Context<R>)))
    // Who is interrupted already does nothing of it, unless it may not be interrupted here.
    if (fiber === undefined || isOver(fiber)) return rest(this.body)
    const before = cell.context
    cell.context = context
    // The body's own answer and failure.
    const step = peek(this.body, context, cell.execution.allowance) as Step<A, E>
    cell.context = before
    if (step instanceof Later) return causeOf(step) === undefined ? rest(step.effect) : step
    // It may have had its own fiber interrupted: that is still within the body.
    return isTold(fiber) ? rest(Exit.succeed(step)) : step
  }

  private feed(context: Context.Context<never>): Context.Context<never> {
    if (this.fed?.from !== context) this.fed = { from: context, to: feeding(context, this.record) }
    return this.fed.to
  }
}

interface Fed {
  readonly from: Context.Context<never>
  readonly to: Context.Context<never>
}
