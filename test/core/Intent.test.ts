/**
 * Several parties in one commit: all or none, each one's preferences counted.
 */
import { Avm, AvmError, Behaviour, Constraint, ControllerId, Intent, Introspect, Nondet, Obj } from "@effect-avm/core"
import { Check, ConstraintSolver, Solver } from "@effect-avm/solver"
import * as HighsSolver from "@effect-avm/solver/HighsSolver"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import * as Puzzles from "../solver/Puzzles.js"
import { inMemory, machineOn, type StoreLayer, stores } from "../support/Stores.js"

const local = ControllerId.make("local")

/** Keeps what it is sent. */
const Keeper = Behaviour.layerRaw(
  "keeper",
  Effect.gen(function*() {
    yield* Introspect.setState(yield* Introspect.input)
    return []
  })
)

const on = (store: StoreLayer) => <A, E>(program: Effect.Effect<A, E, Avm.Platform>): Promise<A> =>
  Effect.runPromise(program.pipe(Effect.provide(Keeper), Effect.provide(machineOn(store))))

describe.each(stores)("Intent.compose (%s)", (_, store) => {
  const run = on(store)

  it("commits all parties under what balances, or none", () =>
    run(Avm.run(Effect.gen(function*() {
      const kept = yield* Obj.create("keeper", local)
      const buyer = Intent.make(
        "buyer",
        Effect.gen(function*() {
          const price = yield* Nondet.choice([3, 2, 1])
          yield* Obj.call(kept, `paid ${price.value}`)
          return price
        })
      )
      const seller = (least: number) =>
        Intent.make(
          "seller",
          Effect.gen(function*() {
            const price = yield* Nondet.choice([1, 2, 3])
            yield* Nondet.require(Constraint.leq(least, price), "enough")
            return price
          })
        )
      const deal = (least: number) =>
        Intent.compose({ buyer, seller: seller(least) }, {
          balance: ({ buyer, seller }) => [Constraint.eq(buyer, seller), Constraint.lt(buyer, 3)],
          controller: local
        })
      const { buyer: paid, seller: got } = yield* deal(2)
      assert.deepStrictEqual([paid.value, got.value], [2, 2])
      const error = yield* Effect.flip(deal(3))
      assert.instanceOf(error, AvmError.Unsatisfiable)
      assert.deepStrictEqual(error.requirements, ["seller: enough", "balance 1", "balance 2"])
    }))))

  it("goes round a ring that no two of them could trade in", () => {
    const trader = (name: string, has: string, wants: string) =>
      Intent.make(
        name,
        Effect.gen(function*() {
          const gives = yield* Nondet.choice(["nothing", has])
          const gets = yield* Nondet.choice([wants, "nothing"], { weights: [2, 0] })
          yield* Nondet.require(Constraint.or(Constraint.eq(gets, wants), Constraint.eq(gives, "nothing")), "is paid")
          return { gives, gets }
        })
      )
    const ring = Intent.compose({
      a: trader("a", "apple", "bread"),
      b: trader("b", "bread", "cheese"),
      c: trader("c", "cheese", "apple")
    }, {
      balance: (
        { a, b, c }
      ) => [Constraint.eq(a.gives, c.gets), Constraint.eq(b.gives, a.gets), Constraint.eq(c.gives, b.gets)]
    })
    return run(Effect.gen(function*() {
      const { a, b, c } = yield* Avm.run(ring)
      assert.deepStrictEqual([a, b, c].map(({ gets }) => gets.value), ["bread", "cheese", "apple"])
    }))
  })

  it("is no longer a deal when one party fails", () =>
    run(Avm.run(Effect.gen(function*() {
      const failing = Intent.make("failing", Effect.fail("no" as const))
      const other = Intent.make("other", Introspect.setState("changed"))
      assert.strictEqual(yield* Effect.flip(Intent.compose({ other, failing })), "no")
      assert.deepStrictEqual(yield* Introspect.getState, [])
    }))))
})

