/**
 * What the instructions of all families share: looking at objects, ownership, transactions, changing the store, tracing.
 *
 * The operations run where a fiber stands (its `Cell`) and are synchronous steps wherever the ports are. Each check comes
 * before the first change, and the lock of a deferred transaction last, so that a failed access leaves nothing behind
 * (A33).
 */
import type { ConstraintSolver } from "@effect-avm/solver"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import {
  ControllerUnreachable,
  CrossControllerTx,
  InvalidDuringTx,
  MachineUnreachable,
  ObjectHasNoController,
  type StoreError
} from "../AvmError.js"
import type { Registry } from "../Behaviour.js"
import type { ControllerId } from "../ControllerId.js"
import type { IdGenerator } from "../IdGenerator.js"
import type { MachineId } from "../MachineId.js"
import type * as Mailboxes from "../Mailboxes.js"
import type { ObjectId } from "../ObjectId.js"
import type { ObjectMeta } from "../ObjectMeta.js"
import * as Store from "../ObjectStore.js"
import type { Reachability } from "../Reachability.js"
import type { Trace } from "../Trace.js"
import { type TraceEvent, TransactionAborted } from "../TraceEvent.js"
import type { Val } from "../Val.js"
import { type Cell, lastly } from "./frame.js"
import type { Functions } from "./functions.js"
import type { Post } from "./post.js"
import type { Privilege } from "./privilege.js"
import * as spans from "./spans.js"
import type { DirectStore } from "./storeSteps.js"
import { andThen, done, effectOf, fail, Later, later, mapLater, type Step, stepOf, succeed } from "./sync.js"
import type { Search, Seen, Transaction } from "./transaction.js"
import { traceEntry, trust } from "./trust.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

export interface Kernel {
  readonly store: Store.Service
  /** The same store, by the short way. */
  readonly objects: DirectStore
  readonly mailboxes: Mailboxes.Service
  readonly post: Post
  readonly reachability: Reachability["Type"]
  readonly ids: IdGenerator["Type"]
  readonly trace: Trace["Type"]
  readonly registry: Registry["Type"]
  readonly functions: Functions
  readonly privilege: Privilege
  readonly solver: ConstraintSolver.Service
  readonly homeController: Option.Option<ControllerId>
  readonly machine: MachineId
  /** A42: the history keeps what each activation was answered. */
  readonly recordAnswers: boolean
}

/** An object as a program sees it: in its transaction with what is pending, else as it is committed. */
export type View =
  | {
    /** Created in this transaction; whoever owns it, it may be used, and that locks nothing (A1). */
    readonly _tag: "Pending"
    readonly behaviour: string
    readonly metadata: ObjectMeta
    /** Without what else is pending: whom it was created for (A2). */
    readonly created: ObjectMeta
    readonly state: Val
  }
  | {
    readonly _tag: "Committed"
    readonly behaviour: string
    readonly metadata: ObjectMeta
    readonly stored: Store.StoredObject
  }

// ---------------------------------------------------------------------------
// looking at objects
// ---------------------------------------------------------------------------

/** What the snapshot of a transaction shows, entered in its read set; `part` none for mere existence. */
export const readInTx = (
  kernel: Kernel,
  tx: Transaction,
  id: ObjectId,
  part: "metadata" | "state" | "replicas" | "existence"
): Step<Store.StoredObject | undefined, StoreError> => {
  const seen = see(kernel, tx, id)
  return seen instanceof Later ? andThen(seen, (seen) => seen.observe(part)) : seen.observe(part)
}

/** An object as the snapshot shows it, entered in the read set. */
export const see = (kernel: Kernel, tx: Transaction, id: ObjectId): Step<Seen, StoreError> => {
  const known = tx.known(id)
  if (known !== undefined) return known
  const stored = kernel.objects.read(id, tx.snapshot)
  return stored instanceof Later ? andThen(stored, (stored) => tx.learn(id, stored)) : tx.learn(id, stored)
}

