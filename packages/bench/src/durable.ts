/**
 * Durable commits: the store and the machine on a file, beside raw better-sqlite3 that writes the same rows with the same
 * grouping, `@effect/sql` with one statement per row, and memory. Wall-clock times: most of it is waiting for the disk.
 */
import {
  Avm,
  Behaviour,
  ControllerId,
  Introspect,
  MachineId,
  Obj,
  ObjectId,
  ObjectStore,
  Tx,
  Val
} from "@effect-avm/core"
import { Sqlite } from "@effect-avm/sqlite"
import * as SqliteClient from "@effect/sql-sqlite-node/SqliteClient"
import Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { median } from "./harness.js"

type Synchronous = "full" | "normal" | "off"

/** Runs for so long with so many at once, and answers the time of one commit in microseconds. */
interface Contender {
  readonly name: string
  readonly run: (group: number, millis: number) => Promise<number>
  readonly close: () => Promise<void> | void
}

const objects = 1000
const owner = ControllerId.make("bench")
const stateOf = (n: number): Val.Val => ({ balance: n })
const message: Val.Val = ["Deposit", { amount: 1 }]
const creation = (n: number): ObjectStore.Creation => ({
  behaviour: "account",
  metadata: {
    id: ObjectId.make(`o${n}`),
    machine: MachineId.make("m0"),
    creatingController: Option.some(owner),
    currentController: Option.some(owner)
  },
  state: stateOf(0)
})
const creates = Array.from({ length: objects }, (_, n) => creation(n))

const prepared = (filename: string): Promise<void> =>
  Effect.runPromise(
    Effect.flatMap(ObjectStore.ObjectStore, (store) => store.commit({ ...ObjectStore.noChanges, creates })).pipe(
      Effect.asVoid,
      Effect.provide(Sqlite.layerStore({ filename, synchronous: "off" }))
    )
  )

// ---------------------------------------------------------------------------
// contenders
// ---------------------------------------------------------------------------

/** The statements of the store, in the order of the store; what is written is encoded beforehand. */
const raw = async (filename: string, synchronous: Synchronous): Promise<Contender> => {
  await prepared(filename)
  const db = new Database(filename)
  db.pragma("journal_mode = WAL")
  db.pragma(`synchronous = ${synchronous}`)
  db.pragma("foreign_keys = ON")
  const [begin, commit] = [db.prepare("BEGIN IMMEDIATE"), db.prepare("COMMIT")]
  const update = db.prepare("UPDATE objects SET state = ?, state_version = ? WHERE ordinal = ?")
  const accept = db.prepare(
    "INSERT INTO history (object, version, position, sender, input, answers) VALUES (?, ?, ?, ?, ?, ?)"
  )
  const clock = db.prepare("UPDATE clock SET version = ? WHERE one = 1")
  const state = Val.toBytes(stateOf(1000))
  const input = Val.toBytes(message)
  let version = 1
  return {
    name: "raw better-sqlite3, the same rows",
    close: () => void db.close(),
    run: async (group, millis) => {
      const from = performance.now()
      let commits = 0
      while (performance.now() - from < millis) {
        begin.run()
        for (let n = 0; n < group; n++) {
          version++
          update.run(state, version, version % objects + 1)
        }
        for (let n = 0; n < group; n++) accept.run((version - n) % objects + 1, version - n, 0, "root", input, null)
        clock.run(version)
        commit.run()
        commits += group
      }
      return (performance.now() - from) * 1000 / commits
    }
  }
}

/** So many fibers, each with a loop of its own, until the time is over. */
const loops = <E, R>(group: number, millis: number, once: (n: number) => Effect.Effect<unknown, E, R>) =>
  Effect.gen(function*() {
    const from = performance.now()
    let commits = 0
    const loop = Effect.gen(function*() {
      while (performance.now() - from < millis) {
        commits++
        yield* once(commits)
      }
    })
    yield* Effect.all(Array.from({ length: group }, () => loop), { concurrency: "unbounded", discard: true })
    return (performance.now() - from) * 1000 / commits
  })

const store = async (filename: string, synchronous: Synchronous): Promise<Contender> => {
  await prepared(filename)
  const runtime = ManagedRuntime.make(Sqlite.layerStore({ filename, synchronous }))
  const service = await runtime.runPromise(ObjectStore.ObjectStore)
  const ids = creates.map(({ metadata: { id } }) => id)
  const root = Option.some(ObjectId.make("root"))
  let next = 0
  return {
    name: "the store: read, validate, commit",
    close: () => runtime.dispose(),
    run: (group, millis) =>
      Effect.runPromise(loops(group, millis, () => {
        const id = ids[++next % objects] as ObjectId.ObjectId // within the list
        return Effect.flatMap(service.read(id, ObjectStore.latest), (stored) => {
          if (Option.isNone(stored) || stored.value._tag === "Tombstone") return Effect.dieMessage("bench: no object")
          return service.commit({
            ...ObjectStore.noChanges,
            reads: new Map([[id.value, { id, exists: true, state: stored.value.stateVersion }]]),
            states: [[id, stateOf(next)]],
            inputs: [[id, { input: message, sender: root, answers: [] }]]
          })
        })
      }))
  }
}

