/**
 * What a commit asks of choices and variables: whether everything holds that was required of them (D29).
 */
import * as Effect from "effect/Effect"
import type { Unsatisfiable } from "../AvmError.js"
import type { Cell } from "./frame.js"
import { substituted, violated } from "./judging.js"
import { Refused } from "./lowering.js"
import type { Space } from "./space.js"
import { die, effectOf, later, type Step } from "./sync.js"
import type { Transaction } from "./transaction.js"
import { posted } from "./variables.js"

/** The names of requirements that do not hold in this run; none, and then they go on to hold for its variables. */
export const settle = (cell: Cell, tx: Transaction): Step<ReadonlyArray<string>> => {
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
  const found = satisfiable(cell, variables.space)
  const answer = (found: boolean) => found ? none : open.map(({ name }) => name)
  return typeof found === "boolean" ? answer(found) : later(Effect.map(effectOf(found), answer))
}

/** Whether the variables have values at all: what propagates may still be impossible. */
const satisfiable = (cell: Cell, space: Space): Step<boolean> => {
  const search = space.engine.search()
  const run = (): Step<boolean> => {
    const step = search.run(steps)
    if (step === "paused") {
      return later(Effect.zipRight(cell.execution.allowance.pause, Effect.suspend(() => effectOf(run()))))
    }
    search.close()
    return step === "solution"
  }
  return run()
}

const steps = 4096

const none: ReadonlyArray<never> = []

/** The failures of commits that other choices may save, so that the bracket tries them. */
const undecided = new WeakSet<object>()

export const mayDecide = (error: Unsatisfiable): Unsatisfiable => {
  undecided.add(error)
  return error
}

export const isUndecided = (error: unknown): boolean =>
  typeof error === "object" && error !== null && undecided.has(error)
