/**
 * One turn: a message, the behaviour of its object, and the transaction around them.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { RuntimeFiber } from "effect/Fiber"
import * as Option from "effect/Option"
import { type AvmError, ObjectNotFound, StoreError } from "../AvmError.js"
import type { Registration } from "../Behaviour.js"
import { freshObjectId } from "../IdGenerator.js"
import type { MachineId } from "../MachineId.js"
import type { Answer, Message } from "../Mailboxes.js"
import { latest } from "../ObjectStore.js"
import { describe, ErrorOccurred, MessageReceived } from "../TraceEvent.js"
import type { Val } from "../Val.js"
import { activate } from "./activation.js"
import type { Allowance } from "./eager.js"
import { Authoritative, Cell, Execution, Root, RootFrame } from "./frame.js"
import { abort, claim, type Kernel, machineReachable, see, trace, traceAs } from "./kernel.js"
import { mistaken } from "./objects.js"
import * as spans from "./spans.js"
import { andThen, causeOf, exiting, fail, failCause, later, mapLater, type Step, stepOf, succeed } from "./sync.js"
import type { Seen, Transaction } from "./transaction.js"
import { begin, commit, withoutOthers } from "./transactions.js"
import { trust } from "./trust.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/** How a turn came out. */
export type Outcome =
  /** Committed, with the removal of the message. */
  | { readonly _tag: "Committed"; readonly answer: Answer }
  /** Undone; the message is where it was. */
  | { readonly _tag: "Failed"; readonly answer: Answer; readonly cause: Cause.Cause<unknown> }
  | { readonly _tag: "Conflicted" }
  /** It cannot be delivered now. */
  | { readonly _tag: "Unreachable" }

const conflicted: Outcome = { _tag: "Conflicted" }
const unreachable: Outcome = { _tag: "Unreachable" }

// ---------------------------------------------------------------------------
// operations
// ---------------------------------------------------------------------------

/** Where a turn runs: a root frame of its own, in which the sender of the message stands for the caller. */
export const cellFor = (
  kernel: Kernel,
  message: Message,
  fiber: RuntimeFiber<unknown, unknown>,
  allowance: Allowance
): Step<Cell> =>
  andThen(freshObjectId(kernel.ids), (root) => {
    const frame = new RootFrame(root, null, Option.none(), Root, message.from)
    const cell = new Cell(new Execution(root, undefined, allowance), frame, kernel.machine, undefined, fiber)
    cell.context = kernel.post.families
    return succeed(cell)
  })

/**
 * Whether a message could be delivered now: asked before, so that waiting leaves no traces. `unregistered` hears of a
 * behaviour that is not.
 */
export const isDeliverable = (
  kernel: Kernel,
  { to }: Message,
  unregistered: (behaviour: string) => Step<void>
): Step<boolean, StoreError> =>
  andThen(kernel.objects.read(to, latest), (stored): Step<boolean, StoreError> => {
    // To what does not exist it cannot be delivered later either.
    if (stored === undefined || stored._tag === "Tombstone") return true
    const { behaviour, metadata } = stored
    if (Option.isNone(kernel.registry.lookup(behaviour))) return andThen(unregistered(behaviour), () => succeed(false))
    return andThen(
      stepOf(kernel.reachability.machine(metadata.machine)),
      (reachable) =>
        reachable && Option.isSome(metadata.currentController)
          ? stepOf(kernel.reachability.controller(metadata.currentController.value))
          : reachable
    )
  })

/** Runs the turn of a message. It fails where the store does, and then is undone. */
export const turn = (
  kernel: Kernel,
  cell: Cell,
  message: Message,
  privileged: boolean
): Step<Outcome, StoreError> => {
  const { fiber } = cell
  if (!spans.isTraced(fiber)) return unspanned(kernel, cell, message, privileged)
  const context = cell.context ?? Context.empty()
  const span = spans.begin(fiber, context, "avm.turn", {
    "avm.message.id": message.id.value,
    "avm.object.id": message.to.value,
    "avm.sender.id": Option.getOrUndefined(Option.map(message.from, (from) => from.value))
  })
  cell.context = spans.within(context, span)
  return exiting(unspanned(kernel, cell, message, privileged), (exit): Step<Outcome, StoreError> => {
    cell.context = context
    if (exit._tag === "Failure") {
      spans.end(fiber, span, exit)
      return failCause(exit.cause)
    }
    span.attribute("avm.turn.outcome", exit.value._tag.toLowerCase())
    spans.end(fiber, span, exit.value._tag === "Failed" ? failureOf(exit.value.answer) : Exit.void)
    return exit.value
  })
}

/** How the span of a turn ends that has failed. */
const failureOf = (answer: Answer): Exit.Exit<void, unknown> => {
  switch (answer._tag) {
    case "Resolved":
      return Exit.void
    case "Broken":
      return Exit.fail(answer.error)
    case "Died":
      return Exit.die(answer.defect)
  }
}

