/**
 * The Tx family: transactions, raw and bracketed. Where an instruction may stand is told by `TxPlace`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as STM from "effect/STM"
import type {
  ChoicesUndecided,
  ControllerUnreachable,
  CrossControllerTx,
  InvalidDuringTx,
  NestedTxNotSupported,
  NoActiveTx,
  StoreError,
  TxAlreadyAborted,
  TxAlreadyCommitted,
  TxConflict,
  TxNotFound,
  Unsatisfiable
} from "./AvmError.js"
import { ControllerId } from "./ControllerId.js"
import type { Instr } from "./Instr.js"
import { bracket } from "./internal/bracket.js"
import { define, erase } from "./internal/instruction.js"
import { TxId } from "./TxId.js"
import type { AnyInTx, BeginOptions, EnlistedError, InTx, NoNest, OutsideTx } from "./TxPlace.js"

// ---------------------------------------------------------------------------
// errors
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category errors
 */
export type BeginError = NestedTxNotSupported | ControllerUnreachable | StoreError

/**
 * Which transaction is meant, and who may finish it (D13, D15).
 *
 * @since 0.1.0
 * @category errors
 */
export type FinishError = NoActiveTx | TxNotFound | TxAlreadyCommitted | TxAlreadyAborted | InvalidDuringTx

/**
 * @since 0.1.0
 * @category errors
 */
export type AbortError = FinishError | StoreError

/**
 * @since 0.1.0
 * @category errors
 */
export type CommitError = FinishError | TxConflict | Unsatisfiable | StoreError

/**
 * What joining an open transaction may fail with: another controller asked for, or one that cannot be reached.
 *
 * @since 0.1.0
 * @category errors
 */
export type JoinError = CrossControllerTx | ControllerUnreachable

/**
 * What a bracket adds to the errors of its body. `InvalidDuringTx`: the instruction that a read-only bracket refused
 * (A31).
 *
 * @since 0.1.0
 * @category errors
 */
export type TransactError =
  | TxConflict
  | Unsatisfiable
  | NestedTxNotSupported
  | ControllerUnreachable
  | InvalidDuringTx
  | StoreError

// ---------------------------------------------------------------------------
// service
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category services
 */
export interface Service {
  /** A service that wraps this member passes the options on. */
  readonly begin: (controller: Option.Option<ControllerId>, options?: BeginOptions) => Effect.Effect<TxId, BeginError>
  readonly commit: (id: TxId) => Effect.Effect<true, CommitError>
  readonly abort: (id: TxId) => Effect.Effect<void, AbortError>
  readonly retry: Effect.Effect<never>
  readonly enlist: (stm: STM.STM<unknown, unknown>) => Effect.Effect<void>
  readonly join: (controller: Option.Option<ControllerId>) => Effect.Effect<Option.Option<TxId>, JoinError>
}

/**
 * @since 0.1.0
 * @category services
 */
export class Tx extends Context.Tag("@effect-avm/core/Tx")<Tx, Service>() {}

// ---------------------------------------------------------------------------
// places
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category errors
 */
export type { BeginOptions, EnlistedError, InTx, NoNest, OutsideTx } from "./TxPlace.js"

/**
 * What ends the search of a bracket with choices (D29) before it is over. A bracket without choices, or whose first ones
 * do, is not concerned.
 *
 * At a limit the bracket aborts and fails with `ChoicesUndecided`. What is best of all is not known then. If the solver had
 * come to something that may do, the body is run with that once more, so that the error can say whether it does: that is
 * the best found so far, and is committed only if the option `accept` says so.
 *
 * The limits are those of one transaction: after a conflict, or after it has waited, a bracket searches anew. They are
 * looked at between runs, and while the solver works; a body that does not end is for `Effect.timeout`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Limits {
  /** So many ways to choose are tried. */
  readonly runs?: number
  /** Decisions of the solver. */
  readonly nodes?: number
  /** By the `Clock`, from when the first choices have turned out not to do. */
  readonly time?: Duration.DurationInput
}

/**
 * What limits add to the errors of a bracket: nothing where there are none.
 *
 * @since 0.1.0
 * @category errors
 */
