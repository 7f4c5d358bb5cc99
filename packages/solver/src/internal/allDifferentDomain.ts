/**
 * No value is left to a variable that is in no assignment of different values to all of them.
 *
 * J.-C. Régin, "A filtering algorithm for constraints of difference in CSPs", 1994: a largest matching of variables with
 * values; a value can stay with a variable if they are matched, if an alternating path leads from a value that nobody has
 * to it, or if both are in one strongly connected component. The matching of last time is where the next one starts; it is
 * only a hint, so it is not undone.
 *
 * Values are counted from the smallest one there was at the start. With up to 32 of them a domain is one word
 * (`DifferentInWord`), otherwise lists. Sets of values are words then, too, and the components are found by the path-based
 * algorithm: H. N. Gabow, "Path-based depth-first search for strong and biconnected components", 2000.
 */
import { type Different, window } from "./allDifferent.js"
import * as Bits from "./bits.js"
import { Base, Header, Words } from "./domains.js"
import { Propagator } from "./propagator.js"
import type { Store } from "./store.js"

// ---------------------------------------------------------------------------
// up to 32 values
// ---------------------------------------------------------------------------

export class DifferentInWord extends Propagator {
  private readonly low: number
  private readonly domains: Int32Array
  /** For each variable the value it is matched with, for each value its variable; -1 for none. */
  private readonly matched: Int32Array
  private readonly holder: Int32Array
  /** For each variable whether an alternating path leads to it, and else the values of its component. */
  private readonly isReached: Uint8Array
  private readonly component: Int32Array
  /** Along a path of components in the making: the values of each, and those that its variables could have instead. */
  private readonly members: Int32Array = new Int32Array(32)
  private readonly ahead: Int32Array = new Int32Array(32)
  private tried = 0

  constructor(store: Store, readonly different: Different) {
    super(1)
    const count = different.addresses.length
    this.low = window(store, different)[0]
    this.domains = new Int32Array(count)
    this.matched = new Int32Array(count).fill(-1)
    this.holder = new Int32Array(32).fill(-1)
    this.isReached = new Uint8Array(count)
    this.component = new Int32Array(count)
  }

  propagate(store: Store): boolean {
    const { domains, holder, matched } = this
    const { addresses } = this.different
    const count = addresses.length
    let all = 0
    for (let at = 0; at < count; at++) {
      const domain = this.read(store, at)
      domains[at] = domain
      all |= domain
      const value = matched[at]
      if (value !== -1 && ((domain >>> value) & 1) === 0) {
        holder[value] = -1
        matched[at] = -1
      }
    }
    let held = 0
    for (let at = 0; at < count; at++) {
      if (matched[at] === -1) {
        this.tried = 0
        if (!this.match(at)) return false
      }
    }
    for (let at = 0; at < count; at++) held |= 1 << matched[at]

    // What an alternating path leads to from a value that nobody has.
    let reached = all & ~held
    let open = true
    const { isReached } = this
    isReached.fill(0)
    while (reached !== 0 && open) {
      open = false
      for (let at = 0; at < count; at++) {
        if (isReached[at] === 0 && (domains[at] & reached) !== 0) {
          isReached[at] = 1
          reached |= 1 << matched[at]
          open = true
        }
      }
    }
    // What is not reached could have no value that is.
    this.findComponents(held & ~reached)
    for (let at = 0; at < count; at++) {
      const kept = isReached[at] === 1 ? reached : this.component[at]
      if ((domains[at] & ~kept) !== 0 && !this.take(store, at, domains[at] & ~kept)) return false
    }
    return true
  }

  /** The domain as a word. */
  private read(store: Store, at: number): number {
    const { cells } = store
    const a = this.different.addresses[at]
    const words = cells[a + Words]
    const shift = cells[a + Base] + this.different.offsets[at] - this.low
    if (words === 1) {
      return shift >= 0
        ? shift < 32 ? cells[a + Header] << shift : 0
        : shift > -32
        ? cells[a + Header] >>> -shift
        : 0
    }
    let domain = 0
    if (words === 0) {
      const last = store.max(a)
      for (let value = store.min(a);; value = store.up(a, value + 1)) {
        domain |= 1 << (value + this.different.offsets[at] - this.low)
        if (value >= last) return domain
      }
    }
    for (let word = 0; word < words; word++) {
      const place = shift + 32 * word
      if (place >= 32) break
      if (place > -32) domain |= place >= 0 ? cells[a + Header + word] << place : cells[a + Header + word] >>> -place
    }
    return domain
  }

  private match(at: number): boolean {
    let rest = this.domains[at] & ~this.tried
    // A value that nobody has comes first.
    for (let free = rest; free !== 0; free &= free - 1) {
      const value = Bits.lowest(free)
      if (this.holder[value] === -1) return this.pair(at, value)
    }
    for (; rest !== 0; rest = rest & (rest - 1) & ~this.tried) {
      const value = Bits.lowest(rest)
      this.tried |= 1 << value
      if (this.match(this.holder[value])) return this.pair(at, value)
    }
    return false
  }

  private pair(at: number, value: number): boolean {
    this.tried |= 1 << value
    this.holder[value] = at
    this.matched[at] = value
    return true
  }

