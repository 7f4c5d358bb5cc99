/**
 * Readers of a trace: each has a buffer of its own, and is told what it has missed.
 *
 * An entry is published by a plain function call. Where nobody reads, that is a number counted on.
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { isObjectId, type ObjectId } from "../ObjectId.js"
import type { FollowOptions, Missed, Numbered, Query, Traced } from "../Trace.js"
import type { TraceEntry, TraceEvent } from "../TraceEvent.js"
import type { TxId } from "../TxId.js"
import { traceEntry } from "./trust.js"

export interface Hub {
  readonly publish: (execution: string, entry: TraceEntry, tx: TxId | undefined) => void
  /** Everything that comes, however much of it waits. */
  readonly all: Stream.Stream<Traced>
  /** `kept` answers what is kept of what came after a number. */
  readonly follow: (
    options: FollowOptions,
    kept: (after: number) => ReadonlyArray<Numbered>
  ) => Stream.Stream<Numbered | Missed>
}

/** Its readers come to their end with the scope. */
export const make: Effect.Effect<Hub, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => new Readers()),
  (readers) => Effect.sync(() => readers.close())
)

export const nothingKept = (): ReadonlyArray<Numbered> => []

const defaultCapacity = 1024

// ---------------------------------------------------------------------------
// questions
// ---------------------------------------------------------------------------

export const matches = (query: Query, { entry, execution, tx }: Omit<Numbered, "number">): boolean =>
  (query.execution === undefined || query.execution === execution) &&
  (query.events === undefined || query.events.includes(entry.event._tag)) &&
  (query.tx === undefined || Option.contains(tx, query.tx)) &&
  (query.object === undefined || names(entry.event, query.object))

/** Whether the event is about the object; an error is about those that it carries. */
const names = (event: TraceEvent, { value }: ObjectId): boolean => {
  const about = (u: unknown): boolean => isObjectId(u) && u.value === value
  if (Object.values(event).some(about)) return true
  return event._tag === "ErrorOccurred" && typeof event.error === "object" && event.error !== null &&
    Object.values(event.error).some(about)
}

/** The transaction of an entry: the end of one comes when it is open no more. */
const numbered = (number: number, execution: string, entry: TraceEntry, tx: TxId | undefined): Numbered => ({
  number,
  execution,
  tx: Option.fromNullable(tx ?? ("tx" in entry.event ? entry.event.tx : undefined)),
  entry
})

// ---------------------------------------------------------------------------
// readers
// ---------------------------------------------------------------------------

type Item = Numbered | Missed

class Readers implements Hub {
  private last = 0
  private closed = false
  private readonly readers = new Set<Reader>()

  publish(execution: string, entry: TraceEntry, tx: TxId | undefined): void {
    this.last++
    if (this.readers.size === 0) return
    const item = numbered(this.last, execution, entry, tx)
    for (const reader of this.readers) if (matches(reader.query, item)) reader.offer(item)
  }

  get all(): Stream.Stream<Traced> {
    // Its buffer has no bound, so that nothing is ever missed.
    return Stream.filterMap(
      this.read(() => new Reader({}, Number.POSITIVE_INFINITY, [])),
      (item) => "_tag" in item ? Option.none() : Option.some<Traced>([item.execution, item.entry])
    )
  }

  follow(
    { after, capacity = defaultCapacity, ...query }: FollowOptions,
    kept: (after: number) => ReadonlyArray<Numbered>
  ): Stream.Stream<Item> {
    if (!Number.isInteger(capacity) || capacity < 1) {
      return Stream.die(new RangeError(`The capacity of a reader is a positive integer, not ${capacity}`))
    }
    return this.read(() => {
      // What is kept is there all the same: it takes no room in the buffer.
      const found = after === undefined ? [] : kept(after)
      const gone = after === undefined ? 0 : Math.max(0, (found[0]?.number ?? this.last + 1) - 1 - Math.max(0, after))
      const first = found.filter((item) => matches(query, item))
      return new Reader(query, capacity, gone === 0 ? first : [missed(gone), ...first])
    })
  }

