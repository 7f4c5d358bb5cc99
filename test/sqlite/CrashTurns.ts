/**
 * The program whose turns are killed: messages to desks, which tell a ledger and the world. Each message that was accepted
 * is told on the standard output, as its number; nothing is told before.
 *
 * Arguments: the file, the number of this run, `full`, `normal` or `off`.
 */
import { Avm, Obj } from "@effect-avm/core"
import { Effect } from "effect"
import { writeSync } from "node:fs"
import { quiet } from "../support/Quiet.js"
import { open, platform } from "./CrashDesk.js"

const [filename = "", run = "0", synchronous = "full"] = process.argv.slice(2)

/** Waits where the other side is slow to read. */
const tell = (line: string): void => {
  for (;;) {
    try {
      writeSync(1, `${line}\n`)
      return
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error
    }
  }
}

/** Numbers of other runs begin elsewhere. */
let number = Number(run) * 1_000_000

const main = Effect.gen(function*() {
  const [ledger, ...desks] = yield* open
  tell("ready")
  const send = Effect.suspend(() => {
    const mine = ++number
    const desk = desks[mine % desks.length]
    if (desk === undefined || ledger === undefined) return Effect.dieMessage("no desk")
    return Effect.map(Avm.run(Obj.sendOnly(desk, [mine, ledger])), () => tell(String(mine)))
  })
  // Slower than the turns, so that the end finds some of all.
  yield* Effect.all(
    Array.from({ length: 8 }, () => Effect.forever(Effect.zipRight(send, Effect.sleep("2 millis")))),
    { concurrency: "unbounded" }
  )
})

const mode = synchronous === "off" || synchronous === "normal" ? synchronous : "full"
const running = Effect.provide(main, platform(filename, mode, "background"))
// Its output is for the test.
await Effect.runPromise(Effect.provide(running, quiet))
