/**
 * The memory layer of `ObjectStore`: a plain `Map` from ids to a short chain of versions each, a commit clock, and the
 * snapshots that are held.
 *
 * A commit is one synchronous step: validate everything, then write. Inside an STM transaction it is the last operation,
 * so that an enlisted STM that fails or retries leaves nothing behind. A version lives until it is superseded and no held
 * snapshot can see it: without snapshots no chain is longer than one.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as STM from "effect/STM"
import * as Stream from "effect/Stream"
import type { StoreError } from "../AvmError.js"
import type { MachineId } from "../MachineId.js"
import type { ObjectId } from "../ObjectId.js"
import type { ObjectMeta } from "../ObjectMeta.js"
import type * as Store from "../ObjectStore.js"
import type { Val } from "../Val.js"
import { directOf, withDirect } from "./direct.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/** `commit` is the number of the commit that wrote it. */
interface Version {
  readonly commit: number
  readonly stored: Option.Some<Store.Stored>
  previous: Version | undefined
}

interface Node {
  head: Version
  history: Array<Store.Accepted> | undefined
}

/** A version that was superseded by commit `by`, and can go when no snapshot is older than that. */
interface Superseded {
  readonly node: Node
  readonly by: number
}

/** A committed object. A class, so that all of them have one shape. */
class Committed implements Store.StoredObject {
  readonly _tag = "StoredObject"
  constructor(
    readonly behaviour: string,
    readonly metadata: ObjectMeta,
    readonly state: Val,
    readonly replicas: ReadonlyMap<MachineId, Store.Replica>,
    readonly metadataVersion: number,
    readonly stateVersion: number,
    readonly replicasVersion: number
  ) {}
}

/** An object while a commit changes it. */
interface Draft {
  behaviour: string
  metadata: ObjectMeta
  state: Val
  replicas: ReadonlyMap<MachineId, Store.Replica>
  metadataVersion: number
  stateVersion: number
  replicasVersion: number
  destroyed: boolean
}

const noReplicas: ReadonlyMap<MachineId, Store.Replica> = new Map()

/** What the kernel asks of a store again and again; over memory, the answer is there at once. */
export interface DirectStore extends Pick<Store.Service, "release" | "read" | "commit"> {
  readonly snapshot: () => Effect.Effect<Store.Snapshot, StoreError>
  /** False if the object is not there. */
  readonly setState: (id: ObjectId, state: Val) => Effect.Effect<boolean, StoreError>
  readonly accept: (id: ObjectId, accepted: Store.Accepted) => Effect.Effect<void, StoreError>
}

/** The short way into a store that has one, the ordinary one into any other. */
export const direct = (store: Store.Service, noChanges: Store.ChangeSet): DirectStore =>
  directOf<DirectStore>(store) ?? {
    ...store,
    snapshot: () => store.snapshot,
    setState: (id, state) => {
      const reads = new Map([[id.value, { id, exists: true }]])
      return Effect.map(
        store.commit({ ...noChanges, reads, states: [[id, state]] }),
        (outcome) => outcome._tag === "Committed"
      )
    },
    accept: (id, accepted) => Effect.asVoid(store.commit({ ...noChanges, inputs: [[id, accepted]] }))
  }

// ---------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------

