/**
 * Running a body under all labelings of its variables, in one transaction (D28).
 *
 * Before each label the transaction is saved. A run that has come to its end, or to a dead end, goes back to the last label
 * that has another value, and the body is run again on its record up to there. Between runs the transaction is nobody's:
 * whoever consumes the results works outside of it. A run that asks to wait (`Tx.retry`) is no dead end.
 */
import { SolverError } from "@effect-avm/solver"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { NestedTxNotSupported, type StoreError } from "../AvmError.js"
import type { Abort, Begin, Commit, CommitError, TransactError, Tx } from "../Tx.js"
import type { TxId } from "../TxId.js"
import { commitCause, retried } from "./bracket.js"
import { Budget, type Limits } from "./budget.js"
import { type Cell, here } from "./frame.js"
import { Rerun } from "./rerunning.js"
import { isHopeless, settle } from "./settling.js"
import { andThen, die, effectOf, exiting, failCause, Later, mapLater, type Restore, type Step } from "./sync.js"
import type { Saved, Transaction } from "./transaction.js"
import { type Waiting, waitingOf } from "./waiting.js"

/** The instructions that a search consists of. */
interface Instructions {
  readonly begin: (args: Begin["args"]) => Begin
  readonly commit: (args: Commit["args"]) => Commit
  readonly abort: (args: Abort["args"]) => Abort
}

// ---------------------------------------------------------------------------
// operations
// ---------------------------------------------------------------------------

/** Each result under which the body succeeds; nothing is committed. */
export const search = <A, E, R>(
  instructions: Instructions,
  body: Effect.Effect<A, E, R>,
  limits: Limits & { readonly solutions?: number }
): Stream.Stream<A, E | TransactError | SolverError.SearchLimited, R | Tx> =>
  Stream.unwrapScoped(Effect.map(
    Effect.acquireRelease(
      searchFor(instructions, body, limits, limits.solutions),
      (searching) => searching.end
    ),
    (searching) =>
      Stream.repeatEffectOption(Effect.matchCauseEffect(searching.next, {
        onFailure: (cause) =>
          Option.isSome(searching.waitingOf(cause))
            ? Effect.die(noWaiting)
            : Effect.failCause(Cause.map(cause, Option.some)),
        onSuccess: Option.match({ onNone: () => Effect.fail(Option.none()), onSome: Effect.succeed })
      }))
  ))

/** A result is of one snapshot: what was found on it already would be found once more on another. */
const noWaiting = new Error("Tx.retry in FD.search, which has no attempt to run again: FD.commitFirst waits")

/** The first result, committed. What has to wait, by `Tx.retry` or by an enlisted STM, begins anew on another snapshot. */
export const commitFirst = <A, E, R>(
  instructions: Instructions,
  body: Effect.Effect<A, E, R>,
  limits: Limits
): Effect.Effect<Option.Option<A>, E | TransactError | SolverError.SearchLimited, R | Tx> =>
  Effect.flatMap(searchFor(instructions, body, limits), (searching) => {
    const once = Effect.onExit(
      Effect.flatMap(
        searching.next,
        (found): Effect.Effect<Option.Option<A>, TransactError, Tx> =>
          Option.isNone(found) ? Effect.succeed(found) : Effect.as(searching.commit, found)
      ),
      () => searching.end
    )
    return Effect.catchAllCause(once, (cause) =>
      Option.match(searching.waitingOf(cause), {
        onNone: () => Effect.failCause(cause),
        onSome: ({ until }) => Effect.zipRight(until, retried(commitFirst(instructions, body, limits)))
      }))
  })

// ---------------------------------------------------------------------------
// the search
// ---------------------------------------------------------------------------

type Found<A, E, R> = Effect.Effect<Option.Option<A>, E | TransactError | SolverError.SearchLimited, R | Tx>

/** A label with the value it has now. */
interface Point {
  readonly id: string
  readonly saved: Saved
  readonly code: number
  /** Its place in the record. */
  readonly at: number
}

const searchFor = <A, E, R>(
  instructions: Instructions,
  body: Effect.Effect<A, E, R>,
  limits: Limits,
  most = Infinity
): Effect.Effect<Searching<A, E, R>> =>
  Effect.clockWith((clock) => Effect.sync(() => new Searching(instructions, body, new Budget(limits, clock), most)))

class Searching<A, E, R> {
  private failures = 0
  private solutions = 0
  private tx: Transaction | undefined
  private id: TxId | undefined
  private readonly body: Rerun<A, E, R>
  private readonly points: Array<Point> = []
  private begun = false
  private ended = false

  constructor(
    private readonly instructions: Instructions,
    body: Effect.Effect<A, E, R>,
    private readonly budget: Budget,
    private readonly most: number
  ) {
    this.body = new Rerun(body)
  }

  /** The next result; none if there is none. */
  get next(): Found<A, E, R> {
    return this.within((cell, restore): Found<A, E, R> => {
      if (this.solutions >= this.most) return Effect.succeedNone
      return this.begun
        ? Effect.suspend(() => this.going(cell, restore))
        : Effect.flatMap(this.begin(cell), () => this.run(cell, restore))
    })
  }

  get commit(): Effect.Effect<void, TransactError, Tx> {
    return this.within<void, TransactError, Tx>(() => {
      const { id } = this
      this.ended = true
      return id === undefined ? Effect.void : Effect.asVoid(finish(this.instructions.commit({ id })))
    })
  }

  /** What this search waits for, if that is why it has ended. */
  waitingOf(cause: Cause.Cause<unknown>): Option.Option<Waiting> {
    return Option.flatMap(Option.fromNullable(this.id), (id) => waitingOf(cause, id))
  }

