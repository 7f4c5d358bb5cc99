/**
 * Group commit: what is committed in memory is queued, and one step writes all that is queued in one SQL transaction.
 *
 * Who commits first after a write schedules the next one, on the scheduler of its own fiber: those that are ready commit
 * before it comes to that, and share it. Under a seeded scheduler the write is drawn among the fibers, so that every order
 * of commits and writes occurs, and occurs again. After some writes in a row the event loop goes round first.
 *
 * A write that fails takes back everything that was queued, in memory and in the file: what came later may have built on
 * what came before. What has become of it is not guessed but read from the file, whose clock says which commits it has.
 * Where not even that can be read, memory forgets all it knew, and nothing is answered until it can be.
 *
 * Invariants, pinned by `test/sqlite/Faults.test.ts`: nobody is answered before what he did, or has read, is durable;
 * memory and file are equal after each failure, whichever statement it was.
 */
import type { AvmError, Mailboxes, ObjectId, ObjectStore } from "@effect-avm/core"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Scheduler } from "effect/Scheduler"
import { type Failure, reasonOf, SnapshotLost, StoreClosed, toStoreError, WriteFailed } from "../Failure.js"
import type { Cache, Entry } from "./cache.js"
import type { Mail } from "./mail.js"
import { Pace } from "./pace.js"
import type { Accepted, Change, Rows } from "./rows.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/** A commit that is valid, applied in memory, and not durable yet. */
export interface Queued {
  readonly version: number
  readonly snapshot: ObjectStore.Snapshot
  /** What it makes of objects; an entry that several commits of a group change is written once. */
  readonly entries: ReadonlyArray<Entry>
  readonly accepted: ReadonlyArray<Accepted>
  readonly changes: ReadonlyArray<Change>
  readonly ids: ReadonlyArray<ObjectId.ObjectId>
  /** What it brings to mailboxes; none without messages. */
  readonly arrived?: Mailboxes.Arrived
}

type Written = Exit.Exit<void, AvmError.StoreError>

/** What takes part in the step between what is written and its COMMIT. */
export type Between = () => "commit" | "rollback"

export type Listener = (ids: ReadonlyArray<ObjectId.ObjectId>) => void

// ---------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------

export class Committer {
  clock: number
  readonly listeners = new Set<Listener>()
  /** Snapshots whose holders know already that something was lost. */
  readonly told = new WeakSet<ObjectStore.Snapshot>()
  readonly pace = new Pace()
  private queue: Array<Queued> = []
  /** Who began the queue, if that is known. */
  private first: object | undefined
  private waiting: Array<(written: Written) => void> = []
  private scheduled = false
  /** The versions of failed writes, from (exclusive) and to (inclusive). */
  private lost: ReadonlyArray<readonly [from: number, to: number]> = []
  /** Every snapshot up to here was forgotten. */
  private forgotten = -1
  /** Why nothing can be answered now, if so: the file could not be asked what it has. */
  private broken = false
  private closed = false
  /** The newest entry of all histories that is durable. */
  private lastAccepted: number

  constructor(
    private readonly filename: string,
    private readonly rows: Rows,
    private readonly cache: Cache,
    private readonly mail: Mail
  ) {
    this.clock = cache.durable
    this.lastAccepted = rows.lastAccepted()
  }

  // -------------------------------------------------------------------------
  // state
  // -------------------------------------------------------------------------

  /** Throws where nothing can be asked of the file: before each use. */
  ready(): void {
    if (this.closed) throw new StoreClosed({ filename: this.filename })
    if (this.broken) this.recover()
  }

  isPending(version: number): boolean {
    return version > this.cache.durable
  }

  isLost(version: number): boolean {
    return version <= this.forgotten || this.lost.some(([from, to]) => version > from && version <= to)
  }

  // -------------------------------------------------------------------------
  // committing
  // -------------------------------------------------------------------------

