/**
 * The bracket behind `Tx.transact`: begins, runs the body, commits or aborts; tries again after a lost race, waits where the
 * body asks for it, and makes a span for each try.
 *
 * All of it is done where it stands, as far as nothing has to wait. What is left then, the rest of the body or of the
 * commit, is an effect for the fiber: the body interruptible, everything else not. Pinned by `test/core/Transactions.test.ts`
 * and `test/core/driver`.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import * as Exit from "effect/Exit"
import type { RuntimeFiber } from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import type * as Tracer from "effect/Tracer"
import type { StoreError, TxConflict, Unsatisfiable } from "../AvmError.js"
import type { ControllerId } from "../ControllerId.js"
import type { Instr } from "../Instr.js"
import type { Abort, Begin, Commit, CommitError, Limits, Options, TransactError, Tx } from "../Tx.js"
import type { TxId } from "../TxId.js"
import type { BeginOptions } from "../TxPlace.js"
import { checked, choosing, type Options as Searching } from "./choosing.js"
import { currentFiber, isEager, isTold, Now } from "./eager.js"
import { abandonUndriven, beginning, type Cell, current, Rest } from "./frame.js"
import { attempt as execute, cellIn, iterating } from "./instruction.js"
import { peek } from "./peek.js"
import * as settling from "./settling.js"
import * as spans from "./spans.js"
import {
  causeOf,
  effectOf,
  exiting,
  failCause,
  Later,
  later,
  mapLater,
  Notified,
  type Restore,
  type Step
} from "./sync.js"
import type { Transaction } from "./transaction.js"
import { EnlistedFailed, Waiting, waitingOf } from "./waiting.js"

/** The instructions that a bracket consists of. */
interface Instructions {
  readonly begin: (args: Begin["args"]) => Begin
  readonly commit: (args: Commit["args"]) => Commit
  readonly abort: (args: Abort["args"]) => Abort
}

type AnyFiber = RuntimeFiber<unknown, unknown>

/** So many lost races are bad luck; after one more, a bracket asks for the privilege. */
const patience = 1

export const bracket = <A, E, R, RS = never>(
  instructions: Instructions,
  body: Effect.Effect<A, E, R>,
  options: Options<RS, Limits | undefined> | undefined
): Effect.Effect<A, E | TransactError, R | RS | Tx> =>
  new Bracket(
    instructions,
    // What all of it requires is in the context of whoever runs it.
    body as Effect.Effect<A, E>,
    Option.fromNullable(options?.controller),
    options?.readOnly === true,
    options?.retry as Schedule.Schedule<unknown, TxConflict> | undefined,
    checked(options)
  )

class Bracket<A, E> extends Effectable.Class<A, E | TransactError> {
  constructor(
    readonly instructions: Instructions,
    readonly body: Effect.Effect<A, E>,
    readonly controller: Option.Option<ControllerId>,
    readonly readOnly: boolean,
    readonly retry: Schedule.Schedule<unknown, TxConflict> | undefined,
    readonly search: Searching | undefined
  ) {
    super()
  }
  commit(): Effect.Effect<A, E | TransactError> {
    return effectOf(this[Now]())
  }
  [Now](): Step<A, E | TransactError> {
    const fiber = isEager ? currentFiber() : undefined
    return fiber === undefined ? later(this.inFiber((fiber) => this.run(fiber))) : this.run(fiber)
  }
  run(fiber: AnyFiber): Step<A, E | TransactError> {
    return new Tries(this).next(fiber)
  }
  inFiber(step: (fiber: AnyFiber) => Step<A, E | TransactError>): Effect.Effect<A, E | TransactError> {
    // Whatever a fiber is for, it is one.
    return Effect.withFiberRuntime<A, E | TransactError>((fiber) => effectOf(step(fiber as unknown as AnyFiber)))
  }
}

// Over the iterator of every effect, which would yield the effect itself.
Object.defineProperty(Bracket.prototype, Symbol.iterator, {
  value(this: Bracket<unknown, unknown>): Iterator<unknown, unknown> {
    return iterating(this[Now]())
  }
})

