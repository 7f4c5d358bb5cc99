/**
 * Durable turns: messages to many objects, each processed in a commit of its own, by how many turns are under way at once;
 * beside raw better-sqlite3 that makes the same changes with the same grouping, and the same turns in memory. A turn takes
 * its message out, changes a state, and adds to a history. Wall-clock times, the contenders in turn.
 */
import { Avm, Behaviour, Introspect, Obj, Turns, Val } from "@effect-avm/core"
import { Sqlite } from "@effect-avm/sqlite"
import Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { median } from "./harness.js"
import { controller } from "./machine.js"
import * as rawRows from "./rawRows.js"

type Synchronous = "full" | "normal" | "off"

interface Contender {
  readonly name: string
  /** Sends so many messages, then processes them: microseconds for a turn, the sending left out. */
  readonly round: (messages: number) => Promise<number>
  readonly close: () => Promise<void> | void
}

const Adder = Behaviour.layerRaw("adder", function*() {
  const state = yield* Introspect.getState
  yield* Introspect.setState((typeof state === "number" ? state : 0) + 1)
  return []
})

const objects = 1000

const pick = <A>(from: ReadonlyArray<A>, n: number): A => from[(n * 7919) % from.length] as A // the list is not empty

const machine = async (
  name: string,
  platform: Layer.Layer<Avm.Platform, unknown>
): Promise<Contender> => {
  const runtime = ManagedRuntime.make(Layer.provideMerge(Adder, platform))
  const ids = await runtime.runPromise(Avm.run(Effect.replicateEffect(Obj.create("adder", controller), objects)))
  return {
    name,
    close: () => runtime.dispose(),
    round: async (messages) => {
      await runtime.runPromise(Effect.forEach(
        Array.from({ length: messages }, (_, n) => pick(ids, n)),
        (id) => Avm.run(Obj.sendOnly(id, 1)),
        { concurrency: 128, discard: true }
      ))
      const from = performance.now()
      await runtime.runPromise(Turns.settle)
      return (performance.now() - from) * 1000 / messages
    }
  }
}

/** The statements of a turn, in groups; what is written is encoded beforehand. */
const raw = async (filename: string, synchronous: Synchronous, group: number): Promise<Contender> => {
  // The tables, with the objects in them.
  await machine("", Sqlite.layer({ filename, synchronous: "off" })).then(({ close }) => close())
  const db = new Database(filename)
  db.pragma("journal_mode = WAL")
  db.pragma(`synchronous = ${synchronous}`)
  const send = db.prepare(
    "INSERT INTO messages (ordinal, version, id, sender, receiver, input, behaviour, answered) " +
      "VALUES (?, 0, ?, 'root', 'object', ?, NULL, 0)"
  )
  const rows = rawRows.make(db, "plain")
  const take = db.prepare("DELETE FROM messages WHERE ordinal = ?")
  const input = Val.toBytes(1)
  let [ordinal, version] = [0, 1_000_000]
  return {
    name: "raw better-sqlite3, the same rows, histories by object",
    close: () => void db.close(),
    round: async (messages) => {
      const first = ordinal + 1
      db.transaction(() => {
        for (let n = 0; n < messages; n++) send.run(++ordinal, `m${ordinal}`, input)
      })()
      const from = performance.now()
      for (let done = 0; done < messages; done += group) {
        const size = Math.min(group, messages - done)
        rows.begin()
        for (let n = 0; n < size; n++) {
          version++
          rows.update(version % objects + 1, Val.toBytes(version), version)
        }
        for (let n = 0; n < size; n++) {
          take.run(first + done + n)
          rows.accept((version - n) % objects + 1, version - n, "root", input)
        }
        rows.commit(version)
      }
      return (performance.now() - from) * 1000 / messages
    }
  }
}

export const table = async (rounds: number, synchronous: Synchronous): Promise<string> => {
  const where = mkdtempSync(join(process.env.BENCH_DIR ?? tmpdir(), "effect-avm-bench-"))
  const lines = [
    `\n### Durable turns, synchronous = ${synchronous}\n`,
    "| at once | | µs per turn | turns per second | of raw |",
    "|---:|---|---:|---:|---:|"
  ]
  for (const concurrency of [1, 16, 128]) {
    const turns: Turns.Options = { run: "manual", concurrency }
    const file = (name: string) => join(where, `${name}-${concurrency}.db`)
    const contenders = [
      await raw(file("raw"), synchronous, concurrency),
      await machine("on a file", Sqlite.layer({ filename: file("machine"), synchronous, turns })),
      await machine("in memory", Avm.layerMemoryWith({ turns }))
    ]
    const times = contenders.map((): Array<number> => [])
    for (let round = -1; round < rounds; round++) {
      for (const [index, { round: run }] of contenders.entries()) {
        const time = await run(concurrency === 1 ? 500 : 2000)
        // The first one warms up.
        if (round >= 0) times[index]?.push(time)
      }
    }
    for (const [index, { name }] of contenders.entries()) {
      const mine = times[index] ?? []
      const micros = median(mine)
      const ratio = median(mine.map((time, round) => (times[0]?.[round] ?? NaN) / time))
      const cells = [concurrency, name, micros.toFixed(1), Math.round(1e6 / micros), `${(ratio * 100).toFixed(0)} %`]
      lines.push(`| ${cells.join(" | ")} |`)
    }
    for (const { close } of contenders) await close()
  }
  rmSync(where, { recursive: true })
  return lines.join("\n")
}
