/**
 * A running transaction: the snapshot, the store as the transaction sees it, what it has read and what it has done.
 *
 * The view is the snapshot with the transaction's own changes, so that every rule is written once, for the store at hand
 * (D8). Commit does not publish the view: it validates the reads and does the same changes to the store of the moment.
 *
 * @since 0.1.0
 */
import type { ControllerId, MachineId, Mailboxes, ObjectId, Reflect, TxId, Val } from "@effect-avm/core"
import * as Option from "effect/Option"
import * as Mail from "./Mail.js"
import type { Constraints } from "./rules/Constraints.js"
import * as World from "./World.js"

/**
 * The parts of an object that have versions. To have read none of them is to have found it missing.
 *
 * @since 0.1.0
 * @category models
 */
export type Part = "metadata" | "state" | "replicas"

/**
 * By the text of an id, so that each object counts once, in order of its first entry.
 *
 * @since 0.1.0
 * @category models
 */
export type PerObject<A> = ReadonlyMap<string, readonly [id: ObjectId.ObjectId, value: A]>

/**
 * @since 0.1.0
 * @category models
 */
export interface Transaction {
  readonly id: TxId.TxId
  /** How many frames there were when it began: it belongs to the last of them (D15). */
  readonly depth: number
  readonly controller: Option.Option<ControllerId.ControllerId>
  readonly snapshot: World.Store
  readonly view: World.Store
  /** The root's state at the beginning, for an abort (A11). */
  readonly rootState: Val.Val
  /** The program's variables at the beginning, for an abort (D14). */
  readonly constraints: Constraints
  readonly reads: PerObject<ReadonlySet<Part>>
  readonly scans: ReadonlyArray<Reflect.DeepPredicate>
  /** For display (A15): what was read, and what a scry looked at. */
  readonly observed: PerObject<true>
  readonly creates: PerObject<true>
  readonly destroys: PerObject<true>
  readonly transfers: PerObject<ControllerId.ControllerId>
  readonly moves: PerObject<MachineId.MachineId>
  readonly states: PerObject<Val.Val>
  readonly writes: ReadonlyArray<readonly [id: ObjectId.ObjectId, accepted: World.Accepted]>
  /** A17: without any of the instructions that count as a change, it commits unvalidated. */
  readonly changed: boolean
  /** A43: the object whose turn this is, if it has no controller: then it is locked to none. */
  readonly orphan: string | undefined
  readonly takes: Mailboxes.Changes["takes"]
  readonly drained: Mailboxes.Changes["drained"]
  readonly sends: Mailboxes.Changes["sends"]
  readonly settles: Mailboxes.Changes["settles"]
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Pick<Transaction, "id" | "depth" | "controller" | "snapshot" | "rootState" | "constraints">
): Transaction => ({
  ...options,
  view: options.snapshot,
  reads: new Map(),
  scans: [],
  observed: new Map(),
  creates: new Map(),
  destroys: new Map(),
  transfers: new Map(),
  moves: new Map(),
  states: new Map(),
  writes: [],
  changed: false,
  orphan: undefined,
  takes: [],
  drained: [],
  sends: [],
  settles: []
})

/**
 * @since 0.1.0
 * @category operations
 */
export const entered = <A>(map: PerObject<A>, id: ObjectId.ObjectId, value: A): PerObject<A> =>
  new Map(map).set(id.value, [id, value])

/**
 * @since 0.1.0
 * @category operations
 */
export const ids = (map: PerObject<unknown>): ReadonlyArray<ObjectId.ObjectId> => Array.from(map.values(), ([id]) => id)

// ---------------------------------------------------------------------------
// commit
// ---------------------------------------------------------------------------

/**
 * The objects by which the transaction conflicts: what it has read was changed since the snapshot.
 *
 * @since 0.1.0
 * @category operations
 */