  close(): void {
    this.closed = true
    for (const reader of this.readers) reader.end()
    this.readers.clear()
  }

  private read(make: () => Reader): Stream.Stream<Item> {
    const register = Effect.sync(() => {
      const reader = make()
      if (this.closed) reader.end()
      else this.readers.add(reader)
      return reader
    })
    return Stream.unwrapScoped(Effect.map(
      Effect.acquireRelease(register, (reader) => Effect.sync(() => this.readers.delete(reader))),
      (reader) => Stream.repeatEffectChunkOption(reader.take)
    ))
  }
}

/** A ring, which is written from its start again once it is full. */
class Reader {
  private start = 0
  private missed = 0
  private ended = false
  private waiting: (() => void) | undefined
  private buffer: Array<Numbered> = []

  constructor(
    readonly query: Query,
    private readonly capacity: number,
    /** What is there before anything comes. */
    private first: ReadonlyArray<Item>
  ) {}

  offer(item: Numbered): void {
    if (this.buffer.length < this.capacity) this.buffer.push(item)
    else {
      this.buffer[this.start] = item
      this.start = (this.start + 1) % this.capacity
      this.missed++
    }
    this.waiting?.()
  }

  end(): void {
    this.ended = true
    this.waiting?.()
  }

  /** All that waits, once something does. */
  readonly take: Effect.Effect<Chunk.Chunk<Item>, Option.Option<never>> = Effect.suspend(() => {
    const taken = this.taken()
    if (taken !== undefined) return taken
    return Effect.async<Chunk.Chunk<Item>, Option.Option<never>>((resume) => {
      this.waiting = () => {
        this.waiting = undefined
        // By the time the reader goes on, more may have come.
        resume(this.take)
      }
      return Effect.sync(() => {
        this.waiting = undefined
      })
    })
  })

  private taken(): Exit.Exit<Chunk.Chunk<Item>, Option.Option<never>> | undefined {
    const { buffer, first, missed: count, start } = this
    if (first.length + buffer.length === 0) return this.ended ? Exit.fail(Option.none()) : undefined
    const lost = count === 0 ? [] : [missed(count)]
    this.first = []
    this.buffer = []
    this.start = 0
    this.missed = 0
    return Exit.succeed(
      Chunk.unsafeFromArray([...first, ...lost, ...buffer.slice(start), ...buffer.slice(0, start)])
    )
  }
}

const missed = (count: number): Missed => ({ _tag: "Missed", count })

// ---------------------------------------------------------------------------
// what is kept
// ---------------------------------------------------------------------------

export interface Ring {
  readonly push: (execution: string, entry: TraceEntry, tx: TxId | undefined) => void
  /** What is left of those that came after this number, oldest first. */
  readonly after: (number: number) => ReadonlyArray<Numbered>
}

/** The last entries, in columns: an object that is kept costs more than one that is not. */
export const makeRing = (capacity: number): Ring => {
  const executions: Array<string> = []
  const timestamps: Array<number> = []
  const events: Array<TraceEvent> = []
  const controllers: Array<TraceEntry["executingController"]> = []
  const txs: Array<TxId | undefined> = []
  let last = 0
  let next = 0
  return {
    push: (execution, { event, executingController, timestamp }, tx) => {
      last++
      if (!(capacity > 0)) return
      executions[next] = execution
      timestamps[next] = timestamp
      events[next] = event
      controllers[next] = executingController
      txs[next] = tx
      if (++next >= capacity) next = 0
    },
    after: (number) => {
      const kept = events.length
      const count = Math.max(0, Math.min(kept, last - number))
      return Array.from({ length: count }, (_, n) => {
        const at = (next - count + n + kept) % kept
        // There is one at each place of the ring.
        const [timestamp, event, controller] = [timestamps[at], events[at], controllers[at]] as [
          number,
          TraceEvent,
          TraceEntry["executingController"]
        ]
        return numbered(
          last - count + 1 + n,
          executions[at] as string,
          traceEntry(timestamp, event, controller),
          txs[at]
        )
      })
    }
  }
}
