/**
 * `avm verify`: is the file what it should be. The invariants of its tables, every value in it decoded, and, with the
 * behaviours of a module, histories replayed against states where answers were recorded (A42).
 *
 * All of it is asked of one moment, in one read transaction, beside whoever writes.
 */
import { Avm, IdGenerator, ObjectId, ObjectStore, Reachability, Scheduling, Trace, Val } from "@effect-avm/core"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { type CliError, ProblemsFound, type StoreFailed } from "../CliError.js"
import * as Module from "../Module.js"
import type { Term } from "../Term.js"
import { checks } from "./checks.js"
import { type Advance, jsonLine, out, progress } from "./printing.js"
import { layer, type Record, Store, toWritten } from "./reading.js"
import { counted, cut, printable } from "./text.js"

export interface Options {
  readonly store: string
  readonly module: Option.Option<string>
  readonly json: boolean
}

interface Problem {
  readonly place: string
  readonly reason: string
}

interface Replayed {
  readonly equal: number
  /** Their histories have messages without answers. */
  readonly unrecorded: number
}

/** Of one kind of problem so many are named. */
const most = 20

export const verify = (options: Options): Effect.Effect<void, CliError, Term> =>
  Effect.gen(function*() {
    const module = yield* Effect.transposeMapOption(options.module, Module.loadLayer)
    const { filename, reader } = yield* Store
    const { problems, replayed, values } = yield* Effect.scoped(Effect.gen(function*() {
      // Nothing is locked: what a writer commits meanwhile is not seen.
      yield* Effect.acquireRelease(
        Effect.orDie(reader.sql.unsafe("BEGIN")),
        () => Effect.ignore(reader.sql.unsafe("ROLLBACK"))
      )
      return yield* allOf(module)
    }))
    if (options.json) yield* jsonLine({ store: filename, values, replayed: Option.getOrNull(replayed), problems })
    else yield* tell(problems, values, replayed)
    if (problems.length > 0) return yield* new ProblemsFound({ store: filename, count: problems.length })
  }).pipe(Effect.provide(layer(options.store)))

const tell = (problems: ReadonlyArray<Problem>, values: number, replayed: Option.Option<Replayed>) =>
  Effect.gen(function*() {
    for (const { place, reason } of problems) yield* out(`${printable(place)}: ${printable(cut(reason, 500))}`)
    yield* out(
      `${checks.length + 2} rules checked, ${counted(values, "value")} read, ${counted(problems.length, "problem")}`
    )
    yield* out(Option.match(replayed, {
      onNone: () => "histories were not replayed: that needs the behaviours, --module MODULE",
      onSome: ({ equal, unrecorded }) =>
        (equal === 1
          ? "1 history replayed and equal to the state"
          : `${equal} histories replayed and equal to the states`) +
        (unrecorded === 0 ? "" : `; ${unrecorded} without recorded answers were not replayed`)
    }))
  })

const allOf = (module: Option.Option<Module.LoadedLayer>) =>
  Effect.gen(function*() {
    const { ask } = yield* Store
    const [row] = yield* ask(
      "SELECT (SELECT count(*) FROM objects) AS objects, (SELECT count(*) FROM history) + " +
        "(SELECT count(*) FROM replica_history) + (SELECT count(*) FROM replicas) AS history, " +
        "(SELECT count(*) FROM trace) AS trace"
    )
    const [objects, history, trace] = [Number(row?.objects), Number(row?.history), Number(row?.trace)]
    // The rules count as much as the rows that they go over.
    const ofRules = Math.ceil((objects + history + trace) / checks.length)
    const replays = Option.isSome(module) ? objects : 0
    const total = (checks.length + 2) * ofRules + objects + history + trace + replays
    const advance = yield* progress("verifying", total)
    const problems: Array<Problem> = []
    const found = (place: string, reason: string): void => void problems.push({ place, reason })

    yield* bySqlite(found)
    yield* advance(2 * ofRules)
    for (const { sql } of checks) {
      for (const { place, reason } of yield* ask(`${sql} LIMIT ${most}`)) found(String(place), String(reason))
      yield* advance(ofRules)
    }
    const values = (yield* decodeAll(found, advance)) + (yield* readTrace(found, advance))
    const replayed = yield* Effect.transposeMapOption(module, (module) => replayAll(module, found, advance))
    return { problems, values, replayed }
  })

