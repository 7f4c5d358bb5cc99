/**
 * Keeps bounds apart: where so many variables lie within an interval as it has values, the others lie outside.
 *
 * A. López-Ortiz, C.-G. Quimper, J. Tromp and P. van Beek, "A fast and simple algorithm for bounds consistency of the
 * alldifferent constraint", 2003. Trees of intervals are arrays of links; `links` leads to the next interval with room,
 * `halls` to the end of a full one, `room` is what is left.
 */
import type { Different } from "./allDifferent.js"
import { Propagator } from "./propagator.js"
import type { Store } from "./store.js"

/** The end of a path of ascending links. */
const ascend = (links: Int32Array, from: number): number => {
  let at = from
  while (links[at] > at) at = links[at]
  return at
}

const descend = (links: Int32Array, from: number): number => {
  let at = from
  while (links[at] < at) at = links[at]
  return at
}

/** Has all of a path lead to one place. */
const redirect = (links: Int32Array, from: number, end: number, to: number): void => {
  for (let at = from; at !== end;) {
    const next = links[at]
    links[at] = to
    at = next
  }
}

export class BoundsDiffer extends Propagator {
  private readonly count: number
  private readonly min: Int32Array
  private readonly max: Int32Array
  /** Where each one's bounds stand among all bounds. */
  private readonly minRank: Int32Array
  private readonly maxRank: Int32Array
  private readonly byMin: Int32Array
  private readonly byMax: Int32Array
  private readonly bounds: Float64Array
  private readonly links: Int32Array
  private readonly halls: Int32Array
  private readonly room: Float64Array
  /** How many different bounds there are. */
  private ranks = 0

  constructor(readonly different: Different) {
    super(1)
    const count = different.addresses.length
    this.count = count
    this.min = new Int32Array(count)
    this.max = new Int32Array(count)
    this.minRank = new Int32Array(count)
    this.maxRank = new Int32Array(count)
    this.byMin = Int32Array.from(different.addresses, (_, at) => at)
    this.byMax = Int32Array.from(different.addresses, (_, at) => at)
    this.bounds = new Float64Array(2 * count + 2)
    this.links = new Int32Array(2 * count + 2)
    this.halls = new Int32Array(2 * count + 2)
    this.room = new Float64Array(2 * count + 2)
  }

  propagate(store: Store): boolean {
    const { addresses, offsets } = this.different
    for (let at = 0; at < this.count; at++) {
      this.min[at] = store.min(addresses[at]) + offsets[at]
      // An end that does not belong to it any more.
      this.max[at] = store.max(addresses[at]) + offsets[at] + 1
    }
    this.rank()
    if (!this.raiseMinima() || !this.lowerMaxima()) return false
    for (let at = 0; at < this.count; at++) {
      if (!store.setMin(addresses[at], this.min[at] - offsets[at])) return false
      if (!store.setMax(addresses[at], this.max[at] - offsets[at] - 1)) return false
    }
    return true
  }

  private rank(): void {
    const { bounds, byMax, byMin, count, max, maxRank, min, minRank } = this
    // They are nearly sorted from last time.
    insertionSort(byMin, min)
    insertionSort(byMax, max)
    let low = min[byMin[0]]
    let high = max[byMax[0]]
    let last = low - 2
    bounds[0] = last
    let ranks = 0
    for (let i = 0, j = 0;;) {
      if (i < count && low <= high) {
        if (low !== last) bounds[++ranks] = last = low
        minRank[byMin[i]] = ranks
        if (++i < count) low = min[byMin[i]]
      } else {
        if (high !== last) bounds[++ranks] = last = high
        maxRank[byMax[j]] = ranks
        if (++j === count) break
        high = max[byMax[j]]
      }
    }
    this.ranks = ranks
    bounds[ranks + 1] = bounds[ranks] + 2
  }

  private raiseMinima(): boolean {
    const { bounds, byMax, count, halls, links, maxRank, min, minRank, ranks, room } = this
    for (let at = 1; at <= ranks + 1; at++) {
      links[at] = halls[at] = at - 1
      room[at] = bounds[at] - bounds[at - 1]
    }
    for (let place = 0; place < count; place++) {
      const at = byMax[place]
      const x = minRank[at]
      const y = maxRank[at]
      let z = ascend(links, x + 1)
      const before = links[z]
      if (--room[z] === 0) {
        links[z] = z + 1
        z = ascend(links, z + 1)
        links[z] = before
      }
      redirect(links, x + 1, z, z)
      if (room[z] < bounds[z] - bounds[y]) return false
      if (halls[x] > x) {
        const end = ascend(halls, halls[x])
        min[at] = bounds[end]
        redirect(halls, x, end, end)
      }
      if (room[z] === bounds[z] - bounds[y]) {
        redirect(halls, halls[y], before - 1, y)
        halls[y] = before - 1
      }
    }
    return true
  }

  private lowerMaxima(): boolean {
    const { bounds, byMin, count, halls, links, max, maxRank, minRank, ranks, room } = this
    for (let at = 0; at <= ranks; at++) {
      links[at] = halls[at] = at + 1
      room[at] = bounds[at + 1] - bounds[at]
    }
    for (let place = count - 1; place >= 0; place--) {
      const at = byMin[place]
      const x = maxRank[at]
      const y = minRank[at]
      let z = descend(links, x - 1)
      const before = links[z]
      if (--room[z] === 0) {
        links[z] = z - 1
        z = descend(links, z - 1)
        links[z] = before
      }
      redirect(links, x - 1, z, z)
      if (room[z] < bounds[y] - bounds[z]) return false
      if (halls[x] < x) {
        const end = descend(halls, halls[x])
        max[at] = bounds[end]
        redirect(halls, x, end, end)
      }
      if (room[z] === bounds[y] - bounds[z]) {
        redirect(halls, halls[y], before + 1, y)
        halls[y] = before + 1
      }
    }
    return true
  }
}

const insertionSort = (order: Int32Array, keys: Int32Array): void => {
  for (let end = 1; end < order.length; end++) {
    const entry = order[end]
    const key = keys[entry]
    let at = end - 1
    for (; at >= 0 && keys[order[at]] > key; at--) order[at + 1] = order[at]
    order[at + 1] = entry
  }
}
