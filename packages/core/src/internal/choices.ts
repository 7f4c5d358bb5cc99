/**
 * What a transaction has chosen and required so far (D29), and what is learned of its body where it is run again with
 * other choices.
 *
 * A body depends on its choices through those alone whose value it has looked at. So its runs form a tree: each place at
 * which a value is looked at is a fork with a branch for each option, and what lies between two forks (choices made,
 * requirements) is the same whenever a run comes by. What is on a branch holds where the choices looked at on the way to
 * it are as they were, whatever the others are: that is the condition of a `Branch`.
 *
 * `internal/deciding` makes a problem of the tree; the bracket runs the body. Pinned by `test/core/Nondet.test.ts`.
 */
import type { ConstraintSolver } from "@effect-avm/solver"
import type { ConstraintData } from "../Constraint.js"
import { isObjectId } from "../ObjectId.js"
import { equals, type Val } from "../Val.js"
import { Differs } from "./differs.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/** A choice at its place in the tree. */
export interface Choice {
  /** In the order in which they were found. */
  readonly number: number
  readonly branch: Branch
  readonly options: ReadonlyArray<Val>
  /** For each option, how much less it is worth than the best one. */
  readonly losses: ReadonlyArray<number>
}

/** Which option each choice should be. */
export type Plan = ReadonlyMap<Choice, number>

/** What was required, at its place in the tree. */
export interface Requirement {
  readonly branch: Branch
  readonly name: string
  readonly condition: boolean | ConstraintData
  /** The choices that the condition mentions, by their ids in the run. */
  readonly choices: ReadonlyMap<string, Choice>
  /** Whether it mentions variables as well: then it is judged at the end of a run. */
  readonly open: boolean
}

type Event =
  | { readonly _tag: "Made"; readonly choice: Choice }
  | { readonly _tag: "Required"; readonly requirement: Requirement }

/** What a body does between looking at one choice and at the next. */
export interface Branch {
  /** Where it leaves another one, and by what was seen there; none at the beginning. */
  readonly from: { readonly branch: Branch; readonly choice: Choice; readonly option: number } | undefined
  /** How many choices were looked at on the way here. */
  readonly depth: number
  readonly events: Array<Event>
  fork: { readonly choice: Choice; readonly branches: Map<number, Branch> } | undefined
  /** What every way through it was seen to require in vain, whatever else is chosen, by name; empty where that is not so. */
  refutedBy: ReadonlySet<string>
}

/** A choice as this run has made it. */
interface Made {
  readonly choice: Choice
  /** Those of this run: what it has created has other ids in each. */
  readonly options: ReadonlyArray<Val>
  readonly option: number
  seen: boolean
}

export interface Saved {
  readonly made: number
  readonly seen: number
  readonly required: number
  readonly branch: Branch | undefined
  readonly at: number
}

/** What a loss of one is, in whole numbers: six decimal places of a weight count. */
export const precision = 1_000_000

/** A transaction at its beginning. */
export const nothingChosen: Saved = { made: 0, seen: 0, required: 0, branch: undefined, at: 0 }

// ---------------------------------------------------------------------------
// operations
// ---------------------------------------------------------------------------

/** Each before those that leave it, as far as they are open. */
export const branchesOf = (root: Branch, isClosed: (branch: Branch) => boolean): ReadonlyArray<Branch> => {
  const found: Array<Branch> = []
  const ahead = [root]
  for (let branch = ahead.pop(); branch !== undefined; branch = ahead.pop()) {
    found.push(branch)
    if (!isClosed(branch)) ahead.push(...[...branch.fork?.branches.values() ?? []].reverse())
  }
  return found
}

/** Whether more than plain booleans is required on it, so that it takes a solver. */
export const hasExpressions = ({ events }: Branch): boolean =>
  events.some((event) => event._tag === "Required" && typeof event.requirement.condition !== "boolean")

