/**
 * Several parties in one commit: all or none, each one's preferences counted.
 */
import { Avm, AvmError, Behaviour, Constraint, ControllerId, Intent, Introspect, Nondet, Obj } from "@effect-avm/core"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
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
