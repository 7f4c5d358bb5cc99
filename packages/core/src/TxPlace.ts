/**
 * Inside or outside a transaction: two requirements that no layer provides.
 *
 * The bracket turns a body without `OutsideTx` into an effect with it, and takes `InTx` away; the runner takes `OutsideTx`
 * away and refuses `InTx`. They exist in types alone, and providing a whole context inside a body erases them: the
 * runtime checks stay (D12, D15).
 *
 * @since 0.1.0
 */
declare const OutsideTxTypeId: unique symbol
declare const InTxTypeId: unique symbol

/**
 * Allowed outside transactions only.
 *
 * @since 0.1.0
 * @category models
 */
export interface OutsideTx {
  readonly [OutsideTxTypeId]: "provided by Avm.run, outside transactions only"
}

/**
 * Allowed inside `Tx.transact` only. `E` is what the commit may fail with because of it.
 *
 * @since 0.1.0
 * @category models
 */
export interface InTx<out E = never> {
  readonly [InTxTypeId]: { readonly "provided by Tx.transact": never; readonly error?: E }
}

/**
 * Any of them.
 *
 * @since 0.1.0
 * @category models
 */
export type AnyInTx = InTx<unknown>

/**
 * The condition on a body: `unknown` where it may stand in a bracket, else a sentence.
 *
 * A generic function that passes its argument on to `transact` repeats it:
 * `<A, E, R>(body: Effect.Effect<A, E, R> & Tx.NoNest<R>) => Tx.transact(body)`.
 *
 * @since 0.1.0
 * @category models
 */
export type NoNest<R> = [Extract<R, OutsideTx>] extends [never] ? unknown
  : "Not inside a transaction: this body contains another Tx.transact, a teleport or an await. Run them one after the other, or join the bodies."

/**
 * What the enlisted STM of a body may fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type EnlistedError<R> = R extends InTx<infer E> ? E : never

/**
 * How a bracket begins its transaction. Programs that begin one themselves need none of it.
 *
 * @since 0.1.0
 * @category models
 */
export interface BeginOptions {
  /** Whoever begins it can abort and run again what was done in it. */
  readonly bracket?: boolean
  /** Refuses every change (A31). */
  readonly readOnly?: boolean
  /** The body is run again after a conflict; it may as well wait where others have lost already. */
  readonly retries?: boolean
  /** Nobody else commits before it ends: for those who have lost too many races. */
  readonly privileged?: boolean
}
