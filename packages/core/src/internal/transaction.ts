/**
 * An open transaction: what it has read of its snapshot, and what it will change. Reads look here first, then in the
 * snapshot; nothing of it is seen by others before the commit.
 */
import type { RuntimeFiber } from "effect/Fiber"
import * as Option from "effect/Option"
import type * as STM from "effect/STM"
import type { ControllerId } from "../ControllerId.js"
import type { MachineId } from "../MachineId.js"
import { noChanges as noMessages } from "../Mailboxes.js"
import type { ObjectId } from "../ObjectId.js"
import type { ObjectMeta } from "../ObjectMeta.js"
import type * as Store from "../ObjectStore.js"
import type { TxId } from "../TxId.js"
import type { BeginOptions } from "../TxPlace.js"
import type { Val } from "../Val.js"
import { type Choices, nothingChosen, type Saved as SavedChoices } from "./choices.js"
import type { Cell, Frame } from "./frame.js"
import { nothingDone, PendingMessages, type Saved as SavedMessages } from "./pendingMessages.js"
import type { Ticket } from "./privilege.js"
import type { Step } from "./sync.js"
import type * as Variables from "./variables.js"
import type { Waiting } from "./waiting.js"

/** The part of an object that was looked at. */
export type Part = "metadata" | "state" | "replicas"

/** What was read of an object, and of which versions; and the state that was set. */
export class Seen implements Store.Read {
  metadata: number | undefined = undefined
  state: number | undefined = undefined
  replicas: number | undefined = undefined
  readonly exists: boolean
  /** False while nothing but its existence was asked for, as `setState` does. */
  observed = false
  /** None while it was not set. */
  pending: Val | undefined = undefined

  constructor(
    readonly tx: Transaction,
    readonly id: ObjectId,
    readonly stored: Store.StoredObject | undefined
  ) {
    this.exists = stored !== undefined
  }

  /** Enters that a part of it was looked at; answers the object. */
  observe(part: Part | "existence"): Store.StoredObject | undefined {
    const { stored } = this
    if (part === "existence") return stored
    this.observed = true
    if (stored === undefined) return undefined
    switch (part) {
      case "metadata":
        this.metadata = stored.metadataVersion
        break
      case "state":
        this.state = stored.stateVersion
        break
      case "replicas":
        this.replicas = stored.replicasVersion
        break
    }
    return stored
  }
}

type Replicas = Store.StoredObject["replicas"]

/** A search within one transaction: goes back to a place in it, and from there another way. */
export interface Search {
  /** What belongs in the trace, once it is clear which way is taken. */
  readonly entries: Array<() => Step<void>>
  /** What to do about a choice point: `FD.label` and `Nondet.choose` ask. */
  readonly label: ((variables: Variables.Overlay, id: string) => number | undefined) | undefined
  /** Before a choice is made, so that another one can be made there. */
  readonly choosing: (() => void) | undefined
}

export interface Saved {
  readonly pending: ReadonlyMap<Seen, Val>
  readonly rootState: Option.Option<Val>
  readonly changed: boolean
  readonly controller: Option.Option<ControllerId>
  readonly creates: Pending<Store.Creation>
  readonly destroys: Pending<ObjectId>
  readonly transfers: Pending<readonly [ObjectId, ControllerId]>
  readonly moves: Pending<readonly [ObjectId, MachineId]>
  readonly states: Pending<readonly [ObjectId, Val]>
  readonly replicas: Pending<ReadonlyMap<MachineId, PendingReplica>>
  readonly inputs: number
  readonly enlisted: STM.STM<unknown, unknown> | undefined
  readonly waiting: Waiting | undefined
  readonly entries: number
  readonly messages: SavedMessages | undefined
  readonly variables: Variables.Saved | undefined
  readonly choices: SavedChoices | undefined
  readonly recorded: number | undefined
}

interface PendingReplica {
  readonly id: ObjectId
  readonly machine: MachineId
  readonly replica: Option.Option<Store.Replica>
}

export class Transaction {
  /** Those of its program that are open as well, and were begun before it and after it. */
  before: Transaction | undefined = undefined
  after: Transaction | undefined = undefined
  status: "open" | "committed" | "aborted" = "open"
  /** The state of the root frame, if it was set in here (A11). */
  rootState: Option.Option<Val> = Option.none()
  /** Whether anything was done that is validated at commit (A17). */
  changed = false

  creates: Pending<Store.Creation> = nothing
  destroys: Pending<ObjectId> = nothing
  transfers: Pending<readonly [ObjectId, ControllerId]> = nothing
  moves: Pending<readonly [ObjectId, MachineId]> = nothing
  /** Of what was created in here; of other objects, what was seen of them has it. */
  private states: Pending<readonly [ObjectId, Val]> = nothing
  readonly inputs: Array<readonly [ObjectId, Store.Accepted]> = []
  readonly scans: Array<Store.Scan> = []
  private readonly seen = new Map<string, Seen>()
  private replicas: Pending<ReadonlyMap<MachineId, PendingReplica>> = nothing
  private scanned: Pending<ObjectId> = nothing

