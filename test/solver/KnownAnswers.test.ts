// Puzzles whose numbers of solutions are known: as problems, with all that constraints can say; and with what the
// instructions of finite domains have, step by step: a new variable, a constraint, a label, and back.
import { Check, Constraint, Domain, Engine, type Problem, Solver } from "@effect-avm/solver"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import * as Puzzles from "./Puzzles.js"

const { upTo } = Puzzles

const count = (problem: Problem.Problem): Promise<number> =>
  Effect.runPromise(Stream.runFold(Solver.solveAll(problem), 0, (count, solution) => {
    if (count % 97 === 0) assert.deepStrictEqual(Check.violations(problem, solution), [])
    return count + 1
  }))

describe("problems", () => {
  // OEIS A000170
  for (const [at, solutions] of [1, 0, 0, 2, 10, 4, 40, 92, 352, 724, 2680, 14200].entries()) {
    it(`queens ${at + 1}: ${solutions}`, async () => assert.strictEqual(await count(Puzzles.queens(at + 1)), solutions))
  }

  it("queens 8, whatever the consistency: 92", async () => {
    assert.strictEqual(await count(Puzzles.queens(8, "bounds")), 92)
    assert.strictEqual(await count(Puzzles.queens(8, "domain")), 92)
  })

  it("magic squares of 3: 8", async () => assert.strictEqual(await count(Puzzles.magicSquare(3, true)), 8))

  // Frénicle
  it("magic squares of 4, up to symmetry: 880", async () =>
    assert.strictEqual(await count(Puzzles.magicSquare(4)), 880))

  it("SEND + MORE = MONEY: 9567 + 1085 = 10652", async () => {
    const found = await Effect.runPromise(Stream.runCollect(Solver.solveAll(Puzzles.sendMoreMoney)))
    assert.deepStrictEqual(Array.from(found), [[9, 5, 6, 7, 1, 0, 8, 2]])
  })

  // OEIS A003022
  for (const [marks, length] of [[4, 6], [5, 11], [6, 17], [7, 25], [8, 34]]) {
    it(`Golomb rulers of ${marks} marks: ${length}`, async () => {
      const outcome = await Effect.runPromise(Solver.solve(Puzzles.golombRuler(marks)))
      assert.strictEqual(outcome._tag, "Solved")
      assert.deepStrictEqual(outcome._tag === "Solved" && outcome.objectives, [length])
    })
  }

  // OEIS A014552
  for (const [pairs, arrangements] of [[3, 1], [4, 1], [5, 0], [6, 0], [7, 26], [8, 150]]) {
    it(`Langford ${pairs}: ${arrangements}`, async () =>
      assert.strictEqual(await count(Puzzles.langford(pairs)), arrangements))
  }

  // OEIS A008404
  for (const [at, arrays] of [1, 2, 4, 12, 40, 116, 200, 444].entries()) {
    it(`Costas arrays of ${at + 1}: ${arrays}`, async () =>
      assert.strictEqual(await count(Puzzles.costas(at + 1)), arrays))
  }

  for (const [name, grid] of Object.entries(Puzzles.sudokus)) {
    it(`sudoku, ${name}: 1`, async () => assert.strictEqual(await count(Puzzles.sudoku(grid)), 1))
  }

  it("Mycielski's fifth graph in 4 colours: 0", async () => {
    const outcome = await Effect.runPromise(
      Solver.solve(Puzzles.colouring(Puzzles.mycielski(5), 4), { search: { variableOrder: "weighted" } })
    )
    assert.strictEqual(outcome._tag, "Unsatisfiable")
  })
})

// ---------------------------------------------------------------------------
// with instructions alone
// ---------------------------------------------------------------------------

/** How often a program that labels these in order, and then aborts, gets through: `label` + abort is a complete search. */
const labelAll = (
  engine: Engine.Engine,
  variables: ReadonlyArray<number>,
  labelled: (at: number, value: number) => boolean = () => true
): number => {
  const go = (at: number): number => {
    if (at === variables.length) return 1
    let found = 0
    let after = -Infinity
    for (;;) {
      engine.mark()
      const value = engine.label(variables[at], after)
      if (value !== undefined && labelled(at, value)) found += go(at + 1)
      engine.undo()
      if (value === undefined) return found
      after = value
    }
  }
  return go(0)
}

