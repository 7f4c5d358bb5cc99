/**
 * What is wrong with a file, as the cause of a `StoreError`: which file, which object, and what SQLite said.
 *
 * @since 0.1.0
 */
import { AvmError } from "@effect-avm/core"
import * as Schema from "effect/Schema"

const key = "@effect-avm/sqlite/Failure"

/** As in `SQLITE_FULL: database or disk is full`. */
const said = { code: Schema.String, reason: Schema.String }

/** Of what has no code. */
const unknown = "UNKNOWN"

const saying = ({ code, reason }: { readonly code: string; readonly reason: string }): string =>
  code === unknown ? reason : `${code}: ${reason}`

// ---------------------------------------------------------------------------
// messages
// ---------------------------------------------------------------------------

/**
 * Another process, or another layer of this one, has the file open for writing.
 *
 * @since 0.1.0
 * @category failures
 */
export class FileInUse extends Schema.TaggedError<FileInUse>(`${key}/FileInUse`)("FileInUse", {
  filename: Schema.String,
  /** Whose, if it could be read. */
  pid: Schema.optional(Schema.Int)
}) {
  override get message(): string {
    const by = this.pid === process.pid ? " in this process" : this.pid === undefined ? "" : ` (process ${this.pid})`
    return `${this.filename} is open for writing already${by}`
  }
}

/**
 * The file was written by a later version of this package.
 *
 * @since 0.1.0
 * @category failures
 */
export class FileIsNewer extends Schema.TaggedError<FileIsNewer>(`${key}/FileIsNewer`)("FileIsNewer", {
  filename: Schema.String,
  format: Schema.Int,
  known: Schema.Int
}) {
  override get message(): string {
    return `${this.filename} has the format ${this.format}; this version knows those up to ${this.known}`
  }
}

/**
 * The file was written by an earlier version of this package, and a reader cannot change it. Whoever opens it for writing
 * brings it to the present format.
 *
 * @since 0.1.0
 * @category failures
 */
export class FileIsOlder extends Schema.TaggedError<FileIsOlder>(`${key}/FileIsOlder`)("FileIsOlder", {
  filename: Schema.String,
  format: Schema.Int,
  needed: Schema.Int
}) {
  override get message(): string {
    return `${this.filename} has the format ${this.format}; a reader needs ${this.needed}, to which opening for writing brings it`
  }
}

/**
 * A SQLite file, of somebody else.
 *
 * @since 0.1.0
 * @category failures
 */
export class FileIsForeign extends Schema.TaggedError<FileIsForeign>(`${key}/FileIsForeign`)("FileIsForeign", {
  filename: Schema.String,
  applicationId: Schema.Int
}) {
  override get message(): string {
    return `${this.filename} is a database of another application (application_id ${this.applicationId})`
  }
}

/**
 * The file is shorter than it says it is.
 *
 * @since 0.1.0
 * @category failures
 */
export class FileIsTruncated extends Schema.TaggedError<FileIsTruncated>(`${key}/FileIsTruncated`)("FileIsTruncated", {
  filename: Schema.String,
  bytes: Schema.Int,
  expected: Schema.Int
}) {
  override get message(): string {
    return `${this.filename} has ${this.bytes} bytes, and should have ${this.expected}`
  }
}

/**
 * The file cannot be opened: no such directory, no right to write, garbage in it, locked by somebody else.
 *
 * @since 0.1.0
 * @category failures
 */
export class FileNotOpened extends Schema.TaggedError<FileNotOpened>(`${key}/FileNotOpened`)("FileNotOpened", {
  filename: Schema.String,
  ...said
}) {
  override get message(): string {
    return `${this.filename} cannot be opened: ${saying(this)}`
  }
}

// ---------------------------------------------------------------------------
// reading and writing
// ---------------------------------------------------------------------------

/**
 * What the file holds of an object cannot be read: its bytes are malformed, or on a broken page. Other objects can.
 *
 * @since 0.1.0
 * @category failures
 */
export class ObjectUnreadable
  extends Schema.TaggedError<ObjectUnreadable>(`${key}/ObjectUnreadable`)("ObjectUnreadable", {
    id: Schema.String,
    part: Schema.String,
    reason: Schema.String
  })
{
  override get message(): string {
    return `the ${this.part} of ${this.id} cannot be read: ${this.reason}`
  }
}

