/**
 * Choices and requirements: the first options outside brackets, the best ones in brackets, and what trying all of them gives.
 */
import { Avm, AvmError, Behaviour, Constraint, ControllerId, FD, Introspect, Nondet, Obj, Tx } from "@effect-avm/core"
import { ConstraintSolver, Solver } from "@effect-avm/solver"
import * as HighsSolver from "@effect-avm/solver/HighsSolver"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { inMemory, machineOn, type StoreLayer, stores } from "../support/Stores.js"

type Program<A, E> = Effect.Effect<
  A,
  E,
  FD.FD | Nondet.Nondet | Tx.Tx | Tx.OutsideTx | Introspect.Introspect | Obj.Obj | Avm.Avm
>

const on = (store: StoreLayer) => <A, E>(program: Program<A, E>): Promise<A> =>
  Effect.runPromise(Avm.run(program).pipe(Effect.provide(Counter), Effect.provide(machineOn(store))))

const local = ControllerId.make("local")

/** Counts its calls. */
const Counter = Behaviour.layerRaw(
  "counter",
  Effect.gen(function*() {
    const state = yield* Introspect.getState
    const count = (typeof state === "number" ? state : 0) + 1
    yield* Introspect.setState(count)
    return [count]
  })
)

describe.each(stores)("outside brackets (%s)", (_, store) => {
  const run = on(store)

  it("the first option is chosen, and what is false fails at once (A23)", () =>
    run(Effect.gen(function*() {
      assert.strictEqual(yield* Nondet.choose([3, 1, 2], { weights: [0, 5, 1] }), 3)
      const choice = yield* Nondet.choice(["a", "b"])
      assert.strictEqual(choice.value, "a")
      yield* Nondet.require(Constraint.eq(choice, "a"))
      assert.deepStrictEqual(
        yield* Effect.flip(Nondet.require(Constraint.eq(choice, "b"), "b it is")),
        new AvmError.Unsatisfiable({ requirements: ["b it is"] })
      )
      assert.deepStrictEqual(
        yield* Effect.flip(Nondet.require(false)),
        new AvmError.Unsatisfiable({ requirements: ["requirement 1"] })
      )
    })))

  it("a raw commit checks the requirements under the first options, and is an abort if they fail (D29, A9)", async () => {
    const { exit, trace } = await Effect.runPromise(
      Avm.runTraced(Effect.gen(function*() {
        const id = yield* Tx.begin()
        const price = yield* Nondet.choice([3, 2, 1])
        yield* Nondet.require(Constraint.leq(price, 3), "cheap")
        yield* Nondet.require(Constraint.leq(price, 2), "cheaper")
        yield* Nondet.require(price.value === 1, "cheapest")
        yield* Introspect.setState("changed")
        const error = yield* Effect.flip(Tx.commit(id))
        assert.deepStrictEqual(error, new AvmError.Unsatisfiable({ tx: id, requirements: ["cheaper", "cheapest"] }))
        assert.strictEqual((yield* Effect.flip(Tx.abort(id)))._tag, "TxAlreadyAborted")
        return yield* Introspect.getState
      })).pipe(Effect.provide(machineOn(store)))
    )
    assert.deepStrictEqual(exit, Exit.succeed([]))
    assert.deepStrictEqual(trace.map(({ event }) => event._tag), [
      "TransactionStarted",
      "StateUpdated",
      "TransactionAborted"
    ])
  })
})

