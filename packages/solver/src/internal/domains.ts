/**
 * Variables and their domains.
 *
 * A variable has a number, and an *address*: its block in `cells`, one typed array for all of them. Propagators work with
 * addresses. Its words hold one bit for each value from its base on; a domain that is too wide for that has no words, and
 * is a list of ranges instead. Between its bounds the domain is exact either way.
 *
 * `test/solver/Engine.test.ts` compares it with sets.
 */
import { grown } from "./arrays.js"
import * as Bits from "./bits.js"
import { Memory } from "./memory.js"
import { BoundMoved, Changed } from "./propagator.js"
import * as Ranges from "./ranges.js"

export const Min = 0
export const Max = 1
export const Size = 2
/** The value of the first bit. */
export const Base = 3
/** How many words; none for a list of ranges. */
export const Words = 4
/** The variable's number. */
export const Index = 5
/** The events that anyone listens to. */
export const Heard = 6
export const Header = 7

/** Domains up to this width have a bit for each value. */
const widest = 2048

export abstract class Domains extends Memory {
  protected addresses: Int32Array = new Int32Array(64)
  count = 0

  private readonly removeLast = (): void => {
    this.count--
    this.ranges.length = this.count
    this.removed()
  }

  /** A variable with this number is there now. */
  protected abstract added(variable: number): void
  /** The last variable is gone. */
  protected abstract removed(): void
  /** Tells those who listen to such events. */
  protected abstract wake(a: number, events: number): void
  /** One value is left. */
  protected abstract wakeAssigned(a: number): void

  // -------------------------------------------------------------------------
  // variables
  // -------------------------------------------------------------------------

  /** The values are in ascending order, each once, and at least one. */
  addValues(values: ReadonlyArray<number>): number {
    const low = values[0]
    const high = values[values.length - 1]
    const number = this.addRange(low, high)
    const address = this.addresses[number]
    const { cells } = this
    if (cells[address + Words] === 0) this.ranges[number] = Ranges.fromSorted(values)
    else {
      cells.fill(0, address + Header, address + Header + cells[address + Words])
      for (const value of values) {
        const place = value - low
        cells[address + Header + (place >> 5)] |= 1 << place
      }
    }
    cells[address + Size] = values.length
    return number
  }

  addRange(low: number, high: number): number {
    const size = high - low + 1
    const words = size <= widest ? (size + 31) >> 5 : 0
    const address = this.allocate(Header + words)
    const number = this.count++
    if (this.count > this.addresses.length) this.addresses = grown(this.addresses, this.count)
    this.addresses[number] = address
    const { cells } = this
    cells[address + Min] = low
    cells[address + Max] = high
    cells[address + Size] = size
    cells[address + Base] = low
    cells[address + Words] = words
    cells[address + Index] = number
    for (let word = 0; word < words; word++) cells[address + Header + word] = -1
    if (words > 0) cells[address + Header + words - 1] = Bits.upTo(size - 1)
    this.ranges[number] = words > 0 ? undefined : Ranges.single(low, high)
    if (this.depth > 0) this.onUndo(this.removeLast)
    this.added(number)
    return number
  }

  address(variable: number): number {
    return this.addresses[variable]
  }

  // -------------------------------------------------------------------------
  // reading
  // -------------------------------------------------------------------------

  min(a: number): number {
    return this.cells[a]
  }

  max(a: number): number {
    return this.cells[a + Max]
  }

  size(a: number): number {
    return this.cells[a + Size]
  }

  isFixed(a: number): boolean {
    return this.cells[a] === this.cells[a + Max]
  }

  has(a: number, value: number): boolean {
    const { cells } = this
    if (value < cells[a] || value > cells[a + Max]) return false
    if (cells[a + Words] === 0) return Ranges.has(this.rangesOf(cells[a + Index]), value)
    const place = value - cells[a + Base]
    return ((cells[a + Header + (place >> 5)] >>> place) & 1) === 1
  }