  /** Queues a commit, and tells `outcome` when it is durable. */
  commit<A>(
    queued: Queued,
    by: ObjectStore.Committing,
    outcome: A,
    tell: (exit: Exit.Exit<A, AvmError.StoreError>) => void
  ): void {
    const isFirst = this.queue.push(queued) === 1
    if (isFirst) this.first = by.asker
    const answer = Exit.succeed(outcome)
    if (isFirst && this.pace.isAlone(by)) tell(Exit.zipRight(this.write(() => "commit"), answer))
    else this.whenSettled(by.scheduler, (written) => tell(Exit.zipRight(written, answer)))
  }

  /** When everything that is queued has been written, or has failed to be. */
  settled(scheduler: Scheduler): Effect.Effect<void, AvmError.StoreError> {
    return this.queue.length === 0
      ? Exit.void
      : Effect.async<void, AvmError.StoreError>((resume) => this.whenSettled(scheduler, resume))
  }

  /** What is answered then, in the very step in which everything that is queued has been written or has failed to be. */
  afterwards<A, E>(scheduler: Scheduler, answer: () => Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.async<A, E>((resume) => this.whenSettled(scheduler, () => resume(answer())))
  }

  /** Tells when everything that is queued has been written, or has failed to be; at once, if there is nothing. */
  whenSettled(scheduler: Scheduler, tell: (written: Written) => void): void {
    if (this.queue.length === 0) return tell(Exit.void)
    this.waiting.push(tell)
    if (this.scheduled) return
    this.scheduled = true
    this.pace.schedule(scheduler, () => this.flush())
  }

  /** Writes what is queued, now. */
  flush(): void {
    this.scheduled = false
    if (this.queue.length > 0) this.write(() => "commit")
  }

  /**
   * Writes one commit by itself, with something that is done between its statements and its COMMIT (A41). It is asked
   * once; "rollback" leaves nothing of the commit. Throws if it could not be written.
   */
  together(queued: Queued, between: Between): "commit" | "rollback" {
    this.first = undefined
    this.queue.push(queued)
    let outcome: "commit" | "rollback" = "rollback"
    const written = this.write(() => outcome = between())
    if (Exit.isFailure(written)) throw written.cause._tag === "Fail" ? written.cause.error : written.cause
    return outcome
  }

  /** Writes something that is no part of any commit, by itself; `isWritten` asks the file, where that is in doubt. */
  alone(what: string, write: () => void, isWritten: () => boolean): Written {
    this.flush()
    try {
      this.ready()
      this.pace.wrote(0)
      this.rows.begin()
      write()
      this.rows.commit()
      return Exit.void
    } catch (thrown) {
      const failure = thrown instanceof StoreClosed ? thrown : new WriteFailed({ what, ...reasonOf(thrown) })
      return this.askFile(isWritten) ? Exit.void : Exit.fail(toStoreError(failure))
    }
  }

  private write(between: Between): Written {
    const { queue, waiting } = this
    this.queue = []
    this.waiting = []
    const written = this.attempt(queue, between)
    for (const resume of waiting) resume(written)
    // Lists outlive what is in them: see decision 0030.
    queue.length = waiting.length = 0
    return written
  }

