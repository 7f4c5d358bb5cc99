/**
 * The variables of a program (A23), and of its transactions.
 *
 * A transaction works on the program's own space, marked where it began to; abort undoes it to the mark, commit keeps it
 * (D14). If several transactions of a program are at it at once, in several fibers, each has a space of its own, made from
 * what was done so far; then the first one that commits wins.
 *
 * Within a transaction every label is a choice point. Abort goes back to the last of them that has another value, so that
 * the next try, with the same labels up to there, takes it (D28). That is kept for each frame until it commits something.
 */
import type { ConstraintData } from "../Constraint.js"
import { costOf } from "./eager.js"
import type { Cell, Frame } from "./frame.js"
import { type Known, Space, type Values } from "./space.js"

// ---------------------------------------------------------------------------
// what was done
// ---------------------------------------------------------------------------

/** Something that was done, to be done again with the same arguments. */
type Change<A, B> = (space: Space, subject: A, detail: B) => void

export const created: Change<string, Values> = (space, id, values) => void space.newVar(id, values)
export const narrowed: Change<string, Values> = (space, id, values) => void space.narrow(space.find(id), values)
export const posted: Change<ConstraintData, undefined> = (space, data) => void space.post(data)
const labelled: Change<string, number> = (space, id, code) => void space.assign(space.find(id), code)

/** Changes in their order: three entries each, since there is one for every instruction, and hardly ever a use for it. */
class Changes {
  private readonly entries: Array<unknown> = []

  get length(): number {
    return this.entries.length
  }

  add<A, B>(change: Change<A, B>, subject: A, detail: B): void {
    this.entries.push(change, subject, detail)
  }

  cut(length: number): void {
    this.entries.length = length
  }

  append(that: Changes): void {
    for (const entry of that.entries) this.entries.push(entry)
  }

  redo(space: Space): void {
    const { entries } = this
    for (let at = 0; at < entries.length; at += 3) {
      // A change comes before its own arguments.
      const change = entries[at] as Change<unknown, unknown>
      change(space, entries[at + 1], entries[at + 2])
    }
  }
}

// ---------------------------------------------------------------------------
// how long it takes
// ---------------------------------------------------------------------------

/** Takes what has followed from the last changes off the allowance of the program. */
export const spendFor = ({ execution: { allowance } }: Cell, space: Space): void =>
  allowance.spend(space.countSteps() * costOf.propagation)

// ---------------------------------------------------------------------------
// the variables of a program
// ---------------------------------------------------------------------------

export class Variables {
  /** What was done so far, to be done again where somebody else has the space. */
  private changes = new Changes()
  private free: Space | undefined = new Space()
  private given = 0
  version = 0
  /** Where each frame is in its search. */
  private readonly searches = new WeakMap<Frame, Tried>()

  constructor(private readonly program: string) {}

  /** An id that is never used again. */
  freshId(): string {
    return `v${++this.given}@${this.program}`
  }

  /** The space outside of transactions. */
  get space(): Space {
    return this.free ??= this.again()
  }

  changed<A, B>(change: Change<A, B>, subject: A, detail: B): void {
    this.version++
    this.changes.add(change, subject, detail)
  }

  /** The first value that there is, as its code; undefined where there is none. */
  label(known: Known): number | undefined {
    const code = this.space.next(known, undefined)
    if (code !== undefined) this.changed(labelled, known.id, code)
    return code
  }

  /** For a transaction: whoever asks meanwhile gets another space. */
  take(): Space {
    const { space } = this
    this.free = undefined
    return space
  }

  /** As it was taken. */
  giveBack(space: Space, version: number): void {
    // Somebody else may have been faster.
    if (version === this.version) this.free = space
  }

  /** With what is committed in it. */
  give(space: Space, version: number, committed: Changes): void {
    this.giveBack(space, version)
    if (committed.length === 0) return
    // If somebody else was faster, what is committed all the same comes on top.
    if (version !== this.version) committed.redo(this.space)
    this.version++
    if (this.changes.length === 0) this.changes = committed
    else this.changes.append(committed)
  }

  searchOf(frame: Frame): Tried {
    let root = this.searches.get(frame)
    if (root === undefined) this.searches.set(frame, root = new Tried(undefined))
    return root
  }

  /** A frame that has committed begins its next search anew, whatever it has committed (D28). */
  forget(frame: Frame): void {
    this.searches.delete(frame)
  }

  private again(): Space {
    const space = new Space()
    this.changes.redo(space)
    return space
  }
}

// ---------------------------------------------------------------------------
// labels
// ---------------------------------------------------------------------------

/** The id of a variable; for one of the transaction, which has another id in each try, the place at which it comes. */
type Key = string | number

/** A variable that is labelled, after the labels so far. */
class Point {
  /** None where nothing was tried yet. */
  tried: Tried | undefined = undefined
}