export type LimitedError<L> = L extends Limits ? ChoicesUndecided : never

/**
 * @since 0.1.0
 * @category models
 */
export interface Options<RS = never, L extends Limits | undefined = undefined> {
  /** Locks the transaction to it; without, the first object accessed decides. */
  readonly controller?: ControllerId
  /** Runs on the snapshot, never conflicts nor waits; an instruction that would change anything fails (A31). */
  readonly readOnly?: boolean
  /** Reruns the body on a fresh snapshot after a conflict (D17). */
  readonly retry?: Schedule.Schedule<unknown, TxConflict, RS>
  /** How long to look for choices that do (D29). With them the bracket may fail with `ChoicesUndecided`. */
  readonly limits?: L
  /**
   * Whether, at a limit, to commit the best choices found so far, of which `undecided.best` tells; without, they never are.
   * It should do nothing else than look.
   */
  readonly accept?: (undecided: ChoicesUndecided) => boolean
}

// ---------------------------------------------------------------------------
// instructions
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category instructions
 */
export interface Begin extends
  Instr<
    "Tx.begin",
    { readonly controller: Option.Option<ControllerId>; readonly options?: BeginOptions },
    TxId,
    BeginError,
    Tx
  >
{}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface Commit extends Instr<"Tx.commit", { readonly id: TxId }, true, CommitError, Tx> {}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface Abort extends Instr<"Tx.abort", { readonly id: TxId }, void, AbortError, Tx> {}

const family = erase(Tx)

const make = {
  begin: define<Begin>("Tx.begin", {
    family,
    params: ["controller", "options"],
    perform: (member, cell, { controller, options }) => member(cell, controller, options),
    args: Schema.Struct({
      controller: Schema.Option(ControllerId),
      options: Schema.optionalWith(
        Schema.Struct({
          bracket: Schema.optionalWith(Schema.Boolean, { exact: true }),
          readOnly: Schema.optionalWith(Schema.Boolean, { exact: true }),
          retries: Schema.optionalWith(Schema.Boolean, { exact: true }),
          privileged: Schema.optionalWith(Schema.Boolean, { exact: true })
        }),
        { exact: true }
      )
    }),
    answer: TxId
  }),
  commit: define<Commit>("Tx.commit", {
    family,
    params: ["id"],
    perform: (member, cell, { id }) => member(cell, id),
    args: Schema.Struct({ id: TxId }),
    answer: Schema.Literal(true)
  }),
  abort: define<Abort>("Tx.abort", {
    family,
    params: ["id"],
    args: Schema.Struct({ id: TxId }),
    answer: Schema.Void
  }),
  retry: define<Retry>("Tx.retry", { family, args: Schema.Struct({}), answer: Schema.Void }),
  enlist: define<Enlist<unknown>>("Tx.enlist", { family, params: ["stm"], answer: Schema.Void }),
  join: define<Join>("Tx.join", {
    family,
    params: ["controller"],
    args: Schema.Struct({ controller: Schema.Option(ControllerId) }),
    answer: Schema.Option(TxId)
  })
}

/**
 * The raw instructions are not checked by the compiler: nesting them fails at run time (D12).
 *
 * @since 0.1.0
 * @category instructions
 */
export const begin = (controller?: ControllerId): Begin => make.begin({ controller: Option.fromNullable(controller) })

/**
 * @since 0.1.0
 * @category instructions
 */
export const commit = (id: TxId): Commit => make.commit({ id })

/**
 * @since 0.1.0
 * @category instructions
 */
export const abort = (id: TxId): Abort => make.abort({ id })

/**
 * @since 0.1.0
 * @category instructions
 */
export interface Retry extends Instr<"Tx.retry", {}, never, never, Tx | InTx> {}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface Enlist<E>
  extends Instr<"Tx.enlist", { readonly stm: STM.STM<unknown, E> }, void, never, Tx | InTx<E>>
{}

/**
 * What `required` asks first: the open transaction, locked to the controller if one is asked for (A37); none if none is
 * open.
 *
 * @since 0.1.0
 * @category instructions
 */
