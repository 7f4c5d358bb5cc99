/**
 * The invariants of a store's file, beyond what SQLite checks itself: one question each, which answers the rows that
 * break it. What the columns mean is told in `docs/concepts/durability.md`.
 */

export interface Check {
  readonly what: string
  /** Answers `place`, a name for the row, and `reason`. */
  readonly sql: string
}

const clock = "(SELECT version FROM clock)"

const ofObject = (what: string, broken: string, reason: string): Check => ({
  what,
  sql: `SELECT 'object ' || id AS place, ${reason} AS reason FROM objects WHERE ${broken}`
})

export const checks: ReadonlyArray<Check> = [
  {
    what: "there is one clock",
    sql: "SELECT 'clock' AS place, 'it has ' || count(*) || ' rows' AS reason FROM clock HAVING count(*) <> 1"
  },
  ofObject(
    "a commit that changed an object is none of the future",
    `max(created, metadata_version, state_version, replicas_version, coalesce(destroyed, 0)) > ${clock}`,
    "'it was changed by a commit that the clock does not know'"
  ),
  ofObject(
    "an object is created before it changes",
    "min(metadata_version, state_version, replicas_version, coalesce(destroyed, created)) < created OR created < 1",
    "'it was changed before it was created'"
  ),
  ofObject(
    "what is destroyed leaves its id alone",
    "destroyed IS NOT NULL AND (behaviour IS NOT NULL OR machine IS NOT NULL OR state IS NOT NULL " +
      "OR controller IS NOT NULL OR creating_controller IS NOT NULL)",
    "'it is destroyed, and has not lost all that it was'"
  ),
  ofObject(
    "what is there is whole",
    "destroyed IS NULL AND (typeof(behaviour) <> 'text' OR typeof(machine) <> 'text' OR typeof(state) <> 'blob')",
    "'its behaviour, machine or state is missing'"
  ),
  ofObject("an id is text", "typeof(id) <> 'text'", "'its id is no text'"),
  {
    what: "the order of the objects is the order of their creation",
    sql: "SELECT 'object ' || id AS place, 'it was created before one that stands before it' AS reason FROM " +
      "(SELECT id, created, lag(created) OVER (ORDER BY ordinal) AS before FROM objects) WHERE created < before"
  },
  {
    what: "a history belongs to an object",
    sql: "SELECT 'history of ' || object AS place, 'there is no such object' AS reason FROM history " +
      "WHERE object NOT IN (SELECT ordinal FROM objects)"
  },
  {
    what: "messages are accepted while the object is there",
    sql: "SELECT 'object ' || id AS place, 'it accepted a message in commit ' || version AS reason FROM history " +
      "JOIN objects ON object = ordinal " +
      `WHERE version < created OR version > coalesce(destroyed, ${clock})`
  },
  {
    what: "the entries of a history follow each other",
    sql: "SELECT 'object ' || id AS place, 'entry ' || entry || ' of its history is not after ' || " +
      "coalesce('entry ' || before, 'nothing') AS reason FROM (SELECT entry, object, version, previous, " +
      "lag(entry) OVER own AS before, lag(version) OVER own AS earlier FROM history " +
      "WINDOW own AS (PARTITION BY object ORDER BY entry)) " +
      "JOIN objects ON object = ordinal WHERE previous IS NOT before OR version < earlier"
  },
  {
    what: "an object knows the newest entry of its history",
    sql: "SELECT 'object ' || id AS place, 'the newest entry of its history is ' || coalesce(newest, 'none') || " +
      "', and not ' || coalesce(accepted, 'none') AS reason FROM objects " +
      "LEFT JOIN (SELECT object, max(entry) AS newest FROM history GROUP BY object) ON object = ordinal " +
      "WHERE accepted IS NOT newest"
  },
  {
    what: "replicas belong to an object that is there",
    sql:
      "SELECT 'replica of ' || object || ' on ' || machine AS place, 'there is no such object' AS reason FROM replicas " +
      "WHERE object NOT IN (SELECT ordinal FROM objects WHERE destroyed IS NULL)"
  },
  {
    what: "replicas are known to their object",
    sql: "SELECT 'object ' || id AS place, 'it has replicas that no commit has made' AS reason FROM objects " +
      "WHERE replicas_version <= created AND ordinal IN (SELECT object FROM replicas)"
  },
  {
    what: "what a replica accepted belongs to a replica",
    sql:
      "SELECT 'replica of ' || object || ' on ' || machine AS place, 'there is none' AS reason FROM replica_history " +
      "WHERE (object, machine) NOT IN (SELECT object, machine FROM replicas)"
  },
  {
    what: "what a replica accepted has no gap",
    sql: "SELECT 'replica of ' || object || ' on ' || machine AS place, 'messages are missing' AS reason " +
      "FROM replica_history GROUP BY object, machine HAVING min(position) <> 0 OR max(position) <> count(*) - 1"
  },
  {
    what: "a message was sent in a commit",
    sql: "SELECT 'message ' || id AS place, 'it was sent in a commit that the clock does not know' AS reason " +
      `FROM messages WHERE version < 1 OR version > ${clock}`
  },
  {
    what: "what waits does so for a promise that is not settled",
    sql: "SELECT 'message ' || id AS place, 'it waits for ' || promise || ', which is settled or none' AS reason " +
      "FROM waiting WHERE promise NOT IN (SELECT id FROM promises WHERE settled IS NULL)"
  },
  {
    what: "functions have a version and a hash",
    sql: "SELECT 'function ' || name AS place, 'its version or its hash is none' AS reason FROM functions " +
      "WHERE typeof(version) <> 'integer' OR version < 0 OR length(hash) <> 64 OR hash GLOB '*[^0-9a-f]*'"
  },
  {
    what: "the trace of an execution rises",
    sql:
      "SELECT 'trace entry ' || entry AS place, 'its timestamp is not above that of the one before' AS reason FROM " +
      "(SELECT entry, timestamp, lag(timestamp) OVER (PARTITION BY execution ORDER BY entry) AS before FROM trace) " +
      "WHERE timestamp <= before"
  },
  {
    what: "the index of the trace names entries",
    sql: "SELECT 'trace of ' || object AS place, 'there is no entry ' || entry AS reason FROM trace_objects " +
      "WHERE entry NOT IN (SELECT entry FROM trace)"
  }
]
