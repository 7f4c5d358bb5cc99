/**
 * An open transaction: what it has read of its snapshot, and what it will change. Reads look here first, then in the
 * snapshot; nothing of it is seen by others before the commit.
 */
import type { RuntimeFiber } from "effect/Fiber"
import * as Option from "effect/Option"
import type * as STM from "effect/STM"
import type { ControllerId } from "../ControllerId.js"
import type { MachineId } from "../MachineId.js"
import type { ObjectId } from "../ObjectId.js"
import type { ObjectMeta } from "../ObjectMeta.js"
import type * as Store from "../ObjectStore.js"
import type { TxId } from "../TxId.js"
import type { BeginOptions } from "../TxPlace.js"
import type { Val } from "../Val.js"
import type { Cell, Frame } from "./frame.js"
import type { Ticket } from "./privilege.js"
import type { Waiting } from "./waiting.js"

/** The part of an object that was looked at. */
export type Part = "metadata" | "state" | "replicas"

interface Seen {
  readonly id: ObjectId
  readonly stored: Store.StoredObject | undefined
  exists: boolean
  metadata?: number
  state?: number
  replicas?: number
  /** False while nothing but its existence was asked for, as `setState` does. */
  observed: boolean
}

type Replicas = Store.StoredObject["replicas"]

interface PendingReplica {
  readonly id: ObjectId
  readonly machine: MachineId
  readonly replica: Option.Option<Store.Replica>
}

export class Transaction {
  status: "open" | "committed" | "aborted" = "open"
  /** The state of the root frame, if it was set in here (A11). */
  rootState: Option.Option<Val> = Option.none()
  /** Whether anything was done that is validated at commit (A17). */
  changed = false

  readonly creates = new Map<string, Store.Creation>()
  readonly destroys = new Map<string, ObjectId>()
  readonly transfers = new Map<string, readonly [ObjectId, ControllerId]>()
  readonly moves = new Map<string, readonly [ObjectId, MachineId]>()
  readonly states = new Map<string, readonly [ObjectId, Val]>()
  readonly inputs: Array<readonly [ObjectId, Store.Accepted]> = []
  readonly scans: Array<Store.Scan> = []
  private readonly seen = new Map<string, Seen>()
  private readonly replicas = new Map<string, Map<MachineId, PendingReplica>>()
  private readonly scanned = new Map<string, ObjectId>()

  /** Who has finished it; the program itself does so at its end. */
  closedBy: Cell | "program" | undefined
  /** What the application's own memory does at commit. */
  enlisted: STM.STM<unknown, unknown> | undefined
  /** Set by `Tx.retry`: this attempt cannot be committed any more. */
  waiting: Waiting | undefined
  /** The fibers that have forked others in here (A38). */
  readonly forking = new Set<RuntimeFiber<unknown, unknown>>()

  constructor(
    readonly id: TxId,
    readonly snapshot: Store.Snapshot,
    /** None while it is deferred. */
    public controller: Option.Option<ControllerId>,
    /** Where it was begun. */
    readonly cell: Cell,
    readonly options: BeginOptions,
    /** The privilege, if it was asked for. */
    readonly ticket: Ticket | undefined
  ) {
    this.owner = cell.frame
  }

  /** The frame that began it, and alone may finish it (D15). */
  readonly owner: Frame

  /** What `Tx.retry` waits for (A40). */
  get reads(): Pick<Store.ChangeSet, "snapshot" | "reads" | "scans"> {
    return { snapshot: this.snapshot, reads: this.seen, scans: this.scans }
  }

  // -------------------------------------------------------------------------
  // reading
  // -------------------------------------------------------------------------

  /** What was read of an object before, if anything was. */
  known(id: ObjectId): { readonly stored: Store.StoredObject | undefined } | undefined {
    return this.seen.get(id.value)
  }

  /** Enters what the snapshot shows of an object. Another fiber of the transaction may have done so meanwhile. */
  learn(id: ObjectId, stored: Option.Option<Store.Stored>): void {
    if (this.seen.has(id.value)) return
    const object = Option.isSome(stored) && stored.value._tag === "StoredObject" ? stored.value : undefined
    this.seen.set(id.value, { id, stored: object, exists: object !== undefined, observed: false })
  }

