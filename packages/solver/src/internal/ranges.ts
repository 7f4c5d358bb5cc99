/**
 * A sorted list of ranges, for domains too wide for a bitset: `[low, high, low, high, …]`, immutable. The store keeps the
 * smallest and the largest value beside it, and what lies outside of these does not count.
 */
export type Ranges = Int32Array

export const single = (low: number, high: number): Ranges => Int32Array.of(low, high)

/** From values in ascending order, each once. */
export const fromSorted = (values: ReadonlyArray<number>): Ranges => {
  const found: Array<number> = []
  for (const value of values) {
    if (found.length > 0 && found[found.length - 1] === value - 1) found[found.length - 1] = value
    else found.push(value, value)
  }
  return Int32Array.from(found)
}

/** The first range whose end is not below the value: times two, its place. */
const search = (ranges: Ranges, value: number): number => {
  let low = 0
  let high = ranges.length >> 1
  while (low < high) {
    const middle = (low + high) >> 1
    if (ranges[2 * middle + 1] < value) low = middle + 1
    else high = middle
  }
  return low
}

export const has = (ranges: Ranges, value: number): boolean => {
  const at = search(ranges, value)
  return 2 * at < ranges.length && ranges[2 * at] <= value
}

/** The smallest value that is not below this one. There has to be one. */
export const up = (ranges: Ranges, value: number): number => Math.max(value, ranges[2 * search(ranges, value)])

/** The largest value that is not above this one. There has to be one. */
export const down = (ranges: Ranges, value: number): number => {
  const at = search(ranges, value)
  return 2 * at < ranges.length && ranges[2 * at] <= value ? value : ranges[2 * at - 1]
}

/** How many values it has between two numbers, both included. */
export const size = (ranges: Ranges, low: number, high: number): number => {
  let found = 0
  for (let at = 2 * search(ranges, low); at < ranges.length && ranges[at] <= high; at += 2) {
    found += Math.min(high, ranges[at + 1]) - Math.max(low, ranges[at]) + 1
  }
  return found
}

/** Without a value that is in it. */
export const without = (ranges: Ranges, value: number): Ranges => {
  const at = 2 * search(ranges, value)
  const low = ranges[at]
  const high = ranges[at + 1]
  if (low < value && value < high) {
    const split = new Int32Array(ranges.length + 2)
    split.set(ranges.subarray(0, at + 1))
    split[at + 1] = value - 1
    split[at + 2] = value + 1
    split.set(ranges.subarray(at + 1), at + 3)
    return split
  }
  if (low === high) {
    const fewer = new Int32Array(ranges.length - 2)
    fewer.set(ranges.subarray(0, at))
    fewer.set(ranges.subarray(at + 2), at)
    return fewer
  }
  const shorter = ranges.slice()
  if (low === value) shorter[at] = value + 1
  else shorter[at + 1] = value - 1
  return shorter
}

/** What is in both. */
export const intersection = (a: Ranges, b: Ranges): Ranges => {
  const found: Array<number> = []
  let i = 0
  let j = 0
  while (i < a.length && j < b.length) {
    const low = Math.max(a[i], b[j])
    const high = Math.min(a[i + 1], b[j + 1])
    if (low <= high) found.push(low, high)
    if (a[i + 1] < b[j + 1]) i += 2
    else j += 2
  }
  return Int32Array.from(found)
}
