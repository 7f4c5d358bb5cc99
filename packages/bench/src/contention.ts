/**
 * Many programs on few objects: how many brackets commit, and how many tries that takes, with the privilege of those who
 * keep losing, and without.
 */
import { Obj, type ObjectId, Tx } from "@effect-avm/core"
import { Effect, Schedule } from "effect"
import { median } from "./harness.js"
import { controller, make } from "./machine.js"

const programs = 100
const objects = 10
const brackets = 20

interface Counted {
  readonly commitsPerSecond: number
  readonly abortsPerCommit: number
}

type Way = "immediate" | "backoff" | "backoff alone"

const once = async (way: Way): Promise<Counted> => {
  const machine = make()
  const ids = await Effect.runPromise(machine.run(Effect.replicateEffect(Obj.create("adder", controller), objects)))
  let tries = 0
  const body = (n: number) =>
    Effect.gen(function*() {
      tries++
      for (let call = 0; call < 4; call++) {
        yield* Obj.call(ids[(n * 31 + call * 7) % objects] as ObjectId.ObjectId, 1) // there are ten
        // Other programs go on meanwhile, as they would while this one waits for something.
        yield* Effect.yieldNow()
      }
    })
  const backoff = Schedule.jittered(Schedule.exponential("1 millis", 1.2))
  const work = (program: number) =>
    Effect.gen(function*() {
      for (let n = 0; n < brackets; n++) {
        // A new bracket each time has lost no race yet, so that it never asks for the privilege.
        yield* way === "backoff alone"
          ? Effect.retry(Tx.transact(body(program + n)), backoff)
          : Tx.transact(body(program + n), { retry: way === "backoff" ? backoff : Schedule.forever })
      }
    })
  const start = performance.now()
  await Effect.runPromise(
    Effect.all(Array.from({ length: programs }, (_, n) => machine.run(work(n))), { concurrency: "unbounded" })
  )
  const seconds = (performance.now() - start) / 1000
  const commits = programs * brackets
  return { commitsPerSecond: commits / seconds, abortsPerCommit: (tries - commits) / commits }
}

export const table = async (rounds: number): Promise<string> => {
  const lines: Array<string> = []
  const ways: ReadonlyArray<readonly [string, Way]> = [
    ["the privilege, tries at once", "immediate"],
    ["the privilege, tries with backoff", "backoff"],
    ["no privilege, tries with backoff", "backoff alone"]
  ]
  for (const [name, way] of ways) {
    const runs: Array<Counted> = []
    for (let round = 0; round < rounds; round++) runs.push(await once(way))
    const commits = median(runs.map((_) => _.commitsPerSecond)).toFixed(0)
    lines.push(`| ${name} | ${commits} | ${median(runs.map((_) => _.abortsPerCommit)).toFixed(2)} |`)
  }
  return [
    `\n### ${programs} programs × ${brackets} brackets of 4 calls on ${objects} objects\n`,
    "| | commits per second | aborts per commit |",
    "|---|---:|---:|",
    ...lines
  ].join("\n")
}
