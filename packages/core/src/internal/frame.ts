/**
 * Where a program stands: the frame of the running object, the machine it runs on, and the open transaction.
 *
 * They are in a `Cell`, one for each fiber: a call changes the cell and puts it back, a fork copies it (A38), so that the
 * frames of concurrent fibers never mix. What belongs to the program as a whole is in its `Execution`.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { RuntimeFiber } from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import { globalValue } from "effect/GlobalValue"
import type * as Option from "effect/Option"
import { defaultScheduler, type Scheduler } from "effect/Scheduler"
import type { MachineId } from "../MachineId.js"
import type { ObjectId } from "../ObjectId.js"
import type { Committing } from "../ObjectStore.js"
import type { TraceEntry } from "../TraceEvent.js"
import type { TxId } from "../TxId.js"
import type { Val } from "../Val.js"
import type { Allowance } from "./eager.js"
import { isDaemon } from "./forks.js"
import { causeOf, effectOf, exiting, Later, later, type Listener, type Notified, type Step } from "./sync.js"
import type { Seen, Transaction } from "./transaction.js"
import type { Variables } from "./variables.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/** Whose state `getState` and `setState` mean. */
export type Place =
  | { readonly _tag: "Root" }
  | { readonly _tag: "Object" }
  | { readonly _tag: "Replica"; readonly machine: MachineId }

export const Root: Place = { _tag: "Root" }
export const Authoritative: Place = { _tag: "Object" }

/** One activation of an object, or the program itself. Its identity says who began a transaction (D15). */
export interface Frame {
  readonly self: ObjectId
  readonly input: Val
  readonly sender: Option.Option<ObjectId>
  readonly place: Place
  /** Itself, as those it calls see their sender: made once. */
  readonly asSender: Option.Option<ObjectId>
  /** The object, as the transaction it was called in has seen it. */
  readonly seen: Seen | undefined
  /** Where its instructions are recorded, if they are (`internal/recording`). */
  readonly record?: Recorded | undefined
  /** Where it looks its services up, if that is its own. */
  readonly context?: Context.Context<never>
}

/** That of a program, which is no activation. An instance, as all that is soon over and refers to much (decision 0030). */
export class RootFrame implements Frame {
  readonly seen = undefined
  constructor(
    readonly self: ObjectId,
    readonly input: Val,
    readonly sender: Option.Option<ObjectId>,
    readonly place: Place,
    readonly asSender: Option.Option<ObjectId>
  ) {}
}

/** A record, as those see it who go back: then what was done from there on was never done. */
export interface Recorded {
  /** How many instructions were answered. */
  readonly settled: number
  readonly forget: (settled: number) => void
  /** What that instruction began came to nothing: it is as if it had failed at once. */
  readonly refuse: (at: number, error: unknown) => void
}

/** One run of a program. */
export class Execution {
  timestamp = 0
  /** The state of the root frame (A11). */
  rootState: Val = noState
  /** The variables of the program, once it has any (A23). */
  variables: Variables | undefined = undefined
  /** Whether its end is past, at which what is open is aborted (D15): each fiber does that at its own now. */
  isOver = false
  /** The transaction that was begun last of those that are open, in any of its fibers. */
  private newest: Transaction | undefined = undefined
  private lastOver: Over | undefined = undefined
  private over: Map<TxId, "committed" | "aborted"> | undefined = undefined

  constructor(
    /** The id of the root frame, which is no object (A11). */
    readonly root: ObjectId,
    /** The entries so far, where somebody asked for them. */
    readonly entries: Array<TraceEntry> | undefined,
    readonly allowance: Allowance
  ) {}

  get id(): string {
    return this.root.value
  }

  /** The transactions that are open, the oldest first: what is left of them is aborted at its end (D15). */
  get open(): ReadonlyArray<Transaction> {
    if (this.newest === undefined) return noTransactions
    const open: Array<Transaction> = []
    for (let tx: Transaction | undefined = this.newest; tx !== undefined; tx = tx.before) open.push(tx)
    return open.reverse()
  }

