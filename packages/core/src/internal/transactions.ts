/**
 * The Tx family: beginning and finishing.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as STM from "effect/STM"
import {
  InvalidDuringTx,
  NestedTxNotSupported,
  NoActiveTx,
  type StoreError,
  TxAlreadyAborted,
  TxAlreadyCommitted,
  TxConflict,
  TxNotFound,
  Unsatisfiable
} from "../AvmError.js"
import type { ControllerId } from "../ControllerId.js"
import { freshTxId } from "../IdGenerator.js"
import { noChanges as noMessages } from "../Mailboxes.js"
import type { ObjectId } from "../ObjectId.js"
import type { Outcome, Snapshot } from "../ObjectStore.js"
import { TransactionCommitted, TransactionStarted } from "../TraceEvent.js"
import type * as Tx from "../Tx.js"
import type { TxId } from "../TxId.js"
import { type Cell, current } from "./frame.js"
import {
  abort,
  abortLeft,
  abortReleased,
  answering,
  claimFor,
  close,
  controllerReachable,
  held,
  type Implementation,
  isTraced,
  type Kernel,
  traceAs
} from "./kernel.js"
import type { Ticket } from "./privilege.js"
import { mayDecide, settle } from "./settling.js"
import { stackless } from "./stackless.js"
import {
  andThen,
  die,
  done,
  effectOf,
  exiting,
  fail,
  failCause,
  Later,
  later,
  mapLater,
  Notified,
  type Step,
  succeed,
  unless
} from "./sync.js"
import { Transaction } from "./transaction.js"
import { trust } from "./trust.js"
import { EnlistedFailed, untilItGoes, Waiting } from "./waiting.js"

export const make = (kernel: Kernel): Implementation<Tx.Service> => ({
  begin: (cell, controller, options) => begin(kernel, cell, controller, options ?? {}),
  commit: (cell, id) => {
    const tx = mine(cell, id, "commitTx")
    if (tx instanceof Later) return later(tx.effect as Effect.Effect<never, Tx.FinishError>) // a failure
    return tx.forking.size === 0
      ? commit(kernel, cell, tx)
      : andThen(uninterrupted(withoutOthers(cell, tx)), () => commit(kernel, cell, tx))
  },
  abort: (cell, id) =>
    andThen(
      mine(cell, id, "abortTx"),
      // What waits is run again as it was (D28), and so is what is not decided yet.
      (tx) =>
        uninterrupted(
          andThen(withoutOthers(cell, tx), () => abort(kernel, cell, tx, tx.waiting === undefined && !tx.undecided))
        )
    ),
  retry: (cell) => retry(kernel, cell),
  enlist: (cell, stm) => enlist(cell, stm),
  join: (cell, controller) => join(kernel, cell, controller)
})

// ---------------------------------------------------------------------------
// beginning
// ---------------------------------------------------------------------------

export const begin = (
  kernel: Kernel,
  cell: Cell,
  controller: Option.Option<ControllerId>,
  options: Tx.BeginOptions
): Step<TxId, Tx.BeginError> => {
  const outer = cell.open
  if (outer !== undefined) return fail(new NestedTxNotSupported({ outer: outer.id }, true)) // D12
  const reachable = Option.isSome(controller) ? controllerReachable(kernel, controller.value) : done
  if (reachable !== done) return andThen(reachable, () => queue(kernel, cell, controller, options))
  return queue(kernel, cell, controller, options)
}

const queue = (
  kernel: Kernel,
  cell: Cell,
  controller: Option.Option<ControllerId>,
  options: Tx.BeginOptions
): Step<TxId, Tx.BeginError> => {
  const queues = options.readOnly !== true &&
    (options.privileged === true || options.retries === true && kernel.privilege.isWanted())
  return queues
    ? uninterrupted(
      andThen(later(kernel.privilege.acquire), (ticket) => open(kernel, cell, controller, options, ticket))
    )
    : uninterrupted(open(kernel, cell, controller, options, undefined))
}

const open = (
  kernel: Kernel,
  cell: Cell,
  controller: Option.Option<ControllerId>,
  options: Tx.BeginOptions,
  ticket: Ticket | undefined
): Step<TxId, StoreError> => {
  const id = freshTxId(kernel.ids)
  return id instanceof Later
    ? andThen(id, (id) => named(kernel, cell, controller, options, ticket, id))
    : named(kernel, cell, controller, options, ticket, id)
}

/** A snapshot is taken last: who is interrupted before there is a transaction holds none. */
const named = (
  kernel: Kernel,
  cell: Cell,
  controller: Option.Option<ControllerId>,
  options: Tx.BeginOptions,
  ticket: Ticket | undefined,
  id: TxId
): Step<TxId, StoreError> => {
  const snapshot = snapshotFor(kernel, ticket)
  return snapshot instanceof Later
    ? andThen(snapshot, (snapshot) => opened(kernel, cell, controller, options, ticket, id, snapshot))
    : opened(kernel, cell, controller, options, ticket, id, snapshot)
}