/** The object as the program sees it; none if it is missing, or destroyed (A6). Looking is a read of the metadata. */
export const look = (kernel: Kernel, cell: Cell, id: ObjectId): Step<View | undefined, StoreError> => {
  const tx = cell.open
  if (tx === undefined) {
    return andThen(
      kernel.objects.read(id, Store.latest),
      (stored) => stored?._tag === "StoredObject" ? fromStore(stored) : undefined
    )
  }
  const creation = tx.creates.get(id.value)
  if (creation !== undefined) {
    return succeed({
      _tag: "Pending",
      behaviour: creation.behaviour,
      metadata: tx.view(creation.metadata),
      created: creation.metadata,
      state: creation.state
    })
  }
  return andThen(
    readInTx(kernel, tx, id, "metadata"),
    (stored) => succeed(stored === undefined ? undefined : { ...fromStore(stored), metadata: tx.view(stored.metadata) })
  )
}

const fromStore = (stored: Store.StoredObject): View & { readonly _tag: "Committed" } => ({
  _tag: "Committed",
  behaviour: stored.behaviour,
  metadata: stored.metadata,
  stored
})

/** The replicas of an object, with what is pending. Looking is a read of them, except in what is pending itself. */
export const replicasOf = (
  kernel: Kernel,
  tx: Transaction | undefined,
  id: ObjectId,
  view: View
): Step<Store.StoredObject["replicas"], StoreError> => {
  const committed = view._tag === "Pending" ? noReplicas : view.stored.replicas
  if (tx === undefined) return succeed(committed)
  const seen = view._tag === "Pending" ? done : andThen(readInTx(kernel, tx, id, "replicas"), () => done)
  return andThen(seen, () => succeed(new Map(tx.replicasOf(id, committed))))
}

export const noReplicas: Store.StoredObject["replicas"] = new Map()

/** The state of an object as the transaction sees it; a read of it unless the transaction has set it. */
export const stateOf = (kernel: Kernel, tx: Transaction, id: ObjectId, view: View): Step<Val, StoreError> => {
  const set = tx.stateOf(id)
  if (set !== undefined) return set
  if (view._tag === "Pending") return succeed(view.state)
  return andThen(readInTx(kernel, tx, id, "state"), () => succeed(view.stored.state))
}

/** Whether the id has left a tombstone: only `Obj.destroy` asks (A6). */
export const wasDestroyed = (kernel: Kernel, id: ObjectId, snapshot: Store.Snapshot): Step<boolean, StoreError> =>
  andThen(kernel.objects.read(id, snapshot), (stored) => stored?._tag === "Tombstone")

// ---------------------------------------------------------------------------
// reachability and ownership
// ---------------------------------------------------------------------------

export const machineReachable = (kernel: Kernel, machine: MachineId): Step<void, MachineUnreachable> => {
  const reachable = stepOf(kernel.reachability.machine(machine))
  return reachable === true ? done : andThen(
    reachable,
    (reachable): Step<void, MachineUnreachable> => reachable ? done : fail(new MachineUnreachable({ machine }, true))
  )
}

export const controllerReachable = (kernel: Kernel, controller: ControllerId): Step<void, ControllerUnreachable> => {
  const reachable = stepOf(kernel.reachability.controller(controller))
  return reachable === true ? done : andThen(
    reachable,
    (reachable): Step<void, ControllerUnreachable> =>
      reachable ? done : fail(new ControllerUnreachable({ controller }, true))
  )
}

/**
 * Whether the transaction may touch a committed object, by its owner in the snapshot (A2, D11). The first object touched
 * locks a deferred transaction to its owner, who must be reachable (D10).
 */
export const claim = (
  kernel: Kernel,
  tx: Transaction,
  object: Store.StoredObject
): Step<void, ObjectHasNoController | CrossControllerTx | ControllerUnreachable> => {
  const { currentController, id } = object.metadata
  if (Option.isNone(currentController)) {
    // A43: in a turn that is locked to none, the object itself is all that can be touched.
    return tx.orphan !== undefined && sameId(tx.orphan, id) ? done : fail(new ObjectHasNoController({ id }, true))
  }
  return claimFor(kernel, tx, id, currentController.value)
}