// ---------------------------------------------------------------------------
// the choices of a transaction
// ---------------------------------------------------------------------------

export class Choices {
  readonly root: Branch = { from: undefined, depth: 0, events: [], fork: undefined, refutedBy: nothing }
  /** All that were found, in any run. */
  readonly known: Array<Choice> = []
  /** What each run should choose; where it says nothing, what is best. */
  plan: Plan = new Map()

  readonly made: Array<Made> = []
  private readonly order: Array<Made> = []
  readonly required: Array<Requirement> = []
  /** Whether it is known that all of it holds. */
  settled = false
  /** Where this run is in the tree, and how many of the events there it has been through. */
  branch: Branch = this.root
  private at = 0

  constructor(
    private readonly name: string,
    /** Without, it is the first option. */
    private readonly best: boolean,
    readonly solver: ConstraintSolver.Service
  ) {}

  id(place: number): string {
    return `c${place + 1}@${this.name}`
  }

  /** Makes a choice; answers its place among those of this run. */
  choose(options: ReadonlyArray<Val>, losses: ReadonlyArray<number>): number {
    const event = this.branch.events[this.at]
    let choice: Choice
    if (event === undefined) {
      this.expectEnd("Nondet.choose")
      choice = { number: this.known.length, branch: this.branch, options, losses }
      this.known.push(choice)
      this.branch.events.push({ _tag: "Made", choice })
    } else if (event._tag === "Made" && isSameChoice(event.choice, options, losses)) choice = event.choice
    else throw new Differs({ found: "Nondet.choose", expected: nameOf(event) })
    this.at++
    const option = this.plan.get(choice) ?? (this.best ? Math.max(0, losses.indexOf(0)) : 0)
    return this.made.push({ choice, options, option, seen: false }) - 1
  }

  /** The value of a choice; to have asked for it makes what follows depend on it. */
  look(place: number): Val {
    const made = this.made[place]
    if (!made.seen) {
      made.seen = true
      this.order.push(made)
      this.fork(made)
    }
    return made.options[made.option]
  }

  /** What was chosen in this run, in the order of choosing, and what all of it is worth less than the best options. */
  get chosen(): { readonly values: ReadonlyArray<Val>; readonly loss: number } {
    return {
      values: this.made.map(({ option, options }) => options[option]),
      loss: this.made.reduce((sum, { choice, option }) => sum + choice.losses[option], 0) / precision
    }
  }

  /** `mentioned`: the ids of choices in the condition. */
  require(
    condition: boolean | ConstraintData,
    name: string | undefined,
    open: boolean,
    mentioned: Iterable<string> = []
  ): void {
    const event = this.branch.events[this.at]
    const choices = new Map<string, Choice>()
    for (const id of mentioned) {
      const made = this.find(id)
      if (made !== undefined) choices.set(id, made.choice)
    }
    const named = name ?? `requirement ${this.required.length + 1}`
    const requirement = { branch: this.branch, name: named, condition, choices, open }
    if (event === undefined) {
      this.expectEnd("Nondet.require")
      this.branch.events.push({ _tag: "Required", requirement })
    } else if (event._tag !== "Required" || !isSameCondition(event.requirement, condition, open)) {
      throw new Differs({ found: "Nondet.require", expected: nameOf(event) })
    }
    this.at++
    this.required.push(requirement)
  }

  /** None if it is no choice of this transaction. */
  optionsOf(id: string): ReadonlyArray<Val> | undefined {
    return this.find(id)?.options
  }

  /** The value that a choice has in this run, without looking at it. */
  valueOf(id: string): Val | undefined {
    const made = this.find(id)
    return made?.options[made.option]
  }

  save(): Saved {
    const { at, branch, made, order, required } = this
    return { made: made.length, seen: order.length, required: required.length, branch, at }
  }

  restore(saved: Saved): void {
    this.made.length = saved.made
    for (const made of this.order.splice(saved.seen)) made.seen = false
    this.required.length = saved.required
    this.branch = saved.branch ?? this.root
    this.at = saved.at
  }

