/**
 * Depth first search over an engine, a slice at a time.
 *
 * A search decides one variable after another, `x = value` before `x != value`, propagates after each decision, and takes
 * back the last one where that fails. It stops wherever its slice is used up, and goes on from there: whoever runs it
 * decides when others have a turn. It is deterministic, and how it is cut into slices changes nothing.
 *
 * While a search is open, nothing else may change its engine. `close` gives the engine back as it was.
 *
 * `test/solver/Search.test.ts` pins it.
 *
 * @since 0.1.0
 */
import type { Linear } from "./Constraint.js"
import { Index, Max, Size } from "./internal/domains.js"
import { AtLeast, most } from "./internal/linear.js"
import { mergedSum } from "./internal/post.js"
import { BoundMoved } from "./internal/propagator.js"
import { Failed, Paused, type Store } from "./internal/store.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * What to make as large, or as small, as possible: the sum of `coefficients[i] * variables[i]`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Goal extends Pick<typeof Linear.Type, "coefficients" | "variables"> {
  readonly sense: "maximize" | "minimize"
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The variables to decide, by default all there are. The others are decided last, smallest first. */
  readonly variables?: ReadonlyArray<number>
  /**
   * Which one comes next. `smallest` (the default): the one with the fewest values, the first of these. `weighted`: the one
   * with the fewest values for each failure that it had to do with. `input`: the first that is open.
   */
  readonly variableOrder?: "smallest" | "weighted" | "input"
  /**
   * Which value it is tried with: by default in ascending order. `goal`: the one that is best for the goal, if it says
   * anything about this variable.
   */
  readonly valueOrder?: "ascending" | "descending" | "middle" | "goal"
  /**
   * Starts again from the top after so many failures, times a term of Luby's sequence (1 1 2 1 1 2 4 …), until there is a
   * solution. Of use with `weighted`, whose weights are kept.
   */
  readonly restartAfter?: number
  /** Then each solution is better than the one before, and the last one is the best. */
  readonly goal?: Goal
  /** Only solutions whose sum is better than this one. */
  readonly betterThan?: number
  /** So many decisions at most. */
  readonly nodes?: number
}

/**
 * What a slice ended with. `solution`: all variables have a value now; read it before going on. `exhausted`: there is no
 * (other, better) solution. `paused`: the slice is used up. `limited`: so are the decisions that were allowed.
 *
 * @since 0.1.0
 * @category models
 */
export type Step = "solution" | "exhausted" | "paused" | "limited"

/**
 * @since 0.1.0
 * @category models
 */
export interface Progress {
  /** Decisions taken. */
  readonly nodes: number
  /** Decisions that led nowhere. */
  readonly failures: number
  readonly restarts: number
  readonly solutions: number
  /** The goal's sum in the best solution so far. */
  readonly best: number | undefined
}

// ---------------------------------------------------------------------------
// the search
// ---------------------------------------------------------------------------

/**
 * A search under way. Made by `Engine.search`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Search {
  /** Goes on for about so many steps: decisions, and runs of propagators. */
  readonly run: (steps: number) => Step
  /** After `solution`: the values of the first `count` variables, by default of all. */
  readonly solution: (count?: number) => Array<number>
  readonly progress: Progress
  /** Undoes all that was done. An exhausted search has done so already. */
  readonly close: () => void
}

// ---------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------

/**
 * @internal
 */
export const make = (store: Store, options: Options): Search => new DepthFirst(store, options)

// ---------------------------------------------------------------------------
// internals
// ---------------------------------------------------------------------------

/** Variables of which each is decided before any of the next group. */
class Group {
  /** Those before the end are not known to be assigned. */
  readonly addresses: Int32Array
  readonly end: number
  constructor(store: Store, variables: ReadonlyArray<number>, readonly order: NonNullable<Options["variableOrder"]>) {
    this.addresses = Int32Array.from(variables, (variable) => store.address(variable))
    this.end = store.allocateCell(variables.length)
  }
}

