/** Messages in a file: what waits goes on after the file was closed, and can be read in SQL. */
import { Avm, Behaviour, ControllerId, Introspect, Mailboxes, Obj, ObjectId, Outbox, Turns } from "@effect-avm/core"
import { Failure, Sqlite } from "@effect-avm/sqlite"
import { assert, describe, it } from "@effect/vitest"
import Database from "better-sqlite3"
import { Effect, Layer, Option, Schema } from "effect"
import { quiet } from "../support/Quiet.js"
import { newFile, withStore } from "./support.js"

const Mail = Outbox.make("mail", { payload: Schema.String, success: Schema.Void })

/** Answers what it was told; some of that it cannot hear. */
const Echo = Behaviour.layerRaw("echo", function*() {
  const input = yield* Introspect.input
  if (input === "bad") yield* Obj.call(ObjectId.make("nobody"), null)
  yield* Mail.emit(String(input))
  return [input]
})

/** On the file, with an outside world that may be missing. */
const on = (filename: string, world: Layer.Layer<never, never, Outbox.Outbox> = Layer.empty) =>
  Layer.merge(Echo, world).pipe(
    Layer.provideMerge(Avm.layer({ turns: { run: "manual" } })),
    Layer.provideMerge(Sqlite.layerPorts({ filename, synchronous: "off" }))
  )

const mailboxes = Mailboxes.Mailboxes

describe("what waits", () => {
  it.live("goes on where the file is opened again", () =>
    Effect.gen(function*() {
      const filename = yield* newFile
      const [echo, first] = yield* Effect.gen(function*() {
        const sent = yield* Avm.run(Effect.gen(function*() {
          const echo = yield* Obj.create("echo", ControllerId.make("local"))
          const first = yield* Obj.send(echo, "a")
          // It has no answer yet: this one waits for it, and breaks in the end, since it is no object.
          yield* Obj.sendOnly(first.id, "to a promise")
          yield* Obj.sendOnly(echo, "bad")
          return [echo, first.id] as const
        }))
        yield* Turns.step
        yield* Avm.run(Obj.sendOnly(sent[0], "b"))
        return sent
      }).pipe(Effect.provide(on(filename)))

      const db = new Database(filename, { readonly: true })
      assert.deepStrictEqual(db.prepare("SELECT receiver, answered FROM messages ORDER BY ordinal").raw().all(), [
        [echo.value, 0],
        [echo.value, 0]
      ])
      assert.deepStrictEqual(db.prepare("SELECT id, answer FROM promises").raw().all(), [[first.value, "resolved"]])
      assert.deepStrictEqual(db.prepare("SELECT channel, sender FROM outputs").raw().all(), [["mail", echo.value]])
      db.close()

      yield* Effect.gen(function*() {
        assert.deepStrictEqual(
          yield* (yield* mailboxes).promised(first),
          Option.some(Mailboxes.Resolved({ output: Option.some("a") }))
        )
        assert.deepStrictEqual((yield* (yield* mailboxes).outputs).map(({ payload }) => payload), ["a"])
      }).pipe(Effect.provide(on(filename)))

      const sent: Array<string> = []
      const world = Mail.toLayer((text) => Effect.sync(() => void sent.push(text)))
      yield* Effect.provide(Turns.settle, on(filename, world))
      assert.deepStrictEqual(sent, ["a", "b"])

      // A dead letter stays as well.
      const letters = yield* Effect.provide(Effect.flatMap(mailboxes, (_) => _.deadLetters), on(filename))
      assert.deepStrictEqual(letters.map(({ message }) => [message.to.value, message.input]), [[echo.value, "bad"]])
    }).pipe(Effect.scoped, Effect.provide(quiet)))

  it.live("cannot be overtaken: a row that is malformed is named, and the file not opened", () =>
    Effect.gen(function*() {
      const filename = yield* newFile
      yield* withStore(filename, () => Effect.void)
      const db = new Database(filename)
      db.exec("INSERT INTO messages VALUES (7, 1, 'm', NULL, 'a', x'ff', NULL, 0)")
      db.close()
      const { cause } = yield* Effect.flip(withStore(filename, () => Effect.void))
      assert(cause instanceof Failure.MessageUnreadable)
      assert.deepStrictEqual([cause.table, cause.row], ["messages", "7"])
    }).pipe(Effect.scoped))
})
