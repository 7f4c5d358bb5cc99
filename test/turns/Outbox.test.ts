/**
 * Outputs: released by the commit, tried until they are acknowledged, the same key each time.
 */
import { type Avm, Behaviour, Introspect, Mailboxes, Obj, Outbox, Turns, Tx } from "@effect-avm/core"
import { assert, describe, it } from "@effect/vitest"
import { Data, Deferred, Effect, Exit, Fiber, Layer, Ref, Schedule, Schema, Scope, TestClock } from "effect"
import { type StoreLayer, stores } from "../support/Stores.js"
import { behaviours, kept, local, machine, missing, run, settle } from "./Bench.js"

class Down extends Data.TaggedError("Down") {}

const Mail = Outbox.make("mail", { payload: Schema.Struct({ text: Schema.String }), success: Schema.Int })

const Shop = Behaviour.layerRaw("shop", function*() {
  const input = yield* Introspect.input
  yield* Mail.emit({ text: `${input}` }, { answer: { to: yield* Introspect.self, tag: "Sent" } })
  if (input === "fail") yield* Obj.call(missing, null)
  return []
})

const Quiet = Behaviour.layerRaw("quiet", function*() {
  const input = yield* Introspect.input
  const list = Array.isArray(input) ? input : [input]
  for (const text of list) yield* Mail.emit({ text: `${text}` })
  if (list.includes("fail")) yield* Obj.call(missing, null)
  return []
})

type Here = Layer.Layer.Success<ReturnType<typeof platform>>

const platform = (store: StoreLayer, options?: Avm.Options) =>
  Layer.provideMerge(Layer.mergeAll(behaviours, Shop, Quiet), machine(store, options))

const on = (store: StoreLayer) => <E>(name: string, body: () => Effect.Effect<void, E, Here | Scope.Scope>) =>
  it.scoped(name, () => Effect.suspend(body).pipe(Effect.provide(platform(store))))

/** A handler that keeps what it is given, with the keys. */
const post = Effect.map(Ref.make<ReadonlyArray<readonly [text: string, key: string]>>([]), (sent) => ({
  sent: Ref.get(sent),
  texts: Effect.map(Ref.get(sent), (all) => all.map(([text]) => text)),
  accept: ({ text }: { readonly text: string }, key: string) =>
    Ref.modify(sent, (all) => [all.length + 1, [...all, [text, key] as const]])
}))

const outputs = Effect.flatMap(Mailboxes.Mailboxes, (_) => _.outputs)

