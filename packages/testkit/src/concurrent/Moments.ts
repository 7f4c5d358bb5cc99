/**
 * As of which moment, in numbers of commits, each transaction saw the store.
 *
 * A moment is found from what was read: not before the last version seen, nor before anything that had been answered when
 * the snapshot was asked for; and before the first version that overwrote one of those seen.
 *
 * @since 0.1.0
 */
import type { History, Part, Transaction } from "../History.js"
import { lifeOf, type Version, type Versions } from "./Versions.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * A part that was read, and who wrote it, or was to write it next.
 *
 * @since 0.1.0
 * @category models
 */
export interface Sight {
  readonly object: string
  readonly part: Part
  readonly number: number
  readonly by: Transaction | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Violation {
  readonly kind: "dirty read" | "future read" | "read skew" | "stale read"
  readonly transaction: Transaction
  /** The newest version seen. */
  readonly newer: Sight | undefined
  /** The version seen that was the first to be overwritten. */
  readonly older: Sight | undefined
}

/**
 * Where a transaction stands in the serial order: its commit's number, else the moment of its snapshot.
 *
 * @since 0.1.0
 * @category models
 */
export type Moments = ReadonlyMap<Transaction, number>

// ---------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------

/**
 * Goes through all that was asked and answered in the order of the clock.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  nodes: History,
  versions: Versions
): { readonly moments: Moments; readonly violations: ReadonlyArray<Violation> } => {
  const moments = new Map<Transaction, number>()
  const violations: Array<Violation> = []
  const floors = new Map<Transaction, number>()
  // The latest moment that anybody is known to have seen or made.
  let passed = 0

  const settle = (transaction: Transaction): void => {
    const floor = floors.get(transaction) ?? 0
    const { newer, older, uncommitted } = sightsOf(transaction, versions)
    let moment = floor
    if (uncommitted !== undefined) {
      violations.push({ kind: "dirty read", transaction, newer: uncommitted, older: undefined })
    } else if (newer !== undefined && older !== undefined && newer.number >= older.number) {
      violations.push({ kind: "read skew", transaction, newer, older })
    } else if (newer !== undefined && began(newer.by) > transaction.snapshot.to) {
      violations.push({ kind: "future read", transaction, newer, older: undefined })
    } else if (older !== undefined && older.number <= floor) {
      violations.push({ kind: "stale read", transaction, newer: undefined, older })
    } else moment = Math.max(floor, newer?.number ?? 0)
    passed = Math.max(passed, moment)
    if (transaction.outcome._tag !== "Committed") moments.set(transaction, moment)
  }

  for (const { at, tick } of agenda(nodes)) {
    const { outcome } = at
    if (tick === "asked") floors.set(at, passed)
    else if (tick === "committed" && outcome._tag === "Committed") {
      passed = Math.max(passed, outcome.number)
      moments.set(at, outcome.number)
    } else if (tick === "answered" && !isValidated(at)) settle(at)
  }
  return { moments, violations }
}

interface Entry {
  readonly at: Transaction
  readonly time: number
  readonly tick: "asked" | "answered" | "committed"
}

const agenda = (nodes: History): ReadonlyArray<Entry> =>
  nodes.flatMap((at): ReadonlyArray<Entry> => [
    { at, time: at.snapshot.from, tick: "asked" },
    { at, time: at.snapshot.to, tick: "answered" },
    ...at.commit === undefined ? [] : [{ at, time: at.commit.to, tick: "committed" as const }]
  ]).sort((a, b) => a.time - b.time)

const began = (transaction: Transaction | undefined): number =>
  transaction === undefined ? 0 : (transaction.commit ?? transaction.snapshot).from

// ---------------------------------------------------------------------------
// what was seen
// ---------------------------------------------------------------------------

interface Sights {
  readonly newer: Sight | undefined
  readonly older: Sight | undefined
  readonly uncommitted: Sight | undefined
}

const sightsOf = (transaction: Transaction, versions: Versions): Sights => {
  let newer: Sight | undefined
  let older: Sight | undefined
  let uncommitted: Sight | undefined
  const enter = (object: string, part: Part, seen: Version | undefined, next: Version | undefined) => {
    if (seen?.writer !== undefined && (newer === undefined || seen.number > newer.number)) {
      newer = { object, part, number: seen.number, by: seen.writer }
    }
    if (next !== undefined && (older === undefined || next.number < older.number)) {
      older = { object, part, number: next.number, by: next.writer }
    }
  }
  for (const read of transaction.reads) {
    const { object, part } = read
    const resolved = versions.resolve(read)
    if (resolved._tag === "Uncommitted") uncommitted ??= { object, part, number: 0, by: resolved.writer }
    else enter(object, part, resolved.chain[resolved.index], resolved.chain[resolved.index + 1])
  }
  for (const { saw } of transaction.scans) {
    for (const { object, version } of saw) {
      const life = lifeOf(versions, object)
      const index = life.findIndex(({ number }) => number === version)
      if (index !== -1) enter(object, "metadata", life[index], life[index + 1])
    }
  }
  return { newer, older, uncommitted }
}

// ---------------------------------------------------------------------------
// operations
// ---------------------------------------------------------------------------

/**
 * Whoever saw what a commit did comes after it; of those, who began first.
 *
 * @since 0.1.0
 * @category operations
 */
export const compare = (moments: Moments, a: Transaction, b: Transaction): number =>
  (moments.get(a) ?? 0) - (moments.get(b) ?? 0) ||
  Number(b.outcome._tag === "Committed") - Number(a.outcome._tag === "Committed") ||
  a.snapshot.from - b.snapshot.from

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

/** A commit outside transactions stands where it committed: when it had read what it says it had is its own affair. */
const isValidated = ({ commit, outcome, snapshot }: Transaction): boolean =>
  outcome._tag === "Committed" && commit?.from === snapshot.from
