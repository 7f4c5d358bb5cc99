/**
 * What nobody would hear of is logged: once, with what it is about; and what somebody hears of is not.
 */
import { type Avm, Behaviour, Obj, Outbox, Turns } from "@effect-avm/core"
import * as Rpc from "@effect/rpc/Rpc"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Fiber, HashMap, Layer, Logger, LogLevel, Schedule, Schema, TestClock } from "effect"
import { type StoreLayer, stores } from "../support/Stores.js"
import { behaviours, local, machine, run, settle } from "./Bench.js"

interface Said {
  readonly level: string
  readonly message: string
  readonly cause: string
  readonly about: Readonly<Record<string, unknown>>
}

/** A logger that keeps what is a warning, or worse. */
const collecting = (said: Array<Said>) =>
  Logger.add(Logger.make(({ annotations, cause, logLevel, message }) => {
    if (LogLevel.lessThan(logLevel, LogLevel.Warning)) return
    const about = Object.fromEntries(HashMap.toEntries(annotations))
    said.push({ level: logLevel.label, message: String(message), cause: Cause.pretty(cause), about })
  }))

const Desk = Behaviour.make("Desk", {
  state: Schema.Null,
  initial: null,
  protocol: [Rpc.make("Bug"), Rpc.make("Fine")]
})
const DeskLive = Desk.toLayer({
  Bug: () => Effect.die(new Error("a bug in the desk")),
  Fine: () => Effect.void
})

const Mail = Outbox.make("mail", { payload: Schema.String })
const Shop = Behaviour.layerRaw("shop", Effect.as(Mail.emit("Thank you"), []))

describe.each(stores)("what nobody would hear of (%s)", (_, store) => {
  const on = (store: StoreLayer, options: Avm.Options = {}) =>
    Layer.provideMerge(Layer.mergeAll(behaviours, DeskLive, Shop), machine(store, options))

  const test = <E>(
    name: string,
    turns: Turns.Options,
    body: (said: ReadonlyArray<Said>) => Effect.Effect<void, E, Layer.Layer.Success<ReturnType<typeof on>>>
  ) =>
    it.effect(name, () => {
      const said: Array<Said> = []
      return body(said).pipe(Effect.provide(on(store, { turns })), Effect.provide(collecting(said)))
    })

  const givenUp = (onFailure: Turns.OnFailure, becomes: string) =>
    test(
      `${onFailure}: a message whose turns failed`,
      { onFailure, retry: Schedule.recurs(2) },
      (said) =>
        Effect.gen(function*() {
          const desk = yield* run(Desk.create({ controller: local }))
          yield* run(desk.sendOnly.Bug())
          yield* settle
          const [warning] = said
          assert(warning !== undefined && said.length === 1)
          assert.strictEqual(warning.level, "WARN")
          assert.strictEqual(warning.message, `A message to ${desk.id.value} is ${becomes}: its turn failed`)
          // With its stack, so that the bug can be found.
          assert.match(warning.cause, /a bug in the desk\n.*at .*Warnings\.test\.ts/)
          const { "avm.message.id": id, ...about } = warning.about
          assert.isString(id)
          assert.deepStrictEqual(about, {
            "avm.object.id": desk.id.value,
            "avm.behaviour": "Desk",
            "avm.message.tag": "Bug",
            "avm.turn.attempts": 3
          })
        })
    )

  givenUp("park", "a dead letter")
  givenUp("parkUnanswered", "a dead letter")
  givenUp("drop", "forgotten")

  test("a raw message has no tag, and the behaviour of its object", {}, (said) =>
    Effect.gen(function*() {
      const log = yield* run(Obj.create("log", local))
      yield* run(Obj.sendOnly(log, "die"))
      yield* settle
      assert.deepStrictEqual(said.map(({ about }) => [Object.keys(about).sort(), about["avm.behaviour"]]), [
        [["avm.behaviour", "avm.message.id", "avm.object.id", "avm.turn.attempts"], "log"]
      ])
    }))

  test(
    "nothing where a promise tells of it, where all goes well, or a turn is cut off",
    { onFailure: "park" },
    (said) =>
      Effect.gen(function*() {
        const begun = yield* Deferred.make<void>()
        const Slow = Behaviour.layerRaw("slow", Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never))
        const desk = yield* run(Desk.create({ controller: local }))
        const promised = yield* run(desk.send.Bug())
        yield* run(desk.sendOnly.Fine())
        yield* settle
        assert.strictEqual((yield* Effect.exit(run(promised.await)))._tag, "Failure")
        yield* Effect.provide(
          Effect.gen(function*() {
            yield* run(Effect.flatMap(Obj.create("slow", local), (slow) => Obj.sendOnly(slow, null)))
            const settling = yield* Effect.fork(settle)
            yield* Deferred.await(begun)
            yield* Fiber.interrupt(settling)
          }),
          Slow
        )
        assert.deepStrictEqual(said, [])
      })
  )

  /** A machine that has messages for behaviours that it does not know. */
  const restarted = <A>(said: Array<Said>, options: Avm.Options, body: Effect.Effect<A, unknown, Turns.Turns>) =>
    Effect.gen(function*() {
      const ports = yield* Layer.build(store)
      const kept = Layer.succeedContext(ports)
      yield* Effect.provide(
        run(
          Effect.forEach(
            ["log", "log", "keeper"],
            (name) => Effect.flatMap(Obj.create(name, local), (id) => Obj.sendOnly(id, 1))
          )
        ),
        on(kept)
      )
      yield* Effect.provide(body, machine(kept, options))
    }).pipe(Effect.scoped, Effect.provide(collecting(said)))

  const waiting = [
    "Messages wait for the behaviour log, which is not registered with the machine",
    "Messages wait for the behaviour keeper, which is not registered with the machine"
  ]

  it.effect("messages that wait for a behaviour, once for each behaviour", () => {
    const said: Array<Said> = []
    const settled = Effect.zipRight(settle, settle)
    return Effect.map(restarted(said, {}, settled), () => assert.deepStrictEqual(said.map((_) => _.message), waiting))
  })

  it.effect("the same in the background, where behaviours have a second to come", () => {
    const said: Array<Said> = []
    const told = Effect.gen(function*() {
      yield* TestClock.adjust("900 millis")
      assert.deepStrictEqual(said, [])
      yield* TestClock.adjust("1 minute")
      assert.sameMembers(said.map((_) => _.message), waiting)
    })
    return restarted(said, { turns: { run: "background" } }, told)
  })

  test("an output that its schedule gives up", {}, (said) =>
    Effect.provide(
      Effect.gen(function*() {
        const shop = yield* run(Obj.create("shop", local))
        yield* run(Obj.call(shop, null))
        const loop = yield* Effect.fork(Turns.run)
        yield* Effect.repeatN(Effect.yieldNow(), 200)
        yield* Fiber.interrupt(loop)
        const [warning] = said
        assert(warning !== undefined && said.length === 1)
        assert.strictEqual(
          warning.message,
          "An output to mail is given up until the machine starts again: its handler failed"
        )
        assert.include(warning.cause, "no post today")
        const { "avm.output.key": key, ...about } = warning.about
        assert.isString(key)
        assert.deepStrictEqual(about, {
          "avm.object.id": shop.value,
          "avm.channel": "mail",
          "avm.output.attempts": 3
        })
      }),
      Mail.toLayer(() => Effect.fail(new Error("no post today")), { retry: Schedule.recurs(2) })
    ))
})