export const conflicts = (tx: Transaction, now: World.Store): ReadonlyArray<ObjectId.ObjectId> => {
  const found = new Map<string, ObjectId.ObjectId>()
  for (const [key, [id, parts]] of tx.reads) {
    const before = tx.snapshot.objects.get(key)
    const after = now.objects.get(key)
    // Existence: an id comes to be once and goes once.
    if ((before === undefined) !== (after === undefined)) found.set(key, id)
    // A34: each part by its own version.
    if (parts.has("metadata") && before?.metadataVersion !== after?.metadataVersion) found.set(key, id)
    if (parts.has("state") && before?.stateVersion !== after?.stateVersion) found.set(key, id)
    if (parts.has("replicas") && before?.replicasVersion !== after?.replicasVersion) found.set(key, id)
  }
  // A24: a scan conflicts by its answer, not by everything it looked at.
  for (const predicate of tx.scans) {
    for (const key of new Set([...tx.snapshot.objects.keys(), ...now.objects.keys()])) {
      const before = tx.snapshot.objects.get(key)
      const after = now.objects.get(key)
      const was = verdict(predicate, before)
      if (was !== verdict(predicate, after) || (was === "in" && before?.metadataVersion !== after?.metadataVersion)) {
        const id = (before ?? after)?.metadata.id
        if (id !== undefined) found.set(key, id)
      }
    }
  }
  for (const id of Mail.conflicts(tx, now.mail)) found.set(id.value, id)
  return [...found.values()]
}

/**
 * Commit applies creations, transfers, moves, writes, states and destructions, in this order, all of them.
 *
 * @since 0.1.0
 * @category operations
 */
export const applied = (
  tx: Transaction,
  now: World.Store,
  home: Option.Option<ControllerId.ControllerId>
): World.Store => {
  let store = now
  const update = (id: ObjectId.ObjectId, change: (object: World.StoredObject) => World.StoredObject) => {
    const object = store.objects.get(id.value)
    // A creation is entered with everything the transaction did to it; what is gone stays gone (D4).
    if (object !== undefined && !tx.creates.has(id.value)) store = World.withObject(store, id.value, change(object))
  }
  for (const key of tx.creates.keys()) {
    const object = tx.view.objects.get(key)
    // A pending creation that was destroyed never comes to be.
    if (object !== undefined && !tx.destroys.has(key)) {
      const resolved = tx.orphan === undefined ? Option.orElse(tx.controller, () => home) : Option.none()
      store = World.withObject(store, key, adopted(object, tx.transfers.has(key), resolved))
    }
  }
  for (const [id, controller] of tx.transfers.values()) {
    update(id, (object) => World.withMetadata(object, { currentController: Option.some(controller) }))
  }
  for (const [id, machine] of tx.moves.values()) {
    // A25: where an object goes, its replica disappears.
    update(id, (object) => World.withReplica(World.withMetadata(object, { machine }), machine, undefined))
  }
  for (const [id, accepted] of tx.writes) update(id, (object) => World.withHistory(object, accepted))
  for (const [id, state] of tx.states.values()) update(id, (object) => World.withState(object, state))
  for (const [key, { metadata, replicas }] of tx.view.objects) {
    const before = tx.snapshot.objects.get(key)?.replicas
    for (const machine of new Set([...before?.keys() ?? [], ...replicas.keys()])) {
      const replica = replicas.get(machine)
      if (replica === before?.get(machine)) continue
      update(metadata.id, (object) => World.withReplica(object, machine, replica))
    }
  }
  for (const [id] of tx.destroys.values()) {
    if (!tx.creates.has(id.value)) store = World.withoutObject(store, id.value)
  }
  return store
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

/** D1, A33: what was created without a controller gets the one that was resolved, else the home controller, as both. */
const adopted = (
  object: World.StoredObject,
  transferred: boolean,
  creatingController: Option.Option<ControllerId.ControllerId>
): World.StoredObject => {
  if (Option.isSome(object.metadata.creatingController)) return object
  const currentController = transferred ? object.metadata.currentController : creatingController
  return { ...object, metadata: { ...object.metadata, creatingController, currentController } }
}

/** A predicate may throw, at the scan and now; that is an answer like others. */
const verdict = (predicate: Reflect.DeepPredicate, object: World.StoredObject | undefined) => {
  if (object === undefined) return "out"
  try {
    return predicate(object.behaviour, object.metadata) ? "in" : "out"
  } catch {
    return "thrown"
  }
}
