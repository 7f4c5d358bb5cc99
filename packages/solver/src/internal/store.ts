/**
 * Who listens to which variable, and the queue of what has to look at them again.
 *
 * Disequalities are not propagators but lists at the variable: when it is assigned, its value goes out of the domains of
 * all that must differ from it. That is most of the work in most searches, and one loop.
 */
import { grown } from "./arrays.js"
import { Domains, Heard, Index, Max } from "./domains.js"
import { Assigned, BoundMoved, Changed, type Propagator } from "./propagator.js"
import { Queue } from "./queue.js"

/** How a propagation ends. */
export type Outcome = typeof Failed | typeof Stable | typeof Paused
export const Failed = 0
export const Stable = 1
/** The budget was used up before everything had looked. */
export const Paused = 2

/** How many entries a list has when it is made. */
const initial = 8

const none: Int32Array = new Int32Array(0)

export class Store extends Domains {
  private readonly onAssigned: Array<Array<Propagator>> = []
  private readonly onBound: Array<Array<Propagator>> = []
  private readonly onChanged: Array<Array<Propagator>> = []

  /** Pairs of an address and an offset: `self != other + offset`. */
  private readonly unequal: Array<Int32Array> = []
  private readonly unequalCount: Array<number> = []

  /** Variables whose value has not yet gone out of those that differ from it. */
  private assigned: Int32Array = new Int32Array(64)
  private assignedHead = 0
  private assignedTail = 0

  private readonly first: Queue = new Queue()
  private readonly second: Queue = new Queue()
  private propagators = 0

  /** How often each variable had to do with a failure. */
  weights: Float64Array = new Float64Array(64)
  /** Everything that ran: propagators, and assigned variables. */
  runs = 0

  // -------------------------------------------------------------------------
  // who listens
  // -------------------------------------------------------------------------

  protected added(variable: number): void {
    if (variable >= this.assigned.length) {
      this.assigned = grown(this.assigned, variable + 1)
      const weights = new Float64Array(this.assigned.length)
      weights.set(this.weights)
      this.weights = weights
    }
    this.weights[variable] = 0
    this.onAssigned[variable] = []
    this.onBound[variable] = []
    this.onChanged[variable] = []
    this.unequal[variable] = none
    this.unequalCount[variable] = 0
  }

  protected removed(): void {
    this.onAssigned.pop()
    this.onBound.pop()
    this.onChanged.pop()
    this.unequal.pop()
    this.unequalCount.pop()
  }

  /** The propagator looks again whenever one of these happens to one of the variables. */
  subscribe(propagator: Propagator, addresses: ArrayLike<number>, event: number): void {
    const lists = event === Assigned ? this.onAssigned : event === BoundMoved ? this.onBound : this.onChanged
    // Whoever listens to changes of the domain hears of all that happens to it.
    const heard = event === Assigned
      ? Assigned
      : event === BoundMoved
      ? BoundMoved | Assigned
      : Changed | BoundMoved | Assigned
    for (let at = 0; at < addresses.length; at++) {
      const a = addresses[at]
      lists[this.cells[a + Index]].push(propagator)
      this.cells[a + Heard] |= heard
    }
    if (this.depth > 0) {
      const undone = Array.from(addresses, (a) => this.cells[a + Index])
      this.onUndo(() => {
        for (let at = undone.length - 1; at >= 0; at--) lists[undone[at]]?.pop()
      })
    }
  }

  /** Counts the propagator among those that may be queued, blames its variables for failures, and lets it look. */
  enter(propagator: Propagator, addresses: ArrayLike<number>): void {
    const variables = [...new Set(Array.from(addresses, (a) => this.cells[a + Index]))]
    propagator.blamed = variables
    for (const variable of variables) this.weights[variable]++
    const queue = propagator.priority === 0 ? this.first : this.second
    this.propagators++
    queue.reserve(this.propagators + 1)
    queue.add(propagator)
    if (this.depth > 0) {
      this.onUndo(() => {
        this.propagators--
        for (const variable of variables) this.weights[variable]--
      })
    }
  }

