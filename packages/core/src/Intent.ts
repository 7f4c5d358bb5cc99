/**
 * Segments of several programs, committed together or not at all.
 *
 * Each party brings a body with choices and requirements of its own, as for any bracket. `compose` runs them one after the
 * other, in the order of the record's keys, in one transaction of one controller; `balance` ties together what they
 * answered. The choices are the best ones under which everything holds that anyone requires: the losses of all parties are
 * added (see `Nondet`), so that each one's preferences count the same. `Unsatisfiable` names requirements with the party.
 *
 * Pinned by `test/core/Intent.test.ts`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { Constraint } from "./Constraint.js"
import { Nondet, require } from "./Nondet.js"
import { type LimitedError, type Limits, type Options, transact, type TransactError, type Tx } from "./Tx.js"
import type { AnyInTx, EnlistedError, NoNest, OutsideTx } from "./TxPlace.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * One party's part of a joint transaction.
 *
 * @since 0.1.0
 * @category models
 */
export interface Intent<out A, out E, out R> {
  readonly party: string
  readonly body: Effect.Effect<A, E, R>
}

/**
 * @since 0.1.0
 * @category models
 */
export type Any = Intent<unknown, unknown, unknown>

type Value<I> = I extends Intent<infer A, infer _E, infer _R> ? A : never
type Failure<I> = I extends Intent<infer _A, infer E, infer _R> ? E : never
type Requirements<I> = I extends Intent<infer _A, infer _E, infer R> ? R : never

/**
 * What each party answered, under the same keys.
 *
 * @since 0.1.0
 * @category models
 */
export type Results<Parties> = { readonly [K in keyof Parties]: Value<Parties[K]> }

/**
 * @since 0.1.0
 * @category models
 */
export interface ComposeOptions<Parties, RS = never, L extends Limits | undefined = undefined> extends Options<RS, L> {
  /** Ties the parties together, over the choices that their bodies answered: what one gives, another gets. */
  readonly balance?: (results: Results<Parties>) => Iterable<Constraint>
}

// ---------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, E, R>(party: string, body: Effect.Effect<A, E, R> & NoNest<R>): Intent<A, E, R> => ({
  party,
  body
})

// ---------------------------------------------------------------------------
// operations
// ---------------------------------------------------------------------------

/**
 * Commits all parties under the best choices that satisfy every requirement, or fails with `Unsatisfiable`. With `limits`
 * it may fail with `ChoicesUndecided` instead, or commit what was best by then if `accept` says so.
 *
 * ```ts
 * import { Avm, Constraint, Intent, Nondet } from "@effect-avm/core"
 * import { Effect } from "effect"
 * import * as assert from "node:assert/strict"
 *
 * const buyer = Intent.make("buyer", Nondet.choice([1, 2, 3]))
 * const seller = Intent.make("seller", Effect.gen(function*() {
 *   const price = yield* Nondet.choice([3, 2, 1])
 *   yield* Nondet.require(Constraint.leq(2, price), "at least 2")
 *   return price
 * }))
 *
 * const deal = Intent.compose({ buyer, seller }, {
 *   balance: (results) => [Constraint.eq(results.buyer, results.seller)]
 * })
 * const { buyer: paid } = await Effect.runPromise(Avm.run(deal).pipe(Effect.provide(Avm.layerMemory)))
 * assert.equal(paid.value, 2)
 * ```
 *
 * @since 0.1.0
 * @category operations
 */
export const compose = <
  const Parties extends Readonly<Record<string, Any>>,
  RS = never,
  L extends Limits | undefined = undefined
>(
  parties: Parties,
  options?: ComposeOptions<NoInfer<Parties>, RS, L>
): Effect.Effect<
  Results<Parties>,
  | Failure<Parties[keyof Parties]>
  | EnlistedError<Requirements<Parties[keyof Parties]>>
  | TransactError
  | LimitedError<L>,
  Exclude<Requirements<Parties[keyof Parties]>, AnyInTx> | NoInfer<RS> | Tx | OutsideTx
> =>
  // Each party's body is one of a bracket, and what it fails with and needs is in the types of its intent.
  transact(joint(parties, options?.balance) as Effect.Effect<never>, options) as Effect.Effect<
    Results<Parties>,
    | Failure<Parties[keyof Parties]>
    | EnlistedError<Requirements<Parties[keyof Parties]>>
    | TransactError
    | LimitedError<L>,
    Exclude<Requirements<Parties[keyof Parties]>, AnyInTx> | NoInfer<RS> | Tx | OutsideTx
  >

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const joint = <Parties extends Readonly<Record<string, Any>>>(
  parties: Parties,
  balance: ComposeOptions<Parties>["balance"]
) =>
  Effect.gen(function*() {
    const results: Record<string, unknown> = {}
    for (const [key, { body, party }] of Object.entries(parties)) {
      results[key] = yield* Effect.mapInputContext(body, (context: Context.Context<unknown>) => naming(context, party))
    }
    let place = 0
    // One result for each of the parties.
    for (const constraint of balance?.(results as Results<Parties>) ?? []) {
      yield* require(constraint, `balance ${++place}`)
    }
    return results
  })

/** What is required is named with the party. */
const naming = <R>(context: Context.Context<R>, party: string): Context.Context<R> => {
  const original: Nondet["Type"] | undefined = context.unsafeMap.get(Nondet.key)
  if (original === undefined) return context
  let place = 0
  return Context.add(context, Nondet, {
    ...original,
    require: (condition, name) => original.require(condition, `${party}: ${name ?? `requirement ${++place}`}`)
  }) as Context.Context<R>
}