class DepthFirst implements Search {
  private nodes = 0
  private failures = 0
  private restarts = 0
  private solutions = 0
  private best: number | undefined

  private readonly groups: ReadonlyArray<Group>
  private readonly nodeLimit: number
  /** The variables that should be large. */
  private readonly large: Set<number> = new Set()
  private readonly values: NonNullable<Options["valueOrder"]>
  private readonly decidedAddresses: Array<number> = []
  private readonly decidedValues: Array<number> = []

  private readonly objective: AtLeast | undefined
  private readonly sign: number
  private readonly restartAfter: number
  private restartAt: number

  /** The last solution has to be left behind first. */
  private behind = false
  private closed = false

  constructor(private readonly store: Store, options: Options) {
    const { betterThan, goal, restartAfter = 0, valueOrder = "ascending", variableOrder = "smallest", variables } =
      options
    store.mark()
    const chosen = new Set(variables ?? [])
    const rest = Array.from({ length: store.count }, (_, variable) => variable).filter((variable) =>
      !chosen.has(variable)
    )
    this.groups = [
      new Group(store, [...chosen], variableOrder),
      new Group(store, rest, chosen.size === 0 ? variableOrder : "smallest")
    ].filter(({ addresses }) => addresses.length > 0)
    this.values = valueOrder
    this.restartAfter = restartAfter
    this.restartAt = restartAfter > 0 ? restartAfter : Infinity
    this.nodeLimit = options.nodes ?? Infinity
    this.sign = goal?.sense === "minimize" ? -1 : 1
    if (goal !== undefined) {
      const signed = goal.coefficients.map((coefficient) => this.sign * coefficient)
      const sum = mergedSum(store, signed, goal.variables)
      this.objective = new AtLeast(sum)
      if (betterThan !== undefined) this.objective.bound = this.sign * betterThan + 1
      for (let at = 0; at < sum.addresses.length; at++) if (sum.coefficients[at] > 0) this.large.add(sum.addresses[at])
      store.subscribe(this.objective, sum.addresses, BoundMoved)
      store.enter(this.objective, sum.addresses)
    }
    // What is decided from here on is undone decision by decision.
    store.mark()
  }

  get progress(): Progress {
    const { best, failures, nodes, restarts, solutions } = this
    return { nodes, failures, restarts, solutions, best }
  }

  solution(count: number = this.store.count): Array<number> {
    const { store } = this
    const values = new Array<number>(count)
    for (let variable = 0; variable < count; variable++) values[variable] = store.min(store.address(variable))
    return values
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    for (let at = this.decidedAddresses.length; at > 0; at--) this.store.undo()
    this.store.undo()
    this.store.undo()
  }

  run(steps: number): Step {
    if (this.closed) return "exhausted"
    const { store } = this
    const end = store.runs + this.nodes + steps
    if (this.behind) {
      this.behind = false
      if (!this.backtrack()) return this.exhaust()
    }
    for (;;) {
      const outcome = store.propagate(Math.max(1, end - store.runs - this.nodes))
      if (outcome === Paused) return "paused"
      if (outcome === Failed) {
        this.failures++
        // What fails without a decision fails from the top, too.
        if (this.failures >= this.restartAt && this.decidedAddresses.length > 0) this.restart()
        else if (!this.backtrack()) return this.exhaust()
        continue
      }
      if (store.runs + this.nodes >= end) return "paused"
      const next = this.next()
      if (next === -1) {
        this.succeed()
        return "solution"
      }
      if (this.nodes >= this.nodeLimit) return "limited"
      this.nodes++
      const value = this.valueFor(next)
      this.decidedAddresses.push(next)
      this.decidedValues.push(value)
      store.mark()
      store.assign(next, value)
    }
  }

  // -------------------------------------------------------------------------
  // ends of branches
  // -------------------------------------------------------------------------