const opened = (
  kernel: Kernel,
  cell: Cell,
  controller: Option.Option<ControllerId>,
  options: Tx.BeginOptions,
  ticket: Ticket | undefined,
  id: TxId,
  snapshot: Snapshot
): Step<TxId> => {
  if (ticket !== undefined) ticket.working = true
  const tx = new Transaction(id, snapshot, controller, cell, options, ticket)
  cell.transaction = tx
  cell.execution.opened(tx)
  if (cell.execution.isOver) cell.outlive((tx) => effectOf(abortLeft(kernel, cell, tx)))
  return isTraced(kernel, cell)
    ? answering(traceAs(kernel, cell, Option.none(), () => trust(TransactionStarted, { tx: id })), id)
    : id
}

/** A store that gives no snapshot leaves nobody with the privilege. */
const snapshotFor = (kernel: Kernel, ticket: Ticket | undefined): Step<Snapshot, StoreError> => {
  const snapshot = kernel.objects.snapshot()
  return ticket === undefined
    ? snapshot
    : mapLater(
      snapshot,
      Effect.tapErrorCause(() => Effect.sync(() => kernel.privilege.release(ticket)))
    )
}

// ---------------------------------------------------------------------------
// finishing
// ---------------------------------------------------------------------------

/** The open transaction, if it is the one meant and this frame may finish it (D13, D15, A8). */
const mine = (cell: Cell, id: TxId, what: string): Step<Transaction, Tx.FinishError> => {
  const tx = cell.open
  if (tx !== undefined && tx.id === id) {
    return tx.owner === cell.frame ? succeed(tx) : fail(new InvalidDuringTx({ what }, true))
  }
  switch (cell.execution.statusOf(id)) {
    case "committed":
      return fail(new TxAlreadyCommitted({ tx: id }, true))
    case "aborted":
      return fail(new TxAlreadyAborted({ tx: id }, true))
    case undefined:
      return fail(tx === undefined ? new NoActiveTx() : new TxNotFound({ tx: id }))
  }
}

export const commit = (
  kernel: Kernel,
  cell: Cell,
  tx: Transaction
): Step<true, TxConflict | Unsatisfiable | StoreError> => {
  const { choices, waiting } = tx
  const final = choices === undefined || tx.options.bracket !== true || choices.known.length === 0
  // A body cannot keep its `Tx.retry` to itself; with other choices it may not come to it.
  if (waiting !== undefined && (final || choices.settled)) return uninterrupted(gaveUp(kernel, cell, tx, waiting))
  if (choices === undefined || choices.settled) return uninterrupted(commitChanges(kernel, cell, tx))
  // A bracket can take its time over what it requires, where it knows of its limits, and can be interrupted.
  const isFirst = tx.options.bracket === true && tx.search === undefined
  const settled = isFirst ? settle(cell, tx, () => false) : settle(cell, tx)
  // So far nothing is final, and whoever is interrupted aborts.
  return andThen(
    mapLater(settled, Effect.catchAllCause((cause) => effectOf(undone(kernel, cell, tx, cause)))),
    (requirements): Step<true, TxConflict | Unsatisfiable | StoreError> => {
      if (requirements?.length === 0) {
        return uninterrupted(
          waiting === undefined ? commitChanges(kernel, cell, tx) : gaveUp(kernel, cell, tx, waiting)
        )
      }
      const decided = final && requirements !== undefined
      const error = new Unsatisfiable({ tx: tx.id, requirements: requirements ?? [] })
      return uninterrupted(andThen(abort(kernel, cell, tx, decided), () => fail(decided ? error : mayDecide(error))))
    }
  )
}