/** The same for an owner that is known. */
export const claimFor = (
  kernel: Kernel,
  tx: Transaction,
  id: ObjectId,
  controller: ControllerId
): Step<void, CrossControllerTx | ControllerUnreachable> => {
  if (tx.orphan !== undefined) return fail(new CrossControllerTx({ id, controller }))
  if (Option.isSome(tx.controller)) {
    return tx.controller.value === controller ? done : fail(new CrossControllerTx({ id, controller }, true))
  }
  return andThen(controllerReachable(kernel, controller), () => {
    tx.controller = Option.some(controller)
    return done
  })
}

/** D18: outside transactions, a machine with a home controller keeps its hands off what another controller owns. */
export const foreign = (kernel: Kernel, metadata: ObjectMeta): Option.Option<ControllerId> =>
  Option.filter(
    metadata.currentController,
    (owner) => Option.isSome(kernel.homeController) && kernel.homeController.value !== owner
  )

// ---------------------------------------------------------------------------
// changing the store outside transactions
// ---------------------------------------------------------------------------

/**
 * Applies what one instruction changes, given what it has read of the object. If another commit has come in between, the
 * instruction runs once more: each is atomic.
 */
export const applyNow = <A, E>(
  kernel: Kernel,
  changes: Partial<Store.ChangeSet>,
  again: () => Step<A, E>,
  applied: () => Step<A, E>
): Step<A, E | StoreError> =>
  andThen(commitNow(kernel, changes), (outcome): Step<A, E> => outcome._tag === "Committed" ? applied() : again())

/** A commit that belongs to no transaction; it waits while one has the privilege. */
export const commitNow = (
  kernel: Kernel,
  changes: Partial<Store.ChangeSet>
): Step<Store.Outcome, StoreError> => {
  const all = { ...Store.noChanges, ...changes }
  return permitted(kernel, () => kernel.objects.commit(all))
}

/** Whatever `change` does to the store, once no transaction has the privilege any more. */
export const permitted = <A, E>(kernel: Kernel, change: () => Step<A, E>): Step<A, E> =>
  kernel.privilege.isOpenTo(undefined)
    ? change()
    : andThen(later(kernel.privilege.pass(undefined)), change)

/** The read set of an instruction outside transactions. */
export const reading = (
  stored: Store.StoredObject,
  ...parts: ReadonlyArray<"metadata" | "state" | "replicas">
): ReadonlyMap<string, Store.Read> => {
  const { id } = stored.metadata
  return new Map([[id.value, {
    id,
    exists: true,
    ...parts.includes("metadata") ? { metadata: stored.metadataVersion } : {},
    ...parts.includes("state") ? { state: stored.stateVersion } : {},
    ...parts.includes("replicas") ? { replicas: stored.replicasVersion } : {}
  }]])
}

// ---------------------------------------------------------------------------
// finishing transactions
// ---------------------------------------------------------------------------

/**
 * Ends a transaction without any effect on the store. `rejected`: the program has given it up, so that its labels count as
 * tried (D28). `context`: of whoever has left it open.
 */
export const abort = (
  kernel: Kernel,
  cell: Cell,
  tx: Transaction,
  rejected = false,
  context?: Context.Context<never>
): Step<void, StoreError> => {
  // The end of its program may have been faster.
  if (tx.status !== "open") return done
  const ended = end(kernel, cell, tx, rejected, context)
  const released = kernel.objects.release(tx.snapshot)
  // It has ended, whatever has become of what it saw.
  return released instanceof Later ? lastly(cell, Effect.onExit(released.effect, () => effectOf(ended()))) : ended()
}

/** The same at the end of the program, or of the fiber that has outlived it. */
export const abortLeft = (kernel: Kernel, cell: Cell, tx: Transaction): Step<void> => {
  if (tx.decidedByStore) return done
  // Fibers that still work in it must not go on outside.
  tx.closedBy = "program"
  // The program's own errors have no place for what its transaction saw and the store lost.
  return mapLater(abort(kernel, cell, tx), Effect.orDie)
}

/** The same, of one whose snapshot has been let go. */
export const abortReleased = (kernel: Kernel, cell: Cell, tx: Transaction): Step<void> => end(kernel, cell, tx)()

