/**
 * Stores with one mistake each, made from a correct one: what a checker of histories must find.
 *
 * Each lets one of the classical anomalies through, and is otherwise the store it was made from. The mistakes are of the
 * kind that is made: a validation that is too narrow, a read that does not look at its snapshot, a commit that is refused
 * too late. Pinned by `test/concurrency/MutatedStores.test.ts`.
 *
 * @since 0.1.0
 */
import { type AvmError, Mailboxes, ObjectStore } from "@effect-avm/core"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"

/**
 * A layer of a store: both of its ports.
 *
 * @since 0.1.0
 * @category models
 */
export type Stores = Layer.Layer<ObjectStore.ObjectStore | Mailboxes.Mailboxes>

/**
 * @since 0.1.0
 * @category models
 */
export type Mutation = (store: Stores) => Stores

// ---------------------------------------------------------------------------
// mutations
// ---------------------------------------------------------------------------

/**
 * Does not validate the state of what it is going to overwrite anyway: of two that add to the same number, one is lost.
 *
 * @since 0.1.0
 * @category mutations
 */
export const lostUpdate: Mutation = (store) =>
  validating(store, (changes) => {
    const written = new Set(changes.states.map(([id]) => id.value))
    return { ...changes, reads: withoutStates(changes.reads, (object) => written.has(object)) }
  })

/**
 * Validates the states that are overwritten, and no others, which is snapshot isolation: two that read what the other
 * one writes both commit.
 *
 * @since 0.1.0
 * @category mutations
 */
export const writeSkew: Mutation = (store) =>
  validating(store, (changes) => {
    const written = new Set(changes.states.map(([id]) => id.value))
    return { ...changes, reads: withoutStates(changes.reads, (object) => !written.has(object)) }
  })

/**
 * Validates what was found, and not what was looked for: who comes into the answer of a scan is not noticed.
 *
 * @since 0.1.0
 * @category mutations
 */
export const phantom: Mutation = (store) => validating(store, (changes) => ({ ...changes, scans: [] }))

/**
 * Reads what is committed now, whatever the snapshot: two reads of one transaction may be of different moments.
 *
 * @since 0.1.0
 * @category mutations
 */
export const readSkew: Mutation = (store) =>
  mutated(store, (inner) => ({ ...inner, read: (id) => inner.read(id, ObjectStore.latest) }))

/**
 * Writes states before it validates, and does not take them back: others read what was never committed.
 *
 * @since 0.1.0
 * @category mutations
 */
export const dirtyRead: Mutation = (store) =>
  mutated(store, (inner) => ({
    ...inner,
    commit: (changes, enlisted) =>
      Effect.flatMap(
        inner.commit(changes, enlisted),
        (outcome): Effect.Effect<ObjectStore.Outcome, AvmError.StoreError> => {
          if (outcome._tag !== "Conflicted") return Effect.succeed(outcome)
          const leaked = Effect.filter(changes.states, ([id]) =>
            Effect.map(
              inner.read(id, ObjectStore.latest),
              (stored) => Option.isSome(stored) && stored.value._tag === "StoredObject"
            ))
          return Effect.flatMap(
            leaked,
            (states) => Effect.as(inner.commit({ ...ObjectStore.noChanges, states }), outcome)
          )
        }
      )
  }))

/**
 * Does not look whether a message that is taken is still there: of two that take it, both do, and it is processed twice.
 *
 * @since 0.1.0
 * @category mutations
 */
export const duplicate: Mutation = (store) =>
  mutated(store, (inner, mailboxes) => ({
    ...inner,
    commit: (changes, enlisted) =>
      Effect.flatMap(
        Effect.filter(changes.messages.takes, (taken) =>
          Effect.map(mailboxes.peek(taken.to), (messages) => messages.some(({ id }) => id.value === taken.id.value))),
        (takes) =>
          inner.commit({ ...changes, messages: { ...changes.messages, takes } }, enlisted)
      )
  }))

/**
 * Answers before a message that is sent outside of transactions is in its mailbox: the next one may be faster.
 *
 * @since 0.1.0
 * @category mutations
 */
export const reordering: Mutation = (store) =>
  mutated(store, (inner) => ({
    ...inner,
    commit: (changes, enlisted) =>
      changes.messages.sends.length > 0 && changes.messages.takes.length === 0
        ? Effect.as(
          Effect.forkDaemon(Effect.zipRight(Effect.yieldNow(), inner.commit(changes, enlisted))),
          ObjectStore.Committed({ version: 0 })
        )
        : inner.commit(changes, enlisted)
  }))

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const mutated = (
  store: Stores,
  mutation: (inner: ObjectStore.Service, mailboxes: Mailboxes.Service) => ObjectStore.Service
): Stores =>
  Layer.effect(
    ObjectStore.ObjectStore,
    Effect.zipWith(ObjectStore.ObjectStore, Mailboxes.Mailboxes, mutation)
  ).pipe(Layer.provideMerge(store))

const validating = (
  store: Stores,
  weaken: (changes: ObjectStore.ChangeSet) => ObjectStore.ChangeSet
): Stores =>
  mutated(store, (inner) => ({ ...inner, commit: (changes, enlisted) => inner.commit(weaken(changes), enlisted) }))

/** What is no longer there cannot be written, so that existence is validated all the same. */
const withoutStates = (
  reads: ObjectStore.ChangeSet["reads"],
  unchecked: (object: string) => boolean
): ObjectStore.ChangeSet["reads"] =>
  new Map(
    [...reads].map((
      [object, { state, ...read }]
    ) => [object, state === undefined || unchecked(object) ? read : { ...read, state }])
  )
