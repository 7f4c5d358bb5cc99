// Generated small problems, for every kind of constraint, alone and in formulas: the engine finds exactly the solutions
// that trying all values finds, where `Check.holds` says what a constraint means.
import { Constraint, Domain, Engine, type Search } from "@effect-avm/solver"
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import {
  anySimple,
  bruteForce,
  domain,
  formula,
  most,
  problems,
  simple,
  type Small,
  value,
  variable
} from "./Generated.js"

const numRuns = process.env.SOAK === undefined ? 250 : 4000

// ---------------------------------------------------------------------------
// two ways to solve them
// ---------------------------------------------------------------------------

const sorted = (solutions: Iterable<ReadonlyArray<number>>): ReadonlyArray<string> =>
  Array.from(solutions, (solution) => solution.join(" ")).sort()

const enumerate = (
  engine: Engine.Engine,
  options: Search.Options = {},
  slice = 7
): ReadonlyArray<ReadonlyArray<number>> => {
  const search = engine.search(options)
  const found: Array<ReadonlyArray<number>> = []
  for (;;) {
    const step = search.run(slice)
    if (step === "solution") found.push(search.solution(most))
    if (step === "exhausted") return found
  }
}

/** As wide domains have another representation, values can be spread. */
const build = ({ constraints, domains }: Small, engine: Engine.Engine = Engine.make()): Engine.Engine | undefined => {
  for (const domain of domains) engine.newVariable(Domain.values(domain))
  return constraints.every((constraint) => engine.post(constraint)) ? engine : undefined
}

const agrees = (problem: Small, options: Search.Options = {}): void => {
  const engine = build(problem)
  assert.deepStrictEqual(
    sorted(engine === undefined ? [] : enumerate(engine, options)),
    sorted(bruteForce(problem))
  )
}

const check = (problems: fc.Arbitrary<Small>, predicate: (problem: Small) => void): void => {
  fc.assert(fc.property(problems, predicate), { numRuns })
}

// ---------------------------------------------------------------------------
// tests
// ---------------------------------------------------------------------------

describe("the engine finds what trying all values finds", () => {
  for (const [kind, constraint] of Object.entries(simple)) {
    it(kind, () => check(problems(constraint, 3), (problem) => agrees(problem)))
    it(`not ${kind}`, () => check(problems(constraint.map(Constraint.not), 2), (problem) => agrees(problem)))
    it(`reified ${kind}`, () =>
      check(
        problems(fc.tuple(variable, constraint).map((_) => Constraint.reified(..._)), 2),
        (problem) => agrees(problem)
      ))
    it(`${kind} in or`, () =>
      check(
        problems(fc.array(constraint, { maxLength: 3 }).map((parts) => Constraint.or(...parts)), 2),
        (problem) => agrees(problem)
      ))
  }

  it("formulas", () => check(problems(formula, 3), (problem) => agrees(problem)))

  it("in every order", () =>
    check(problems(anySimple, 4), (problem) => {
      for (const variableOrder of ["smallest", "weighted", "input"] as const) {
        for (const valueOrder of ["ascending", "descending", "middle"] as const) {
          agrees(problem, { variableOrder, valueOrder, restartAfter: 1 })
        }
      }
    }))

  it("with domains too wide for a bit each", () =>
    check(problems(anySimple, 3), (problem) => {
      // Two values far out make the domain wide; the problem goes on without them.
      const engine = Engine.make()
      for (const domain of problem.domains) engine.newVariable(Domain.values([...domain, -9999, 9999]))
      const posted = problem.domains.every((_, at) => engine.narrow(at, Domain.values(problem.domains[at]))) &&
        problem.constraints.every((constraint) => engine.post(constraint))
      assert.deepStrictEqual(sorted(posted ? enumerate(engine) : []), sorted(bruteForce(problem)))
    }))
})

