/**
 * What to choose next (D29): the problem that is known of a body, and the best choices by it.
 *
 * A choice is a variable over the places of its options: see `internal/lowering` for how its value comes in. What was required on a branch is required where the branch is taken. A part of the tree that no run has come to yet is not
 * in the problem, so its best solution is never worse than the best run: a run that follows it, and in which everything
 * holds, is the best one.
 */
import { Constraint, type ConstraintSolver, Domain, Problem, Solver } from "@effect-avm/solver"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { ConstraintData } from "../Constraint.js"
import type { Budget } from "./budget.js"
import type { Branch, Choice, Choices, Plan, Requirement } from "./choices.js"
import type { Interned } from "./interning.js"
import { type Chosen, chosen, refuseVariable, type Scope } from "./lowering.js"
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
    const { isTaken, sketch } = sketchOf(choices, leaves, interned)
    // What follows from the choices is not searched for, nor are choices that may not be made before those that are.
    const search = { variables: weightiest(choices), variableOrder: "input" } as const
    const problem = sketch.problem([preferred(choices, isTaken)])
    const outcome = yield* Effect.orDie(solver.solve(problem, { ties: "smallest", search, limits: budget.left }))
    budget.nodes += outcome.progress.nodes
    const planned = (solution: Problem.Solution): Plan =>
      new Map(choices.known.map((choice) => [choice, solution[choice.number]]))
    switch (outcome._tag) {
      case "Solved":
        return { _tag: "Planned", plan: planned(outcome.solution) }
      case "Unsatisfiable":
        return { _tag: "Impossible", requirements: yield* impossible(problem, search, budget) }
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

const sketchOf = (
  choices: Choices,
  leaves: ReadonlyMap<Branch, Leaf>,
  interned: Interned
): { readonly sketch: Sketch; readonly isTaken: IsTaken } => {
  const found = new Map<Choice, Chosen>()
  const valueOf = ({ number, options }: Choice): number => {
    const codes = options.map((option) => interned.code(option))
    const variable = sketch.add(Domain.values(codes))
    sketch.link(Constraint.element(number, codes, variable))
    return variable
  }
  const chosenOf = (choice: Choice): Chosen => {
    let result = found.get(choice)
    if (result === undefined) {
      let variable: number | undefined
      result = chosen(choice.number, choice.options, () => variable ??= valueOf(choice))
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
  for (const choice of choices.known) {
    sketch.add(Domain.range(0, choice.options.length - 1), `choice ${choice.number + 1}`)
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
      const { branch: { depth }, choice: { number }, option } = next.from
      const isChosen = Constraint.compareValue(number, "=", option)
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
  for (const { branch, number } of choices.known) {
    if (branch.depth > 0) sketch.link(Constraint.or(isTaken(branch), Constraint.compareValue(number, "=", 0)))
  }
  const require = ({ branch, name }: Requirement, where: Branch, constraint: Constraint.Constraint) =>
    sketch.require(
      where.depth === 0 && branch.depth === 0 ? constraint : Constraint.implies(isTaken(where), constraint),
      name
    )
  const branches: Array<Branch> = [choices.root]
  for (let branch = branches.pop(); branch !== undefined; branch = branches.pop()) {
    for (const event of branch.events) {
      if (event._tag === "Made") continue
      const { requirement } = event
      if (typeof requirement.condition === "boolean") {
        if (!requirement.condition) require(requirement, branch, Constraint.or())
      } else if (!requirement.open) {
        known = requirement.choices
        require(requirement, branch, sketch.lower(requirement.condition))
      }
    }
    const leaf = leaves.get(branch)
    if (leaf !== undefined) {
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
      for (const requirement of leaf.requirements) {
        known = requirement.choices
        if (typeof requirement.condition !== "boolean") {
          require(requirement, branch, sketch.lower(requirement.condition))
        }
      }
    }
    branches.push(...[...branch.fork?.branches.values() ?? []].reverse())
  }
  return { sketch, isTaken }
}

/**
 * Names of requirements that cannot hold together. One after the other is left out, and stays out if the rest is still
 * impossible; where that takes too long to say, it is kept.
 */
const impossible = (
  problem: Problem.Problem,
  search: NonNullable<Solver.Options["search"]>,
  budget: Budget
): Effect.Effect<ReadonlyArray<string>> =>
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
const preferred = (choices: Choices, isTaken: IsTaken): Problem.Objective => {
  const all = choices.known.flatMap(({ losses }) => losses).filter((loss) => loss > 0)
  const unit = all.reduce(greatestCommonDivisor, 0)
  return Problem.minimize(...choices.known.flatMap(({ branch, losses, number }): ReadonlyArray<Problem.Term> => {
    const isSure = branch.depth === 0
    const [first, second = first] = losses
    const step = second - first
    if (losses.every((loss, option) => loss === first + step * option)) {
      // A choice that is not made is at its first option, where it is to count nothing.
      return [
        ...step === 0 ? [] : [Problem.times(step / unit, number)],
        ...isSure || first === 0 ? [] : [Problem.when(first / unit, isTaken(branch))]
      ]
    }
    return losses.flatMap((loss, option) => {
      if (loss === 0) return []
      const isChosen = Constraint.compareValue(number, "=", option)
      return [Problem.when(loss / unit, isSure || option > 0 ? isChosen : Constraint.and(isTaken(branch), isChosen))]
    })
  }))
}

/** The choices by what they may lose, those that are made in any case first. */
const weightiest = (choices: Choices): ReadonlyArray<number> => {
  const most = ({ losses }: Choice) => losses.reduce((most, loss) => Math.max(most, loss), 0)
  return [...choices.known]
    .sort((one, other) => one.branch.depth - other.branch.depth || most(other) - most(one))
    .map(({ number }) => number)
}

const greatestCommonDivisor = (a: number, b: number): number => b === 0 ? a : greatestCommonDivisor(b, a % b)
