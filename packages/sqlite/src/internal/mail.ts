/**
 * The messages of a file, all of them in memory as well: mailboxes, promises, outputs and dead letters.
 *
 * A change set changes them at once, with the objects, and answers the rows that it changes; what is not durable yet can be
 * taken back. So nothing is thrown away before it is durable: what was taken stays in its mailbox, marked, until then.
 *
 * Invariants, pinned by the law suite `MailboxesLaws` and `test/sqlite/MailFaults.test.ts`: after each write, and after
 * each one that failed, memory and file are equal.
 */
import { Mailboxes, type ObjectId } from "@effect-avm/core"
import * as Option from "effect/Option"
import type { Contents, MailChange, Waiting } from "./mailRows.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

interface Entry {
  readonly message: Mailboxes.Message
  readonly version: number
  /** Greater than that of every entry before it, in whatever mailbox. */
  readonly ordinal: number
  taken: boolean
}

interface Box {
  readonly id: ObjectId.ObjectId
  /** From `head` on: those that were taken stay until they are at the head and that is durable. */
  readonly entries: Array<Entry>
  head: number
  size: number
  /** The last commit that changed it. */
  touched: number
}

interface Promised {
  readonly promised: Mailboxes.Promised
  readonly waiting: Array<Waiting>
  touched: number
}

interface Numbered<A> {
  readonly ordinal: number
  readonly value: A
}

/** What a change set has done to messages. */
export interface Mailed {
  readonly changes: ReadonlyArray<MailChange>
  readonly arrived: Mailboxes.Arrived
}

/** Settled promises that are kept: as many as the port asks for. */
const keptAnswers = 1 << 16

const pending: Mailboxes.Promised = Option.some({ _tag: "Pending" })

// ---------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------

export class Mail {
  readonly listeners = new Set<(arrived: Mailboxes.Arrived) => void>()
  private boxes = new Map<string, Box>()
  private queued = new Map<string, Entry>()
  private promises = new Map<string, Promised>()
  /** From `forgotten` on, in order, those that are settled. */
  private settled: Array<ObjectId.ObjectId> = []
  private forgotten = 0
  private outputs = new Map<string, Numbered<Mailboxes.Output>>()
  private letters = new Map<string, Numbered<Mailboxes.DeadLetter>>()
  private ordinal = 0

  /** How to take back what is not durable, last first. */
  private undoing: Array<() => void> = []
  private touched = new Set<Box>()

  // Of the commit that is being applied.
  private version = 0
  private changes: Array<MailChange> = []
  private arriving = new Arriving()

  constructor(contents: Contents) {
    this.load(contents)
  }

  /** What the file has, in place of all that was here. */
  load({ letters, messages, outputs, pending: open, settled, waiting }: Contents): void {
    this.boxes = new Map()
    this.queued = new Map()
    this.promises = new Map()
    this.settled = []
    this.forgotten = 0
    this.outputs = new Map()
    this.letters = new Map()
    this.undoing = []
    this.touched = new Set()
    for (const { message, ordinal, version } of messages) this.add({ message, version, ordinal, taken: false })
    for (const id of open) this.promises.set(id.value, { promised: pending, waiting: [], touched: 0 })
    for (const { answer, id } of settled) {
      this.promises.set(id.value, { promised: Option.some(answer), waiting: [], touched: 0 })
      this.settled.push(id)
    }
    for (const { promise, waiting: message } of waiting) this.promises.get(promise.value)?.waiting.push(message)
    for (const { ordinal, output: value } of outputs) this.outputs.set(value.key, { ordinal, value })
    for (const { letter: value, ordinal } of letters) this.letters.set(value.message.id.value, { ordinal, value })
    for (const all of [messages, settled, waiting, outputs, letters]) {
      this.ordinal = Math.max(this.ordinal, all.at(-1)?.ordinal ?? 0)
    }
  }

  private add(entry: Entry): Box {
    const { to } = entry.message
    let box = this.boxes.get(to.value)
    if (box === undefined) {
      this.boxes.set(to.value, box = { id: to, entries: [], head: 0, size: 0, touched: 0 })
    }
    box.entries.push(entry)
    box.size++
    this.queued.set(entry.message.id.value, entry)
    return box
  }

  // -------------------------------------------------------------------------
  // looking
  // -------------------------------------------------------------------------

  conflicts(changes: Mailboxes.Changes): ReadonlyArray<ObjectId.ObjectId> {
    return changes === Mailboxes.noChanges ? none : Mailboxes.conflictsOf(this.tables, changes)
  }

  /** The last commit that changed the mailbox of an object, or what waits for a promise, since it was durable. */
  touchedBy(id: ObjectId.ObjectId): number {
    return Math.max(this.boxes.get(id.value)?.touched ?? 0, this.promises.get(id.value)?.touched ?? 0)
  }

  size(to: ObjectId.ObjectId): number {
    return this.boxes.get(to.value)?.size ?? 0
  }

