/**
 * Generated programs that run side by side on one machine and get into each other's way.
 *
 * They are plain data that shrinks: a few shared objects, and two to eight programs, each a list of actions by themselves,
 * between `beginTx` and its end, or in brackets. Objects are referred to by position, among those that the program knows:
 * the shared ones, those it has created, those it has scried. Every state that is written holds a mark of its own.
 * `run` executes them under a seed, `differences` replays what happened on the model in the serial order that the checker
 * found. Pinned by `test/concurrency/Concurrent.test.ts`.
 *
 * @since 0.1.0
 */
import * as fc from "fast-check"
import type { Action, Block, Concurrent } from "./concurrent/Actions.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

export type { Action, Block, Concurrent } from "./concurrent/Actions.js"
export { differences } from "./concurrent/Replay.js"
export type { Kept, Logged, Ran, RunOptions } from "./concurrent/Run.js"
export { run } from "./concurrent/Run.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** At most so many programs; 8 if absent. */
  readonly maxPrograms?: number
  /** At most so many instructions in each, as long as no bracket is tried again; 40 if absent. */
  readonly maxInstructions?: number
}

// ---------------------------------------------------------------------------
// arbitraries
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category arbitraries
 */
export const arbitrary = ({ maxInstructions = 40, maxPrograms = 8 }: Options = {}): fc.Arbitrary<Concurrent> =>
  fc.record({
    home: weighted<string | null>([1, fc.constant(null)], [1, fc.constant("C1")]),
    yielding: weighted([2, fc.constant(false)], [1, fc.constant(true)]),
    shared: fc.array(owner, { minLength: 1, maxLength: 4 }),
    programs: fc.array(
      fc.array(block, { minLength: 1, maxLength: 12, size: "max" }).map((blocks) => upTo(maxInstructions, blocks)),
      { minLength: 2, maxLength: maxPrograms, size: "max" }
    )
  })

/** Leaves out the blocks that would make it too long. */
const upTo = (most: number, blocks: ReadonlyArray<Block>): ReadonlyArray<Block> => {
  let left = most
  return blocks.filter(({ actions, kind }) => {
    const cost = actions.length + (kind === "alone" ? 0 : 2)
    if (cost > left) return false
    left -= cost
    return true
  })
}

// ---------------------------------------------------------------------------
// leaves
// ---------------------------------------------------------------------------

const weighted = <A>(...choices: ReadonlyArray<readonly [weight: number, arbitrary: fc.Arbitrary<A>]>) =>
  fc.oneof(...choices.map(([weight, arbitrary]) => ({ weight, arbitrary })))

/** The first ones are the shared ones: that is where programs meet. */
const object = weighted([8, fc.nat(1)], [3, fc.nat(3)], [1, fc.nat(9)])

/** For what spoils the game of the others. */
const rare = fc.nat(9)

const owner = weighted<string | null>([10, fc.constant("C1")], [1, fc.constant("C2")], [1, fc.constant(null)])

const controller = weighted<string>([5, fc.constant("C1")], [1, fc.constant("C2")])

const amount = fc.integer({ min: 1, max: 5 })

// ---------------------------------------------------------------------------
// actions
// ---------------------------------------------------------------------------

const looking: fc.Arbitrary<Action> = weighted<Action>(
  [6, fc.record({ op: fc.constant("get" as const), object })],
  [4, fc.record({ op: fc.constant("compare" as const), object, other: object })],
  [2, fc.record({ op: fc.constantFrom("controllerOf" as const, "machineOf" as const, "reflect" as const), object })],
  [4, fc.record({ op: fc.constant("scry" as const), owner: controller })]
)

const changing: fc.Arbitrary<Action> = weighted<Action>(
  [5, fc.record({ op: fc.constant("set" as const), object })],
  [6, fc.record({ op: fc.constant("add" as const), object, amount })],
  [6, fc.record({ op: fc.constant("pay" as const), object, other: object, amount })],
  [6, fc.record({ op: fc.constant("copy" as const), object, other: object })],
  [1, fc.record({ op: fc.constantFrom("touch" as const, "refuse" as const, "spawn" as const), object })],
  [4, fc.record({ op: fc.constant("create" as const), owner })],
  [1, fc.record({ op: fc.constant("destroy" as const), object: rare })],
  [1, fc.record({ op: fc.constant("transfer" as const), object: rare, owner: controller })],
  [2, fc.record({ op: fc.constant("move" as const), object, machine: fc.constantFrom("m0", "m1") })]
)

const action: fc.Arbitrary<Action> = weighted([1, looking], [1, changing])

const actions = fc.array(action, { minLength: 1, maxLength: 6 })

const lock = weighted<string | null>([2, fc.constant(null)], [2, fc.constant("C1")])

const block: fc.Arbitrary<Block> = weighted<Block>(
  [4, fc.record({ kind: fc.constant("alone" as const), actions: fc.array(action, { minLength: 1, maxLength: 3 }) })],
  [
    4,
    fc.record({
      kind: fc.constant("raw" as const),
      lock,
      actions,
      end: weighted<"abort" | "commit" | "nothing">(
        [8, fc.constant("commit" as const)],
        [2, fc.constant("abort" as const)],
        [1, fc.constant("nothing" as const)]
      )
    })
  ],
  [
    6,
    fc.record({
      kind: fc.constant("bracket" as const),
      lock,
      actions,
      retries: weighted<number>([1, fc.constant(0)], [1, fc.nat(9)]),
      fails: weighted([8, fc.constant(false)], [1, fc.constant(true)])
    })
  ],
  [
    3,
    fc.record({
      kind: fc.constant("readOnly" as const),
      lock,
      actions: fc.array(looking, { minLength: 1, maxLength: 4 })
    })
  ]
)
