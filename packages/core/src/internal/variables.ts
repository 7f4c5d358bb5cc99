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
import type { Frame } from "./frame.js"
import { Space } from "./space.js"

type Change = (space: Space) => void

export class Variables {
  /** What was done so far, to be done again where somebody else has the space. */
  private readonly changes: Array<Change> = []
  private space: Space | undefined = new Space()
  private given = 0
  version = 0
  /** Where each frame is in its search. */
  private readonly searches = new WeakMap<Frame, Points>()

  constructor(private readonly program: string) {}

  /** An id that is never used again. */
  freshId(): string {
    return `v${++this.given}@${this.program}`
  }

  /** The space outside of transactions. */
  get own(): Space {
    return this.space ??= this.again()
  }

  changed(change: Change): void {
    this.version++
    this.changes.push(change)
  }

  /** For a transaction: whoever asks meanwhile gets another space. */
  take(): Space {
    const space = this.own
    this.space = undefined
    return space
  }

  /** As it was taken, or with what is committed in it. */
  give(space: Space, version: number, committed: ReadonlyArray<Change>): void {
    if (version !== this.version) {
      // Somebody else was faster: what is committed all the same comes on top.
      for (const change of committed) change(this.own)
    } else this.space = space
    if (committed.length > 0) this.version++
    this.changes.push(...committed)
  }

  searchOf(frame: Frame): Points {
    let points = this.searches.get(frame)
    if (points === undefined) this.searches.set(frame, points = new Map())
    return points
  }

  /** A frame that has committed begins its next search anew, whatever it has committed (D28). */
  forget(frame: Frame): void {
    this.searches.delete(frame)
  }

  private again(): Space {
    const space = new Space()
    for (const change of this.changes) change(space)
    return space
  }
}

/** A variable that is labelled, with the labels so far. */
interface Point {
  /** The value that is tried now; none where none was yet, or none is left. */
  current: number | undefined
  exhausted: boolean
  /** What was labelled after it. */
  next: Points
}

type Points = Map<string, Point>

interface Known extends Readonly<Point> {
  readonly point: Point
}

interface Label {
  readonly point: Point
  readonly variable: number
  readonly id: string
  readonly depth: number
}

/** What a transaction does to variables. */
export class Overlay {
  readonly space: Space
  private readonly version: number
  private readonly depth: number
  private readonly before: number
  private changes: Array<Change> = []
  private readonly labels: Array<Label> = []
  /** What was known of labels before this transaction knew more. */
  private readonly learned: Array<Known> = []
  private points: Points
  private dead = false
  /** Where it begins. */
  private readonly beginning: Saved

  constructor(private readonly variables: Variables, owner: Frame) {
    this.space = variables.take()
    this.version = variables.version
    this.depth = this.space.mark()
    this.before = this.space.count
    this.points = variables.searchOf(owner)
    this.beginning = this.save()
  }

  freshId(): string {
    return this.variables.freshId()
  }

  changed(change: Change): void {
    this.changes.push(change)
  }

  /** Whether another transaction of this program has changed variables since. */
  get isStale(): boolean {
    return this.version !== this.variables.version
  }

  /** The next untried value, as its code; undefined where there is none: then this try is over. */
  label(id: string): number | undefined {
    const { space } = this
    const variable = space.variable(id)
    if (this.dead) return undefined
    const place = space.place(id)
    // A variable of this transaction has another id in each try, but comes at the same place.
    const key = place < this.before ? id : `#${place - this.before}`
    let point = this.points.get(key)
    if (point === undefined) this.points.set(key, point = { current: undefined, exhausted: false, next: new Map() })
    this.learned.push({ point, current: point.current, exhausted: point.exhausted, next: point.next })
    const depth = space.mark()
    const code = point.exhausted
      ? undefined
      : point.current === undefined || !space.assign(variable, point.current)
      ? space.next(variable, id, point.current)
      : point.current
    if (code === undefined) {
      space.undoTo(depth)
      point.exhausted = true
      this.dead = true
      return undefined
    }
    if (code !== point.current) {
      point.current = code
      point.next = new Map()
    }
    this.labels.push({ point, variable, id, depth })
    this.points = point.next
    this.changes.push((space) => void space.assign(space.variable(id), code))
    return code
  }

  /** The first possible value after this one, by the search that is under way. */
  pick(id: string, after: number | undefined): number | undefined {
    const code = this.space.next(this.space.variable(id), id, after)
    if (code !== undefined) this.changes.push((space) => void space.assign(space.variable(id), code))
    return code
  }

  /** `rejected`: the program has given up these labels, and the next try takes others; else it is as if there were none. */
  abort(rejected: boolean): void {
    const { space } = this
    if (rejected) {
      for (let label = this.labels.pop(); label !== undefined; label = this.labels.pop()) {
        const { depth, id, point, variable } = label
        space.undoTo(depth)
        const before = space.mark()
        const next = space.next(variable, id, point.current)
        space.undoTo(before)
        if (next !== undefined) {
          point.current = next
          point.next = new Map()
          break
        }
        point.exhausted = true
        point.next = new Map()
      }
    } else this.unlearn(0)
    space.undoTo(this.depth)
    this.variables.give(space, this.version, [])
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
    const { changes, dead, labels, learned, points, space } = this
    return {
      depth: space.mark(),
      changes: changes.length,
      labels: labels.length,
      learned: learned.length,
      points,
      dead
    }
  }

  /** To that place, or to the beginning. Labels from there on were not tried: another way would have taken others. */
  restore(saved = this.beginning): void {
    this.space.undoTo(saved.depth)
    if (saved === this.beginning) this.space.mark()
    this.changes.length = saved.changes
    this.labels.length = saved.labels
    this.unlearn(saved.learned)
    this.points = saved.points
    this.dead = saved.dead
  }

  private unlearn(length: number): void {
    for (const { point, ...known } of this.learned.splice(length).reverse()) Object.assign(point, known)
  }
}

export interface Saved {
  readonly depth: number
  readonly changes: number
  readonly labels: number
  readonly learned: number
  readonly dead: boolean
  readonly points: Points
}