export interface Join extends
  Instr<
    "Tx.join",
    { readonly controller: Option.Option<ControllerId> },
    Option.Option<TxId>,
    JoinError,
    Tx
  >
{}

/**
 * Gives up this attempt of the bracket, waits until something it has read is changed by another commit, then runs the body
 * once more. With nothing read, or outside `transact`, it is a defect that says so (A40).
 *
 * @since 0.1.0
 * @category instructions
 */
export const retry: Retry = make.retry({})

/**
 * Runs the application's STM as part of the commit: both change together or not at all. It runs at commit, so its failure
 * is the bracket's, not this instruction's, and it answers nothing. If it retries, the attempt is aborted, and the body
 * runs once more as soon as the STM can go on (A41).
 *
 * Hazard: the STM may run several times, so it must do nothing but STM.
 *
 * @since 0.1.0
 * @category instructions
 */
export const enlist = <E>(stm: STM.STM<unknown, E>): Enlist<E> =>
  // The error goes to the bracket, by way of the place `InTx<E>`: the instruction itself does not look at it.
  make.enlist({ stm }) as Enlist<E>

/**
 * The open transaction, if there is one; what `required` asks first.
 *
 * @since 0.1.0
 * @category instructions
 */
export const join = (controller?: ControllerId): Join => make.join({ controller: Option.fromNullable(controller) })

// ---------------------------------------------------------------------------
// brackets
// ---------------------------------------------------------------------------

/**
 * Runs `body` as one transaction: commits when it succeeds, aborts when it fails, dies or is interrupted.
 *
 * `Tx.transact(body)`, `Tx.transact(body, { controller })` or `body.pipe(Tx.transact)`.
 *
 * @since 0.1.0
 * @category instructions
 */
export const transact = <A, E, R, RS = never, L extends Limits | undefined = undefined>(
  body: Effect.Effect<A, E, R> & NoNest<R>,
  options?: Options<RS, L>
): Effect.Effect<
  A,
  E | EnlistedError<R> | TransactError | LimitedError<L>,
  Exclude<R, AnyInTx> | NoInfer<RS> | Tx | OutsideTx
> =>
  // The places exist in types alone: this is where the bracket adds one and takes the other away.
  bracket(make, body, options) as Effect.Effect<
    A,
    E | EnlistedError<R> | TransactError | LimitedError<L>,
    Exclude<R, AnyInTx> | NoInfer<RS> | Tx | OutsideTx
  >

/**
 * Joins the transaction that is open, or brackets `body` in one of its own: for handlers, which may be called either way.
 * It never nests: nothing is begun where something is open. A body that joined and fails leaves the transaction to the
 * decision of whoever opened it; of the options, a joining body keeps only the controller, which must be the
 * transaction's (A37). (Propagation "required", as transaction managers call it.)
 *
 * @since 0.1.0
 * @category instructions
 */
export const required = <A, E, R, RS = never, L extends Limits | undefined = undefined>(
  body: Effect.Effect<A, E, R> & NoNest<R>,
  options?: Options<RS, L>
): Effect.Effect<A, E | TransactError | CrossControllerTx | LimitedError<L>, R | NoInfer<RS> | Tx> =>
  Effect.flatMap(
    join(options?.controller),
    (joined) => Option.isSome(joined) ? body : bracket<A, E, R, RS>(make, body, options)
  )

/**
 * The same for the end of a pipe: `body.pipe(Tx.transactWith({ controller, retry }))`.
 *
 * @since 0.1.0
 * @category instructions
 */
export const transactWith =
  <RS = never, L extends Limits | undefined = undefined>(options: Options<RS, L>) =>
  <A, E, R>(
    body: Effect.Effect<A, E, R> & NoNest<R>
  ): Effect.Effect<
    A,
    E | EnlistedError<R> | TransactError | LimitedError<L>,
    Exclude<R, AnyInTx> | NoInfer<RS> | Tx | OutsideTx
  > => transact(body, options)

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

/**
 * For what is built like a bracket.
 *
 * @internal
 */
export const instructions: Pick<typeof make, "begin" | "commit" | "abort"> = make

/**
 * @internal
 */
export const definitions = Object.values(make).map((_) => _.definition)
