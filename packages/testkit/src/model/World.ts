/**
 * What the model knows: the committed store, and what is system-wide beside it.
 *
 * Everything is an immutable value, so the snapshot of a transaction is the store itself, held on to.
 *
 * @since 0.1.0
 */
import {
  type AvmError,
  ControllerId,
  MachineId,
  ObjectId,
  type ObjectMeta,
  type Pure,
  TxId,
  type Val
} from "@effect-avm/core"
import type * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { Script, Toggle } from "../Script.js"
import * as Mail from "./Mail.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * A message that an object has accepted, with its sender (A42).
 *
 * @since 0.1.0
 * @category models
 */
export interface Accepted {
  readonly input: Val.Val
  readonly sender: Option.Option<ObjectId.ObjectId>
}

/**
 * An instruction, as printed, and what it answered at a replica (A26).
 *
 * @since 0.1.0
 * @category models
 */
export interface Recorded {
  readonly instruction: string
  readonly answer: Either.Either<unknown, AvmError.AvmError>
}

/**
 * A copy of an object on another machine: its state there, and what it accepted since it was fetched (D20).
 *
 * @since 0.1.0
 * @category models
 */
export interface Replica {
  readonly state: Val.Val
  readonly accepted: ReadonlyArray<Accepted & { readonly answers: ReadonlyArray<Recorded> }>
}

/**
 * Metadata, state and replicas have versions of their own (A34); the history has none (A17).
 *
 * @since 0.1.0
 * @category models
 */
export interface StoredObject {
  readonly behaviour: string
  readonly metadata: ObjectMeta.ObjectMeta
  readonly state: Val.Val
  readonly history: ReadonlyArray<Accepted>
  readonly replicas: ReadonlyMap<MachineId.MachineId, Replica>
  readonly metadataVersion: number
  readonly stateVersion: number
  readonly replicasVersion: number
}

/**
 * The objects by the text of their ids, in order of creation (A16), and the tombstones (A6).
 *
 * @since 0.1.0
 * @category models
 */
export interface Store {
  readonly objects: ReadonlyMap<string, StoredObject>
  readonly destroyed: ReadonlySet<string>
  readonly mail: Mail.Mail
}

/**
 * @since 0.1.0
 * @category models
 */
export interface World {
  readonly store: Store
  readonly functions: ReadonlyMap<string, { readonly fn: Pure.PureFunction; readonly version: number }>
  readonly behaviours: ReadonlyMap<string, Script>
  readonly home: Option.Option<ControllerId.ControllerId>
  readonly machine: MachineId.MachineId
  readonly unreachableMachines: ReadonlySet<string>
  readonly unreachableControllers: ReadonlySet<string>
  /** The mailboxes whose turn it is, next first; not the one whose turn is being run. */
  readonly ready: ReadonlyArray<ObjectId.ObjectId>
  /** Those whose objects could not be reached. */
  readonly stalled: ReadonlyArray<ObjectId.ObjectId>
  readonly busy: ObjectId.ObjectId | undefined
  readonly objectIds: number
  readonly txIds: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly behaviours?: Readonly<Record<string, Script>>
  /** The home controller; none if absent. */
  readonly home?: string | undefined
  /** Where programs start; `"m0"` if absent. */
  readonly machine?: string | undefined
  readonly unreachable?: { readonly machines: ReadonlyArray<string>; readonly controllers: ReadonlyArray<string> }
}

// ---------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): World => ({
  store: { objects: new Map(), destroyed: new Set(), mail: Mail.empty },
  functions: new Map(),
  behaviours: new Map(Object.entries(options.behaviours ?? {})),
  home: Option.map(Option.fromNullable(options.home), ControllerId.make),
  machine: MachineId.make(options.machine ?? "m0"),
  unreachableMachines: new Set(options.unreachable?.machines),
  unreachableControllers: new Set(options.unreachable?.controllers),
  ready: [],
  stalled: [],
  busy: undefined,
  objectIds: 0,
  txIds: 0
})