// ---------------------------------------------------------------------------
// what SQLite knows
// ---------------------------------------------------------------------------

type Found = (place: string, reason: string) => void

const bySqlite = (found: Found): Effect.Effect<void, StoreFailed, Store> =>
  Effect.gen(function*() {
    const { ask } = yield* Store
    for (const { integrity_check } of yield* ask(`PRAGMA integrity_check(${most})`)) {
      if (integrity_check !== "ok") found("the file", String(integrity_check))
    }
    for (const { parent, rowid, table } of (yield* ask("PRAGMA foreign_key_check")).slice(0, most)) {
      found(`row ${rowid} of ${table}`, `what it refers to is not in ${parent}`)
    }
  })

// ---------------------------------------------------------------------------
// values
// ---------------------------------------------------------------------------

const pageSize = 1000

/** The id of the object that a row is about; its number where there is no such object. */
const owner = "coalesce((SELECT o.id FROM objects o WHERE o.ordinal = object), object) AS id"

const ofReplica = ({ id, machine }: Record): string => `the replica of ${id} on ${machine}`
const ofObject = ({ id }: Record): string => `object ${id}`
const ofHistory = ({ entry, id }: Record): string => `entry ${entry} of the history of ${id}`
const ofReplicaHistory = (row: Record): string => `entry ${row.position} of ${ofReplica(row)}`

const inHistory = { table: "history", key: "entry", id: owner, of: ofHistory }
const inReplicaHistory = {
  table: "replica_history",
  key: "object, machine, position",
  id: owner,
  of: ofReplicaHistory
}

const columns = [
  { table: "objects", key: "ordinal", id: "id", of: ofObject, column: "state", isList: false },
  { ...inHistory, column: "input", isList: false },
  { ...inHistory, column: "answers", isList: true },
  { table: "replicas", key: "object, machine", id: owner, of: ofReplica, column: "state", isList: false },
  { ...inReplicaHistory, column: "input", isList: false },
  { ...inReplicaHistory, column: "answers", isList: true }
] as const

/** Every state, message and list of answers; how many there were. */
const decodeAll = (found: Found, advance: Advance): Effect.Effect<number, StoreFailed, Store> =>
  Effect.gen(function*() {
    let read = 0
    for (const { column, id, isList, key, of, table } of columns) {
      let problems = 0
      const rows = inPages(table, key, `${key}, ${id}, ${column} AS value`)
      yield* Stream.runForEachChunk(rows, (chunk) => {
        for (const row of chunk) {
          if (row.value === null || row.value === undefined) continue
          read++
          const reason = malformed(row.value, isList)
          if (reason !== undefined && problems++ < most) found(`${column} of ${of(row)}`, reason)
        }
        return column === "answers" ? Effect.void : advance(chunk.length)
      })
    }
    return read
  })

const malformed = (value: unknown, isList: boolean): string | undefined => {
  if (!(value instanceof Uint8Array)) return "it is no bytes"
  const decoded = Val.fromBytes(value)
  if (decoded._tag === "Left") return decoded.left
  if (!isList) return undefined
  return Array.isArray(decoded.right) && decoded.right.length % 2 === 0 ? undefined : "it is no list of answers"
}

/** A table by its key, a page at a time. */
const inPages = (table: string, key: string, columns: string): Stream.Stream<Record, StoreFailed, Store> => {
  const names = key.split(", ")
  const after = `WHERE (${key}) > (${names.map(() => "?").join(", ")})`
  const page = (last: Record | undefined) =>
    Effect.flatMap(Store, ({ ask }) =>
      ask(
        `SELECT ${columns} FROM ${table} ${last === undefined ? "" : after} ORDER BY ${key} LIMIT ${pageSize}`,
        ...last === undefined ? [] : names.map((name) => last[name] ?? null)
      ))
  return Stream.paginateEffect(undefined as Record | undefined, (last) =>
    // none before the first page
    Effect.map(
      page(last),
      (rows) => [rows, rows.length < pageSize ? Option.none() : Option.some(rows.at(-1))] as const
    )).pipe(Stream.flattenIterables)
}