  private succeed(): void {
    this.solutions++
    this.behind = true
    if (this.objective === undefined) {
      // From the top they would be found again.
      this.restartAt = Infinity
    } else {
      const sum = most(this.store, this.objective.sum)
      this.objective.bound = sum + 1
      // Not the negative zero.
      this.best = this.sign * sum + 0
    }
  }

  private exhaust(): Step {
    this.close()
    return "exhausted"
  }

  /** Takes the last decision back that leaves something to try. */
  private backtrack(): boolean {
    const { store } = this
    for (;;) {
      const address = this.decidedAddresses.pop()
      if (address === undefined) return false
      store.undo()
      const value = this.decidedValues.pop() as number // one for each address
      if (store.remove(address, value)) {
        if (this.objective !== undefined) store.awake(this.objective)
        return true
      }
      store.clearQueues()
    }
  }

  private restart(): void {
    this.restarts++
    this.restartAt = this.failures + this.restartAfter * luby(this.restarts + 1)
    for (let at = this.decidedAddresses.length; at > 0; at--) this.store.undo()
    this.decidedAddresses.length = 0
    this.decidedValues.length = 0
    if (this.objective !== undefined) this.store.awake(this.objective)
  }

  // -------------------------------------------------------------------------
  // decisions
  // -------------------------------------------------------------------------

  /** The variable to decide next, -1 if all are assigned. */
  private next(): number {
    const { groups } = this
    for (let at = 0; at < groups.length; at++) {
      const { order } = groups[at]
      const found = order === "input"
        ? this.firstOpen(groups[at])
        : order === "smallest"
        ? this.smallest(groups[at])
        : this.weighted(groups[at])
      if (found !== -1) return found
    }
    return -1
  }

  /** Here the addresses keep their order, and those before the cell are assigned. */
  private firstOpen({ addresses, end }: Group): number {
    const { store } = this
    const { cells } = store
    let at = addresses.length - cells[end]
    const from = at
    while (at < addresses.length && cells[addresses[at]] === cells[addresses[at] + Max]) at++
    if (at !== from) store.set(end, addresses.length - at)
    return at < addresses.length ? addresses[at] : -1
  }

  private smallest({ addresses, end }: Group): number {
    const { store } = this
    const { cells } = store
    const before = cells[end]
    let count = before
    let found = -1
    let fewest = Infinity
    for (let at = 0; at < count;) {
      const address = addresses[at]
      const size = cells[address + Size]
      if (size === 1) {
        addresses[at] = addresses[--count]
        addresses[count] = address
        continue
      }
      if (size < fewest || (size === fewest && address < found)) {
        fewest = size
        found = address
      }
      at++
    }
    if (count !== before) store.set(end, count)
    return found
  }

  private weighted({ addresses, end }: Group): number {
    const { store } = this
    const { cells, weights } = store
    const before = cells[end]
    let count = before
    let found = -1
    let least = Infinity
    for (let at = 0; at < count;) {
      const address = addresses[at]
      const size = cells[address + Size]
      if (size === 1) {
        addresses[at] = addresses[--count]
        addresses[count] = address
        continue
      }
      const ratio = size / (1 + weights[cells[address + Index]])
      if (ratio < least || (ratio === least && address < found)) {
        least = ratio
        found = address
      }
      at++
    }
    if (count !== before) store.set(end, count)
    return found
  }

  private valueFor(address: number): number {
    const { store } = this
    switch (this.values) {
      case "ascending":
        return store.min(address)
      case "descending":
        return store.max(address)
      case "goal":
        return this.large.has(address) ? store.max(address) : store.min(address)
      case "middle":
        return store.up(address, Math.floor((store.min(address) + store.max(address)) / 2))
    }
  }
}

/** 1 1 2 1 1 2 4 1 1 2 1 1 2 4 8 …, counted from one. */
const luby = (term: number): number => {
  let size = 1
  while (size < term) size = 2 * size + 1
  return size === term ? (size + 1) / 2 : luby(term - (size - 1) / 2)
}
