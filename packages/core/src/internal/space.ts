/**
 * The variables of a program and what is known of them: the solver's engine under names and `Val`s.
 *
 * Everything that is done to it since a mark can be undone. Nothing here knows of programs or transactions: see
 * `internal/variables`.
 */
import { type Constraint as Lowered, Domain as Domains, Engine } from "@effect-avm/solver"
import type { ConstraintData } from "../Constraint.js"
import type { Val } from "../Val.js"
import { Interned } from "./interning.js"
import { lower, refuse, refuseVariable, type Scope } from "./lowering.js"

/** Values to choose from: a range of integers, or a list in the order of preference. */
export type Values =
  | { readonly _tag: "Range"; readonly from: number; readonly to: number }
  | { readonly _tag: "Values"; readonly values: ReadonlyArray<Val> }

/** A variable that there is. */
export interface Known {
  readonly id: string
  readonly variable: number
  /** How many were there before it. */
  readonly place: number
  /** The codes in the domain's order, unless that is ascending. */
  readonly order: ReadonlyArray<number> | undefined
}

export class Space {
  readonly engine = Engine.make()
  readonly interned = new Interned()
  private readonly known = new Map<string, Known>()
  private readonly names: Array<Known> = []
  private readonly posted: Array<ConstraintData> = []
  /** For each mark two lengths: of the names, and of what was posted. */
  private readonly marks: Array<number> = []
  /** The place of the variable that comes after the one looked up last. */
  private expected = 0
  /** The engine's steps when they were counted last. */
  private counted = 0
  /** Whether what goes with the constraint that is being posted could be posted itself. */
  private linked = true

  private readonly scope: Scope = {
    interned: this.interned,
    find: ({ _tag, id }) => {
      if (_tag === "Choice") return refuse(`${id} is a choice: say so by Nondet.require`)
      return this.variable(id)
    },
    min: (variable) => this.engine.min(variable),
    max: (variable) => this.engine.max(variable),
    values: (variable) => this.engine.values(variable),
    add: (domain) => this.engine.newVariable(domain),
    link: (constraint) => {
      if (this.linked) this.linked = this.engine.post(constraint)
    }
  }

  // -------------------------------------------------------------------------
  // undoing
  // -------------------------------------------------------------------------

  mark(): number {
    const depth = this.engine.mark()
    this.marks.push(this.names.length, this.posted.length)
    return depth
  }

  undoTo(depth: number): void {
    const { marks, names, posted } = this
    if (marks.length <= 2 * depth) return
    const [namesThen, postedThen] = [marks[2 * depth], marks[2 * depth + 1]]
    marks.length = 2 * depth
    this.engine.undoTo(depth)
    posted.length = postedThen
    while (names.length > namesThen) this.known.delete(names.pop()?.id ?? "")
  }

  /** Keeps what was done, and takes the marks away. */
  releaseTo(depth: number): void {
    while (this.marks.length > 2 * depth) {
      this.marks.length -= 2
      this.engine.release()
    }
  }

  // -------------------------------------------------------------------------
  // how long it takes
  // -------------------------------------------------------------------------

  /** The steps that the engine has taken since this was asked last. */
  countSteps(): number {
    const { steps } = this.engine
    const since = steps - this.counted
    this.counted = steps
    return since
  }

  // -------------------------------------------------------------------------
  // reading
  // -------------------------------------------------------------------------

  get count(): number {
    return this.names.length
  }

  /** None if it is not there. Most often they are looked up in the order in which they were made. */
  lookup(id: string): Known | undefined {
    const next = this.names[this.expected]
    const found = next?.id === id ? next : this.known.get(id)
    if (found !== undefined) this.expected = found.place + 1
    return found
  }

  /** Throws `Refused`. */
  find(id: string): Known {
    return this.known.get(id) ?? refuseVariable(id)
  }

  variable(id: string): number {
    return this.find(id).variable
  }

  /** The values that are left, in the domain's order. */
  values(id: string): ReadonlyArray<Val> {
    return this.left(this.find(id)).map((code) => this.interned.value(code))
  }

  value(code: number): Val {
    return this.interned.value(code)
  }

  get all(): ReadonlyArray<readonly [id: string, values: ReadonlyArray<Val>]> {
    return this.names.map(({ id }) => [id, this.values(id)])
  }

  get constraints(): ReadonlyArray<ConstraintData> {
    return this.posted
  }

  // -------------------------------------------------------------------------
  // changing
  // -------------------------------------------------------------------------

  /** False where there is no value. */
  newVar(id: string, values: Values): boolean {
    const [domain, order] = domainOf(this.interned, values)
    if (domain === undefined) return false
    const known = { id, variable: this.engine.newVariable(domain), place: this.names.length, order }
    this.known.set(id, known)
    this.names.push(known)
    return true
  }

  narrow({ variable }: Known, values: Values): boolean {
    const [domain] = domainOf(this.interned, values)
    return domain !== undefined && this.engine.narrow(variable, domain)
  }

  /** Throws `Refused`. */
  post(data: ConstraintData): boolean {
    const { engine } = this
    // What is added for the constraint goes with it.
    const depth = engine.mark()
    let posted: boolean
    this.linked = true
    try {
      const lowered = lower(this.scope, data)
      posted = this.linked && this.accept(lowered)
    } catch (error) {
      engine.undoTo(depth)
      throw error
    }
    if (posted) {
      engine.release()
      this.posted.push(data)
    } else engine.undoTo(depth)
    return posted
  }

  private accept(lowered: Lowered.Constraint): boolean {
    try {
      return this.engine.post(lowered)
    } catch (error) {
      const wrong = this.engine.check(lowered)
      if (wrong === undefined) throw error
      return refuse(wrong.message)
    }
  }

  /** Gives the variable its next possible value in the domain's order; undefined where there is none. */
  next({ order, variable }: Known, after: number | undefined): number | undefined {
    if (order === undefined) return this.engine.label(variable, after)
    const from = after === undefined ? 0 : order.indexOf(after) + 1
    for (let at = from; at < order.length; at++) {
      if (this.engine.assign(variable, order[at])) return order[at]
    }
    return undefined
  }

  assign({ variable }: Known, code: number): boolean {
    return this.engine.assign(variable, code)
  }

  // -------------------------------------------------------------------------
  // internal
  // -------------------------------------------------------------------------

  private left({ order, variable }: Known): ReadonlyArray<number> {
    return order === undefined
      ? this.engine.values(variable)
      : order.filter((code) => this.engine.has(variable, code))
  }
}

/** The domain for the solver, and the order of its values where that is not ascending; none without values. */
export const domainOf = (
  interned: Interned,
  values: Values
): readonly [Domains.Domain | undefined, ReadonlyArray<number> | undefined] => {
  if (values._tag === "Range") {
    return [values.from > values.to ? undefined : Domains.range(values.from, values.to), undefined]
  }
  const codes = [...new Set(values.values.map((value) => interned.code(value)))]
  if (codes.length === 0) return [undefined, undefined]
  return [Domains.values(codes), codes.every((code, at) => at === 0 || codes[at - 1] < code) ? undefined : codes]
}
