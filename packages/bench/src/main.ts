/**
 * `npm run bench -- [--quick] [--only hot|trace|failures|others|stores|contention|memory|durable|turns|solver] [--json FILE] [--compare FILE]`
 *
 * Prints tables of medians with their ratios to a step; writes them as JSON; shows what has changed against such a file.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { parseArgs } from "node:util"
import * as contention from "./contention.js"
import * as durable from "./durable.js"
import * as durableSize from "./durableSize.js"
import * as durableTurns from "./durableTurns.js"
import * as failures from "./failures.js"
import { measure, show, type Table } from "./harness.js"
import * as memory from "./memory.js"
import { rows as others } from "./others.js"
import { hot, stores } from "./rows.js"
import * as traces from "./traces.js"
import * as turns from "./turns.js"

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    json: { type: "string" },
    compare: { type: "string" }
  }
})

const wanted = (part: string) => values.only === undefined || values.only === part
const rounds = values.quick ? 3 : 11
const before: ReadonlyArray<Table> = values.compare === undefined
  ? []
  : JSON.parse(readFileSync(values.compare, "utf8"))
const tables: Array<Table> = []

const print = async (...args: Parameters<typeof measure>) => {
  const table = await measure(...args)
  tables.push(table)
  process.stdout.write(`${show(table, before.find((_) => _.title === table.title))}\n`)
}

if (wanted("hot")) await print("The machine", await hot(), rounds)
if (wanted("trace")) await print("Traces", await traces.rows(), rounds, traces.differences)
if (wanted("failures")) await print("Failures", await failures.rows(), rounds)
if (wanted("others")) await print("What else one would use", others, rounds)
if (wanted("stores")) {
  const sizes = values.quick ? [10, 1000, 100_000] : [10, 1000, 100_000, 1_000_000]
  await print("Transactions, by the size of the store", await stores(sizes), Math.ceil(rounds / 2))
}
if (wanted("contention")) process.stdout.write(`${await contention.table(values.quick ? 1 : 3)}\n`)
if (wanted("memory")) process.stdout.write(`${memory.table(values.quick ? 100_000 : 1_000_000)}\n`)
if (wanted("turns")) {
  await print("Turns in memory", await turns.rows(values.quick), Math.ceil(rounds / 2))
  process.stdout.write(`${await turns.latency(values.quick ? 20 : 100)}\n`)
}
if (wanted("durable")) {
  for (const synchronous of ["full", "off"] as const) {
    process.stdout.write(`${await durable.table(values.quick ? 3 : 11, synchronous)}\n`)
  }
  process.stdout.write(`${await durableTurns.table(values.quick ? 3 : 11, "full")}\n`)
  process.stdout.write(`${await durableSize.table(values.quick ? 100_000 : 1_000_000)}\n`)
}
if (wanted("solver")) {
  // Loads other solvers, so only when it is wanted.
  const solver = await import("./solver.js")
  process.stdout.write(`${await solver.table(values.quick)}\n`)
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(tables, null, 2)}\n`)
