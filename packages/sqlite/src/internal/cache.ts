/**
 * What is known of the objects without asking the file: the newest version of those that were used lately, and the older
 * versions that a snapshot which is held can still see.
 *
 * Invariants, pinned by `test/sqlite/Cache.test.ts` and the law suite of the store:
 *
 * - an object of which nothing is known here has not changed since the oldest snapshot that is held: what the file has is
 *   what every snapshot sees. So only an entry of one version, written, and not younger than that snapshot, may go.
 * - the newest version that is durable stays as long as younger ones are not.
 * - beyond the snapshots that are held, memory is bounded by `capacity`, in estimated bytes.
 */
import type { ObjectStore } from "@effect-avm/core"
import type * as Option from "effect/Option"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/** `commit` is the number of the commit that wrote it. */
export interface Version {
  readonly commit: number
  readonly stored: Option.Some<ObjectStore.Stored>
  previous: Version | undefined
}

/** What of an object has yet to be written. */
export const Part = { state: 1, rest: 2, creation: 4, accepted: 8 } as const

export class Entry {
  dirty = 0
  /** The newest entry of its history that is durable; null without any. */
  accepted: number | null = null
  /** The length of its encoded state, once it has one. */
  bytes = 0
  /** By which it is counted in the sum of the cache. */
  weight = 0
  used = true
  constructor(
    readonly key: string,
    /** Where it stands in the order of creation, and its number in the file. */
    readonly ordinal: number,
    readonly created: number,
    public head: Version
  ) {}
}

/** Commit `by` made a version of `entry`, which snapshots from before do not see. */
interface Change {
  readonly entry: Entry
  readonly by: number
}

/** An entry without its state: the map, the entry, the version, the metadata. Measured once, as the factor is. */
const entryBytes = 1100
const bytesPerEncodedByte = 4

// ---------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------

export class Cache {
  readonly entries = new Map<string, Entry>()
  /** In the order of commits, those that the oldest snapshot held does not see. */
  private changes: Array<Change> = []
  private firstChange = 0
  /** Those that have accepted a message that is not durable. */
  private readonly accepting: Array<Entry> = []
  /** In order of taking, hence of version: the first key is the oldest snapshot held. */
  private readonly held = new Map<number, number>()
  private hand: IterableIterator<Entry> = this.entries.values()
  private weight = 0
  /** Entries that have come, or have become such as may go, since the last look. */
  private loose = 0
  /** Up to which the changes have been forgotten. */
  private horizon = 0

  constructor(private readonly capacity: number, public durable: number) {}

  // -------------------------------------------------------------------------
  // snapshots
  // -------------------------------------------------------------------------

  hold(version: number): void {
    this.held.set(version, (this.held.get(version) ?? 0) + 1)
  }

  /** Whether it was held. */
  release(version: number): boolean {
    const count = this.held.get(version)
    if (count === undefined) return false
    if (count > 1) this.held.set(version, count - 1)
    else {
      this.held.delete(version)
      this.trim()
      this.shrink()
    }
    return true
  }

  get oldestHeld(): number {
    for (const version of this.held.keys()) return version
    return Number.POSITIVE_INFINITY
  }

  /** The oldest version that anybody may ask for, or that a failed write falls back to. */
  private get limit(): number {
    return Math.min(this.oldestHeld, this.durable)
  }

  /** Forgets the versions that nobody can ask for any more. */
  trim(): void {
    const limit = this.limit
    while (this.firstChange < this.changes.length) {
      const change = this.changes[this.firstChange]
      if (change === undefined || change.by > limit) break
      const visible = at(change.entry, limit)
      if (visible !== undefined) visible.previous = undefined
      this.horizon = change.by
      this.firstChange++
      // It may go now, if it has to.
      this.loose++
    }
    if (this.firstChange === this.changes.length) {
      this.changes = []
      this.firstChange = 0
    } else if (this.firstChange > 1024 && this.firstChange * 2 > this.changes.length) {
      this.changes.splice(0, this.firstChange)
      this.firstChange = 0
    }
  }

