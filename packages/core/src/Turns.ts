/**
 * Turns: each message that was sent is processed in a transaction of its own, which commits the new states, creations,
 * further messages and the removal of the message together, or none of them (D25).
 *
 * A loop picks the next mailbox (`Scheduling` says which), and runs the behaviour of its object on its first message, in a
 * transaction of the object's controller; of an object without one, in a transaction locked to none (A43). Turns of one
 * object come one after the other, turns of different objects at the same time. A conflict runs the turn again, always.
 * What becomes of a turn that fails is a policy. A message whose object, its machine or its controller cannot be reached,
 * or whose behaviour is not registered (yet), waits.
 *
 * Pinned by `test/turns`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import type { AvmError, StoreError } from "./AvmError.js"
import type { Answer, DeadLetter, Message } from "./Mailboxes.js"

// ---------------------------------------------------------------------------
// options
// ---------------------------------------------------------------------------

/**
 * What becomes of the message of a turn that failed, once it is not tried again: `drop` forgets it, `park` keeps it as a
 * dead letter, `parkUnanswered` does so where no promise tells anybody of the failure. Where none does, it is logged as a
 * warning.
 *
 * @since 0.1.0
 * @category models
 */
export type OnFailure = "drop" | "park" | "parkUnanswered"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Whether the machine runs turns by itself, or when it is told: with `step`, `settle` or `layer`. */
  readonly run?: "background" | "manual"
  /** So many turns at a time; 16 without. */
  readonly concurrency?: number
  /**
   * Runs a turn that failed once more, later: messages to the same object wait so long. Without, each has one turn. A
   * conflict is no failure; a defect is one, described.
   */
  readonly retry?: Schedule.Schedule<unknown, AvmError | { readonly _tag: "Died"; readonly defect: unknown }>
  /** `parkUnanswered` without. */
  readonly onFailure?: OnFailure
  /** How often a loop that runs for ever looks whether what could not be reached can be; 200 without. */
  readonly pollMillis?: number
}

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * A message that is through: its turn has committed, or it was given up.
 *
 * @since 0.1.0
 * @category models
 */
export interface Turn {
  readonly message: Message
  readonly answer: Answer
  /** How many turns it took; those that conflicted count. */
  readonly attempts: number
}

// ---------------------------------------------------------------------------
// service
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category services
 */
export interface Service {
  /** Brings one message through, the next one; none if nothing is ready. */
  readonly step: Effect.Effect<Option.Option<Turn>, StoreError>

  /**
   * Runs turns until none is ready, and outputs until none is that has not failed; answers how many messages are through.
   * What cannot be reached is left. It waits for turns that are tried again.
   */
  readonly settle: Effect.Effect<number, StoreError>

  /** Runs turns and outputs for ever. A store that fails is tried again, after a while. */
  readonly run: Effect.Effect<never>

  readonly deadLetters: Effect.Effect<ReadonlyArray<DeadLetter>, StoreError>

  /**
   * Sends the message of a dead letter once more; its promise, if there was one, stays broken. False if it is no dead
   * letter any more.
   */
  readonly replay: (letter: DeadLetter) => Effect.Effect<boolean, StoreError>

  readonly discard: (letter: DeadLetter) => Effect.Effect<boolean, StoreError>
}

/**
 * @since 0.1.0
 * @category services
 */
export class Turns extends Context.Tag("@effect-avm/core/Turns")<Turns, Service>() {}

// ---------------------------------------------------------------------------
// operations
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category running
 */
export const step: Effect.Effect<Option.Option<Turn>, StoreError, Turns> = Effect.flatMap(Turns, (_) => _.step)

/**
 * @since 0.1.0
 * @category running
 */
export const settle: Effect.Effect<number, StoreError, Turns> = Effect.flatMap(Turns, (_) => _.settle)

/**
 * @since 0.1.0
 * @category running
 */
export const run: Effect.Effect<never, never, Turns> = Effect.flatMap(Turns, (_) => _.run)

// ---------------------------------------------------------------------------
// layers
// ---------------------------------------------------------------------------

/**
 * Runs turns in the background as long as the layer lives, on a machine that does not do so by itself. At its end, turns
 * that have begun are undone, and their messages stay.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<never, never, Turns> = Layer.scopedDiscard(Effect.forkScoped(run))
