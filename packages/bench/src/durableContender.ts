/**
 * A contender of `durable.ts` in a process of its own: `node durableContender.js <name> <file> <synchronous>`. It is told
 * how many are to commit at once, and for how long, and answers the microseconds of one commit.
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
import * as rawRows from "./rawRows.js"

export type Synchronous = "full" | "normal" | "off"

/** What the process is asked for. */
export interface Slice {
  readonly group: number
  readonly millis: number
}

/** Runs for so long with so many at once, and answers the time of one commit in microseconds. */
interface Contender {
  readonly run: (group: number, millis: number) => Promise<number>
  readonly close: () => Promise<void> | void
}

const objects = 1000
const owner = ControllerId.make("bench")
const stateOf = (n: number): Val.Val => ({ balance: n })
/** As long as the id of a program. */
const sender = "o-0123456789abcdef-000"
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

const create = Effect.flatMap(
  ObjectStore.ObjectStore,
  (store) => store.commit({ ...ObjectStore.noChanges, creates })
)

const prepared = (filename: string): Promise<void> =>
  Effect.runPromise(
    create.pipe(Effect.asVoid, Effect.provide(Sqlite.layerStore({ filename, synchronous: "off" })))
  )

// ---------------------------------------------------------------------------
// contenders
// ---------------------------------------------------------------------------

/** The statements of a commit, in the order of the store; what is written is encoded beforehand. */
const raw = async (filename: string, synchronous: Synchronous, layout: rawRows.Layout): Promise<Contender> => {
  await prepared(filename)
  const db = new Database(filename)
  db.pragma("journal_mode = WAL")
  db.pragma(`synchronous = ${synchronous}`)
  db.pragma("foreign_keys = ON")
  if (layout === "store") db.pragma("wal_autocheckpoint = 4000")
  const rows = rawRows.make(db, layout)
  const state = Val.toBytes(stateOf(1000))
  const input = Val.toBytes(message)
  let version = 1
  return {
    close: () => void db.close(),
    run: async (group, millis) => {
      const from = performance.now()
      let commits = 0
      while (performance.now() - from < millis) {
        rows.begin()
        const first = version + 1
        for (let n = 0; n < group; n++) {
          version++
          rows.update(version % objects + 1, state, version)
        }
        for (let n = first; n <= version; n++) rows.accept(n % objects + 1, n, sender, input)
        rows.commit(version)
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

const store = async (layer: Layer.Layer<ObjectStore.ObjectStore, unknown>): Promise<Contender> => {
  const runtime = ManagedRuntime.make(layer)
  const service = await runtime.runPromise(ObjectStore.ObjectStore)
  const ids = creates.map(({ metadata: { id } }) => id)
  const root = Option.some(ObjectId.make(sender))
  let next = 0
  return {
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

const durableStore = async (filename: string, synchronous: Synchronous): Promise<Contender> => {
  await prepared(filename)
  return store(Sqlite.layerStore({ filename, synchronous }))
}

const Account = Behaviour.layerRaw("account", function*() {
  const state = yield* Introspect.getState
  const balance = typeof state === "object" && state !== null && "balance" in state ? Number(state.balance) : 0
  yield* Introspect.setState({ balance: balance + 1 })
  return [balance + 1]
})

const machine = async (platform: Layer.Layer<Avm.Avm | Avm.Platform, unknown>): Promise<Contender> => {
  const runtime = ManagedRuntime.make(Layer.provideMerge(Account, platform))
  const ids = await runtime.runPromise(
    Avm.run(Tx.transact(Effect.forEach(creates, () => Obj.create("account", owner))))
  )
  let next = 0
  return {
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
  await runtime.runPromise(sql.unsafe(rawRows.plainHistory))
  const state = Val.toBytes(stateOf(1000))
  const input = Val.toBytes(message)
  let version = 1
  return {
    close: () => runtime.dispose(),
    run: (group, millis) =>
      Effect.runPromise(loops(group, millis, () => {
        const mine = ++version
        return sql.withTransaction(Effect.gen(function*() {
          const ordinal = mine % objects + 1
          yield* sql`UPDATE objects SET state = ${state}, state_version = ${mine} WHERE ordinal = ${ordinal}`
          yield* sql`INSERT INTO plain_history (object, version, position, sender, input, answers)
            VALUES (${ordinal}, ${mine}, 0, ${sender}, ${input}, NULL)`
          yield* sql`UPDATE clock SET version = ${mine} WHERE one = 1`
        }))
      }))
  }
}

// ---------------------------------------------------------------------------
// the process
// ---------------------------------------------------------------------------

const contenders = {
  raw: (filename: string, synchronous: Synchronous) => raw(filename, synchronous, "plain"),
  rawAsStored: (filename: string, synchronous: Synchronous) => raw(filename, synchronous, "store"),
  store: durableStore,
  machine: (filename: string, synchronous: Synchronous) => machine(Sqlite.layer({ filename, synchronous })),
  effectSql,
  memoryStore: () => store(Layer.provideMerge(Layer.effectDiscard(create), ObjectStore.layerMemory)),
  memoryMachine: () => machine(Avm.layerMemory)
}

export type Name = keyof typeof contenders

const [name, filename, synchronous] = process.argv.slice(2)
const contender = await contenders[name as Name](String(filename), synchronous as Synchronous) // as `durable.ts` says
process.on("message", ({ group, millis }: Slice) => {
  void contender.run(group, millis).then((micros) => process.send?.(micros))
})
process.on("disconnect", () => void contender.close())
process.send?.("ready")
