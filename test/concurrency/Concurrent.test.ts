/**
 * Programs side by side: every history is serializable, and every answer and every final store is what the model has in
 * that serial order. 100 interleavings, and 2,500 with `SOAK` set.
 */
import { AvmError } from "@effect-avm/core"
import * as Concurrent from "@effect-avm/testkit/Concurrent"
import * as HistoryChecker from "@effect-avm/testkit/HistoryChecker"
import * as Observation from "@effect-avm/testkit/Observation"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { inMemory, type Store, stores } from "../support/Stores.js"

const numRuns = (store: Store): number => process.env.SOAK === undefined ? store === inMemory ? 100 : 40 : 2500

const run = (program: Concurrent.Concurrent, seed: number, [, store]: Store = inMemory) =>
  Effect.runPromise(Concurrent.run(program, { seed, store }))

describe.each(stores)("concurrent programs (%s)", (...over) => {
  it("are serializable, as the model confirms", () =>
    fc.assert(
      fc.asyncProperty(Concurrent.arbitrary(), fc.nat(), async (program, seed) => {
        const ran = await run(program, seed, over)
        const verdict = HistoryChecker.check(ran.history)
        assert.strictEqual(HistoryChecker.print(verdict), "")
        assert.strictEqual(Concurrent.differences(program, ran, verdict.order).join("\n"), "")
        // Thousands of runs of microtasks alone would keep the test runner from being heard.
        await new Promise((resolve) => setImmediate(resolve))
      }),
      { numRuns: numRuns(over) }
    ))

  it("are the same again with the same seed, bit for bit, and others with another", async () => {
    const histories = new Set<string>()
    for (const [index, program] of fc.sample(Concurrent.arbitrary(), { seed: 2, numRuns: 5 }).entries()) {
      for (const seed of [index, index + 1000]) {
        const [first, second] = [await run(program, seed, over), await run(program, seed, over)]
        assert.deepStrictEqual([told(first), first.objects], [told(second), second.objects])
        assert.strictEqual(JSON.stringify(first.history), JSON.stringify(second.history))
        histories.add(JSON.stringify(first.history))
      }
    }
    assert.isAbove(histories.size, 7)
  })
})

describe("concurrent programs", () => {
  it("are of the size that was asked for, and get into each other's way", async () => {
    const programs = fc.sample(Concurrent.arbitrary(), { seed: 1, numRuns: 200 })
    const counts = programs.map((program) => program.programs.length)
    assert.deepStrictEqual([Math.min(...counts), Math.max(...counts)], [2, 8])
    const lengths = programs.flatMap((program) =>
      program.programs.map((blocks) =>
        blocks.reduce((sum, { actions, kind }) => sum + actions.length + (kind === "alone" ? 0 : 2), 0)
      )
    )
    assert.strictEqual(Math.max(...lengths), 40)

    const seen = new Set<string>()
    for (const [seed, program] of programs.slice(0, 20).entries()) {
      for (const { commit, outcome, snapshot } of (await run(program, seed)).history) {
        seen.add(`${outcome._tag} ${commit?.from === snapshot.from ? "outside" : "in"} transactions`)
      }
    }
    assert.sameMembers([...seen], [
      "Committed in transactions",
      "Committed outside transactions",
      "Ended in transactions",
      "Refused in transactions",
      "Refused outside transactions"
    ])
  })

  it("are data", () =>
    fc.assert(
      fc.property(Concurrent.arbitrary(), (program) =>
        assert.deepStrictEqual<unknown>(JSON.parse(JSON.stringify(program)), program))
    ))
})

describe("the comparison with the model", () => {
  const [program] = fc.sample(Concurrent.arbitrary({ maxPrograms: 3 }), { seed: 3, numRuns: 1 })

  const compared = async (change: (ran: Concurrent.Ran) => Concurrent.Ran): Promise<ReadonlyArray<string>> => {
    if (program === undefined) return assert.fail("no program")
    const ran = await run(program, 1)
    return Concurrent.differences(program, change(ran), HistoryChecker.check(ran.history).order)
  }

  it("agrees with what happened", async () => {
    assert.deepStrictEqual(await compared((ran) => ran), [])
  })

  it("notices an answer that is another", async () => {
    const found = await compared((ran) => ({
      ...ran,
      logs: ran.logs.map((log) =>
        log.map((entry) =>
          entry.instruction._tag === "Tx.begin" ? { ...entry, exit: Exit.fail(new AvmError.NoActiveTx()) } : entry
        )
      )
    }))
    assert.match(found[0] ?? "", /Tx\.begin: the machine failed NoActiveTx/)
  })

  it("notices a state, a history and an object that is not there", async () => {
    const changes: ReadonlyArray<(kept: Concurrent.Kept) => ReadonlyArray<Concurrent.Kept>> = [
      ({ accepted, stored }) => [{ accepted, stored: { ...stored, state: "other" } }],
      ({ accepted, stored }) => [{ accepted: [...accepted, unheard], stored }],
      () => []
    ]
    for (const change of changes) {
      const found = await compared((ran) => ({ ...ran, objects: ran.objects.flatMap(change) }))
      assert.match(found[0] ?? "", /in the end/)
    }
  })
})

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

/** The logs without the predicates of scries, which are functions of their own each time. */
const told = ({ logs }: Concurrent.Ran) => {
  const of = ({ exit, instruction, label, within }: Concurrent.Logged): ReadonlyArray<string> => [
    `${label} ${instruction._tag} ${Observation.print(exit._tag === "Success" ? exit.value : exit.cause)}`,
    ...within.flatMap(of)
  ]
  return logs.map((log) => log.flatMap(of))
}

const unheard = { input: "never", sender: Option.none(), answers: [] }
