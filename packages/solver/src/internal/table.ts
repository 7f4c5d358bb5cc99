/**
 * Tables: the values of some variables are one of the rows.
 *
 * On its own a table is a propagator that keeps, as a partition with its end in the trail, the rows that are still
 * possible (simple tabular reduction). Inside a formula it is a condition that looks at all rows each time.
 */
import { type Condition, Entailed, onlyOpen, Open, Violated } from "./condition.js"
import { Changed, Propagator } from "./propagator.js"
import type { Store } from "./store.js"

export type Rows = ReadonlyArray<ReadonlyArray<number>>

const isPossible = (store: Store, addresses: ReadonlyArray<number>, row: ReadonlyArray<number>): boolean => {
  for (let at = 0; at < addresses.length; at++) if (!store.has(addresses[at], row[at])) return false
  return true
}

export const condition = (addresses: ReadonlyArray<number>, rows: Rows): Condition => {
  const scope = [...new Set(addresses)]
  const allowed = (store: Store): boolean => rows.some((row) => isPossible(store, addresses, row))
  return {
    scope,
    event: Changed,
    status: (store) => {
      if (!allowed(store)) return Violated
      return onlyOpen(store, scope) === -1 ? Entailed : Open
    },
    enforce: (store) => {
      const possible = rows.filter((row) => isPossible(store, addresses, row))
      if (possible.length === 0) return false
      for (let at = 0; at < addresses.length; at++) {
        const values = [...new Set(possible.map((row) => row[at]))].sort((a, b) => a - b)
        if (!store.intersect(addresses[at], values)) return false
      }
      return true
    },
    refute: (store) => {
      const open = onlyOpen(store, scope)
      if (open === -2) return true
      for (const row of rows) {
        if (!isPossible(store, addresses, row)) continue
        if (open === -1) return false
        if (!store.remove(open, row[addresses.indexOf(open)])) return false
      }
      return true
    }
  }
}

export class TableHolds extends Propagator {
  /** Rows by place; those before the end are still possible. */
  private readonly order: Int32Array
  private readonly end: number
  /** The rows, one after the other. */
  private readonly flat: Int32Array
  /** For each column, its values and, for each cell of the table, which of them it is. */
  private readonly values: ReadonlyArray<Int32Array>
  private readonly cells: Int32Array
  /** For each column, when each of its values was last found in a possible row. */
  private readonly found: ReadonlyArray<Int32Array>
  private tick = 0

  constructor(store: Store, readonly addresses: ReadonlyArray<number>, rows: Rows) {
    super(1)
    const width = addresses.length
    this.order = Int32Array.from(rows, (_, at) => at)
    this.end = store.allocateCell(rows.length)
    this.flat = Int32Array.from(rows.flat())
    this.cells = new Int32Array(this.flat.length)
    this.values = addresses.map((_, column) => {
      const places = new Map<number, number>()
      for (let row = 0; row < rows.length; row++) {
        const value = rows[row][column]
        const known = places.get(value)
        this.cells[row * width + column] = known ?? places.size
        if (known === undefined) places.set(value, places.size)
      }
      return Int32Array.from(places.keys())
    })
    this.found = this.values.map((values) => new Int32Array(values.length))
  }

  /** What is true from the start: every variable has a value of its column. */
  begin(store: Store): boolean {
    return this.addresses.every((a, column) =>
      store.intersect(a, Array.from(this.values[column]).sort((x, y) => x - y))
    )
  }

  propagate(store: Store): boolean {
    const { addresses, cells, flat, found, order, values } = this
    const width = addresses.length
    const tick = ++this.tick
    let end = store.cells[this.end]
    for (let at = 0; at < end;) {
      const row = order[at]
      const start = row * width
      let possible = true
      for (let column = 0; possible && column < width; column++) {
        possible = store.has(addresses[column], flat[start + column])
      }
      if (possible) {
        for (let column = 0; column < width; column++) found[column][cells[start + column]] = tick
        at++
      } else {
        end--
        order[at] = order[end]
        order[end] = row
      }
    }
    if (end === 0) return false
    store.set(this.end, end)
    for (let column = 0; column < width; column++) {
      const a = addresses[column]
      if (store.isFixed(a)) continue
      for (let at = 0; at < values[column].length; at++) {
        if (found[column][at] !== tick && !store.remove(a, values[column][at])) return false
      }
    }
    return true
  }
}
