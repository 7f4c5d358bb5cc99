/**
 * The bracket behind `Tx.transact`: begins, runs the body, commits or aborts; tries again after a lost race, waits where the
 * body asks for it, and makes a span for each try.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { RuntimeFiber } from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import type * as Tracer from "effect/Tracer"
import type { StoreError, TxConflict, Unsatisfiable } from "../AvmError.js"
import type { ControllerId } from "../ControllerId.js"
import type { Instr } from "../Instr.js"
import type { Abort, Begin, Commit, CommitError, Options, TransactError, Tx } from "../Tx.js"
import type { TxId } from "../TxId.js"
import type { BeginOptions } from "../TxPlace.js"
import { choosing } from "./choosing.js"
import { current } from "./frame.js"
import { attempt as execute } from "./instruction.js"
import { violated } from "./judging.js"
import { isUndecided } from "./settling.js"
import * as spans from "./spans.js"
import { Later, type Step } from "./sync.js"
import { EnlistedFailed, Waiting, waitingOf } from "./waiting.js"

/** The instructions that a bracket consists of. */
interface Instructions {
  readonly begin: (args: Begin["args"]) => Begin
  readonly commit: (args: Commit["args"]) => Commit
  readonly abort: (args: Abort["args"]) => Abort
}

/** So many lost races are bad luck; after one more, a bracket asks for the privilege. */
const patience = 1

export const bracket = <A, E, R, RS = never>(
  instructions: Instructions,
  body: Effect.Effect<A, E, R>,
  options: Options<RS> | undefined
): Effect.Effect<A, E | TransactError, R | RS | Tx> => {
  const controller = Option.fromNullable(options?.controller)
  const readOnly = options?.readOnly === true
  const retry = options?.retry
  return retry === undefined
    ? attempt(instructions, undefined, body, controller, beginOptions(readOnly, false, false))
    : Effect.suspend(() => {
      let conflicts = 0
      const tries: Tries = { lost: undefined, span: undefined }
      // Only the conflict of a commit is tried again; whatever else happens is the result of the try.
      const trying = (): Effect.Effect<Exit.Exit<A, E | TransactError>, TxConflict, R | Tx> => {
        const once = attempt(instructions, tries, body, controller, beginOptions(readOnly, true, conflicts > patience))
        return Effect.matchCauseEffect(once, {
          onFailure: (cause) => {
            const error = Cause.failureOption(cause)
            const { lost } = tries
            if (lost === undefined || Option.isNone(error) || error.value !== lost) {
              return Effect.succeed(Exit.failCause(cause))
            }
            conflicts++
            return Effect.fail(lost)
          },
          onSuccess: (answer) => Effect.succeed(Exit.succeed(answer))
        })
      }
      // A schedule has its price, and most brackets win at once: it begins with the first race that is lost.
      const again = (conflict: TxConflict) => {
        let first = true
        const next = Effect.suspend(() => {
          if (!first) return retried(trying())
          first = false
          return Effect.fail(conflict)
        })
        return Effect.flatten(Effect.retry(next, retry))
      }
      return Effect.matchEffect(trying(), { onFailure: again, onSuccess: (exit) => exit })
    })
}

/** What became of a try, as its span says. */
type Outcome = "committed" | "aborted" | "conflicted" | "waiting"

const beginOptions = (readOnly: boolean, retries: boolean, privileged: boolean): BeginOptions => ({
  bracket: true,
  ...(retries ? { retries } : {}),
  ...(readOnly ? { readOnly } : {}),
  ...(privileged ? { privileged } : {})
})

/** The tries of one bracket. */
interface Tries {
  /** The conflict that the last one has lost by. */
  lost: TxConflict | undefined
  /** The span of the last one, where there are spans. */
  span: Tracer.Span | undefined
}

/** One try, and more of them for as long as it has to wait; each in a span of its own, where the application has a tracer. */
const attempt = <A, E, R>(
  instructions: Instructions,
  before: Tries | undefined,
  body: Effect.Effect<A, E, R>,
  controller: Option.Option<ControllerId>,
  options: BeginOptions
): Effect.Effect<A, E | TransactError, R | Tx> =>
  Effect.withFiberRuntime<A, E | TransactError, R | Tx>((fiber) => {
    const tries = before ?? { lost: undefined, span: undefined }
    const once = spans.isTraced(fiber)
      ? spans.around(fiber, "avm.transaction", { "avm.controller": Option.getOrUndefined(controller) }, (span) => {
        tries.span = span
        return attemptOnce(instructions, tries, body, controller, options)
      }, tries.span)
      : attemptOnce(instructions, tries, body, controller, options)
    return Effect.flatMap(once, (outcome) =>
      outcome instanceof Waiting
        ? Effect.zipRight(outcome.until, retried(attempt(instructions, tries, body, controller, options)))
        : Exit.succeed(outcome))
  })

/** Counted for whoever looks at metrics; nobody pays for it who has not lost. */
const retried = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.zipRight(Metric.increment(retries), effect)

const retries = Metric.counter("avm.transaction.retries", {
  description: "Tries of brackets after the first",
  incremental: true
})