  promised(id: ObjectId.ObjectId): Mailboxes.Promised {
    return this.promises.get(id.value)?.promised ?? Option.none()
  }

  peek(to: ObjectId.ObjectId, options: Mailboxes.PeekOptions = {}): ReadonlyArray<Mailboxes.Message> {
    const { limit = Number.POSITIVE_INFINITY, skip = 0, until } = options
    const box = this.boxes.get(to.value)
    if (box === undefined || box.size === 0) {
      const waiting = this.promises.get(to.value)?.waiting ?? []
      return waiting.filter((_): _ is Mailboxes.Message => !Mailboxes.isForward(_)).slice(skip, skip + limit)
    }
    const found: Array<Mailboxes.Message> = []
    let left = skip
    for (const { message, version } of remaining(box)) {
      if (found.length >= limit || (until !== undefined && version > until.version)) break
      if (left > 0) left--
      else found.push(message)
    }
    return found
  }

  /** Those with messages, the one with the oldest first. */
  get waiting(): ReadonlyArray<ObjectId.ObjectId> {
    const heads: Array<readonly [number, ObjectId.ObjectId]> = []
    for (const box of this.boxes.values()) {
      for (const { ordinal } of remaining(box)) {
        heads.push([ordinal, box.id])
        break
      }
    }
    return heads.sort(([a], [b]) => a - b).map(([, id]) => id)
  }

  get allOutputs(): ReadonlyArray<Mailboxes.Output> {
    return inOrder(this.outputs)
  }

  get allLetters(): ReadonlyArray<Mailboxes.DeadLetter> {
    return inOrder(this.letters)
  }

  /** What somebody who has heard of nothing may wait for. */
  get everything(): Mailboxes.Arrived {
    const { allOutputs: outputs, waiting: mailboxes } = this
    return { mailboxes, taken: [...this.boxes.values()].map(({ id }) => id), settled: this.settled, outputs }
  }

  // -------------------------------------------------------------------------
  // changing
  // -------------------------------------------------------------------------

  /** What can be given to `undoTo`. */
  mark(): number {
    return this.undoing.length
  }

  /** They do not conflict. If it throws, `undoTo` takes back what it has done so far. */
  apply(changes: Mailboxes.Changes, version: number): Mailed {
    this.version = version
    this.changes = []
    this.arriving = new Arriving()
    Mailboxes.apply(this.tables, changes)
    return { changes: this.changes, arrived: this.arriving.told }
  }

  undoTo(mark: number): void {
    for (let undo = this.undoing.length; undo > mark; undo--) this.undoing.pop()?.()
  }

  /** Takes back what is not durable. */
  takeBack(): void {
    this.undoTo(0)
    this.tidy()
  }

  /** Everything has become durable. */
  durable(): void {
    this.undoing = []
    this.tidy()
    if (this.forgotten > 1024 && this.forgotten * 2 > this.settled.length) {
      this.settled.splice(0, this.forgotten)
      this.forgotten = 0
    }
  }

  private tidy(): void {
    if (this.touched.size === 0) return
    for (const box of this.touched) {
      const { entries } = box
      while (entries[box.head]?.taken === true) box.head++
      if (box.size === 0) {
        if (this.boxes.get(box.id.value) === box) this.boxes.delete(box.id.value)
      } else if (box.head > 64 && box.head * 2 > entries.length) {
        entries.splice(0, box.head)
        box.head = 0
      }
    }
    this.touched.clear()
  }

  announce(arrived: Mailboxes.Arrived): void {
    const { mailboxes, outputs, settled, taken } = arrived
    if (mailboxes.length + taken.length + settled.length + outputs.length === 0) return
    for (const listener of [...this.listeners]) listener(arrived)
  }

  private touch(box: Box): void {
    const before = box.touched
    box.touched = this.version
    this.touched.add(box)
    this.undoing.push(() => {
      box.touched = before
    })
  }

  private setPromise(id: ObjectId.ObjectId, promised: Promised): void {
    const key = id.value
    const before = this.promises.get(key)
    this.promises.set(key, promised)
    this.undoing.push(() => void (before === undefined ? this.promises.delete(key) : this.promises.set(key, before)))
  }

  private forgetOldest(): void {
    const oldest = this.settled[this.forgotten]
    const known = oldest === undefined ? undefined : this.promises.get(oldest.value)
    if (oldest === undefined || known === undefined) return
    this.promises.delete(oldest.value)
    this.forgotten++
    this.changes.push({ _tag: "PromiseForgotten", id: oldest.value })
    this.undoing.push(() => {
      this.promises.set(oldest.value, known)
      this.forgotten--
    })
  }