/**
 * That a transaction has come by a point, which others of its frame may do as well: what it has labelled there, the mark
 * before that, and what was known before, if it has learned something.
 */
class Label {
  constructor(
    readonly point: Point,
    readonly known: Known,
    readonly depth: number,
    readonly isLearned: boolean,
    readonly before: Tried | undefined
  ) {}
}

/**
 * The value that is tried now, and what has come after it: with another value nothing is known of that. It is itself the
 * point that comes next, since nearly always the same variable is labelled there.
 */
class Tried extends Point {
  private key: Key | undefined = undefined
  private others: Map<Key, Point> | undefined = undefined

  /** `value`: none where none is left. */
  constructor(readonly value: number | undefined) {
    super()
  }

  next(key: Key): Point {
    this.key ??= key
    if (key === this.key) return this
    const others = this.others ??= new Map()
    let point = others.get(key)
    if (point === undefined) others.set(key, point = new Point())
    return point
  }
}

/** What a transaction does to variables. */
export class Overlay {
  readonly space: Space
  private readonly version: number
  private readonly depth: number
  private readonly before: number
  private readonly changes = new Changes()
  /** The last one may have come to nothing. */
  private readonly labels: Array<Label> = []
  private last: Tried
  private dead = false
  /** Where it begins. */
  private readonly beginning: Saved

  constructor(private readonly variables: Variables, owner: Frame) {
    this.space = variables.take()
    this.version = variables.version
    this.depth = this.space.mark()
    this.before = this.space.count
    this.last = variables.searchOf(owner)
    this.beginning = this.save()
  }

  freshId(): string {
    return this.variables.freshId()
  }

  changed<A, B>(change: Change<A, B>, subject: A, detail: B): void {
    this.changes.add(change, subject, detail)
  }

  /** Whether another transaction of this program has changed variables since. */
  get isStale(): boolean {
    return this.version !== this.variables.version
  }

  /** The next untried value, as its code; undefined where there is none: then this try is over. */
  label(known: Known): number | undefined {
    if (this.dead) return undefined
    const { space } = this
    const { id, place } = known
    const point = this.last.next(place < this.before ? id : place - this.before)
    const { tried } = point
    const depth = space.mark()
    const code = tried === undefined
      ? space.next(known, undefined)
      : tried.value === undefined || space.assign(known, tried.value)
      ? tried.value
      : space.next(known, tried.value)
    const isLearned = tried === undefined || code !== tried.value
    const trying = isLearned ? new Tried(code) : tried
    point.tried = trying
    this.labels.push(new Label(point, known, depth, isLearned, tried))
    if (code === undefined) {
      space.undoTo(depth)
      this.dead = true
      return undefined
    }
    this.last = trying
    this.changes.add(labelled, id, code)
    return code
  }

  /** The first possible value after this one, by the search that is under way. */
  pick(id: string, after: number | undefined): number | undefined {
    const code = this.space.next(this.space.find(id), after)
    if (code !== undefined) this.changes.add(labelled, id, code)
    return code
  }

  /** `rejected`: the program has given up these labels, and the next try takes others; else it is as if there were none. */
  abort(rejected: boolean): void {
    const { space } = this
    if (rejected) {
      if (this.dead) this.labels.pop()
      for (let label = this.labels.pop(); label !== undefined; label = this.labels.pop()) {
        const { depth, known, point } = label
        space.undoTo(depth)
        const before = space.mark()
        const next = space.next(known, point.tried?.value)
        space.undoTo(before)
        point.tried = new Tried(next)
        if (next !== undefined) break
      }
    } else this.unlearn(0)
    space.undoTo(this.depth)
    this.variables.giveBack(space, this.version)
  }

  commit(): void {
    this.space.releaseTo(this.depth)
    this.variables.give(this.space, this.version, this.changes)
  }

  // -------------------------------------------------------------------------
  // going back within the transaction
  // -------------------------------------------------------------------------

  /** A place to go back to. */
  save(): Saved {
    const { changes, dead, labels, last, space } = this
    return { depth: space.mark(), changes: changes.length, labels: labels.length, last, dead }
  }

  /** To that place, or to the beginning. Labels from there on were not tried: another way would have taken others. */
  restore(saved = this.beginning): void {
    this.space.undoTo(saved.depth)
    if (saved === this.beginning) this.space.mark()
    this.changes.cut(saved.changes)
    this.unlearn(saved.labels)
    this.last = saved.last
    this.dead = saved.dead
  }

  /** Takes back the labels beyond so many. */
  private unlearn(length: number): void {
    const { labels } = this
    while (labels.length > length) {
      const label = labels.pop()
      if (label?.isLearned === true) label.point.tried = label.before
    }
  }
}

export interface Saved {
  readonly depth: number
  readonly changes: number
  readonly labels: number
  readonly last: Tried
  readonly dead: boolean
}
