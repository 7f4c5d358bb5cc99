/**
 * What to choose next (D29): the problem that is known of a body, and the best choices by it.
 *
 * A choice is a variable over the places of its options: see `internal/lowering` for how its value comes in. What was
 * required on a branch is required where the branch is taken. A part of the tree that no run has come to yet is not in the
 * problem, so its best solution is never worse than the best run: a run that follows it, and in which everything holds, is the
 * best one. Where every way through a branch was seen not to do, all there is to be said of it is that it is not taken. What
 * only plain booleans were required of needs no solver: see `internal/planning`.
 */
import { Constraint, type ConstraintSolver, Domain, Problem, Solver } from "@effect-avm/solver"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { ConstraintData } from "../Constraint.js"
import type { Budget } from "./budget.js"
import {
  type Branch,
  branchesOf,
  type Choice,
  type Choices,
  hasExpressions,
  type Plan,
  type Requirement
} from "./choices.js"
import type { Interned } from "./interning.js"
import { type Chosen, chosen, refuseVariable, type Scope } from "./lowering.js"
import { bestWay } from "./planning.js"
import { shift } from "./shifting.js"
import { Sketch } from "./sketch.js"
import type { Space } from "./space.js"

/**
 * What is best by all that is known, or the names of requirements that cannot hold together. Where a limit has ended the
 * search for it, what was best so far.
 */
export type Decision =
  | { readonly _tag: "Planned"; readonly plan: Plan }
  | { readonly _tag: "Impossible"; readonly requirements: ReadonlyArray<string> }
  | { readonly _tag: "Limited"; readonly limit: "nodes" | "time"; readonly plan: Plan | undefined }

/** The variables at the end of a run that requires something of them. */
export interface Leaf {
  readonly requirements: ReadonlyArray<Requirement>
  readonly domains: ReadonlyArray<ReadonlyArray<number>>
  readonly constraints: ReadonlyArray<Constraint.Constraint>
  /** The variables by their ids. */
  readonly variables: ReadonlyMap<string, number>
}

export const leafOf = (choices: Choices, space: Space): Leaf => ({
  requirements: choices.required.filter(({ open }) => open),
  domains: Array.from({ length: space.engine.count }, (_, variable) => space.engine.values(variable)),
  constraints: [...space.engine.constraints],
  variables: new Map(space.all.map(([id]) => [id, space.variable(id)]))
})

export const decide = (
  choices: Choices,
  leaves: ReadonlyMap<Branch, Leaf>,
  interned: Interned,
  solver: ConstraintSolver.Service,
  budget: Budget
): Effect.Effect<Decision> =>
  Effect.gen(function*() {
    const plan = bestWay(branchesOf(choices.root, ({ refutedBy: { size } }) => size > 0))
    if (plan !== undefined) {
      budget.nodes++
      return { _tag: "Planned", plan }
    }
    const { made, problem, search } = sketchOf(choices, leaves, interned, false)
    const outcome = yield* Effect.orDie(solver.solve(problem, { ties: "smallest", search, limits: budget.left }))
    budget.nodes += outcome.progress.nodes
    const planned = (solution: Problem.Solution): Plan =>
      new Map(made.map((choice, variable) => [choice, solution[variable]]))
    switch (outcome._tag) {
      case "Solved":
        return { _tag: "Planned", plan: planned(outcome.solution) }
      case "Unsatisfiable":
        return {
          _tag: "Impossible",
          requirements: yield* impossible(sketchOf(choices, leaves, interned, true), budget)
        }
      case "Limited": {
        const limit = outcome.limit === "time" ? "time" : "nodes"
        return { _tag: "Limited", limit, plan: Option.getOrUndefined(Option.map(outcome.best, planned)) }
      }
    }
  })