// ---------------------------------------------------------------------------
// operations
// ---------------------------------------------------------------------------

/**
 * Ids are never reused, and system-wide: an abort does not give them back.
 *
 * @since 0.1.0
 * @category operations
 */
export const freshObjectId = (world: World): readonly [id: ObjectId.ObjectId, world: World] => [
  ObjectId.make(`o${world.objectIds + 1}`),
  { ...world, objectIds: world.objectIds + 1 }
]

/**
 * @since 0.1.0
 * @category operations
 */
export const freshTxId = (world: World): readonly [id: TxId.TxId, world: World] => [
  TxId.make(`t${world.txIds + 1}`),
  { ...world, txIds: world.txIds + 1 }
]

/**
 * Cuts a machine or a controller off, or connects it again.
 *
 * @since 0.1.0
 * @category operations
 */
export const toggle = (world: World, { name, what }: Pick<Toggle, "name" | "what">): World =>
  what === "machine"
    ? { ...world, unreachableMachines: flipped(world.unreachableMachines, name) }
    : { ...world, unreachableControllers: flipped(world.unreachableControllers, name) }

/**
 * @since 0.1.0
 * @category operations
 */
export const withObject = (store: Store, key: string, object: StoredObject): Store => ({
  ...store,
  objects: new Map(store.objects).set(key, object)
})

/**
 * D4, A25: behaviour, metadata, state and replicas go together, and a tombstone stays.
 *
 * @since 0.1.0
 * @category operations
 */
export const withoutObject = (store: Store, key: string): Store => {
  const objects = new Map(store.objects)
  objects.delete(key)
  return { ...store, objects, destroyed: new Set(store.destroyed).add(key) }
}

/**
 * Changes messages; a mailbox that had none and has got some is ready, behind all others.
 *
 * @since 0.1.0
 * @category operations
 */
export const withMail = (world: World, changes: Mail.Changes): World => {
  const { arrived, mail } = Mail.apply(world.store.mail, changes)
  return made({ ...world, store: { ...world.store, mail } }, arrived)
}

/**
 * @since 0.1.0
 * @category operations
 */
export const made = (world: World, ready: ReadonlyArray<ObjectId.ObjectId>): World => {
  const known = new Set(
    [...world.ready, ...world.stalled, ...world.busy === undefined ? [] : [world.busy]].map((_) => _.value)
  )
  const added = ready.filter((id) => !known.has(id.value) && known.add(id.value))
  return { ...world, ready: [...world.ready, ...added] }
}

/**
 * @since 0.1.0
 * @category operations
 */
export const withMetadata = (object: StoredObject, change: Partial<ObjectMeta.ObjectMeta>): StoredObject => ({
  ...object,
  metadata: { ...object.metadata, ...change },
  metadataVersion: object.metadataVersion + 1
})

/**
 * @since 0.1.0
 * @category operations
 */
export const withState = (object: StoredObject, state: Val.Val): StoredObject => ({
  ...object,
  state,
  stateVersion: object.stateVersion + 1
})

/**
 * @since 0.1.0
 * @category operations
 */
export const withHistory = (object: StoredObject, accepted: Accepted): StoredObject => ({
  ...object,
  history: [...object.history, accepted]
})

/**
 * Puts a replica on a machine, or takes it away.
 *
 * @since 0.1.0
 * @category operations
 */
export const withReplica = (
  object: StoredObject,
  machine: MachineId.MachineId,
  replica: Replica | undefined
): StoredObject => {
  const replicas = new Map(object.replicas)
  if (replica === undefined) replicas.delete(machine)
  else replicas.set(machine, replica)
  return { ...object, replicas, replicasVersion: object.replicasVersion + 1 }
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const flipped = (names: ReadonlySet<string>, name: string): ReadonlySet<string> => {
  const next = new Set(names)
  if (!next.delete(name)) next.add(name)
  return next
}
