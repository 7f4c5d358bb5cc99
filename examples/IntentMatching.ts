/**
 * Intents of several parties, matched in one commit: buyers and a seller with limits, and a barter ring of three that no two
 * of them could trade in.
 */
import { Avm, Constraint, Intent, Nondet } from "@effect-avm/core"
import { Console, Effect } from "effect"

const prices = [10, 11, 12, 13, 14, 15]

/** Buys one, or nothing; the cheaper the better. */
const buyer = (name: string, most: number) =>
  Intent.make(
    name,
    Effect.gen(function*() {
      const buys = yield* Nondet.choice([1, 0], { weights: [10, 0] })
      const price = yield* Nondet.choice(prices, { weights: [5, 4, 3, 2, 1, 0] })
      yield* Nondet.require(Constraint.or(Constraint.eq(buys, 0), Constraint.leq(price, most)), `at most ${most}`)
      return { buys, price }
    })
  )

/** Sells up to two, at one price; the dearer the better. */
const seller = Intent.make(
  "seller",
  Effect.gen(function*() {
    const sells = yield* Nondet.choice([2, 1, 0], { weights: [20, 10, 0] })
    const price = yield* Nondet.choice(prices, { weights: [0, 1, 2, 3, 4, 5] })
    yield* Nondet.require(Constraint.leq(12, price), "at least 12")
    return { sells, price }
  })
)

export const market = Intent.compose(
  { ann: buyer("ann", 13), ben: buyer("ben", 11), cleo: buyer("cleo", 15), seller },
  {
    balance: ({ ann, ben, cleo, seller }) => [
      Constraint.eq(seller.sells, Constraint.sum([ann.buys, ben.buys, cleo.buys])),
      ...[ann, ben, cleo].map(({ buys, price }) =>
        Constraint.or(Constraint.eq(buys, 0), Constraint.eq(price, seller.price))
      )
    ]
  }
)

/** Gives what it has for what it wants, and would rather keep it than get nothing. */
const trader = (name: string, has: string, wants: string) =>
  Intent.make(
    name,
    Effect.gen(function*() {
      const gives = yield* Nondet.choice(["nothing", has], { weights: [1, 0] })
      const gets = yield* Nondet.choice([wants, "nothing"], { weights: [3, 0] })
      yield* Nondet.require(
        Constraint.or(Constraint.eq(gives, "nothing"), Constraint.eq(gets, wants)),
        "nothing for nothing"
      )
      return { gives, gets }
    })
  )

export const ring = Intent.compose({
  dora: trader("dora", "a lamp", "a bicycle"),
  emil: trader("emil", "a bicycle", "a guitar"),
  fay: trader("fay", "a guitar", "a lamp")
}, {
  balance: ({ dora, emil, fay }) => [
    Constraint.eq(dora.gives, fay.gets),
    Constraint.eq(emil.gives, dora.gets),
    Constraint.eq(fay.gives, emil.gets)
  ]
})

export const main = Effect.gen(function*() {
  const { seller: sold, ...buyers } = yield* Avm.run(market)
  const bought = Object.entries(buyers).filter(([, { buys }]) => buys.value === 1).map(([name]) => name)
  yield* Console.log(`${bought.join(" and ")} buy at ${sold.price.value}`)
  const traders = yield* Avm.run(ring)
  const got = Object.entries(traders).map(([name, { gets }]) => `${name} gets ${gets.value}`)
  for (const line of got) yield* Console.log(line)
  return { bought, price: sold.price.value, got }
}).pipe(Effect.provide(Avm.layerMemory))

if (process.argv[1] === import.meta.filename) Effect.runPromise(main)
