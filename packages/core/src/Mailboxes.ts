/**
 * The port behind messages that are processed later: mailboxes, promised answers, dead letters, and outputs on their way
 * to the outside world.
 *
 * It only reads. All of it changes as a part of the change sets of `ObjectStore` (`ChangeSet.messages`), in the same commit
 * as the objects, so that a crash at any moment neither loses nor repeats a message. A layer therefore provides both ports.
 *
 * Invariants, pinned by the law suite `MailboxesLaws` of the testkit:
 *
 * - a mailbox is a queue in the order of commits and, within a commit, of sending: FIFO per sender and receiver.
 * - a message is taken once: a second change set that takes it conflicts.
 * - a promise is settled once; what waited for it goes on in the commit that settles it, in the order of waiting.
 * - everything is data: what waits for an answer survives a restart (A43).
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { AvmError, type StoreError } from "./AvmError.js"
import * as delivery from "./internal/delivery.js"
import * as hidden from "./internal/direct.js"
import type { DirectMailboxes } from "./internal/memoryMailboxes.js"
import { opaque } from "./internal/schema.js"
import { stepOf } from "./internal/sync.js"
import { ObjectId } from "./ObjectId.js"
import { type Val, ValFromJson } from "./Val.js"

// ---------------------------------------------------------------------------
// messages and answers
// ---------------------------------------------------------------------------

/**
 * A message on its way. Addressed to a promise, it waits until that is settled, and goes on to the object it is settled
 * with.
 *
 * @since 0.1.0
 * @category models
 */
export interface Message {
  /** Its own; with `answered`, also the name of the promise of its answer. */
  readonly id: ObjectId
  /** Who sent it: an object, or the root of a program. None from outside. */
  readonly from: Option.Option<ObjectId>
  /** An object, the root of a program, or a promise. */
  readonly to: ObjectId
  readonly input: Val
  /** The behaviour that a typed reference believes the receiver to have (A35). */
  readonly behaviour: Option.Option<string>
  /** Whether somebody may want the answer. */
  readonly answered: boolean
}

/**
 * How the turn of a message ended.
 *
 * @since 0.1.0
 * @category models
 */
export type Answer = Data.TaggedEnum<{
  /** Well, with this first output. */
  Resolved: { readonly output: Option.Option<Val> }
  /** In a failure, its own or that of the promise it was sent to. */
  Broken: { readonly error: AvmError }
  /** In a defect, described. */
  Died: { readonly defect: Val }
}>

/**
 * @since 0.1.0
 * @category constructors
 */
export const { $is: isAnswer, Broken, Died, Resolved } = Data.taggedEnum<Answer>()

/**
 * A promise that is not settled yet, or how it was. None: nobody was promised that, or it was so long ago that it is
 * forgotten.
 *
 * @since 0.1.0
 * @category models
 */
export type Promised = Option.Option<{ readonly _tag: "Pending" } | Answer>

/**
 * `[tag, answer]` is sent to an object when a promise is settled: with the output (null for none) if it resolves, with the
 * error as JSON if it breaks, according to `on`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Forward {
  /** The id of the message that it becomes. */
  readonly id: ObjectId
  readonly from: Option.Option<ObjectId>
  readonly promise: ObjectId
  readonly on: "resolved" | "broken"
  readonly to: ObjectId
  readonly tag: string
}

/**
 * A message that was given up, to be looked at and replayed.
 *
 * @since 0.1.0
 * @category models
 */
export interface DeadLetter {
  readonly message: Message
  readonly reason: Answer
  /** How many turns it had. */
  readonly attempts: number
}

/**
 * Something the outside world is to do once the transaction that asked for it is committed.
 *
 * @since 0.1.0
 * @category models
 */
export interface Output {
  /** The same however often it is tried, and nobody else's: the outside world does it once per key. */
  readonly key: string
  readonly channel: string
  readonly from: ObjectId
  readonly payload: Val
  /** Who is sent `[tag, answer]` when the outside world has acknowledged, in the same commit as that. */
  readonly answer: Option.Option<{ readonly to: ObjectId; readonly tag: string }>
}

// ---------------------------------------------------------------------------
// changes
// ---------------------------------------------------------------------------

/**
 * What a change set does to messages. It is applied in the order of the members.
 *
 * @since 0.1.0
 * @category models
 */
