/**
 * The embedded engine: variables, constraints and what follows from them, changed and undone step by step.
 *
 * Everything happens at once, in memory, without effects. After each change the engine has propagated: it has taken away
 * the values that it can tell to be impossible. A change that cannot be answers false and leaves everything as it was.
 * Between a `mark` and its `undo` anything may be added and changed; all of it is gone afterwards, variables included.
 *
 * Arguments that are wrong in themselves (an unknown variable, an empty domain) throw a `ProblemError`. A change whose
 * consequences take too many steps (`x < y` and `y < x` over a billion values) throws `PropagationLimited`. Either way
 * everything is as before.
 *
 * `test/solver/Engine.test.ts` pins it.
 *
 * @since 0.1.0
 */
import type { Constraint } from "./Constraint.js"
import * as Domain from "./Domain.js"
import { post } from "./internal/post.js"
import { Failed, Paused, Stable, Store } from "./internal/store.js"
import * as Validate from "./internal/validate.js"
import * as Search from "./Search.js"
import { type ProblemError, PropagationLimited } from "./SolverError.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * A store of variables and constraints.
 *
 * ```ts
 * import { Constraint, Domain, Engine } from "@effect-avm/solver"
 * import * as assert from "node:assert"
 *
 * const engine = Engine.make()
 * const x = engine.newVariable(Domain.range(1, 3))
 * const y = engine.newVariable(Domain.range(1, 3))
 *
 * assert.strictEqual(engine.post(Constraint.compare(x, "<", y)), true)
 * assert.deepStrictEqual(engine.values(x), [1, 2])
 *
 * engine.mark()
 * assert.strictEqual(engine.label(y), 2)
 * assert.deepStrictEqual(engine.values(x), [1])
 * assert.strictEqual(engine.post(Constraint.compareValue(x, ">", 1)), false)
 * engine.undo()
 * assert.deepStrictEqual(engine.values(y), [2, 3])
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export interface Engine {
  /** How many variables there are: they are the numbers below it. */
  readonly count: number

  /** How many marks are set. */
  readonly depth: number

  /** How many steps everything has taken that followed from changes: runs of propagators. */
  readonly steps: number

  // --- changing -------------------------------------------------------------

  /** Adds a variable, and answers its number: the `count` from before. */
  readonly newVariable: (domain: Domain.Domain) => number

  /** Adds a constraint. */
  readonly post: (constraint: Constraint) => boolean

  /** Keeps the values that are in this domain as well. It may be empty: then nothing is left, so the answer is false. */
  readonly narrow: (variable: number, domain: Domain.Domain) => boolean

  /** Gives the variable a value. */
  readonly assign: (variable: number, value: number) => boolean

  /** Takes a value away. */
  readonly exclude: (variable: number, value: number) => boolean

  /**
   * Gives the variable its first remaining value that is above `after`, in ascending order, and answers it; values that
   * fail are passed over. Undefined if there is none: then everything is as before.
   */
  readonly label: (variable: number, after?: number) => number | undefined

  // --- undoing --------------------------------------------------------------

  /** Sets a mark; answers how many there were before, which is what `undoTo` takes. */
  readonly mark: () => number

  /** Undoes all that was done since the last mark, and takes the mark away. */
  readonly undo: () => void

  /** Undoes all that was done since there were so many marks. */
  readonly undoTo: (depth: number) => void

  /** Takes the last mark away, and keeps what was done since. */
  readonly release: () => void

  // --- reading --------------------------------------------------------------

  readonly min: (variable: number) => number
  readonly max: (variable: number) => number
  /** How many values are left. */
  readonly size: (variable: number) => number
  readonly has: (variable: number, value: number) => boolean
  readonly isAssigned: (variable: number) => boolean
  /** The remaining values in ascending order. */
  readonly values: (variable: number) => Array<number>
  /** The constraints that were posted, in their order. */
  readonly constraints: ReadonlyArray<Constraint>

  /** What is wrong with a constraint, so that `post` would throw it. */
  readonly check: (constraint: Constraint) => ProblemError | undefined

  // --- searching ------------------------------------------------------------

  /** Looks for values of all variables. Until it is closed, nothing else may change the engine. */
  readonly search: (options?: Search.Options) => Search.Search
}

// ---------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** How many steps the consequences of one change may take: runs of propagators. By default ten million, some seconds. */
  readonly maxSteps?: number
}

/**
 * An engine without variables.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Engine => new Live(options.maxSteps ?? 10_000_000)

// ---------------------------------------------------------------------------
// internals
// ---------------------------------------------------------------------------

class Live implements Engine, Validate.Variables {
  private readonly store = new Store()
  readonly constraints: Array<Constraint> = []
  private readonly forget = (): void => void this.constraints.pop()

  constructor(private readonly maxSteps: number) {}

  get count(): number {
    return this.store.count
  }

  get depth(): number {
    return this.store.depth
  }

  get steps(): number {
    return this.store.runs
  }

  newVariable(domain: Domain.Domain): number {
    // Where it is, only if something is wrong with it.
    if (Validate.domain("", domain) !== undefined) refuse(Validate.domain(`variables[${this.count}].domain`, domain))
    return domain._tag === "Range"
      ? this.store.addRange(domain.from, domain.to)
      : this.store.addValues(Domain.toArray(domain))
  }

  post(constraint: Constraint): boolean {
    refuse(this.check(constraint))
    const posted = this.attempt(() => post(this.store, constraint))
    if (posted) {
      this.constraints.push(constraint)
      if (this.store.depth > 0) this.store.onUndo(this.forget)
    }
    return posted
  }

  narrow(variable: number, domain: Domain.Domain): boolean {
    const a = this.address(variable)
    refuse(Validate.integersOf("domain", domain))
    if (domain._tag === "Range") {
      const { from, to } = domain
      return this.attempt(() => from <= to && this.store.setMin(a, from) && this.store.setMax(a, to))
    }
    const values = Domain.toArray(domain)
    return this.attempt(() => this.store.intersect(a, values))
  }

  assign(variable: number, value: number): boolean {
    const a = this.address(variable)
    const { store } = this
    if (store.isFixed(a)) return store.min(a) === value
    if (!Number.isInteger(value)) return false
    store.mark()
    return this.settle(store.assign(a, value))
  }

  exclude(variable: number, value: number): boolean {
    const a = this.address(variable)
    return !Number.isInteger(value) || this.attempt(() => this.store.remove(a, value))
  }

  label(variable: number, after: number = -Infinity): number | undefined {
    const a = this.address(variable)
    const { store } = this
    const last = store.max(a)
    for (let value = Math.max(store.min(a), Math.floor(after) + 1); value <= last; value++) {
      value = store.up(a, value)
      if (this.assign(variable, value)) return value
    }
    return undefined
  }

  mark(): number {
    const { depth } = this.store
    this.store.mark()
    return depth
  }

  undo(): void {
    if (this.store.depth === 0) throw new Error("Engine.undo: there is no mark")
    this.store.undo()
  }

  undoTo(depth: number): void {
    while (this.store.depth > depth) this.store.undo()
  }

  release(): void {
    if (this.store.depth === 0) throw new Error("Engine.release: there is no mark")
    this.store.release()
  }

  min(variable: number): number {
    return this.store.min(this.address(variable))
  }

  max(variable: number): number {
    return this.store.max(this.address(variable))
  }

  size(variable: number): number {
    return this.store.size(this.address(variable))
  }

  has(variable: number, value: number): boolean {
    return Number.isInteger(value) && this.store.has(this.address(variable), value)
  }

  isAssigned(variable: number): boolean {
    return this.store.isFixed(this.address(variable))
  }

  values(variable: number): Array<number> {
    const a = this.address(variable)
    const { store } = this
    const last = store.max(a)
    const values: Array<number> = []
    for (let value = store.min(a);; value = store.up(a, value + 1)) {
      values.push(value)
      if (value >= last) return values
    }
  }

  check(constraint: Constraint): ProblemError | undefined {
    return Validate.constraint(this, "constraint", constraint)
  }

  search(options: Search.Options = {}): Search.Search {
    const { goal, variables = [] } = options
    for (const [at, variable] of variables.entries()) refuse(Validate.variable(this, "variables", `[${at}]`, variable))
    if (goal !== undefined) refuse(Validate.sum(this, "goal", goal.coefficients, goal.variables))
    return Search.make(this.store, options)
  }

  private address(variable: number): number {
    if (!(variable >= 0 && variable < this.store.count && Number.isInteger(variable))) {
      refuse(Validate.variable(this, "variable", "", variable))
    }
    return this.store.address(variable)
  }

  /** Does it with all that follows, or nothing. */
  private attempt(change: () => boolean): boolean {
    const { store } = this
    store.mark()
    return this.settle(change())
  }

  /** Keeps what was done since the last mark if its consequences do not fail. */
  private settle(changed: boolean): boolean {
    const { store } = this
    const outcome = changed ? store.propagate(this.maxSteps) : Failed
    if (outcome === Stable) {
      store.release()
      return true
    }
    store.undo()
    if (outcome === Paused) throw new PropagationLimited({ steps: this.maxSteps })
    return false
  }
}

const refuse = (found: ProblemError | undefined): void => {
  if (found !== undefined) throw found
}
