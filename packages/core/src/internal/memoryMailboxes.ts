/**
 * The messages of the memory store: a queue for each mailbox and each pending promise, and the answers of those settled.
 *
 * The memory store applies their changes in its own commit; the port `Mailboxes` reads them. Pinned by the law suite
 * `MailboxesLaws` of the testkit.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { StoreError } from "../AvmError.js"
import type * as Mailboxes from "../Mailboxes.js"
import { waitFor } from "../Mailboxes.js"
import type { ObjectId } from "../ObjectId.js"
import * as delivery from "./delivery.js"
import { withDirect } from "./direct.js"
import { Fifo } from "./fifo.js"
import type { Step } from "./sync.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/** A message in its mailbox, by the commit that brought it there. */
interface Entry {
  readonly message: Mailboxes.Message
  readonly commit: number
  /** Greater than that of every entry before it, in whatever mailbox. */
  readonly order: number
  taken: boolean
}

interface Box {
  readonly id: ObjectId
  /** Entries that were taken out of the middle stay until they are at the head. */
  readonly entries: Fifo<Entry>
  size: number
}

interface Settled {
  readonly promised: Mailboxes.Promised
  readonly waiting: ReadonlyArray<Mailboxes.Message | Mailboxes.Forward>
}

interface Open {
  readonly promised: Mailboxes.Promised
  readonly waiting: Array<Mailboxes.Message | Mailboxes.Forward>
}

/** What is asked for each turn, at once. */
export interface DirectMailboxes {
  readonly peek: (
    to: ObjectId,
    options?: Mailboxes.PeekOptions
  ) => Step<ReadonlyArray<Mailboxes.Message>, StoreError>
  readonly size: (to: ObjectId) => Step<number, StoreError>
}

/** What the memory store has of messages. */
export interface MemoryMailboxes {
  readonly service: Mailboxes.Service
  readonly conflicts: (changes: Mailboxes.Changes) => ReadonlyArray<ObjectId>
  readonly untilConflict: (changes: Mailboxes.Changes) => Effect.Effect<void>
  /** Applies them, and tells the listeners what has arrived. */
  readonly apply: (changes: Mailboxes.Changes, commit: number) => void
}

/** Settled promises that are kept. */
const keptAnswers = 1 << 17

const pending: Mailboxes.Promised = Option.some({ _tag: "Pending" })
const nothing: ReadonlyArray<never> = []

// ---------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------