/** There are few of them, so that they are made once. */
const optionsOf = (readOnly: boolean, retries: boolean, privileged: boolean): BeginOptions => {
  const at = (readOnly ? 1 : 0) + (retries ? 2 : 0) + (privileged ? 4 : 0)
  return known[at] ??= {
    bracket: true,
    ...(retries ? { retries } : {}),
    ...(readOnly ? { readOnly } : {}),
    ...(privileged ? { privileged } : {})
  }
}

const known: Array<BeginOptions | undefined> = []

/** What becomes of a try. */
type Outcome<A> = A | Waiting | Undecided

/** The same, as its span says. */
type Ended = "committed" | "aborted" | "conflicted" | "waiting"

/**
 * The tries of one bracket. A try is followed by another one where it has lost its race and the bracket has a schedule for
 * that, where it has to wait, and where its choices do not do; whatever else happens is the result of the bracket.
 */
class Tries<A, E> {
  /** The conflict that the last one has lost by. */
  lost: TxConflict | undefined = undefined
  /** The span of the last one, where there are spans; its transaction, and whether it says already how that came out. */
  private span: Tracer.Span | undefined = undefined
  private tx: Transaction | undefined = undefined
  private isSaid = false
  /** Where they are recorded: how much was, before the one that counts. */
  recorded: number | undefined = undefined
  private conflicts = 0
  /** Whether it is up to the schedule what comes after a conflict. */
  private isScheduled = false

  constructor(private readonly bracket: Bracket<A, E>) {}

  /** The next try, and what comes after it; in a span of its own, where the application has a tracer. */
  next(fiber: AnyFiber): Step<A, E | TransactError> {
    if (!spans.isTraced(fiber)) return this.after(fiber, this.attempt(fiber).run())
    const attributes = { "avm.controller": Option.getOrUndefined(this.bracket.controller) }
    return this.after(
      fiber,
      later(Effect.uninterruptibleMask((restore) =>
        spans.around(fiber, "avm.transaction", attributes, (span) => {
          this.span = span
          this.tx = undefined
          this.isSaid = false
          const run = Effect.suspend((): Effect.Effect<A | Waiting, E | TransactError> => {
            const step = this.attempt(fiber).run()
            const begun = step instanceof Notified ? this.begin(fiber, step, itself) : step
            return Effect.flatMap(effectOf(begun), (outcome) => this.decide(fiber, outcome))
          })
          return Effect.ensuring(restore(run), Effect.suspend(() => this.leave(fiber)))
        }, this.span)
      ))
    )
  }

  /** What is left of a try, interrupted before it came to that, ends before its span does. */
  private leave(fiber: AnyFiber): Effect.Effect<void> {
    const cell = fiber.getFiberRef(current)
    return Effect.map(cell?.undriven === undefined ? Effect.void : abandonUndriven(cell), () => {
      const { tx } = this
      if (tx !== undefined && !this.isSaid) this.ended(tx.status === "committed" ? "committed" : "aborted")
    })
  }

  /** The transaction of the fiber was begun; the end of its program may have ended it already. */
  began(fiber: AnyFiber, id: TxId): void {
    if (this.span === undefined) return
    this.tx = fiber.getFiberRef(current)?.transaction
    this.span.attribute("avm.transaction.id", id)
  }

  ended(outcome: Ended): void {
    this.isSaid = true
    this.span?.attribute("avm.transaction.outcome", outcome)
  }

  private attempt(fiber: AnyFiber): Attempt<A, E> {
    const { conflicts, bracket: { readOnly, retry } } = this
    return new Attempt(fiber, this.bracket, optionsOf(readOnly, retry !== undefined, conflicts > patience), this)
  }

  private after(fiber: AnyFiber, step: Step<Outcome<A>, E | TransactError>): Step<A, E | TransactError> {
    const goOn = (exit: Exit.Exit<Outcome<A>, E | TransactError>) =>
      exit._tag === "Success" ? this.succeeded(fiber, exit.value) : this.failed(exit.cause)
    return step instanceof Notified ? this.begin(fiber, step, goOn) : exiting(step, goOn)
  }

