/**
 * Calls mean what functions mean: generated towers of nested calls log the same, with the right frames, and end in the
 * same way as the same towers of plain Effect functions, at any depth and however what is below ends.
 *
 * A failure prints the seed and the shrunk tower; `SEED=n` runs that seed again.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Scope } from "effect"
import * as fc from "fast-check"
import { inMemory, machineOn, type StoreLayer, stores } from "../../support/Stores.js"
import * as Towers from "./towers.js"

const isCut = ({ ground }: Towers.Tower): boolean => ground === "wait" || ground === "spin"

const has = ({ floors }: Towers.Tower, what: Towers.Around): boolean =>
  floors.some(({ arounds }) => arounds.includes(what))

/** Whether a fiber or who forked it is first to notice an interruption, nobody promises. */
const comparable = (tower: Towers.Tower, ended: Towers.Ended): Towers.Ended =>
  isCut(tower) && has(tower, "fork") ? { ...ended, log: [...ended.log].sort() } : ended

/** Compares towers of at most this height, on a machine that stays open. */
const comparing = (store: StoreLayer, height: number) => {
  const site = Effect.runPromise(Effect.gen(function*() {
    const machine = yield* Layer.buildWithScope(machineOn(store), yield* Scope.make())
    return yield* Effect.provide(Towers.make(height), machine)
  }))
  return async (tower: Towers.Tower): Promise<Towers.Ended> => {
    const expected = await Effect.runPromise(Towers.plainly(tower))
    const actual = await Effect.runPromise((await site).run(tower))
    assert.deepStrictEqual(comparable(tower, actual), comparable(tower, expected))
    return actual
  }
}

// ---------------------------------------------------------------------------
// generated
// ---------------------------------------------------------------------------

/** The driver leaves the stack of JavaScript at some depth: those around it, and deeper than twice as deep. */
const lifts = [0, 0, 0, 1, 2, 30, 126, 127, 128, 129, 260]

const floor: fc.Arbitrary<Towers.Floor> = fc.record({
  form: fc.constantFrom(...Towers.forms),
  before: fc.constantFrom<Towers.Act>("nothing", ...Towers.acts),
  arounds: fc.array(fc.constantFrom(...Towers.arounds), { maxLength: 2 }),
  after: fc.constantFrom<Towers.Act>("nothing", ...Towers.acts),
  lift: fc.constantFrom(...lifts)
})

const mostFloors = 6

const tower: fc.Arbitrary<Towers.Tower> = fc.record({
  floors: fc.array(floor, { minLength: 1, maxLength: mostFloors }),
  ground: fc.constantFrom(...Towers.grounds),
  groundForm: fc.constantFrom(...Towers.forms),
  bracket: fc.boolean()
}).filter((tower) => {
  // A fiber that cannot be interrupted joins one that can: nobody would end. And fibers do not outlive their bracket.
  const isStuck = isCut(tower) && has(tower, "fork") && (tower.bracket || has(tower, "uninterruptible"))
  // An interrupted fiber of effect that pauses on its way up forgets what a finalizer died of, when is its own business.
  const isForgotten = isCut(tower) && has(tower, "ensuring with a defect")
  return !isStuck && !isForgotten
})

describe.each(stores)("nested calls (%s)", (_, store) => {
  const agree = comparing(store, mostFloors * (Math.max(...lifts) + 1) + 1)

  it("mean what nested functions mean", () => {
    const seed = process.env.SEED === undefined ? undefined : Number(process.env.SEED)
    const numRuns = (process.env.SOAK === undefined ? 400 : 10_000) / (store === inMemory[1] ? 1 : 4)
    return fc.assert(fc.asyncProperty(tower, async (tower) => void await agree(tower)), {
      numRuns,
      ...(seed === undefined ? {} : { seed })
    })
  })
})

// ---------------------------------------------------------------------------
// swept
// ---------------------------------------------------------------------------

/** In memory alone, where the fewest instructions leave the driver. */
const agree = comparing(inMemory[1], 5002)

const bare: Towers.Floor = { form: "generator", before: "nothing", arounds: [], after: "nothing", lift: 0 }

const deep = (depth: number, ground: Towers.Ground, top: Partial<Towers.Floor>): Towers.Tower => ({
  floors: [{ ...bare, ...top, lift: depth - 1 }],
  ground,
  groundForm: "generator",
  bracket: false
})

describe("at every depth from 1 to 200, what is innermost", () => {
  const ways: ReadonlyArray<readonly [string, Towers.Ground, Partial<Towers.Floor>]> = [
    ["answers", "answer", {}],
    ["fails, and is caught at the top", "fail", { arounds: ["catchTag"] }],
    ["fails, and try does not see it", "fail", { arounds: ["try"] }],
    ["dies, and try does not see it", "die", { arounds: ["try"] }],
    ["throws, and is caught as a defect", "throw", { arounds: ["catchAllDefect"] }],
    ["interrupts itself", "interrupt", { arounds: ["ensuring"] }],
    ["waits, and is interrupted", "wait", { arounds: ["scoped"] }],
    ["goes on for ever, and is interrupted", "spin", { arounds: ["onInterrupt"] }]
  ]
  for (const [name, ground, top] of ways) {
    it(name, async () => {
      for (let depth = 1; depth <= 200; depth++) await agree(deep(depth, ground, top))
    })
  }
})

describe("a finalizer that dies while its fiber is interrupted", () => {
  for (const lift of [0, 1, 10]) {
    it(`is not forgotten, ${lift + 1} calls above what waits`, async () => {
      const floors: ReadonlyArray<Towers.Floor> = [bare, { ...bare, arounds: ["ensuring with a defect"], lift }]
      const { end } = await agree({ floors, ground: "wait", groundForm: "generator", bracket: false })
      assert.strictEqual(end, "died a finalizer, then interrupted")
    })
  }
})

describe("where finalizers stand on every floor", () => {
  for (const depth of [1, 127, 128, 129, 300, 5000]) {
    for (const ground of ["wait", "spin", "interrupt", "die", "fail"] as const) {
      it(`${depth} floors above one that ${ground}s: innermost first, each once`, async () => {
        const floors = Array.from({ length: depth }, (): Towers.Floor => ({ ...bare, arounds: ["ensuring"] }))
        const { log } = await agree({ floors, ground, groundForm: "generator", bracket: false })
        const ensured = log.filter((line) => line.endsWith("ensured")).map((line) => Number.parseInt(line))
        assert.deepStrictEqual(ensured, Array.from({ length: depth }, (_, n) => depth - 1 - n))
      })
    }
  }
})