const attemptOnce = <A, E, R>(
  instructions: Instructions,
  tries: Tries,
  body: Effect.Effect<A, E, R>,
  controller: Option.Option<ControllerId>,
  options: BeginOptions
): Effect.Effect<A | Waiting, E | TransactError, R | Tx> => {
  const within = (
    restore: <A1, E1, R1>(effect: Effect.Effect<A1, E1, R1>) => Effect.Effect<A1, E1, R1>,
    id: TxId,
    again: boolean
  ): Effect.Effect<A | Waiting | Undecided, E | TransactError, R | Tx> => {
    tries.span?.attribute("avm.transaction.id", id)
    const ended = (outcome: Outcome) => tries.span?.attribute("avm.transaction.outcome", outcome)
    const committing = (answer: A): Effect.Effect<A | Waiting | Undecided, TransactError, Tx> => {
      const committed = now(instructions.commit({ id }))
      if (!(committed instanceof Later)) {
        ended("committed")
        return Exit.succeed(answer)
      }
      return Effect.matchCauseEffect(finish(committed.effect), {
        onFailure: (cause): Exit.Exit<Waiting | Undecided, TxConflict | Unsatisfiable | StoreError> => {
          const error = Cause.failureOption(cause)
          const lost = Option.isSome(error) && error.value._tag === "TxConflict" && error.value.tx === id
          if (lost) tries.lost = error.value
          if (Option.isSome(error) && isUndecided(error.value)) return Exit.succeed(undecided)
          const exit = waitingOr(cause, id)
          ended(exit._tag === "Success" ? "waiting" : lost ? "conflicted" : "aborted")
          return exit
        },
        onSuccess: () => {
          ended("committed")
          return Exit.succeed(answer)
        }
      })
    }
    const aborting = <E1>(cause: Cause.Cause<E1>): Effect.Effect<Waiting, E1 | StoreError, Tx> => {
      const exit = waitingOr(cause, id)
      ended(exit._tag === "Success" ? "waiting" : "aborted")
      return Effect.zipRight(abandon(instructions.abort({ id })), exit)
    }
    if (again) return choosing(restore, id, body, committing, aborting)
    return Effect.matchCauseEffect(restore(body), {
      onFailure: (cause) =>
        Effect.withFiberRuntime<Waiting | Undecided, E | StoreError, Tx>((fiber) =>
          Cause.isFailure(cause) && isHopeless(fiber, id)
            ? Effect.as(abandon(instructions.abort({ id })), undecided)
            : aborting(cause)
        ),
      onSuccess: committing
    })
  }
  const once = (again: boolean) =>
    Effect.uninterruptibleMask((restore): Effect.Effect<A | Waiting | Undecided, E | TransactError, R | Tx> => {
      const begun = now(instructions.begin({ controller, options }))
      return begun instanceof Later
        ? Effect.flatMap(begun.effect, (id) => within(restore, id, again))
        : within(restore, begun, again)
    })
  const decided = (outcome: A | Waiting | Undecided): Effect.Effect<A | Waiting, E | TransactError, R | Tx> =>
    outcome instanceof Undecided ? Effect.flatMap(once(true), decided) : Exit.succeed(outcome)
  return Effect.flatMap(once(false), decided)
}

/** The choices of this run do not do: the body is run again with others (D29). */
class Undecided {
  readonly _tag = "Undecided"
}

const undecided = new Undecided()

/** Whether the body has failed where something it requires does not hold anyway. */
const isHopeless = (fiber: RuntimeFiber<unknown, unknown>, id: TxId): boolean => {
  const tx = fiber.getFiberRef(current)?.open
  return tx !== undefined && tx.id === id && tx.choices !== undefined && tx.choices.known.length > 0 &&
    violated(tx.choices).length > 0
}

/** An instruction executed at once, if that can be. */
const now = <A, E>(instruction: Instr<string, object, A, E, Tx>): Step<A, E> =>
  // The answer is the instruction's own.
  execute(instruction) as Step<A, E>

const waitingOr = <E>(cause: Cause.Cause<E>, id: TxId): Exit.Exit<Waiting, E> =>
  Option.match(waitingOf(cause, id), { onNone: () => Exit.failCause(cause), onSome: Exit.succeed })

const abandon = (abort: Abort): Effect.Effect<void, StoreError, Tx> =>
  // What refuses to be aborted has been finished by the body itself, so that nothing is left to undo.
  Effect.catchAll(abort, (error) => error._tag === "StoreError" ? Effect.fail(error) : Effect.void)

const finish = (
  commit: Effect.Effect<true, CommitError>
): Effect.Effect<true, TxConflict | Unsatisfiable | StoreError> =>
  enlistedAside(Effect.catchTags(commit, {
    NoActiveTx: finishedByBody,
    TxNotFound: finishedByBody,
    TxAlreadyCommitted: finishedByBody,
    TxAlreadyAborted: finishedByBody,
    InvalidDuringTx: finishedByBody
  }))

/** The failure of an enlisted STM is the bracket's own: its type comes by way of `InTx<E>`. */
export const enlistedAside = <A, E, R>(commit: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.catchIf(
    commit,
    (error): error is E & EnlistedFailed => error instanceof EnlistedFailed,
    ({ error }) => Effect.fail(error as E)
  )

const finishedByBody = () => Effect.dieMessage("The body of Tx.transact finished the transaction of its bracket")
