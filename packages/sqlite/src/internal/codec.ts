/**
 * Rows to values and back. States and messages are in the binary form of `Val`, the rest in columns of its own.
 */
import { ControllerId, MachineId, ObjectId, type ObjectMeta, type ObjectStore, Val } from "@effect-avm/core"
import * as Option from "effect/Option"
import type { Row, Value } from "../Driver.js"
import { ObjectUnreadable, reasonOf } from "../Failure.js"

// ---------------------------------------------------------------------------
// objects
// ---------------------------------------------------------------------------

export const noReplicas: ReadonlyMap<MachineId.MachineId, ObjectStore.Replica> = new Map()

/** A committed object. A class, so that all of them have one shape. */
export class Committed implements ObjectStore.StoredObject {
  readonly _tag = "StoredObject"
  constructor(
    readonly behaviour: string,
    readonly metadata: ObjectMeta.ObjectMeta,
    readonly state: Val.Val,
    readonly replicas: ReadonlyMap<MachineId.MachineId, ObjectStore.Replica>,
    readonly metadataVersion: number,
    readonly stateVersion: number,
    readonly replicasVersion: number
  ) {}
}

export const objectColumns = "ordinal, id, behaviour, machine, creating_controller, controller, state, created, " +
  "metadata_version, state_version, replicas_version, destroyed, accepted"

/** A row of `objects`, with the columns in the order of `objectColumns`. */
export interface ObjectRow {
  readonly ordinal: number
  readonly id: string
  readonly created: number
  /** The last commit that changed anything of it. */
  readonly commit: number
  readonly bytes: number
  readonly hasReplicas: boolean
  /** The newest entry of its history; null without any. */
  readonly accepted: number | null
  readonly stored: (replicas: ReadonlyMap<MachineId.MachineId, ObjectStore.Replica>) => ObjectStore.Stored
}

/** Throws `ObjectUnreadable`. */
export const toObjectRow = (row: Row): ObjectRow => {
  const id = text(row[1], "an object", "id")
  const [created, metadataVersion, stateVersion, replicasVersion] = [
    integer(row[7], id, "created"),
    integer(row[8], id, "metadata_version"),
    integer(row[9], id, "state_version"),
    integer(row[10], id, "replicas_version")
  ]
  const ordinal = integer(row[0], id, "ordinal")
  const accepted = row[12] === null ? null : integer(row[12], id, "accepted")
  if (row[11] !== null) {
    const version = integer(row[11], id, "destroyed")
    const tombstone: ObjectStore.Tombstone = { _tag: "Tombstone", id: ObjectId.make(id), version }
    return { ordinal, id, created, commit: version, bytes: 0, hasReplicas: false, accepted, stored: () => tombstone }
  }
  return {
    ordinal,
    id,
    created,
    commit: Math.max(metadataVersion, stateVersion, replicasVersion),
    bytes: row[6] instanceof Uint8Array ? row[6].length : 0,
    hasReplicas: replicasVersion > created,
    accepted,
    stored: (replicas) =>
      new Committed(
        text(row[2], id, "behaviour"),
        {
          id: ObjectId.make(id),
          machine: MachineId.make(text(row[3], id, "machine")),
          creatingController: controller(row[4], id, "creating_controller"),
          currentController: controller(row[5], id, "controller")
        },
        toVal(row[6], id, "state"),
        replicas,
        metadataVersion,
        stateVersion,
        replicasVersion
      )
  }
}

/** The same with a state that is not read now: asking for it throws `ObjectUnreadable`. */
export const withoutState = (row: Row, reason: unknown): ObjectStore.Stored => {
  const stored = toObjectRow(row.map((value, column) => column === 6 ? nothing : value)).stored(noReplicas)
  return Object.defineProperty(stored, "state", {
    enumerable: true,
    get: () => {
      throw reason
    }
  })
}

const nothing = Val.toBytes(null)

// ---------------------------------------------------------------------------
// accepted inputs
// ---------------------------------------------------------------------------

/** `sender, input, answers` */
export const toAccepted = (sender: Value, input: Value, answers: Value, id: string): ObjectStore.Accepted => ({
  input: toVal(input, id, "history"),
  sender: sender === null ? Option.none() : Option.some(ObjectId.make(text(sender, id, "history"))),
  answers: answers === null ? [] : toAnswers(toVal(answers, id, "history"), id)
})

export const senderOf = ({ sender }: ObjectStore.Accepted): string | null =>
  sender._tag === "None" ? null : sender.value.value

/** One list of instruction, answer, instruction, answer, …; nothing where none was recorded. */
export const answersOf = ({ answers }: ObjectStore.Accepted): Uint8Array | null =>
  answers.length === 0
    ? null
    : Val.toBytes(answers.flatMap(({ answer, instruction }) => [instruction, answer]))

const toAnswers = (list: Val.Val, id: string): ReadonlyArray<ObjectStore.Answer> => {
  if (!Array.isArray(list)) throw unreadable(id, "history", "the answers are no list")
  const answers: Array<ObjectStore.Answer> = []
  for (let n = 0; n + 1 < list.length; n += 2) answers.push({ instruction: list[n], answer: list[n + 1] })
  return answers
}

// ---------------------------------------------------------------------------
// columns
// ---------------------------------------------------------------------------

export const unreadable = (id: string, part: string, reason: string): ObjectUnreadable =>
  new ObjectUnreadable({ id, part, reason })

/** What a driver has thrown while it read something of an object. */
export const whileReading = <A>(id: string, part: string, read: () => A): A => {
  try {
    return read()
  } catch (thrown) {
    if (thrown instanceof ObjectUnreadable) throw thrown
    const { code, reason } = reasonOf(thrown)
    throw unreadable(id, part, `${code}: ${reason}`)
  }
}

export const toVal = (value: Value | undefined, id: string, part: string): Val.Val => {
  if (!(value instanceof Uint8Array)) throw unreadable(id, part, "no bytes")
  const decoded = Val.fromBytes(value)
  if (decoded._tag === "Left") throw unreadable(id, part, decoded.left)
  return decoded.right
}

const text = (value: Value | undefined, id: string, part: string): string => {
  if (typeof value !== "string") throw unreadable(id, part, "no text")
  return value
}

const integer = (value: Value | undefined, id: string, part: string): number => {
  if (!Number.isSafeInteger(value)) throw unreadable(id, part, "no integer")
  return Number(value)
}

const controller = (value: Value | undefined, id: string, part: string): Option.Option<ControllerId.ControllerId> =>
  value === null ? Option.none() : Option.some(ControllerId.make(text(value, id, part)))

export const controllerText = (controller: Option.Option<string>): string | null =>
  controller._tag === "None" ? null : controller.value