describe.each(stores)("an output (%s)", (_, store) => {
  const test = on(store)

  test("goes out after the commit, once; of what failed or aborted none does", () =>
    Effect.gen(function*() {
      const { accept, texts } = yield* post
      const quiet = yield* run(Obj.create("quiet", local))
      yield* Effect.provide(
        Effect.gen(function*() {
          yield* run(Effect.forEach(["a", "fail", "b"], (text) => Obj.sendOnly(quiet, text)))
          yield* run(Tx.transact(Obj.call(quiet, "c")))
          yield* run(Effect.flip(Tx.transact(Effect.zipRight(Obj.call(quiet, "d"), Effect.fail("no")))))
          yield* run(Tx.transact(Effect.gen(function*() {
            yield* Mail.emit({ text: "e" })
            assert.deepStrictEqual((yield* outputs).length, 1)
          })))
          yield* settle
          assert.sameMembers([...yield* texts], ["a", "b", "c", "e"])
          assert.deepStrictEqual(yield* outputs, [])
        }),
        Mail.toLayer(accept)
      )
    }))

  test("of a turn that is run again goes out once", () =>
    Effect.gen(function*() {
      const { accept, texts } = yield* post
      const log = yield* run(Obj.create("log", local))
      const context = yield* Effect.context<Avm.Avm>()
      let tries = 0
      const Racing = Behaviour.layerRaw("racing", function*() {
        yield* Mail.emit({ text: "once" })
        yield* Obj.call(log, "read")
        if (++tries < 4) yield* Effect.provide(Effect.orDie(run(Obj.call(log, "changed"))), context)
        return []
      })
      yield* Effect.provide(
        Effect.zipRight(run(Effect.flatMap(Obj.create("racing", local), (id) => Obj.sendOnly(id, null))), settle),
        Layer.merge(Racing, Mail.toLayer(accept))
      )
      assert.strictEqual(tries, 4)
      assert.deepStrictEqual(yield* texts, ["once"])
    }))

  test("waits for its handler, and its answer comes in the commit that removes it", () =>
    Effect.gen(function*() {
      const { accept, texts } = yield* post
      const log = yield* run(Obj.create("log", local))
      yield* run(Mail.emit({ text: "early" }, { answer: { to: log, tag: "Sent" } }))
      yield* settle
      assert.deepStrictEqual((yield* outputs).map((_) => _.payload), [{ text: "early" }])
      yield* Effect.provide(settle, Mail.toLayer(accept))
      assert.deepStrictEqual(yield* texts, ["early"])
      assert.deepStrictEqual(yield* kept(log), [["Sent", 1]])
    }))

  test("whose handler fails is tried again by its schedule, with the same key; a defect is a failure too", () =>
    Effect.gen(function*() {
      const keys: Array<string> = []
      const done = yield* Deferred.make<void>()
      const handler = Mail.toLayer(
        (_, key) =>
          Effect.suspend(() => {
            keys.push(key)
            if (keys.length === 1) return Effect.fail(new Down())
            if (keys.length === 2) return Effect.die("oops")
            return Effect.as(Deferred.succeed(done, undefined), 1)
          }),
        { retry: Schedule.spaced("1 minute") }
      )
      yield* Effect.provide(
        Effect.gen(function*() {
          yield* run(Mail.emit({ text: "a" }))
          const loop = yield* Effect.fork(Turns.run)
          yield* Effect.repeatN(Effect.yieldNow(), 20)
          assert.strictEqual(keys.length, 1)
          yield* TestClock.adjust("1 minute")
          assert.strictEqual(keys.length, 2)
          yield* TestClock.adjust("1 minute")
          yield* Deferred.await(done)
          yield* Effect.repeatN(Effect.yieldNow(), 20)
          assert.deepStrictEqual(yield* outputs, [])
          yield* Fiber.interrupt(loop)
        }),
        handler
      )
      assert.strictEqual(keys.length, 3)
      assert.strictEqual(new Set(keys).size, 1)
    }))

  test("that its schedule gives up stays, until the machine starts again", () =>
    Effect.gen(function*() {
      yield* Effect.provide(
        Effect.gen(function*() {
          yield* run(Mail.emit({ text: "a" }))
          const loop = yield* Effect.fork(Turns.run)
          yield* Effect.repeatN(Effect.yieldNow(), 50)
          yield* Fiber.interrupt(loop)
        }),
        Mail.toLayer(() => Effect.fail(new Down()), { retry: Schedule.recurs(2) })
      )
      assert.strictEqual((yield* outputs).length, 1)
    }))

  test("the outputs of one object to one channel go in order, one after the other; those of others beside them", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      let running = 0
      let most = 0
      const handler = Mail.toLayer(({ text }) =>
        Effect.gen(function*() {
          most = Math.max(most, ++running)
          for (let n = 0; n < 5; n++) yield* Effect.yieldNow()
          running--
          log.push(text)
          return 1
        })
      )
      const [one, other] = yield* run(Effect.all([Obj.create("quiet", local), Obj.create("quiet", local)]))
      yield* run(Effect.all([Obj.sendOnly(one, ["a1", "a2", "a3"]), Obj.sendOnly(other, ["b1", "b2"])]))
      yield* Effect.provide(settle, handler)
      assert.deepStrictEqual(log.filter((_) => _.startsWith("a")), ["a1", "a2", "a3"])
      assert.deepStrictEqual(log.filter((_) => _.startsWith("b")), ["b1", "b2"])
      assert.strictEqual(most, 2)
    }))

  test("whose handler is cut off is tried again with its key: whoever keeps the keys does it once", () =>
    Effect.gen(function*() {
      const charged = new Map<string, string>()
      const keys: Array<string> = []
      const reached = yield* Deferred.make<void>()
      let crash = true
      const handler = Mail.toLayer(({ text }, key) =>
        Effect.gen(function*() {
          keys.push(key)
          charged.set(key, text)
          // The world has done it, but the answer does not arrive.
          if (crash) {
            yield* Deferred.succeed(reached, undefined)
            yield* Effect.never
          }
          return charged.size
        })
      )
      yield* Effect.provide(
        Effect.gen(function*() {
          yield* run(Mail.emit({ text: "pay" }))
          const scope = yield* Scope.make()
          yield* Layer.buildWithScope(Turns.layer, scope)
          yield* Deferred.await(reached)
          yield* Scope.close(scope, Exit.void)
          assert.strictEqual((yield* outputs).length, 1)
          crash = false
          yield* settle
        }),
        handler
      )
      assert.strictEqual(keys.length, 2)
      assert.deepStrictEqual([...charged.values()], ["pay"])
      assert.deepStrictEqual(yield* outputs, [])
    }))

  it.live("in the background goes out by itself", () =>
    Effect.gen(function*() {
      const sent = yield* Deferred.make<string>()
      const handler = Mail.toLayer(({ text }) => Effect.as(Deferred.succeed(sent, text), 1))
      const got = yield* Effect.provide(
        Effect.zipRight(run(Mail.emit({ text: "hello" })), Deferred.await(sent)),
        handler
      )
      assert.strictEqual(got, "hello")
    }).pipe(Effect.provide(platform(store, { turns: { run: "background" } }))))
})