  /** The entries with a version younger than `version`; undefined where that has been forgotten. */
  since(version: number): ReadonlySet<Entry> | undefined {
    if (version < this.horizon) return undefined
    const found = new Set<Entry>()
    for (let n = this.changes.length - 1; n >= this.firstChange; n--) {
      const change = this.changes[n]
      if (change === undefined || change.by <= version) break
      found.add(change.entry)
    }
    return found
  }

  // -------------------------------------------------------------------------
  // entries
  // -------------------------------------------------------------------------

  get(key: string): Entry | undefined {
    const entry = this.entries.get(key)
    if (entry !== undefined) entry.used = true
    return entry
  }

  add(entry: Entry): void {
    this.entries.set(entry.key, entry)
    this.weigh(entry)
    this.loose++
  }

  /** A new version, which becomes the newest one. */
  put(entry: Entry, commit: number, stored: Option.Some<ObjectStore.Stored>, dirty: number): void {
    entry.head = { commit, stored, previous: entry.head }
    entry.dirty |= dirty
    this.changes.push({ entry, by: commit })
  }

  /** It has accepted a message, which makes no version of it. */
  accept(entry: Entry): void {
    entry.dirty |= Part.accepted
    this.accepting.push(entry)
  }

  /** What has accepted only is written as well, and may go if it has to. */
  written(): void {
    this.loose += this.accepting.length
    this.accepting.length = 0
  }

  /** An object that has not been there before. */
  create(entry: Entry): void {
    entry.dirty = Part.creation
    this.changes.push({ entry, by: entry.head.commit })
    this.add(entry)
  }

  /** Its state has been written, and so it is known how long it is. */
  weigh(entry: Entry): void {
    const weight = entryBytes + entry.bytes * bytesPerEncodedByte
    this.weight += weight - entry.weight
    entry.weight = weight
  }

  /** Takes back every version that is not durable. */
  undo(): void {
    const kept: Array<Change> = []
    for (let n = this.firstChange; n < this.changes.length; n++) {
      const change = this.changes[n]
      if (change === undefined) break
      if (change.by <= this.durable) {
        kept.push(change)
        continue
      }
      const { entry } = change
      entry.dirty = 0
      const durable = at(entry, this.durable)
      if (durable === undefined) this.remove(entry)
      else entry.head = durable
    }
    this.changes = kept
    this.firstChange = 0
    for (const entry of this.accepting) entry.dirty = 0
    this.accepting.length = 0
  }

  /** Forgets everything, snapshots as well: the file is what is. */
  clear(): void {
    this.entries.clear()
    this.held.clear()
    this.accepting.length = 0
    this.changes = []
    this.firstChange = 0
    this.weight = 0
    this.hand = this.entries.values()
  }

  // -------------------------------------------------------------------------
  // bounds
  // -------------------------------------------------------------------------

  private remove(entry: Entry): void {
    if (this.entries.get(entry.key) !== entry) return
    this.entries.delete(entry.key)
    this.weight -= entry.weight
  }

  /**
   * At the end of each operation, so that none loses an entry that it works on. The hand of a clock goes round: who was
   * not used since it came by last has to go.
   */
  shrink(): void {
    // A few steps for each: where nothing may go, nothing is searched in vain.
    const most = this.loose * 8
    this.loose = 0
    if (this.weight <= this.capacity) return
    const limit = this.limit
    for (let steps = 0; steps < most && this.weight > this.capacity; steps++) {
      const next = this.hand.next()
      if (next.done === true) {
        this.hand = this.entries.values()
        continue
      }
      const entry = next.value
      if (entry.used) entry.used = false
      else if (entry.dirty === 0 && entry.head.previous === undefined && entry.head.commit <= limit) this.remove(entry)
    }
  }
}

/** The version that a snapshot sees; none of an object that was not there. */
export const at = (entry: Entry, snapshot: number): Version | undefined => {
  let version: Version | undefined = entry.head
  while (version !== undefined && version.commit > snapshot) version = version.previous
  return version
}
