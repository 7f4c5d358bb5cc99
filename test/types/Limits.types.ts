// Limits add their failure to the brackets and searches that have some, and to no others.
import { Avm, type AvmError, Constraint, FD, Intent, Nondet, Tx } from "@effect-avm/core"
import type { SolverError } from "@effect-avm/solver"
import { Effect, type Option, type Stream } from "effect"
import { expectTypeOf } from "vitest"

type Place = Nondet.Nondet | Tx.Tx | Tx.OutsideTx
type Choosing = Nondet.ChooseError | Tx.TransactError

const body = Nondet.choose([1, 2])

expectTypeOf(Tx.transact(body)).toEqualTypeOf<Effect.Effect<1 | 2, Choosing, Place>>()
expectTypeOf(body.pipe(Tx.transact)).toEqualTypeOf<Effect.Effect<1 | 2, Choosing, Place>>()
expectTypeOf(Tx.transact(body, {})).toEqualTypeOf<Effect.Effect<1 | 2, Choosing, Place>>()
expectTypeOf(Tx.transact(body, { readOnly: true })).toEqualTypeOf<Effect.Effect<1 | 2, Choosing, Place>>()
expectTypeOf(body.pipe(Tx.transactWith({ readOnly: true }))).toEqualTypeOf<Effect.Effect<1 | 2, Choosing, Place>>()

type Limited = Effect.Effect<1 | 2, Choosing | AvmError.ChoicesUndecided, Place>
expectTypeOf(Tx.transact(body, { limits: { runs: 10 } })).toEqualTypeOf<Limited>()
expectTypeOf(Tx.transact(body, { limits: { time: "1 second" }, accept: ({ best }) => best !== undefined }))
  .toEqualTypeOf<Limited>()
expectTypeOf(body.pipe(Tx.transactWith({ limits: {} }))).toEqualTypeOf<Limited>()

const limits: Tx.Limits = { nodes: 1000 }
expectTypeOf(Tx.transact(body, { limits })).toEqualTypeOf<Limited>()
declare const perhaps: Tx.Limits | undefined
expectTypeOf(Tx.transact(body, { limits: perhaps })).toEqualTypeOf<Limited>()

expectTypeOf(Tx.required(body, { limits })).toEqualTypeOf<
  Effect.Effect<1 | 2, Choosing | AvmError.CrossControllerTx | AvmError.ChoicesUndecided, Nondet.Nondet | Tx.Tx>
>()
expectTypeOf(Tx.required(body)).toEqualTypeOf<
  Effect.Effect<1 | 2, Choosing | AvmError.CrossControllerTx, Nondet.Nondet | Tx.Tx>
>()

const parties = { one: Intent.make("one", Nondet.choice([1, 2])), other: Intent.make("other", Nondet.choice([1, 2])) }
const balance = ({ one, other }: Intent.Results<typeof parties>) => [Constraint.eq(one, other)]
declare const error: <A, E, R>(effect: Effect.Effect<A, E, R>) => E
expectTypeOf(error(Intent.compose(parties, { balance }))).toEqualTypeOf<Choosing>()
expectTypeOf(error(Intent.compose(parties, { balance, limits: { runs: 3 } }))).toEqualTypeOf<
  Choosing | AvmError.ChoicesUndecided
>()

const label = Effect.flatMap(FD.newVar(FD.range(1, 2)), FD.label)
type Labelling = FD.NewVarError | FD.LabelError | Tx.TransactError
type Searched = FD.FD | Tx.Tx | Tx.OutsideTx
expectTypeOf(FD.search(label)).toEqualTypeOf<Stream.Stream<number, Labelling, Searched>>()
expectTypeOf(label.pipe(FD.search)).toEqualTypeOf<Stream.Stream<number, Labelling, Searched>>()
expectTypeOf(FD.search(label, { nodes: 3 })).toEqualTypeOf<
  Stream.Stream<number, Labelling | SolverError.SearchLimited, Searched>
>()
expectTypeOf(FD.commitFirst(label)).toEqualTypeOf<Effect.Effect<Option.Option<number>, Labelling, Searched>>()
expectTypeOf(FD.commitFirst(label, { time: "1 second" })).toEqualTypeOf<
  Effect.Effect<Option.Option<number>, Labelling | SolverError.SearchLimited, Searched>
>()

// A failure that is handled is gone.
expectTypeOf(
  Avm.run(Tx.transact(body, { limits })).pipe(Effect.catchTag("ChoicesUndecided", ({ best }) => Effect.succeed(best)))
).toEqualTypeOf<
  Effect.Effect<1 | 2 | AvmError.ChoicesUndecided["best"], Choosing, Avm.Avm>
>()

// It is none of the errors of the specification.
expectTypeOf<Extract<AvmError.AvmError, AvmError.ChoicesUndecided>>().toEqualTypeOf<never>()

// A helper that has no limits does not fail by them.
const twice = <A, E, R, RS = never>(body: Effect.Effect<A, E, R> & Tx.NoNest<R>, options?: Tx.Options<RS>) =>
  Tx.transact(body, options)
expectTypeOf(twice(body)).toEqualTypeOf<Effect.Effect<1 | 2, Choosing, Place>>()
// @ts-expect-error
twice(body, { limits })

// @ts-expect-error -- no such limit
Tx.transact(body, { limits: { solutions: 3 } })
// @ts-expect-error
FD.search(label, { runs: 3 })