  /** This run does not do. */
  refute(): void {
    for (const branch of wayTo(this.branch)) branch.refutedBy = refutedBy(branch)
  }

  /** What was learned beyond this place does not hold any more: something else than a choice is different now. */
  forget(): void {
    this.branch.events.length = this.at
    this.branch.fork = undefined
    for (const branch of wayTo(this.branch)) branch.refutedBy = nothing
  }

  private find(id: string): Made | undefined {
    const end = id.indexOf("@")
    if (id.slice(end + 1) !== this.name) return undefined
    return this.made[Number(id.slice(1, end)) - 1]
  }

  private fork({ choice, option }: Made): void {
    const { branch } = this
    const event = branch.events[this.at]
    if (event !== undefined) throw new Differs({ found: "looking at a choice", expected: nameOf(event) })
    branch.fork ??= { choice, branches: new Map() }
    if (branch.fork.choice !== choice) {
      throw new Differs({ found: "looking at a choice", expected: "looking at another one" })
    }
    let next = branch.fork.branches.get(option)
    if (next === undefined) {
      const from = { branch, choice, option }
      next = { from, depth: branch.depth + 1, events: [], fork: undefined, refutedBy: nothing }
      branch.fork.branches.set(option, next)
    }
    this.branch = next
    this.at = 0
  }

  private expectEnd(found: string): void {
    if (this.branch.fork !== undefined) throw new Differs({ found, expected: "looking at a choice" })
  }
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

/** The branches to this one, from its end. */
function* wayTo(branch: Branch): Iterable<Branch> {
  for (let at: Branch | undefined = branch; at !== undefined; at = at.from?.branch) yield at
}

/** What is required as an expression is for the solver. */
const refutedBy = ({ events, fork }: Branch): ReadonlySet<string> => {
  const names = new Set<string>()
  for (const event of events) {
    if (event._tag === "Required" && event.requirement.condition === false) names.add(event.requirement.name)
  }
  const ways = [...fork?.branches.values() ?? []]
  const isClosed = ways.length === fork?.choice.options.length && ways.every((way) => way.refutedBy.size > 0)
  if (names.size === 0 && !isClosed) return nothing
  for (const way of ways) for (const name of way.refutedBy) names.add(name)
  return names
}

const nothing: ReadonlySet<string> = new Set()

const nameOf = (event: Event): string => event._tag === "Made" ? "Nondet.choose" : "Nondet.require"

const isSameChoice = (self: Choice, options: ReadonlyArray<Val>, losses: ReadonlyArray<number>): boolean =>
  self.options.length === options.length &&
  self.options.every((option, at) => isAlike(option, options[at]) && self.losses[at] === losses[at])

/** Variables have other ids in each run, so that what is said of them is not compared. */
const isSameCondition = (
  { condition: self, open }: Requirement,
  that: boolean | ConstraintData,
  isOpen: boolean
): boolean => {
  if (typeof self === "boolean" || typeof that === "boolean") return self === that
  // The data of a constraint has the form of a `Val`.
  return open === isOpen && (open || isAlike(self as Val, that as Val))
}

/** But for references: an object that was created in this run has another id. */
const isAlike = (self: Val, that: Val): boolean => {
  if (isObjectId(self)) return isObjectId(that)
  if (Array.isArray(self)) {
    return Array.isArray(that) && self.length === that.length && self.every((part, at) => isAlike(part, that[at]))
  }
  if (!isRecord(self) || !isRecord(that)) return equals(self, that)
  const keys = Object.keys(self)
  return keys.length === Object.keys(that).length && keys.every((key) => key in that && isAlike(self[key], that[key]))
}

const isRecord = (val: Val): val is { readonly [key: string]: Val } =>
  typeof val === "object" && val !== null && !Array.isArray(val) && !isObjectId(val) && !(val instanceof Uint8Array)
