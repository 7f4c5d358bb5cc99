/**
 * The port behind the objects: what is committed, and the one step by which it changes.
 *
 * Invariants, pinned by the law suite `ObjectStoreLaws` of the testkit, which every layer passes:
 *
 * - `commit` is atomic: it applies every change or, when something read has changed, none.
 * - a snapshot shows what was committed when it was taken, for as long as it is held.
 * - versions grow; the state, the metadata and the replicas of an object have one each (A34).
 * - an id that was destroyed leaves a tombstone, and nothing brings a part of the object back (D4).
 * - the history of an object only grows.
 *
 * @since 0.1.0
 */
import type * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type { Scheduler } from "effect/Scheduler"
import type * as STM from "effect/STM"
import type * as Stream from "effect/Stream"
import type { StoreError } from "./AvmError.js"
import type { ControllerId } from "./ControllerId.js"
import * as hidden from "./internal/direct.js"
import * as internal from "./internal/memoryStore.js"
import { steps } from "./internal/storeSteps.js"
import type { MachineId } from "./MachineId.js"
import * as Mailboxes from "./Mailboxes.js"
import type { ObjectId } from "./ObjectId.js"
import type { ObjectMeta } from "./ObjectMeta.js"
import type { Val } from "./Val.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * A point in the order of commits.
 *
 * @since 0.1.0
 * @category models
 */
export interface Snapshot {
  readonly version: number
}

/**
 * Whatever is committed now, for what happens outside transactions. It need not be released.
 *
 * @since 0.1.0
 * @category models
 */
export const latest: Snapshot = { version: Number.POSITIVE_INFINITY }

/**
 * An instruction that an activation executed, with its answer, both encoded (`InstructionSet.Serializable`).
 *
 * @since 0.1.0
 * @category models
 */
export interface Answer {
  readonly instruction: Val
  readonly answer: Val
}

/**
 * A message that an object has accepted, with its sender and, where they are recorded, the answers of the instructions
 * that its activation executed (A42).
 *
 * @since 0.1.0
 * @category models
 */
export interface Accepted {
  readonly input: Val
  readonly sender: Option.Option<ObjectId>
  readonly answers: ReadonlyArray<Answer>
}

/**
 * A copy of an object on another machine (D20): its state there, and what it accepted since it was fetched.
 *
 * @since 0.1.0
 * @category models
 */
export interface Replica {
  readonly state: Val
  readonly accepted: Chunk.Chunk<Accepted>
}

/**
 * A committed object. The versions are the numbers of the commits that last changed that part.
 *
 * @since 0.1.0
 * @category models
 */
export interface StoredObject {
  readonly _tag: "StoredObject"
  readonly behaviour: string
  readonly metadata: ObjectMeta
  readonly state: Val
  readonly replicas: ReadonlyMap<MachineId, Replica>
  readonly metadataVersion: number
  readonly stateVersion: number
  readonly replicasVersion: number
}

/**
 * What a destroyed object leaves (A6).
 *
 * @since 0.1.0
 * @category models
 */
export interface Tombstone {
  readonly _tag: "Tombstone"
  readonly id: ObjectId
  readonly version: number
}

/**
 * @since 0.1.0
 * @category models
 */
export type Stored = StoredObject | Tombstone

/**
 * What was read of an object: whether it exists, and the versions of the parts that were looked at.
 *
 * @since 0.1.0
 * @category models
 */
export interface Read {
  readonly id: ObjectId
  readonly exists: boolean
  readonly metadata?: number | undefined
  readonly state?: number | undefined
  readonly replicas?: number | undefined
}

/**
 * A look at all objects: what was asked, and the committed objects that answered. It conflicts when an object has come
 * into the answer or left it, or one in it has changed its metadata (A24).
 *
 * @since 0.1.0
 * @category models
 */
export interface Scan {
  readonly predicate: (behaviour: string, metadata: ObjectMeta) => boolean
  readonly answer: ReadonlySet<string>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Creation {
  readonly behaviour: string
  readonly metadata: ObjectMeta
  readonly state: Val
}

/**
 * What a transaction has read, and what it changes: creations, transfers, moves, accepted inputs, states, replicas,
 * destructions and messages, applied in this order. `reads` are under the text of the id.
 *
 * @since 0.1.0
 * @category models
 */
export interface ChangeSet {
  readonly snapshot: Snapshot
  readonly reads: ReadonlyMap<string, Read>
  readonly scans: ReadonlyArray<Scan>
  readonly creates: ReadonlyArray<Creation>
  readonly transfers: ReadonlyArray<readonly [id: ObjectId, controller: ControllerId]>
  readonly moves: ReadonlyArray<readonly [id: ObjectId, machine: MachineId]>
  readonly inputs: ReadonlyArray<readonly [id: ObjectId, accepted: Accepted]>
  readonly states: ReadonlyArray<readonly [id: ObjectId, state: Val]>
  readonly replicas: ReadonlyArray<readonly [id: ObjectId, machine: MachineId, replica: Option.Option<Replica>]>
  readonly destroys: ReadonlyArray<ObjectId>
  /** `Mailboxes.noChanges` itself where there are none. */
  readonly messages: Mailboxes.Changes
}

/**
 * A change set that changes nothing: where others start from.
 *
 * @since 0.1.0
 * @category models
 */
export const noChanges: ChangeSet = {
  snapshot: latest,
  reads: new Map(),
  scans: [],
  creates: [],
  transfers: [],
  moves: [],
  inputs: [],
  states: [],
  replicas: [],
  destroys: [],
  messages: Mailboxes.noChanges
}

/**
 * What became of a change set. A conflict is no error here: retried transactions meet it often, and errors cost a stack.
 *
 * @since 0.1.0
 * @category models
 */
export type Outcome = Data.TaggedEnum<{
  Committed: { readonly version: number }
  /** Something read has changed: these objects. Nothing was applied. */
  Conflicted: { readonly objects: ReadonlyArray<ObjectId> }
  /** The enlisted STM retries. Nothing was applied, and nothing waits: the caller does (A41). */
  Blocked: {}
}>

/**
 * @since 0.1.0
 * @category constructors
 */
export const { Blocked, Committed, Conflicted, $is: isOutcome } = Data.taggedEnum<Outcome>()

/**
 * A pure function as the store knows it: its version, and the SHA-256 of its source text (A36).
 *
 * @since 0.1.0
 * @category models
 */
export interface FunctionRecord {
  readonly version: number
  readonly hash: string
}

// ---------------------------------------------------------------------------
// service
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category services
 */
export interface Service {
  /** Takes a snapshot; what it sees is kept until it is released. */
  readonly snapshot: Effect.Effect<Snapshot, StoreError>

