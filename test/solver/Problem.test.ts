// The form of problems: what it takes, what it refuses, and where it says the fault is.
import { Check, Constraint, Domain, Engine, Problem, Solver, type SolverError } from "@effect-avm/solver"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Either } from "effect"

const { compare, compareValue, linear } = Constraint

const domain = Domain.range(0, 9)
const two = [{ name: "x", domain }, { name: "y", domain }]

const refused = (
  parts: Parameters<typeof Problem.make>[0],
  expected: { readonly _tag: SolverError.ProblemError["_tag"] } & Record<string, unknown>
): void => {
  const problem = Problem.make(parts)
  const found = Problem.check(problem)
  assert.isDefined(found)
  assert.deepInclude(found, expected)
  // Every way in refuses it alike.
  const solved = Effect.runSync(Effect.either(Solver.solve(problem)))
  assert.strictEqual(Either.isLeft(solved) && solved.left._tag, expected._tag)
}

describe("a problem", () => {
  it("survives JSON, with all that it can say", () => {
    const problem = Problem.make({
      variables: [
        { name: "x", domain, origin: "the first line" },
        { name: "colour", domain: Domain.values([2, 4]), labels: ["red", "green"] },
        { name: "b", domain: Domain.boolean }
      ],
      requirements: [
        compare(0, "<=", 1, -2),
        {
          name: "wish",
          origin: "the second line",
          constraint: Constraint.reified(2, Constraint.or(compareValue(0, "=", 1)))
        },
        Constraint.not(Constraint.and(Constraint.member(0, [1, 2]), Constraint.nogood([0, 1], [1, 2]))),
        Constraint.allDifferent([0, 1], { offsets: [0, 1], consistency: "bounds" }),
        linear([1, 2], [0, 1], "<", 10),
        Constraint.table([0, 1], [[1, 2]]),
        Constraint.element(0, [1, 2], 1),
        Constraint.elementVariable(0, [1, 2], 1)
      ],
      objectives: [Problem.maximize(Problem.times(2, 0), Problem.when(3, compareValue(1, "=", 4)))]
    })
    assert.deepStrictEqual(Problem.parse(JSON.parse(JSON.stringify(problem))), Either.right(problem))
  })

  it("of another version, or of another form, is refused", () => {
    for (
      const input of [{ version: 2 }, null, { ...Problem.make({ variables: two }), requirements: [{ constraint: 1 }] }]
    ) {
      const parsed = Problem.parse(input)
      assert.strictEqual(Either.isLeft(parsed) && parsed.left._tag, "MalformedProblem")
    }
  })

  it("without variables has one solution", async () => {
    const outcome = await Effect.runPromise(Solver.solve(Problem.make({ variables: [] })))
    assert.deepStrictEqual(outcome._tag === "Solved" && outcome.solution, [])
  })
})

describe("a problem is refused that has", () => {
  it("an empty domain", () => {
    refused({ variables: [{ name: "x", domain: Domain.range(3, 2) }] }, {
      _tag: "EmptyDomain",
      where: "variables[0].domain"
    })
    refused({ variables: [...two, { name: "z", domain: Domain.values([]) }] }, {
      _tag: "EmptyDomain",
      where: "variables[2].domain"
    })
  })

  it("an unknown variable", () =>
    refused({ variables: two, requirements: [compare(0, "<", 1), Constraint.or(compare(0, "<", 2))] }, {
      _tag: "UnknownVariable",
      where: "requirements[1].constraint.constraints[0].right",
      variable: 2,
      count: 2
    }))

  it("a number that is no integer", () => {
    refused({ variables: [{ name: "x", domain: Domain.range(0, 1.5) }] }, {
      _tag: "NotAnInteger",
      where: "variables[0].domain.to",
      found: 1.5
    })
    refused({ variables: two, requirements: [linear([1, NaN], [0, 1], "=", 1)] }, {
      _tag: "NotAnInteger",
      where: "requirements[0].constraint.coefficients[1]"
    })
  })

  it("numbers so large that sums are not exact", () => {
    refused({ variables: [{ name: "x", domain: Domain.range(0, 2 ** 31) }] }, {
      _tag: "OutOfRange",
      where: "variables[0].domain.to"
    })
    refused({
      variables: [{ name: "x", domain: Domain.range(0, 1_000_000_000) }],
      requirements: [linear([10_000_000], [0], "=", 1)]
    }, { _tag: "OutOfRange", where: "requirements[0].constraint" })
    refused({
      variables: two,
      objectives: [
        Problem.maximize(Problem.when(2 ** 50, compareValue(0, "=", 1)), Problem.when(2 ** 50, compareValue(0, "=", 2)))
      ]
    }, { _tag: "MalformedConstraint", where: "objectives[0]" })
  })

  it("a negative weight", () =>
    refused({ variables: two, objectives: [Problem.maximize(Problem.when(-1, compareValue(0, "=", 1)))] }, {
      _tag: "NegativeWeight",
      where: "objectives[0].terms[0].weight",
      weight: -1
    }))

  it("lists that do not fit together", () => {
    refused({ variables: two, requirements: [Constraint.table([0, 1], [[1, 2], [1]])] }, {
      _tag: "MalformedConstraint",
      where: "requirements[0].constraint.rows[1]"
    })
    refused({ variables: two, requirements: [linear([1], [0, 1], "=", 1)] }, { _tag: "MalformedConstraint" })
    refused({ variables: two, requirements: [Constraint.allDifferent([0, 1], { offsets: [1] })] }, {
      _tag: "MalformedConstraint"
    })
    refused({ variables: two, requirements: [Constraint.nogood([0, 1], [1])] }, { _tag: "MalformedConstraint" })
  })

  it("names twice, or labels that are too few", () => {
    refused({ variables: [...two, { name: "x", domain }] }, { _tag: "MalformedProblem" })
    refused({ variables: [{ name: "x", domain, labels: ["one"] }] }, { _tag: "MalformedProblem" })
  })
})

