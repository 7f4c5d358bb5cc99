/** Histories written by hand: each line of a test is one thing that was asked and answered. */
import type { History } from "@effect-avm/testkit/History"

type Read = { -readonly [K in keyof History[number]]: History[number][K] }

/** A transaction that is being written down. */
export class Hand {
  constructor(private readonly book: Book, private readonly record: Read) {}

  read(object: string, value: string): this {
    this.record.reads = [...this.record.reads, { object, part: "state", value, relied: true }]
    return this
  }

  /** What was returned along with something else, and not asked for. */
  glimpse(object: string, value: string): this {
    this.record.reads = [...this.record.reads, { object, part: "state", value, relied: false }]
    return this
  }

  write(object: string, value: string): this {
    this.record.writes = [...this.record.writes, { object, part: "state", value }]
    return this
  }

  create(object: string, value: string): this {
    this.record.writes = [
      ...this.record.writes,
      { object, part: "existence", value: "born" },
      { object, part: "metadata" },
      { object, part: "state", value }
    ]
    return this
  }

  destroy(object: string): this {
    this.record.writes = [...this.record.writes, { object, part: "existence", value: "gone" }]
    return this
  }

  /** Saw these objects as these commits left them; the predicate holds of these versions. */
  scan(saw: Readonly<Record<string, number>>, ...matching: ReadonlyArray<string>): this {
    this.record.scans = [
      ...this.record.scans,
      { saw: Object.entries(saw).map(([object, version]) => ({ object, version })), matching }
    ]
    return this
  }

  /** It has its snapshot only now. */
  answered(): this {
    this.record.snapshot = { from: this.record.snapshot.from, to: this.book.span().to }
    return this
  }

  /** Adds to the history of the object. */
  accept(object: string): this {
    this.record.accepted = [...this.record.accepted ?? [], object]
    return this
  }

  /** Answers the number of the commit. */
  commit(): number {
    this.record.commit = this.book.span()
    const number = ++this.book.commits
    this.record.outcome = { _tag: "Committed", number }
    return number
  }

  refused(): void {
    this.record.commit = this.book.span()
    this.record.outcome = { _tag: "Refused" }
  }
}

export class Book {
  commits = 0
  readonly history: Array<Read> = []
  private clock = 0

  span(): { readonly from: number; readonly to: number } {
    return { from: this.clock++, to: this.clock++ }
  }

  begin(name: string): Hand {
    const record: Read = {
      name,
      label: "",
      snapshot: this.span(),
      reads: [],
      scans: [],
      writes: [],
      outcome: { _tag: "Ended" }
    }
    this.history.push(record)
    return new Hand(this, record)
  }
}

/** With the objects x and y, which T0 has created as x0 and y0: commit 1. */
export const book = (): Book => {
  const started = new Book()
  started.begin("T0").create("x", "x0").create("y", "y0").commit()
  return started
}
