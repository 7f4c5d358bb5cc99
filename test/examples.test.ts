/**
 * The examples do what they say: what their `main` answers, what it prints, and that each runs as a command of its own.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { execFile, spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { promisify } from "node:util"
import * as Bank from "../examples/Bank.js"
import * as Battleship from "../examples/Battleship.js"
import * as DurableBank from "../examples/DurableBank.js"
import * as IntentMatching from "../examples/IntentMatching.js"
import * as NQueens from "../examples/NQueens.js"
import * as ObservableSlot from "../examples/ObservableSlot.js"
import * as OrderDesk from "../examples/OrderDesk.js"
import * as PingPong from "../examples/PingPong.js"
import * as Scheduling from "../examples/Scheduling.js"
import * as Sudoku from "../examples/Sudoku.js"

describe("Bank", () => {
  it.effect("moves money, and undoes the overdraft as a whole", () =>
    Effect.gen(function*() {
      const { answer, text } = yield* printed(Bank.main)
      const balances = { alice: 70, bob: 30 }
      assert.deepStrictEqual(answer, { before: balances, missing: 30, after: balances })
      assert.match(text, /^Two accounts, and 30 moved +alice 70, bob 30$/m)
      assert.match(text, /^Alice pays 100 +refused, 30 are missing$/m)
      assert.match(text, /^The deposit is undone too +alice 70, bob 30$/m)
    }))

  it.effect("prints its trace as a table, one row for each entry", () =>
    Effect.gen(function*() {
      const { text } = yield* printed(Bank.main)
      const [head, ...rows] = text.slice(text.indexOf("time ")).split("\n").map((line) => line.split(/ {2,}/))
      assert.deepStrictEqual(head, ["time", "controller", "event", "details"])
      assert.deepStrictEqual(rows.map(([time]) => Number(time)), rows.map((_, index) => index))
      assert.deepStrictEqual(rows[0], ["0", "-", "TransactionStarted", "t1"])
      assert.deepStrictEqual(rows[4], ["4", "bank", "ObjectCalled", `o2: ["Deposit",{"amount":100}] -> 100`])
      const aborted = rows.filter(([, , event]) => event === "TransactionAborted")
      assert.deepStrictEqual(aborted.map(([, controller, , tx]) => [controller, tx]), [["bank", "t2"]])
    }))

  it.effect("prints what the README shows", () =>
    Effect.gen(function*() {
      const readme = readFileSync(path.join(root, "README.md"), "utf8")
      const { text } = yield* printed(Bank.main)
      assert.include(readme, `\`\`\`text\n${text}\n\`\`\``)
    }))
})

describe("PingPong", () => {
  it.effect("plays ten rounds", () =>
    Effect.gen(function*() {
      const { answer, text } = yield* printed(PingPong.main)
      assert.deepStrictEqual(answer, { rounds: 10, hits: 20, calls: 21, answer: "ping has the ball" })
      assert.match(text, /^ping pong ping pong ping pong …$/m)
      assert.match(text, /^10 rounds, 20 hits, 21 calls, one inside the other$/m)
    }))

  it.effect("plays any number of rounds", () =>
    Effect.gen(function*() {
      for (const rounds of [0, 1, 10_000]) {
        const { answer } = yield* printed(PingPong.play(rounds))
        assert.deepStrictEqual(answer, { rounds, hits: 2 * rounds, calls: 2 * rounds + 1, answer: "ping has the ball" })
      }
    }))
})

describe("Battleship", () => {
  it.effect("answers hit, hit, miss, hit, and leaves no trace of the turn that is undone", () =>
    Effect.gen(function*() {
      const { answer, text } = yield* printed(Battleship.main)
      assert.deepStrictEqual(answer, {
        answers: ["hit", "hit", "miss", "hit"],
        boards: {
          ada: [". . . # .", ". . . # .", ". . . . .", ". . . . .", "o . . . ."],
          bob: [". . . . .", ". X . . .", ". X . . .", ". X . . #", ". . . . ."]
        }
      })
      assert.deepStrictEqual(
        text.split("\n").filter((line) => line.includes("fires")),
        [
          "Ada fires: hit, hit",
          "Bob fires: miss",
          "Ada fires twice, but had shot at (1, 1) before: both shots are undone",
          "Ada fires: hit"
        ]
      )
      assert.strictEqual(text.split("\n").filter((line) => line.includes("Ada's")).length, 3)
    }))
})

describe("DurableBank", () => {
  it.live("goes on where it stopped", () =>
    inDirectory((directory) =>
      Effect.gen(function*() {
        const filename = path.join(directory, "bank.db")
        const first = yield* printed(DurableBank.main(filename, 2))
        assert.strictEqual(first.text, "alice 1000000, bob 0\nalice 999999, bob 1\nalice 999998, bob 2")
        const second = yield* printed(DurableBank.main(filename, 1))
        assert.strictEqual(second.text, "alice 999998, bob 2\nalice 999997, bob 3")
        assert.deepStrictEqual(second.answer, { alice: 999_997, bob: 3 })
      })
    ))

  it.live("goes on where it was killed: what it told is there, and nothing was paid by half", () =>
    inDirectory((directory) =>
      Effect.gen(function*() {
        const filename = path.join(directory, "bank.db")
        const told = yield* Effect.promise(() => killedAfter(10, ["DurableBank", filename]))
        const { answer } = yield* printed(DurableBank.main(filename, 0))
        const [, bob = ""] = /bob (\d+)$/.exec(told.at(-1) ?? "") ?? []
        assert.isAtLeast(answer.bob, Number(bob))
        assert.isAtLeast(answer.bob, 9)
        assert.strictEqual(answer.alice + answer.bob, 1_000_000)
      })
    ))
})

describe("ObservableSlot", () => {
  it.effect("called, observers read what is about to be overwritten; sent to, what is there", () =>
    Effect.gen(function*() {
      const { answer, text } = yield* printed(ObservableSlot.main)
      assert.deepStrictEqual(answer, {
        called: [[0, 1, 2], [0, 1, 2]],
        sent: [[1, 3, 3], [1, 3, 3]],
        afterCall: { set: false, value: 0, seen: [[], [], []] },
        afterSend: { set: true, value: 1, seen: [[1], [], [1]] }
      })
      assert.match(text, /^Called, they read +0, 1, 2 +0, 1, 2$/m)
      assert.match(text, /^Sent to, the slot +is set, and 2 of 3 heard of it$/m)
    }))
})

describe("OrderDesk", () => {
  it.effect("goes on after the crash, and charges once", () =>
    Effect.gen(function*() {
      const { answer, text } = yield* printed(OrderDesk.main)
      assert.deepStrictEqual(answer, {
        asked: 2,
        charged: [750],
        orders: [{ order: "order 17", count: 3, receipt: 1001 }],
        left: 7,
        placed: 7
      })
      assert.match(text, /^Another one takes over: the bank was asked 2 times, and charged 750$/m)
    }))
})

describe("NQueens", () => {
  it.effect("counts all placements, and finds one by labels", () =>
    Effect.gen(function*() {
      const { answer, text } = yield* printed(NQueens.main)
      assert.deepStrictEqual(answer, { placements: 92, first: [1, 5, 8, 6, 3, 7, 2, 4] })
      assert.match(text, /^8 queens can be placed in 92 ways$/m)
    }))
})

describe("Sudoku", () => {
  it.effect("has one solution, with every digit in every group", () =>
    Effect.gen(function*() {
      const { answer } = yield* printed(Sudoku.main)
      assert.strictEqual(answer.length, 1)
      const [rows] = answer
      const columns = rows.map((_, x) => rows.map((row) => row[x]).join(""))
      for (const line of [...rows, ...columns]) assert.strictEqual([...line].sort().join(""), "123456789")
      Sudoku.puzzle.forEach((row, y) => [...row].forEach((digit, x) => assert.include(["0", rows[y][x]], digit)))
    }))
})

describe("Scheduling", () => {
  it.effect("is done as soon as the busiest machine allows", () =>
    Effect.gen(function*() {
      const { answer } = yield* printed(Scheduling.main)
      assert.deepStrictEqual(answer, { complete: true, end: 11 })
    }))
})

describe("IntentMatching", () => {
  it.effect("clears the market, and closes the ring", () =>
    Effect.gen(function*() {
      const { answer } = yield* printed(IntentMatching.main)
      assert.deepStrictEqual(answer, {
        bought: ["ann", "cleo"],
        price: 12,
        got: ["dora gets a bicycle", "emil gets a guitar", "fay gets a lamp"]
      })
    }))
})

describe("as commands", () => {
  for (
    const [name, args, line] of [
      ["Bank", [], "The deposit is undone too    alice 70, bob 30"],
      ["PingPong", ["3"], "3 rounds, 6 hits, 7 calls, one inside the other"],
      ["Battleship", [], "The boards at the end"],
      ["NQueens", [], "8 queens can be placed in 92 ways"],
      ["Sudoku", [], "1 solution"],
      ["Scheduling", [], "done after 11"],
      ["IntentMatching", [], "ann and cleo buy at 12"],
      ["ObservableSlot", [], "Sent to, they read  1, 3, 3   1, 3, 3"],
      ["OrderDesk", [], "order 17: 3 pieces, receipt 1001"]
    ] as const
  ) {
    it(`${[name, ...args].join(" ")} prints its result`, async () => {
      const { stdout } = await promisify(execFile)(process.execPath, command([name, ...args]), { cwd: root })
      assert.include(stdout.split("\n"), line)
    })
  }
})

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const root = path.resolve(import.meta.dirname, "..")

const command = ([name, ...args]: ReadonlyArray<string>): ReadonlyArray<string> => [
  "--import",
  "tsx",
  "--conditions=@effect-avm/source",
  path.join(root, "examples", `${name}.ts`),
  ...args
]

/** The lines that it printed until it was killed, some time after so many. */
const killedAfter = (lines: number, example: ReadonlyArray<string>): Promise<ReadonlyArray<string>> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, command(example), { cwd: root, stdio: ["ignore", "pipe", "inherit"] })
    let text = ""
    child.stdout.on("data", (chunk) => {
      text += String(chunk)
      if (text.split("\n").length > lines) child.kill("SIGKILL")
    })
    child.on("error", reject)
    // The last line may have been cut off.
    child.on("close", () => resolve(text.split("\n").slice(0, -1)))
  })

const inDirectory = <A, E>(body: (directory: string) => Effect.Effect<A, E>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(path.join(tmpdir(), "effect-avm-"))),
    body,
    (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
  )

/** Runs it with a console that keeps what is logged. */
const printed = <A, E, R>(main: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const lines: Array<string> = []
    const original = yield* Console.consoleWith(Effect.succeed)
    const console: Console.Console = {
      ...original,
      log: (...args) => Effect.sync(() => void lines.push(args.map(String).join(" ")))
    }
    const answer = yield* Effect.withConsole(main, console)
    return { answer, text: lines.join("\n") }
  })