describe("an engine", () => {
  const thrown = (change: (engine: Engine.Engine, x: number) => unknown): unknown => {
    const engine = Engine.make({ maxSteps: 1000 })
    const x = engine.newVariable(domain)
    engine.newVariable(Domain.range(0, 1_000_000))
    engine.newVariable(Domain.range(0, 1_000_000))
    const before = [engine.values(x), engine.depth, engine.constraints.length]
    try {
      change(engine, x)
    } catch (error) {
      assert.deepStrictEqual([engine.values(x), engine.depth, engine.constraints.length], before)
      assert.strictEqual(engine.size(1), 1_000_001)
      return (error as { readonly _tag: string })._tag // a tagged error, or the assertion fails
    }
    return undefined
  }

  it("throws what is wrong with an argument, and stays as it was", () => {
    assert.strictEqual(thrown((engine) => engine.newVariable(Domain.values([]))), "EmptyDomain")
    assert.strictEqual(thrown((engine) => engine.post(compare(0, "=", 7))), "UnknownVariable")
    assert.strictEqual(thrown((engine) => engine.label(7)), "UnknownVariable")
    assert.strictEqual(thrown((engine) => engine.narrow(-1, domain)), "UnknownVariable")
    assert.strictEqual(thrown((engine) => engine.values(0.5)), "UnknownVariable")
    assert.strictEqual(thrown((engine, x) => engine.post(compareValue(x, "=", 0.5))), "NotAnInteger")
    assert.strictEqual(thrown((engine) => engine.search({ variables: [9] })), "UnknownVariable")
    assert.strictEqual(thrown((engine, x) => engine.narrow(x, Domain.values([0.5]))), "NotAnInteger")
    assert.strictEqual(thrown((engine, x) => engine.narrow(x, Domain.range(0, Infinity))), "NotAnInteger")
  })

  it("knows that no variable has a value that is no integer, or one that is far too large", () => {
    const engine = Engine.make()
    const x = engine.newVariable(Domain.range(0, 3))
    const wide = engine.newVariable(Domain.range(0, 100_000))
    assert.deepStrictEqual([engine.assign(x, 0.5), engine.exclude(x, 0.5), engine.has(x, 0.5)], [false, true, false])
    assert.strictEqual(engine.label(x, 0.5), 1)
    // 2 ** 32 + 1 is 1 in 32 bits.
    for (const variable of [x, wide]) {
      assert.isFalse(engine.narrow(variable, Domain.values([2 ** 32 + 1])))
      assert.isFalse(engine.post(Constraint.member(variable, [2 ** 32 + 1])))
      assert.isFalse(engine.post(Constraint.element(variable, [2 ** 32 + 1, 2 ** 33 + 1], wide)))
    }
    assert.deepStrictEqual([engine.values(x), engine.size(wide)], [[1], 100_001])
  })

  it("gives up on consequences without end, and stays as it was", () =>
    assert.strictEqual(
      thrown((engine) => engine.post(Constraint.and(compare(1, "<", 2), compare(2, "<", 1)))),
      "PropagationLimited"
    ))

  it("takes wide and scattered domains exactly", () => {
    const engine = Engine.make()
    const values = [-1_000_000_000, -5, 0, 3, 77, 4096, 1_000_000_000]
    const x = engine.newVariable(Domain.values([...values].reverse()))
    assert.deepStrictEqual(engine.values(x), values)
    engine.mark()
    assert.isTrue(engine.exclude(x, 3))
    assert.isTrue(engine.narrow(x, Domain.range(-5, 5000)))
    assert.isTrue(engine.post(compareValue(x, "!=", 77)))
    assert.deepStrictEqual([engine.values(x), engine.size(x)], [[-5, 0, 4096], 3])
    assert.isFalse(engine.narrow(x, Domain.values([1, 2, 3])))
    assert.isTrue(engine.narrow(x, Domain.values([0, 1, 2, 4096])))
    assert.deepStrictEqual(engine.values(x), [0, 4096])
    assert.strictEqual(engine.label(x, 0), 4096)
    engine.undo()
    assert.deepStrictEqual([engine.values(x), engine.size(x)], [values, 7])
  })

  it("takes 10,000 variables", () => {
    const engine = Engine.make()
    const variables = Array.from({ length: 10_000 }, () => engine.newVariable(Domain.range(0, 2)))
    for (let at = 1; at < variables.length; at++) {
      assert.isTrue(engine.post(compare(variables[at - 1], "!=", variables[at])))
    }
    const search = engine.search()
    assert.strictEqual(search.run(Infinity), "solution")
    assert.strictEqual(search.progress.failures, 0)
    assert.deepStrictEqual(search.solution(4), [0, 1, 0, 1])
    search.close()
    assert.strictEqual(engine.size(5000), 3)
  })
})

describe("the check of answers", () => {
  it("names what is violated", () => {
    const problem = Problem.make({
      variables: two,
      requirements: [{ name: "order", constraint: compare(0, "<", 1) }, compareValue(0, "=", 1)]
    })
    assert.deepStrictEqual(Check.violations(problem, [1, 2]), [])
    assert.deepStrictEqual(Check.violations(problem, [1, 1]), ["order"])
    assert.deepStrictEqual(Check.violations(problem, [12, 1]), ["the domain of x", "order", "requirements[1]"])
    assert.strictEqual(Check.violations(problem, [1]).length, 1)
  })
})
