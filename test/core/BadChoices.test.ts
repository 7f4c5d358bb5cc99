/**
 * Bad input to choices, variables and intents, on every store: what is refused, by which failure, and that it leaves the
 * program where it was. Searches that run away are in `test/core/ChoiceLimits.test.ts`.
 */
import {
  Avm,
  type AvmError,
  Behaviour,
  Constraint,
  ControllerId,
  FD,
  Intent,
  Introspect,
  Nondet,
  Obj,
  Tx,
  type Val
} from "@effect-avm/core"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Layer, Option } from "effect"
import { portsOn, type Store, stores } from "../support/Stores.js"

const local = ControllerId.make("local")

const Echo = Behaviour.layerRaw("echo", Effect.map(Introspect.input, (input) => [input]))

const platform = ([, store]: Store) => Layer.provideMerge(Echo, Avm.layer()).pipe(Layer.provideMerge(portsOn(store)))

type Body = Effect.Effect<unknown, AvmError.AvmError | "no", FD.FD | Nondet.Nondet | Introspect.Introspect | Obj.Obj>

/** What the types refuse. */
const as = <A>(value: unknown) => value as A

const foreign = FD.variable<number>("v1@another program")

const bodies: ReadonlyArray<readonly [name: string, expected: object, body: Body]> = [
  ["nothing to choose from", { _tag: "NoChoices" }, Nondet.choose([])],
  ["a negative weight", { _tag: "InvalidConstraint" }, Nondet.choose([1, 2], { weights: [1, -1] })],
  ["a weight that is no number", { _tag: "InvalidConstraint" }, Nondet.choice([1, 2], { weights: [1, NaN] })],
  ["too many weights", { _tag: "InvalidConstraint" }, Nondet.choose([1], { weights: [1, 2] })],
  ["an option that is no value", { _tag: "InvalidVal", path: [1] }, Nondet.choose([1, Infinity])],
  ["an empty domain", { _tag: "EmptyDomain" }, FD.newVar(FD.range(2, 1))],
  ["a domain without values", { _tag: "EmptyDomain" }, FD.newVar(FD.values())],
  ["a value that is none", { _tag: "InvalidVal", path: [0] }, FD.newVar(FD.values(NaN))],
  ["a variable of another program", { _tag: "UnknownVariable", var: foreign.id }, FD.label(foreign)],
  ["a constraint on one", { _tag: "UnknownVariable" }, FD.post(Constraint.eq(foreign, 1))],
  ["a requirement on one", { _tag: "UnknownVariable" }, Nondet.require(Constraint.eq(foreign, 1))],
  [
    "a requirement on options that have no order",
    { _tag: "InvalidConstraint" },
    Effect.flatMap(
      Nondet.choice<Val.Val>([1, "a"]),
      (choice) => Nondet.require(Constraint.lt(as<Constraint.Term<number>>(choice), 2))
    )
  ],
  [
    "a requirement on a choice and a variable that have no order",
    { _tag: "InvalidConstraint" },
    Effect.flatMap(
      Effect.all([Nondet.choice<Val.Val>(["a", "b"]), FD.newVar(FD.range(1, 2))]),
      ([choice, x]) => Nondet.require(Constraint.lt(as<Constraint.Term<number>>(choice), x))
    )
  ],
  [
    "a choice in a constraint of variables",
    { _tag: "InvalidConstraint" },
    Effect.flatMap(Nondet.choice([1, 2]), (choice) => FD.post(Constraint.eq(choice, 2)))
  ]
]