export const make = (): MemoryMailboxes => {
  const boxes = new Map<string, Box>()
  const queued = new Map<string, Entry>()
  const promises = new Map<string, Open | Settled>()
  const settledInOrder = new Fifo<string>()
  const outputs = new Map<string, Mailboxes.Output>()
  const deadLetters = new Map<string, Mailboxes.DeadLetter>()
  const listeners = new Set<(arrived: Mailboxes.Arrived) => void>()
  let commit = 0
  let order = 0
  let arrived: Arriving | undefined

  const arriving = (): Arriving => arrived ??= { mailboxes: new Map(), taken: new Map(), settled: [], outputs: [] }

  const tables: delivery.Tables = {
    size: (to) => boxes.get(to.value)?.size ?? 0,
    has: (message) => queued.has(message.id.value),
    remove: (message) => {
      const entry = queued.get(message.id.value)
      if (entry === undefined) throw new Error(`commit: the message ${message.id.value} is taken, but is not there`)
      queued.delete(message.id.value)
      entry.taken = true
      // It is in the mailbox that it was brought to.
      const box = boxes.get(entry.message.to.value) as Box
      box.size--
      while (box.entries.at(0)?.taken === true) box.entries.shift()
      if (box.size === 0) boxes.delete(box.id.value)
      if (listeners.size > 0) arriving().taken.set(box.id.value, box.id)
    },
    append: (message) => {
      let box = boxes.get(message.to.value)
      if (box === undefined) {
        boxes.set(message.to.value, box = { id: message.to, entries: new Fifo(), size: 0 })
      }
      const entry: Entry = { message, commit, order: order++, taken: false }
      box.entries.push(entry)
      box.size++
      queued.set(message.id.value, entry)
      if (listeners.size > 0) arriving().mailboxes.set(box.id.value, box.id)
    },
    promised: (id) => promises.get(id.value)?.promised ?? Option.none(),
    promise: (id) => void promises.set(id.value, { promised: pending, waiting: [] }),
    wait: (promise, waiting) => {
      const open = promises.get(promise.value)
      // Only what is pending is waited for.
      if (open?.promised === pending) (open as Open).waiting.push(waiting)
    },
    settle: (promise, answer) => {
      const waiting = promises.get(promise.value)?.waiting ?? nothing
      promises.set(promise.value, { promised: Option.some(answer), waiting: nothing })
      settledInOrder.push(promise.value)
      if (settledInOrder.length > keptAnswers) promises.delete(settledInOrder.shift() as string) // it is longer than that
      if (listeners.size > 0) arriving().settled.push(promise)
      return waiting
    },
    hasOutput: (output) => outputs.has(output.key),
    addOutput: (output) => {
      outputs.set(output.key, output)
      if (listeners.size > 0) arriving().outputs.push(output)
    },
    removeOutput: (output) => void outputs.delete(output.key),
    hasDeadLetter: (letter) => deadLetters.has(letter.message.id.value),
    addDeadLetter: (letter) => void deadLetters.set(letter.message.id.value, letter),
    removeDeadLetter: (letter) => void deadLetters.delete(letter.message.id.value)
  }

  const peek = (
    to: ObjectId,
    { limit = Number.POSITIVE_INFINITY, skip = 0, until }: Mailboxes.PeekOptions = {}
  ): ReadonlyArray<Mailboxes.Message> => {
    const box = boxes.get(to.value)
    if (box === undefined) {
      const waiting = promises.get(to.value)?.waiting ?? nothing
      return waiting.filter((_): _ is Mailboxes.Message => !("promise" in _)).slice(skip, skip + limit)
    }
    const found: Array<Mailboxes.Message> = []
    let left = skip
    for (let n = 0; n < box.entries.length && found.length < limit; n++) {
      const entry = box.entries.at(n) as Entry // it is shorter than that
      if (entry.taken) continue
      if (until !== undefined && entry.commit > until.version) break
      if (left > 0) left--
      else found.push(entry.message)
    }
    return found
  }

  const service: Mailboxes.Service = {
    waiting: Effect.sync(() =>
      [...boxes.values()].sort((a, b) => (a.entries.at(0)?.order ?? 0) - (b.entries.at(0)?.order ?? 0)).map((_) => _.id)
    ),
    peek: (to, options) => Effect.sync(() => peek(to, options)),
    size: (to) => Effect.sync(() => tables.size(to)),
    promised: (promise) => Effect.sync(() => tables.promised(promise)),
    deadLetters: Effect.sync(() => [...deadLetters.values()]),
    outputs: Effect.sync(() => [...outputs.values()]),
    listen: (listener) =>
      Effect.asVoid(Effect.acquireRelease(
        Effect.sync(() => {
          // One of its own, so that whoever listens twice is told twice.
          const own = (arrived: Mailboxes.Arrived) => listener(arrived)
          listeners.add(own)
          return own
        }),
        (own) => Effect.sync(() => listeners.delete(own))
      ))
  }

  const direct: DirectMailboxes = {
    peek: (to, options) => peek(to, options),
    size: (to) => tables.size(to)
  }

  return {
    service: withDirect(service, direct),
    conflicts: (changes) => delivery.conflicts(tables, changes),
    untilConflict: (changes) =>
      waitFor(
        service,
        () => true,
        Effect.sync(() => delivery.conflicts(tables, changes).length > 0 ? Option.some(undefined) : Option.none())
      ),
    apply: (changes, number) => {
      commit = number
      delivery.apply(tables, changes)
      if (arrived === undefined) return
      const { mailboxes, outputs, settled, taken } = arrived
      arrived = undefined
      const told = { mailboxes: [...mailboxes.values()], taken: [...taken.values()], settled, outputs }
      for (const listener of [...listeners]) listener(told)
    }
  }
}

interface Arriving {
  readonly mailboxes: Map<string, ObjectId>
  readonly taken: Map<string, ObjectId>
  readonly settled: Array<ObjectId>
  readonly outputs: Array<Mailboxes.Output>
}