export interface Changes {
  /** Removed from their mailboxes. One that is not there any more is a conflict, by the name of the receiver. */
  readonly takes: ReadonlyArray<Message>
  /** Mailboxes that were found empty but for `takes`: what has come since is a conflict. */
  readonly drained: ReadonlyArray<ObjectId>
  /**
   * Sent, in this order. A message with the id of a promise that exists already is dropped: it was accepted before. One to
   * a promise that is settled goes on at once.
   */
  readonly sends: ReadonlyArray<Message | Forward>
  /** Of these receivers, none may have more messages than that afterwards: that would be a conflict, by its name. */
  readonly capacity: number
  /** How the turns of messages ended. A promise that is settled, or unknown, stays as it is. */
  readonly settles: ReadonlyArray<readonly [promise: ObjectId, answer: Answer]>
  readonly outputs: ReadonlyArray<Output>
  /** Removed from the outputs. One that is not there any more is a conflict, by the name of its sender. */
  readonly acknowledged: ReadonlyArray<Output>
  readonly parked: ReadonlyArray<DeadLetter>
  /** Removed from the dead letters. One that is not there any more is a conflict, by the name of the receiver. */
  readonly unparked: ReadonlyArray<DeadLetter>
}

/**
 * A change set without messages: where others start from, and what a store need not look into.
 *
 * @since 0.1.0
 * @category models
 */
export const noChanges: Changes = {
  takes: [],
  drained: [],
  sends: [],
  capacity: Number.POSITIVE_INFINITY,
  settles: [],
  outputs: [],
  acknowledged: [],
  parked: [],
  unparked: []
}

/**
 * @since 0.1.0
 * @category guards
 */
export const isForward = (send: Message | Forward): send is Forward => "promise" in send

/**
 * What a commit has brought.
 *
 * @since 0.1.0
 * @category models
 */
export interface Arrived {
  /** The mailboxes that have got messages, in the order of getting; not those of promises. */
  readonly mailboxes: ReadonlyArray<ObjectId>
  /** The mailboxes that messages were taken from. */
  readonly taken: ReadonlyArray<ObjectId>
  readonly settled: ReadonlyArray<ObjectId>
  readonly outputs: ReadonlyArray<Output>
}

// ---------------------------------------------------------------------------
// service
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category models
 */
export interface PeekOptions {
  /** Without so many at its head; 0 without. */
  readonly skip?: number
  /** At most so many; all of them without. */
  readonly limit?: number
  /** Only those that were committed by then. */
  readonly until?: { readonly version: number }
}

/**
 * @since 0.1.0
 * @category services
 */
export interface Service {
  /** The mailboxes with messages in them, but for those of promises; the one with the oldest message first. */
  readonly waiting: Effect.Effect<ReadonlyArray<ObjectId>, StoreError>

  /** The messages of a mailbox, next first; what waits for a promise too. They stay where they are. */
  readonly peek: (to: ObjectId, options?: PeekOptions) => Effect.Effect<ReadonlyArray<Message>, StoreError>

  readonly size: (to: ObjectId) => Effect.Effect<number, StoreError>

  /**
   * How a promise was settled. Of the promises that are settled a store may forget the oldest, but keeps at least the last
   * 65,536: as long is a message with a known id known as a duplicate.
   */
  readonly promised: (promise: ObjectId) => Effect.Effect<Promised, StoreError>

  /** Oldest first. */
  readonly deadLetters: Effect.Effect<ReadonlyArray<DeadLetter>, StoreError>

  /** Those that are not acknowledged, oldest first. */
  readonly outputs: Effect.Effect<ReadonlyArray<Output>, StoreError>

  /** Tells the listener of each commit that brings something, as soon as it is committed, as long as the scope lives. */
  readonly listen: (listener: (arrived: Arrived) => void) => Effect.Effect<void, never, Scope.Scope>
}

/**
 * @since 0.1.0
 * @category services
 */
export class Mailboxes extends Context.Tag("@effect-avm/core/Mailboxes")<Mailboxes, Service>() {}

// ---------------------------------------------------------------------------
// operations
// ---------------------------------------------------------------------------

/**
 * Waits until `found` finds something, asking again after each commit that `concerns` it.
 *
 * @since 0.1.0
 * @category operations
 */
