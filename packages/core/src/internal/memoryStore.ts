/**
 * The memory layer of `ObjectStore`: a plain `Map` from ids to a short chain of versions each, a commit clock, and the
 * snapshots that are held.
 *
 * A commit is one synchronous step: validate everything, then write. Inside an STM transaction it is the last operation,
 * so that an enlisted STM that fails or retries leaves nothing behind. A version lives until it is superseded and no held
 * snapshot can see it: without snapshots no chain is longer than one.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as STM from "effect/STM"
import * as Stream from "effect/Stream"
import type { MachineId } from "../MachineId.js"
import { noChanges as noMessages, type Service as MailboxesService } from "../Mailboxes.js"
import type { ObjectId } from "../ObjectId.js"
import type { ObjectMeta } from "../ObjectMeta.js"
import type * as Store from "../ObjectStore.js"
import type { Val } from "../Val.js"
import { withDirect } from "./direct.js"
import { Held } from "./held.js"
import { Log, nowhere } from "./memoryLog.js"
import * as memoryMailboxes from "./memoryMailboxes.js"
import type { DirectStore } from "./storeSteps.js"
import { later } from "./sync.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/** A committed object, or what one has left; with the number of the commit that wrote it. All have one shape. */
class Version implements Store.StoredObject {
  readonly _tag = "StoredObject"
  /** What it superseded, for as long as a held snapshot may see that. */
  previous: Superseding | undefined
  constructor(
    readonly behaviour: string,
    readonly metadata: ObjectMeta,
    readonly state: Val,
    readonly replicas: ReadonlyMap<MachineId, Store.Replica>,
    readonly metadataVersion: number,
    readonly stateVersion: number,
    readonly replicasVersion: number
  ) {}
  get commit(): number {
    const { metadataVersion, replicasVersion, stateVersion } = this
    const newer = metadataVersion > stateVersion ? metadataVersion : stateVersion
    return newer > replicasVersion ? newer : replicasVersion
  }
}

class Gone implements Store.Tombstone {
  readonly _tag = "Tombstone"
  previous: Superseding | undefined
  constructor(readonly id: ObjectId, readonly version: number) {}
  get commit(): number {
    return this.version
  }
}

type Superseding = Version | Gone

interface Node {
  head: Superseding
  /** The place of the message it has accepted last. */
  accepted: number
}

