/**
 * Finite domains: propagation and search, and a schema for constraints.
 *
 * The layers of other solvers are modules of their own, not named here: `@effect-avm/solver/HighsSolver`, `Z3Solver` and
 * `MiniZincSolver`.
 *
 * @since 0.1.0
 */
export * as Check from "./Check.js"
export * as Constraint from "./Constraint.js"
export * as ConstraintSolver from "./ConstraintSolver.js"
export * as Domain from "./Domain.js"
export * as Engine from "./Engine.js"
export * as FlatZinc from "./FlatZinc.js"
export * as MiniZinc from "./MiniZinc.js"
export * as Problem from "./Problem.js"
export * as Search from "./Search.js"
export * as SmtLib from "./SmtLib.js"
export * as Solver from "./Solver.js"
export * as SolverError from "./SolverError.js"