export const waitFor = <A, E>(
  mailboxes: Service,
  concerns: (arrived: Arrived) => boolean,
  found: Effect.Effect<Option.Option<A>, E>
): Effect.Effect<A, E> =>
  Effect.scoped(Effect.gen(function*() {
    let wake: () => void = () => undefined
    let missed = false
    yield* mailboxes.listen((arrived) => {
      if (!concerns(arrived)) return
      missed = true
      wake()
    })
    for (;;) {
      missed = false
      const answer = yield* found
      if (Option.isSome(answer)) return answer.value
      yield* Effect.async<void>((resume) => {
        wake = () => resume(Effect.void)
        if (missed) wake()
      })
    }
  }))

/**
 * What each commit from now on brings.
 *
 * @since 0.1.0
 * @category operations
 */
export const changes: Stream.Stream<Arrived, never, Mailboxes> = Stream.unwrap(
  Effect.map(
    Mailboxes,
    (mailboxes) => Stream.asyncPush<Arrived>((emit) => mailboxes.listen((arrived) => void emit.single(arrived)))
  )
)

// ---------------------------------------------------------------------------
// for those who write a store
// ---------------------------------------------------------------------------

/**
 * What mailboxes can answer at once: each does what the member of its name does *when it is called*, and answers an effect
 * that is finished (an `Exit`) wherever there is nothing to wait for, as with `ObjectStore.Direct`.
 *
 * @since 0.1.0
 * @category stores
 */
export type Direct = Pick<Service, "peek" | "size">

/**
 * The mailboxes, with what they can answer at once.
 *
 * @since 0.1.0
 * @category stores
 */
export const withDirect = (mailboxes: Service, { peek, size }: Direct): Service =>
  hidden.withDirect<Service, DirectMailboxes>(mailboxes, {
    peek: (to, options) => stepOf(peek(to, options)),
    size: (to) => stepOf(size(to))
  })

/**
 * The tables that a store keeps its messages in, as they are within a commit. With them, what a change set does to messages
 * is the same for every store: see `conflictsOf` and `apply`.
 *
 * @since 0.1.0
 * @category stores
 */
export type Tables = delivery.Tables

/**
 * The objects by which changes conflict with what is in the tables now. It only looks.
 *
 * @since 0.1.0
 * @category stores
 */
export const conflictsOf: (tables: Tables, changes: Changes) => ReadonlyArray<ObjectId> = delivery.conflicts

/**
 * Does the changes to the tables. They do not conflict: `conflictsOf` has been asked in the same commit.
 *
 * @since 0.1.0
 * @category stores
 */
export const apply: (tables: Tables, changes: Changes) => void = delivery.apply

// ---------------------------------------------------------------------------
// schemas
// ---------------------------------------------------------------------------

/**
 * The codec of answers, for stores: plain JSON.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Answer: Schema.Schema<Answer, unknown> = opaque(Schema.Union(
  Schema.Struct({ _tag: Schema.Literal("Resolved"), output: Schema.Option(ValFromJson) }),
  Schema.Struct({ _tag: Schema.Literal("Broken"), error: AvmError }),
  Schema.Struct({ _tag: Schema.Literal("Died"), defect: ValFromJson })
) as Schema.Schema<Answer, unknown>) // the same three shapes

/**
 * The codec of messages, for stores: plain JSON.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Message: Schema.Schema<Message, unknown> = opaque(Schema.Struct({
  id: ObjectId,
  from: Schema.Option(ObjectId),
  to: ObjectId,
  input: ValFromJson,
  behaviour: Schema.Option(Schema.String),
  answered: Schema.Boolean
}))

/**
 * @since 0.1.0
 * @category schemas
 */
export const Forward: Schema.Schema<Forward, unknown> = opaque(Schema.Struct({
  id: ObjectId,
  from: Schema.Option(ObjectId),
  promise: ObjectId,
  on: Schema.Literal("resolved", "broken"),
  to: ObjectId,
  tag: Schema.String
}))

/**
 * @since 0.1.0
 * @category schemas
 */
export const DeadLetter: Schema.Schema<DeadLetter, unknown> = opaque(Schema.Struct({
  message: Message,
  reason: Answer,
  attempts: Schema.Int
}))

/**
 * @since 0.1.0
 * @category schemas
 */
export const Output: Schema.Schema<Output, unknown> = opaque(Schema.Struct({
  key: Schema.String,
  channel: Schema.String,
  from: ObjectId,
  payload: ValFromJson,
  answer: Schema.Option(Schema.Struct({ to: ObjectId, tag: Schema.String }))
}))