/** A version that was superseded by commit `by`, and can go when no snapshot is older than that. */
interface Superseded {
  readonly node: Node
  readonly by: number
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

// ---------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------

export const make = (): { readonly store: Store.Service; readonly mailboxes: MailboxesService } => {
  const mail = memoryMailboxes.make()
  const nodes = new Map<string, Node>()
  const log = new Log()
  const functions = new Map<string, Store.FunctionRecord>()
  const listeners = new Set<(ids: ReadonlyArray<ObjectId>) => void>()
  const held = new Held()
  const superseded: Array<Superseded> = []
  let firstSuperseded = 0
  let clock = 0

  const trim = () => {
    const limit = held.oldest ?? clock
    while (firstSuperseded < superseded.length) {
      const next = superseded[firstSuperseded] as Superseded
      if (next.by > limit) break
      let version: Superseding | undefined = next.node.head
      while (version !== undefined && version.commit > limit) version = version.previous
      if (version !== undefined) version.previous = undefined
      firstSuperseded++
    }
    if (firstSuperseded > 1024 && firstSuperseded * 2 > superseded.length) {
      superseded.splice(0, firstSuperseded)
      firstSuperseded = 0
    }
  }

  const lookup = (key: string, snapshot: Store.Snapshot): Store.Stored | undefined => {
    let version = nodes.get(key)?.head
    while (version !== undefined && version.commit > snapshot.version) version = version.previous
    return version
  }

  const current = (key: string): Store.Stored | undefined => nodes.get(key)?.head

  // -------------------------------------------------------------------------
  // commit
  // -------------------------------------------------------------------------

  const conflicts = (changes: Pick<Store.ChangeSet, "snapshot" | "reads" | "scans">): ReadonlyArray<ObjectId> => {
    let found: Map<string, ObjectId> | undefined
    const find = (key: string, id: ObjectId): void => void (found ??= new Map()).set(key, id)
    for (const [key, read] of changes.reads) {
      const now = current(key)
      const same = now?._tag === "StoredObject"
        ? read.exists &&
          (read.metadata === undefined || read.metadata === now.metadataVersion) &&
          (read.state === undefined || read.state === now.stateVersion) &&
          (read.replicas === undefined || read.replicas === now.replicasVersion)
        : !read.exists
      if (!same) find(key, read.id)
    }
    for (const scan of changes.scans) {
      for (const [key, { head }] of nodes) {
        if (head.commit <= changes.snapshot.version) continue
        const now: Store.Stored = head
        const before = scan.answer.has(key)
        if (now._tag === "Tombstone") {
          if (before) find(key, now.id)
        } else if (now.metadataVersion > changes.snapshot.version && (before || answers(scan, now))) {
          find(key, now.metadata.id)
        }
      }
    }
    return found === undefined ? nothing : [...found.values()]
  }

  const allConflicts = (changes: Pick<Store.ChangeSet, "snapshot" | "reads" | "scans" | "messages">) => {
    const objects = conflicts(changes)
    if (changes.messages === noMessages) return objects
    const mailboxes = mail.conflicts(changes.messages)
    if (objects.length === 0) return mailboxes
    // One that is changed, and whose mailbox is, counts once.
    const known = new Set(objects.map((id) => id.value))
    return [...objects, ...mailboxes.filter((id) => !known.has(id.value))]
  }

  const apply = (changes: Store.ChangeSet): Store.Outcome => {
    const commit = ++clock
    const outcome = applyToObjects(changes, commit)
    if (changes.messages !== noMessages) mail.apply(changes.messages, commit)
    return outcome
  }

  const applyToObjects = (changes: Store.ChangeSet, commit: number): Store.Outcome => {
    if (onlyStates(changes)) {
      for (const [id, state] of changes.states) {
        if (!putState(id, state, commit)) throw new Error(`commit: ${id.value} is changed, but does not exist`)
      }
      for (const [id, { answers, input, sender }] of changes.inputs) accept(id, input, sender, answers)
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
    for (const [id, { answers, input, sender }] of changes.inputs) accept(id, input, sender, answers)
    if (listeners.size > 0 && drafts.size > 0) announce([...drafts.values()].map((object) => object.metadata.id))
    return { _tag: "Committed", version: commit }
  }

  const write = (key: string, commit: number, object: Draft) =>
    put(
      key,
      nodes.get(key),
      commit,
      object.destroyed
        ? new Gone(object.metadata.id, commit)
        : new Version(
          object.behaviour,
          object.metadata,
          object.state,
          object.replicas,
          object.metadataVersion,
          object.stateVersion,
          object.replicasVersion
        )
    )

  const put = (key: string, node: Node | undefined, commit: number, version: Superseding) => {
    if (node === undefined) {
      nodes.set(key, { head: version, accepted: nowhere })
      return
    }
    if (!held.isEmpty) {
      version.previous = node.head
      superseded.push({ node, by: commit })
    }
    node.head = version
  }

  /** The commonest of changes, without a draft; false if the object is not there. */
  const putState = (id: ObjectId, state: Val, commit: number): boolean => {
    const node = nodes.get(id.value)
    const known = node?.head
    if (known === undefined || known._tag === "Tombstone") return false
    const { behaviour, metadata, metadataVersion, replicas, replicasVersion } = known
    put(
      id.value,
      node,
      commit,
      new Version(behaviour, metadata, state, replicas, metadataVersion, commit, replicasVersion)
    )
    return true
  }

  const accept: DirectStore["accept"] = (id, input, sender, answers) => {
    const node = nodes.get(id.value)
    if (node === undefined) throw new Error(`commit: ${id.value} accepted an input, but does not exist`)
    node.accepted = log.push(node.accepted, input, sender, answers)
  }

  const announce = (ids: ReadonlyArray<ObjectId>): void => {
    for (const listener of [...listeners]) listener(ids)
  }

  const attempt = (changes: Store.ChangeSet): Store.Outcome => {
    const objects = allConflicts(changes)
    return objects.length > 0 ? { _tag: "Conflicted", objects } : apply(changes)
  }

  /**
   * The enlisted STM, then the changes, in one STM that never suspends. A retry and a failure both become a retry first, on
   * which `orElse` undoes what was written so far: only then is it told which of them it was.
   */
  const together = <E>(changes: Store.ChangeSet, enlisted: STM.STM<unknown, E>): STM.STM<Store.Outcome, E> =>
    STM.suspend(() => {
      const objects = allConflicts(changes)
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
    held.take(clock)
    return { version: clock }
  }

  const release = (snapshot: Store.Snapshot): void => {
    if (held.release(snapshot.version)) trim()
  }

  const untilConflict = (changes: Pick<Store.ChangeSet, "snapshot" | "reads" | "scans">): Effect.Effect<void> =>
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
    })

  const service: Store.Service = {
    snapshot: Effect.sync(take),
    release: (snapshot) => Effect.sync(() => release(snapshot)),
    read: (id, snapshot) => Effect.sync(() => Option.fromNullable(lookup(id.value, snapshot))),
    scan: (snapshot) =>
      Effect.sync(() => {
        const objects: Array<Store.StoredObject> = []
        for (const key of nodes.keys()) {
          const stored = lookup(key, snapshot)
          if (stored?._tag === "StoredObject") objects.push(stored)
        }
        return objects
      }),
    history: (id) => Effect.sync(() => log.history(nodes.get(id.value)?.accepted ?? nowhere)),
    commit: (changes, enlisted) =>
      enlisted === undefined ? Effect.sync(() => attempt(changes)) : STM.commit(together(changes, enlisted)),
    awaitConflict: (changes) =>
      changes.messages === noMessages
        ? untilConflict(changes)
        : Effect.raceFirst(untilConflict(changes), mail.untilConflict(changes.messages)),
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
    snapshot: take,
    release,
    read: (id, snapshot) => lookup(id.value, snapshot),
    commit: (changes, enlisted) =>
      enlisted === undefined ? attempt(changes) : later(STM.commit(together(changes, enlisted))),
    commitLast: (changes) => {
      const objects = allConflicts(changes)
      if (objects.length > 0) return { _tag: "Conflicted", objects }
      // First, so that no version is kept for a snapshot that is on its way out.
      release(changes.snapshot)
      return apply(changes)
    },
    create: ({ behaviour, metadata, state }) => {
      const commit = ++clock
      const { id } = metadata
      const version = new Version(behaviour, metadata, state, noReplicas, commit, commit, commit)
      put(id.value, nodes.get(id.value), commit, version)
      if (listeners.size > 0) announce([id])
    },
    setState: (id, state) => {
      if (!putState(id, state, clock + 1)) return false
      clock++
      if (listeners.size > 0) announce([id])
      return true
    },
    accept: (id, input, sender, answers) => {
      clock++
      return accept(id, input, sender, answers)
    }
  }
  return { store: withDirect(service, direct), mailboxes: mail.service }
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const nothing: ReadonlyArray<ObjectId> = []

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
