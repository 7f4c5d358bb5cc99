/**
 * The FD family: variables over finite domains, as instructions.
 *
 * A variable has a finite domain of any `Val`s. `narrow` and `post` propagate at once: they answer false where nothing
 * would be left, and then leave everything as it was. `label` picks a value now.
 *
 * Outside transactions the variables are the program's (A23). In a transaction all of it is undone by an abort (D14), and
 * each label is a choice point: the next try, with the same labels up to there, takes the next untried value, until a
 * commit (D28). So `label` and abort are a complete search. A conflict and `Tx.retry` are no such aborts: what is run again
 * because of them takes the same values.
 *
 * To search through all labelings use `search`; for problems that are known beforehand, `solve` and its like need no
 * machine. Pinned by `test/core/FD.test.ts`.
 *
 * @since 0.1.0
 */
import type { SolverError } from "@effect-avm/solver"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Equal from "effect/Equal"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type { EmptyDomain, InvalidConstraint, InvalidVal, UnknownVariable } from "./AvmError.js"
import { Constraint, type Term } from "./Constraint.js"
import type { Instr } from "./Instr.js"
import { Domain as DomainSchema, DomainOf, Var as VarSchema, VarOf } from "./internal/domain.js"
import { define, erase } from "./internal/instruction.js"
import * as searching from "./internal/searching.js"
import * as solving from "./internal/solving.js"
import type { Values } from "./internal/space.js"
import { instructions, type TransactError, type Tx } from "./Tx.js"
import type { AnyInTx, EnlistedError, NoNest, OutsideTx } from "./TxPlace.js"
import { type Val, ValFromJson } from "./Val.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * The values a variable may still take, in their order.
 *
 * @since 0.1.0
 * @category models
 */