describe("the engine", () => {
  it("undoes whatever follows a mark", () =>
    check(problems(anySimple, 4), (problem) => {
      const [first, ...rest] = problem.constraints
      const engine = Engine.make()
      for (const domain of problem.domains) engine.newVariable(Domain.values(domain))
      const posted = engine.post(first)
      const before = problem.domains.map((_, at) => engine.values(at))
      engine.mark()
      for (const constraint of rest) engine.post(constraint)
      engine.newVariable(Domain.boolean)
      engine.post(Constraint.compare(0, "!=", most))
      engine.undo()
      assert.deepStrictEqual(problem.domains.map((_, at) => engine.values(at)), before)
      assert.strictEqual(engine.count, most)
      assert.deepStrictEqual(
        sorted(enumerate(engine)),
        sorted(bruteForce({ ...problem, constraints: posted ? [first] : [] }))
      )
    }))

  it("answers false and leaves everything as it was, where a constraint fails", () =>
    check(problems(anySimple, 4), (problem) => {
      const engine = Engine.make()
      for (const domain of problem.domains) engine.newVariable(Domain.values(domain))
      const held: Array<Constraint.Constraint> = []
      for (const constraint of problem.constraints) {
        const before = problem.domains.map((_, at) => engine.values(at))
        if (engine.post(constraint)) held.push(constraint)
        else assert.deepStrictEqual(problem.domains.map((_, at) => engine.values(at)), before)
      }
      assert.deepStrictEqual(engine.constraints, held)
      assert.deepStrictEqual(sorted(enumerate(engine)), sorted(bruteForce({ ...problem, constraints: held })))
    }))

  it("makes the best of an objective", () =>
    check(problems(anySimple, 3), (problem) => {
      const coefficients = [3, -2, 1, 5]
      const sum = (values: ReadonlyArray<number>) =>
        values.reduce((sum, value, at) => sum + coefficients[at] * value, 0)
      const sums = bruteForce(problem).map(sum)
      for (const sense of ["maximize", "minimize"] as const) {
        const engine = build(problem)
        const goal = { sense, coefficients, variables: [0, 1, 2, 3] }
        const found = engine === undefined
          ? []
          : enumerate(engine, { goal, valueOrder: "goal", restartAfter: 2 }).map(sum)
        const best = sense === "maximize" ? Math.max(...sums) : Math.min(...sums)
        assert.strictEqual(found[found.length - 1], sums.length === 0 ? undefined : best)
      }
    }))
})

describe("consistency", () => {
  const different = fc.array(domain, { minLength: most, maxLength: most })

  const supported = (domains: ReadonlyArray<ReadonlyArray<number>>) => {
    const solutions = bruteForce({ domains, constraints: [Constraint.allDifferent([0, 1, 2, 3])] })
    return domains.map((_, at) => [...new Set(solutions.map((solution) => solution[at]))].sort((a, b) => a - b))
  }

  for (const wide of [false, true]) {
    it(`domain: no value is left that is in no solution${wide ? ", with many values" : ""}`, () =>
      fc.assert(
        fc.property(different, (domains) => {
          const engine = Engine.make()
          // With a distant value there are too many for a word.
          const far = wide ? [100] : []
          const all = domains.map((domain, at) => at === 0 ? [...domain, ...far] : domain)
          for (const domain of all) engine.newVariable(Domain.values(domain))
          const posted = engine.post(Constraint.allDifferent([0, 1, 2, 3], { consistency: "domain" }))
          const expected = supported(all)
          assert.deepStrictEqual(posted ? all.map((_, at) => engine.values(at)) : all.map(() => []), expected)
        }),
        { numRuns }
      ))
  }

  it("bounds: the smallest and the largest are in a solution, where domains are ranges", () =>
    fc.assert(
      fc.property(fc.array(fc.tuple(value, fc.nat({ max: 4 })), { minLength: most, maxLength: most }), (ranges) => {
        const engine = Engine.make()
        const domains = ranges.map(([from, width]) => Domain.toArray(Domain.range(from, from + width)))
        for (const [from, width] of ranges) engine.newVariable(Domain.range(from, from + width))
        const posted = engine.post(Constraint.allDifferent([0, 1, 2, 3], { consistency: "bounds" }))
        const expected = supported(domains)
        assert.strictEqual(posted, expected[0].length > 0)
        if (!posted) return
        for (const [at, values] of expected.entries()) {
          assert.include(values, engine.min(at))
          assert.include(values, engine.max(at))
        }
      }),
      { numRuns }
    ))

  it("tables and elements: no value is left that is in no row", () =>
    check(problems(fc.oneof(simple.Table, simple.Element), 1), (problem) => {
      const [constraint] = problem.constraints
      const repeated = constraint._tag === "Table"
        ? new Set(constraint.variables).size < constraint.variables.length
        : constraint._tag === "Element" && constraint.index === constraint.result
      if (repeated) return
      const engine = build(problem)
      const solutions = bruteForce(problem)
      assert.strictEqual(engine === undefined, solutions.length === 0)
      if (engine === undefined) return
      for (const at of problem.domains.keys()) {
        assert.deepStrictEqual(engine.values(at), [...new Set(solutions.map((_) => _[at]))].sort((a, b) => a - b))
      }
    }))
})
