/**
 * The work on one problem, a slice at a time: a search for each objective, the most important one first, each among the
 * solutions that are best by those before it; and, where ties are to be decided, one for the smallest solution.
 */
import type { Problem, Solution } from "../Problem.js"
import * as Search from "../Search.js"
import { compile, type Compiled } from "./compile.js"
import { post } from "./post.js"
import { Failed, Paused, type Store } from "./store.js"

export interface Options {
  readonly search: Search.Options
  readonly nodes: number
  /** How many solutions are enough, improvements included. */
  readonly solutions: number
  /** Among equally good ones the solution with the smallest values, the first variable first. */
  readonly smallest: boolean
}

/** What a slice ended with. */
export type State = "paused" | "solved" | "unsatisfiable" | "nodes" | "solutions"

export class Session {
  private readonly compiled: Compiled
  private readonly count: number
  private phase = 0
  private search: Search.Search | undefined
  private before: Search.Progress = { nodes: 0, failures: 0, restarts: 0, solutions: 0, best: undefined }
  private settled = false
  /** The best solution so far, with the variables that were added to the problem's. */
  private values: Solution | undefined
  /** What each objective that has been worked on has come to. */
  readonly sums: Array<number> = []

  constructor(problem: Problem, private readonly options: Options) {
    this.compiled = compile(problem)
    this.count = problem.variables.length
  }

  get best(): Solution | undefined {
    return this.values?.slice(0, this.count)
  }

  get progress(): Search.Progress {
    const now = this.search?.progress
    if (now === undefined) return this.before
    return {
      nodes: this.before.nodes + now.nodes,
      failures: this.before.failures + now.failures,
      restarts: this.before.restarts + now.restarts,
      solutions: this.before.solutions + now.solutions,
      best: now.best ?? this.before.best
    }
  }

  run(steps: number): State {
    const { failed, goals, store } = this.compiled
    if (failed) return "unsatisfiable"
    if (!this.settled) {
      // What follows from the requirements alone must stay when a search is closed.
      const outcome = store.propagate(steps)
      if (outcome === Failed) return "unsatisfiable"
      if (outcome === Paused) return "paused"
      this.settled = true
    }
    this.search ??= this.begin()
    if (this.search === undefined) return "solved"
    const step = this.search.run(steps)
    if (step === "paused") return step
    if (step === "limited") return "nodes"
    const goal = goals[this.phase]
    if (step === "solution") {
      this.values = this.search.solution()
      if (goal !== undefined) {
        this.sums[this.phase] = this.search.progress.best ?? 0
        return this.progress.solutions < this.options.solutions ? "paused" : "solutions"
      }
    } else if (this.values === undefined) return "unsatisfiable"
    this.finish(goal)
    return this.phase < goals.length + (this.options.smallest ? 1 : 0) ? "paused" : "solved"
  }

  /** What this phase has found out is required from now on. */
  private finish(goal: Search.Goal | undefined): void {
    this.before = this.progress
    this.search?.close()
    this.search = undefined
    if (goal !== undefined) {
      const { coefficients, variables } = goal
      const constant = this.sums[this.phase]
      post(this.compiled.store, { _tag: "Linear", coefficients, variables, relation: "=", constant })
      this.settled = false
    }
    this.phase++
  }

  /** The search of this phase; undefined if there is nothing left to decide. */
  private begin(): Search.Search | undefined {
    const { goals, store } = this.compiled
    const { search, smallest } = this.options
    const nodes = this.options.nodes - this.before.nodes
    const goal = goals[this.phase]
    if (goal !== undefined) {
      const options = { ...impactFirst(store, goal), ...search, goal, nodes }
      if (this.values === undefined) return Search.make(store, options)
      // A solution is known that may be the best for this objective already.
      const betterThan = sumOf(goal, this.values)
      this.sums[this.phase] = betterThan
      return Search.make(store, { ...options, betterThan })
    }
    if (smallest) {
      const variables = Array.from({ length: this.count }, (_, variable) => variable)
      return Search.make(store, { variables, variableOrder: "input", valueOrder: "ascending", nodes })
    }
    return this.values === undefined ? Search.make(store, { ...search, nodes }) : undefined
  }
}

const sumOf = ({ coefficients, variables }: Search.Goal, values: Solution): number =>
  variables.reduce((sum, variable, at) => sum + coefficients[at] * values[variable], 0)

/** First what can change the sum most, and to what is best for it. */
const impactFirst = (store: Store, { coefficients, variables }: Search.Goal): Search.Options => {
  const impact = variables.map((variable, at) => {
    const address = store.address(variable)
    return { variable, most: Math.abs(coefficients[at]) * (store.max(address) - store.min(address)) }
  })
  impact.sort((a, b) => b.most - a.most || a.variable - b.variable)
  return { variables: impact.map(({ variable }) => variable), variableOrder: "input", valueOrder: "goal" }
}
