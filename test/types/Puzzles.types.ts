// Finite domains, choices, and several parties in one commit.
import { Avm, type AvmError, Constraint, FD, Intent, Nondet, Tx } from "@effect-avm/core"
import { Effect, type Option, Stream } from "effect"
import { expectTypeOf } from "vitest"

// A model is solved without a machine.
const sums = FD.model({
  variables: { x: FD.range(1, 9), y: FD.range(1, 9), colour: FD.values("red", "green") },
  constraints: ({ x, y, colour }) => [
    Constraint.eq(Constraint.plus(x, y), 10),
    Constraint.lt(x, y),
    Constraint.neq(colour, "red")
  ]
})

export const all: Stream.Stream<{ readonly x: number; readonly y: number; readonly colour: "red" | "green" }, unknown> =
  FD
    .solveAll(sums)

export const best = FD.maximize(sums, ({ x }) => x, { time: "1 second" })

// The same by instructions: each label is a choice, each failure a dead end.
const permutation = Effect.gen(function*() {
  const variables = yield* Effect.all([1, 2, 3].map(() => FD.newVar(FD.range(1, 3))))
  yield* FD.post(Constraint.allDifferent(variables))
  return yield* Effect.forEach(variables, (variable) => FD.label(variable))
})

export const permutations = Stream.runCollect(FD.search(permutation)).pipe(Avm.run, Effect.provide(Avm.layerMemory))
export const one: Effect.Effect<Option.Option<Array<number>>, unknown, unknown> = FD.commitFirst(permutation)

// Choices are made at commit, such that the requirements hold.
export const dinner = Tx.transact(Effect.gen(function*() {
  const dish = yield* Nondet.choose(["soup", "fish"], { weights: [1, 2] })
  const price = yield* Nondet.choice([8, 12, 20])
  yield* Nondet.require(dish === "fish")
  yield* Nondet.require(Constraint.leq(price, 12))
  return { dish, price: price.value }
}))

const buyer = Intent.make(
  "buyer",
  Effect.gen(function*() {
    const price = yield* Nondet.choice([3, 2, 1])
    yield* Nondet.require(Constraint.leq(price, 2))
    return { price }
  })
)

const seller = Intent.make(
  "seller",
  Effect.gen(function*() {
    const price = yield* Nondet.choice([1, 2, 3])
    yield* Nondet.require(Constraint.leq(2, price))
    return { price, invoice: "A-1" }
  })
)

export const deal = Intent.compose({ buyer, seller }, {
  balance: (results) => [Constraint.eq(results.buyer.price, results.seller.price)]
}).pipe(
  Effect.map(({ buyer, seller }) => `${seller.invoice}: ${buyer.price.value}`),
  Effect.catchTag("Unsatisfiable", ({ requirements }) => Effect.succeed(requirements.join())),
  Avm.run
)

expectTypeOf(deal).toEqualTypeOf<
  Effect.Effect<
    string,
    Exclude<Nondet.ChooseError | Nondet.RequireError | Tx.TransactError, AvmError.Unsatisfiable>,
    Avm.Avm
  >
>()

// @ts-expect-error -- a value of another type
sums.constraints({ x: 1, y: 2, colour: "red" })

// @ts-expect-error -- a bracket inside a bracket
export const nested = Intent.make("nested", dinner)

// @ts-expect-error -- a search inside a bracket
export const searching = Tx.transact(FD.commitFirst(permutation))

export const misspelt = FD.model({
  variables: { colour: FD.values("red", "green") },
  // @ts-expect-error -- no such colour
  constraints: ({ colour }) => [Constraint.eq(colour, "blue")]
})