describe.each(stores)("in a bracket (%s)", (_, store) => {
  const run = on(store)

  it("what is best is chosen first, and nothing is run again for it", async () => {
    let runs = 0
    const body = Effect.gen(function*() {
      runs++
      return [yield* Nondet.choose(["a", "b"]), yield* Nondet.choose(["a", "b", "c"], { weights: [1, 3, 3] })]
    })
    assert.deepStrictEqual(await run(Tx.transact(body)), ["a", "b"])
    assert.strictEqual(runs, 1)
  })

  it("what the body did is as if the choices had been made from the start", async () => {
    const { exit, trace } = await Effect.runPromise(
      Avm.runTraced(Effect.gen(function*() {
        const counter = yield* Obj.create("counter", local)
        const chosen = yield* Tx.transact(Effect.gen(function*() {
          yield* Obj.call(counter, null)
          const times = yield* Nondet.choose([1, 5, 3])
          for (let n = 0; n < times; n++) yield* Obj.call(counter, null)
          yield* Nondet.require(times === 3)
          yield* Obj.create("counter")
          return times
        }))
        return [chosen, yield* Obj.call(counter, null)]
      })).pipe(Effect.provide(Counter), Effect.provide(machineOn(store)))
    )
    assert.deepStrictEqual(exit, Exit.succeed([3, Option.some(5)]))
    const tags = trace.map(({ event }) => event._tag)
    const last = tags.lastIndexOf("TransactionStarted")
    const calls = Array.from({ length: 4 }, () => ["StateUpdated", "ObjectCalled"]).flat()
    assert.deepStrictEqual(tags.slice(last), [
      "TransactionStarted",
      ...calls,
      "ObjectCreated",
      "TransactionCommitted",
      "StateUpdated",
      "ObjectCalled"
    ])
    assert.deepStrictEqual(trace.map(({ timestamp }) => timestamp), trace.map((_, place) => place))
  })

  it("a body is run again only with other values of what it looked at", async () => {
    let runs = 0
    const body = Effect.gen(function*() {
      runs++
      const unseen = yield* Effect.forEach([1, 2, 3, 4, 5], () => Nondet.choice([1, 2, 3, 4]))
      const seen = yield* Nondet.choose([1, 2, 3, 4])
      yield* Nondet.require(seen === 3)
      for (const choice of unseen) yield* Nondet.require(Constraint.lt(1, choice))
      return [...unseen.map(({ value }) => value), seen]
    })
    assert.deepStrictEqual(await run(Tx.transact(body)), [2, 2, 2, 2, 2, 3])
    assert.isAtMost(runs, 6)
  })

  it("a body that fails where a requirement does not hold chooses otherwise", () =>
    run(Effect.gen(function*() {
      const body = (bad: string) =>
        Effect.gen(function*() {
          const dish = yield* Nondet.choose(["soup", "fish", "cake"])
          yield* Nondet.require(dish !== bad)
          return dish === "soup" ? yield* Effect.fail("no soup") : dish
        })
      assert.strictEqual(yield* Tx.transact(body("soup")), "fish")
      assert.strictEqual(yield* Effect.flip(Tx.transact(body("cake"))), "no soup")
    })))

  it("names a small set of requirements that cannot hold together", () =>
    run(Effect.gen(function*() {
      const body = Effect.gen(function*() {
        const x = yield* Nondet.choice([1, 2, 3])
        const y = yield* Nondet.choice([1, 2, 3])
        const z = yield* Nondet.choose([1, 2, 3])
        yield* Nondet.require(Constraint.lt(x, y), "x before y")
        yield* Nondet.require(z > 0, "z is something")
        yield* Nondet.require(Constraint.neq(y, 1), "y is large")
        yield* Nondet.require(Constraint.lt(y, x), "y before x")
      })
      const error = yield* Effect.flip(Tx.transact(body))
      assert.instanceOf(error, AvmError.Unsatisfiable)
      assert.deepStrictEqual(error.requirements, ["x before y", "y before x"])
      assert.isDefined(error.tx)
      const opaque = yield* Effect.flip(Tx.transact(Effect.gen(function*() {
        const x = yield* Nondet.choose([1, 2, 3])
        yield* Nondet.require(x > 2, "large")
        yield* Nondet.require(x < 2, "small")
      })))
      assert.instanceOf(opaque, AvmError.Unsatisfiable)
      assert.deepStrictEqual([...opaque.requirements].sort(), ["large", "small"])
      assert.strictEqual((yield* Effect.flip(Tx.transact(Nondet.require(false))))._tag, "Unsatisfiable")
    })))

  it("sees through variables as well", () =>
    run(Effect.gen(function*() {
      const [x, colour] = yield* Tx.transact(Effect.gen(function*() {
        const all = yield* Effect.forEach([1, 2, 3], () => FD.newVar(FD.range(1, 3)))
        const most = yield* Nondet.choice([1, 2, 3])
        for (const variable of all) yield* Nondet.require(Constraint.leq(variable, most), "few colours")
        yield* Nondet.require(Constraint.neq(all[0], all[1]))
        yield* Nondet.require(Constraint.neq(all[1], all[2]))
        yield* Nondet.require(Constraint.neq(all[0], all[2]))
        return [all[0], most] as const
      }))
      assert.strictEqual(colour.value, 3)
      assert.isFalse(yield* FD.post(Constraint.lt(3, x)))
    })))

  it("waits, and tries again after a conflict, as any", () =>
    run(Effect.gen(function*() {
      const counter = yield* Obj.create("counter", local)
      let tries = 0
      const chosen = yield* Tx.transact(
        Effect.gen(function*() {
          const count = Option.getOrElse(yield* Obj.call(counter, null), () => 0)
          const times = yield* Nondet.choose([1, 2])
          yield* Nondet.require(times === 2)
          if (tries++ === 0) yield* Avm.run(Obj.call(counter, null))
          return [count, times]
        }),
        { retry: Schedule.recurs(3) }
      )
      assert.deepStrictEqual(chosen, [2, 2])
    })))

  it("uses the solver that is provided", async () => {
    let asked = 0
    const solver = Layer.succeed(ConstraintSolver.ConstraintSolver, {
      name: "counting",
      solve: (problem, options) => Effect.suspend(() => (asked++, Solver.solve(problem, options))),
      solveAll: Solver.solveAll
    })
    const body = Tx.transact(Effect.gen(function*() {
      const x = yield* Nondet.choice([1, 2])
      yield* Nondet.require(Constraint.eq(x, 2))
      return x.value
    }))
    const platform = Layer.provide(Avm.layer(), Layer.mergeAll(Avm.layerPortsMemory, store, solver))
    assert.strictEqual(await Effect.runPromise(Avm.run(body).pipe(Effect.provide(platform))), 2)
    assert.strictEqual(asked, 1)
  })

  it("finds the same with a solver of linear programs, whatever the body looks at", async () => {
    const body = Tx.transact(Effect.gen(function*() {
      const x = yield* Nondet.choose([1, 5, 9], { weights: [3, 2, 1] })
      const y = yield* Nondet.choice(x > 4 ? ["a", "b", "c"] : ["d"])
      yield* Nondet.require(x > 1, "large")
      yield* Nondet.require(Constraint.or(Constraint.eq(y, "b"), Constraint.eq(y, "d")), "letter")
      return [x, y.value]
    }))
    const platform = Layer.provide(Avm.layer(), Layer.mergeAll(Avm.layerPortsMemory, store, HighsSolver.layer))
    assert.deepStrictEqual(await Effect.runPromise(Avm.run(body).pipe(Effect.provide(platform))), [5, "b"])
  })

  it("asks it for no more than what is left, where every way that was seen does not do", async () => {
    const choices = 9
    let runs = 0
    let largest = 0
    const solver = Layer.succeed(ConstraintSolver.ConstraintSolver, {
      name: "measuring",
      solve: (problem, options) =>
        Effect.suspend(() => {
          largest = Math.max(largest, problem.variables.length)
          return Solver.solve(problem, options)
        }),
      solveAll: Solver.solveAll
    })
    const body = Tx.transact(Effect.gen(function*() {
      runs++
      // So that a solver is needed at all.
      yield* Nondet.require(Constraint.eq(yield* Nondet.choice([1, 2]), 2))
      const bits: Array<number> = []
      for (let n = 0; n < choices; n++) bits.push(yield* Nondet.choose([0, 1], { weights: [1, 1] }))
      yield* Nondet.require(bits.every((bit) => bit === 1), `the last one is ${bits[choices - 1]}`)
      return bits
    }))
    const platform = Layer.provide(Avm.layer(), Layer.mergeAll(Avm.layerPortsMemory, store, solver))
    assert.deepStrictEqual(
      await Effect.runPromise(Avm.run(body).pipe(Effect.provide(platform))),
      Array.from({ length: choices }, () => 1)
    )
    // The first one may not search, and so is run once more.
    assert.strictEqual(runs, 2 ** choices + 1)
    assert.isAbove(largest, choices)
    assert.isBelow(largest, 10 * choices)
  })

  it("names what cannot hold together, where each way came to something else", () =>
    run(Effect.gen(function*() {
      const body = Effect.gen(function*() {
        const x = yield* Nondet.choose([0, 1])
        const y = yield* Nondet.choose([0, 1])
        yield* Nondet.require(x === y, "equal")
        yield* Nondet.require(x === 1, "the first")
        yield* Nondet.require(y === 0, "the second")
        yield* Nondet.require(x + y < 3, "the sum")
      })
      const { requirements } = yield* Effect.flip(Tx.transact(body)) as Effect.Effect<AvmError.Unsatisfiable>
      assert.sameMembers([...requirements], ["equal", "the first", "the second"])
      const alone = Effect.gen(function*() {
        const x = yield* Nondet.choose([0, 1])
        yield* Nondet.require(x > 1, "more")
        yield* Nondet.require(x === 0, "none")
      })
      const error = yield* Effect.flip(Tx.transact(alone)) as Effect.Effect<AvmError.Unsatisfiable>
      assert.deepStrictEqual(error.requirements, ["more"])
    })))

  it("a body that is not deterministic is a defect that names the instruction", async () => {
    let runs = 0
    const body = Tx.transact(Effect.gen(function*() {
      runs++
      if (runs > 2) yield* Introspect.self
      else yield* Introspect.sender
      yield* Nondet.require((yield* Nondet.choose([1, 2, 3])) === 3)
    }))
    const exit = await Effect.runPromiseExit(Avm.run(body).pipe(Effect.provide(machineOn(store))))
    assert.isTrue(Exit.isFailure(exit) && /Introspect\.self.*Introspect\.sender/.test(String(exit.cause)), String(exit))
  })
})