  /** Of these values: from each to those that its variable could have instead. */
  private findComponents(values: number): void {
    const { ahead, component, domains, holder, members } = this
    // What is in no component yet, and what of it is on the path.
    let rest = values
    while (rest !== 0) {
      let path = rest & -rest
      let top = 0
      members[0] = path
      ahead[0] = domains[holder[Bits.lowest(path)]]
      while (top >= 0) {
        const next = ahead[top] & rest
        const back = next & path & ~members[top]
        if (back !== 0) {
          // All from there on is one component.
          do {
            top--
            members[top] |= members[top + 1]
            ahead[top] |= ahead[top + 1]
          } while ((back & ~members[top]) !== 0)
          continue
        }
        const open = next & ~path
        if (open !== 0) {
          const value = open & -open
          path |= value
          top++
          members[top] = value
          ahead[top] = domains[holder[Bits.lowest(value)]]
          continue
        }
        const found = members[top]
        for (let left = found; left !== 0; left &= left - 1) component[holder[Bits.lowest(left)]] = found
        rest &= ~found
        path &= ~found
        top--
      }
    }
  }

  private take(store: Store, at: number, values: number): boolean {
    const a = this.different.addresses[at]
    const shift = this.low - this.different.offsets[at]
    for (let rest = values; rest !== 0; rest &= rest - 1) {
      if (!store.remove(a, Bits.lowest(rest) + shift)) return false
    }
    return true
  }
}

// ---------------------------------------------------------------------------
// any number of values
// ---------------------------------------------------------------------------

export class DifferentInList extends Propagator {
  private readonly low: number
  private readonly matched: Int32Array
  private readonly holder: Int32Array
  private readonly tried: Int32Array
  private tries = 0
  private readonly entered: Int32Array
  private readonly reach: Int32Array
  private readonly component: Int32Array
  private readonly stack: Int32Array
  private height = 0
  private clock = 0
  private components = 0
  private readonly reached: Uint8Array

  constructor(store: Store, readonly different: Different) {
    super(1)
    const count = different.addresses.length
    const [low, high] = window(store, different)
    this.low = low
    this.matched = new Int32Array(count).fill(-1)
    this.holder = new Int32Array(high - low + 1).fill(-1)
    this.tried = new Int32Array(high - low + 1)
    this.entered = new Int32Array(count)
    this.reach = new Int32Array(count)
    this.component = new Int32Array(count)
    this.stack = new Int32Array(count)
    this.reached = new Uint8Array(high - low + 1)
  }

  propagate(store: Store): boolean {
    const { entered, holder, reached, matched } = this
    const { addresses, offsets } = this.different
    const count = addresses.length
    for (let at = 0; at < count; at++) {
      const value = matched[at]
      if (value !== -1 && !store.has(addresses[at], value + this.low - offsets[at])) {
        holder[value] = -1
        matched[at] = -1
      }
    }
    for (let at = 0; at < count; at++) {
      if (matched[at] !== -1) continue
      this.tries++
      if (!this.match(store, at)) return false
    }
    entered.fill(0)
    reached.fill(0)
    this.spread(store)
    this.clock = 0
    this.height = 0
    this.components = 0
    this.component.fill(0)
    for (let at = 0; at < count; at++) if (entered[at] === 0) this.visit(store, at)
    for (let at = 0; at < count; at++) {
      const a = addresses[at]
      const shift = this.low - offsets[at]
      const last = store.max(a)
      if (store.min(a) === last) continue
      for (let value = store.min(a);; value = store.up(a, value + 1)) {
        const place = value - shift
        const kept = entered[at] === -1 ? reached[place] === 1 : this.component[holder[place]] === this.component[at]
        if (!kept && !store.remove(a, value)) return false
        if (value >= store.max(a)) break
      }
    }
    return true
  }

  private match(store: Store, at: number): boolean {
    const a = this.different.addresses[at]
    const shift = this.low - this.different.offsets[at]
    const last = store.max(a)
    for (let value = store.min(a);; value = store.up(a, value + 1)) {
      const place = value - shift
      if (this.tried[place] !== this.tries) {
        this.tried[place] = this.tries
        const holder = this.holder[place]
        if (holder === -1 || this.match(store, holder)) {
          this.holder[place] = at
          this.matched[at] = place
          return true
        }
      }
      if (value >= last) return false
    }
  }

  /** Marks what an alternating path leads to from a value that nobody has. */
  private spread(store: Store): void {
    const { entered, reached, matched } = this
    const { addresses, offsets } = this.different
    const count = addresses.length
    for (let open = true; open;) {
      open = false
      for (let at = 0; at < count; at++) {
        if (entered[at] === 0 && this.touches(store, addresses[at], this.low - offsets[at])) {
          entered[at] = -1
          reached[matched[at]] = 1
          open = true
        }
      }
    }
    for (let place = 0; place < reached.length; place++) if (this.holder[place] === -1) reached[place] = 1
  }

  /** Whether a value of the variable is reached, or nobody's. */
  private touches(store: Store, a: number, shift: number): boolean {
    const last = store.max(a)
    for (let value = store.min(a);; value = store.up(a, value + 1)) {
      const place = value - shift
      if (this.reached[place] === 1 || this.holder[place] === -1) return true
      if (value >= last) return false
    }
  }

  private visit(store: Store, at: number): void {
    const { component, entered, holder, reach, stack } = this
    const number = ++this.clock
    entered[at] = number
    reach[at] = number
    const bottom = this.height
    stack[this.height++] = at
    const a = this.different.addresses[at]
    const shift = this.low - this.different.offsets[at]
    const last = store.max(a)
    for (let value = store.min(a);; value = store.up(a, value + 1)) {
      const other = holder[value - shift]
      if (entered[other] === 0) {
        this.visit(store, other)
        if (reach[other] < reach[at]) reach[at] = reach[other]
      } else if (component[other] === 0 && entered[other] < reach[at]) reach[at] = entered[other]
      if (value >= last) break
    }
    if (reach[at] !== number) return
    this.components++
    for (let place = bottom; place < this.height; place++) component[stack[place]] = this.components
    this.height = bottom
  }
}
