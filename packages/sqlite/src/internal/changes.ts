/**
 * A change set applied to the objects in memory: new versions of those it changes, and what else there is to write.
 *
 * Everything that can fail, and everything that must be read, comes before the first change.
 */
import type { ControllerId, MachineId, ObjectId, ObjectMeta, ObjectStore, Val } from "@effect-avm/core"
import * as Option from "effect/Option"
import { IdTaken } from "../Failure.js"
import { type Cache, Entry, Part } from "./cache.js"
import { Committed, noReplicas } from "./codec.js"
import type { Queued } from "./committer.js"
import type { Accepted, Change } from "./rows.js"

export interface Objects {
  readonly cache: Cache
  /** The entry of an object, from the file if need be. */
  readonly find: (key: string) => Entry | undefined
  readonly nextOrdinal: () => number
}

/** An object while a commit changes it. */
interface Draft {
  readonly entry: Entry | undefined
  readonly ordinal: number
  behaviour: string
  metadata: ObjectMeta.ObjectMeta
  state: Val.Val
  replicas: ReadonlyMap<MachineId.MachineId, ObjectStore.Replica>
  metadataVersion: number
  stateVersion: number
  replicasVersion: number
  destroyed: boolean
  dirty: number
}

export const apply = (objects: Objects, changes: ObjectStore.ChangeSet, version: number): Queued =>
  onlyStates(changes) ? applyStates(objects, changes, version) : applyAll(objects, changes, version)

// ---------------------------------------------------------------------------
// states alone
// ---------------------------------------------------------------------------

const onlyStates = (changes: ObjectStore.ChangeSet): boolean =>
  changes.creates.length === 0 && changes.transfers.length === 0 && changes.moves.length === 0 &&
  changes.replicas.length === 0 && changes.destroys.length === 0

/** The commonest of changes, without a draft. */
const applyStates = (objects: Objects, changes: ObjectStore.ChangeSet, version: number): Queued => {
  const entries: Array<Entry> = []
  for (const [id] of changes.states) {
    const entry = objects.find(id.value)
    if (entry === undefined || entry.head.stored.value._tag === "Tombstone") return missing(id)
    entries.push(entry)
  }
  const accepting = changes.inputs.map(([id]) => objects.find(id.value) ?? missing(id))
  for (let n = 0; n < entries.length; n++) {
    const [entry, change] = [entries[n], changes.states[n]]
    const known = entry?.head.stored.value
    if (entry === undefined || change === undefined || known?._tag !== "StoredObject") continue
    const { behaviour, metadata, metadataVersion, replicas, replicasVersion } = known
    const object = new Committed(behaviour, metadata, change[1], replicas, metadataVersion, version, replicasVersion)
    objects.cache.put(entry, version, some(object), Part.state)
  }
  const accepted = accept(objects, version, changes.inputs, accepting, entries)
  return {
    version,
    snapshot: changes.snapshot,
    entries,
    accepted,
    changes: none,
    ids: changes.states.map(([id]) => id)
  }
}

// ---------------------------------------------------------------------------
// all kinds
// ---------------------------------------------------------------------------