describe.each(stores)("bad input (%s)", (_, store) => {
  const run = on(store)

  const failsWith = (name: string, program: Program<unknown, { readonly _tag: string }>, expected: object) =>
    it(name, async () => {
      const error = await run(Effect.flip(program))
      assert.deepStrictEqual({ ...error }, { ...error, ...expected })
    })

  failsWith("nothing to choose from", Nondet.choose([]), { _tag: "NoChoices" })
  failsWith("negative weights", Nondet.choose([1, 2], { weights: [1, -1] }), { _tag: "InvalidConstraint" })
  failsWith("weights that are none", Nondet.choose([1, 2], { weights: [1, NaN] }), { _tag: "InvalidConstraint" })
  failsWith("too few weights", Nondet.choose([1, 2], { weights: [1] }), { _tag: "InvalidConstraint" })
  failsWith("an option that is no value", Nondet.choose([1, NaN]), { _tag: "InvalidVal", path: [1] })
  failsWith(
    "a requirement on another transaction's choice",
    Effect.gen(function*() {
      const choice = yield* Tx.transact(Nondet.choice([1, 2]))
      yield* Tx.transact(Nondet.require(Constraint.eq(choice, 1)))
    }),
    { _tag: "UnknownVariable" }
  )
  failsWith(
    "a requirement on a variable that is gone",
    Effect.gen(function*() {
      const id = yield* Tx.begin()
      const x = yield* FD.newVar(FD.range(1, 2))
      yield* Tx.abort(id)
      yield* Tx.transact(Nondet.require(Constraint.eq(x, 1)))
    }),
    { _tag: "UnknownVariable" }
  )
  failsWith(
    "options without an order",
    Tx.transact(Effect.gen(function*() {
      const x = yield* Nondet.choice<number | string>([1, "a"])
      // What the types refuse.
      yield* Nondet.require(Constraint.lt(x as Constraint.Term<number>, 2))
    })),
    { _tag: "InvalidConstraint" }
  )
  failsWith(
    "a choice in a constraint of variables",
    Tx.transact(Effect.gen(function*() {
      const x = yield* Nondet.choice([1, 2])
      yield* FD.post(Constraint.eq(x, 2))
    })),
    { _tag: "InvalidConstraint" }
  )
})