export const make = (): Store.Service => {
  const nodes = new Map<string, Node>()
  const functions = new Map<string, Store.FunctionRecord>()
  const listeners = new Set<(ids: ReadonlyArray<ObjectId>) => void>()
  // In order of taking, hence of version: the first key is the oldest snapshot held.
  const held = new Map<number, number>()
  const superseded: Array<Superseded> = []
  let firstSuperseded = 0
  let clock = 0

  const oldest = (): number => {
    for (const version of held.keys()) return version
    return clock
  }

  const trim = () => {
    const limit = oldest()
    while (firstSuperseded < superseded.length) {
      const next = superseded[firstSuperseded] as Superseded
      if (next.by > limit) break
      let version: Version | undefined = next.node.head
      while (version !== undefined && version.commit > limit) version = version.previous
      if (version !== undefined) version.previous = undefined
      firstSuperseded++
    }
    if (firstSuperseded > 1024 && firstSuperseded * 2 > superseded.length) {
      superseded.splice(0, firstSuperseded)
      firstSuperseded = 0
    }
  }

  const lookup = (key: string, snapshot: Store.Snapshot): Option.Option<Store.Stored> => {
    let version = nodes.get(key)?.head
    while (version !== undefined && version.commit > snapshot.version) version = version.previous
    return version === undefined ? Option.none() : version.stored
  }

  const current = (key: string): Store.Stored | undefined => nodes.get(key)?.head.stored.value

  // -------------------------------------------------------------------------
  // commit
  // -------------------------------------------------------------------------

  const conflicts = (changes: Pick<Store.ChangeSet, "snapshot" | "reads" | "scans">): ReadonlyArray<ObjectId> => {
    const found = new Map<string, ObjectId>()
    for (const [key, read] of changes.reads) {
      const now = current(key)
      const same = now?._tag === "StoredObject"
        ? read.exists &&
          (read.metadata === undefined || read.metadata === now.metadataVersion) &&
          (read.state === undefined || read.state === now.stateVersion) &&
          (read.replicas === undefined || read.replicas === now.replicasVersion)
        : !read.exists
      if (!same) found.set(key, read.id)
    }
    for (const scan of changes.scans) {
      for (const [key, { head }] of nodes) {
        if (head.commit <= changes.snapshot.version) continue
        const now = head.stored.value
        const before = scan.answer.has(key)
        if (now._tag === "Tombstone") {
          if (before) found.set(key, now.id)
        } else if (now.metadataVersion > changes.snapshot.version && (before || answers(scan, now))) {
          found.set(key, now.metadata.id)
        }
      }
    }
    return [...found.values()]
  }

  const apply = (changes: Store.ChangeSet): Store.Outcome => {
    const commit = ++clock
    if (onlyStates(changes)) {
      for (const [id, state] of changes.states) {
        if (!putState(id, state, commit)) throw new Error(`commit: ${id.value} is changed, but does not exist`)
      }
      for (const [id, accepted] of changes.inputs) accept(id, accepted)
      if (listeners.size > 0 && changes.states.length > 0) announce(changes.states.map(([id]) => id))
      return { _tag: "Committed", version: commit }
    }
    const drafts = new Map<string, Draft>()
    const draft = (id: ObjectId): Draft => {
      const known = drafts.get(id.value)
      if (known !== undefined) return known
      const stored = current(id.value)
      if (stored?._tag !== "StoredObject") throw new Error(`commit: ${id.value} is changed, but does not exist`)
      const fresh: Draft = { ...stored, destroyed: false }
      drafts.set(id.value, fresh)
      return fresh
    }

    for (const { behaviour, metadata, state } of changes.creates) {
      drafts.set(metadata.id.value, {
        behaviour,
        metadata,
        state,
        replicas: noReplicas,
        metadataVersion: commit,
        stateVersion: commit,
        replicasVersion: commit,
        destroyed: false
      })
    }
    for (const [id, controller] of changes.transfers) {
      const object = draft(id)
      object.metadata = { ...object.metadata, currentController: Option.some(controller) }
      object.metadataVersion = commit
    }
    for (const [id, machine] of changes.moves) {
      const object = draft(id)
      object.metadata = { ...object.metadata, machine }
      object.metadataVersion = commit
    }
    for (const [id, state] of changes.states) {
      const object = draft(id)
      object.state = state
      object.stateVersion = commit
    }
    for (const [id, machine, replica] of changes.replicas) {
      const object = draft(id)
      object.replicas = Option.isNone(replica)
        ? without(object.replicas, machine)
        : new Map(object.replicas).set(machine, replica.value)
      object.replicasVersion = commit
    }
    for (const id of changes.destroys) draft(id).destroyed = true

    for (const [key, object] of drafts) write(key, commit, object)
    for (const [id, accepted] of changes.inputs) accept(id, accepted)
    if (listeners.size > 0 && drafts.size > 0) announce([...drafts.values()].map((object) => object.metadata.id))
    return { _tag: "Committed", version: commit }
  }

  const write = (key: string, commit: number, object: Draft) =>
    put(
      key,
      nodes.get(key),
      commit,
      object.destroyed
        ? { _tag: "Tombstone", id: object.metadata.id, version: commit }
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

  const put = (key: string, node: Node | undefined, commit: number, object: Store.Stored) => {
    const stored = some(object)
    if (node === undefined) {
      nodes.set(key, { head: { commit, stored, previous: undefined }, history: undefined })
    } else if (held.size === 0) {
      node.head = { commit, stored, previous: undefined }
    } else {
      node.head = { commit, stored, previous: node.head }
      superseded.push({ node, by: commit })
    }
  }

  /** The commonest of changes, without a draft; false if the object is not there. */
  const putState = (id: ObjectId, state: Val, commit: number): boolean => {
    const node = nodes.get(id.value)
    const known = node?.head.stored.value
    if (known === undefined || known._tag === "Tombstone") return false
    const { behaviour, metadata, metadataVersion, replicas, replicasVersion } = known
    put(
      id.value,
      node,
      commit,
      new Committed(behaviour, metadata, state, replicas, metadataVersion, commit, replicasVersion)
    )
    return true
  }

  const accept = (id: ObjectId, accepted: Store.Accepted): void => {
    const node = nodes.get(id.value)
    if (node === undefined) throw new Error(`commit: ${id.value} accepted an input, but does not exist`)
    if (node.history === undefined) node.history = [accepted]
    else node.history.push(accepted)
  }

  const announce = (ids: ReadonlyArray<ObjectId>): void => {
    for (const listener of [...listeners]) listener(ids)
  }

  const attempt = (changes: Store.ChangeSet): Store.Outcome => {
    const objects = conflicts(changes)
    return objects.length > 0 ? { _tag: "Conflicted", objects } : apply(changes)
  }

  /**
   * The enlisted STM, then the changes, in one STM that never suspends. A retry and a failure both become a retry first, on
   * which `orElse` undoes what was written so far: only then is it told which of them it was.
   */
  const together = <E>(changes: Store.ChangeSet, enlisted: STM.STM<unknown, E>): STM.STM<Store.Outcome, E> =>
    STM.suspend(() => {
      const objects = conflicts(changes)
      if (objects.length > 0) return STM.succeed<Store.Outcome>({ _tag: "Conflicted", objects })
      let failure: Option.Option<E> = Option.none()
      const all = STM.matchSTM(enlisted, {
        onFailure: (error) => {
          failure = Option.some(error)
          return STM.retry
        },
        onSuccess: () => STM.sync(() => apply(changes))
      })
      const blocked: STM.STM<Store.Outcome> = STM.succeed({ _tag: "Blocked" })
      return STM.orElse(all, () => Option.isSome(failure) ? STM.fail(failure.value) : blocked)
    })

  // -------------------------------------------------------------------------
  // service
  // -------------------------------------------------------------------------

  const take = (): Store.Snapshot => {
    held.set(clock, (held.get(clock) ?? 0) + 1)
    return { version: clock }
  }

  const release = (snapshot: Store.Snapshot): void => {
    const count = held.get(snapshot.version)
    if (count === undefined) return
    if (count > 1) held.set(snapshot.version, count - 1)
    else {
      held.delete(snapshot.version)
      trim()
    }
  }

  const service: Store.Service = {
    snapshot: Effect.sync(take),
    release: (snapshot) => Effect.sync(() => release(snapshot)),
    read: (id, snapshot) => Effect.sync(() => lookup(id.value, snapshot)),
    scan: (snapshot) =>
      Effect.sync(() => {
        const objects: Array<Store.StoredObject> = []
        for (const key of nodes.keys()) {
          const stored = Option.getOrUndefined(lookup(key, snapshot))
          if (stored?._tag === "StoredObject") objects.push(stored)
        }
        return objects
      }),
    history: (id) => Effect.sync(() => nodes.get(id.value)?.history?.slice() ?? []),
    commit: (changes, enlisted) =>
      enlisted === undefined ? Effect.sync(() => attempt(changes)) : STM.commit(together(changes, enlisted)),
    awaitConflict: (changes) =>
      Effect.async<void>((resume) => {
        if (conflicts(changes).length > 0) return resume(Effect.void)
        const listener = (ids: ReadonlyArray<ObjectId>) => {
          if (changes.scans.length === 0 && !ids.some((id) => changes.reads.has(id.value))) return
          if (conflicts(changes).length === 0) return
          listeners.delete(listener)
          resume(Effect.void)
        }
        listeners.add(listener)
        return Effect.sync(() => listeners.delete(listener))
      }),
    changes: Stream.asyncPush<ReadonlyArray<ObjectId>>((emit) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          const listener = (ids: ReadonlyArray<ObjectId>) => void emit.single(ids)
          listeners.add(listener)
          return listener
        }),
        (listener) => Effect.sync(() => listeners.delete(listener))
      )
    ),
    readFunction: (name) => Effect.sync(() => Option.fromNullable(functions.get(name))),
    writeFunction: (name, record, expected) =>
      Effect.sync(() => {
        if (functions.get(name)?.version !== Option.getOrUndefined(expected)) return false
        functions.set(name, record)
        return true
      })
  }

  const direct: DirectStore = {
    snapshot: () => Exit.succeed(take()),
    release: (snapshot) => {
      release(snapshot)
      return Exit.void
    },
    read: (id, snapshot) => Exit.succeed(lookup(id.value, snapshot)),
    commit: (changes, enlisted) =>
      enlisted === undefined ? Exit.succeed(attempt(changes)) : STM.commit(together(changes, enlisted)),
    setState: (id, state) => {
      if (!putState(id, state, clock + 1)) return Exit.succeed(false)
      clock++
      if (listeners.size > 0) announce([id])
      return Exit.succeed(true)
    },
    accept: (id, accepted) => {
      clock++
      accept(id, accepted)
      return Exit.void
    }
  }
  return withDirect(service, direct)
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const some = <A>(value: A): Option.Some<A> => Option.some(value) as Option.Some<A> // `Option.some` makes nothing else

const without = <K, V>(map: ReadonlyMap<K, V>, key: K): ReadonlyMap<K, V> => {
  const rest = new Map(map)
  rest.delete(key)
  return rest
}

const onlyStates = (changes: Store.ChangeSet): boolean =>
  changes.creates.length === 0 && changes.transfers.length === 0 && changes.moves.length === 0 &&
  changes.replicas.length === 0 && changes.destroys.length === 0

/** What a predicate that throws would have done to the scan is a change as well. */
const answers = (scan: Store.Scan, object: Store.StoredObject): boolean => {
  try {
    return scan.predicate(object.behaviour, object.metadata)
  } catch {
    return true
  }
}