  opened(tx: Transaction): void {
    tx.before = this.newest
    if (this.newest !== undefined) this.newest.after = tx
    this.newest = tx
  }

  closed(tx: Transaction, status: "committed" | "aborted"): void {
    const { after, before } = tx
    if (this.newest === tx) this.newest = before
    if (before !== undefined) before.after = after
    if (after !== undefined) after.before = before
    tx.before = tx.after = undefined
    this.lastOver = new Over(tx.id, status, this.lastOver)
  }

  /** What became of a transaction (A8). Hardly any program asks: they are put in order when one does. */
  statusOf(id: TxId): "committed" | "aborted" | undefined {
    const known = this.over ??= new Map()
    for (let over = this.lastOver; over !== undefined; over = over.before) known.set(over.id, over.status)
    this.lastOver = undefined
    return known.get(id)
  }
}

const noState: Val = []
const noTransactions: ReadonlyArray<Transaction> = []

class Over {
  constructor(readonly id: TxId, readonly status: "committed" | "aborted", readonly before: Over | undefined) {}
}

/** What waits for a fiber to drive it: the rest of an activation, of a bracket, the last steps of either. */
export interface Undriven {
  /** Ends it as interrupted. */
  readonly abandon: Effect.Effect<void>
  /** What was left before it, and waits as well. */
  before: Undriven | undefined
}

export class Rest implements Undriven {
  before: Undriven | undefined = undefined
  constructor(readonly abandon: Effect.Effect<void>) {}
}

/** A member of a family as the kernel implements it. */
export type Member = (cell: Cell, ...args: ReadonlyArray<unknown>) => Step<unknown, unknown>

/** The members that a context has for the instructions, each at its index: null where only the service itself knows. */
export type Table = Array<Member | null | undefined>

export class Cell implements Committing {
  /**
   * What the fiber is about to drive. It may be interrupted before it does; then whatever it does next, in a finalizer or
   * at the end of the program, finds it here and ends it first.
   *
   * A chain of instances: V8 allocates literals whose kind has once lived long among the old objects, where such a one would
   * keep all it refers to, though it is not needed any more, until the old objects are collected.
   */
  undriven: Undriven | undefined = undefined

  constructor(
    readonly execution: Execution,
    public frame: Frame,
    public machine: MachineId,
    public transaction: Transaction | undefined,
    /** The fiber it belongs to, once that has executed an instruction. */
    public fiber: RuntimeFiber<unknown, unknown> | undefined
  ) {}

  /** Where the frame that is run natively looks up its services; otherwise the fiber's own context is the right one. */
  context: Context.Context<never> | undefined = undefined

  /** As whom it commits; if nothing is said, as its fiber. */
  committer: object | undefined = undefined

  get asker(): object {
    return this.committer ?? this.fiber?.id() ?? this
  }

  get scheduler(): Scheduler {
    return this.fiber?.currentScheduler ?? defaultScheduler
  }

  /** Whether somebody ends what is left when its fiber has ended: its program, as a rule, or whoever looks on. */
  isWatched = true
  /** How what is open then is aborted, where its program has ended before. */
  private abortLeft: ((tx: Transaction) => Effect.Effect<void>) | undefined = undefined

  /** What the context used last has for the instructions, and that context. */
  table: Table = noTable
  tableOf: Context.Context<never> | undefined = undefined

  /** For what the fiber will be asked to go on with next, and may not come to. */
  leave<U extends Undriven>(undriven: U): U {
    undriven.before = this.undriven
    this.undriven = undriven
    // A program ends what is left of it. So does a fiber of its own, that may never do anything again.
    this.watch()
    return undriven
  }

  /** It has begun a transaction after the end of its program. */
  outlive(abortLeft: (tx: Transaction) => Effect.Effect<void>): void {
    this.abortLeft = abortLeft
    this.watch()
  }

