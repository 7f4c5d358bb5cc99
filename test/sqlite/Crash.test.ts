/**
 * `kill -9` at random moments of a loaded run, a dozen times, and several hundred times with `SOAK` set: what was answered
 * is there, nothing is there in part, no money has come or gone, and each history leads to its state.
 *
 * A failure prints the seed; `SEED=n` takes the same moments again, as far as a machine can.
 */
import { Avm, ObjectStore } from "@effect-avm/core"
import { Failure, Sqlite } from "@effect-avm/sqlite"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { PCGRandom } from "effect/Utils"
import { AccountLive, accounts, after, opening } from "./CrashBank.js"
import { kill, program } from "./CrashHarness.js"
import { newFile, withStore } from "./support.js"

const soak = process.env.SOAK !== undefined
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
const random = new PCGRandom(seed)

/** Several crashes on one file, one after the other: what was recovered is crashed again. */
const files = soak ? 24 : 2
const crashes = soak ? 16 : 6
const modes = ["full", "normal", "off"] as const

// ---------------------------------------------------------------------------
// killing
// ---------------------------------------------------------------------------

const bank = program("CrashChild")

beforeAll(bank.build)
afterAll(bank.remove)

const start = (filename: string, run: number, mode: string) => bank.start(filename, String(run), mode)

// ---------------------------------------------------------------------------
// looking
// ---------------------------------------------------------------------------

interface Found {
  readonly transfers: number
  readonly sum: number
}

const look = (filename: string, answered: ReadonlySet<number>) =>
  Effect.gen(function*() {
    const store = yield* ObjectStore.ObjectStore
    const all = yield* store.scan(ObjectStore.latest)
    assert.strictEqual(all.length, accounts)
    const moved = new Map<number, Array<number>>()
    let sum = 0
    for (const { metadata: { id }, state } of all) {
      let balance = 0
      for (const { input } of yield* store.history(id)) {
        balance = after(balance, input)
        if (!Array.isArray(input) || input[0] !== "pay") continue
        const number = Number(input[1])
        const sides = moved.get(number)
        if (sides === undefined) moved.set(number, [Number(input[2])])
        else sides.push(Number(input[2]))
      }
      assert.strictEqual(state, balance, `the history of ${id.value} leads elsewhere`)
      assert.strictEqual(yield* Avm.replay(id), state) // A42
      sum += balance
    }
    for (const [number, [one, other, ...more]] of moved) {
      assert.deepStrictEqual([(one ?? 0) + (other ?? NaN), more], [0, []], `transfer ${number} is there in part`)
    }
    for (const number of answered) assert.isTrue(moved.has(number), `transfer ${number} was answered, and is lost`)
    return { transfers: moved.size, sum } satisfies Found
  }).pipe(Effect.provide(Layer.provideMerge(
    AccountLive,
    Layer.provideMerge(Avm.layer(), Sqlite.layerPorts({ filename }))
  )))

// ---------------------------------------------------------------------------
// the tests
// ---------------------------------------------------------------------------

describe("kill -9", () => {
  const series = Array.from({ length: files }, (_, index) => ({
    index,
    mode: modes[index % modes.length] ?? "full",
    moments: Array.from({ length: crashes }, () => ({
      // Some of them right at the start.
      answers: random.integer(4) === 0 ? 0 : random.integer(300),
      delayMillis: random.integer(20)
    }))
  }))

  it.live(
    `${files * crashes} times: everything answered is there, nothing in part (seed ${seed})`,
    () =>
      Effect.forEach(series, ({ index, mode, moments }) =>
        Effect.gen(function*() {
          const filename = yield* newFile
          const answered = new Set<number>()
          let before = 0
          for (const [run, moment] of moments.entries()) {
            const killed = yield* Effect.promise(() => kill(start(filename, index * 100 + run, mode), moment))
            assert.isTrue(killed.wasReady)
            for (const number of killed.answered) answered.add(number)
            const { sum, transfers } = yield* look(filename, answered)
            assert.strictEqual(sum, accounts * opening)
            assert.isAtLeast(transfers, before)
            before = transfers
          }
          // It was loaded indeed.
          assert.isAbove(answered.size, crashes)
        }).pipe(Effect.scoped), { concurrency: 2, discard: true }),
    soak ? 1_500_000 : 60_000
  )

  it.live("gives the file free: another process has it while it lives, and no longer", () =>
    Effect.gen(function*() {
      const filename = yield* newFile
      const child = start(filename, 0, "off")
      const killed = kill(child, { answers: Infinity, delayMillis: 0 })
      yield* Effect.promise(() => new Promise((resolve) => child.stdout?.once("data", resolve)))
      const error = yield* Effect.flip(withStore(filename, () => Effect.void))
      assert.deepStrictEqual(error.cause, new Failure.FileInUse({ filename, pid: child.pid ?? 0 }))
      child.kill("SIGKILL")
      yield* Effect.promise(() => killed)
      yield* withStore(filename, () => Effect.void)
    }).pipe(Effect.scoped))
})