/** Throws `Refused` where a constraint makes no sense for some of the values. */
export const check = (
  data: ConstraintData,
  interned: Interned,
  codesOf: (named: Parameters<Scope["find"]>[0]) => ReadonlyArray<number>
): void => {
  const sketch: Sketch = new Sketch(interned, (named) => sketch.add(Domain.values(codesOf(named))))
  sketch.lower(data)
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

/** What has to hold for a branch to be taken. */
type IsTaken = (branch: Branch) => Constraint.Constraint

/** A problem, and the choices that its first variables are for. */
interface Decidable {
  readonly problem: Problem.Problem
  readonly made: ReadonlyArray<Choice>
  readonly search: NonNullable<Solver.Options["search"]>
}

/** The branches where an expression is required, there or beyond. */
const judgedByExpressions = (root: Branch): ReadonlySet<Branch> => {
  const found = new Set<Branch>()
  for (const branch of [...branchesOf(root, () => false)].reverse()) {
    if (!found.has(branch) && !hasExpressions(branch)) continue
    found.add(branch)
    if (branch.from !== undefined) found.add(branch.from.branch)
  }
  return found
}

/** `whole`: with all that tells which requirements are to blame. */
const sketchOf = (
  choices: Choices,
  leaves: ReadonlyMap<Branch, Leaf>,
  interned: Interned,
  whole: boolean
): Decidable => {
  const judged = whole ? judgedByExpressions(choices.root) : undefined
  const isClosed = (branch: Branch): boolean =>
    judged === undefined ? branch.refutedBy.size > 0 : branch.refutedBy.size === 1 && !judged.has(branch)
  const branches = branchesOf(choices.root, isClosed)
  const made = branches.flatMap((branch) =>
    isClosed(branch) ? [] : branch.events.flatMap((event) => event._tag === "Made" ? [event.choice] : [])
  )
  made.sort((one, other) => one.number - other.number)
  const places = new Map(made.map((choice, place) => [choice, place]))
  // Whatever is mentioned in an open branch was made on the way to it.
  const placeOf = (choice: Choice): number => places.get(choice) as number
  const found = new Map<Choice, Chosen>()
  const valueOf = (choice: Choice): number => {
    const codes = choice.options.map((option) => interned.code(option))
    const variable = sketch.add(Domain.values(codes))
    sketch.link(Constraint.element(placeOf(choice), codes, variable))
    return variable
  }
  const chosenOf = (choice: Choice): Chosen => {
    let result = found.get(choice)
    if (result === undefined) {
      let variable: number | undefined
      result = chosen(placeOf(choice), choice.options, () => variable ??= valueOf(choice))
      found.set(choice, result)
    }
    return result
  }
  let known: ReadonlyMap<string, Choice> = new Map()
  let variables: (id: string) => number = refuseVariable
  const sketch: Sketch = new Sketch(interned, ({ _tag, id }) => {
    const choice = known.get(id)
    return _tag === "Choice" && choice !== undefined ? chosenOf(choice) : variables(id)
  })
  for (const { number, options } of made) {
    sketch.add(Domain.range(0, options.length - 1), `choice ${number + 1}`)
  }
  const conditions = new Map<Branch, Constraint.Constraint>([[choices.root, Constraint.and()]])
  /** A branch is taken where the one that it leaves is, and its own option. Each has a variable that says so. */
  const isTaken: IsTaken = (branch) => {
    const unknown: Array<Branch> = []
    let at = branch
    while (!conditions.has(at) && at.from !== undefined) {
      unknown.push(at)
      at = at.from.branch
    }
    let condition = conditions.get(at) ?? Constraint.and()
    for (let next = unknown.pop(); next?.from !== undefined; next = unknown.pop()) {
      const { branch: { depth }, choice, option } = next.from
      const isChosen = Constraint.compareValue(placeOf(choice), "=", option)
      if (depth === 0) condition = isChosen
      else {
        const indicator = sketch.add(Domain.range(0, 1))
        sketch.link(Constraint.reified(indicator, Constraint.and(condition, isChosen)))
        condition = Constraint.compareValue(indicator, "=", 1)
      }
      conditions.set(next, condition)
    }
    return condition
  }
  // A choice that is not made has no other value than the first.
  for (const [place, { branch }] of made.entries()) {
    if (branch.depth > 0) sketch.link(Constraint.or(isTaken(branch), Constraint.compareValue(place, "=", 0)))
  }
  const require = (name: string, where: Branch, constraint: Constraint.Constraint) =>
    sketch.require(where.depth === 0 ? constraint : Constraint.implies(isTaken(where), constraint), name)
  for (const branch of branches) {
    if (isClosed(branch)) {
      const [name] = branch.refutedBy
      require(name, branch, Constraint.or())
      continue
    }
    for (const event of branch.events) {
      if (event._tag === "Made") continue
      const { condition, name, open } = event.requirement
      if (typeof condition === "boolean") {
        if (!condition) require(name, branch, Constraint.or())
      } else if (!open) {
        known = event.requirement.choices
        require(name, branch, sketch.lower(condition))
      }
    }
    const leaf = leaves.get(branch)
    if (leaf === undefined) continue
    const taken = isTaken(branch)
    const before = sketch.variables.length
    for (const domain of leaf.domains) sketch.add(Domain.values(domain))
    for (const constraint of leaf.constraints) {
      sketch.link(Constraint.implies(taken, shift(constraint, before)))
    }
    variables = (id) => {
      const variable = leaf.variables.get(id)
      return variable === undefined ? refuseVariable(id) : before + variable
    }
    for (const { choices, condition, name } of leaf.requirements) {
      known = choices
      if (typeof condition !== "boolean") require(name, branch, sketch.lower(condition))
    }
  }
  return {
    problem: sketch.problem([preferred(made, isTaken)]),
    made,
    // What follows from the choices is not searched for, nor are choices that may not be made before those that are.
    search: { variables: weightiest(made), variableOrder: "input" }
  }
}

/**
 * Names of requirements that cannot hold together. One after the other is left out, and stays out if the rest is still
 * impossible; where that takes too long to say, it is kept.
 */
const impossible = ({ problem, search }: Decidable, budget: Budget): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function*() {
    let requirements = problem.requirements
    let names = [...new Set(requirements.flatMap(({ name }) => name ?? []))]
    for (const name of names) {
      if (budget.reached === "time") break
      const fewer = requirements.filter((requirement) => requirement.name !== name)
      const options: Solver.Options = { search, limits: { ...budget.left, nodes: 10_000 } }
      const outcome = yield* Effect.orDie(Solver.solve({ ...problem, requirements: fewer, objectives: [] }, options))
      if (outcome._tag !== "Unsatisfiable") continue
      requirements = fewer
      names = names.filter((other) => other !== name)
    }
    return names
  })

