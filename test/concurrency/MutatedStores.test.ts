/** The five planted anomalies are found by seeded runs, each under its own name, and told with what reproduces them. */
import { ObjectStore } from "@effect-avm/core"
import * as Concurrent from "@effect-avm/testkit/Concurrent"
import * as HistoryChecker from "@effect-avm/testkit/HistoryChecker"
import * as MutatedStores from "@effect-avm/testkit/MutatedStores"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"

const anomalies: ReadonlyArray<readonly [kind: HistoryChecker.Kind, mutation: MutatedStores.Mutation]> = [
  ["lost update", MutatedStores.lostUpdate],
  ["write skew", MutatedStores.writeSkew],
  ["phantom", MutatedStores.phantom],
  ["read skew", MutatedStores.readSkew],
  ["dirty read", MutatedStores.dirtyRead]
]

const check = async (program: Concurrent.Concurrent, seed: number, mutation: MutatedStores.Mutation) => {
  const ran = await Effect.runPromise(Concurrent.run(program, { seed, store: mutation(ObjectStore.layerMemory) }))
  const verdict = HistoryChecker.check(ran.history)
  return { verdict, differences: Concurrent.differences(program, ran, verdict.order) }
}

describe("planted", () => {
  for (const [kind, mutation] of anomalies) {
    it(`${kind}: found, and shrunk to a program that fails with the seed that is printed`, async () => {
      const has = ({ verdict }: Awaited<ReturnType<typeof check>>) => verdict.anomalies.some((_) => _.kind === kind)
      const property = fc.asyncProperty(
        Concurrent.arbitrary({ maxPrograms: 3, maxInstructions: 12 }),
        fc.nat(),
        async (program, seed) => {
          const checked = await check(program, seed, mutation)
          if (has(checked)) throw new Error(HistoryChecker.print(checked.verdict))
        }
      )
      const details = await fc.check(property, { seed: 1, numRuns: 2000, interruptAfterTimeLimit: 10_000 })
      const report = String(fc.defaultReportMessage(details))
      const [program, seed] = details.counterexample ?? assert.fail(`no ${kind} was found`)
      assert.include(report, `${kind}:`)
      assert.include(report, String(seed))
      assert.isAtMost(instructions(program), 40)
      // Printed as data, it can be pasted: it fails again, with the same story.
      const again = await check(JSON.parse(JSON.stringify(program)), seed, mutation)
      assert.isTrue(has(again))
      assert.include(report, HistoryChecker.print(again.verdict).split("\n")[0])
    })
  }

  it("the model notices too, wherever what was read was used", async () => {
    const programs = fc.sample(Concurrent.arbitrary(), { seed: 1, numRuns: 10 })
    const found: Array<string> = []
    for (const [seed, program] of programs.entries()) {
      found.push(...(await check(program, seed, MutatedStores.lostUpdate)).differences)
    }
    assert.isAbove(found.length, 0)
  })
})

const instructions = ({ programs }: Concurrent.Concurrent): number =>
  programs.flat().reduce((count, { actions, kind }) => count + actions.length + (kind === "alone" ? 0 : 2), 0)
