// Where the package of an optional solver is not installed, solving fails with an error that names it.
import { ConstraintSolver, Domain, Problem } from "@effect-avm/solver"
import * as HighsSolver from "@effect-avm/solver/HighsSolver"
import * as MiniZincSolver from "@effect-avm/solver/MiniZincSolver"
import * as Z3Solver from "@effect-avm/solver/Z3Solver"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { vi } from "vitest"

// These run before anything else of this module.
vi.mock("highs", () => {
  throw new Error("Cannot find package 'highs'")
})
vi.mock("z3-solver", () => {
  throw new Error("Cannot find package 'z3-solver'")
})
vi.mock("../../packages/solver/src/internal/minizincWorker.js", () => ({
  start: () => Promise.reject(new Error("Cannot find package 'minizinc'"))
}))

const problem = Problem.make({ variables: [{ name: "x", domain: Domain.boolean }] })

describe("a missing package", () => {
  for (
    const [name, { layer }] of Object.entries({ highs: HighsSolver, "z3-solver": Z3Solver, minizinc: MiniZincSolver })
  ) {
    it.effect(`is named: ${name}`, () =>
      Effect.gen(function*() {
        const solver = yield* ConstraintSolver.ConstraintSolver
        const error = yield* Effect.flip(solver.solve(problem))
        assert.deepInclude(error, { _tag: "SolverMissing", package: name })
        assert.include(error.message, name)
      }).pipe(Effect.provide(layer)))
  }
})