/** As little as possible is lost. What is lost in any case does not matter. */
const preferred = (made: ReadonlyArray<Choice>, isTaken: IsTaken): Problem.Objective => {
  const all = made.flatMap(({ losses }) => losses).filter((loss) => loss > 0)
  const unit = all.reduce(greatestCommonDivisor, 0)
  return Problem.minimize(...made.flatMap(({ branch, losses }, place): ReadonlyArray<Problem.Term> => {
    const isSure = branch.depth === 0
    const [first, second = first] = losses
    const step = second - first
    if (losses.every((loss, option) => loss === first + step * option)) {
      // A choice that is not made is at its first option, where it is to count nothing.
      return [
        ...step === 0 ? [] : [Problem.times(step / unit, place)],
        ...isSure || first === 0 ? [] : [Problem.when(first / unit, isTaken(branch))]
      ]
    }
    return losses.flatMap((loss, option) => {
      if (loss === 0) return []
      const isChosen = Constraint.compareValue(place, "=", option)
      return [Problem.when(loss / unit, isSure || option > 0 ? isChosen : Constraint.and(isTaken(branch), isChosen))]
    })
  }))
}

/** The choices by what they may lose, those that are made in any case first. */
const weightiest = (made: ReadonlyArray<Choice>): ReadonlyArray<number> => {
  const most = ({ losses }: Choice) => losses.reduce((most, loss) => Math.max(most, loss), 0)
  return [...made.entries()]
    .sort(([, one], [, other]) => one.branch.depth - other.branch.depth || most(other) - most(one))
    .map(([place]) => place)
}

const greatestCommonDivisor = (a: number, b: number): number => b === 0 ? a : greatestCommonDivisor(b, a % b)
