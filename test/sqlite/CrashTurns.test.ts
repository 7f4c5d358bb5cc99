/**
 * `kill -9` at random moments of a run with turns, a dozen times, and several hundred times with `SOAK` set: every message
 * that was accepted is processed exactly once, counted where it was received, at a second object that is told of it, and in
 * the outside world, which keeps the keys of what it was asked for.
 *
 * A failure prints the seed; `SEED=n` takes the same moments again, as far as a machine can.
 */
import { Mailboxes, ObjectStore, Turns, type Val } from "@effect-avm/core"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { PCGRandom } from "effect/Utils"
import { quiet } from "../support/Quiet.js"
import { isBad, open, platform, readWorld } from "./CrashDesk.js"
import { kill, program } from "./CrashHarness.js"
import { newFile } from "./support.js"

const soak = process.env.SOAK !== undefined
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
const random = new PCGRandom(seed)

const files = soak ? 24 : 3
const crashes = soak ? 16 : 4
const modes = ["full", "normal", "off"] as const

const desk = program("CrashTurns")

beforeAll(desk.build)
afterAll(desk.remove)

const numberOf = (input: Val.Val): number => Number(Array.isArray(input) ? input[0] : NaN)

const sorted = (numbers: Iterable<number>) => [...numbers].sort((x, y) => x - y)

/** Goes on with what is waiting until nothing is, and then counts. */
const goOn = (filename: string) =>
  Effect.gen(function*() {
    const store = yield* ObjectStore.ObjectStore
    const mailboxes = yield* Mailboxes.Mailboxes
    const [ledger, ...all] = yield* open
    const waited = (yield* Effect.forEach(yield* mailboxes.waiting, mailboxes.size)).reduce((a, b) => a + b, 0)
    yield* Turns.settle
    const processed = (yield* Effect.forEach(all, store.history)).flat().map(({ input }) => numberOf(input))
    const told = ledger === undefined ? [] : (yield* store.history(ledger)).map(({ input }) => numberOf(input))
    assert.deepStrictEqual(yield* mailboxes.waiting, [])
    assert.deepStrictEqual(yield* mailboxes.outputs, [])
    const letters = (yield* mailboxes.deadLetters).map(({ message: { input } }) => numberOf(input))
    return { processed: sorted(processed), told: sorted(told), letters: sorted(letters), waited }
  }).pipe(Effect.provide(platform(filename, "off", "manual")))

describe("kill -9 with turns", () => {
  const series = Array.from({ length: files }, (_, index) => ({
    mode: modes[index % modes.length] ?? "full",
    moments: Array.from({ length: crashes }, () => ({
      answers: random.integer(4) === 0 ? 0 : random.integer(150),
      delayMillis: random.integer(20)
    }))
  }))

  it.live(
    `${files * crashes} times: each accepted message is processed exactly once (seed ${seed})`,
    () =>
      Effect.forEach(series, ({ mode, moments }) =>
        Effect.gen(function*() {
          const filename = yield* newFile
          const accepted = new Set<number>()
          let waited = 0
          for (const [run, moment] of moments.entries()) {
            const killed = yield* Effect.promise(() => kill(desk.start(filename, String(run + 1), mode), moment))
            assert.isTrue(killed.wasReady)
            for (const number of killed.answered) accepted.add(number)
            // Some are crashed again with what was left.
            if (run % 2 === 0 && run + 1 < moments.length) continue
            const found = yield* goOn(filename)
            waited += found.waited
            const through = new Set([...found.processed, ...found.letters])
            for (const number of accepted) assert.isTrue(through.has(number), `${number} was accepted, and is lost`)
            // Those that were accepted and not told of count as well, once.
            assert.deepStrictEqual(found.processed, sorted(new Set(found.processed)))
            assert.deepStrictEqual(found.letters, sorted(new Set(found.letters)))
            assert.isTrue(found.letters.every(isBad))
            assert.isFalse(found.processed.some(isBad))
            assert.deepStrictEqual(found.told, found.processed)
            const world = readWorld(filename)
            assert.deepStrictEqual(sorted(world.map(([, number]) => number)), found.processed)
            assert.strictEqual(new Set(world.map(([key]) => key)).size, world.length)
          }
          assert.isAbove(accepted.size, crashes)
          return waited
        }).pipe(Effect.scoped), { concurrency: 2 }).pipe(Effect.provide(quiet)),
    soak ? 1_500_000 : 60_000
  )
})
