/**
 * Looking at a store: `avm objects`, `avm trace`, `avm verify`, `avm backup`; what they say of ids that are none, of damage,
 * of hostile names, and of very long traces.
 */
import { Sqlite } from "@effect-avm/sqlite"
import { assert, describe, it } from "@effect/vitest"
import Database from "better-sqlite3"
import { Effect, Layer } from "effect"
import { existsSync, readFileSync } from "node:fs"
import * as path from "node:path"
import { parse } from "../diagram/xml.js"
import { avm, example, file, inDirectory, root } from "./support.js"

/** A bank with a history, and a body that looks at it. */
const withBank = <E>(body: (store: string, directory: string) => Effect.Effect<void, E>) =>
  inDirectory((directory) =>
    Effect.gen(function*() {
      const store = path.join(directory, "bank.db")
      const { code } = yield* avm("run", example("DurableBank"), "--store", store, "--input", "3", "--record-answers")
      assert.strictEqual(code, 0)
      yield* body(store, directory)
    })
  )

const lines = (out: string): ReadonlyArray<string> => out.trimEnd().split("\n")

const damage = (store: string, ...statements: ReadonlyArray<string>): void => {
  const db = new Database(store)
  db.pragma("foreign_keys = OFF")
  for (const statement of statements) db.exec(statement)
  db.close()
}

