/**
 * Durable commits: the store and the machine on a file, beside raw better-sqlite3 that writes the same rows with the same
 * grouping, `@effect/sql` with one statement per row, and memory. Wall-clock times: most of it is waiting for the disk.
 *
 * Each contender has a process of its own, as it would have in production: what one of them leaves for the collector of
 * garbage is not collected in the time of another one. One of them works at a time.
 */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Name, Slice, Synchronous } from "./durableContender.js"
import { median } from "./harness.js"

const titles: { readonly [N in Name]: string } = {
  raw: "raw better-sqlite3, the same rows, histories by object",
  rawAsStored: "the same, with the tables and the checkpoints of the store",
  store: "the store: read, validate, commit",
  machine: "the machine: a transaction with a call",
  effectSql: "@effect/sql, one statement per row",
  memoryStore: "the store in memory",
  memoryMachine: "the machine in memory"
}

/** The next thing that it says. */
const said = async (child: ChildProcess): Promise<unknown> => {
  const left = new AbortController()
  try {
    return await Promise.race([
      once(child, "message", left).then(([message]) => message),
      once(child, "exit", left).then(([code]) => Promise.reject(new Error(`bench: a contender ended with ${code}`)))
    ])
  } finally {
    left.abort()
  }
}

export const table = async (rounds: number, synchronous: Synchronous): Promise<string> => {
  const where = mkdtempSync(join(process.env.BENCH_DIR ?? tmpdir(), "effect-avm-bench-"))
  const contenders: Array<{ readonly title: string; readonly child: ChildProcess }> = []
  for (const [name, title] of Object.entries(titles)) {
    const program = fileURLToPath(new URL("durableContender.js", import.meta.url))
    const child = fork(program, [name, join(where, `${name}.db`), synchronous])
    await said(child)
    contenders.push({ title, child })
  }
  const run = (child: ChildProcess, slice: Slice): Promise<number> => {
    child.send(slice)
    return said(child).then(Number)
  }
  const lines = [
    `\n### Durable commits, synchronous = ${synchronous}\n`,
    "| at once | | µs per commit | per second | of raw |",
    "|---:|---|---:|---:|---:|"
  ]
  // Everything that is to be compiled is.
  for (const { child } of contenders) await run(child, { group: 128, millis: 1000 })
  for (const group of [1, 16, 128]) {
    const times = contenders.map((): Array<number> => [])
    // Short slices in turn, so that what else the disk has to do hits all of them alike; the first one does not count.
    for (let round = -1; round < rounds * 4; round++) {
      for (const [index, { child }] of contenders.entries()) {
        const time = await run(child, { group, millis: 80 })
        if (round >= 0) times[index]?.push(time)
      }
    }
    for (const [index, { title }] of contenders.entries()) {
      const mine = times[index] ?? []
      const ratio = median(mine.map((time, round) => (times[0]?.[round] ?? NaN) / time))
      const micros = median(mine)
      const cells = [group, title, micros.toFixed(1), Math.round(1e6 / micros), `${(ratio * 100).toFixed(0)} %`]
      lines.push(`| ${cells.join(" | ")} |`)
    }
  }
  for (const { child } of contenders) {
    child.disconnect()
    await once(child, "exit")
  }
  rmSync(where, { recursive: true })
  return lines.join("\n")
}