  private begin<B, E2, B2, E3>(fiber: AnyFiber, step: Notified<B, E2>, goOn: (exit: Exit.Exit<B, E2>) => Step<B2, E3>) {
    // It has just committed in it.
    const cell = fiber.getFiberRef(current) as Cell
    return beginning(cell, step, goOn)
  }

  private succeeded(fiber: AnyFiber, outcome: Outcome<A>): Step<A, E | TransactError> {
    if (outcome instanceof Waiting) return later(Effect.zipRight(outcome.until, retried(this.again)))
    return outcome instanceof Undecided ? this.after(fiber, later(this.decide(fiber, outcome))) : outcome
  }

  /** Its body is run again, with other choices, where those of the run before do not do. */
  private decide(fiber: AnyFiber, outcome: Outcome<A>): Effect.Effect<A | Waiting, E | TransactError> {
    return outcome instanceof Undecided
      ? Effect.flatMap(this.attempt(fiber).choosing, (outcome) => this.decide(fiber, outcome))
      : Exit.succeed(outcome)
  }

  private failed(cause: Cause.Cause<E | TransactError>): Step<A, E | TransactError> {
    const { bracket: { retry } } = this
    if (retry === undefined || this.isScheduled) return failCause(cause)
    const lost = this.lostBy(cause)
    if (lost === undefined) return failCause(cause)
    // A schedule has its price, and most brackets win at once: it begins with the first race that is lost.
    this.isScheduled = true
    let first = true
    const next = Effect.suspend(() => {
      if (!first) return retried(this.telling)
      first = false
      return Exit.fail(lost)
    })
    return later(Effect.flatten(Effect.retry(next, retry)))
  }

  /** Another try, which fails with the conflict that it has lost by and with nothing else. */
  private get telling(): Effect.Effect<Exit.Exit<A, E | TransactError>, TxConflict> {
    return Effect.matchCauseEffect(this.again, {
      onFailure: (cause) => {
        const lost = this.lostBy(cause)
        return lost === undefined ? Exit.succeed(Exit.failCause(cause)) : Exit.fail(lost)
      },
      onSuccess: (answer) => Exit.succeed(Exit.succeed(answer))
    })
  }

  private get again(): Effect.Effect<A, E | TransactError> {
    return this.bracket.inFiber((fiber) => this.next(fiber))
  }

  private lostBy(cause: Cause.Cause<unknown>): TxConflict | undefined {
    const error = Cause.failureOption(cause)
    const { lost } = this
    if (lost === undefined || Option.isNone(error) || error.value !== lost) return undefined
    this.conflicts++
    return lost
  }
}

const itself = <A, E>(exit: Exit.Exit<A, E>): Step<A, E> => exit._tag === "Success" ? exit.value : failCause(exit.cause)

/** Counted for whoever looks at metrics; nobody pays for it who has not lost. */
export const retried = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.zipRight(Metric.increment(retries), effect)

const retries = Metric.counter("avm.transaction.retries", {
  description: "Tries of brackets after the first",
  incremental: true
})

/** One try. */
class Attempt<A, E> {
  constructor(
    readonly fiber: AnyFiber,
    readonly bracket: Bracket<A, E>,
    readonly options: BeginOptions,
    readonly tries: Tries<A, E>
  ) {}

  run(): Step<Outcome<A>, E | TransactError> {
    const { bracket: { body, instructions }, fiber } = this
    const outer = fiber.getFiberRef(current)?.open
    const begun = this.begin()
    const cell = fiber.getFiberRef(current)
    if (begun instanceof Later) {
      const through = this.through(begun, false)
      if (cell?.open === undefined || cell.open === outer) return later(through)
      // It is open already: what is waited for is that somebody takes its entry.
      this.tries.began(fiber, cell.open.id)
      const context = cell.context ?? fiber.currentContext
      return later(unfinished(cell, abandonment(cell, context, instructions, cell.open.id), () => through))
    }
    // It has just begun a transaction.
    if (cell === undefined) return later(Effect.dieMessage("A transaction was begun outside a machine"))
    const context = cell.context ?? fiber.currentContext
    const done = peek(body, context, cell.execution.allowance) as Step<A, E>
    let rest: (restore: Restore) => Effect.Effect<Outcome<A>, E | TransactError>
    const cause = causeOf(done)
    if (done instanceof Later && cause === undefined) {
      rest = (restore) => this.within(restore, begun, done.effect, false)
    } else if (cause === undefined && isTold(fiber)) {
      // The body itself may have had its fiber interrupted: that is still within the body.
      rest = (restore) => this.within(restore, begun, Exit.succeed(done as A), false)
    } else {
      const ended: Step<Outcome<A>, E | TransactError> = cause === undefined
        ? this.commit(begun, done as A)
        : this.abort(begun, cause, false)
      if (!(ended instanceof Later) || causeOf(ended) !== undefined) return ended
      if (ended instanceof Notified) return ended
      rest = () => ended.effect
    }
    return later(unfinished(cell, abandonment(cell, context, instructions, begun), rest))
  }

