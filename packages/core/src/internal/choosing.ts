/**
 * Running the body of a bracket until its choices are the best ones under which all that it requires holds (D29).
 *
 * All runs are in one transaction, on one snapshot. Before each choice the transaction is saved: to choose otherwise there,
 * it goes back, and the body is run again on its record up to that place. What it has read stays read. Its entries come
 * into the trace when it is clear which run it is.
 *
 * A run in which everything holds is the best one (`internal/deciding`), so nothing better has to be looked for. At a limit
 * the best plan that the solver had come to is run once more: it may do, but is not known to be the best.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { ChoicesUndecided, type Limit, Unsatisfiable } from "../AvmError.js"
import type { TxId } from "../TxId.js"
import { Budget, type Limits } from "./budget.js"
import type { Branch } from "./choices.js"
import { decide, type Leaf, leafOf } from "./deciding.js"
import { current } from "./frame.js"
import { Interned } from "./interning.js"
import type { Record } from "./recording.js"
import { Rerun } from "./rerunning.js"
import { settle, type Settled } from "./settling.js"
import { effectOf, type Restore, type Step } from "./sync.js"
import type { Saved, Transaction } from "./transaction.js"
import { waitingOf } from "./waiting.js"

/** What `Tx.Options` says of the search. */
export interface Options {
  readonly limits?: (Limits & { readonly runs?: number }) | undefined
  readonly accept?: (undecided: ChoicesUndecided) => boolean
}

/** A time that is none is refused here, where nothing has begun yet. */
export const checked = (options: Options | undefined): Options | undefined => {
  if (options?.limits?.time !== undefined) Duration.decode(options.limits.time)
  return options
}

/** The transaction is open; `commit` and `abort` end it. */
export const choosing = <A, E, R, B, E2, R2, E3>(
  restore: Restore,
  id: TxId,
  body: Effect.Effect<A, E, R>,
  commit: (answer: A) => Effect.Effect<B, E2, R2>,
  abort: (cause: Cause.Cause<E | Unsatisfiable | ChoicesUndecided>) => Effect.Effect<B, E3, R2>,
  { accept, limits = {} }: Options
): Effect.Effect<B, E2 | E3, R | R2> => {
  type Ended = Effect.Effect<B, E2 | E3, R | R2>
  return Effect.clockWith((clock) =>
    Effect.withFiberRuntime<B, E2 | E3, R | R2>((fiber) => {
      const cell = fiber.getFiberRef(current)
      const tx = cell?.open
      // Where another Tx family has begun something of its own, it is not for us to go back in it.
      if (cell === undefined || tx === undefined || tx.id !== id) {
        return Effect.matchCauseEffect(restore(body), { onFailure: abort, onSuccess: commit })
      }
      const rerun = new Rerun(body)
      const { record } = rerun
      const saves: Array<{ readonly saved: Saved; readonly at: number }> = []
      const leaves = new Map<Branch, Leaf>()
      const budget = new Budget(limits, clock)
      const { runs = Infinity } = limits
      let ways = 1
      /** Once a limit is reached: then this is the last run, of what was the best by then. */
      let reached: Limit | undefined
      tx.search = {
        entries: [],
        label: undefined,
        choosing: () => saves.push({ saved: tx.save(), at: record.length - 1 })
      }

      const run: Ended = Effect.suspend(() =>
        Effect.matchCauseEffect(
          effectOf(rerun.run(cell, restore)),
          {
            onFailure: (cause) => {
              learn()
              const isEnd = Cause.isFailure(cause) || Option.isSome(waitingOf(cause, id))
              // At a limit it is not known whether this is the way that would be taken.
              if (isEnd && reached !== undefined) return undecided(reached, Option.none())
              return judged(
                isEnd ? settle(cell, tx, budget.counting()) : [],
                (names) => names.length > 0 ? next() : abort(cause)
              )
            },
            onSuccess: (answer) => {
              const { missed } = record
              if (missed !== undefined) return abort(Cause.die(missed))
              learn()
              return judged(settle(cell, tx, budget.counting()), (names) => {
                if (names.length > 0) return next()
                if (tx.choices !== undefined) tx.choices.settled = true
                if (reached === undefined) return commit(answer)
                return undecided(reached, tx.waiting === undefined ? Option.some(answer) : Option.none())
              })
            }
          }
        )
      )

      /** Goes on with what is known of a run, unless a limit was reached before it was. */
      const judged = (step: Step<Settled>, known: (names: ReadonlyArray<string>) => Ended): Ended =>
        Effect.matchCauseEffect(restore(effectOf(step)), {
          onFailure: abort,
          onSuccess: (names) =>
            names === undefined ? undecided(reached ?? budget.reached ?? "time", Option.none()) : known(names)
        })

      /** Of variables, it is known at the end of a run what they have to do with choices. */
      const learn = (): void => {
        const { choices, variables } = tx
        if (choices === undefined || variables === undefined || !choices.required.some(({ open }) => open)) return
        leaves.set(choices.branch, leafOf(choices, variables.space))
      }

      const next = (): Ended => {
        const { choices } = tx
        if (choices === undefined) return Effect.dieMessage("Nothing was chosen")
        choices.refute()
        const over = reached ?? budget.reached
        if (over !== undefined) return undecided(over, Option.none())
        const interned = tx.variables?.space.interned ?? new Interned()
        const decision = restore(Effect.suspend(() => decide(choices, leaves, interned, choices.solver, budget)))
        return Effect.matchCauseEffect(decision, {
          onFailure: abort,
          onSuccess: (decision) => {
            if (decision._tag === "Impossible") {
              return refused(new Unsatisfiable({ tx: id, requirements: decision.requirements }))
            }
            if (decision._tag === "Limited") reached = decision.limit
            if (decision.plan === undefined || ways >= runs) return undecided(reached ?? "runs", Option.none())
            choices.plan = decision.plan
            ways++
            return goBack(tx, saves, record)
              ? run
              : abort(Cause.die(new Error("The same choices were found again: a solver has answered what is not so")))
          }
        })
      }

      /** None of the ways was taken, so that none is recorded. */
      const refused = (error: Unsatisfiable | ChoicesUndecided): Ended =>
        Effect.ensuring(
          abort(Cause.fail(error)),
          Effect.sync(() => {
            if (tx.begun !== undefined) tx.owner.record?.refuse(tx.begun, error)
          })
        )

      /** `best`: the answer of this run, where everything holds in it; other choices may be better. */
      const undecided = (limit: Limit, best: Option.Option<A>): Ended => {
        const found = Option.isSome(best) ? tx.choices?.chosen : undefined
        const error = new ChoicesUndecided({
          tx: id,
          limit,
          runs: ways,
          nodes: budget.nodes,
          ...found === undefined ? {} : { best: found }
        })
        return Effect.matchCauseEffect(Effect.sync(() => found !== undefined && accept?.(error) === true), {
          onFailure: abort,
          onSuccess: (accepted): Ended => accepted && Option.isSome(best) ? commit(best.value) : refused(error)
        })
      }

      return run
    })
  )
}

/** To the first choice that is to be another one. */
const goBack = (
  tx: Transaction,
  saves: Array<{ readonly saved: Saved; readonly at: number }>,
  record: Record
): boolean => {
  const { choices } = tx
  const place = choices?.made.findIndex(({ choice, option }) => choices.plan.get(choice) !== option) ?? -1
  const save = saves[place]
  if (save === undefined) return false
  saves.length = place
  tx.restore(save.saved)
  record.cut(save.at)
  return true
}
