/**
 * Running the body of a bracket until its choices are the best ones under which all that it requires holds (D29).
 *
 * All runs are in one transaction, on one snapshot. Before each choice the transaction is saved: to choose otherwise there,
 * it goes back, and the body is run again on its record up to that place. What it has read stays read. Its entries come
 * into the trace when it is clear which run it is.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { Unsatisfiable } from "../AvmError.js"
import type { TxId } from "../TxId.js"
import { type Branch, Differs } from "./choices.js"
import { decide, type Leaf, leafOf } from "./deciding.js"
import { current } from "./frame.js"
import { Interned } from "./interning.js"
import { feeding, Record } from "./refeeding.js"
import { isHopeless, settle } from "./settling.js"
import { effectOf } from "./sync.js"
import type { Saved, Transaction } from "./transaction.js"

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/** The transaction is open; `commit` and `abort` end it. */
export const choosing = <A, E, R, B, E2, R2, E3>(
  restore: Restore,
  id: TxId,
  body: Effect.Effect<A, E, R>,
  commit: (answer: A) => Effect.Effect<B, E2, R2>,
  abort: (cause: Cause.Cause<E | Unsatisfiable>) => Effect.Effect<B, E3, R2>
): Effect.Effect<B, E2 | E3, R | R2> =>
  Effect.withFiberRuntime<B, E2 | E3, R | R2>((fiber) => {
    const cell = fiber.getFiberRef(current)
    const tx = cell?.open
    // Where another Tx family has begun something of its own, it is not for us to go back in it.
    if (cell === undefined || tx === undefined || tx.id !== id) {
      return Effect.matchCauseEffect(restore(body), { onFailure: abort, onSuccess: commit })
    }
    const record = new Record()
    const saves: Array<{ readonly saved: Saved; readonly at: number }> = []
    const leaves = new Map<Branch, Leaf>()
    tx.search = {
      entries: [],
      label: undefined,
      choosing: () => saves.push({ saved: tx.save(), at: record.length - 1 })
    }

    const run: Effect.Effect<B, E2 | E3, R | R2> = Effect.suspend(() =>
      Effect.matchCauseEffect(
        restore(Effect.mapInputContext(body, (context: Context.Context<R>) => feeding(context, record))),
        {
          onFailure: (cause) => {
            learn()
            return Effect.flatMap(
              effectOf(isHopeless(cell, tx, cause)),
              (hopeless) => hopeless ? next() : abort(cause)
            )
          },
          onSuccess: (answer) => {
            const { expected } = record
            if (expected !== undefined) return abort(Cause.die(new Differs({ found: "its end", expected })))
            learn()
            return Effect.flatMap(effectOf(settle(cell, tx)), (names) => {
              if (names.length > 0) return next()
              if (tx.choices !== undefined) tx.choices.settled = true
              return commit(answer)
            })
          }
        }
      )
    )

    /** Of variables, it is known at the end of a run what they have to do with choices. */
    const learn = (): void => {
      const { choices, variables } = tx
      if (choices === undefined || variables === undefined || !choices.required.some(({ open }) => open)) return
      leaves.set(choices.branch, leafOf(choices, variables.space))
    }

    const next = (): Effect.Effect<B, E2 | E3, R | R2> => {
      const { choices } = tx
      if (choices === undefined) return Effect.dieMessage("Nothing was chosen")
      const interned = tx.variables?.space.interned ?? new Interned()
      const decision = restore(Effect.suspend(() => decide(choices, leaves, interned, choices.solver)))
      return Effect.matchCauseEffect(decision, {
        onFailure: abort,
        onSuccess: (decision) => {
          if (decision._tag === "Impossible") {
            return abort(Cause.fail(new Unsatisfiable({ tx: id, requirements: decision.requirements })))
          }
          choices.plan = decision.plan
          return goBack(tx, saves, record)
            ? run
            : abort(Cause.die(new Error("The same choices were found again: a solver has answered what is not so")))
        }
      })
    }

    return run
  })

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