  /** `x != y + offset`, from now on. */
  addUnequal(x: number, y: number, offset: number): boolean {
    if (x === y) return offset !== 0
    this.listUnequal(x, y, offset)
    this.listUnequal(y, x, -offset)
    const { cells } = this
    this.weights[cells[x + Index]]++
    this.weights[cells[y + Index]]++
    if (this.depth > 0) {
      const left = cells[x + Index]
      const right = cells[y + Index]
      this.onUndo(() => {
        this.unequalCount[left] -= 2
        this.unequalCount[right] -= 2
        this.weights[left]--
        this.weights[right]--
      })
    }
    if (cells[x] === cells[x + Max] && !this.remove(y, cells[x] - offset)) return false
    return cells[y] !== cells[y + Max] || this.remove(x, cells[y] + offset)
  }

  private listUnequal(self: number, other: number, offset: number): void {
    const variable = this.cells[self + Index]
    const count = this.unequalCount[variable]
    let list = this.unequal[variable]
    if (count + 2 > list.length) {
      list = list.length === 0 ? new Int32Array(initial) : grown(list, count + 2)
      this.unequal[variable] = list
    }
    list[count] = other
    list[count + 1] = offset
    this.unequalCount[variable] = count + 2
  }

  protected wakeAssigned(a: number): void {
    const variable = this.cells[a + Index]
    if (this.unequalCount[variable] > 0) this.assigned[this.assignedTail++] = variable
    if ((this.cells[a + Heard] & Assigned) !== 0) this.wake(a, Assigned | BoundMoved | Changed)
  }

  protected wake(a: number, events: number): void {
    const variable = this.cells[a + Index]
    if ((events & Assigned) !== 0) this.schedule(this.onAssigned[variable])
    if ((events & BoundMoved) !== 0) this.schedule(this.onBound[variable])
    this.schedule(this.onChanged[variable])
  }

  private schedule(propagators: ReadonlyArray<Propagator>): void {
    for (let at = 0; at < propagators.length; at++) {
      const propagator = propagators[at]
      if (!propagator.queued) (propagator.priority === 0 ? this.first : this.second).add(propagator)
    }
  }

  /** Has a propagator look again, whatever has happened. */
  awake(propagator: Propagator): void {
    if (!propagator.queued) (propagator.priority === 0 ? this.first : this.second).add(propagator)
  }

  // -------------------------------------------------------------------------
  // propagation
  // -------------------------------------------------------------------------

  /** Until nothing changes any more, something fails, or so many have run. Can be called again after a pause. */
  propagate(budget: number): Outcome {
    const end = this.runs + budget
    for (;;) {
      while (this.assignedHead < this.assignedTail) {
        this.runs++
        if (!this.spread(this.assigned[this.assignedHead++])) return this.failed()
      }
      this.assignedHead = this.assignedTail = 0
      const queue = this.first.isEmpty ? this.second : this.first
      if (queue.isEmpty) return Stable
      if (this.runs >= end) return Paused
      const propagator = queue.take()
      this.runs++
      if (!propagator.propagate(this)) {
        const { blamed } = propagator
        for (let at = 0; at < blamed.length; at++) this.weights[blamed[at]]++
        return this.failed()
      }
    }
  }

  /** Takes the value of an assigned variable out of those that must differ from it. */
  private spread(variable: number): boolean {
    const { cells } = this
    const value = cells[this.addresses[variable]]
    const list = this.unequal[variable]
    const count = this.unequalCount[variable]
    for (let at = 0; at < count; at += 2) {
      const other = list[at]
      const taken = value - list[at + 1]
      if (taken >= cells[other] && taken <= cells[other + Max] && !this.remove(other, taken)) {
        this.weights[variable]++
        this.weights[cells[other + Index]]++
        return false
      }
    }
    return true
  }

  private failed(): Outcome {
    this.clearQueues()
    return Failed
  }

  /** Drops what waits. */
  clearQueues(): void {
    this.assignedHead = this.assignedTail = 0
    this.first.clear()
    this.second.clear()
  }

  protected forget(): void {
    this.clearQueues()
  }
}
