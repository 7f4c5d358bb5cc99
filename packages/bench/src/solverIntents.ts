/**
 * Intents of many parties, committed by `Intent.compose`, beside the engine that is given what they want as a problem.
 *
 * Offers are taken whole or not at all, so that of each asset no more is wanted than given. On the market half of the
 * parties buy one piece, half of them sell one, each with a limit, and all that trade do so at one price.
 */
import { Avm, Constraint, Intent, Nondet } from "@effect-avm/core"
import { Constraint as Lowered, type ConstraintSolver, Domain, Problem, Solver } from "@effect-avm/solver"
import * as HighsSolver from "@effect-avm/solver/HighsSolver"
import { Effect, Layer, ManagedRuntime } from "effect"
import { cpuOf, median, timesFor } from "./harness.js"
import * as Problems from "./solverProblems.js"

const machine = (solver?: Layer.Layer<ConstraintSolver.ConstraintSolver>) =>
  ManagedRuntime.make(Layer.provide(
    Avm.layer(),
    solver === undefined ? Avm.layerPortsMemory : Layer.merge(Avm.layerPortsMemory, solver)
  ))

type Machine = ReturnType<typeof machine>

/** What they come to: both sides must agree on it. */
interface Deal {
  readonly composed: (machine: Machine) => Promise<number>
  readonly solved: () => Promise<number>
}

const valueOf = (problem: Problem.Problem): Promise<number> =>
  Effect.runPromise(Solver.solve(problem)).then((outcome) => {
    if (outcome._tag !== "Solved") throw new Error(`the answer is ${outcome._tag}`)
    return outcome.objectives[0]
  })

// ---------------------------------------------------------------------------
// offers
// ---------------------------------------------------------------------------

const offers = (count: number): Deal => {
  const all = Problems.offers(count)
  const parties = Object.fromEntries(all.map(({ worth }, at) => [
    `p${at}`,
    Intent.make(`p${at}`, Nondet.choice([1, 0], { weights: [worth, 0] }))
  ]))
  const cleared = Intent.compose(parties, {
    balance: (taken) =>
      Problems.upTo(4).map((asset) =>
        Constraint.leq(
          0,
          Constraint.sum(all.flatMap(({ amount, atLeast, gives, wants }, at) => [
            ...gives === asset ? [Constraint.times(amount, taken[`p${at}`])] : [],
            ...wants === asset ? [Constraint.times(-atLeast, taken[`p${at}`])] : []
          ]))
        )
      )
  })
  return {
    composed: async (machine) => {
      const taken = await machine.runPromise(Avm.run(cleared))
      return all.reduce((sum, { worth }, at) => sum + (taken[`p${at}`].value === 1 ? worth : 0), 0)
    },
    solved: () => valueOf(Problems.clearing(count))
  }
}

// ---------------------------------------------------------------------------
// a market
// ---------------------------------------------------------------------------

const prices = Problems.upTo(20).map((at) => 10 + at)
const gain = 100

const limitsOf = (count: number): ReadonlyArray<number> => Problems.upTo(count).map((at) => 10 + (at * 37 + 11) % 23)

const buys = (at: number): boolean => at % 2 === 0

/** How much less than it might a price is worth to a party. */
const loss = (at: number, price: number): number => buys(at) ? price - 10 : 29 - price

const market = (count: number): Deal => {
  const limits = limitsOf(count)
  const parties = Object.fromEntries(limits.map((limit, at) => [
    `p${at}`,
    Intent.make(
      `p${at}`,
      Effect.gen(function*() {
        const trades = yield* Nondet.choice([1, 0], { weights: [gain, 0] })
        const price = yield* Nondet.choice(prices, { weights: prices.map((price) => 19 - loss(at, price)) })
        const fits = buys(at) ? Constraint.leq(price, limit) : Constraint.leq(limit, price)
        yield* Nondet.require(Constraint.or(Constraint.eq(trades, 0), fits), "its limit")
        return { trades, price }
      })
    )
  ]))
  const places = Problems.upTo(count)
  const traded = Intent.compose(parties, {
    balance: (all) => [
      Constraint.eq(
        Constraint.sum(places.filter(buys).map((at) => all[`p${at}`].trades)),
        Constraint.sum(places.filter((at) => !buys(at)).map((at) => all[`p${at}`].trades))
      ),
      ...places.slice(1).map((at) => Constraint.eq(all[`p${at}`].price, all.p0.price))
    ]
  })
  // Each has two variables: whether it trades, and its price.
  const problem = Problem.make({
    variables: places.flatMap((at) => [
      { name: `trades ${at}`, domain: Domain.boolean },
      { name: `price ${at}`, domain: Domain.range(10, 29) }
    ]),
    requirements: [
      ...places.map((at) =>
        Lowered.or(
          Lowered.compareValue(2 * at, "=", 0),
          Lowered.compareValue(2 * at + 1, buys(at) ? "<=" : ">=", limits[at])
        )
      ),
      Lowered.linear(places.map((at) => buys(at) ? 1 : -1), places.map((at) => 2 * at), "=", 0),
      ...places.slice(1).map((at) => Lowered.compare(2 * at + 1, "=", 1))
    ],
    objectives: [
      Problem.maximize(
        ...places.flatMap((at) => [Problem.times(gain, 2 * at), Problem.times(buys(at) ? -1 : 1, 2 * at + 1)])
      )
    ]
  })
  return {
    composed: async (machine) => {
      const all = await machine.runPromise(Avm.run(traded))
      return places.reduce((sum, at) => sum + all[`p${at}`].trades.value, 0)
    },
    // What prices are worth to both sides cancels out.
    solved: async () => await valueOf(problem) / gain
  }
}

// ---------------------------------------------------------------------------
// the table
// ---------------------------------------------------------------------------

export const lines = async (quick: boolean, rounds: number): Promise<ReadonlyArray<string>> => {
  const embedded = machine()
  const highs = machine(HighsSolver.layer)
  await offers(4).composed(highs)
  const counts = quick ? [30] : [30, 50]
  const rows = [
    ...counts.map((count) => [`${count} offers`, offers(count), true] as const),
    ...counts.map((count) => [`${count} parties on a market`, market(count), false] as const)
  ]
  const found: Array<string> = []
  for (const [name, { composed, solved }, isLinear] of rows) {
    const [ours, theirs] = [await composed(embedded), await solved()]
    if (ours !== theirs) throw new Error(`${name}: ${ours} is not ${theirs}`)
    const repeat = timesFor(await cpuOf(solved))
    const times: Array<number> = []
    const ratios: Array<number> = []
    const withHighs: Array<number> = []
    for (let round = 0; round < rounds; round++) {
      const engine = await cpuOf(async () => {
        for (let n = 0; n < repeat; n++) await solved()
      }) / repeat
      const intents = await cpuOf(async () => {
        for (let n = 0; n < repeat; n++) await composed(embedded)
      }) / repeat
      times.push(intents)
      ratios.push(intents / engine)
      if (isLinear && round < 3) withHighs.push(await cpuOf(() => composed(highs)) / intents)
    }
    const beside = withHighs.length === 0 ? "" : median(withHighs).toFixed(1)
    found.push(`| ${name} | ${median(times).toFixed(1)} | ${median(ratios).toFixed(1)} | ${beside} |`)
  }
  await Promise.all([embedded.dispose(), highs.dispose()])
  return [
    "",
    "| Intent.compose | ms | by the engine that is given the problem | with highs, by it |",
    "|---|---:|---:|---:|",
    ...found
  ]
}
