/**
 * What a commit asks of choices and variables: whether everything holds that was required of them (D29).
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Unsatisfiable } from "../AvmError.js"
import type { Cell } from "./frame.js"
import { substituted, violated } from "./judging.js"
import { Refused } from "./lowering.js"
import type { Space } from "./space.js"
import { andThen, die, effectOf, later, type Step } from "./sync.js"
import type { Transaction } from "./transaction.js"
import { posted, spendFor } from "./variables.js"
import { waitingOf } from "./waiting.js"

/** The names of requirements that do not hold; undefined where it was given up to find that out. */
export type Settled = ReadonlyArray<string> | undefined

/**
 * The names of requirements that do not hold in this run; none, and then they go on to hold for its variables. Whether these
 * have values may take long to say: `goesOn` is told now and then how many decisions that has taken, and may give it up.
 */
export const settle = (
  cell: Cell,
  tx: Transaction,
  goesOn: (nodes: number) => boolean = () => true
): Step<Settled> => {
  const { choices, variables } = tx
  if (choices === undefined) return none
  const names = violated(choices)
  if (names.length > 0) return names
  const open = choices.required.filter((requirement) => requirement.open)
  if (open.length === 0 || variables === undefined) return none
  for (const { condition, name } of open) {
    if (typeof condition === "boolean") continue
    const data = substituted(condition, (id) => choices.valueOf(id))
    try {
      if (!variables.space.post(data)) return [name]
      variables.changed(posted, data, undefined)
    } catch (error) {
      return die(error instanceof Refused ? error.error : error)
    }
  }
  return andThen(
    satisfiable(cell, variables.space, goesOn),
    (found) => found === undefined ? undefined : found ? none : open.map(({ name }) => name)
  )
}

/**
 * Whether a run that has failed, or that waits, does so in a way that does not do anyway: something that it has required so
 * far does not hold. Nothing else is asked of this run then.
 */
export const isHopeless = (
  cell: Cell,
  tx: Transaction,
  cause: Cause.Cause<unknown>,
  goesOn?: (nodes: number) => boolean
): Step<boolean | undefined> =>
  Cause.isFailure(cause) || Option.isSome(waitingOf(cause, tx.id))
    ? andThen(settle(cell, tx, goesOn), (names) => names === undefined ? undefined : names.length > 0)
    : false

/** Whether the variables have values at all: what propagates may still be impossible. */
const satisfiable = (cell: Cell, space: Space, goesOn: (nodes: number) => boolean): Step<boolean | undefined> => {
  const { allowance } = cell.execution
  const search = space.engine.search()
  const run = (): Step<boolean | undefined> => {
    for (;;) {
      const step = search.run(steps)
      const { nodes } = search.progress
      spendFor(cell, space)
      if (step !== "paused" || !goesOn(nodes)) {
        search.close()
        if (step === "paused") return undefined
        goesOn(nodes)
        return step === "solution"
      }
      if (allowance.mayGoOn()) continue
      const pause = Effect.onInterrupt(allowance.pause, () => Effect.sync(() => search.close()))
      return later(Effect.zipRight(pause, Effect.suspend(() => effectOf(run()))))
    }
  }
  return run()
}

const steps = 512

const none: ReadonlyArray<never> = []

/** The failures of commits that other choices may save, so that the bracket tries them. */
const undecided = new WeakSet<object>()

export const mayDecide = (error: Unsatisfiable): Unsatisfiable => {
  undecided.add(error)
  return error
}

export const isUndecided = (error: unknown): boolean =>
  typeof error === "object" && error !== null && undecided.has(error)
