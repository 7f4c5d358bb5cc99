// Domains, marks and labels of the engine, compared with sets and a stack of copies of them.
import { Constraint, Domain, Engine } from "@effect-avm/solver"
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"

const numRuns = process.env.SOAK === undefined ? 600 : 20_000

// ---------------------------------------------------------------------------
// the model
// ---------------------------------------------------------------------------

type Model = ReadonlyArray<ReadonlyArray<number>>

interface Command {
  readonly name: string
  readonly run: (engine: Engine.Engine, models: Array<Model>) => void
}

const top = (models: ReadonlyArray<Model>): Model => models[models.length - 1]

const change = (
  name: string,
  variable: number,
  engine: (engine: Engine.Engine, variable: number) => boolean,
  keeps: (value: number) => boolean
): Command => ({
  name,
  run: (live, models) => {
    const model = top(models)
    if (model.length === 0) return
    const at = variable % model.length
    const kept = model[at].filter(keeps)
    assert.strictEqual(engine(live, at), kept.length > 0)
    if (kept.length > 0) models[models.length - 1] = model.map((values, other) => other === at ? kept : values)
  }
})

const value = fc.oneof(fc.integer({ min: -40, max: 40 }), fc.integer({ min: -5000, max: 5000 }))
const variable = fc.nat({ max: 20 })

const domain: fc.Arbitrary<Domain.Domain> = fc.oneof(
  fc.tuple(value, fc.nat({ max: 80 })).map(([from, width]) => Domain.range(from, from + width)),
  fc.tuple(value, fc.nat({ max: 6000 })).map(([from, width]) => Domain.range(from, from + width)),
  fc.array(value, { minLength: 1, maxLength: 8 }).map(Domain.values)
)

const command: fc.Arbitrary<Command> = fc.oneof(
  domain.map((domain): Command => ({
    name: `new ${JSON.stringify(domain)}`,
    run: (engine, models) => {
      assert.strictEqual(engine.newVariable(domain), top(models).length)
      models[models.length - 1] = [...top(models), Domain.toArray(domain)]
    }
  })),
  fc.tuple(variable, value).map(([at, value]) =>
    change(`exclude ${at} ${value}`, at, (engine, at) => engine.exclude(at, value), (other) => other !== value)
  ),
  fc.tuple(variable, value).map(([at, value]) =>
    change(`assign ${at} ${value}`, at, (engine, at) => engine.assign(at, value), (other) => other === value)
  ),
  fc.tuple(variable, fc.oneof(domain, fc.constant(Domain.values([])), fc.constant(Domain.range(1, 0)))).map((
    [at, domain]
  ) =>
    change(
      `narrow ${at} ${JSON.stringify(domain)}`,
      at,
      (engine, at) => engine.narrow(at, domain),
      (_) => Domain.has(domain, _)
    )
  ),
  fc.tuple(variable, fc.constantFrom<Constraint.Relation>("<", "<=", ">", ">=", "!=", "="), value).map((
    [at, relation, value]
  ) =>
    change(
      `post ${at} ${relation} ${value}`,
      at,
      (engine, at) => engine.post(Constraint.compareValue(at, relation, value)),
      (other) =>
        ({
          "<": other < value,
          "<=": other <= value,
          ">": other > value,
          ">=": other >= value,
          "!=": other !== value,
          "=": other === value
        })[relation]
    )
  ),
  fc.constant<Command>({
    name: "mark",
    run: (engine, models) => {
      assert.strictEqual(engine.mark(), models.length - 1)
      models.push(top(models))
    }
  }),
  fc.constant<Command>({
    name: "undo",
    run: (engine, models) => {
      if (models.length === 1) return
      engine.undo()
      models.pop()
    }
  }),
  fc.constant<Command>({
    name: "release",
    run: (engine, models) => {
      if (models.length === 1) return
      engine.release()
      models.splice(-2, 1)
    }
  })
)

const same = (engine: Engine.Engine, model: Model): void => {
  assert.strictEqual(engine.count, model.length)
  for (const [at, values] of model.entries()) {
    assert.deepStrictEqual(engine.values(at), values)
    assert.deepStrictEqual(
      [engine.min(at), engine.max(at), engine.size(at), engine.isAssigned(at)],
      [values[0], values[values.length - 1], values.length, values.length === 1]
    )
    for (const value of [values[0] - 1, values[0], values[0] + 1, values[0] + 33]) {
      assert.strictEqual(engine.has(at, value), values.includes(value))
    }
  }
}

// ---------------------------------------------------------------------------
// tests
// ---------------------------------------------------------------------------

describe("the engine", () => {
  it("keeps domains as sets would be, through marks and undos", () =>
    fc.assert(
      fc.property(fc.array(command, { minLength: 1, maxLength: 30 }), (commands) => {
        const engine = Engine.make()
        const models: Array<Model> = [[]]
        for (const { run } of commands) {
          run(engine, models)
          same(engine, top(models))
          assert.strictEqual(engine.depth, models.length - 1)
        }
        while (models.length > 1) {
          engine.undo()
          models.pop()
          same(engine, top(models))
        }
      }),
      { numRuns }
    ))

  it("labels in ascending order, after a value, and passes over what fails", () => {
    const engine = Engine.make()
    const x = engine.newVariable(Domain.values([7, 3, 5, 1]))
    const y = engine.newVariable(Domain.range(0, 1))
    // Of x, only 3 and 7 go with a y; of 5 that is not seen before x is assigned.
    assert.isTrue(
      engine.post(Constraint.implies(Constraint.compareValue(x, "=", 1), Constraint.compareValue(y, ">", 5)))
    )
    assert.isTrue(engine.post(Constraint.nogood([x, y], [5, 0])))
    assert.isTrue(engine.post(Constraint.nogood([x, y], [5, 1])))
    const labels: Array<number> = []
    for (let after = -Infinity;;) {
      engine.mark()
      const label = engine.label(x, after)
      engine.undo()
      if (label === undefined) break
      labels.push(label)
      after = label
    }
    assert.deepStrictEqual(labels, [3, 7])
    assert.strictEqual(engine.label(x, 7), undefined)
    assert.strictEqual(engine.label(x), 3)
    assert.strictEqual(engine.label(x), 3)
    assert.strictEqual(engine.label(x, 3), undefined)
  })

  it("forgets the constraints that were posted after a mark, and keeps the others", () => {
    const engine = Engine.make()
    const x = engine.newVariable(Domain.range(0, 3))
    const y = engine.newVariable(Domain.range(0, 3))
    const kept = Constraint.compare(x, "<", y)
    const forgotten = Constraint.compare(x, "!=", y, -1)
    assert.isTrue(engine.post(kept))
    engine.mark()
    assert.isTrue(engine.post(forgotten))
    engine.mark()
    assert.isTrue(engine.assign(x, 0))
    assert.deepStrictEqual(engine.values(y), [2, 3])
    engine.release()
    assert.deepStrictEqual(engine.constraints, [kept, forgotten])
    engine.undo()
    assert.deepStrictEqual(engine.constraints, [kept])
    assert.isTrue(engine.assign(x, 0))
    assert.deepStrictEqual(engine.values(y), [1, 2, 3])
  })

  it("says that there is no mark", () => {
    assert.throws(() => Engine.make().undo(), "there is no mark")
    assert.throws(() => Engine.make().release(), "there is no mark")
  })
})
