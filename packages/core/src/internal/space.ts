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

interface Known {
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
  private readonly marks: Array<{ readonly names: number; readonly posted: number }> = []

  // -------------------------------------------------------------------------
  // undoing
  // -------------------------------------------------------------------------

  get depth(): number {
    return this.marks.length
  }

  mark(): number {
    this.engine.mark()
    return this.marks.push({ names: this.names.length, posted: this.posted.length }) - 1
  }

  undoTo(depth: number): void {
    const mark = this.marks[depth]
    if (mark === undefined) return
    this.marks.length = depth
    this.engine.undoTo(depth)
    this.posted.length = mark.posted
    while (this.names.length > mark.names) this.known.delete(this.names.pop()?.id ?? "")
  }

  /** Keeps what was done, and takes the marks away. */
  releaseTo(depth: number): void {
    while (this.marks.length > depth) {
      this.marks.pop()
      this.engine.release()
    }
  }

  // -------------------------------------------------------------------------
  // reading
  // -------------------------------------------------------------------------

  get count(): number {
    return this.names.length
  }

  has(id: string): boolean {
    return this.known.has(id)
  }

  /** How many variables were there before this one. */
  place(id: string): number {
    return this.find(id).place
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

  narrow(id: string, values: Values): boolean {
    const { variable } = this.find(id)
    const [domain] = domainOf(this.interned, values)
    return domain !== undefined && this.engine.narrow(variable, domain)
  }

  /** Throws `Refused`. */
  post(data: ConstraintData): boolean {
    const { engine } = this
    // What is added for the constraint goes with it.
    const depth = engine.mark()
    let posted = true
    try {
      const scope: Scope = {
        interned: this.interned,
        find: ({ _tag, id }) => {
          if (_tag === "Choice") return refuse(`${id} is a choice: say so by Nondet.require`)
          return this.variable(id)
        },
        min: (variable) => engine.min(variable),
        max: (variable) => engine.max(variable),
        values: (variable) => engine.values(variable),
        add: (domain) => engine.newVariable(domain),
        link: (constraint) => {
          if (posted) posted = engine.post(constraint)
        }
      }
      const lowered = lower(scope, data)
      posted = posted && this.accept(lowered)
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
    const wrong = this.engine.check(lowered)
    return wrong === undefined ? this.engine.post(lowered) : refuse(wrong.message)
  }

  /** Gives the variable its next possible value in the domain's order; undefined where there is none. */
  next(variable: number, id: string, after: number | undefined): number | undefined {
    const { order } = this.find(id)
    if (order === undefined) return this.engine.label(variable, after)
    const from = after === undefined ? 0 : order.indexOf(after) + 1
    for (let at = from; at < order.length; at++) {
      if (this.engine.assign(variable, order[at])) return order[at]
    }
    return undefined
  }

  assign(variable: number, code: number): boolean {
    return this.engine.assign(variable, code)
  }

  // -------------------------------------------------------------------------
  // internal
  // -------------------------------------------------------------------------

  private find(id: string): Known {
    return this.known.get(id) ?? refuseVariable(id)
  }

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