  /** The smallest value that is not below this one; there has to be one. */
  up(a: number, value: number): number {
    const { cells } = this
    if (cells[a + Words] === 0) return Ranges.up(this.rangesOf(cells[a + Index]), Math.max(value, cells[a]))
    const place = value - cells[a + Base]
    let at = a + Header + (place >> 5)
    let word = cells[at] & Bits.from(place)
    while (word === 0) word = cells[++at]
    return cells[a + Base] + ((at - a - Header) << 5) + Bits.lowest(word)
  }

  /** The largest value that is not above this one; there has to be one. */
  down(a: number, value: number): number {
    const { cells } = this
    if (cells[a + Words] === 0) return Ranges.down(this.rangesOf(cells[a + Index]), Math.min(value, cells[a + Max]))
    const place = value - cells[a + Base]
    let at = a + Header + (place >> 5)
    let word = cells[at] & Bits.upTo(place)
    while (word === 0) word = cells[--at]
    return cells[a + Base] + ((at - a - Header) << 5) + Bits.highest(word)
  }

  // -------------------------------------------------------------------------
  // changing; false: nothing would be left
  // -------------------------------------------------------------------------

  remove(a: number, value: number): boolean {
    const { cells } = this
    const low = cells[a]
    const high = cells[a + Max]
    if (value < low || value > high) return true
    const words = cells[a + Words]
    if (words === 0) return this.removeFromRanges(a, value)
    const place = value - cells[a + Base]
    const at = a + Header + (place >> 5)
    const bit = 1 << place
    const word = cells[at]
    if ((word & bit) === 0) return true
    if (low === high) return false
    this.save(at)
    cells[at] = word & ~bit
    const size = cells[a + Size] - 1
    this.save(a + Size)
    cells[a + Size] = size
    let events = Changed
    if (value === low) {
      this.save(a)
      cells[a] = this.up(a, value + 1)
      events = Changed | BoundMoved
    } else if (value === high) {
      this.save(a + Max)
      cells[a + Max] = this.down(a, value - 1)
      events = Changed | BoundMoved
    }
    if (size === 1) this.wakeAssigned(a)
    else if ((cells[a + Heard] & events) !== 0) this.wake(a, events)
    return true
  }

  assign(a: number, value: number): boolean {
    const { cells } = this
    if (cells[a] === cells[a + Max]) return cells[a] === value
    if (!this.has(a, value)) return false
    const words = cells[a + Words]
    if (words > 0) {
      const place = value - cells[a + Base]
      const kept = a + Header + (place >> 5)
      for (let at = a + Header; at < a + Header + words; at++) {
        const word = at === kept ? 1 << place : 0
        if (cells[at] !== word) {
          this.save(at)
          cells[at] = word
        }
      }
    }
    this.save(a)
    this.save(a + Max)
    this.save(a + Size)
    cells[a] = value
    cells[a + Max] = value
    cells[a + Size] = 1
    this.wakeAssigned(a)
    return true
  }

  setMin(a: number, value: number): boolean {
    const { cells } = this
    const low = cells[a]
    if (value <= low) return true
    const high = cells[a + Max]
    if (value > high) return false
    let size: number
    let next: number
    if (cells[a + Words] === 0) {
      const ranges = this.rangesOf(cells[a + Index])
      next = Ranges.up(ranges, value)
      size = Ranges.size(ranges, next, high)
    } else {
      next = this.up(a, value)
      size = cells[a + Size]
      const place = next - cells[a + Base]
      const last = a + Header + (place >> 5)
      for (let at = a + Header + ((low - cells[a + Base]) >> 5); at <= last; at++) {
        const word = cells[at]
        const kept = at === last ? word & Bits.from(place) : 0
        if (word !== kept) {
          size -= Bits.count(word ^ kept)
          this.save(at)
          cells[at] = kept
        }
      }
    }
    this.save(a)
    this.save(a + Size)
    cells[a] = next
    cells[a + Size] = size
    if (size === 1) this.wakeAssigned(a)
    else if ((cells[a + Heard] & (Changed | BoundMoved)) !== 0) this.wake(a, Changed | BoundMoved)
    return true
  }

