/**
 * The statements of the store, prepared once: one object, what it accepted, what a commit writes.
 */
import { MachineId, type ObjectStore, Val } from "@effect-avm/core"
import * as Chunk from "effect/Chunk"
import type { Connection, Row } from "../Driver.js"
import { type Entry, Part } from "./cache.js"
import {
  answersOf,
  controllerText,
  objectColumns,
  type ObjectRow,
  senderOf,
  toAccepted,
  toObjectRow,
  toVal,
  unreadable,
  whileReading,
  withoutState
} from "./codec.js"
import * as mailRows from "./mailRows.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * What a commit writes besides the objects that it changes; in the order of the commits. Another kind of content is
 * another kind of change here, and a table.
 */
export type Change =
  | {
    readonly _tag: "ReplicaChanged"
    readonly ordinal: number
    readonly machine: MachineId.MachineId
    readonly before: ObjectStore.Replica | undefined
    readonly replica: ObjectStore.Replica
  }
  | { readonly _tag: "ReplicaGone"; readonly ordinal: number; readonly machine: MachineId.MachineId }
  | mailRows.MailChange

/** A new entry of the history of an object. */
export interface Accepted {
  readonly entry: Entry
  readonly version: number
  readonly accepted: ObjectStore.Accepted
}

export interface Rows {
  readonly begin: () => void
  readonly commit: () => void
  readonly rollback: () => void
  readonly inTransaction: () => boolean

  readonly clock: () => number
  readonly setClock: (version: number) => void
  readonly lastOrdinal: () => number
  /** The newest entry of all histories. */
  readonly lastAccepted: () => number

  readonly object: (id: string) => (ObjectRow & { readonly value: ObjectStore.Stored }) | undefined
  /** In order of creation, those after `ordinal`; at most `pageSize`. */
  readonly page: (ordinal: number) => ReadonlyArray<Row>
  readonly found: (row: Row) => ObjectStore.Stored
  readonly changedSince: (version: number) => ReadonlyArray<string>
  readonly history: (id: string) => ReadonlyArray<ObjectStore.Accepted>

  /** What was changed of the object, as its newest version has it, and the newest entry of its history. */
  readonly writeObject: (entry: Entry, accepted: number | null) => void
  readonly writeChange: (change: Change) => void
  /** An entry of a history under its number, with the one before it. */
  readonly writeAccepted: (change: Accepted, number: number, previous: number | null) => void

  /** All messages, promises, outputs and dead letters. */
  readonly mail: () => mailRows.Contents

  readonly functionNamed: (name: string) => ObjectStore.FunctionRecord | undefined
  readonly writeFunction: (name: string, record: ObjectStore.FunctionRecord) => void
}

export const pageSize = 1000

// ---------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------

export const make = (connection: Connection): Rows => ({
  ...transactions(connection),
  ...reading(connection),
  ...writing(connection),
  ...functions(connection)
})

const transactions = (connection: Connection) => {
  const begin = connection.prepare("BEGIN IMMEDIATE")
  const commit = connection.prepare("COMMIT")
  const rollback = connection.prepare("ROLLBACK")
  const clock = connection.prepare("SELECT version FROM clock")
  const setClock = connection.prepare("UPDATE clock SET version = ? WHERE one = 1")
  const lastOrdinal = connection.prepare("SELECT max(ordinal) FROM objects")
  const lastAccepted = connection.prepare("SELECT max(entry) FROM history")
  return {
    begin: () => begin.run(),
    commit: () => commit.run(),
    rollback: () => rollback.run(),
    inTransaction: () => connection.inTransaction(),
    clock: () => Number(clock.get()?.[0] ?? 0),
    setClock: (version: number) => setClock.run(version),
    lastOrdinal: () => Number(lastOrdinal.get()?.[0] ?? 0),
    lastAccepted: () => Number(lastAccepted.get()?.[0] ?? 0)
  }
}

// ---------------------------------------------------------------------------
// reading
// ---------------------------------------------------------------------------