/** What is best is found without a store: these bodies have no objects. */
describe("generated bodies", () => {
  const run = on(inMemory[1])

  const option = fc.integer({ min: 0, max: 3 })
  const evenly = fc.tuple(
    fc.integer({ min: -3, max: 3 }),
    fc.integer({ min: -2, max: 2 }),
    fc.integer({ min: 2, max: 4 })
  )
  const choice = fc.record({
    options: fc.oneof(
      fc.array(option, { minLength: 1, maxLength: 3 }),
      evenly.map(([first, step, count]) => Array.from({ length: count }, (_, place) => first + step * place))
    ),
    weights: fc.option(fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 4, maxLength: 4 })),
    seen: fc.boolean()
  })
  const kinds = ["seen", "eq", "neq", "lt", "is", "below", "sum", "weighted", "different", "row"] as const
  const shapeWith = (kinds: ReadonlyArray<Kind>) =>
    fc.record({
      choices: fc.array(choice, { minLength: 1, maxLength: 4 }),
      requirements: fc.array(
        fc.record({
          kind: fc.constantFrom(...kinds),
          left: fc.nat(3),
          right: fc.nat(3),
          value: fc.integer({ min: 0, max: 6 })
        }),
        { maxLength: 4 }
      ),
      /** What is chosen here decides whether there is one more choice. */
      more: fc.nat(3)
    })
  type Kind = typeof kinds[number]
  type Shape = ReturnType<typeof shapeWith> extends fc.Arbitrary<infer A> ? A : never

  /** What is chosen last, if it is: of these, with these weights. */
  const extra = [10, 20]
  const extraWeights = ({ more }: Shape) => [more, 2]

  const lossesOf = (
    { options, weights }: Pick<Shape["choices"][number], "options" | "weights">
  ): ReadonlyArray<number> => {
    if (weights === null) return options.map((_, place) => place)
    const used = weights.slice(0, options.length)
    return used.map((weight) => Math.max(...used) - weight)
  }

  /** All ways to choose: what each chooses, whether all holds, what is lost. */
  const ways = (shape: Shape) => {
    const { choices, more, requirements } = shape
    const all = choices.reduce<ReadonlyArray<ReadonlyArray<number>>>(
      (ways, { options }) => ways.flatMap((way) => options.map((_, place) => [...way, place])),
      [[]]
    ).flatMap((way) => {
      const deciding = choices[more % choices.length]
      return deciding.options[way[more % choices.length]] === 1 ? [0, 1].map((place) => [...way, place]) : [way]
    })
    return all.map((way) => {
      const values = choices.map(({ options }, at) => options[way[at]])
      const holds = requirements.every(({ kind, left, right, value }) => {
        const [a, b] = [values[left % values.length], values[right % values.length]]
        switch (kind) {
          case "seen":
          case "sum":
            return a + b === value
          case "eq":
            return a === b
          case "neq":
            return a !== b
          case "lt":
            return a < b
          case "is":
            return a === value
          case "below":
            return a <= value - 3
          case "weighted":
            return 2 * a - b <= value - 2
          case "different":
            return a !== b + 1
          case "row":
            return rowsFor(value).some(([x, y]) => x === a && y === b)
        }
      })
      const all = [...choices.map(lossesOf), lossesOf({ options: extra, weights: extraWeights(shape) })]
      const lost = way.reduce((sum, place, at) => sum + all[at][place], 0)
      return { way, holds, lost }
    })
  }

  const rowsFor = (value: number) => [[value, 1], [0, value - 2], [1, 1]] as const

  const constraintOf = (
    kind: Exclude<Shape["requirements"][number]["kind"], "seen">,
    a: Constraint.Term<number>,
    b: Constraint.Term<number>,
    value: number
  ): Constraint.Constraint => {
    switch (kind) {
      case "eq":
      case "neq":
      case "lt":
        return Constraint[kind](a, b)
      case "is":
        return Constraint.eq(a, value)
      case "below":
        return Constraint.leq(a, value - 3)
      case "sum":
        return Constraint.eq(Constraint.plus(a, b), value)
      case "weighted":
        return Constraint.leq(Constraint.minus(Constraint.times(2, a), b), value - 2)
      case "different":
        return Constraint.allDifferent([a, Constraint.plus(b, 1)])
      case "row":
        return Constraint.table<readonly [number, number]>([a, b], rowsFor(value))
    }
  }

  const body = (shape: Shape) =>
    Effect.gen(function*() {
      const { choices, more, requirements } = shape
      const made: Array<Nondet.Choice<number>> = []
      for (const { options, seen, weights } of choices) {
        const preferences = weights === null ? {} : { weights: weights.slice(0, options.length) }
        const choice = yield* Nondet.choice(options, preferences)
        if (seen) assert.include(options, choice.value)
        made.push(choice)
      }
      for (const { kind, left, right, value } of requirements) {
        const [a, b] = [made[left % made.length], made[right % made.length]]
        yield* Nondet.require(kind === "seen" ? a.value + b.value === value : constraintOf(kind, a, b, value))
      }
      const last = made[more % made.length].value === 1
        ? [yield* Nondet.choose(extra, { weights: extraWeights(shape) })]
        : []
      return [...made.map(({ value }) => value), ...last]
    })

  const judging: ReadonlyArray<readonly [by: string, ReadonlyArray<Kind>]> = [
    ["everything", kinds],
    ["what they have seen", ["seen"]]
  ]
  it.each(judging)(
    "that judge by %s choose what trying everything finds best",
    (_, kinds: ReadonlyArray<Kind>) =>
      fc.assert(
        fc.asyncProperty(shapeWith(kinds), async (shape) => {
          const best = ways(shape).filter(({ holds }) => holds).sort((one, other) =>
            one.lost - other.lost || (one.way.findIndex((place, at) =>
                place !== other.way[at]
              ) === -1
              ? 0
              : compare(one.way, other.way))
          )[0]
          const found = await run(Effect.either(Tx.transact(body(shape))))
          if (best === undefined) {
            assert.isTrue(Either.isLeft(found) && found.left._tag === "Unsatisfiable", JSON.stringify(found))
            return
          }
          const expected = best.way.map((place, at) =>
            at < shape.choices.length ? shape.choices[at].options[place] : extra[place]
          )
          assert.deepStrictEqual(found, Either.right(expected))
        }),
        { numRuns: process.env.SOAK === undefined ? 600 : 10_000 }
      ),
    120_000
  )
})

const compare = (one: ReadonlyArray<number>, other: ReadonlyArray<number>): number => {
  const at = one.findIndex((place, at) => place !== other[at])
  return at === -1 ? 0 : one[at] - (other[at] ?? -1)
}