  /** The same, looking for the choices that do. */
  get choosing(): Effect.Effect<Outcome<A>, E | TransactError> {
    return this.through(undefined, true)
  }

  private begin(): Step<TxId, TransactError> {
    const { bracket: { controller, instructions }, fiber, tries } = this
    const record = cellIn(fiber)?.frame.record
    if (record !== undefined) {
      // A try that has waited, or was not decided, is not what was done in the end.
      tries.recorded ??= record.settled
      record.forget(tries.recorded)
    }
    const id = now(instructions.begin({ controller, options: this.options }))
    if (!(id instanceof Later)) tries.began(fiber, id)
    return id
  }

  /** All of it through the fiber. */
  private through(
    begun: Later<TxId, TransactError> | undefined,
    again: boolean
  ): Effect.Effect<Outcome<A>, E | TransactError> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(begun === undefined ? effectOf(this.begin()) : begun.effect, (id) => {
        this.tries.began(this.fiber, id)
        return this.within(restore, id, this.bracket.body, again)
      })
    )
  }

  private within(
    restore: Restore,
    id: TxId,
    body: Effect.Effect<A, E>,
    again: boolean
  ): Effect.Effect<Outcome<A>, E | TransactError> {
    const onSuccess = (answer: A) => effectOf(this.commit(id, answer))
    const onFailure = <E1>(cause: Cause.Cause<E1>) => effectOf(this.abort(id, cause, again))
    if (!again) return Effect.matchCauseEffect(restore(body), { onFailure, onSuccess })
    // That it reaches its limits is in the type of the bracket that has limits.
    return choosing(restore, id, body, onSuccess, onFailure, this.bracket.search ?? {}) as Effect.Effect<
      Outcome<A>,
      E | TransactError
    >
  }

  private commit(id: TxId, answer: A): Step<Outcome<A>, TransactError> {
    const committed = now(this.bracket.instructions.commit({ id }))
    if (!(committed instanceof Later)) {
      this.tries.ended("committed")
      return answer
    }
    return exiting(committed, (exit): Step<Outcome<A>, TransactError> => {
      if (exit._tag === "Success") {
        this.tries.ended("committed")
        return answer
      }
      const cause = commitCause<never>(exit.cause, "The body of Tx.transact finished the transaction of its bracket")
      const error = Cause.failureOption(cause)
      const lost = Option.isSome(error) && error.value._tag === "TxConflict" && error.value.tx === id
      if (lost) {
        this.tries.lost = error.value
        // That it was lost is an answer like any other, by which it is tried again.
        this.tries.recorded = undefined
      }
      if (Option.isSome(error) && settling.isUndecided(error.value)) return undecided
      const ended = waitingOr(cause, id)
      this.tries.ended(ended._tag === "Success" ? "waiting" : lost ? "conflicted" : "aborted")
      return ended._tag === "Success" ? ended.value : failCause(ended.cause)
    })
  }

  private abort<E1>(
    id: TxId,
    cause: Cause.Cause<E1>,
    again: boolean
  ): Step<Waiting | Undecided, E1 | StoreError> {
    const { bracket: { instructions }, fiber } = this
    const hopeless = !again && isHopeless(fiber, id, cause)
    const exit: Exit.Exit<Waiting | Undecided, E1> = hopeless ? Exit.succeed(undecided) : waitingOr(cause, id)
    if (!hopeless) this.tries.ended(exit._tag === "Success" ? "waiting" : "aborted")
    const abandoned = abandon(instructions, id)
    if (abandoned instanceof Later) return later(Effect.zipRight(abandoned.effect, exit))
    return exit._tag === "Success" ? exit.value : failCause(exit.cause)
  }
}