const readTrace = (found: Found, advance: Advance): Effect.Effect<number, StoreFailed, Store> =>
  Effect.gen(function*() {
    let read = 0
    let problems = 0
    const rows = inPages("trace", "entry", "entry, at, execution, timestamp, tx, controller, event, fields")
    yield* Stream.runForEachChunk(rows, (chunk) => {
      for (const row of chunk) {
        read++
        try {
          toWritten(row)
        } catch (thrown) {
          if (problems++ < most) {
            found(`trace entry ${row.entry}`, thrown instanceof Error ? thrown.message : String(thrown))
          }
        }
      }
      return advance(chunk.length)
    })
    return read
  })

// ---------------------------------------------------------------------------
// histories
// ---------------------------------------------------------------------------

const replayAll = (
  module: Module.LoadedLayer,
  found: Found,
  advance: Advance
): Effect.Effect<Replayed, CliError, Store> =>
  Effect.scoped(Effect.gen(function*() {
    const { reader } = yield* Store
    const machine = yield* Layer.build(Layer.provide(Avm.layer({ turns: { run: "manual" } }), ports(reader)))
    yield* Layer.build(Layer.provide(module.layer, Layer.succeedContext(machine))).pipe(
      Effect.catchAllCause((cause) => {
        found(`the layer of ${module.name}`, Cause.pretty(cause))
        return Effect.void
      })
    )
    let [equal, unrecorded] = [0, 0]
    const rows = inPages("objects", "ordinal", "ordinal, id, destroyed, accepted")
    yield* Stream.runForEach(rows, ({ accepted: last, destroyed, id }) =>
      Effect.gen(function*() {
        yield* advance(1)
        if (destroyed !== null || last === null) return
        const object = ObjectId.make(String(id))
        // What cannot be read has been found already.
        const history = Option.getOrElse(yield* Effect.option(reader.history(object)), () => [])
        const accepted = history.length
        const recorded = history.filter(({ answers }) => answers.length > 0).length
        if (accepted === 0) return
        if (recorded === 0) return void unrecorded++
        const stored = Option.getOrUndefined(Option.flatten(yield* Effect.option(reader.object(object))))
        if (stored?._tag !== "StoredObject") return
        const place = `object ${object.value}`
        const exit = yield* Effect.either(Effect.provide(Avm.replay(object), machine))
        if (exit._tag === "Right") {
          if (Val.equals(exit.right, stored.state)) return void equal++
          found(place, `its history leads to ${Val.format(exit.right)}, and its state is ${Val.format(stored.state)}`)
        } else if (recorded < accepted && exit.left._tag === "FreezeFailed") unrecorded++
        else {
          const why = exit.left._tag === "FreezeFailed"
            ? "its behaviour does something else than it did then"
            : exit.left.message
          found(place, `its history cannot be replayed: ${why}`)
        }
      }))
    return { equal, unrecorded }
  }))

/** A machine that replays reads objects and histories, and does nothing else. */
const ports = (reader: Store["Type"]["reader"]) => {
  const never = Effect.dieMessage("verify: a replay asked for more than objects and histories")
  return Layer.mergeAll(
    // Mailboxes that stay empty: of the store, what follows takes the place.
    ObjectStore.layerMemory,
    Layer.succeed(ObjectStore.ObjectStore, {
      snapshot: never,
      release: () => never,
      read: reader.object,
      scan: () => never,
      history: reader.history,
      commit: () => never,
      awaitConflict: () => never,
      changes: Stream.die("verify: nothing changes"),
      readFunction: () => never,
      writeFunction: () => never
    }),
    Reachability.layerAll,
    Scheduling.layerFair,
    IdGenerator.layerRandom,
    Trace.layerNone
  )
}