  setMax(a: number, value: number): boolean {
    const { cells } = this
    const high = cells[a + Max]
    if (value >= high) return true
    const low = cells[a]
    if (value < low) return false
    let size: number
    let next: number
    if (cells[a + Words] === 0) {
      const ranges = this.rangesOf(cells[a + Index])
      next = Ranges.down(ranges, value)
      size = Ranges.size(ranges, low, next)
    } else {
      next = this.down(a, value)
      size = cells[a + Size]
      const place = next - cells[a + Base]
      const first = a + Header + (place >> 5)
      for (let at = first; at <= a + Header + ((high - cells[a + Base]) >> 5); at++) {
        const word = cells[at]
        const kept = at === first ? word & Bits.upTo(place) : 0
        if (word !== kept) {
          size -= Bits.count(word ^ kept)
          this.save(at)
          cells[at] = kept
        }
      }
    }
    this.save(a + Max)
    this.save(a + Size)
    cells[a + Max] = next
    cells[a + Size] = size
    if (size === 1) this.wakeAssigned(a)
    else if ((cells[a + Heard] & (Changed | BoundMoved)) !== 0) this.wake(a, Changed | BoundMoved)
    return true
  }

  /** Keeps the values that are among these: ascending, each once. */
  intersect(a: number, among: ReadonlyArray<number>): boolean {
    const { cells } = this
    // Those outside of the bounds may not even fit a cell.
    const values = among.filter((value) => value >= cells[a] && value <= cells[a + Max])
    if (values.length === 0) return false
    if (cells[a + Words] === 0) {
      if (!this.setMin(a, values[0]) || !this.setMax(a, values[values.length - 1])) return false
      const kept = Ranges.intersection(this.rangesOf(cells[a + Index]), Ranges.fromSorted(values))
      const low = firstWithin(kept, cells[a])
      const high = lastWithin(kept, cells[a + Max])
      if (low === undefined || high === undefined || low > high) return false
      this.trailRanges(cells[a + Index], kept)
      if (!this.setMin(a, low) || !this.setMax(a, high)) return false
      const size = Ranges.size(kept, low, high)
      if (size !== cells[a + Size]) {
        this.set(a + Size, size)
        this.wake(a, Changed)
      }
      return true
    }
    const allowed = new Set(values)
    if (!this.setMin(a, values[0]) || !this.setMax(a, values[values.length - 1])) return false
    for (let value = cells[a];; value = this.up(a, value + 1)) {
      if (!allowed.has(value) && !this.remove(a, value)) return false
      if (value >= cells[a + Max]) return true
    }
  }

  private removeFromRanges(a: number, value: number): boolean {
    const { cells } = this
    if (value === cells[a]) return this.setMin(a, value + 1)
    if (value === cells[a + Max]) return this.setMax(a, value - 1)
    const ranges = this.rangesOf(cells[a + Index])
    if (!Ranges.has(ranges, value)) return true
    this.trailRanges(cells[a + Index], Ranges.without(ranges, value))
    this.set(a + Size, cells[a + Size] - 1)
    this.wake(a, Changed)
    return true
  }
}

const firstWithin = (ranges: Ranges.Ranges, low: number): number | undefined => {
  for (let at = 0; at < ranges.length; at += 2) if (ranges[at + 1] >= low) return Math.max(low, ranges[at])
  return undefined
}

const lastWithin = (ranges: Ranges.Ranges, high: number): number | undefined => {
  for (let at = ranges.length - 2; at >= 0; at -= 2) if (ranges[at] <= high) return Math.min(high, ranges[at + 1])
  return undefined
}
