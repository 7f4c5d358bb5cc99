/**
 * The work on one problem, a slice at a time: a search for each objective, the most important one first, each among the
 * solutions that are best by those before it; and, where ties are to be decided, what finds the smallest solution.
 *
 * That is a search which decides the variables in their order, if it comes to its end soon. It may not: what has to be
 * decided first in order to see that a solution is as good as the best one is found in the order of the objective. So after
 * some decisions it is given up, and each variable in turn gets its smallest value by searches in that order, which begin
 * with a solution that is known and have only to do better in one variable.
 *
 * `test/solver/Solver.test.ts` pins it.
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

/** So many decisions for each variable, and these besides, are left to the search in the order of the variables. */
const inOrder = { perVariable: 4, besides: 1024 }

export class Session {
  private readonly compiled: Compiled
  private readonly count: number
  /** How many objectives have been worked on. */
  private phase = 0
  private search: Search.Search | undefined
  private before: Search.Progress = { nodes: 0, failures: 0, restarts: 0, solutions: 0, best: undefined }
  private settled = false
  /** The best solution so far, with the variables that were added to the problem's. */
  private values: Solution | undefined
  /** What each objective that has been worked on has come to. */
  readonly sums: Array<number> = []
  /** The variable that is to get its smallest value, those before it having theirs; undefined before it has come to that. */
  private place: number | undefined
  /** How large that value may be, as long as it is being searched for. */
  private atMost: number | undefined

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
    if (this.phase < goals.length) return this.improve(goals[this.phase], steps)
    if (!this.options.smallest) return this.values === undefined ? this.findAny(steps) : "solved"
    if (this.place === undefined) return this.findInOrder(steps)
    return this.values === undefined ? this.findAny(steps) : this.lower(this.values, this.place, steps)
  }

  // -------------------------------------------------------------------------
  // objectives
  // -------------------------------------------------------------------------

  /** By this objective. */
  private improve(goal: Search.Goal, steps: number): State {
    this.search ??= this.searchFor(goal)
    const step = this.search.run(steps)
    if (step === "paused") return step
    if (step === "limited") return "nodes"
    if (step === "solution") {
      this.values = this.search.solution()
      this.sums[this.phase] = this.search.progress.best ?? 0
      return this.progress.solutions < this.options.solutions ? "paused" : "solutions"
    }
    if (this.values === undefined) return "unsatisfiable"
    this.finish()
    // What was found out is required from now on.
    const { coefficients, variables } = goal
    const constant = this.sums[this.phase]
    post(this.compiled.store, { _tag: "Linear", coefficients, variables, relation: "=", constant })
    this.settled = false
    this.phase++
    return this.phase < this.compiled.goals.length || this.options.smallest ? "paused" : "solved"
  }

  private searchFor(goal: Search.Goal): Search.Search {
    const { store } = this.compiled
    const options = { ...impactFirst(store, goal), ...this.options.search, goal, nodes: this.nodes }
    if (this.values === undefined) return Search.make(store, options)
    // A solution is known that may be the best for this objective already.
    const betterThan = sumOf(goal, this.values)
    this.sums[this.phase] = betterThan
    return Search.make(store, { ...options, betterThan })
  }

  // -------------------------------------------------------------------------
  // any solution, and the smallest
  // -------------------------------------------------------------------------

  private findAny(steps: number): State {
    this.search ??= Search.make(this.compiled.store, { ...this.options.search, nodes: this.nodes })
    const step = this.search.run(steps)
    if (step === "paused") return step
    if (step === "limited") return "nodes"
    if (step === "exhausted") return "unsatisfiable"
    this.values = this.search.solution()
    this.finish()
    return this.place === undefined ? "solved" : "paused"
  }

  /** The first solution in this order is the smallest one. */
  private findInOrder(steps: number): State {
    const { count } = this
    const enough = inOrder.perVariable * count + inOrder.besides
    this.search ??= Search.make(this.compiled.store, {
      variables: upTo(count),
      variableOrder: "input",
      valueOrder: "ascending",
      nodes: Math.min(enough, this.nodes)
    })
    const step = this.search.run(steps)
    if (step === "paused") return step
    if (step === "exhausted") return "unsatisfiable"
    if (step === "solution") this.values = this.search.solution()
    this.finish()
    if (step === "solution") return "solved"
    this.place = 0
    return this.nodes > 0 ? "paused" : "nodes"
  }

  /** A solution with a smaller value of one variable, or the certainty that there is none. */
  private lower(values: Solution, from: number, steps: number): State {
    const { store } = this.compiled
    if (this.search === undefined) {
      let place = from
      while (place < this.count && store.min(store.address(place)) === values[place]) {
        store.assign(store.address(place), values[place])
        place++
      }
      this.place = place
      if (place === this.count) return "solved"
      if (place !== from) {
        this.settled = false
        return "paused"
      }
      // The lower half first: what is not there is above.
      const a = store.address(place)
      this.atMost = Math.floor((store.min(a) + values[place] - 1) / 2)
      store.mark()
      store.setMax(a, this.atMost)
      this.search = this.searchAsGood()
    }
    const step = this.search.run(steps)
    if (step === "paused") return step
    if (step === "limited") return "nodes"
    if (step === "solution") this.values = this.search.solution()
    this.finish()
    store.undo()
    if (step === "exhausted" && this.atMost !== undefined) {
      store.setMin(store.address(from), this.atMost + 1)
      this.settled = false
    }
    return "paused"
  }

  /** Among what is as good as the best by the last objective, and so by all. */
  private searchAsGood(): Search.Search {
    const { goals, store } = this.compiled
    const { search } = this.options
    const goal = goals.at(-1)
    if (goal === undefined) return Search.make(store, { ...search, nodes: this.nodes })
    const betterThan = this.sums[goals.length - 1] + (goal.sense === "maximize" ? -1 : 1)
    return Search.make(store, { ...impactFirst(store, goal), ...search, goal, betterThan, nodes: this.nodes })
  }

  // -------------------------------------------------------------------------
  // internal
  // -------------------------------------------------------------------------

  /** The decisions that are left. */
  private get nodes(): number {
    return this.options.nodes - this.before.nodes
  }

  private finish(): void {
    this.before = this.progress
    this.search?.close()
    this.search = undefined
  }
}

const upTo = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, variable) => variable)

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
