// Searches as they are run: in slices, with limits, one objective after the other, and given back as they were.
import { Constraint, Domain, Engine, type Search } from "@effect-avm/solver"
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Puzzles from "./Puzzles.js"

const engineOf = ({ requirements, variables }: ReturnType<typeof Puzzles.queens>): Engine.Engine => {
  const engine = Engine.make()
  for (const { domain } of variables) engine.newVariable(domain)
  for (const { constraint } of requirements) engine.post(constraint)
  return engine
}

const all = (search: Search.Search, slices: () => number): ReadonlyArray<ReadonlyArray<number>> => {
  const found: Array<ReadonlyArray<number>> = []
  for (;;) {
    const step = search.run(slices())
    if (step === "solution") found.push(search.solution())
    if (step === "exhausted") return found
  }
}

describe("a search", () => {
  it("is the same however it is cut into slices", () => {
    for (const options of [{}, { variableOrder: "weighted", restartAfter: 5 } as const]) {
      const whole = engineOf(Puzzles.queens(7)).search(options)
      const expected = all(whole, () => Infinity)
      assert.strictEqual(expected.length, 40)
      fc.assert(
        fc.property(fc.infiniteStream(fc.integer({ min: 1, max: 40 })), (sizes) => {
          const search = engineOf(Puzzles.queens(7)).search(options)
          assert.deepStrictEqual(all(search, () => sizes.next().value ?? 1), expected)
          assert.deepStrictEqual(search.progress, whole.progress)
        }),
        { numRuns: 20 }
      )
    }
  })

  it("gives the engine back as it was, whenever it is closed", () =>
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 }), fc.boolean(), (steps, limited) => {
        const engine = engineOf(Puzzles.queens(6))
        engine.post(Constraint.compareValue(0, "!=", 0))
        const before = Puzzles.upTo(6).map(engine.values.bind(engine))
        const goal = { sense: "maximize", coefficients: [1, 2], variables: [0, 1] } as const
        const search = engine.search(limited ? { goal, nodes: steps % 7 } : { restartAfter: 2 })
        search.run(steps)
        search.close()
        search.close()
        assert.strictEqual(search.run(10), "exhausted")
        assert.deepStrictEqual(Puzzles.upTo(6).map(engine.values.bind(engine)), before)
        assert.strictEqual(engine.depth, 0)
        assert.strictEqual(all(engine.search(), () => Infinity).length, 4)
      })
    ))

  it("decides the variables that it is told to, first", () => {
    const engine = Engine.make()
    const [x, y, z] = [0, 1, 2].map(() => engine.newVariable(Domain.range(0, 2)))
    const search = engine.search({ variables: [z, x], variableOrder: "input", valueOrder: "descending" })
    const found = all(search, () => Infinity).map((solution) => [solution[z], solution[x], solution[y]].join(""))
    assert.deepStrictEqual(found, [...found].sort().reverse())
    assert.strictEqual(found.length, 27)
  })

  it("takes as many decisions as it is allowed", () => {
    const search = engineOf(Puzzles.queens(20)).search({ nodes: 10 })
    assert.strictEqual(search.run(Infinity), "limited")
    assert.strictEqual(search.progress.nodes, 10)
    assert.strictEqual(search.run(Infinity), "limited")
    search.close()
  })

  it("finds only what is better than a known sum", () => {
    const engine = Engine.make()
    const x = engine.newVariable(Domain.range(0, 9))
    const best = (sense: "maximize" | "minimize", betterThan: number) =>
      all(engine.search({ goal: { sense, coefficients: [1], variables: [x] }, betterThan }), () => 3).map(([x]) => x)
    assert.deepStrictEqual(best("maximize", 7), [8, 9])
    assert.deepStrictEqual(best("maximize", 9), [])
    assert.deepStrictEqual(best("minimize", 1), [0])
    assert.deepStrictEqual(best("minimize", 0), [])
  })

  it("improves by as little as there is", () => {
    const engine = Engine.make()
    const x = engine.newVariable(Domain.range(0, 9))
    for (const [sense, valueOrder] of [["maximize", "ascending"], ["minimize", "descending"]] as const) {
      const search = engine.search({ goal: { sense, coefficients: [1], variables: [x] }, valueOrder })
      assert.strictEqual(all(search, () => 3).length, 10)
    }
  })

  it("that fails without a decision is over, however many restarts are left", () => {
    const engine = Engine.make()
    for (const values of [[0, 1, -1], [1, 0], [0, 1]]) engine.newVariable(Domain.values(values))
    assert.isTrue(engine.post(Constraint.allDifferent([1, 0, 2, 0], { offsets: [-1, -1, -1, 0] })))
    for (const valueOrder of ["ascending", "descending", "middle"] as const) {
      for (const variableOrder of ["smallest", "weighted", "input"] as const) {
        assert.deepStrictEqual(all(engine.search({ variableOrder, valueOrder, restartAfter: 1 }), () => 7), [])
      }
    }
  })

  it("counts its restarts, and finds an answer all the same", () => {
    const search = engineOf(Puzzles.colouring(Puzzles.mycielski(5), 4)).search({
      variableOrder: "weighted",
      restartAfter: 10
    })
    assert.strictEqual(search.run(Infinity), "exhausted")
    assert.isAbove(search.progress.restarts, 1)
  })
})