describe.each(stores)("bad input to choices and variables (%s)", (name, layer) => {
  const onMachine = Effect.provide(platform([name, layer]))

  const failure = <A, E extends { readonly _tag: string } | "no", R>(effect: Effect.Effect<A, E, R>) =>
    Effect.map(Effect.flip(effect), (error) => ({ ...as<object>(error) }))

  const defect = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.map(Effect.exit(effect), (exit) => {
      assert(Exit.isFailure(exit), "it succeeded")
      return String(Option.getOrThrow(Cause.dieOption(exit.cause)))
    })

  /** The next bracket is not concerned. */
  const fine = Effect.map(
    Tx.transact(Effect.flatMap(Nondet.choose([1, 2]), (n) => Effect.as(Nondet.require(n === 2), n))),
    (n) => assert.strictEqual(n, 2)
  )

  for (const [what, expected, body] of bodies) {
    it.effect(`${what}, in a bracket, in a search, and where it can be handled`, () =>
      Avm.run(Effect.gen(function*() {
        const bracket = yield* failure(Tx.transact(body))
        assert.deepStrictEqual(bracket, { ...bracket, ...expected })
        yield* fine
        // A dead end like any failure of a body.
        assert.deepStrictEqual(yield* FD.commitFirst(body), Option.none())
        yield* fine
        const handled = yield* Tx.transact(Effect.gen(function*() {
          const error = yield* failure(body)
          const n = yield* Nondet.choose([1, 2])
          yield* Nondet.require(n === 2)
          return { ...error, n }
        }))
        assert.deepStrictEqual(handled, { ...handled, ...expected, n: 2 })
      })).pipe(onMachine))
  }

  it.effect("a variable, or a choice, that is used after its transaction", () =>
    Avm.run(Effect.gen(function*() {
      const id = yield* Tx.begin()
      const x = yield* FD.newVar(FD.range(1, 2))
      yield* Tx.abort(id)
      const choice = yield* Tx.transact(Nondet.choice([1, 2]))
      const unknown = [
        FD.label(x),
        FD.narrow(x, FD.range(1, 1)),
        FD.post(Constraint.eq(x, 1)),
        Nondet.require(Constraint.eq(x, 1)),
        Nondet.require(Constraint.eq(choice, 1))
      ]
      for (const use of unknown as ReadonlyArray<Body>) {
        const alone = yield* failure(use)
        assert.strictEqual(as<{ readonly _tag: string }>(alone)._tag, "UnknownVariable")
        assert.deepStrictEqual(yield* failure(Tx.transact(use)), alone)
      }
      // It keeps the value that it had.
      assert.strictEqual(choice.value, 1)
      yield* fine
    })).pipe(onMachine))

  it.effect("a label after one for which nothing is left, in the same transaction", () =>
    Avm.run(Effect.gen(function*() {
      const x = yield* FD.newVar(FD.range(1, 1))
      const y = yield* FD.newVar(FD.range(1, 2))
      yield* Effect.flip(Tx.transact(Effect.zipRight(FD.label(x), Effect.fail("no" as const))))
      yield* Tx.transact(Effect.gen(function*() {
        assert.deepStrictEqual(yield* failure(FD.label(x)), { ...yield* failure(FD.label(x)), _tag: "EmptyDomain" })
        assert.deepStrictEqual(yield* failure(FD.label(y)), { ...yield* failure(FD.label(y)), _tag: "EmptyDomain" })
      }))
      assert.strictEqual(yield* FD.label(y), 1)
    })).pipe(onMachine))

  it.effect("intents that nobody can fulfil together, and balances that speak of something else", () =>
    Avm.run(Effect.gen(function*() {
      const party = (name: string, options: ReadonlyArray<number>) => Intent.make(name, Nondet.choice(options))
      const parties = { a: party("a", [1, 2]), b: party("b", [3, 4]) }
      const error = yield* failure(
        Intent.compose(parties, { balance: ({ a, b }) => [Constraint.lt(b, 5), Constraint.eq(a, b)] })
      )
      assert.deepStrictEqual(error, { ...error, _tag: "Unsatisfiable", requirements: ["balance 2"] })
      const before = yield* Tx.transact(Nondet.choice([1, 2]))
      const other = yield* failure(Intent.compose(parties, { balance: ({ a }) => [Constraint.eq(a, before)] }))
      assert.deepStrictEqual(other, { ...other, _tag: "UnknownVariable" })
      const none = yield* failure(Intent.compose({ a: party("a", []) }))
      assert.deepStrictEqual(none, { ...none, _tag: "NoChoices" })
      assert.deepStrictEqual(yield* Intent.compose({}), {})
      yield* fine
    })).pipe(onMachine))

  it.effect("limits that leave nothing to do, or make no sense", () =>
    Avm.run(Effect.gen(function*() {
      const body = Effect.flatMap(Nondet.choose([1, 2]), (n) => Effect.as(Nondet.require(n === 2), n))
      const outcome = (limits: Tx.Limits) =>
        Effect.map(Effect.either(Tx.transact(body, { limits })), (either) =>
          either._tag === "Right" ? either.right : either.left._tag === "ChoicesUndecided" ? either.left.limit : "?")
      assert.strictEqual(yield* outcome({ runs: 0 }), "runs")
      assert.strictEqual(yield* outcome({ runs: -1 }), "runs")
      assert.strictEqual(yield* outcome({ nodes: 0 }), "nodes")
      assert.strictEqual(yield* outcome({ nodes: -1 }), "nodes")
      assert.strictEqual(yield* outcome({ time: 0 }), "time")
      assert.strictEqual(yield* outcome({ time: -5 }), "time")
      assert.strictEqual(yield* outcome({ runs: NaN, nodes: NaN, time: Infinity }), 2)
      assert.strictEqual(yield* outcome({}), 2)
      const time = as<"1 day">("soon")
      for (
        const limited of [() =>
          Tx.transact(body, { limits: { time } }), () =>
          FD.commitFirst(body, { time })]
      ) {
        assert.include(
          yield* defect(Effect.suspend<unknown, unknown, Nondet.Nondet | Tx.Tx | Tx.OutsideTx>(limited)),
          "Duration"
        )
      }
      yield* fine
    })).pipe(onMachine))

  // What a body does in its runs, the first of which is not compared: what it has asked is asked by no other.
  const differing = (
    step: (run: number) => Effect.Effect<unknown, AvmError.AvmError, Nondet.Nondet | Introspect.Introspect>
  ) => {
    let run = 0
    return defect(Tx.transact(Effect.gen(function*() {
      run++
      const n = yield* Nondet.choice([1, 2, 3])
      yield* step(run)
      yield* Nondet.require(Constraint.eq(n, 3))
    })))
  }

  it.effect("bodies that are not deterministic: what they ask, and what they choose and require", () =>
    Avm.run(Effect.gen(function*() {
      const cases: ReadonlyArray<readonly [RegExp, Parameters<typeof differing>[0]]> = [
        [/Nondet\.choose.*Nondet\.require/, (run) => run > 2 ? Nondet.choice([1]) : Effect.void],
        [/Nondet\.require.*Nondet\.choose/, (run) => run > 2 ? Effect.void : Nondet.choice([1])],
        [/Nondet\.choose.*Nondet\.choose/, (run) => Nondet.choice([run, 9])],
        [/Nondet\.choose.*Nondet\.choose/, (run) => Nondet.choice([8, 9], { weights: [run, 0] })],
        [/Nondet\.require.*Nondet\.require/, (run) => Nondet.require(run < 3)],
        [
          /Nondet\.require.*Nondet\.require/,
          (run) => Effect.flatMap(Nondet.choice([1, 2]), (m) => Nondet.require(Constraint.leq(m, run)))
        ],
        [
          /looking at a choice/,
          (run) => Effect.map(Nondet.choice([1, 2]), (m) => run > 2 ? undefined : m.value)
        ]
      ]
      for (const [expected, step] of cases) {
        const found = yield* differing(step)
        assert.match(found, /not deterministic/)
        assert.match(found, expected)
        yield* fine
      }
    })).pipe(onMachine))

  it.effect("… and an instruction before the choice that is another one now", () =>
    Avm.run(Effect.gen(function*() {
      let runs = 0
      const found = yield* defect(Tx.transact(Effect.gen(function*() {
        yield* ++runs > 2 ? Introspect.self : Introspect.sender
        yield* Nondet.require((yield* Nondet.choose([1, 2])) === 2)
      })))
      assert.match(found, /Introspect\.self.*Introspect\.sender/)
      const labels = yield* defect(FD.commitFirst(Effect.gen(function*() {
        const x = yield* FD.newVar(FD.range(1, 2))
        if (++runs > 4) yield* Introspect.self
        return (yield* FD.label(x)) === 2 ? 2 : yield* Effect.fail("no")
      })))
      assert.match(labels, /Introspect\.self.*FD\.label/)
      yield* fine
    })).pipe(onMachine))

  it.effect("what is created in a run has an id of its own in each, and may be chosen and required", () =>
    Avm.run(Effect.gen(function*() {
      const [n, answer, left] = yield* Tx.transact(Effect.gen(function*() {
        const n = yield* Nondet.choice([1, 2, 3])
        const [one, other] = [yield* Obj.create("echo", local), yield* Obj.create("echo", local)]
        const chosen = yield* Nondet.choice([one, other])
        yield* Nondet.require(Constraint.neq(chosen, one))
        const x = yield* FD.newVar(FD.range(2, 3))
        yield* Nondet.require(Constraint.leq(x, n))
        return [n.value, yield* Obj.call(chosen.value, "here"), x] as const
      }))
      assert.deepStrictEqual([n, answer], [2, Option.some("here")])
      assert.isFalse(yield* FD.post(Constraint.eq(left, 3)))
    })).pipe(onMachine))
})

