/** Files that go away again, a driver that fails when it is told to, and what a store has, as text. */
import { type AvmError, ObjectId, ObjectStore, Val } from "@effect-avm/core"
import { Driver, Sqlite } from "@effect-avm/sqlite"
import { Effect, Layer, Option, type Scope } from "effect"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"

// ---------------------------------------------------------------------------
// files
// ---------------------------------------------------------------------------

/** A directory of its own, gone with the scope. */
export const directory: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "effect-avm-"))),
  (created) => Effect.sync(() => fs.rmSync(created, { recursive: true, force: true }))
)

export const newFile: Effect.Effect<string, never, Scope.Scope> = Effect.map(
  directory,
  (created) => path.join(created, "avm.db")
)

/** Runs with the store on this file, and closes it. */
export const withStore = <A, E>(
  filename: string,
  body: (store: ObjectStore.Service) => Effect.Effect<A, E>,
  options?: Partial<Sqlite.StoreOptions>
): Effect.Effect<A, E | AvmError.StoreError> =>
  Effect.flatMap(ObjectStore.ObjectStore, body).pipe(
    Effect.provide(Sqlite.layerStore({ filename, synchronous: "off", ...options }))
  )

// ---------------------------------------------------------------------------
// faults
// ---------------------------------------------------------------------------

/** What happens to a statement: nothing, it fails, or it is done and fails all the same. */
export type Fault = "none" | "fails" | "done and fails"

export interface Faulty {
  readonly driver: Driver.Service
  /** Statements so far. */
  count: number
  /** Asked at each statement, with its number. */
  fault: (n: number, sql: string) => Fault
}

export const ioError = (): Error => Object.assign(new Error("disk I/O error"), { code: "SQLITE_IOERR" })

/** Stands around a driver, and counts the statements that reach it. */
export const faulty = (inner: Driver.Service = Driver.betterSqlite3): Faulty => {
  const self: Faulty = {
    count: 0,
    fault: () => "none",
    driver: {
      open: (filename, options) => {
        const connection = inner.open(filename, options)
        const step = <A>(sql: string, run: () => A): A => {
          const fault = self.fault(++self.count, sql)
          if (fault === "none") return run()
          if (fault === "done and fails") run()
          throw ioError()
        }
        return {
          ...connection,
          exec: (sql) => step(sql, () => connection.exec(sql)),
          prepare: (sql) => {
            const { all, columns, get, run } = connection.prepare(sql)
            return {
              columns,
              all: (...parameters) => step(sql, () => all(...parameters)),
              get: (...parameters) => step(sql, () => get(...parameters)),
              run: (...parameters) => step(sql, () => run(...parameters))
            }
          }
        }
      }
    }
  }
  return self
}

/** For what is opened within. */
export const withDriver = (driver: Driver.Service) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provideService(effect, Driver.Driver, driver)

export const layerDriver = (driver: Driver.Service): Layer.Layer<Driver.Driver> => Layer.succeed(Driver.Driver, driver)

// ---------------------------------------------------------------------------
// what a store has
// ---------------------------------------------------------------------------

/** Every object that is there or was, by id, with its history; versions are numbers of commits, and left out. */
export const dump = (store: ObjectStore.Service, ids: ReadonlyArray<ObjectId.ObjectId>, names: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const lines: Array<string> = []
    for (const { metadata } of yield* store.scan(ObjectStore.latest)) lines.push(`scanned ${metadata.id.value}`)
    for (const id of ids) {
      const stored = Option.getOrUndefined(yield* store.read(id, ObjectStore.latest))
      lines.push(`${id.value}: ${stored === undefined ? "never was" : print(stored)}`)
      for (const accepted of yield* store.history(id)) lines.push(`  ${printAccepted(accepted)}`)
    }
    for (const name of names) lines.push(`${name}: ${JSON.stringify(yield* store.readFunction(name))}`)
    return lines.join("\n")
  })

const print = (stored: ObjectStore.Stored): string => {
  if (stored._tag === "Tombstone") return "gone"
  const { behaviour, metadata, replicas, state } = stored
  const { creatingController, currentController, machine } = metadata
  const copies = [...replicas].sort(([a], [b]) => a < b ? -1 : 1).map(([at, replica]) =>
    `${at}: ${Val.format(replica.state)} [${[...replica.accepted].map(printAccepted).join(", ")}]`
  )
  const [creator, owner] = [creatingController, currentController].map((_) => Option.getOrElse(_, () => "-"))
  return `${behaviour} ${machine} ${creator} ${owner} ${Val.format(state)} {${copies.join("; ")}}`
}

const printAccepted = ({ answers, input, sender }: ObjectStore.Accepted): string => {
  const from = Option.match(sender, { onNone: () => "-", onSome: ({ value }) => value })
  const answered = answers.map(({ answer, instruction }) => `${Val.format(instruction)}=${Val.format(answer)}`)
  return `${Val.format(input)} from ${from}${answered.length === 0 ? "" : ` (${answered.join(", ")})`}`
}

export const id = (name: string): ObjectId.ObjectId => ObjectId.make(name)