/**
 * A row of messages cannot be read. The file is not opened, since what comes behind it in its mailbox cannot go first: the
 * row has to be repaired, or removed.
 *
 * @since 0.1.0
 * @category failures
 */
export class MessageUnreadable
  extends Schema.TaggedError<MessageUnreadable>(`${key}/MessageUnreadable`)("MessageUnreadable", {
    table: Schema.String,
    /** Its first column: the ordinal, or the id of a promise. */
    row: Schema.String,
    reason: Schema.String
  })
{
  override get message(): string {
    return `the row ${this.row} of ${this.table} cannot be read: ${this.reason}`
  }
}

/**
 * @since 0.1.0
 * @category failures
 */
export class ReadFailed extends Schema.TaggedError<ReadFailed>(`${key}/ReadFailed`)("ReadFailed", {
  what: Schema.String,
  ...said
}) {
  override get message(): string {
    return `reading ${this.what} failed: ${saying(this)}`
  }
}

/**
 * Nothing of it is in the file, nor seen by anybody from now on.
 *
 * @since 0.1.0
 * @category failures
 */
export class WriteFailed extends Schema.TaggedError<WriteFailed>(`${key}/WriteFailed`)("WriteFailed", {
  what: Schema.String,
  ...said
}) {
  override get message(): string {
    return `writing ${this.what} failed: ${saying(this)}`
  }
}

/**
 * What this transaction may have read was about to be written, and then was not.
 *
 * @since 0.1.0
 * @category failures
 */
export class SnapshotLost extends Schema.TaggedError<SnapshotLost>(`${key}/SnapshotLost`)("SnapshotLost", {
  version: Schema.Int
}) {
  override get message(): string {
    return `what commit ${this.version} and those before it had written was lost in a failed write`
  }
}

/**
 * An object is created under an id that the file has already: the ids of this machine are not those of one that lives on.
 *
 * @since 0.1.0
 * @category failures
 */
export class IdTaken extends Schema.TaggedError<IdTaken>(`${key}/IdTaken`)("IdTaken", { id: Schema.String }) {
  override get message(): string {
    return `${this.id} is the id of an object in the file; IdGenerator.layerCounter starts anew in each process`
  }
}

/**
 * @since 0.1.0
 * @category failures
 */
export class BackupFailed extends Schema.TaggedError<BackupFailed>(`${key}/BackupFailed`)("BackupFailed", {
  /** Of the copy. */
  filename: Schema.String,
  ...said
}) {
  override get message(): string {
    return `the copy ${this.filename} could not be made: ${saying(this)}`
  }
}

/**
 * @since 0.1.0
 * @category failures
 */
export class StoreClosed extends Schema.TaggedError<StoreClosed>(`${key}/StoreClosed`)("StoreClosed", {
  filename: Schema.String
}) {
  override get message(): string {
    return `${this.filename} has been closed`
  }
}

/**
 * @since 0.1.0
 * @category models
 */
export type Failure =
  | FileInUse
  | FileIsNewer
  | FileIsOlder
  | FileIsForeign
  | FileIsTruncated
  | FileNotOpened
  | ObjectUnreadable
  | MessageUnreadable
  | ReadFailed
  | WriteFailed
  | SnapshotLost
  | IdTaken
  | BackupFailed
  | StoreClosed

// ---------------------------------------------------------------------------
// conversions
// ---------------------------------------------------------------------------

/**
 * What a driver has thrown, in two words.
 *
 * @since 0.1.0
 * @category conversions
 */
export const reasonOf = (thrown: unknown): { readonly code: string; readonly reason: string } => {
  const { code, message } = (typeof thrown === "object" && thrown !== null ? thrown : {}) as {
    readonly code?: unknown // of whatever was thrown, and looked at below
    readonly message?: unknown
  }
  return { code: typeof code === "string" ? code : unknown, reason: String(message ?? thrown) }
}

/**
 * @since 0.1.0
 * @category conversions
 */
export const toStoreError = (failure: Failure): AvmError.StoreError => new AvmError.StoreError({ cause: failure })
