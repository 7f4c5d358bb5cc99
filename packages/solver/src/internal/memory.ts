/**
 * Cells whose changes can be undone.
 *
 * The first change of a cell after a mark enters the old value in the trail. What is added after a mark (variables,
 * subscriptions) is taken away again by the closures in `structure`, last one first. So all of it is a stack.
 */
import { grown } from "./arrays.js"
import type { Ranges } from "./ranges.js"

export abstract class Memory {
  cells: Int32Array = new Int32Array(1024)
  private stamps: Int32Array = new Int32Array(1024)
  /** Cells with this stamp are in the trail already. */
  private stamp = 1
  private used = 0

  private trail: Int32Array = new Int32Array(1024)
  private trailed = 0
  /** For each mark four lengths: of the trail, the structure, the old ranges, the cells. */
  private marks: Int32Array = new Int32Array(256)
  /** How many marks are set. */
  depth = 0
  private readonly structure: Array<() => void> = []

  /** The values of variables that are too wide for cells, by number. */
  protected readonly ranges: Array<Ranges | undefined> = []
  private readonly oldRanges: Array<Ranges> = []

  /** Drops what waits to be propagated: it is undone. */
  protected abstract forget(): void

  /** Room for cells that are undone with the rest. */
  allocate(count: number): number {
    const address = this.used
    this.used += count
    if (this.used > this.cells.length) {
      this.cells = grown(this.cells, this.used)
      this.stamps = grown(this.stamps, this.used)
    }
    this.cells.fill(0, address, this.used)
    // Nothing before this mark is to be brought back.
    this.stamps.fill(this.stamp, address, this.used)
    return address
  }

  allocateCell(value: number): number {
    const address = this.allocate(1)
    this.cells[address] = value
    return address
  }

  set(address: number, value: number): void {
    this.save(address)
    this.cells[address] = value
  }

  protected save(address: number): void {
    if (this.stamps[address] !== this.stamp) {
      this.stamps[address] = this.stamp
      this.reserveTrail()
      this.trail[this.trailed] = address
      this.trail[this.trailed + 1] = this.cells[address]
      this.trailed += 2
    }
  }

  /** What is added now is taken away again by this when the mark before it is undone. */
  onUndo(restore: () => void): void {
    this.structure.push(restore)
  }

  // -------------------------------------------------------------------------
  // marks
  // -------------------------------------------------------------------------

  /** Everything from here on can be undone. Nothing may be waiting to be propagated. */
  mark(): void {
    const at = 4 * this.depth++
    if (at === this.marks.length) this.marks = grown(this.marks, at + 4)
    const { marks } = this
    marks[at] = this.trailed
    marks[at + 1] = this.structure.length
    marks[at + 2] = this.oldRanges.length
    marks[at + 3] = this.used
    this.nextStamp()
  }

  /** Undoes what was done since the last mark, and takes the mark away. */
  undo(): void {
    this.forget()
    const { cells, marks, oldRanges, structure, trail } = this
    const at = 4 * --this.depth
    const trailed = marks[at]
    for (let at = this.trailed - 2; at >= trailed; at -= 2) {
      const address = trail[at]
      if (address >= 0) cells[address] = trail[at + 1]
      else this.ranges[~address] = oldRanges[trail[at + 1]]
    }
    this.trailed = trailed
    if (oldRanges.length > marks[at + 2]) oldRanges.length = marks[at + 2]
    while (structure.length > marks[at + 1]) structure.pop()?.()
    this.used = marks[at + 3]
    this.nextStamp()
  }

  /** Takes the last mark away and keeps what was done since. */
  release(): void {
    if (--this.depth > 0) return
    this.trailed = 0
    if (this.oldRanges.length > 0) this.oldRanges.length = 0
    if (this.structure.length > 0) this.structure.length = 0
  }

  /** Has what cannot be kept in a cell come back: the list of ranges of this variable. */
  protected trailRanges(variable: number, ranges: Ranges): void {
    if (this.depth > 0) {
      this.reserveTrail()
      this.trail[this.trailed] = ~variable
      this.trail[this.trailed + 1] = this.oldRanges.length
      this.trailed += 2
      this.oldRanges.push(this.rangesOf(variable))
    }
    this.ranges[variable] = ranges
  }

  protected rangesOf(variable: number): Ranges {
    return this.ranges[variable] as Ranges // what has no words has ranges
  }

  private reserveTrail(): void {
    if (this.trailed + 2 > this.trail.length) this.trail = grown(this.trail, this.trailed + 2)
  }

  private nextStamp(): void {
    if (++this.stamp < 0x7fffffff) return
    this.stamps.fill(0)
    this.stamp = 1
  }
}
