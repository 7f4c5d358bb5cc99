/**
 * The port for whatever solves problems.
 *
 * A solver takes a problem as it is, or says that it cannot express it, and gives the best solution; one that cannot
 * enumerate says so as well. Whichever it is, what it answers has been checked again: a wrong answer is an error.
 *
 * The laws are in `test/solver/ConstraintSolver.test.ts`, for every layer.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Stream from "effect/Stream"
import type { Problem, Solution } from "./Problem.js"
import * as Solver from "./Solver.js"
import type { SearchLimited, SolverError } from "./SolverError.js"

/**
 * @since 0.1.0
 * @category services
 */
export interface Service {
  /** Which one it is, for messages. */
  readonly name: string
  /** The best solution, or one if there are no objectives. */
  readonly solve: (problem: Problem, options?: Solver.Options) => Effect.Effect<Solver.Outcome, SolverError>
  /** All solutions, on demand. */
  readonly solveAll: (
    problem: Problem,
    options?: Solver.Options
  ) => Stream.Stream<Solution, SolverError | SearchLimited>
}

/**
 * @since 0.1.0
 * @category services
 */
export class ConstraintSolver extends Context.Tag("@effect-avm/solver/ConstraintSolver")<ConstraintSolver, Service>() {}

/**
 * The engine of this package.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerEmbedded: Layer.Layer<ConstraintSolver> = Layer.succeed(ConstraintSolver, {
  name: "embedded",
  solve: Solver.solve,
  solveAll: Solver.solveAll
})