describe("Intent.compose", () => {
  // What is best is found without a store: these parties have no objects.
  const run = on(inMemory[1])

  it.each([
    ["embedded", ConstraintSolver.layerEmbedded],
    ["highs", HighsSolver.layer]
  ])("clears 40 offers as well as a solver that is given them as a problem (%s)", async (_, layer) => {
    const offers = Puzzles.offers(40)
    const parties = Object.fromEntries(offers.map(({ worth }, at) => [
      `p${at}`,
      Intent.make(`p${at}`, Nondet.choice([1, 0], { weights: [worth, 0] }))
    ]))
    const moved = Intent.compose(parties, {
      balance: (taken) =>
        [0, 1, 2, 3].map((asset) =>
          Constraint.leq(
            0,
            Constraint.sum(offers.flatMap(({ amount, atLeast, gives, wants }, at) => [
              ...gives === asset ? [Constraint.times(amount, taken[`p${at}`])] : [],
              ...wants === asset ? [Constraint.times(-atLeast, taken[`p${at}`])] : []
            ]))
          )
        )
    }).pipe(Effect.map((taken) => offers.map((_, at) => taken[`p${at}`].value)))
    const platform = Layer.provide(Avm.layer(), Layer.merge(Avm.layerPortsMemory, layer))
    const found = await Effect.runPromise(Avm.run(moved).pipe(Effect.provide(platform)))
    const problem = Puzzles.clearing(offers)
    assert.deepStrictEqual(Check.violations(problem, found), [])
    const outcome = await Effect.runPromise(Solver.solve(problem))
    assert.deepStrictEqual(outcome._tag === "Solved" && outcome.objectives, Check.objectives(problem, found))
  })

  it("finds the price at which most of 50 parties trade", () => {
    const limits = Array.from({ length: 50 }, (_, at) => 10 + (at * 37 + 11) % 23)
    const prices = Array.from({ length: 20 }, (_, at) => 10 + at)
    // Those in even places buy.
    const canTrade = (at: number, price: number) => at % 2 === 0 ? price <= limits[at] : limits[at] <= price
    const count = (price: number, side: number) =>
      limits.filter((_, at) => at % 2 === side && canTrade(at, price)).length
    const most = Math.max(...prices.map((price) => 2 * Math.min(count(price, 0), count(price, 1))))
    const parties = Object.fromEntries(limits.map((limit, at) => [
      `p${at}`,
      Intent.make(
        `p${at}`,
        Effect.gen(function*() {
          const trades = yield* Nondet.choice([1, 0], { weights: [100, 0] })
          const price = yield* Nondet.choice(prices, {
            weights: prices.map((price) => at % 2 === 0 ? 30 - price : price)
          })
          const fits = at % 2 === 0 ? Constraint.leq(price, limit) : Constraint.leq(limit, price)
          yield* Nondet.require(Constraint.or(Constraint.eq(trades, 0), fits), "its limit")
          return { trades, price }
        })
      )
    ]))
    const market = Intent.compose(parties, {
      balance: (all) => {
        const [first, ...others] = limits.map((_, at) => all[`p${at}`])
        const traded = (side: number) =>
          Constraint.sum(limits.flatMap((_, at) => at % 2 === side ? [all[`p${at}`].trades] : []))
        return [Constraint.eq(traded(0), traded(1)), ...others.map(({ price }) => Constraint.eq(price, first.price))]
      }
    })
    return run(Effect.gen(function*() {
      const all = Object.values(yield* Avm.run(market))
      const [{ price }] = all
      const traders = all.flatMap(({ trades }, at) => trades.value === 1 ? [at] : [])
      assert.strictEqual(traders.length, most)
      assert.isTrue(traders.every((at) => canTrade(at, price.value)))
    }))
  })

  it("finds what trying everything finds best, for parties with weights", () => {
    const party = fc.record({
      weights: fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 3, maxLength: 3 }),
      least: fc.integer({ min: 0, max: 2 }),
      open: fc.boolean()
    })
    return fc.assert(
      fc.asyncProperty(
        fc.array(party, { minLength: 2, maxLength: 3 }),
        fc.integer({ min: 0, max: 6 }),
        async (parties, total) => {
          const amounts = [0, 1, 2]
          const losses = parties.map(({ weights }) => weights.map((weight) => Math.max(...weights) - weight))
          const ways = parties.reduce<ReadonlyArray<ReadonlyArray<number>>>(
            (ways) => ways.flatMap((way) => amounts.map((amount) => [...way, amount])),
            [[]]
          ).filter((way) =>
            way.every((amount, at) => parties[at].least <= amount) &&
            way.reduce((sum, amount) => sum + amount, 0) === total
          )
          const lost = (way: ReadonlyArray<number>) => way.reduce((sum, amount, at) => sum + losses[at][amount], 0)
          // The ways are in their order: the first of the best is the smallest.
          const best = ways.find((way) => ways.every((other) => lost(way) <= lost(other)))
          const intents = Object.fromEntries(parties.map(({ least, open, weights }, at) => [
            `p${at}`,
            Intent.make(
              `p${at}`,
              Effect.gen(function*() {
                const amount = yield* Nondet.choice(amounts, { weights })
                yield* Nondet.require(open ? Constraint.leq(least, amount) : least <= amount.value)
                return amount
              })
            )
          ]))
          const deal = Intent.compose(intents, {
            balance: (results) => [Constraint.eq(Constraint.sum(Object.values(results)), total)]
          })
          const found = await run(Avm.run(Effect.either(deal)))
          assert.deepStrictEqual(
            Option.map(Either.getRight(found), (results) => Object.values(results).map(({ value }) => value)),
            Option.fromNullable(best)
          )
        }
      ),
      { numRuns: process.env.SOAK === undefined ? 200 : 4_000 }
    )
  })
})