const gaveUp = (kernel: Kernel, cell: Cell, tx: Transaction, waiting: Waiting): Step<never, StoreError> =>
  andThen(abort(kernel, cell, tx), () => die(waiting))

const commitChanges = (kernel: Kernel, cell: Cell, tx: Transaction): Step<true, TxConflict | StoreError> => {
  if (tx.status !== "open") return overtaken
  if (tx.variables?.isStale === true) {
    return andThen(abort(kernel, cell, tx), () => fail(conflict(tx.id, [])))
  }
  if (!tx.changed) return released(kernel, cell, tx) // A17
  // D1: what never had a controller gets the one resolved to, or else the home controller.
  const controller = tx.orphan !== undefined
    ? Option.none()
    : Option.isSome(tx.controller)
    ? tx.controller
    : kernel.homeController
  const changes = tx.changeSet(controller)
  const apply = (): Step<Outcome, StoreError> => {
    if (tx.status !== "open") return overtaken
    return decidedByStore(
      tx,
      tx.enlisted === undefined
        ? kernel.objects.commitLast(changes, cell)
        : kernel.objects.commit(changes, enlisted(tx.enlisted))
    )
  }
  const outcome = kernel.privilege.isOpenTo(tx.ticket)
    ? apply()
    : andThen(later(kernel.privilege.pass(tx.ticket)), apply)
  if (!(outcome instanceof Later)) return ended(kernel, cell, tx, outcome)
  return exiting(outcome, (exit) =>
    exit._tag === "Success"
      ? ended(kernel, cell, tx, exit.value)
      // A store that fails has applied nothing, and the transaction is over: no commit leaves one half-open (D13, A9).
      : undone(kernel, cell, tx, exit.cause))
}

const undone = <E>(
  kernel: Kernel,
  cell: Cell,
  tx: Transaction,
  cause: Cause.Cause<E>
): Step<never, E | StoreError> => andThen(abort(kernel, cell, tx), () => failCause(cause))

const ended = (kernel: Kernel, cell: Cell, tx: Transaction, outcome: Outcome): Step<true, TxConflict | StoreError> => {
  switch (outcome._tag) {
    case "Committed":
      return tx.enlisted === undefined ? committed(kernel, cell, tx) : released(kernel, cell, tx)
    case "Conflicted":
      return andThen(abort(kernel, cell, tx), () => fail(conflict(tx.id, outcome.objects)))
    case "Blocked":
      return andThen(
        abort(kernel, cell, tx),
        () => die(new Waiting(tx.id, untilItGoes(tx.enlisted ?? STM.void)))
      )
  }
}

const committed = (kernel: Kernel, cell: Cell, tx: Transaction): Step<true> => {
  const entries = tx.search === undefined ? done : held(tx.search)
  close(kernel, cell, tx, "committed")
  tx.variables?.commit()
  cell.execution.variables?.forget(tx.owner)
  if (Option.isSome(tx.rootState)) cell.execution.rootState = tx.rootState.value
  if (!isTraced(kernel, cell)) return true
  return andThen(entries, () =>
    answering(
      traceAs(kernel, cell, tx.controller, () => trust(TransactionCommitted, { tx: tx.id })),
      true
    ))
}

