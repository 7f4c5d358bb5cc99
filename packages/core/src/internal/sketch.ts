/**
 * A problem for a solver in the making: variables over `Val`s, and constraints on them.
 */
import { type Constraint, Domain, Problem } from "@effect-avm/solver"
import type { ConstraintData } from "../Constraint.js"
import type { TermData } from "../Constraint.js"
import type { Interned } from "./interning.js"
import { lower, type Scope, type Sum, sumOf } from "./lowering.js"

export class Sketch implements Scope {
  readonly variables: Array<Problem.Variable> = []
  readonly requirements: Array<Problem.Requirement> = []

  constructor(
    readonly interned: Interned,
    readonly find: Scope["find"]
  ) {}

  add(domain: Domain.Domain, name?: string, labels?: ReadonlyArray<string>): number {
    const place = this.variables.length
    this.variables.push({ name: name ?? `_${place}`, domain, ...labels === undefined ? {} : { labels } })
    return place
  }

  link(constraint: Constraint.Constraint): void {
    this.requirements.push({ constraint })
  }

  require(constraint: Constraint.Constraint, name: string): void {
    this.requirements.push({ constraint, name })
  }

  min(variable: number): number {
    return Domain.bounds(this.variables[variable].domain)[0]
  }

  max(variable: number): number {
    return Domain.bounds(this.variables[variable].domain)[1]
  }

  values(variable: number): ReadonlyArray<number> {
    return Domain.toArray(this.variables[variable].domain)
  }

  /** Throws `Refused`. */
  lower(data: ConstraintData): Constraint.Constraint {
    return lower(this, data)
  }

  /** Throws `Refused`. */
  sum(data: TermData): Sum {
    return sumOf(this, data)
  }

  problem(objectives: ReadonlyArray<Problem.Objective> = []): Problem.Problem {
    return Problem.make({ variables: this.variables, requirements: this.requirements, objectives })
  }
}