const applyAll = (objects: Objects, changes: ObjectStore.ChangeSet, version: number): Queued => {
  const drafts = new Map<string, Draft>()
  const draft = (id: ObjectId.ObjectId): Draft => {
    const known = drafts.get(id.value)
    if (known !== undefined) return known
    const entry = objects.find(id.value)
    const stored = entry?.head.stored.value
    if (entry === undefined || stored?._tag !== "StoredObject") return missing(id)
    const fresh: Draft = { ...stored, entry, ordinal: entry.ordinal, destroyed: false, dirty: 0 }
    drafts.set(id.value, fresh)
    return fresh
  }
  const replicaChanges: Array<Change> = []

  for (const { behaviour, metadata, state } of changes.creates) {
    const key = metadata.id.value
    if (objects.find(key) !== undefined) throw new IdTaken({ id: key })
    drafts.set(key, {
      entry: undefined,
      ordinal: objects.nextOrdinal(),
      behaviour,
      metadata,
      state,
      replicas: noReplicas,
      metadataVersion: version,
      stateVersion: version,
      replicasVersion: version,
      destroyed: false,
      dirty: Part.creation
    })
  }
  const changeMetadata = (id: ObjectId.ObjectId, change: Partial<ObjectMeta.ObjectMeta>): void => {
    const object = draft(id)
    object.metadata = { ...object.metadata, ...change }
    object.metadataVersion = version
    object.dirty |= Part.rest
  }
  for (const [id, controller] of changes.transfers) changeMetadata(id, ownedBy(controller))
  for (const [id, machine] of changes.moves) changeMetadata(id, { machine })
  for (const [id, state] of changes.states) {
    const object = draft(id)
    object.state = state
    object.stateVersion = version
    object.dirty |= Part.state
  }
  for (const [id, machine, replica] of changes.replicas) {
    const object = draft(id)
    const { ordinal } = object
    const before = object.replicas.get(machine)
    const replicas = new Map(object.replicas)
    if (Option.isNone(replica)) {
      replicas.delete(machine)
      replicaChanges.push({ _tag: "ReplicaGone", ordinal, machine })
    } else {
      replicas.set(machine, replica.value)
      replicaChanges.push({ _tag: "ReplicaChanged", ordinal, machine, before, replica: replica.value })
    }
    object.replicas = replicas
    object.replicasVersion = version
    object.dirty |= Part.rest
  }
  for (const id of changes.destroys) {
    const object = draft(id)
    for (const machine of object.replicas.keys()) {
      replicaChanges.push({ _tag: "ReplicaGone", ordinal: object.ordinal, machine })
    }
    object.destroyed = true
    object.dirty |= Part.rest
  }
  const others = changes.inputs.map(([id]) => drafts.has(id.value) ? undefined : objects.find(id.value) ?? missing(id))

  const written = new Map([...drafts].map(([key, object]) => [key, write(objects, key, version, object)]))
  const entries = [...written.values()]
  const accepting = changes.inputs.map(([id], n) => others[n] ?? written.get(id.value) ?? missing(id))
  const accepted = accept(objects, version, changes.inputs, accepting, entries)
  const ids = [...drafts.values()].map(({ metadata }) => metadata.id)
  return { version, snapshot: changes.snapshot, entries, accepted, changes: replicaChanges, ids }
}

const write = ({ cache }: Objects, key: string, version: number, object: Draft): Entry => {
  const stored = some(
    object.destroyed
      ? { _tag: "Tombstone", id: object.metadata.id, version } as const
      : new Committed(
        object.behaviour,
        object.metadata,
        object.state,
        object.replicas,
        object.metadataVersion,
        object.stateVersion,
        object.replicasVersion
      )
  )
  const { entry } = object
  if (entry !== undefined) {
    cache.put(entry, version, stored, object.dirty)
    return entry
  }
  const created = new Entry(key, object.ordinal, version, { commit: version, stored, previous: undefined })
  cache.create(created)
  return created
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

/** What the objects `accepting` have accepted; those that nothing else is written of join the `entries`. */
const accept = (
  { cache }: Objects,
  version: number,
  inputs: ObjectStore.ChangeSet["inputs"],
  accepting: ReadonlyArray<Entry>,
  entries: Array<Entry>
): ReadonlyArray<Accepted> => {
  const accepted: Array<Accepted> = []
  for (let n = 0; n < accepting.length; n++) {
    const [entry, input] = [accepting[n], inputs[n]]
    if (entry === undefined || input === undefined) continue
    if (entry.head.commit !== version && entry.dirty === 0) entries.push(entry)
    cache.accept(entry)
    accepted.push({ entry, version, accepted: input[1] })
  }
  return accepted
}

const none: ReadonlyArray<never> = []

const missing = (id: ObjectId.ObjectId): never => {
  throw new Error(`commit: ${id.value} is changed, or has accepted a message, but does not exist`)
}

const ownedBy = (controller: ControllerId.ControllerId) => ({ currentController: Option.some(controller) })

const some = (stored: ObjectStore.Stored) => Option.some(stored) as Option.Some<ObjectStore.Stored> // it makes nothing else