/** It is over when what it saw is durable; if that never will be, nothing of it ever was. */
const released = (kernel: Kernel, cell: Cell, tx: Transaction): Step<true, StoreError> => {
  const step = kernel.objects.release(tx.snapshot)
  if (!(step instanceof Later)) return committed(kernel, cell, tx)
  const released = later(Effect.tapErrorCause(step.effect, () => effectOf(abortReleased(kernel, cell, tx))))
  return andThen(decidedByStore(tx, released), () => committed(kernel, cell, tx))
}

/** From here on nobody else ends it: the end of its program waits for what the store makes of it. */
const decidedByStore = <A, E>(tx: Transaction, step: Step<A, E>): Step<A, E> =>
  unless(step, () => {
    if (tx.status !== "open") return overtaken
    tx.decidedByStore = true
    return undefined
  })

/** The end of its program, in another fiber, was faster: it was aborted there, and this fiber is a stray. */
const overtaken: Later<never, never> = new Later(Effect.interrupt)

/** Brackets that try again meet conflicts all the time, and where they come from says nothing. */
const conflict = (tx: TxId, objects: ReadonlyArray<ObjectId>): TxConflict =>
  stackless(() => new TxConflict({ tx, objects }, true))

/** Its failure leaves the commit as one of ours, whatever its tag: the bracket hands it on as it was. */
const enlisted = (stm: STM.STM<unknown, unknown>): STM.STM<unknown, never> =>
  // The error is taken out again by the bracket, from whose type it comes.
  STM.mapError(stm, (error) => new EnlistedFailed({ error })) as STM.STM<unknown, never>

// ---------------------------------------------------------------------------
// waiting, enlisting, joining
// ---------------------------------------------------------------------------

const retry = (kernel: Kernel, cell: Cell): Step<never> => {
  const tx = cell.open
  if (tx === undefined || tx.options.bracket !== true) return die(new Error("Tx.retry outside Tx.transact"))
  const { reads } = tx
  if (reads.reads.size === 0 && reads.scans.length === 0 && reads.messages === noMessages) {
    return die(new Error("Tx.retry in a transaction that has read nothing: it would wait for ever"))
  }
  tx.waiting = new Waiting(tx.id, kernel.store.awaitConflict(reads))
  return die(tx.waiting)
}

const enlist = (cell: Cell, stm: STM.STM<unknown, unknown>): Step<void> => {
  const tx = cell.open
  if (tx === undefined || tx.options.bracket !== true) return die(new Error("Tx.enlist outside Tx.transact"))
  if (tx.options.readOnly === true) return die(new Error("Tx.enlist in a read-only transaction"))
  tx.changed = true
  tx.enlisted = tx.enlisted === undefined ? stm : STM.zipRight(tx.enlisted, stm)
  return done
}

const join = (
  kernel: Kernel,
  cell: Cell,
  controller: Option.Option<ControllerId>
): Step<Option.Option<TxId>, Tx.JoinError> => {
  const tx = cell.open
  if (tx === undefined) return succeed(Option.none())
  const claimed = Option.isSome(controller) ? claimFor(kernel, tx, cell.frame.self, controller.value) : done
  return andThen(claimed, () => succeed(Option.some(tx.id)))
}

/**
 * A38: the fibers that were forked in a transaction, and still work in it, are interrupted before it ends. Who is asked
 * for its children has forked in it; where nobody has, nobody is asked.
 */
export const withoutOthers = (cell: Cell, tx: Transaction): Step<void> =>
  tx.forking.size === 0 ?
    done :
    later(Effect.forEach(tx.forking, (parent) =>
      Effect.flatMap(parent.children, (children) =>
        Fiber.interruptAll(children.filter((child) =>
          child !== cell.fiber && child.getFiberRef(current)?.transaction === tx
        ))), { discard: true }))

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

/** Nothing interrupts what has several steps over a store that takes its time. */
const uninterrupted = <A, E>(step: Step<A, E>): Step<A, E> =>
  // Which is not interrupted anyway.
  step instanceof Notified ? step : mapLater(step, Effect.uninterruptible)