  /** Leaves nothing open. */
  get end(): Effect.Effect<void, never, Tx> {
    return Effect.suspend(() => {
      const { id } = this
      if (id === undefined || this.ended) return Effect.void
      this.ended = true
      // What cannot be aborted here has been ended otherwise.
      return Effect.catchAll(
        this.within(() => this.instructions.abort({ id })),
        (error) => error._tag === "StoreError" ? Effect.die(error) : Effect.void
      )
    })
  }

  /** In the transaction, as far as there is one already. */
  private within<A1, E1, R1>(
    run: (cell: Cell, restore: Restore) => Effect.Effect<A1, E1, R1>
  ): Effect.Effect<A1, E1 | NestedTxNotSupported, R1> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(here((cell) => cell), (cell): Effect.Effect<A1, E1 | NestedTxNotSupported, R1> => {
        const { open } = cell
        if (open !== undefined) return Effect.fail(new NestedTxNotSupported({ outer: open.id }, true))
        cell.transaction = this.tx
        const inside = Effect.suspend(() => run(cell, restore))
        return Effect.onExit(inside, () => Effect.sync(() => void (cell.transaction = undefined)))
      })
    )
  }

  private begin(cell: Cell): Effect.Effect<void, TransactError, Tx> {
    this.begun = true
    const begin = this.instructions.begin({ controller: Option.none(), options: { bracket: true } })
    return Effect.flatMap(begin, (id) => {
      const tx = cell.open
      if (tx === undefined) return Effect.dieMessage("FD.search needs the machine's own transactions")
      this.id = id
      this.tx = tx
      tx.search = {
        entries: [],
        choosing: undefined,
        label: (variables, id) => {
          const saved = tx.save()
          const code = variables.pick(id, undefined)
          if (code === undefined) tx.restore(saved)
          else {
            this.budget.nodes++
            this.points.push({ id, saved, code, at: this.body.record.length - 1 })
          }
          return code
        }
      }
      return Effect.void
    })
  }

  /** On from a result, or from a dead end. */
  private going(cell: Cell, restore: Restore): Found<A, E, R> {
    const { tx } = this
    if (tx === undefined) return Effect.succeedNone
    for (;;) {
      if (!this.goBack(tx)) return Effect.succeedNone
      const { budget: { nodes, reached: limit }, failures, solutions } = this
      if (limit !== undefined) {
        return Effect.fail(new SolverError.SearchLimited({ limit, nodes, failures, solutions }))
      }
      const found = this.attempt(cell, tx, restore)
      if (found instanceof Later) return this.orOn(cell, restore, found.effect)
      if (found !== undefined) return Effect.succeed(found)
    }
  }

  private run(cell: Cell, restore: Restore): Found<A, E, R> {
    const { tx } = this
    return tx === undefined ? Effect.succeedNone : this.orOn(cell, restore, effectOf(this.attempt(cell, tx, restore)))
  }

  private orOn(cell: Cell, restore: Restore, attempt: Effect.Effect<Option.Option<A> | undefined, E>): Found<A, E, R> {
    return Effect.flatMap(attempt, (found) => found === undefined ? this.going(cell, restore) : Effect.succeed(found))
  }

  /** One run of the body: its result, or undefined where it has come to a dead end. */
  private attempt(cell: Cell, tx: Transaction, restore: Restore): Step<Option.Option<A> | undefined, E> {
    return exiting(this.body.run(cell, restore), (exit): Step<Option.Option<A> | undefined, E> => {
      if (exit._tag === "Failure") {
        const { cause } = exit
        const dead = Cause.isFailure(cause) ? isDeadEnd(cause) : mapLater(isHopeless(cell, tx, cause), restore)
        return andThen(dead, (dead) => dead === true ? this.failed() : failCause(cause))
      }
      const { missed } = this.body.record
      if (missed !== undefined) return die(missed)
      return andThen(mapLater(settle(cell, tx), restore), (names): Step<Option.Option<A> | undefined> => {
        if (names?.length !== 0) return this.failed()
        // A body cannot keep its `Tx.retry` to itself.
        if (tx.waiting !== undefined) return die(tx.waiting)
        this.solutions++
        return Option.some(exit.value)
      })
    })
  }

  private failed(): undefined {
    this.failures++
    return undefined
  }

  /** To the last label that has another value. */
  private goBack(tx: Transaction): boolean {
    const { body: { record }, points } = this
    for (let point = points.pop(); point !== undefined; point = points.pop()) {
      const { at, id } = point
      tx.restore(point.saved)
      tx.choices?.forget()
      const saved = tx.save()
      const code = tx.variables?.pick(id, point.code)
      if (code !== undefined && tx.variables !== undefined) {
        this.budget.nodes++
        points.push({ id, saved, code, at })
        record.revise(at, tx.variables.space.value(code))
        return true
      }
      tx.restore(saved)
    }
    return false
  }
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

/** A body that fails has given up these labels; a store that fails says nothing of them. */
const isDeadEnd = <E>(cause: Cause.Cause<E>): boolean =>
  Option.match(Cause.failureOption(cause), {
    onNone: () => false,
    onSome: (error) =>
      (error as { readonly _tag?: unknown } | null | undefined)?._tag !== ("StoreError" satisfies StoreError["_tag"])
  })

const finish = (commit: Effect.Effect<true, CommitError, Tx>): Effect.Effect<true, TransactError, Tx> =>
  Effect.catchAllCause(
    commit,
    (cause) => Effect.failCause(commitCause<never>(cause, "The body of FD.commitFirst finished its transaction"))
  )
