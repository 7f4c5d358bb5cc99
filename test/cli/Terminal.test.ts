/**
 * The command as a person has it: at a terminal, with Ctrl-C, and in a pipe whose reader goes away.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as path from "node:path"
import { avm, child, example, hasTerminals, inDirectory } from "./support.js"

describe("at a terminal", () => {
  it.live("a durable bank is run, drawn, and looked at", (context) =>
    hasTerminals
      ? inDirectory((directory) =>
        Effect.gen(function*() {
          const [store, html] = [path.join(directory, "bank.db"), path.join(directory, "bank.html")]
          const bank = [
            "run",
            example("DurableBank"),
            "--store",
            store,
            "--input",
            "2",
            "--trace",
            "table",
            "--html",
            html
          ]
          const first = yield* child({ args: bank, isTerminal: true, env: { NO_COLOR: "", TERM: "xterm" } })
          assert.strictEqual(first.code, 0, first.out)
          assert.match(first.out, /^\{"alice":999998,"bob":2\}\r$/m)
          assert.include(first.out, "\u001b[32mTransactionCommitted\u001b[0m")
          assert.include(first.out, `The picture is in ${html}`)
          const looked = yield* child({ args: ["verify", "--store", store], isTerminal: true, env: { NO_COLOR: "1" } })
          assert.strictEqual(looked.code, 0, looked.out)
          // The bar is drawn, and gone at the end.
          assert.match(looked.out, /verifying [█░]+ \d+%/)
          // eslint-disable-next-line no-control-regex -- the bar is cleared with one
          assert.match(looked.out, /\r\u001b\[K\d+ rules checked, \d+ values read, 0 problems/)
        })
      )
      : Effect.sync(() => context.skip("no `script` of util-linux here")))

  it.live("Ctrl-C ends a run: what happened is printed, and the store can be opened again", (context) =>
    hasTerminals
      ? inDirectory((directory) =>
        Effect.gen(function*() {
          const store = path.join(directory, "bank.db")
          const bank = ["run", example("DurableBank"), "--store", store, "--input", "1000000", "--trace", "table"]
          const ended = yield* child({ args: bank, isTerminal: true, interruptAt: "bob 5" })
          assert.strictEqual(ended.code, 130, ended.out)
          assert.match(ended.out, /TransactionStarted/)
          const again = yield* avm("run", example("DurableBank"), "--store", store, "--input", "0", "--json")
          const { result } = JSON.parse(again.out)
          assert.strictEqual(result.alice + result.bob, 1_000_000)
          assert.isAtLeast(result.bob, 5)
        })
      )
      : Effect.sync(() => context.skip("no `script` of util-linux here")))
})

describe("as a process", () => {
  it.live("follows a trace while another process writes, and ends at a signal", () =>
    inDirectory((directory) =>
      Effect.gen(function*() {
        const store = path.join(directory, "bank.db")
        yield* avm("run", example("DurableBank"), "--store", store, "--input", "1")
        const follows = yield* Effect.fork(
          child({ args: ["trace", "--store", store, "--follow"], interruptAt: "-> 999998", signal: "SIGTERM" })
        )
        yield* avm("run", example("DurableBank"), "--store", store, "--input", "1")
        const { code, err, out } = yield* follows
        assert.deepStrictEqual([code, err], [130, ""])
        const numbers = out.trimEnd().split("\n").slice(1).map((line) => Number(line.split(" ")[0]))
        assert.deepStrictEqual(numbers, numbers.map((_, index) => index + 1))
      })
    ))

  it.live("ends quietly when nobody reads on", () =>
    inDirectory((directory) =>
      Effect.gen(function*() {
        const store = path.join(directory, "bank.db")
        yield* avm("run", example("DurableBank"), "--store", store, "--input", "200", "--json")
        const { code, err } = yield* child({ args: ["trace", "--store", store], closeAfter: 10 })
        assert.deepStrictEqual([code, err], [141, ""])
      })
    ))
})