  /** Enters that a part of an object learnt of was looked at. */
  observe(id: ObjectId, part: Part): void {
    const seen = this.seen.get(id.value)
    if (seen === undefined) return
    seen.observed = true
    if (seen.stored === undefined) return
    switch (part) {
      case "metadata":
        seen.metadata = seen.stored.metadataVersion
        break
      case "state":
        seen.state = seen.stored.stateVersion
        break
      case "replicas":
        seen.replicas = seen.stored.replicasVersion
        break
    }
  }

  scan(scan: Store.Scan, looked: Iterable<ObjectId>): void {
    this.scans.push(scan)
    for (const id of looked) this.scanned.set(id.value, id)
  }

  /** The committed or missing objects that were read (A15). */
  get observed(): ReadonlyArray<ObjectId> {
    const ids = new Map(this.scanned)
    for (const [key, seen] of this.seen) if (seen.observed) ids.set(key, seen.id)
    return [...ids.values()]
  }

  // -------------------------------------------------------------------------
  // what is pending
  // -------------------------------------------------------------------------

  /** Metadata with the pending transfer and move in it (A2). */
  view(metadata: ObjectMeta): ObjectMeta {
    const transfer = this.transfers.get(metadata.id.value)
    const move = this.moves.get(metadata.id.value)
    if (transfer === undefined && move === undefined) return metadata
    return {
      ...metadata,
      machine: move === undefined ? metadata.machine : move[1],
      currentController: transfer === undefined ? metadata.currentController : Option.some(transfer[1])
    }
  }

  replica(id: ObjectId, machine: MachineId, committed: Replicas): Option.Option<Store.Replica> {
    const pending = this.replicas.get(id.value)?.get(machine)
    return pending === undefined ? Option.fromNullable(committed.get(machine)) : pending.replica
  }

  /** The replicas there will be, by name of machine (A26). */
  replicasOf(id: ObjectId, committed: Replicas): ReadonlyArray<readonly [MachineId, Store.Replica]> {
    const all = new Map(committed)
    for (const { machine, replica } of this.replicas.get(id.value)?.values() ?? []) {
      if (Option.isSome(replica)) all.set(machine, replica.value)
      else all.delete(machine)
    }
    return [...all].sort(([a], [b]) => a < b ? -1 : 1)
  }

  setReplica(id: ObjectId, machine: MachineId, replica: Option.Option<Store.Replica>): void {
    let pending = this.replicas.get(id.value)
    if (pending === undefined) this.replicas.set(id.value, pending = new Map())
    pending.set(machine, { id, machine, replica })
  }

  // -------------------------------------------------------------------------
  // commit
  // -------------------------------------------------------------------------

  /**
   * What the store is asked to apply. A pending creation that was destroyed never comes to be; one without a controller
   * gets `controller` (D1).
   */
  changeSet(controller: Option.Option<ControllerId>): Store.ChangeSet {
    const gone = (id: ObjectId) => this.creates.has(id.value) && this.destroys.has(id.value)
    const here = <A extends readonly [ObjectId, ...ReadonlyArray<unknown>]>(changes: Iterable<A>): ReadonlyArray<A> =>
      [...changes].filter(([id]) => !gone(id))
    return {
      snapshot: this.snapshot,
      reads: this.seen,
      scans: this.scans,
      creates: [...this.creates.values()].filter(({ metadata }) => !gone(metadata.id)).map((creation) =>
        Option.isSome(creation.metadata.creatingController) ? creation : {
          ...creation,
          metadata: { ...creation.metadata, creatingController: controller, currentController: controller }
        }
      ),
      transfers: here(this.transfers.values()),
      moves: here(this.moves.values()),
      inputs: here(this.inputs),
      states: here(this.states.values()),
      replicas: here(
        [...this.replicas.values()].flatMap((pending) => [...pending.values()]).map(({ id, machine, replica }) =>
          [id, machine, replica] as const
        )
      ),
      destroys: [...this.destroys.values()].filter((id) => !gone(id))
    }
  }
}
