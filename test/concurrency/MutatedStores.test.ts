/** Five anomalies, planted in each store: seeded runs find them, under their own names, and tell how to see them again. */
import * as Concurrent from "@effect-avm/testkit/Concurrent"
import * as HistoryChecker from "@effect-avm/testkit/HistoryChecker"
import * as MutatedStores from "@effect-avm/testkit/MutatedStores"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { inMemory, type StoreLayer, stores } from "../support/Stores.js"

const anomalies: ReadonlyArray<readonly [kind: HistoryChecker.Kind, mutation: MutatedStores.Mutation]> = [
  ["lost update", MutatedStores.lostUpdate],
  ["write skew", MutatedStores.writeSkew],
  ["phantom", MutatedStores.phantom],
  ["read skew", MutatedStores.readSkew],
  ["dirty read", MutatedStores.dirtyRead]
]

const check = async (program: Concurrent.Concurrent, seed: number, store: StoreLayer) => {
  const ran = await Effect.runPromise(Concurrent.run(program, { seed, store }))
  const verdict = HistoryChecker.check(ran.history)
  return { verdict, differences: Concurrent.differences(program, ran, verdict.order) }
}

describe.each(stores)("planted (%s)", (_, store) => {
  for (const [kind, mutation] of anomalies) {
    it(`${kind}: found, and told as a program that fails with the seed that is printed`, async () => {
      const has = ({ verdict }: Awaited<ReturnType<typeof check>>) => verdict.anomalies.some((_) => _.kind === kind)
      const property = fc.asyncProperty(
        Concurrent.arbitrary({ maxPrograms: 3, maxInstructions: 12 }),
        fc.nat(),
        async (program, seed) => {
          const checked = await check(program, seed, mutation(store))
          if (has(checked)) throw new Error(HistoryChecker.print(checked.verdict))
        }
      )
      const details = await fc.check(property, {
        seed: 1,
        numRuns: 2000,
        interruptAfterTimeLimit: 10_000,
        // Shrinking takes most of the time, and is the same on every store.
        endOnFailure: store !== inMemory[1]
      })
      const report = String(fc.defaultReportMessage(details))
      const [program, seed] = details.counterexample ?? assert.fail(`no ${kind} was found`)
      assert.include(report, `${kind}:`)
      assert.include(report, String(seed))
      assert.isAtMost(instructions(program), 40)
      // Printed as data, it can be pasted: it fails again, with the same story.
      const again = await check(JSON.parse(JSON.stringify(program)), seed, mutation(store))
      assert.isTrue(has(again))
      assert.include(report, HistoryChecker.print(again.verdict).split("\n")[0])
    })
  }

  it("the model notices too, wherever what was read was used", async () => {
    const programs = fc.sample(Concurrent.arbitrary(), { seed: 1, numRuns: 10 })
    const found: Array<string> = []
    for (const [seed, program] of programs.entries()) {
      found.push(...(await check(program, seed, MutatedStores.lostUpdate(store))).differences)
    }
    assert.isAbove(found.length, 0)
  })
})

const instructions = ({ programs }: Concurrent.Concurrent): number =>
  programs.flat().reduce((count, { actions, kind }) => count + actions.length + (kind === "alone" ? 0 : 2), 0)