const Account = Behaviour.layerRaw("account", function*() {
  const state = yield* Introspect.getState
  const balance = typeof state === "object" && state !== null && "balance" in state ? Number(state.balance) : 0
  yield* Introspect.setState({ balance: balance + 1 })
  return [balance + 1]
})

const machine = async (name: string, platform: Layer.Layer<Avm.Avm | Avm.Platform, unknown>): Promise<Contender> => {
  const runtime = ManagedRuntime.make(Layer.provideMerge(Account, platform))
  const ids = await runtime.runPromise(
    Avm.run(Tx.transact(Effect.forEach(creates, () => Obj.create("account", owner))))
  )
  let next = 0
  return {
    name,
    close: () => runtime.dispose(),
    run: (group, millis) =>
      runtime.runPromise(loops(group, millis, () => {
        const id = ids[++next % objects] as ObjectId.ObjectId // within the list
        return Avm.run(Tx.transact(Obj.call(id, message), { retry: Schedule.forever }))
      }))
  }
}

const effectSql = async (filename: string, synchronous: Synchronous): Promise<Contender> => {
  await prepared(filename)
  const runtime = ManagedRuntime.make(SqliteClient.layer({ filename }))
  const sql = await runtime.runPromise(SqliteClient.SqliteClient)
  await runtime.runPromise(sql.unsafe(`PRAGMA synchronous = ${synchronous}`))
  const state = Val.toBytes(stateOf(1000))
  const input = Val.toBytes(message)
  let version = 1
  return {
    name: "@effect/sql, one statement per row",
    close: () => runtime.dispose(),
    run: (group, millis) =>
      Effect.runPromise(loops(group, millis, () => {
        const mine = ++version
        return sql.withTransaction(Effect.gen(function*() {
          const ordinal = mine % objects + 1
          yield* sql`UPDATE objects SET state = ${state}, state_version = ${mine} WHERE ordinal = ${ordinal}`
          yield* sql`INSERT INTO history (object, version, position, sender, input, answers)
            VALUES (${ordinal}, ${mine}, 0, 'root', ${input}, NULL)`
          yield* sql`UPDATE clock SET version = ${mine} WHERE one = 1`
        }))
      }))
  }
}

// ---------------------------------------------------------------------------
// the table
// ---------------------------------------------------------------------------

export const table = async (rounds: number, synchronous: Synchronous): Promise<string> => {
  const where = mkdtempSync(join(process.env.BENCH_DIR ?? tmpdir(), "effect-avm-bench-"))
  const file = (name: string) => join(where, `${name}.db`)
  const contenders = [
    await raw(file("raw"), synchronous),
    await store(file("store"), synchronous),
    await machine(
      "the machine: a transaction with a call",
      Sqlite.layer({ filename: file("machine"), synchronous })
    ),
    await effectSql(file("effect"), synchronous),
    await machine("the machine in memory", Avm.layerMemory)
  ]
  const lines = [
    `\n### Durable commits, synchronous = ${synchronous}\n`,
    "| at once | | µs per commit | per second | of raw |",
    "|---:|---|---:|---:|---:|"
  ]
  for (const group of [1, 16, 128]) {
    const times = contenders.map((): Array<number> => [])
    // Short slices in turn, so that what else the disk has to do hits all of them alike.
    for (let round = -1; round < rounds * 4; round++) {
      for (const [index, { run }] of contenders.entries()) {
        const time = await run(group, 80)
        // The first one warms up.
        if (round >= 0) times[index]?.push(time)
      }
    }
    for (const [index, { name }] of contenders.entries()) {
      const mine = times[index] ?? []
      const ratio = median(mine.map((time, round) => (times[0]?.[round] ?? NaN) / time))
      const micros = median(mine)
      const cells = [group, name, micros.toFixed(1), Math.round(1e6 / micros), `${(ratio * 100).toFixed(0)} %`]
      lines.push(`| ${cells.join(" | ")} |`)
    }
  }
  for (const { close } of contenders) await close()
  rmSync(where, { recursive: true })
  return lines.join("\n")
}
