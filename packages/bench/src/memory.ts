/**
 * What things weigh, in a process of their own, where nothing was measured before.
 */
import { execFileSync } from "node:child_process"
import { fileURLToPath } from "node:url"

/** In bytes. */
export interface Weights {
  /** Its id and its empty state included. */
  readonly object: number
  /** The first state that is written, and one message in the history. */
  readonly call: number
  readonly entry: number
}

const weigh = (count: number): Weights =>
  JSON.parse(execFileSync(
    process.execPath,
    ["--expose-gc", "--max-old-space-size=4096", fileURLToPath(new URL("weigh.js", import.meta.url)), String(count)],
    { encoding: "utf8" }
  ))

const target = 450

export const table = (count: number): string => {
  const { call, entry, object } = weigh(count)
  const missed = object <= target ? "" : " (missed)"
  return [
    "\n### Memory\n",
    "| | bytes | target |",
    "|---|---:|---:|",
    `| object, one of ${count.toLocaleString("en")}, its id and empty state included | ${
      object.toFixed(0)
    } | ${target}${missed} |`,
    `| its first call: a state, a message in its history | ${call.toFixed(0)} | |`,
    `| entry of a trace | ${entry.toFixed(0)} | |`
  ].join("\n")
}