  private watch(): void {
    if (this.isWatched || this.fiber === undefined) return
    this.isWatched = true
    const { currentScheduler: scheduler } = this.fiber
    this.fiber.addObserver(() => {
      if (this.undriven === undefined && this.abortLeft === undefined) return
      const ending = Effect.zipRight(abandonUndriven(this), Effect.suspend(() => this.abandonOpen()))
      Effect.runFork(Effect.uninterruptible(ending), { scheduler })
    })
  }

  /** Of what is open, it answers for what it has begun itself. */
  private abandonOpen(): Effect.Effect<void> {
    const { abortLeft, open } = this
    return abortLeft === undefined || open?.cell !== this ? Effect.void : abortLeft(open)
  }

  /** It has come to it. */
  take(undriven: Undriven): void {
    this.undriven = without(this.undriven, undriven)
  }

  /** The open transaction, if there is one. */
  get open(): Transaction | undefined {
    return this.transaction !== undefined && this.transaction.status === "open" ? this.transaction : undefined
  }

  /**
   * Whether the transaction it works in was finished elsewhere, so that it must not go on: what it did is committed or
   * undone without the rest. Whoever began a transaction may let another fiber of the same frame finish it.
   */
  get isStray(): boolean {
    const tx = this.transaction
    return tx !== undefined && tx.status !== "open" && (tx.closedBy === "program" || tx.cell !== this)
  }

  copy(fiber: RuntimeFiber<unknown, unknown> | undefined): Cell {
    const copy = new Cell(this.execution, this.frame, this.machine, this.transaction, fiber)
    copy.isWatched = false
    return copy
  }
}

const noTable: Table = []

/** There is hardly ever another one. */
const without = (undriven: Undriven | undefined, taken: Undriven): Undriven | undefined => {
  if (undriven === undefined) return undefined
  if (undriven === taken) return undriven.before
  undriven.before = without(undriven.before, taken)
  return undriven
}

/** Ends what nobody will drive any more, the oldest first. */
export const abandonUndriven = (cell: Cell): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { undriven } = cell
    cell.undriven = undefined
    return Effect.uninterruptible(abandonAll(undriven))
  })

const abandonAll = (undriven: Undriven | undefined): Effect.Effect<void> =>
  undriven === undefined ? Effect.void : Effect.zipRight(abandonAll(undriven.before), undriven.abandon)

/**
 * The last steps of something that has ended: nothing interrupts them, and whoever is interrupted before it comes to them
 * has them done all the same.
 */
export const lastly = <A, E>(cell: Cell, effect: Effect.Effect<A, E>): Step<A, E> => {
  // Last steps may be part of others that are left as well: whoever finds both does each once.
  let ended: Exit.Exit<A, E> | undefined
  const once = Effect.suspend(() =>
    ended ?? Effect.onExit(effect, (exit) =>
      Effect.sync(() => {
        ended = exit
      }))
  )
  const undriven = cell.leave(new Rest(Effect.asVoid(Effect.exit(once))))
  return later(Effect.uninterruptible(Effect.suspend(() => {
    cell.take(undriven)
    return once
  })))
}

/** Nothing interrupts what is done when something has ended. */
export const whole = <A, E>(cell: Cell, step: Step<A, E>): Step<A, E> =>
  step instanceof Later && causeOf(step) === undefined ? lastly(cell, step.effect) : step

/**
 * Begins it here and now, and goes on with how it ends. Where that takes time it is waited for, as last steps are; what
 * comes then is interrupted as what stands here is.
 */
export const beginning = <A, E, B, E2>(
  cell: Cell,
  step: Notified<A, E>,
  goOn: (exit: Exit.Exit<A, E>) => Step<B, E2>
): Step<B, E2> => {
  const begun = new Begun<A, E>(cell)
  step.listen(begun)
  if (begun.isOver) return exiting(begun.told as Step<A, E>, goOn) // it was told
  cell.leave(begun)
  return later(Effect.flatMap(begun.driven, (exit) => effectOf(goOn(exit))))
}