/** Answers how that is written. */
const end = (
  kernel: Kernel,
  cell: Cell,
  tx: Transaction,
  rejected = false,
  context?: Context.Context<never>
): () => Step<void> => {
  const entries = tx.search === undefined ? done : held(tx.search)
  close(kernel, cell, tx, "aborted")
  tx.variables?.abort(rejected)
  return () =>
    andThen(
      entries,
      () => traceAs(kernel, cell, tx.controller, () => trust(TransactionAborted, { tx: tx.id }), context)
    )
}

/** Writes the entries that were held back while it was open which of the ways that were tried is taken. */
export const held = ({ entries }: Search): Step<void> =>
  entries.splice(0).reduce((before: Step<void>, entry) => andThen(before, entry), done)

export const close = (kernel: Kernel, cell: Cell, tx: Transaction, status: "committed" | "aborted"): void => {
  tx.status = status
  tx.closedBy ??= cell
  if (cell.transaction === tx) cell.transaction = undefined
  if (tx.ticket !== undefined) kernel.privilege.release(tx.ticket)
  cell.execution.closed(tx, status)
  tx.onClose?.()
}

/**
 * A31: refuses an instruction that would change something in a read-only transaction.
 *
 * The failure is in the type of the bracket that is read only (`Tx.TransactError`), not of each instruction that could be
 * in one: hence the cast.
 */
export const changing = (cell: Cell, instruction: string): Step<void> =>
  cell.open?.options.readOnly === true
    ? fail(new InvalidDuringTx({ what: instruction }, true)) as Step<never, never>
    : done

// ---------------------------------------------------------------------------
// tracing
// ---------------------------------------------------------------------------

/** Whether anybody wants to know. */
export const isTraced = (kernel: Kernel, cell: Cell): boolean =>
  kernel.trace.enabled || cell.execution.entries !== undefined || spans.isTraced(cell.fiber)

/**
 * Appends an entry, with the controller of the open transaction (A10). Where nobody listens, it is not even built. It is an
 * event of the span in `context`: where the instruction runs, unless somebody knows better.
 */
export const trace = (
  kernel: Kernel,
  cell: Cell,
  event: () => TraceEvent,
  context?: Context.Context<never>
): Step<void> =>
  isTraced(kernel, cell)
    ? traceAs(kernel, cell, cell.open?.controller ?? Option.none(), event, context)
    : done

export const traceAs = (
  kernel: Kernel,
  cell: Cell,
  executingController: Option.Option<ControllerId>,
  event: () => TraceEvent,
  context?: Context.Context<never>
): Step<void> => {
  if (!isTraced(kernel, cell)) return done
  const search = cell.open?.search
  if (search !== undefined) {
    const built = event()
    search.entries.push(() => write(kernel, cell, executingController, built, context))
    return done
  }
  return write(kernel, cell, executingController, event(), context)
}

const write = (
  kernel: Kernel,
  cell: Cell,
  executingController: Option.Option<ControllerId>,
  event: TraceEvent,
  context: Context.Context<never> | undefined
): Step<void> => {
  const { execution, fiber } = cell
  // Built by the machine itself, so there is nothing to validate.
  const entry = traceEntry(execution.timestamp++, event, executingController)
  if (spans.isTraced(fiber)) spans.event(fiber, context ?? cell.context ?? fiber.currentContext, entry)
  execution.entries?.push(entry)
  if (!kernel.trace.enabled) return done
  const appended = kernel.trace.append(execution.id, entry, cell.open?.id)
  return appended === Exit.void ? done : stepOf(appended)
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

/** An answer with its entry before it. */
export const answering = <A>(traced: Step<void>, answer: A): Step<A> =>
  traced === done ? answer : andThen(traced, () => answer)

export const sameId = (self: ObjectId, that: ObjectId): boolean => self === that || Equal.equals(self, that)

/** A family service as the kernel implements it: each member takes the cell in which it runs. */
export type Implementation<S> = {
  readonly [K in keyof S]: S[K] extends (...args: infer Args) => Effect.Effect<infer A, infer E>
    ? (cell: Cell, ...args: Args) => Step<A, E>
    : S[K] extends Effect.Effect<infer A, infer E> ? (cell: Cell) => Step<A, E>
    : never
}