  private attempt(queue: ReadonlyArray<Queued>, between: Between): Written {
    const { cache, rows } = this
    const last = queue[queue.length - 1]?.version ?? this.clock
    let histories: Histories | undefined
    try {
      // What the file cannot be asked for cannot be written either.
      this.ready()
      histories = new Histories(this.lastAccepted, queue)
      this.pace.wrote(queue.length, this.first)
      rows.begin()
      const touched: Array<Entry> = []
      for (const { entries } of queue) {
        for (const entry of entries) {
          if (entry.dirty === 0) continue
          rows.writeObject(entry, histories.newest(entry))
          entry.dirty = 0
          touched.push(entry)
        }
      }
      histories.write(rows)
      for (const { changes } of queue) for (const change of changes) rows.writeChange(change)
      rows.setClock(last)
      if (between() === "rollback") {
        rows.rollback()
        this.takeBack()
        return Exit.void
      }
      rows.commit()
      for (const entry of touched) cache.weigh(entry)
    } catch (thrown) {
      const failure: Failure = thrown instanceof StoreClosed
        ? thrown
        : new WriteFailed({ what: `${queue.length} commits`, ...reasonOf(thrown) })
      if (!this.wasWritten(last)) {
        for (const { snapshot } of queue) this.told.add(snapshot)
        return Exit.fail(toStoreError(failure))
      }
    }
    if (histories !== undefined) this.lastAccepted = histories.written()
    cache.durable = last
    cache.written()
    cache.trim()
    this.mail.durable()
    // Who listens looks at what has changed, before it may go.
    if (this.listeners.size > 0) { for (const { ids } of queue) this.announce(ids) }
    for (const { arrived } of queue) if (arrived !== undefined) this.mail.announce(arrived)
    cache.shrink()
    return Exit.void
  }

  private announce(ids: ReadonlyArray<ObjectId.ObjectId>): void {
    if (ids.length === 0) return
    for (const listener of [...this.listeners]) listener(ids)
  }

  // -------------------------------------------------------------------------
  // failing
  // -------------------------------------------------------------------------

  /** After an error: whether the file has the commits up to `last` all the same. If not, nothing is left of them. */
  private wasWritten(last: number): boolean {
    return this.askFile(() => {
      if (this.rows.clock() === last) return true
      this.takeBack()
      return false
    })
  }

  private askFile(ask: () => boolean): boolean {
    try {
      if (this.rows.inTransaction()) this.rows.rollback()
      return ask()
    } catch {
      // The cause is in the failure already: now even the file cannot be asked.
      this.broken = true
      this.forget()
      return false
    }
  }

  private takeBack(): void {
    const { cache, clock } = this
    // Only who holds such a snapshot will ask.
    this.lost = [...this.lost.filter(([, to]) => to >= cache.oldestHeld), [cache.durable, clock]]
    cache.undo()
    this.mail.takeBack()
    cache.durable = this.clock = clock + 1
    cache.trim()
  }

  private forget(): void {
    this.forgotten = this.clock
    this.lost = []
    this.cache.clear()
    this.cache.durable = this.clock = this.clock + 1
  }

  private recover(): void {
    if (this.rows.inTransaction()) this.rows.rollback()
    this.clock = Math.max(this.clock, this.rows.clock())
    this.cache.durable = this.clock
    this.lastAccepted = this.rows.lastAccepted()
    this.mail.load(this.rows.mail())
    this.broken = false
    // What has come in between, nobody was told.
    this.mail.announce(this.mail.everything)
  }

  // -------------------------------------------------------------------------
  // ending
  // -------------------------------------------------------------------------

  close(): void {
    this.flush()
    this.closed = true
  }
}

/** The new entries of the histories of a group: each gets its number, and that of the one before it. */
class Histories {
  private last: number
  private readonly entries: Array<readonly [change: Accepted, number: number, previous: number | null]> = []
  private readonly newestOf = new Map<Entry, number>()

  constructor(last: number, queue: ReadonlyArray<Queued>) {
    this.last = last
    for (const { accepted } of queue) {
      for (const change of accepted) {
        this.entries.push([change, ++this.last, this.newest(change.entry)])
        this.newestOf.set(change.entry, this.last)
      }
    }
  }

  newest(entry: Entry): number | null {
    return this.newestOf.get(entry) ?? entry.accepted
  }

  write(rows: Rows): void {
    for (const [change, number, previous] of this.entries) rows.writeAccepted(change, number, previous)
  }

  /** The file has them now. Answers the number of the last one. */
  written(): number {
    for (const [entry, number] of this.newestOf) entry.accepted = number
    return this.last
  }
}

/** Of a snapshot whose contents were lost. */
export const snapshotLost = (version: number): AvmError.StoreError => toStoreError(new SnapshotLost({ version }))