/** What a step that has begun has told, or is going to. */
class Begun<A, E> implements Undriven, Listener<A, E> {
  before: Undriven | undefined = undefined
  told: Step<A, E> | undefined = undefined
  private isTold = false
  private resume: ((effect: Effect.Effect<Exit.Exit<A, E>>) => void) | undefined = undefined

  constructor(private readonly cell: Cell) {}

  tell(step: Step<A, E>): void {
    this.told = step
    this.isTold = true
    this.resume?.(this.outcome)
  }

  /** It was told, and nothing is left to be done. */
  get isOver(): boolean {
    return this.isTold && (!(this.told instanceof Later) || causeOf(this.told) !== undefined)
  }

  /** By the fiber that waits for it. */
  get driven(): Effect.Effect<Exit.Exit<A, E>> {
    return Effect.uninterruptible(Effect.async((resume) => {
      this.cell.take(this)
      this.hear(resume)
    }))
  }

  /** It may be part of others that are left as well: whoever finds both hears of it twice. */
  get abandon(): Effect.Effect<void> {
    return Effect.asVoid(Effect.async<Exit.Exit<A, E>>((resume) => this.hear(resume)))
  }

  private hear(resume: (effect: Effect.Effect<Exit.Exit<A, E>>) => void): void {
    if (this.isTold) resume(this.outcome)
    else this.resume = resume
  }

  /** What is left of it is done once. */
  private get outcome(): Effect.Effect<Exit.Exit<A, E>> {
    const told = this.told as Step<A, E> // it was
    if (!(told instanceof Later)) return Exit.succeed(Exit.succeed(told))
    return Effect.map(Effect.exit(told.effect), (exit) => {
      this.told = exit._tag === "Success" ? exit.value : new Later(exit)
      return exit
    })
  }
}

// ---------------------------------------------------------------------------
// the cell of a fiber
// ---------------------------------------------------------------------------

export const current: FiberRef.FiberRef<Cell | undefined> = globalValue(
  "@effect-avm/core/Cell",
  () =>
    FiberRef.unsafeMake<Cell | undefined>(undefined, {
      fork: (cell) => {
        if (cell?.fiber !== undefined) cell.open?.forked(cell.fiber)
        return cell?.copy(undefined)
      },
      join: (parent) => parent
    })
)

/**
 * Runs an operation of the kernel where the fiber stands.
 *
 * A fiber may have come by another one's cell without being forked from it (a `Runtime` that was captured and used
 * elsewhere): it gets a copy of its own.
 */
export const here = <A, E>(operation: (cell: Cell) => Step<A, E>): Effect.Effect<A, E> =>
  Effect.withFiberRuntime((fiber) => {
    const cell = fiber.getFiberRef(current)
    if (cell === undefined) return Effect.dieMessage("An instruction outside a machine: run the program with Avm.run")
    if (cell.fiber === fiber) {
      if (cell.undriven !== undefined) return Effect.zipRight(abandonUndriven(cell), operationLater(operation, cell))
      return cell.isStray ? Effect.interrupt : effectOf(operation(cell))
    }
    if (cell.fiber === undefined) {
      cell.fiber = fiber
      // What ended before it began is no business of its; and a daemon runs outside the transaction it was forked in (A38).
      if (cell.open === undefined || isDaemon(fiber)) cell.transaction = undefined
      return effectOf(operation(cell))
    }
    const own = cell.copy(fiber)
    return Effect.zipRight(FiberRef.set(current, own), operationLater(operation, own))
  })

const operationLater = <A, E>(operation: (cell: Cell) => Step<A, E>, cell: Cell): Effect.Effect<A, E> =>
  Effect.suspend(() => effectOf(operation(cell)))
