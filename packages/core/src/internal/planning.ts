/**
 * What to choose next, told by the tree of a body's choices alone (`internal/choices`): where nothing but plain booleans was
 * required, a way that no run has gone loses what the options lose that were looked at on it, and may do. So the best way is
 * the one that a solver would find, without a problem of the size of the tree.
 */
import { type Branch, type Choice, hasExpressions, type Plan } from "./choices.js"

/** A way that leaves what is known: by an option, at the end of a branch. */
interface Way {
  readonly branch: Branch
  readonly option: number
  readonly loss: number
  /** Where it looks at something else than what is best, from here on. */
  readonly unusual: Unusual | undefined
}

interface Unusual {
  readonly choice: Choice
  readonly option: number
  readonly next: Unusual | undefined
}

/**
 * The way that loses least, the smallest of these in the order in which choices were found. `branches`: those that may still
 * do, each before those that leave it. Undefined where there is no other way, or where it takes a solver to say.
 */
export const bestWay = (branches: ReadonlyArray<Branch>): Plan | undefined => {
  if (branches.some(isForSolver)) return undefined
  const losses = new Map<Branch, number>()
  for (const branch of branches) {
    const { from } = branch
    losses.set(branch, from === undefined ? 0 : (losses.get(from.branch) ?? 0) + from.choice.losses[from.option])
  }
  const best = new Map<Branch, Way>()
  for (let at = branches.length - 1; at >= 0; at--) {
    const branch = branches[at]
    const { fork, refutedBy } = branch
    if (fork === undefined || refutedBy.size > 0) continue
    const way = bestFrom(branch, fork, losses.get(branch) ?? 0, best)
    if (way !== undefined) best.set(branch, way)
  }
  const way = best.get(branches[0])
  return way === undefined ? undefined : planOf(way)
}

const bestFrom = (
  branch: Branch,
  { branches, choice }: NonNullable<Branch["fork"]>,
  loss: number,
  best: ReadonlyMap<Branch, Way>
): Way | undefined => {
  let found: Way | undefined
  for (let option = 0; option < choice.options.length; option++) {
    const next = branches.get(option)
    const known = next === undefined ? undefined : best.get(next)
    // What is known of it does not do.
    if (next !== undefined && known === undefined) continue
    const way = known ?? { branch, option, loss: loss + choice.losses[option], unusual: undefined }
    // Of equally good ones the first option, unless choices that were made before speak against it.
    if (found !== undefined && way.loss > found.loss) continue
    const unusual = option === bestOf(choice) ? way.unusual : { choice, option, next: way.unusual }
    const one = { ...way, unusual }
    if (found === undefined || way.loss < found.loss || isSmaller(one, found, choice)) found = one
  }
  return found
}

/** By the choices that were found before this one: no others are made on both ways. */
const isSmaller = (self: Way, that: Way, choice: Choice): boolean => {
  const [mine, other] = [unusualBefore(self, choice), unusualBefore(that, choice)]
  let first: Choice | undefined
  for (const each of [...mine.keys(), ...other.keys()]) {
    if (mine.get(each) !== other.get(each) && (first === undefined || each.number < first.number)) first = each
  }
  return first !== undefined && (mine.get(first) ?? bestOf(first)) < (other.get(first) ?? bestOf(first))
}

const unusualBefore = ({ unusual }: Way, choice: Choice): ReadonlyMap<Choice, number> => {
  const found = new Map<Choice, number>()
  for (let at = unusual; at !== undefined; at = at.next) {
    if (at.choice.number < choice.number) found.set(at.choice, at.option)
  }
  return found
}

/** An expression, or the end of a run that nothing was wrong with by all that is known here. */
const isForSolver = (branch: Branch): boolean =>
  branch.refutedBy.size === 0 && (branch.fork === undefined || hasExpressions(branch))

/** All choices that are made on it: what is not looked at is what is best. */
const planOf = ({ branch, option }: Way): Plan => {
  const plan = new Map<Choice, number>()
  if (branch.fork !== undefined) plan.set(branch.fork.choice, option)
  for (let at: Branch | undefined = branch; at !== undefined; at = at.from?.branch) {
    if (at.from !== undefined) plan.set(at.from.choice, at.from.option)
    for (const event of at.events) {
      if (event._tag === "Made" && !plan.has(event.choice)) plan.set(event.choice, bestOf(event.choice))
    }
  }
  return plan
}

const bestOf = ({ losses }: Choice): number => losses.indexOf(0)