/** The choices of this run do not do: the body is run again with others (D29). */
class Undecided {
  readonly _tag = "Undecided"
}

const undecided = new Undecided()

/** Whether the body has failed, or waits, where something it requires does not hold anyway, and may choose otherwise. */
const isHopeless = (fiber: AnyFiber, id: TxId, cause: Cause.Cause<unknown>): boolean => {
  const cell = fiber.getFiberRef(current)
  const tx = cell?.open
  // Where nothing was chosen, nothing can be chosen otherwise.
  if (cell === undefined || tx?.id !== id || (tx.choices?.known.length ?? 0) === 0) return false
  // What takes long to say is said where the body is run again. A step that is left is a defect: it says nothing.
  const step = settling.isHopeless(cell, tx, cause, () => false)
  tx.undecided = !(step instanceof Later) && step !== false
  return tx.undecided
}

// ---------------------------------------------------------------------------
// ending
// ---------------------------------------------------------------------------

/** An instruction executed at once, if that can be. */
const now = <A, E>(instruction: Instr<string, object, A, E, Tx>): Step<A, E> =>
  // The answer is the instruction's own.
  execute(instruction) as Step<A, E>

const waitingOr = <E>(cause: Cause.Cause<E>, id: TxId): Exit.Exit<Waiting, E> =>
  Option.match(waitingOf(cause, id), { onNone: () => Exit.failCause(cause), onSome: Exit.succeed })

const abandon = ({ abort }: Instructions, id: TxId): Step<void, StoreError> =>
  mapLater(
    now(abort({ id })),
    // What refuses to be aborted has been finished by the body itself, so that nothing is left to undo.
    Effect.catchAll((error) => error._tag === "StoreError" ? Effect.fail(error) : Effect.void)
  )

/**
 * What is left of a bracket, for the fiber that has begun it: nothing interrupts it but where it says so. A fiber that is
 * interrupted before it comes to it ends the transaction all the same.
 */
const unfinished = <A, E>(
  cell: Cell,
  abandon: Effect.Effect<void>,
  rest: (restore: Restore) => Effect.Effect<A, E>
): Effect.Effect<A, E> => {
  const undriven = cell.leave(new Rest(abandon))
  return Effect.uninterruptibleMask((restore) => {
    cell.take(undriven)
    return rest(restore)
  })
}

/** The abort of a transaction that nobody else will end, as its own frame would. */
const abandonment = (
  cell: Cell,
  context: Context.Context<never>,
  instructions: Instructions,
  id: TxId
): Effect.Effect<void> => {
  const tx = cell.open
  return Effect.suspend(() => {
    if (tx?.status !== "open") return Effect.void
    const { frame } = cell
    cell.frame = tx.owner
    return Effect.suspend(() => effectOf(abandon(instructions, id))).pipe(
      Effect.mapInputContext((_: Context.Context<never>) => context),
      // It may be another fiber that does it, for one that is no more.
      Effect.locally(current, cell),
      Effect.orDie,
      Effect.ensuring(Effect.sync(() => {
        cell.frame = frame
      }))
    )
  })
}

/** What a commit fails with, as its bracket tells it; of an enlisted STM, what that has failed with (`InTx<E>`). */
export const commitCause = <E>(
  cause: Cause.Cause<CommitError>,
  finishedByBody: string
): Cause.Cause<E | TxConflict | Unsatisfiable | StoreError> => {
  const error = Option.getOrUndefined(Cause.failureOption<CommitError | EnlistedFailed>(cause))
  if (error instanceof EnlistedFailed) return Cause.map(cause, () => error.error as E)
  switch (error?._tag) {
    case undefined:
    case "TxConflict":
    case "Unsatisfiable":
    case "StoreError":
      // The other ones are not in it.
      return cause as Cause.Cause<TxConflict | Unsatisfiable | StoreError>
    default:
      return Cause.die(new Error(finishedByBody))
  }
}
