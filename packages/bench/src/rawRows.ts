/**
 * What a commit writes, by the statements of better-sqlite3 themselves, into a file of the store. The contenders that go
 * without effect-avm have it from here.
 */
import type Database from "better-sqlite3"

/**
 * Where the entries of histories go: `plain`, with the key that one would choose first, by object; or as the store has them,
 * in the order of commits (decision 0031).
 */
export type Layout = "plain" | "store"

export interface RawRows {
  readonly begin: () => void
  /** Of an object, by its ordinal. */
  readonly update: (ordinal: number, state: Uint8Array, version: number) => void
  readonly accept: (ordinal: number, version: number, sender: string, input: Uint8Array) => void
  readonly commit: (version: number) => void
}

export const make = (db: Database.Database, layout: Layout): RawRows => {
  const [begin, commit] = [db.prepare("BEGIN IMMEDIATE"), db.prepare("COMMIT")]
  const clock = db.prepare("UPDATE clock SET version = ? WHERE one = 1")
  const histories = layout === "plain" ? plain(db) : asStored(db)
  return {
    ...histories,
    begin: () => void begin.run(),
    commit: (version) => {
      clock.run(version)
      commit.run()
    }
  }
}

export const plainHistory = `CREATE TABLE plain_history (
  object INTEGER NOT NULL REFERENCES objects (ordinal),
  version INTEGER NOT NULL,
  position INTEGER NOT NULL,
  sender TEXT,
  input BLOB NOT NULL,
  answers BLOB,
  PRIMARY KEY (object, version, position)
) WITHOUT ROWID`

const plain = (db: Database.Database): Pick<RawRows, "update" | "accept"> => {
  db.exec(plainHistory)
  const update = db.prepare("UPDATE objects SET state = ?, state_version = ? WHERE ordinal = ?")
  const accept = db.prepare(
    "INSERT INTO plain_history (object, version, position, sender, input, answers) VALUES (?, ?, 0, ?, ?, NULL)"
  )
  return {
    update: (ordinal, state, version) => void update.run(state, version, ordinal),
    accept: (ordinal, version, sender, input) => void accept.run(ordinal, version, sender, input)
  }
}

/** With one entry in each commit, whose number can be that of the commit. */
const asStored = (db: Database.Database): Pick<RawRows, "update" | "accept"> => {
  const update = db.prepare("UPDATE objects SET state = ?, state_version = ?, accepted = ? WHERE ordinal = ?")
  const accept = db.prepare(
    "INSERT INTO history (entry, object, version, previous, sender, input, answers) VALUES (?, ?, ?, ?, ?, ?, NULL)"
  )
  const newest = new Map<number, number>()
  return {
    update: (ordinal, state, version) => void update.run(state, version, version, ordinal),
    accept: (ordinal, version, sender, input) => {
      accept.run(version, ordinal, version, newest.get(ordinal) ?? null, sender, input)
      newest.set(ordinal, version)
    }
  }
}