const program = (count: number, domain: Domain.Domain, constraints: ReadonlyArray<Constraint.Constraint>): number => {
  const engine = Engine.make()
  engine.mark()
  const variables = upTo(count).map(() => engine.newVariable(domain))
  const found = constraints.every((constraint) => engine.post(constraint)) ? labelAll(engine, variables) : 0
  engine.undo()
  assert.deepStrictEqual([engine.count, engine.depth, engine.constraints], [0, 0, []])
  return found
}

const { allDifferent, compare } = Constraint

const latin = (size: number, boxes: boolean): number => {
  const side = upTo(size)
  return program(
    size * size,
    Domain.range(1, size),
    side.flatMap((i) => [
      allDifferent(side.map((j) => size * i + j)),
      allDifferent(side.map((j) => size * j + i)),
      ...(boxes ? [allDifferent(side.map((j) => size * (2 * (i >> 1) + (j >> 1)) + 2 * (i & 1) + (j & 1)))] : [])
    ])
  )
}

const colours = ({ count, edges }: Puzzles.Graph, colours: number): number =>
  program(count, Domain.range(1, colours), edges.map(([a, b]) => compare(a, "!=", b)))

describe("with instructions alone", () => {
  it("permutations of 7: 5040", () => assert.strictEqual(program(7, Domain.range(1, 7), [allDifferent(upTo(7))]), 5040))

  for (const [size, derangements] of [[4, 9], [5, 44], [6, 265], [7, 1854]]) {
    it(`derangements of ${size}: ${derangements}`, () =>
      assert.strictEqual(
        program(size, Domain.range(1, size), [
          allDifferent(upTo(size)),
          ...upTo(size).map((at) => Constraint.compareValue(at, "!=", at + 1))
        ]),
        derangements
      ))
  }

  for (const [size, alternating] of [[5, 16], [6, 61], [7, 272], [8, 1385]]) {
    it(`alternating permutations of ${size}: ${alternating}`, () =>
      assert.strictEqual(
        program(size, Domain.range(1, size), [
          allDifferent(upTo(size)),
          ...upTo(size - 1).map((at) => compare(at, at % 2 === 0 ? "<" : ">", at + 1))
        ]),
        alternating
      ))
  }

  it("Latin squares of 3: 12", () => assert.strictEqual(latin(3, false), 12))
  it("Latin squares of 4: 576", () => assert.strictEqual(latin(4, false), 576))
  it("Latin squares of 5: 161280", () => assert.strictEqual(latin(5, false), 161_280))
  it("sudoku grids of 4: 288", () => assert.strictEqual(latin(4, true), 288))
  it("Australia in 3 colours: 18", () => assert.strictEqual(colours(Puzzles.australia, 3), 18))
  it("the Petersen graph in 3 colours: 120", () => assert.strictEqual(colours(Puzzles.petersen, 3), 120))
  it("the Grötzsch graph in 3 colours: 0", () => assert.strictEqual(colours(Puzzles.mycielski(4), 3), 0))
  it("9 pigeons in 8 holes: 0", () => assert.strictEqual(program(9, Domain.range(1, 8), [allDifferent(upTo(9))]), 0))

  for (const [size, solutions] of [[4, 2], [6, 4], [8, 92], [10, 724]]) {
    it(`queens ${size}, by label and narrow: ${solutions}`, () => {
      const engine = Engine.make()
      const columns = upTo(size).map(() => engine.newVariable(Domain.range(0, size - 1)))
      assert.isTrue(engine.post(allDifferent(columns)))
      const found = labelAll(
        engine,
        columns,
        (at, value) =>
          columns.slice(at + 1).every((column) =>
            engine.narrow(column, Domain.values(upTo(size).filter((row) => Math.abs(row - value) !== column - at)))
          )
      )
      assert.strictEqual(found, solutions)
    })
  }
})
