/**
 * What can be wrong with a problem, and what can go wrong while another solver works on it.
 *
 * `where` names a place in the problem as a path from its root: `constraints[3].variables[1]`.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

// ---------------------------------------------------------------------------
// problems
// ---------------------------------------------------------------------------

/**
 * A domain without a value.
 *
 * @since 0.1.0
 * @category errors
 */
export class EmptyDomain extends Schema.TaggedError<EmptyDomain>("@effect-avm/solver/EmptyDomain")("EmptyDomain", {
  where: Schema.String
}) {
  override get message(): string {
    return `${this.where}: the domain is empty`
  }
}

/**
 * A constraint names a variable that is not there.
 *
 * @since 0.1.0
 * @category errors
 */
export class UnknownVariable
  extends Schema.TaggedError<UnknownVariable>("@effect-avm/solver/UnknownVariable")("UnknownVariable", {
    where: Schema.String,
    variable: Schema.Number,
    /** How many there are. */
    count: Schema.Number
  })
{
  override get message(): string {
    return `${this.where}: there is no variable ${this.variable} among ${this.count}`
  }
}

/**
 * A number that should be an integer is none.
 *
 * @since 0.1.0
 * @category errors
 */
export class NotAnInteger extends Schema.TaggedError<NotAnInteger>("@effect-avm/solver/NotAnInteger")("NotAnInteger", {
  where: Schema.String,
  found: Schema.Number
}) {
  override get message(): string {
    return `${this.where}: ${this.found} is not an integer`
  }
}

/**
 * A number is so large that sums of it would no longer be exact.
 *
 * @since 0.1.0
 * @category errors
 */
export class OutOfRange extends Schema.TaggedError<OutOfRange>("@effect-avm/solver/OutOfRange")("OutOfRange", {
  where: Schema.String,
  found: Schema.Number,
  /** The largest magnitude that is allowed there. */
  limit: Schema.Number
}) {
  override get message(): string {
    return `${this.where}: the magnitude of ${this.found} exceeds ${this.limit}`
  }
}

/**
 * A weight below zero.
 *
 * @since 0.1.0
 * @category errors
 */
export class NegativeWeight
  extends Schema.TaggedError<NegativeWeight>("@effect-avm/solver/NegativeWeight")("NegativeWeight", {
    where: Schema.String,
    weight: Schema.Number
  })
{
  override get message(): string {
    return `${this.where}: the weight ${this.weight} is negative`
  }
}

/**
 * The parts of a constraint do not fit together.
 *
 * @since 0.1.0
 * @category errors
 */
export class MalformedConstraint
  extends Schema.TaggedError<MalformedConstraint>("@effect-avm/solver/MalformedConstraint")("MalformedConstraint", {
    where: Schema.String,
    reason: Schema.String
  })
{
  override get message(): string {
    return `${this.where}: ${this.reason}`
  }
}

/**
 * Something that was offered as a problem does not have the form of one.
 *
 * @since 0.1.0
 * @category errors
 */
export class MalformedProblem
  extends Schema.TaggedError<MalformedProblem>("@effect-avm/solver/MalformedProblem")("MalformedProblem", {
    reason: Schema.String
  })
{
  override get message(): string {
    return this.reason
  }
}

/**
 * What can be wrong with a problem.
 *
 * @since 0.1.0
 * @category errors
 */
export type ProblemError =
  | EmptyDomain
  | UnknownVariable
  | NotAnInteger
  | OutOfRange
  | NegativeWeight
  | MalformedConstraint
  | MalformedProblem

// ---------------------------------------------------------------------------
// searches
// ---------------------------------------------------------------------------

/**
 * A limit ended a stream of solutions before the search space did.
 *
 * @since 0.1.0
 * @category errors
 */
export class SearchLimited
  extends Schema.TaggedError<SearchLimited>("@effect-avm/solver/SearchLimited")("SearchLimited", {
    limit: Schema.Literal("time", "nodes"),
    nodes: Schema.Number,
    failures: Schema.Number,
    solutions: Schema.Number
  })
{
  override get message(): string {
    return `the search reached its limit of ${this.limit} after ${this.nodes} nodes and ${this.solutions} solutions`
  }
}

/**
 * What follows from a change took more steps than an engine is allowed for one. The change was not made.
 *
 * @since 0.1.0
 * @category errors
 */
export class PropagationLimited
  extends Schema.TaggedError<PropagationLimited>("@effect-avm/solver/PropagationLimited")("PropagationLimited", {
    steps: Schema.Number
  })
{
  override get message(): string {
    return `the consequences were not complete after ${this.steps} steps`
  }
}

// ---------------------------------------------------------------------------
// other solvers
// ---------------------------------------------------------------------------

/**
 * The package of an optional solver is not installed.
 *
 * @since 0.1.0
 * @category errors
 */
export class SolverMissing
  extends Schema.TaggedError<SolverMissing>("@effect-avm/solver/SolverMissing")("SolverMissing", {
    /** What to install. */
    package: Schema.String,
    cause: Schema.Defect
  })
{
  override get message(): string {
    return `the package ${this.package} could not be loaded; it is an optional dependency that has to be installed`
  }
}

/**
 * A solver stopped without an answer.
 *
 * @since 0.1.0
 * @category errors
 */
export class SolverFailed extends Schema.TaggedError<SolverFailed>("@effect-avm/solver/SolverFailed")("SolverFailed", {
  solver: Schema.String,
  cause: Schema.Defect
}) {
  override get message(): string {
    return `${this.solver} failed: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
  }
}

/**
 * A solver, or a format, has no way to say something that the problem says.
 *
 * @since 0.1.0
 * @category errors
 */
export class NotExpressible
  extends Schema.TaggedError<NotExpressible>("@effect-avm/solver/NotExpressible")("NotExpressible", {
    target: Schema.String,
    where: Schema.String,
    reason: Schema.String
  })
{
  override get message(): string {
    return `${this.where} cannot be expressed for ${this.target}: ${this.reason}`
  }
}

/**
 * A solver's answer violates the problem: it was checked again, and refused.
 *
 * @since 0.1.0
 * @category errors
 */
export class WrongAnswer extends Schema.TaggedError<WrongAnswer>("@effect-avm/solver/WrongAnswer")("WrongAnswer", {
  solver: Schema.String,
  /** What does not hold. */
  violated: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `the answer of ${this.solver} violates ${this.violated.join(", ")}`
  }
}

/**
 * What a `ConstraintSolver` can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type SolverError = ProblemError | SolverMissing | SolverFailed | NotExpressible | WrongAnswer