export const reading = (connection: Connection) => {
  const object = connection.prepare(`SELECT ${objectColumns} FROM objects WHERE id = ?`)
  const page = connection.prepare(
    `SELECT ${objectColumns} FROM objects WHERE ordinal > ? ORDER BY ordinal LIMIT ${pageSize}`
  )
  const replicas = connection.prepare("SELECT machine, state FROM replicas WHERE object = ?")
  const replicaHistory = connection.prepare(
    "SELECT sender, input, answers FROM replica_history WHERE object = ? AND machine = ? ORDER BY position"
  )
  const newest = connection.prepare("SELECT ordinal, accepted FROM objects WHERE id = ?")
  const entry = connection.prepare("SELECT object, previous, sender, input, answers FROM history WHERE entry = ?")
  const changedSince = connection.prepare(
    "SELECT id FROM objects WHERE metadata_version > ? OR destroyed > ? ORDER BY ordinal"
  )

  const replicasOf = ({ id, ordinal }: ObjectRow): ReadonlyMap<MachineId.MachineId, ObjectStore.Replica> =>
    new Map(
      replicas.all(ordinal).map(([machine, state]) => {
        const name = String(machine)
        const accepted = replicaHistory.all(ordinal, name).map(([sender, input, answers]) =>
          toAccepted(sender ?? null, input ?? null, answers ?? null, id)
        )
        return [
          MachineId.make(name),
          { state: toVal(state, id, "replica"), accepted: Chunk.fromIterable(accepted) }
        ] as const
      })
    )

  const storedOf = (row: ObjectRow): ObjectStore.Stored => row.stored(row.hasReplicas ? replicasOf(row) : new Map())

  return {
    object: (id: string) =>
      whileReading(id, "row", () => {
        const found = object.get(id)
        if (found === undefined) return undefined
        const row = toObjectRow(found)
        return { ...row, value: storedOf(row) }
      }),
    page: (ordinal: number) => page.all(ordinal),
    /** A state that cannot be read does not keep the object from being found by what else is known of it. */
    found: (found: Row): ObjectStore.Stored => {
      const row = toObjectRow(found)
      return whileReading(row.id, "row", () => {
        try {
          return storedOf(row)
        } catch (reason) {
          return withoutState(found, reason)
        }
      })
    },
    changedSince: (version: number) => changedSince.all(version, version).map(([id]) => String(id)),
    /** Entries are never changed: it is as of the moment at which the newest one is looked up. */
    history: (id: string) =>
      whileReading(id, "history", () => {
        const [ordinal, last] = newest.get(id) ?? []
        const accepted: Array<ObjectStore.Accepted> = []
        for (let number = last ?? null; number !== null;) {
          const found = entry.get(number)
          if (found === undefined) throw unreadable(id, "history", `there is no entry ${number}`)
          const [object, previous = null, sender = null, input = null, answers = null] = found
          if (object !== ordinal) throw unreadable(id, "history", `the entry ${number} is of another object`)
          if (previous !== null && previous >= number) {
            throw unreadable(id, "history", `the entry ${number} does not come after the one before it`)
          }
          accepted.push(toAccepted(sender, input, answers, id))
          number = previous
        }
        return accepted.reverse()
      })
  }
}

// ---------------------------------------------------------------------------
// writing
// ---------------------------------------------------------------------------