  private readonly tables: Mailboxes.Tables = {
    size: (to) => this.size(to),
    has: ({ id }) => this.queued.has(id.value),
    remove: ({ id }) => {
      const entry = this.queued.get(id.value)
      const box = entry === undefined ? undefined : this.boxes.get(entry.message.to.value)
      if (entry === undefined || box === undefined) {
        throw new Error(`commit: the message ${id.value} is taken, but is not there`)
      }
      this.touch(box)
      this.queued.delete(id.value)
      entry.taken = true
      box.size--
      this.undoing.push(() => {
        entry.taken = false
        box.size++
        this.queued.set(id.value, entry)
      })
      this.changes.push({ _tag: "MessageGone", ordinal: entry.ordinal })
      this.arriving.taken.set(box.id.value, box.id)
    },
    append: (message) => {
      const { version } = this
      const ordinal = ++this.ordinal
      const before = this.queued.get(message.id.value)
      const box = this.add({ message, version, ordinal, taken: false })
      this.touch(box)
      this.undoing.push(() => {
        box.entries.pop()
        box.size--
        if (before === undefined) this.queued.delete(message.id.value)
        else this.queued.set(message.id.value, before)
      })
      this.changes.push({ _tag: "MessageCame", ordinal, version, message })
      this.arriving.mailboxes.set(box.id.value, box.id)
    },
    promised: (id) => this.promised(id),
    promise: (id) => {
      this.setPromise(id, { promised: pending, waiting: [], touched: this.version })
      this.changes.push({ _tag: "PromiseMade", id })
    },
    wait: (promise, waiting) => {
      const open = this.promises.get(promise.value)
      // Only what is pending is waited for.
      if (open?.promised !== pending) return
      const before = open.touched
      open.touched = this.version
      open.waiting.push(waiting)
      this.undoing.push(() => {
        open.waiting.pop()
        open.touched = before
      })
      this.changes.push({ _tag: "PromiseAwaited", ordinal: ++this.ordinal, promise, waiting })
    },
    settle: (id, answer) => {
      const waiting = this.promises.get(id.value)?.waiting ?? []
      this.setPromise(id, { promised: Option.some(answer), waiting: [], touched: this.version })
      this.settled.push(id)
      this.undoing.push(() => void this.settled.pop())
      this.changes.push({ _tag: "PromiseSettled", ordinal: ++this.ordinal, id, answer })
      if (this.settled.length - this.forgotten > keptAnswers) this.forgetOldest()
      this.arriving.settled.push(id)
      return waiting
    },
    hasOutput: ({ key }) => this.outputs.has(key),
    addOutput: (output) => {
      const ordinal = ++this.ordinal
      this.put(this.outputs, output.key, { ordinal, value: output })
      this.changes.push({ _tag: "OutputCame", ordinal, output })
      this.arriving.outputs.push(output)
    },
    removeOutput: ({ key }) => {
      const known = this.drop(this.outputs, key)
      if (known !== undefined) this.changes.push({ _tag: "OutputGone", ordinal: known.ordinal })
    },
    hasDeadLetter: ({ message }) => this.letters.has(message.id.value),
    addDeadLetter: (letter) => {
      const ordinal = ++this.ordinal
      this.put(this.letters, letter.message.id.value, { ordinal, value: letter })
      this.changes.push({ _tag: "LetterCame", ordinal, letter })
    },
    removeDeadLetter: ({ message }) => {
      const known = this.drop(this.letters, message.id.value)
      if (known !== undefined) this.changes.push({ _tag: "LetterGone", ordinal: known.ordinal })
    }
  }

  private put<A>(table: Map<string, Numbered<A>>, key: string, row: Numbered<A>): void {
    const before = table.get(key)
    table.set(key, row)
    this.undoing.push(() => void (before === undefined ? table.delete(key) : table.set(key, before)))
  }

  private drop<A>(table: Map<string, Numbered<A>>, key: string): Numbered<A> | undefined {
    const known = table.get(key)
    if (known === undefined) return undefined
    table.delete(key)
    this.undoing.push(() => void table.set(key, known))
    return known
  }
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

/** What a commit brings, while it is applied. */
class Arriving {
  readonly mailboxes = new Map<string, ObjectId.ObjectId>()
  readonly taken = new Map<string, ObjectId.ObjectId>()
  readonly settled: Array<ObjectId.ObjectId> = []
  readonly outputs: Array<Mailboxes.Output> = []
  get told(): Mailboxes.Arrived {
    const { mailboxes, outputs, settled, taken } = this
    return { mailboxes: [...mailboxes.values()], taken: [...taken.values()], settled, outputs }
  }
}

/** The messages that were not taken, next first. */
function* remaining({ entries, head }: Box): Generator<Entry> {
  for (let n = head; n < entries.length; n++) {
    const entry = entries[n]
    if (entry !== undefined && !entry.taken) yield entry
  }
}

const none: ReadonlyArray<ObjectId.ObjectId> = []

const inOrder = <A>(table: ReadonlyMap<string, Numbered<A>>): ReadonlyArray<A> =>
  [...table.values()].sort((a, b) => a.ordinal - b.ordinal).map(({ value }) => value)