export interface Domain<out A> extends Iterable<A>, Equal.Equal {
  readonly size: number
  /** @internal */
  readonly data: Values
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Var<out A> extends Term<A> {
  readonly id: string
}

// ---------------------------------------------------------------------------
// errors
// ---------------------------------------------------------------------------

/**
 * `InvalidConstraint`: a range of more than a thousand million integers.
 *
 * @since 0.1.0
 * @category errors
 */
export type NewVarError = EmptyDomain | InvalidVal | InvalidConstraint

/**
 * @since 0.1.0
 * @category errors
 */
export type NarrowError = UnknownVariable | InvalidVal | InvalidConstraint

/**
 * `InvalidConstraint`: values that have no order, sums of what is no integer, a choice.
 *
 * @since 0.1.0
 * @category errors
 */
export type PostError = UnknownVariable | InvalidConstraint

/**
 * `EmptyDomain`: no value is left that was not tried. In a transaction, so does every label after that one.
 *
 * @since 0.1.0
 * @category errors
 */
export type LabelError = UnknownVariable | EmptyDomain

// ---------------------------------------------------------------------------
// service
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category services
 */
export interface Service {
  readonly newVar: (domain: Domain<Val>) => Effect.Effect<Var<Val>, NewVarError>
  readonly narrow: (variable: string, domain: Domain<Val>) => Effect.Effect<boolean, NarrowError>
  readonly post: (constraint: Constraint) => Effect.Effect<boolean, PostError>
  readonly label: (variable: string) => Effect.Effect<Val, LabelError>
}

/**
 * @since 0.1.0
 * @category services
 */
export class FD extends Context.Tag("@effect-avm/core/FD")<FD, Service>() {}

// ---------------------------------------------------------------------------
// domains
// ---------------------------------------------------------------------------

/**
 * The integers from the first to the last, both included; none if the last is before the first.
 *
 * @since 0.1.0
 * @category constructors
 */
export const range = (from: number, to: number): Domain<number> =>
  new DomainOf<number>({ _tag: "Range", from: Math.ceil(from), to: Math.floor(to) })

/**
 * These values, in this order.
 *
 * @since 0.1.0
 * @category constructors
 */
export const values = <const A extends Val>(...values: ReadonlyArray<A>): Domain<A> =>
  new DomainOf<A>({ _tag: "Values", values })

/**
 * The variable of this id, for whoever has got the id from elsewhere. It says nothing of whether there is one.
 *
 * @since 0.1.0
 * @category constructors
 */
export const variable = <A extends Val = Val>(id: string): Var<A> => new VarOf<A>(id)

// ---------------------------------------------------------------------------
// instructions
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category instructions
 */
export interface NewVar<A> extends Instr<"FD.newVar", { readonly domain: Domain<A> }, Var<A>, NewVarError, FD> {}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface Narrow
  extends Instr<"FD.narrow", { readonly variable: string; readonly domain: Domain<Val> }, boolean, NarrowError, FD>
{}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface Post extends Instr<"FD.post", { readonly constraint: Constraint }, boolean, PostError, FD> {}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface Label<A> extends Instr<"FD.label", { readonly variable: string }, A, LabelError, FD> {}

const family = erase(FD)

const make = {
  newVar: define<NewVar<Val>>("FD.newVar", {
    family,
    params: ["domain"],
    perform: (member, cell, { domain }) => member(cell, domain),
    args: Schema.Struct({ domain: DomainSchema }),
    answer: VarSchema
  }),
  narrow: define<Narrow>("FD.narrow", {
    family,
    params: ["variable", "domain"],
    args: Schema.Struct({ variable: Schema.String, domain: DomainSchema }),
    answer: Schema.Boolean
  }),
  post: define<Post>("FD.post", {
    family,
    params: ["constraint"],
    perform: (member, cell, { constraint }) => member(cell, constraint),
    args: Schema.Struct({ constraint: Constraint }),
    answer: Schema.Boolean
  }),
  label: define<Label<Val>>("FD.label", {
    family,
    params: ["variable"],
    perform: (member, cell, { variable }) => member(cell, variable),
    args: Schema.Struct({ variable: Schema.String }),
    answer: ValFromJson
  })
}

/**
 * A new variable with this domain.
 *
 * @since 0.1.0
 * @category instructions
 */
export const newVar = <A extends Val>(domain: Domain<A>): NewVar<A> =>
  // A variable over values of this type.
  make.newVar({ domain }) as NewVar<Val> as NewVar<A>

/**
 * Keeps the values that are in this domain as well. False if none would be left: then all are.
 *
 * @since 0.1.0
 * @category instructions
 */
export const narrow = <A extends Val>(variable: Var<A>, domain: Domain<NoInfer<A>>): Narrow =>
  make.narrow({ variable: variable.id, domain })

/**
 * Adds a constraint, and takes away the values that it makes impossible. False if it cannot hold: then nothing has changed.
 *
 * @since 0.1.0
 * @category instructions
 */
export const post = (constraint: Constraint): Post => make.post({ constraint })

/**
 * Gives the variable its next untried value, in the order of its domain.
 *
 * @since 0.1.0
 * @category instructions
 */
export const label = <A extends Val>(variable: Var<A>): Label<A> =>
  // The values of the variable are of this type.
  make.label({ variable: variable.id }) as Label<Val> as Label<A>

// ---------------------------------------------------------------------------
// searching
// ---------------------------------------------------------------------------

/**
 * What ends a search by labels early. The body is not cut off: limits are looked at between its runs.
 *
 * @since 0.1.0
 * @category models
 */
export interface SearchLimits {
  /** Labels that were given a value. */
  readonly nodes?: number
  /** Results of a stream. */
  readonly solutions?: number
  readonly time?: Duration.DurationInput
}

/**
 * What limits add to the errors of a search: nothing where there are none.
 *
 * @since 0.1.0
 * @category errors
 */
export type LimitedError<L> = L extends SearchLimits ? SolverError.SearchLimited : never

/**
 * Every result of a transaction body under all labelings, on demand. Nothing is committed: use `commitFirst` for that.
 *
 * A body that fails is a dead end, and skipped (a `StoreError` ends the stream). So is a label for which nothing is left;
 * that a `post` or `narrow` answers false is for the body to judge. An instruction that was answered before the label that
 * is different now is not executed again; a body that then asks something else is a defect. So is `Tx.retry`, for which
 * there is no attempt here that could be run again. What is enlisted is never run.
 *
 * A limit of solutions ends the stream; one of time or nodes makes it fail.
 *
 * All labelings are tried in one transaction, which is open until the stream ends, but is not the consumer's: in between
 * there may be others. In the trace are the entries of the last labeling.
 *
 * ```ts
 * import { Avm, Constraint, FD } from "@effect-avm/core"
 * import { Chunk, Effect, Stream } from "effect"
 * import * as assert from "node:assert/strict"
 *
 * const pairs = Effect.gen(function*() {
 *   const x = yield* FD.newVar(FD.range(1, 3))
 *   const y = yield* FD.newVar(FD.range(1, 3))
 *   if (!(yield* FD.post(Constraint.lt(x, y)))) return yield* Effect.fail("impossible")
 *   return `${yield* FD.label(x)} < ${yield* FD.label(y)}`
 * })
 *
 * const all = Stream.runCollect(FD.search(pairs)).pipe(Avm.run, Effect.provide(Avm.layerMemory))
 * assert.deepEqual(Chunk.toArray(await Effect.runPromise(all)), ["1 < 2", "1 < 3", "2 < 3"])
 * ```
 *
 * @since 0.1.0
 * @category searching
 */
export const search = <A, E, R, L extends SearchLimits | undefined = undefined>(
  body: Effect.Effect<A, E, R> & NoNest<R>,
  limits?: L
): Stream.Stream<
  A,
  E | EnlistedError<R> | TransactError | LimitedError<L>,
  Exclude<R, AnyInTx> | Tx | OutsideTx
> =>
  // The places exist in types alone, as with `Tx.transact`.
  searching.search<A, E, R>(instructions, body, limits ?? {}) as Stream.Stream<
    A,
    E | EnlistedError<R> | TransactError | LimitedError<L>,
    Exclude<R, AnyInTx> | Tx | OutsideTx
  >

/**
 * Commits the first labeling under which the body succeeds; none if there is none. `Tx.retry` is no dead end: it waits, and
 * so does an enlisted STM that retries; then the search begins anew, on a fresh snapshot. A limit of time or nodes makes it
 * fail, and nothing is committed.
 *
 * @since 0.1.0
 * @category searching
 */
export const commitFirst = <A, E, R, L extends SearchLimits | undefined = undefined>(
  body: Effect.Effect<A, E, R> & NoNest<R>,
  limits?: L
): Effect.Effect<
  Option.Option<A>,
  E | EnlistedError<R> | TransactError | LimitedError<L>,
  Exclude<R, AnyInTx> | Tx | OutsideTx
> =>
  searching.commitFirst<A, E, R>(instructions, body, limits ?? {}) as Effect.Effect<
    Option.Option<A>,
    E | EnlistedError<R> | TransactError | LimitedError<L>,
    Exclude<R, AnyInTx> | Tx | OutsideTx
  >

// ---------------------------------------------------------------------------
// solving
// ---------------------------------------------------------------------------

/**
 * What ends a search early, and who is told how it goes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Limits {
  /** Decisions. */
  readonly nodes?: number
  /** Of `solveAll`: so many solutions. Of `maximize`: so many improvements. */
  readonly solutions?: number
  readonly time?: Duration.DurationInput
  /** Told every few milliseconds. */
  readonly onProgress?: (progress: Progress) => Effect.Effect<void>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Progress {
  /** Decisions taken. */
  readonly nodes: number
  /** Decisions that led nowhere. */
  readonly failures: number
  readonly solutions: number
  /** What the objective comes to in the best solution so far. */
  readonly best: number | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Model<Vars extends Record<string, Domain<Val>>> {
  readonly variables: Vars
  readonly constraints: (variables: Terms<Vars>) => Iterable<Constraint>
}

/**
 * @since 0.1.0
 * @category models
 */
export type Terms<Vars> = { readonly [K in keyof Vars]: Vars[K] extends Domain<infer A> ? Term<A> : never }

/**
 * @since 0.1.0
 * @category models
 */
export type Solution<Vars> = { readonly [K in keyof Vars]: Vars[K] extends Domain<infer A> ? A : never }

/**
 * `complete` is false where a limit ended the search: then this is the best found so far, and `limit` says which.
 *
 * @since 0.1.0
 * @category models
 */
export interface Best<A> {
  readonly solution: Option.Option<A>
  readonly complete: boolean
  readonly limit: Option.Option<"time" | "nodes" | "solutions">
  readonly progress: Progress
}

/**
 * `UnknownVariable`: a term that is not of the model.
 *
 * @since 0.1.0
 * @category errors
 */
export type ModelError = EmptyDomain | InvalidVal | UnknownVariable | InvalidConstraint

/**
 * Names the variables once, so that constraints and solutions are typed by them.
 *
 * @since 0.1.0
 * @category solving
 */
export const model = <const Vars extends Record<string, Domain<Val>>>(model: Model<Vars>): Model<Vars> => model

/**
 * A solution, if there is one. It needs no machine; a `ConstraintSolver` that is provided is used, else the embedded one.
 *
 * @since 0.1.0
 * @category solving
 */
export const solve = <Vars extends Record<string, Domain<Val>>>(
  model: Model<Vars>,
  limits: Limits = {}
): Effect.Effect<Best<Solution<Vars>>, ModelError> =>
  // The values of a solution are those of the domains.
  solving.best(erased(model), undefined, limits) as unknown as Effect.Effect<Best<Solution<Vars>>, ModelError>

/**
 * All solutions, on demand, each once. A limit of solutions ends the stream; one of time or nodes makes it fail.
 *
 * ```ts
 * import { Constraint, FD } from "@effect-avm/core"
 * import { Chunk, Effect, Stream } from "effect"
 * import * as assert from "node:assert/strict"
 *
 * const model = FD.model({
 *   variables: { x: FD.range(1, 9), y: FD.range(1, 9), colour: FD.values("red", "green") },
 *   constraints: ({ colour, x, y }) => [
 *     Constraint.eq(Constraint.plus(x, y), 4),
 *     Constraint.lt(x, y),
 *     Constraint.neq(colour, "red")
 *   ]
 * })
 * const all = await Effect.runPromise(Stream.runCollect(FD.solveAll(model)))
 * assert.deepEqual(Chunk.toArray(all), [{ x: 1, y: 3, colour: "green" }])
 * ```
 *
 * @since 0.1.0
 * @category solving
 */
export const solveAll = <Vars extends Record<string, Domain<Val>>>(
  model: Model<Vars>,
  limits: Limits = {}
): Stream.Stream<Solution<Vars>, ModelError | SolverError.SearchLimited> =>
  solving.all(erased(model), limits) as unknown as Stream.Stream<Solution<Vars>, ModelError | SolverError.SearchLimited>

/**
 * The solution with the largest objective.
 *
 * @since 0.1.0
 * @category solving
 */
export const maximize = <Vars extends Record<string, Domain<Val>>>(
  model: Model<Vars>,
  objective: (variables: Terms<Vars>) => Term<number>,
  limits: Limits = {}
): Effect.Effect<Best<Solution<Vars>>, ModelError> =>
  // The terms that it gets are those of the model.
  solving.best(erased(model), objective as ErasedObjective, limits) as unknown as Effect.Effect<
    Best<Solution<Vars>>,
    ModelError
  >

type Erased = Parameters<typeof solving.best>[0]
type ErasedObjective = Exclude<Parameters<typeof solving.best>[1], undefined>

/** The terms that the constraints get are those of the model. */
const erased = <Vars extends Record<string, Domain<Val>>>(model: Model<Vars>): Erased => model as unknown as Erased

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

/**
 * @internal
 */
export const definitions = Object.values(make).map((_) => _.definition)