const writing = (connection: Connection) => {
  const mail = mailRows.make(connection)
  const create = connection.prepare(
    `INSERT INTO objects (${objectColumns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
  )
  const update = connection.prepare(
    "UPDATE objects SET behaviour = ?, machine = ?, creating_controller = ?, controller = ?, state = ?, " +
      "metadata_version = ?, state_version = ?, replicas_version = ?, destroyed = ?, accepted = ? WHERE ordinal = ?"
  )
  const updateState = connection.prepare(
    "UPDATE objects SET state = ?, state_version = ?, accepted = ? WHERE ordinal = ?"
  )
  const updateAccepted = connection.prepare("UPDATE objects SET accepted = ? WHERE ordinal = ?")
  const accept = connection.prepare(
    "INSERT INTO history (entry, object, version, previous, sender, input, answers) VALUES (?, ?, ?, ?, ?, ?, ?)"
  )
  const setReplica = connection.prepare(
    "INSERT INTO replicas (object, machine, state) VALUES (?, ?, ?) " +
      "ON CONFLICT (object, machine) DO UPDATE SET state = excluded.state"
  )
  const dropReplica = connection.prepare("DELETE FROM replicas WHERE object = ? AND machine = ?")
  const acceptAtReplica = connection.prepare(
    "INSERT INTO replica_history (object, machine, position, sender, input, answers) VALUES (?, ?, ?, ?, ?, ?)"
  )

  const writeObject = (entry: Entry, accepted: number | null): void => {
    const { ordinal } = entry
    if (entry.dirty === Part.accepted) return updateAccepted.run(accepted, ordinal)
    const stored = entry.head.stored.value
    if (stored._tag === "StoredObject") {
      const state = Val.toBytes(stored.state)
      entry.bytes = state.length
      if ((entry.dirty & (Part.creation | Part.rest)) === 0) {
        return updateState.run(state, stored.stateVersion, accepted, ordinal)
      }
      const { creatingController, currentController, machine } = stored.metadata
      const [creator, owner] = [controllerText(creatingController), controllerText(currentController)]
      const { behaviour, metadataVersion, replicasVersion, stateVersion } = stored
      if ((entry.dirty & Part.creation) === 0) {
        const values = [behaviour, machine, creator, owner, state, metadataVersion, stateVersion, replicasVersion]
        return update.run(...values, null, accepted, ordinal)
      }
      const values = [behaviour, machine, creator, owner, state, entry.created]
      return create.run(ordinal, entry.key, ...values, metadataVersion, stateVersion, replicasVersion, null, accepted)
    }
    const { version } = stored
    entry.bytes = 0
    if ((entry.dirty & Part.creation) === 0) {
      return update.run(null, null, null, null, null, version, version, version, version, accepted, ordinal)
    }
    const nothing = [null, null, null, null, null]
    return create.run(ordinal, entry.key, ...nothing, entry.created, version, version, version, version, accepted)
  }

  const writeAccepted = ({ accepted, entry, version }: Accepted, number: number, previous: number | null): void => {
    const [input, answers] = [Val.toBytes(accepted.input), answersOf(accepted)]
    accept.run(number, entry.ordinal, version, previous, senderOf(accepted), input, answers)
  }

  const writeChange = (change: Change): void => {
    switch (change._tag) {
      case "ReplicaChanged": {
        const { before, machine, ordinal, replica } = change
        const known = before === undefined ? 0 : before.accepted.length
        const from = before === undefined || hasGrown(before, replica) ? known : 0
        if (from < known) dropReplica.run(ordinal, machine)
        setReplica.run(ordinal, machine, Val.toBytes(replica.state))
        for (let position = from; position < replica.accepted.length; position++) {
          const accepted = Chunk.unsafeGet(replica.accepted, position)
          const input = Val.toBytes(accepted.input)
          acceptAtReplica.run(ordinal, machine, position, senderOf(accepted), input, answersOf(accepted))
        }
        return
      }
      case "ReplicaGone":
        return dropReplica.run(change.ordinal, change.machine)
      default:
        return mail.write(change)
    }
  }

  return { writeObject, writeAccepted, writeChange, mail: mail.load }
}

/** What a replica has accepted at most grows, or starts anew: which of them it is, its last input tells. */
const hasGrown = ({ accepted: before }: ObjectStore.Replica, { accepted: after }: ObjectStore.Replica): boolean => {
  const last = before.length - 1
  return last < 0 || (last < after.length && Chunk.unsafeGet(before, last) === Chunk.unsafeGet(after, last))
}

// ---------------------------------------------------------------------------
// functions
// ---------------------------------------------------------------------------

const functions = (connection: Connection) => {
  const named = connection.prepare("SELECT version, hash FROM functions WHERE name = ?")
  const write = connection.prepare(
    "INSERT INTO functions (name, version, hash) VALUES (?, ?, ?) " +
      "ON CONFLICT (name) DO UPDATE SET version = excluded.version, hash = excluded.hash"
  )
  return {
    functionNamed: (name: string) => {
      const row = named.get(name)
      return row === undefined ? undefined : { version: Number(row[0]), hash: String(row[1]) }
    },
    writeFunction: (name: string, { hash, version }: ObjectStore.FunctionRecord) => write.run(name, version, hash)
  }
}