  /**
   * Lets go of a snapshot. Fails where what it showed has been lost since: a store that shows commits before they are
   * durable waits here until they are, so that nobody is answered by what never came to be.
   */
  readonly release: (snapshot: Snapshot) => Effect.Effect<void, StoreError>

  /** None if the id was never created. */
  readonly read: (id: ObjectId, snapshot: Snapshot) => Effect.Effect<Option.Option<Stored>, StoreError>

  /** All objects, in order of creation (A16). */
  readonly scan: (snapshot: Snapshot) => Effect.Effect<ReadonlyArray<StoredObject>, StoreError>

  /** The committed inputs of an object, oldest first; also of a destroyed one. */
  readonly history: (id: ObjectId) => Effect.Effect<ReadonlyArray<Accepted>, StoreError>

  /**
   * Validates every read and scan, then applies everything; or does nothing. With `enlisted`, that STM runs in the same
   * step, after the validation: both take effect, or neither.
   */
  readonly commit: <E = never>(
    changes: ChangeSet,
    enlisted?: STM.STM<unknown, E>
  ) => Effect.Effect<Outcome, StoreError | E>

  /** Waits until a commit of these changes would conflict; at once if it would now. */
  readonly awaitConflict: (
    changes: Pick<ChangeSet, "snapshot" | "reads" | "scans" | "messages">
  ) => Effect.Effect<void, StoreError>

  /** The ids of the objects that each commit from now on changes. */
  readonly changes: Stream.Stream<ReadonlyArray<ObjectId>, StoreError>

  readonly readFunction: (name: string) => Effect.Effect<Option.Option<FunctionRecord>, StoreError>

  /** Writes if the version in force is still `expected` (none: no such function yet), and says whether it did. */
  readonly writeFunction: (
    name: string,
    record: FunctionRecord,
    expected: Option.Option<number>
  ) => Effect.Effect<boolean, StoreError>
}

/**
 * @since 0.1.0
 * @category services
 */
export class ObjectStore extends Context.Tag("@effect-avm/core/ObjectStore")<ObjectStore, Service>() {}

/**
 * Who commits. Whoever has the same `asker` is not going to commit again before he is answered; there is nobody behind it
 * whom it would be worth waiting for.
 *
 * @since 0.1.0
 * @category models
 */
export interface Committing {
  readonly asker: object
  /** Where the write is scheduled. */
  readonly scheduler: Scheduler
}

/**
 * What a store can do at once: each of these does what the member of its name does *when it is called*, and answers an
 * effect that is finished (an `Exit`) wherever there is nothing to wait for.
 *
 * The machine asks a store several times in each transaction. Over one that has these, an instruction that need not wait
 * costs a few function calls, as over memory.
 *
 * @since 0.1.0
 * @category models
 */
export interface Direct {
  /**
   * Begins to commit what can be committed without anything enlisted, and tells how it came out: before it returns, or in a
   * later task, and nobody can interrupt it. So a commit can be waited for without a fiber. A store may do without.
   */
  readonly commit?: (changes: ChangeSet, by: Committing, tell: (exit: Exit.Exit<Outcome, StoreError>) => void) => void
  readonly snapshot: () => Effect.Effect<Snapshot, StoreError>
  readonly read: (id: ObjectId, snapshot: Snapshot) => Effect.Effect<Option.Option<Stored>, StoreError>
  readonly release: (snapshot: Snapshot) => Effect.Effect<void, StoreError>
}

/**
 * The store, with what it can do at once. A service that wraps it (`{ ...store, commit }`) does not have that any more, so
 * that every member of the wrapper is honoured.
 *
 * @since 0.1.0
 * @category constructors
 */
export const withDirect = (store: Service, direct: Direct): Service => hidden.withDirect(store, steps(store, direct))

// ---------------------------------------------------------------------------
// layers
// ---------------------------------------------------------------------------

/**
 * Objects in memory, several versions each as long as a snapshot needs them, and their messages.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<ObjectStore | Mailboxes.Mailboxes> = Layer.effectContext(Effect.sync(() => {
  const { mailboxes, store } = internal.make()
  return Context.make(ObjectStore, store).pipe(Context.add(Mailboxes.Mailboxes, mailboxes))
}))
