/**
 * What to choose next, told by the tree of a body's choices alone (`internal/choices`): where nothing but plain booleans was
 * required, a way that no run has gone loses what the options lose that were looked at on it, and may do. So the best way is
 * the one that a solver would find, without a problem of the size of the tree.
 */
import type { Branch, Choice, Plan } from "./choices.js"

/** A way that leaves what is known: by this option, at the end of this branch. */
interface Way {
  readonly branch: Branch
  readonly choice: Choice
  readonly option: number
  readonly loss: number
}

/**
 * The way that loses least, the smallest of these in the order in which choices were found. `branches`: those that may still
 * do, each before those that leave it. Undefined where there is no other way, or where it takes a solver to say.
 */
export const bestWay = (branches: ReadonlyArray<Branch>): Plan | undefined => {
  if (branches.some(isForSolver)) return undefined
  const before = new Map<Branch, { readonly loss: number; readonly pending: number }>()
  for (const branch of branches) {
    const { from } = branch
    const { loss, pending } = before.get(from?.branch ?? branch) ?? { loss: 0, pending: 0 }
    const made = branch.events.filter(({ _tag }) => _tag === "Made").length
    before.set(branch, {
      loss: from === undefined ? 0 : loss + from.choice.losses[from.option],
      // One of them was looked at to come here.
      pending: from === undefined ? made : pending - 1 + made
    })
  }
  const best = new Map<Branch, Way>()
  for (let at = branches.length - 1; at >= 0; at--) {
    const branch = branches[at]
    const { fork, refutedBy } = branch
    const { loss = 0, pending = 0 } = before.get(branch) ?? {}
    if (fork === undefined || refutedBy.size > 0) continue
    const { branches: known, choice } = fork
    let found: Way | undefined
    for (let option = 0; option < choice.options.length; option++) {
      const next = known.get(option)
      const way = next === undefined
        ? { branch, choice, option, loss: loss + choice.losses[option] }
        : best.get(next)
      if (way === undefined) continue
      if (
        found === undefined || way.loss < found.loss ||
        // The option itself speaks for the one that was found first.
        (way.loss === found.loss && pending > 1 && isSmaller(way, found, branch))
      ) found = way
    }
    if (found !== undefined) best.set(branch, found)
  }
  const way = best.get(branches[0])
  return way === undefined ? undefined : planOf(way)
}

/** An expression, or the end of a run that nothing was wrong with by all that is known here. */
const isForSolver = ({ events, fork, refutedBy }: Branch): boolean =>
  refutedBy.size === 0 &&
  (fork === undefined ||
    events.some((event) => event._tag === "Required" && typeof event.requirement.condition !== "boolean"))

/** By the choices that were made on the way to this branch before the one it forks by, and are looked at later, if at all. */
const isSmaller = (self: Way, that: Way, branch: Branch): boolean => {
  const [mine, other] = [planOf(self), planOf(that)]
  const own = branch.fork?.choice.number ?? Infinity
  const differing = [...mine].filter(([choice, option]) =>
    choice.number < own && other.has(choice) && other.get(choice) !== option
  )
  differing.sort(([one], [another]) => one.number - another.number)
  const [first] = differing
  return first !== undefined && first[1] < (other.get(first[0]) ?? 0)
}

/** All choices that are made on it: what is not looked at is what is best. */
const planOf = ({ branch, choice, option }: Way): Plan => {
  const plan = new Map<Choice, number>([[choice, option]])
  for (let at: Branch | undefined = branch; at !== undefined; at = at.from?.branch) {
    if (at.from !== undefined) plan.set(at.from.choice, at.from.option)
    for (const event of at.events) {
      if (event._tag === "Made" && !plan.has(event.choice)) plan.set(event.choice, bestOf(event.choice))
    }
  }
  return plan
}

const bestOf = ({ losses }: Choice): number => losses.indexOf(0)
