/**
 * The tables, as steps from each format to the next. What the columns mean is told in `docs/concepts/durability.md`.
 *
 * `PRAGMA user_version` is the number of the last step, and says which format a file has; `PRAGMA application_id` says
 * that it is one of ours. A step that was released is never changed: a new format is a new step.
 */
import * as Migrator from "@effect/sql/Migrator"
import { SqlClient } from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"

/** `AVM1`. */
export const applicationId = 0x41564d31

/** The format that this version writes. */
export const format = 3

export const migrationsTable = "avm_migrations"

const objects = [
  `CREATE TABLE clock (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL
  )`,
  "INSERT INTO clock VALUES (1, 0)",
  `CREATE TABLE objects (
    ordinal INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    behaviour TEXT,
    machine TEXT,
    creating_controller TEXT,
    controller TEXT,
    state BLOB,
    created INTEGER NOT NULL,
    metadata_version INTEGER NOT NULL,
    state_version INTEGER NOT NULL,
    replicas_version INTEGER NOT NULL,
    destroyed INTEGER,
    CHECK ((destroyed IS NULL) = (behaviour IS NOT NULL AND machine IS NOT NULL AND state IS NOT NULL))
  )`,
  `CREATE TABLE history (
    object INTEGER NOT NULL REFERENCES objects (ordinal),
    version INTEGER NOT NULL,
    position INTEGER NOT NULL,
    sender TEXT,
    input BLOB NOT NULL,
    answers BLOB,
    PRIMARY KEY (object, version, position)
  ) WITHOUT ROWID`,
  `CREATE TABLE replicas (
    object INTEGER NOT NULL REFERENCES objects (ordinal),
    machine TEXT NOT NULL,
    state BLOB NOT NULL,
    PRIMARY KEY (object, machine)
  ) WITHOUT ROWID`,
  `CREATE TABLE replica_history (
    object INTEGER NOT NULL,
    machine TEXT NOT NULL,
    position INTEGER NOT NULL,
    sender TEXT,
    input BLOB NOT NULL,
    answers BLOB,
    PRIMARY KEY (object, machine, position),
    FOREIGN KEY (object, machine) REFERENCES replicas (object, machine) ON DELETE CASCADE
  ) WITHOUT ROWID`,
  `CREATE TABLE functions (
    name TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    hash TEXT NOT NULL
  ) WITHOUT ROWID`
]

const trace = [
  `CREATE TABLE trace (
    entry INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    execution TEXT NOT NULL,
    timestamp INTEGER NOT NULL,
    tx TEXT,
    controller TEXT,
    event TEXT NOT NULL,
    fields TEXT NOT NULL
  )`,
  "CREATE INDEX trace_at ON trace (at)",
  "CREATE INDEX trace_execution ON trace (execution, timestamp)",
  "CREATE INDEX trace_tx ON trace (tx) WHERE tx IS NOT NULL",
  `CREATE TABLE trace_objects (
    object TEXT NOT NULL,
    entry INTEGER NOT NULL REFERENCES trace (entry) ON DELETE CASCADE,
    PRIMARY KEY (object, entry)
  ) WITHOUT ROWID`,
  "CREATE INDEX trace_objects_entry ON trace_objects (entry)"
]

const answer = `answer TEXT CHECK (answer IN ('resolved', 'broken', 'died')),
    value BLOB,
    error TEXT`

const messages = [
  `CREATE TABLE messages (
    ordinal INTEGER PRIMARY KEY,
    version INTEGER NOT NULL,
    id TEXT NOT NULL,
    sender TEXT,
    receiver TEXT NOT NULL,
    input BLOB NOT NULL,
    behaviour TEXT,
    answered INTEGER NOT NULL
  )`,
  `CREATE TABLE promises (
    id TEXT NOT NULL UNIQUE,
    settled INTEGER,
    ${answer},
    CHECK ((settled IS NULL) = (answer IS NULL))
  )`,
  `CREATE TABLE waiting (
    ordinal INTEGER PRIMARY KEY,
    promise TEXT NOT NULL REFERENCES promises (id),
    id TEXT NOT NULL,
    sender TEXT,
    input BLOB,
    behaviour TEXT,
    answered INTEGER,
    forward_on TEXT CHECK (forward_on IN ('resolved', 'broken')),
    receiver TEXT,
    tag TEXT,
    CHECK ((forward_on IS NULL) = (input IS NOT NULL AND answered IS NOT NULL)),
    CHECK ((forward_on IS NULL) = (receiver IS NULL) AND (forward_on IS NULL) = (tag IS NULL))
  )`,
  "CREATE INDEX waiting_promise ON waiting (promise)",
  `CREATE TABLE outputs (
    ordinal INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    channel TEXT NOT NULL,
    sender TEXT NOT NULL,
    payload BLOB NOT NULL,
    answer_to TEXT,
    answer_tag TEXT,
    CHECK ((answer_to IS NULL) = (answer_tag IS NULL))
  )`,
  `CREATE TABLE dead_letters (
    ordinal INTEGER PRIMARY KEY,
    attempts INTEGER NOT NULL,
    id TEXT NOT NULL UNIQUE,
    sender TEXT,
    receiver TEXT NOT NULL,
    input BLOB NOT NULL,
    behaviour TEXT,
    answered INTEGER NOT NULL,
    ${answer},
    CHECK (answer IS NOT NULL)
  )`
]

/**
 * Accepted messages in the order of commits, each with the one before it of the same object (decision 0031): a commit
 * appends them, and touches no page of what it does not change otherwise.
 */
const history = [
  `CREATE TABLE accepted (
    entry INTEGER PRIMARY KEY,
    object INTEGER NOT NULL REFERENCES objects (ordinal),
    version INTEGER NOT NULL,
    previous INTEGER,
    sender TEXT,
    input BLOB NOT NULL,
    answers BLOB
  )`,
  `INSERT INTO accepted
    SELECT entry, object, version, lag(entry) OVER (PARTITION BY object ORDER BY entry), sender, input, answers
    FROM (SELECT *, row_number() OVER (ORDER BY version, position) AS entry FROM history)
    ORDER BY entry`,
  "DROP TABLE history",
  "ALTER TABLE accepted RENAME TO history",
  "ALTER TABLE objects ADD COLUMN accepted INTEGER",
  `UPDATE objects SET accepted = known.last
    FROM (SELECT object, max(entry) AS last FROM history GROUP BY object) AS known
    WHERE ordinal = known.object`
]

const statements = (...all: ReadonlyArray<string>) =>
  Effect.flatMap(SqlClient, (sql) => Effect.forEach(all, (statement) => sql.unsafe(statement), { discard: true }))

/** Brings a file, new or of an older format, to the format of this version. Each step is recorded in the file. */
export const migrate = Migrator.make({})({
  table: migrationsTable,
  loader: Migrator.fromRecord({
    "1_objects": statements(
      ...objects,
      ...trace,
      `PRAGMA application_id = ${applicationId}`,
      "PRAGMA user_version = 1"
    ),
    "2_messages": statements(...messages, "PRAGMA user_version = 2"),
    "3_history": statements(...history, "PRAGMA user_version = 3")
  })
})