describe.each(stores)("ten thousand (%s)", (name, layer) => {
  const onMachine = Effect.provide(platform([name, layer]))
  const count = 10_000
  const all = Array.from({ length: count }, (_, at) => at)

  it.effect("choices that a constraint ties to one another", () =>
    Avm.run(Effect.gen(function*() {
      const values = yield* Tx.transact(Effect.gen(function*() {
        const choices = yield* Effect.forEach(all, () => Nondet.choice([0, 1]))
        for (const at of all.slice(1)) yield* Nondet.require(Constraint.neq(choices[at - 1], choices[at]))
        return choices.map(({ value }) => value)
      }))
      assert.deepStrictEqual(values, all.map((at) => at % 2))
    })).pipe(onMachine), 60_000)

  it.effect("choices that are looked at one after the other", () =>
    Avm.run(Effect.gen(function*() {
      const values = yield* Tx.transact(Effect.gen(function*() {
        const values: Array<number> = []
        for (let at = 0; at < count; at++) values.push(yield* Nondet.choose([0, 1]))
        yield* Nondet.require(values.at(-1) === 1)
        return values
      }))
      assert.strictEqual(values.reduce((sum, value) => sum + value, 0), 1)
    })).pipe(onMachine), 60_000)

  it.effect("variables that are labelled in a search", () =>
    Avm.run(Effect.gen(function*() {
      const found = yield* FD.commitFirst(
        Effect.gen(function*() {
          const variables = yield* Effect.forEach(all, () => FD.newVar(FD.range(0, 1)))
          let sum = 0
          for (const variable of variables) sum += yield* FD.label(variable)
          return sum === 2 ? sum : yield* Effect.fail("no")
        }),
        { nodes: count + 10 }
      )
      assert.deepStrictEqual(found, Option.some(2))
    })).pipe(onMachine), 60_000)
})