const unspanned = (
  kernel: Kernel,
  cell: Cell,
  message: Message,
  privileged: boolean
): Step<Outcome, StoreError> =>
  andThen(beginning(kernel, cell, privileged), (tx) => {
    const ran = andThen(target(kernel, tx, message), (target): Step<Ran, AvmError> => {
      if (target === undefined) return succeed(unreachable)
      tx.changed = true
      tx.messages.takes.push(message)
      const { input, to } = message
      return andThen(trace(kernel, cell, () => trust(MessageReceived, { id: to, input })), () =>
        andThen(
          activate(kernel, cell, target.registration, to, target.machine, Authoritative, input, target.seen),
          (output): Step<Ran> => ({ _tag: "Ran", output })
        ))
    })
    return exiting(mapLater(ran, Effect.interruptible), (exit) => ended(kernel, cell, tx, message, exit))
  })

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

interface Target {
  readonly seen: Seen
  readonly registration: Registration
  readonly machine: MachineId
}

type Ran = { readonly _tag: "Ran"; readonly output: Option.Option<Val> } | typeof unreachable

const beginning = (kernel: Kernel, cell: Cell, privileged: boolean): Step<Transaction, StoreError> =>
  andThen(
    // Nothing is open in a cell that is new, and no controller is asked for.
    begin(kernel, cell, Option.none(), { retries: true, ...privileged ? { privileged } : {} }) as Step<
      never,
      StoreError
    >,
    () => {
      // This one ends with the turn, and no other does: what daemons begin ends with them.
      cell.execution.isOver = true
      return succeed(cell.open as Transaction)
    }
  )

/** Who is to run, once the transaction is locked to its controller; none if it cannot be reached. */
const target = (
  kernel: Kernel,
  tx: Transaction,
  { behaviour, input, to }: Message
): Step<Target | undefined, AvmError> =>
  andThen(see(kernel, tx, to), (seen): Step<Target | undefined, AvmError> => {
    const stored = seen.observe("metadata")
    if (stored === undefined) return fail(new ObjectNotFound({ id: to }))
    if (Option.isSome(behaviour) && behaviour.value !== stored.behaviour) {
      return fail(mistaken(stored, input, behaviour.value))
    }
    const registration = kernel.registry.lookup(stored.behaviour)
    if (Option.isNone(registration)) return succeed(undefined)
    const { currentController, machine } = stored.metadata
    // A43
    if (Option.isNone(currentController)) tx.orphan = to
    const reached = andThen(machineReachable(kernel, machine), () => claim(kernel, tx, stored))
    return orUndefined(andThen(reached, () => ({ registration: registration.value, machine, seen })))
  })

const orUndefined = <A>(step: Step<A, AvmError>): Step<A | undefined, AvmError> => {
  const isCutOff = (error: AvmError) => error._tag === "MachineUnreachable" || error._tag === "ControllerUnreachable"
  const cause = causeOf(step)
  if (cause !== undefined) return Option.exists(Cause.failureOption(cause), isCutOff) ? undefined : step
  return mapLater(
    step,
    Effect.catchAll((error) => isCutOff(error) ? Effect.succeed(undefined) : Effect.fail(error))
  )
}

const ended = (
  kernel: Kernel,
  cell: Cell,
  tx: Transaction,
  message: Message,
  exit: Exit.Exit<Ran, AvmError>
): Step<Outcome, StoreError> => {
  const undone = <A, E>(then: () => Step<A, E>): Step<A, E | StoreError> =>
    andThen(withoutOthers(cell, tx), () => andThen(abort(kernel, cell, tx), then))
  if (exit._tag === "Failure") {
    const error = Cause.failureOption(exit.cause)
    if (Cause.isInterruptedOnly(exit.cause)) return undone(() => later(Effect.interrupt))
    if (Option.isSome(error) && error.value instanceof StoreError) {
      const { value } = error
      return undone(() => fail(value))
    }
    const answer = brokenBy(exit.cause)
    const failure = answer._tag === "Broken" ? answer.error : Cause.squash(exit.cause)
    return undone(() =>
      andThen(
        traceAs(kernel, cell, Option.none(), () => trust(ErrorOccurred, { error: failure })),
        () => succeed<Outcome>({ _tag: "Failed", answer, cause: exit.cause })
      )
    )
  }
  if (exit.value._tag === "Unreachable") return undone(() => succeed(unreachable))
  const answer: Answer = { _tag: "Resolved", output: exit.value.output }
  if (message.answered) tx.messages.settles.push([message.id, answer])
  const committed = andThen(withoutOthers(cell, tx), () => commit(kernel, cell, tx))
  const outcome: Outcome = { _tag: "Committed", answer }
  return exiting(committed, (exit): Step<Outcome, StoreError> => {
    if (exit._tag === "Success") return succeed(outcome)
    const error = Option.getOrUndefined(Cause.failureOption(exit.cause))
    if (error === undefined) return failCause(exit.cause as Cause.Cause<never>) // no failure is in it
    switch (error._tag) {
      case "TxConflict":
        return succeed(conflicted)
      case "StoreError":
        return fail(error)
      case "Unsatisfiable":
        // D29: a turn is no bracket, so what it requires has to hold under its first options.
        return andThen(
          traceAs(kernel, cell, Option.none(), () => trust(ErrorOccurred, { error })),
          (): Step<Outcome> => ({ _tag: "Failed", answer: { _tag: "Broken", error }, cause: exit.cause })
        )
    }
  })
}

const brokenBy = (cause: Cause.Cause<AvmError>): Answer => {
  const error = Cause.failureOption(cause)
  return Option.isSome(error)
    ? { _tag: "Broken", error: error.value }
    : { _tag: "Died", defect: describe(Cause.squash(cause)) }
}