describe("avm objects", () => {
  it.live("lists, filters, and shows one by its short id", () =>
    withBank((store) =>
      Effect.gen(function*() {
        const { code, err, out } = yield* avm("objects", "--store", store)
        assert.deepStrictEqual([code, err], [0, "2 objects\n"])
        const [head, alice, bob] = lines(out).map((line) => line.split(/ {2,}/))
        assert.deepStrictEqual(head, ["id", "behaviour", "controller", "machine", "state"])
        assert.deepStrictEqual(alice.slice(1), ["Account", "bank", "m0", `{"balance":999997}`])
        assert.deepStrictEqual(bob.slice(1), ["Account", "bank", "m0", `{"balance":3}`])

        for (
          const [filter, count] of [["--behaviour=Account", 2], ["--controller=nobody", 0], [
            "--machine=m0",
            2
          ]] as const
        ) {
          const found = yield* avm("objects", "--store", store, ...filter.split("="), "--json")
          assert.strictEqual(lines(found.out).filter((line) => line !== "").length, count, filter)
        }
        const one = yield* avm("objects", alice[0], "--store", store)
        assert.match(one.out, /^state +\{"balance":999997\}$/m)
        assert.match(one.out, /\["Deposit",\{"amount":1000000\}\]/)
        const asJson = JSON.parse((yield* avm("objects", alice[0], "--store", store, "--json")).out)
        assert.deepStrictEqual(asJson.state, { balance: 999_997 })
        assert.isAbove(asJson.history[0].answers.length, 0)
      })
    ))

  it.live("cuts a long state in the list, and shows it whole by itself", () =>
    withBank((store, directory) =>
      Effect.gen(function*() {
        const module = file(
          directory,
          "long.ts",
          `import { Behaviour, Introspect, Obj } from "@effect-avm/core"
           import { Effect } from "effect"
           export const layer = Behaviour.layerRaw("long", Effect.as(Introspect.setState("x".repeat(5000)), []))
           export const program = Effect.flatMap(Obj.create("long"), (id) => Effect.as(Obj.call(id, null), id))`
        )
        const id = (yield* avm("run", module, "--store", store)).out.trim()
        const { out } = yield* avm("objects", "--store", store, "--behaviour", "long")
        const [, row] = lines(out)
        assert.match(String(row), / "x{98}…$/)
        assert.include((yield* avm("objects", id, "--store", store)).out, "x".repeat(5000))
      })
    ))

  it.live("says which ids are none, and which may be several", () =>
    withBank((store) =>
      Effect.gen(function*() {
        const none = yield* avm("objects", "o9", "--store", store)
        assert.deepStrictEqual([none.code, none.out], [5, ""])
        assert.match(none.err, /knows no object o9$/m)
        const several = yield* avm("objects", "o-…", "--store", store)
        assert.strictEqual(several.code, 5)
        assert.match(several.err, /may be any of o-\w+-\w+, o-/)
        for (const [option, id] of [["--object", "o9"], ["--tx", "t9"]]) {
          assert.strictEqual((yield* avm("trace", "--store", store, option, id)).code, 5)
        }
      })
    ))

  it.live("says of a file that is no store that it is none", () =>
    inDirectory((directory) =>
      Effect.gen(function*() {
        const junk = file(directory, "junk.db", "no database, but long enough to be looked at\n".repeat(50))
        const empty = file(directory, "empty.db", "")
        for (const store of [junk, empty, directory, path.join(directory, "nothing.db")]) {
          for (const command of [["objects"], ["trace"], ["verify"], ["backup", path.join(directory, "copy.db")]]) {
            const { code, err, out } = yield* avm(...command, "--store", store)
            assert.deepStrictEqual([code, out], [4, ""], `${command[0]} ${store}`)
            assert.match(err, /^avm: .* cannot be opened: /)
          }
        }
      })
    ))
})

describe("avm trace", () => {
  it.live("shows entries of one object or transaction, and the last ones", () =>
    withBank((store) =>
      Effect.gen(function*() {
        const all = lines((yield* avm("trace", "--store", store, "--json")).out).map((line) => JSON.parse(line))
        assert.deepStrictEqual(all.map(({ entry }) => entry), all.map((_, index) => index + 1))
        const { transaction } = all.find(({ transaction }) => transaction !== null)
        const own = lines((yield* avm("trace", "--store", store, "--tx", transaction, "--json")).out)
        assert.deepStrictEqual(own.map((line) => JSON.parse(line)), all.filter((_) => _.transaction === transaction))
        const last = lines((yield* avm("trace", "--store", store, "--last", "2")).out)
        assert.strictEqual(last.length, 3)
        assert.match(last[0], /^entry +at +transaction +controller +event +object +details$/)
        assert.strictEqual((yield* avm("trace", "--store", store, "--last", "-1")).code, 2)
        const none = yield* avm("trace", "--store", store, "--last", "0")
        assert.deepStrictEqual(none, { code: 0, out: "", err: "no entry of the trace is asked for\n" })
      })
    ))

  it.live("says of a file without one that it was written so", () =>
    inDirectory((directory) =>
      Effect.gen(function*() {
        const store = path.join(directory, "untraced.db")
        yield* Effect.scoped(Layer.build(Sqlite.layer({ filename: store })))
        const { err } = yield* avm("trace", "--store", store)
        assert.strictEqual(err, "the trace is empty: Sqlite.layerTraced writes one, Sqlite.layer none\n")
      })
    ))

  it.live("draws, and says what it does not know and what it could not write", () =>
    withBank((store, directory) =>
      Effect.gen(function*() {
        const svg = path.join(directory, "bank.svg")
        const { code, err, out } = yield* avm("trace", "--store", store, "--svg", svg, "--html", "/nonexistent/x.html")
        assert.strictEqual(code, 6)
        assert.match(err, /picture: the caller of \d+ calls was not recorded/)
        assert.match(err, /\/nonexistent\/x\.html could not be written/)
        assert.strictEqual(out, "")
        parse(readFileSync(svg, "utf8"))
      })
    ))

  it.live(
    "takes a trace of nothing, hostile names, and a very long one",
    () =>
      withBank((store, directory) =>
        Effect.gen(function*() {
          damage(store, "DELETE FROM trace_objects", "DELETE FROM trace")
          const none = yield* avm("trace", "--store", store)
          const said = "the trace is empty: Sqlite.layerTraced writes one, Sqlite.layer none\n"
          assert.deepStrictEqual(none, { code: 0, out: "", err: said })
          const html = path.join(directory, "none.html")
          assert.strictEqual((yield* avm("trace", "--store", store, "--html", html)).code, 0)
          assert.isTrue(existsSync(html))

          const hostile = `</script>\u001b[2J"'\n\u202e${"x".repeat(1_000_000)}`
          const db = new Database(store)
          db.prepare("INSERT INTO trace (at, execution, timestamp, event, fields) VALUES (?, ?, ?, ?, ?)")
            .run(0, hostile, 0, "ObjectCreated", JSON.stringify({ id: hostile, behaviour: hostile }))
          const long = process.env.SOAK === undefined ? 100_001 : 1_000_000
          db.exec(
            "INSERT INTO trace (at, execution, timestamp, event, fields) WITH RECURSIVE n(i) AS " +
              `(SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${long}) ` +
              `SELECT i, 'e', i, 'StateUpdated', '{"id":"o' || (i % 10) || '"}' FROM n`
          )
          db.close()
          const last = yield* avm("trace", "--store", store, "--last", String(long + 1))
          assert.strictEqual(last.code, 0, last.err)
          const rows = lines(last.out)
          assert.strictEqual(rows.length, long + 2)
          assert.match(rows[1], /<\/script>\\u001b\[2J"'\\n\\u202ex+…/)
          assert.isBelow(rows[1].length, 2000)
          const drawn = yield* avm("trace", "--store", store, "--html", html, "--svg", path.join(directory, "long.svg"))
          assert.strictEqual(drawn.code, 0, drawn.err)
          assert.match(drawn.err, /picture: .*entries/)
        })
      ),
    60_000
  )
})

describe("avm verify", () => {
  it.live("finds nothing wrong with a store, and replays its histories", () =>
    withBank((store) =>
      Effect.gen(function*() {
        const plain = yield* avm("verify", "--store", store)
        assert.strictEqual(plain.code, 0, plain.out)
        assert.match(plain.out, /^\d+ rules checked, \d+ values read, 0 problems$/m)
        const asJson = yield* avm("verify", "--store", store, "--module", example("DurableBank"), "--json")
        const { problems, replayed } = JSON.parse(asJson.out)
        assert.deepStrictEqual([problems, replayed], [[], { equal: 2, unrecorded: 0 }])
        damage(store, "UPDATE objects SET state = x'ff00' WHERE ordinal = 1")
        const damaged = yield* avm("verify", "--store", store)
        assert.match(damaged.out, /, 1 problem$/m)
        assert.match((yield* avm("objects", "--store", store)).err, /the state of 1 object cannot be read/)
      })
    ))

  for (
    const [what, said, ...statements] of [
      [
        "a state of another history",
        /its history leads to .*999997.*, and its state is/,
        "UPDATE objects SET state = (SELECT state FROM objects ORDER BY ordinal DESC LIMIT 1)"
      ],
      [
        "a state that is no value",
        /^state of object o-\w+-\w+: /,
        "UPDATE objects SET state = x'ff00' WHERE ordinal = 1"
      ],
      [
        "answers that are none",
        /^answers of entry \d+ of the history of o-\w+-\w+: /,
        "UPDATE history SET answers = x'ff00'"
      ],
      ["a clock that is late", /a commit that the clock does not know/, "UPDATE clock SET version = 1"],
      ["no clock", /^clock: it has 0 rows/, "DELETE FROM clock"],
      ["a history of nobody", /^history of 99: /, "UPDATE history SET object = 99 WHERE object = 1"],
      [
        "a history without its beginning",
        /^object .*: entry \d+ of its history is not after nothing/,
        "DELETE FROM history WHERE entry = (SELECT min(entry) FROM history WHERE object = 1)"
      ],
      [
        "a history without its end",
        /^object .*: the newest entry of its history is \d+, and not none/,
        "UPDATE objects SET accepted = NULL WHERE ordinal = 1"
      ],
      [
        "a message from before the object",
        /accepted a message in commit 0/,
        "UPDATE history SET version = 0 WHERE object = 1 AND version = 1"
      ],
      [
        "a replica that nobody made",
        /it has replicas that no commit has made/,
        "INSERT INTO replicas SELECT ordinal, 'm1', state FROM objects WHERE ordinal = 1"
      ],
      [
        "a gap at a replica",
        /messages are missing/,
        "INSERT INTO replicas SELECT ordinal, 'm1', state FROM objects WHERE ordinal = 1",
        "INSERT INTO replica_history SELECT 1, 'm1', 1, NULL, state, NULL FROM objects WHERE ordinal = 1"
      ],
      [
        "a message of no commit",
        /^message m1: it was sent in a commit that the clock does not know/,
        "INSERT INTO messages (version, id, receiver, input, answered) SELECT 99, 'm1', 'o1', state, 0 FROM objects " +
        "WHERE ordinal = 1"
      ],
      [
        "a message that waits for nothing",
        /^message m2: it waits for p1, which is settled or none/,
        "INSERT INTO waiting (promise, id, input, answered) SELECT 'p1', 'm2', state, 0 FROM objects WHERE ordinal = 1"
      ],
      ["a function without a hash", /^function f: /, "INSERT INTO functions VALUES ('f', 1, 'x')"],
      ["an entry that is none", /^trace entry 1: /, "UPDATE trace SET event = 'Nothing' WHERE entry = 1"],
      ["a trace that goes back", /its timestamp is not above/, "UPDATE trace SET timestamp = 0 WHERE entry = 5"],
      [
        "an index of the trace that leads nowhere",
        /there is no entry 999/,
        "INSERT INTO trace_objects VALUES ('o1', 999)"
      ],
      [
        "an order that is not that of creation",
        /created before one that stands before it/,
        "UPDATE objects SET created = 2, metadata_version = 9, state_version = 9, replicas_version = 9 WHERE ordinal = 1"
      ],
      [
        "a change from before the creation",
        /it was changed before it was created/,
        "UPDATE objects SET metadata_version = 0"
      ]
    ] as const
  ) {
    it.live(`finds ${what}`, () =>
      withBank((store) =>
        Effect.gen(function*() {
          damage(store, ...statements)
          const { code, err, out } = yield* avm("verify", "--store", store, "--module", example("DurableBank"))
          assert.strictEqual(code, 1, out + err)
          assert.isTrue(lines(out).some((line) => said.test(line)), out)
          assert.match(err, /is damaged: \d+ problems? found/)
        })
      ))
  }
})

describe("avm backup", () => {
  it.live("copies a file of an older format as well", () =>
    withBank((store) =>
      Effect.gen(function*() {
        damage(store, "ALTER TABLE objects DROP COLUMN accepted", "PRAGMA user_version = 2")
        assert.strictEqual((yield* avm("backup", `${store}.copy`, "--store", store)).code, 0)
        const looked = yield* avm("objects", "--store", `${store}.copy`)
        assert.deepStrictEqual(
          [looked.code, looked.err.trim()],
          [4, `avm: ${store}.copy has the format 2; a reader needs 3, to which opening for writing brings it`]
        )
      })
    ))

  it.live("makes a copy that verifies, and replaces nothing unasked", () =>
    withBank((store, directory) =>
      Effect.gen(function*() {
        const copy = path.join(directory, "copy.db")
        const made = yield* avm("backup", copy, "--store", store)
        assert.strictEqual(made.code, 0, made.err)
        assert.isFalse(existsSync(`${copy}.partial`))
        assert.strictEqual((yield* avm("verify", "--store", copy)).code, 0)
        const [here, there] = yield* Effect.all([avm("objects", "--store", store), avm("objects", "--store", copy)])
        assert.deepStrictEqual(here, there)
        const again = yield* avm("backup", copy, "--store", store)
        assert.strictEqual(again.code, 6)
        assert.match(again.err, /is there already; --force replaces it/)
        assert.strictEqual((yield* avm("backup", copy, "--store", store, "--force", "--json")).code, 0)
        assert.strictEqual((yield* avm("backup", store, "--store", store, "--force")).code, 2)
        assert.strictEqual((yield* avm("backup", "/nonexistent/copy.db", "--store", store)).code, 6)
      })
    ))
})

describe("the command line", () => {
  it.live("is explained, and what is wrong with it is said", () =>
    Effect.gen(function*() {
      const help = yield* avm("--help")
      assert.strictEqual(help.code, 0)
      for (const command of ["run", "objects", "trace", "verify", "backup"]) assert.include(help.out, `- ${command} `)
      assert.notInclude(help.out, "\u001b")
      for (const code of ["70 a defect", "141 nobody reads"]) assert.include(help.out, code)
      const verify = (yield* avm("verify", "--help")).out
      assert.include(verify, "$ avm verify --store bank.db --module bank.ts")
      assert.notInclude(verify, "$ avm run")
      const { version } = JSON.parse(readFileSync(path.join(root, "packages/cli/package.json"), "utf8"))
      assert.strictEqual((yield* avm("--version")).out.trim(), version)
      const completions = yield* avm("--completions", "bash")
      assert.include(completions.out, "_avm_bash_completions")
      for (const wrong of [["run"], ["nothing"], ["run", "x.ts", "--nothing"], ["objects"]]) {
        const { code, err, out } = yield* avm(...wrong)
        assert.deepStrictEqual([code, out], [2, ""], wrong.join(" "))
        assert.match(err, /avm (\w+ )?--help tells/)
        const asJson = yield* avm(...wrong, "--json")
        assert.strictEqual(JSON.parse(asJson.err).error._tag, "Usage")
      }
      for (
        const [wrong, said] of [
          [["run", example("Bank"), "--trace", "foo"], /^--trace: table, json or none\n/],
          [["trace", "--store", "x", "--last", "few"], /^--last: a whole number\n/],
          [["run", "--stor", "x", example("Bank")], /^avm run has no option --stor\. avm run --help tells/m],
          [["objects", "--stor=x"], /^avm objects has no option --stor\. avm objects --help tells/m]
        ] as const
      ) {
        const { code, err } = yield* avm(...wrong)
        assert.strictEqual(code, 2)
        assert.match(err, said)
      }
    }))
})
