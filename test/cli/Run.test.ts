/**
 * `avm run`: results, traces, pictures, stores; and that whatever goes wrong, the rest is not lost.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, readFileSync } from "node:fs"
import * as path from "node:path"
import { parse } from "../diagram/xml.js"
import { avm, avmOn, example, file, inDirectory, root } from "./support.js"

describe("avm run", () => {
  it.live("prints the result, and the trace as a table or as JSON", () =>
    Effect.gen(function*() {
      const result = `{"after":{"alice":70,"bob":30},"before":{"alice":70,"bob":30},"missing":30}`
      const plain = yield* avm("run", example("Bank"))
      assert.deepStrictEqual(plain, { code: 0, out: `${result}\n`, err: "" })

      const { out } = yield* avm("run", example("Bank"), "--trace", "table")
      const [first, blank, head, ...rows] = out.trimEnd().split("\n")
      assert.deepStrictEqual([first, blank], [result, ""])
      assert.strictEqual(head, "time  transaction  controller  event                 object  details")
      assert.strictEqual(
        rows[4],
        `4     t1           bank        ObjectCalled          o2      ["Deposit",{"amount":100}] -> 100`
      )
      assert.strictEqual(rows[16], "16    t2           bank        TransactionAborted")
      assert.strictEqual(rows.length, 19)

      const lines = (yield* avm("run", example("Bank"), "--trace", "json")).out.trimEnd().split("\n")
      assert.deepStrictEqual(lines.slice(1).map((line) => JSON.parse(line).timestamp), rows.map((_, index) => index))
    }))

  it.live("answers one JSON document", () =>
    Effect.gen(function*() {
      const { code, out } = yield* avm("run", example("Bank"), "--json", "--trace", "json")
      const { outcome, result, trace } = JSON.parse(out)
      assert.strictEqual(code, 0)
      assert.strictEqual(outcome, "success")
      assert.strictEqual(result.missing, 30)
      assert.strictEqual(trace.length, 19)
      const { event, transaction } = trace.find((_: { event: { _tag: string } }) =>
        _.event._tag === "TransactionCommitted"
      )
      assert.strictEqual(transaction, event.tx)
      // What the program prints is not in it.
      const durable = yield* avm("run", example("DurableBank"), "--json", "--input", "1")
      assert.deepStrictEqual(JSON.parse(durable.out), { outcome: "success", result: { alice: 999_999, bob: 1 } })
      assert.match(durable.err, /^alice 1000000, bob 0$/m)
    }))

  it.live("goes on where the file has stopped", () =>
    inDirectory((directory) =>
      Effect.gen(function*() {
        const store = path.join(directory, "bank.db")
        const first = yield* avm("run", example("DurableBank"), "--store", store, "--input", "2")
        assert.match(first.out, /^\{"alice":999998,"bob":2\}$/m)
        const second = yield* avm("run", example("DurableBank"), "--store", store, "--input", "1")
        assert.match(second.out, /^\{"alice":999997,"bob":3\}$/m)
        assert.strictEqual(second.code, 0)
      })
    ))

  it.live("draws what happened, with who called whom and what was there before", () =>
    inDirectory((directory) =>
      Effect.gen(function*() {
        const store = path.join(directory, "bank.db")
        yield* avm("run", example("DurableBank"), "--store", store, "--input", "1")
        const [html, svg, mermaid] = ["html", "svg", "mmd"].map((kind) => path.join(directory, `bank.${kind}`))
        const pictures = ["--html", html, "--svg", svg, "--mermaid", mermaid]
        const { code, err, out } = yield* avm(
          "run",
          example("DurableBank"),
          "--store",
          store,
          "--input",
          "1",
          ...pictures
        )
        assert.deepStrictEqual([code, err], [0, ""])
        for (const written of [html, svg, mermaid]) assert.include(out, `The picture is in ${written}`)
        parse(readFileSync(svg, "utf8"))
        assert.match(readFileSync(mermaid, "utf8"), /^sequenceDiagram/)
        // The states of the accounts are those before this run.
        assert.include(readFileSync(html, "utf8"), "999999")
      })
    ))

  it.live("knows for its pictures who called, when a call began, and what states became", () =>
    inDirectory((directory) =>
      Effect.gen(function*() {
        const made = path.join(directory, "bank.svg")
        const { err } = yield* avm("run", example("Bank"), "--svg", made)
        assert.strictEqual(err, "")
        // The same run, recorded by hand (`test/diagram/recorder.ts`), but for its title.
        const kept = readFileSync(path.join(root, "docs/pictures/bank.svg"), "utf8")
        assert.strictEqual(readFileSync(made, "utf8").replaceAll("Bank.ts", "A bank"), kept)
      })
    ))

  it.live("prints the result even where the picture cannot be written", () =>
    Effect.gen(function*() {
      const { code, err, out } = yield* avm(
        "run",
        example("Bank"),
        "--html",
        "/nonexistent/bank.html",
        "--trace",
        "table"
      )
      assert.strictEqual(code, 6)
      assert.match(out, /^\{"after"/)
      assert.match(out, /TransactionAborted/)
      assert.match(err, /^avm: \/nonexistent\/bank\.html could not be written: ENOENT/)
    }))

  it.live("tells of a program that fails, with its trace", () =>
    inDirectory((directory) =>
      Effect.gen(function*() {
        const module = file(
          directory,
          "fails.ts",
          `import { Behaviour, Obj } from "@effect-avm/core"
           import { Effect } from "effect"
           export const layer = Behaviour.layerRaw("idle", Effect.succeed([]))
           export const program = Effect.zipRight(Obj.create("idle"), Effect.fail({ _tag: "Late", by: "\\u001b[2Jan hour" }))`
        )
        const { code, err, out } = yield* avm("run", module, "--trace", "table")
        assert.strictEqual(code, 1)
        assert.match(err, /^avm: the program failed: .*Late/)
        assert.notInclude(err + out, "\u001b")
        assert.match(out, /ObjectCreated +o2 +idle/)
        assert.match(out, /ErrorOccurred/)
        const asJson = yield* avm("run", module, "--json")
        assert.strictEqual(JSON.parse(asJson.out).outcome, "failure")
        assert.strictEqual(JSON.parse(asJson.err).error._tag, "ProgramFailed")
        const debug = yield* avm("run", module, "--debug")
        assert.isAbove(debug.err.split("\n").length, err.split("\n").length)
      })
    ))

  it.live("runs on where nobody takes its telemetry, with one warning", () =>
    Effect.gen(function*() {
      const { code, out } = yield* avm("run", example("Bank"), "--otlp", "http://127.0.0.1:1")
      assert.strictEqual(code, 0)
      assert.match(out, /^\{"after"/)
      const bad = yield* avm("run", example("Bank"), "--otlp", "localhost")
      assert.strictEqual(bad.code, 2)
      assert.match(bad.err, /^avm: --otlp: /)
    }))

  it.live("refuses input that is none, and a file that is no store", () =>
    inDirectory((directory) =>
      Effect.gen(function*() {
        for (const input of ["{", `{"$what":1}`]) {
          const { code, err } = yield* avm("run", example("Bank"), "--input", input)
          assert.strictEqual(code, 2, input)
          assert.match(err, /^avm: --input: /)
        }
        const junk = file(directory, "junk.db", "no database, but long enough to be looked at\n".repeat(50))
        const { code, err } = yield* avm("run", example("Bank"), "--store", junk)
        assert.strictEqual(code, 4)
        assert.match(err, /^avm: .*junk\.db cannot be opened: SQLITE_NOTADB/)
      })
    ))

  it.live("says of an input that nothing may take it, and of a result that it is no value", () =>
    inDirectory((directory) =>
      Effect.gen(function*() {
        const taken = yield* avm("run", example("Bank"), "--input", "5")
        assert.strictEqual(taken.code, 0)
        assert.strictEqual(
          taken.err,
          "--input: the program is no function, so nothing but Introspect.input answers it\n"
        )
        const module = file(
          directory,
          "odd.ts",
          `import { Effect } from "effect"
           export const program = Effect.succeed({ known: new Map([[1, 2]]) })`
        )
        for (const options of [[], ["--json"]]) {
          const { code, err } = yield* avm("run", module, ...options)
          assert.deepStrictEqual(
            [code, err],
            [0, `the result is not a Val: Map at ["known"]; what JSON cannot hold is not shown\n`]
          )
        }
      })
    ))

  it.live("has colours on a terminal, and not where they are not wanted", () =>
    Effect.gen(function*() {
      const terminal = { isOutTerminal: true, isErrTerminal: true, columns: () => 60 }
      const coloured = yield* avmOn(terminal, "run", example("Bank"), "--trace", "table")
      assert.include(coloured.out, "\u001b[32mTransactionCommitted\u001b[0m")
      const plain = yield* avmOn({ ...terminal, isPlain: true }, "run", example("Bank"), "--trace", "table")
      assert.notInclude(plain.out, "\u001b")
      // A line does not break: the details are cut.
      for (const line of plain.out.split("\n").slice(1)) assert.isAtMost(line.length, 60)
    }))

  it.live("has made the picture in the README", () =>
    inDirectory((directory) =>
      Effect.gen(function*() {
        const made = path.join(directory, "bank.svg")
        yield* avm("run", example("DurableBank"), "--input", "1", "--svg", made)
        const kept = path.join(root, "docs/pictures/durable-bank.svg")
        if (process.env.UPDATE_PICTURES === "1" || !existsSync(kept)) {
          assert.strictEqual(process.env.UPDATE_PICTURES, "1", "UPDATE_PICTURES=1 writes it")
          yield* Effect.sync(() => file(path.dirname(kept), path.basename(kept), readFileSync(made, "utf8")))
        }
        assert.strictEqual(readFileSync(kept, "utf8"), readFileSync(made, "utf8"))
        assert.include(readFileSync(path.join(root, "README.md"), "utf8"), "(docs/pictures/durable-bank.svg)")
      })
    ))
})