  /** What it does to messages, if anything. */
  private pendingMessages: PendingMessages | undefined
  /** The object whose turn it is, if that has no controller: then it is locked to none (A43). */
  orphan: ObjectId | undefined

  /** Who has finished it; the program itself does so at its end. */
  closedBy: Cell | "program" | undefined = undefined
  /** Whether it was handed to the store to be committed: nobody aborts it then. */
  decidedByStore = false
  /** Told when it is over: the end of its program, where that waits for the store. */
  onClose: (() => void) | undefined = undefined
  /** What the application's own memory does at commit. */
  enlisted: STM.STM<unknown, unknown> | undefined = undefined
  /** Set by `Tx.retry`: this attempt cannot be committed any more. */
  waiting: Waiting | undefined = undefined
  /** What is said of variables in here, if anything is (D14). */
  variables: Variables.Overlay | undefined = undefined
  /** What is chosen and required in here, if anything is (D29). */
  choices: Choices | undefined = undefined
  /** Set by a bracket that goes on to try other choices: nothing is given up with this transaction (D28). */
  undecided = false
  /** The search that it is for, if any. */
  search: Search | undefined = undefined
  /** The fibers that have forked others in here (A38). */
  forking: ReadonlySet<RuntimeFiber<unknown, unknown>> = nobody

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
    this.begun = this.owner.record?.settled
  }

  /** The frame that began it, and alone may finish it (D15). */
  readonly owner: Frame
  /** Where that is recorded: how much was, when it was begun. */
  readonly begun: number | undefined

  /** What `Tx.retry` waits for (A40). */
  get reads(): Pick<Store.ChangeSet, "snapshot" | "reads" | "scans" | "messages"> {
    const messages = this.pendingMessages?.reads ?? noMessages
    return { snapshot: this.snapshot, reads: this.seen, scans: this.scans, messages }
  }

  get messages(): PendingMessages {
    return this.pendingMessages ??= new PendingMessages()
  }

  // -------------------------------------------------------------------------
  // reading
  // -------------------------------------------------------------------------

  /** What was read of an object before, if anything was. */
  known(id: ObjectId): Seen | undefined {
    return this.seen.get(id.value)
  }

  /** Enters what the snapshot shows of an object. Another fiber of the transaction may have done so meanwhile. */
  learn(id: ObjectId, stored: Store.Stored | undefined): Seen {
    let seen = this.seen.get(id.value)
    if (seen === undefined) {
      seen = new Seen(this, id, stored?._tag === "StoredObject" ? stored : undefined)
      this.seen.set(id.value, seen)
    }
    return seen
  }

  scan(scan: Store.Scan, looked: Iterable<ObjectId>): void {
    this.scans.push(scan)
    for (const id of looked) this.scanned = put(this.scanned, id, id)
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

  /** The state that was set. */
  stateOf(id: ObjectId): Val | undefined {
    return this.seen.get(id.value)?.pending ?? this.states.get(id.value)?.[1]
  }

  get written(): ReadonlyArray<readonly [ObjectId, Val]> {
    const written: Array<readonly [ObjectId, Val]> = []
    for (const { id, pending } of this.seen.values()) if (pending !== undefined) written.push([id, pending])
    return this.states.size === 0 ? written : [...written, ...this.states.values()]
  }

  /** Metadata with the pending transfer and move in it (A2). */
  view(metadata: ObjectMeta): ObjectMeta {
    if (this.transfers.size === 0 && this.moves.size === 0) return metadata
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

  // -------------------------------------------------------------------------
  // changing
  // -------------------------------------------------------------------------

  create(creation: Store.Creation): void {
    this.changed = true
    this.creates = put(this.creates, creation.metadata.id, creation)
  }

  destroy(id: ObjectId): void {
    this.changed = true
    this.destroys = put(this.destroys, id, id)
  }

  transfer(id: ObjectId, to: ControllerId): void {
    this.changed = true
    this.transfers = put(this.transfers, id, [id, to])
  }

  move(id: ObjectId, to: MachineId): void {
    this.changed = true
    this.moves = put(this.moves, id, [id, to])
  }

  setState(id: ObjectId, state: Val): void {
    this.changed = true
    const seen = this.seen.get(id.value)
    if (seen?.stored !== undefined) seen.pending = state
    else this.states = put(this.states, id, [id, state])
  }

  setReplica(id: ObjectId, machine: MachineId, replica: Option.Option<Store.Replica>): void {
    this.changed = true
    const pending = new Map(this.replicas.get(id.value))
    this.replicas = put(this.replicas, id, pending.set(machine, { id, machine, replica }))
  }

  forked(fiber: RuntimeFiber<unknown, unknown>): void {
    this.forking = new Set(this.forking).add(fiber)
  }

  // -------------------------------------------------------------------------
  // going back
  // -------------------------------------------------------------------------

  /** A place to go back to. What was read stays read: it decided which way was taken. */
  save(): Saved {
    const pending = new Map<Seen, Val>()
    for (const seen of this.seen.values()) if (seen.pending !== undefined) pending.set(seen, seen.pending)
    return {
      pending,
      rootState: this.rootState,
      changed: this.changed,
      controller: this.controller,
      creates: copied(this.creates),
      destroys: copied(this.destroys),
      transfers: copied(this.transfers),
      moves: copied(this.moves),
      states: copied(this.states),
      replicas: copied(this.replicas),
      inputs: this.inputs.length,
      enlisted: this.enlisted,
      waiting: this.waiting,
      entries: this.search?.entries.length ?? 0,
      messages: this.pendingMessages?.save(),
      variables: this.variables?.save(),
      choices: this.choices?.save(),
      recorded: this.owner.record?.settled
    }
  }

  /** Undoes what was done since. The place is gone afterwards, and so are those after it. */
  restore(saved: Saved): void {
    for (const seen of this.seen.values()) seen.pending = saved.pending.get(seen)
    this.rootState = saved.rootState
    this.changed = saved.changed
    this.controller = saved.controller
    this.creates = saved.creates
    this.destroys = saved.destroys
    this.transfers = saved.transfers
    this.moves = saved.moves
    this.states = saved.states
    this.replicas = saved.replicas
    this.inputs.length = saved.inputs
    this.enlisted = saved.enlisted
    this.waiting = saved.waiting
    if (this.search !== undefined) this.search.entries.length = saved.entries
    this.pendingMessages?.restore(saved.messages ?? nothingDone)
    this.variables?.restore(saved.variables)
    if (saved.choices !== undefined) this.choices?.restore(saved.choices)
    else this.choices?.restore(nothingChosen)
    if (saved.recorded !== undefined) this.owner.record?.forget(saved.recorded)
  }

  // -------------------------------------------------------------------------
  // commit
  // -------------------------------------------------------------------------

  /**
   * What the store is asked to apply. A pending creation that was destroyed never comes to be; one without a controller
   * gets `controller` (D1).
   */
  changeSet(controller: Option.Option<ControllerId>): Store.ChangeSet {
    const { inputs, written: states } = this
    const messages = this.pendingMessages ?? noMessages
    if (this.creates.size + this.destroys.size + this.transfers.size + this.moves.size + this.replicas.size === 0) {
      return new States(this.snapshot, this.seen, this.scans, inputs, states, messages)
    }
    const neverCame = this.creates.size > 0 && this.destroys.size > 0
    const gone = (id: ObjectId) => neverCame && this.creates.has(id.value) && this.destroys.has(id.value)
    const here = <A extends readonly [ObjectId, ...ReadonlyArray<unknown>]>(changes: ReadonlyArray<A>) =>
      neverCame ? changes.filter(([id]) => !gone(id)) : changes
    const creates = list(this.creates).map((creation) =>
      Option.isSome(creation.metadata.creatingController) ? creation : {
        ...creation,
        metadata: { ...creation.metadata, creatingController: controller, currentController: controller }
      }
    )
    const replicas = list(this.replicas).flatMap((pending) =>
      [...pending.values()].map(({ id, machine, replica }) => [id, machine, replica] as const)
    )
    return {
      snapshot: this.snapshot,
      reads: this.seen,
      scans: this.scans,
      creates: creates.filter(({ metadata }) => !gone(metadata.id)),
      transfers: here(list(this.transfers)),
      moves: here(list(this.moves)),
      inputs: here(inputs),
      states: here(states),
      replicas: here(replicas),
      destroys: list(this.destroys).filter((id) => !gone(id)),
      messages
    }
  }
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

/** What is pending, under the text of the id. Most kinds stay empty in most transactions, and then share one map. */
type Pending<A> = ReadonlyMap<string, A>

const nothing: ReadonlyMap<string, never> = new Map<string, never>()

const nobody: ReadonlySet<never> = new Set<never>()

const put = <A>(pending: Pending<A>, id: ObjectId, value: A): Pending<A> => {
  // A map that is not the shared one belongs to its transaction alone.
  const own = pending === nothing ? new Map<string, A>() : pending as Map<string, A>
  return own.set(id.value, value)
}

/** As it is now: a map of its own goes on to be changed. */
const copied = <A>(pending: Pending<A>): Pending<A> => pending === nothing ? nothing : new Map(pending)

/** The commonest of change sets. An instance, since it refers to all that was seen (decision 0030). */
class States implements Store.ChangeSet {
  readonly creates = none
  readonly transfers = none
  readonly moves = none
  readonly replicas = none
  readonly destroys = none
  constructor(
    readonly snapshot: Store.Snapshot,
    readonly reads: Store.ChangeSet["reads"],
    readonly scans: Store.ChangeSet["scans"],
    readonly inputs: Store.ChangeSet["inputs"],
    readonly states: Store.ChangeSet["states"],
    readonly messages: Store.ChangeSet["messages"]
  ) {}
}

const none: ReadonlyArray<never> = []

const list = <A>(pending: Pending<A>): ReadonlyArray<A> => pending.size === 0 ? none : [...pending.values()]
