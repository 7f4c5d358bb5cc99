/**
 * A `SqlClient` over one connection of the driver: for the migrations and the queries that are put together at run time.
 * What is written at each commit goes to prepared statements directly, see docs/decisions/0014-one-connection.md.
 */
import * as Reactivity from "@effect/experimental/Reactivity"
import * as Client from "@effect/sql/SqlClient"
import type * as SqlConnection from "@effect/sql/SqlConnection"
import { SqlError } from "@effect/sql/SqlError"
import * as Statement from "@effect/sql/Statement"
import * as Effect from "effect/Effect"
import type { Connection, Row, Value } from "../Driver.js"

export const make = (connection: Connection): Effect.Effect<Client.SqlClient> => {
  const ask = (sql: string, parameters: ReadonlyArray<unknown>): Effect.Effect<Answer, SqlError> =>
    Effect.try({
      try: () => {
        const statement = connection.prepare(sql)
        // The client has made them from what it was given; the driver throws at what SQLite cannot hold.
        const values = parameters as ReadonlyArray<Value>
        if (statement.columns.length > 0) return { columns: statement.columns, rows: statement.all(...values) }
        statement.run(...values)
        return { columns: [], rows: [] }
      },
      catch: (cause) => new SqlError({ cause, message: "Failed to execute statement" })
    })

  const records: SqlConnection.Connection["execute"] = (sql, parameters, transform) =>
    Effect.map(ask(sql, parameters), (answer) => {
      const found = toRecords(answer)
      return transform === undefined ? found : transform(found)
    })

  const one: SqlConnection.Connection = {
    execute: records,
    executeRaw: ask,
    executeStream: () => Effect.dieMessage("no stream over a synchronous driver") as never, // fails before it is one
    executeUnprepared: records,
    executeValues: (sql, parameters) => Effect.map(ask(sql, parameters), ({ rows }) => rows)
  }

  return Effect.provide(
    Client.make({ acquirer: Effect.succeed(one), compiler: Statement.makeCompilerSqlite(), spanAttributes: [] }),
    Reactivity.layer
  )
}

interface Answer {
  readonly columns: ReadonlyArray<string>
  readonly rows: ReadonlyArray<Row>
}

const toRecords = ({ columns, rows }: Answer): ReadonlyArray<Record<string, Value>> =>
  rows.map((row) => Object.fromEntries(columns.map((column, index) => [column, row[index] ?? null])))
