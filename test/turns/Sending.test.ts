/**
 * Sending and receiving: from a program, from a behaviour, from a turn; promises, and what waits for them.
 */
import { AvmError, Behaviour, Introspect, Mailboxes, Obj, Turns, Tx, type Val } from "@effect-avm/core"
import * as Rpc from "@effect/rpc/Rpc"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Layer, Option, Schedule, Schema } from "effect"
import { type StoreLayer, stores } from "../support/Stores.js"
import { behaviours, C1, Entries, kept, local, machine, missing, run, settle } from "./Bench.js"

type Here = Layer.Layer.Success<ReturnType<typeof machine>>

const on = (store: StoreLayer) => <E>(name: string, body: () => Effect.Effect<void, E, Here>) =>
  it.effect(name, () => Effect.suspend(body).pipe(Effect.provide(Layer.provideMerge(behaviours, machine(store)))))

describe.each(stores)("sending (D24, D25) (%s)", (_, store) => {
  const test = on(store)

  test("never runs the target now; its turn does, and the promise has the output", () =>
    Effect.gen(function*() {
      const [log, promised] = yield* run(Effect.gen(function*() {
        const log = yield* Obj.create("log", local)
        return [log, yield* Obj.send(log, "a")] as const
      }))
      assert.deepStrictEqual(yield* kept(log), [])
      assert.strictEqual(yield* settle, 1)
      assert.deepStrictEqual(yield* kept(log), ["a"])
      assert.deepStrictEqual(yield* run(promised.await), Option.some(1))
    }))

  test("from a program: its root is the sender", () =>
    Effect.gen(function*() {
      const [root, promised] = yield* run(Effect.gen(function*() {
        return [yield* Introspect.self, yield* Obj.send(yield* Obj.create("who", local), null)] as const
      }))
      yield* settle
      assert.deepStrictEqual(yield* run(promised.await), Option.some(root))
    }))

  test("from a behaviour that is called outside a transaction: at once; from one in a bracket: with its commit", () =>
    Effect.gen(function*() {
      const mailboxes = yield* Mailboxes.Mailboxes
      const [sender, log] = yield* run(Effect.all([Obj.create("sender", local), Obj.create("log", local)]))
      yield* run(Obj.call(sender, [[log, "outside"]]))
      assert.strictEqual(yield* mailboxes.size(log), 1)
      yield* run(Tx.transact(Effect.gen(function*() {
        yield* Obj.call(sender, [[log, "inside"]])
        assert.strictEqual(yield* mailboxes.size(log), 1)
      })))
      assert.strictEqual(yield* mailboxes.size(log), 2)
      yield* settle
      assert.deepStrictEqual(yield* kept(log), ["outside", "inside"])
    }))

  test("from a turn: with its commit; the object is the sender", () =>
    Effect.gen(function*() {
      const [sender, log, who] = yield* run(Effect.all([
        Obj.create("sender", local),
        Obj.create("log", local),
        Obj.create("sender", local)
      ]))
      yield* run(Obj.sendOnly(sender, [[log, 1], [log, 2], [who, [[log, 3]]]]))
      assert.strictEqual(yield* settle, 5)
      assert.deepStrictEqual(yield* kept(log), [1, 2, 3])
    }))

  test("inside a transaction that aborts: nothing leaves", () =>
    Effect.gen(function*() {
      const log = yield* run(Obj.create("log", local))
      const failed = Tx.transact(Effect.zipRight(Obj.send(log, "a"), Effect.fail("no" as const)))
      assert.strictEqual(yield* run(Effect.flip(failed)), "no")
      yield* run(Effect.gen(function*() {
        const tx = yield* Tx.begin()
        yield* Obj.sendOnly(log, "b")
        yield* Tx.abort(tx)
      }))
      assert.strictEqual(yield* settle, 0)
    }))

  test("counts as a change: a bracket that has read what is changed meanwhile, and sent, conflicts (A17)", () =>
    Effect.gen(function*() {
      const [log, other] = yield* run(Effect.all([Obj.create("log", local), Obj.create("log", local)]))
      const attempt = (changes: Effect.Effect<unknown, unknown, Obj.Obj>) =>
        run(Effect.either(Tx.transact(Effect.gen(function*() {
          yield* Obj.call(log, "read")
          // Another program changes what was read.
          yield* run(Effect.orDie(changes))
          yield* Obj.sendOnly(other, "sent")
        }))))
      const outcome = yield* attempt(Obj.call(log, "changed"))
      assert.strictEqual(outcome._tag === "Left" && outcome.left._tag, "TxConflict")
      assert.strictEqual(yield* settle, 0)
      yield* attempt(Effect.void)
      assert.strictEqual(yield* settle, 1)
    }))

  test("to nobody: the promise breaks, nothing else does", () =>
    Effect.gen(function*() {
      const promised = yield* run(Obj.send(missing, "a"))
      yield* settle
      const error = yield* run(Effect.flip(promised.await))
      assert.deepStrictEqual(error, new AvmError.ObjectNotFound({ id: missing }))
    }))

  test("what is no Val is refused at once, and a read-only bracket refuses to send (A31)", () =>
    Effect.gen(function*() {
      const log = yield* run(Obj.create("log", local))
      // The compiler would not let it.
      const bad = [Number.NaN] as Val.Val
      assert.strictEqual((yield* run(Effect.flip(Obj.send(log, bad))))._tag, "InvalidVal")
      assert.strictEqual((yield* run(Effect.flip(Obj.sendOnly(log, bad))))._tag, "InvalidVal")
      const sends = [Effect.asVoid(Obj.send(log, 1)), Obj.sendOnly(log, 1), Obj.emit("mail", 1)]
      for (const send of sends) {
        const error = yield* run(Effect.flip(Tx.transact(send, { readOnly: true })))
        assert.strictEqual(error._tag, "InvalidDuringTx")
      }
      assert.strictEqual(yield* settle, 0)
    }))

  test("is traced, with the transaction's controller", () =>
    Effect.gen(function*() {
      const log = yield* run(Obj.create("log", C1))
      yield* run(Tx.transact(Obj.sendOnly(log, "a"), { controller: C1 }))
      yield* settle
      const [, sent, turn] = yield* Entries
      assert.deepStrictEqual(sent?.map((_) => _.event._tag), [
        "TransactionStarted",
        "MessageSent",
        "TransactionCommitted"
      ])
      assert.deepStrictEqual(sent?.[1]?.executingController, Option.some(C1))
      assert.deepStrictEqual(turn?.map((_) => [_.event._tag, Option.getOrNull(_.executingController)]), [
        ["TransactionStarted", null],
        ["MessageReceived", C1],
        ["StateUpdated", C1],
        ["ObjectCalled", C1],
        ["TransactionCommitted", C1]
      ])
      assert.deepStrictEqual(turn?.map((_) => _.timestamp), [0, 1, 2, 3, 4])
    }))
})

describe.each(stores)("receiving (D23) (%s)", (_, store) => {
  const test = on(store)

  test("in a program: what was sent to its root, first come first; with nothing there, it waits", () =>
    Effect.gen(function*() {
      const got = yield* run(Effect.gen(function*() {
        const root = yield* Introspect.self
        const sender = yield* Obj.create("sender", local)
        yield* Obj.call(sender, [[root, 1], [root, 2]])
        const first = [yield* Obj.receive, yield* Obj.receive]
        const waiting = yield* Effect.fork(Obj.receive)
        yield* Effect.yieldNow()
        yield* Obj.sendOnly(sender, [[root, 3]])
        // A turn sends it; the program's messages are no turns themselves.
        assert.strictEqual(yield* settle, 1)
        return [...first, yield* Fiber.join(waiting)]
      }))
      assert.deepStrictEqual(got, [Option.some(1), Option.some(2), Option.some(3)])
    }))

  test("in a behaviour: the next message of its object; while it waits, none becomes a turn", () =>
    Effect.gen(function*() {
      const answer = yield* run(Effect.gen(function*() {
        const taker = yield* Obj.create("taker", local)
        yield* Obj.sendOnly(taker, "a")
        const calling = yield* Effect.fork(Obj.call(taker, 2))
        yield* Effect.repeatN(Effect.yieldNow(), 5)
        yield* Obj.sendOnly(taker, "b")
        yield* Effect.repeatN(Effect.yieldNow(), 5)
        assert.strictEqual(yield* settle, 0)
        return yield* Fiber.join(calling)
      }))
      assert.deepStrictEqual(answer, Option.some([["a"], ["b"]]))
    }))

  test("in a turn: the message after that of the turn, or none (A40); all are removed with its commit", () =>
    Effect.gen(function*() {
      const mailboxes = yield* Mailboxes.Mailboxes
      const [taker, promised] = yield* run(Effect.gen(function*() {
        const taker = yield* Obj.create("taker", local)
        const promised = yield* Obj.send(taker, 3)
        yield* Obj.sendOnly(taker, "a")
        yield* Obj.sendOnly(taker, "b")
        return [taker, promised] as const
      }))
      assert.strictEqual(yield* settle, 1)
      assert.deepStrictEqual(yield* run(promised.await), Option.some([["a"], ["b"], []]))
      assert.strictEqual(yield* mailboxes.size(taker), 0)
    }))

  test("in a bracket that aborts: the messages are still there", () =>
    Effect.gen(function*() {
      const got = yield* run(Effect.gen(function*() {
        yield* Obj.sendOnly(yield* Introspect.self, "a")
        const body = Effect.flatMap(Obj.receive, (message) => Effect.fail(message))
        const first = yield* Effect.flip(Tx.transact(body))
        const second = yield* Tx.transact(Effect.zip(Obj.receive, Obj.receive))
        return [first, ...second]
      }))
      assert.deepStrictEqual(got, [Option.some("a"), Option.some("a"), Option.none()])
    }))

  test("a bracket that found nothing conflicts with what came since, and may wait for it with Tx.retry", () =>
    Effect.gen(function*() {
      yield* run(Effect.gen(function*() {
        const root = yield* Introspect.self
        const log = yield* Obj.create("log", local)
        const found = Tx.transact(Effect.gen(function*() {
          yield* Obj.call(log, "a change")
          const message = yield* Obj.receive
          if (Option.isNone(message)) yield* run(Obj.sendOnly(root, "late"))
          return message
        }))
        assert.deepStrictEqual((yield* Effect.flip(found))._tag, "TxConflict")
        assert.deepStrictEqual(yield* found, Option.some("late"))
        const waiting = yield* Effect.fork(Tx.transact(
          Effect.flatMap(Obj.receive, (message) => Option.isNone(message) ? Tx.retry : Effect.succeed(message.value))
        ))
        yield* Effect.repeatN(Effect.yieldNow(), 5)
        yield* Obj.sendOnly(root, "waited for")
        assert.strictEqual(yield* Fiber.join(waiting), "waited for")
      }))
    }))

  test("two brackets cannot take the same message", () =>
    Effect.gen(function*() {
      yield* run(Effect.gen(function*() {
        yield* Obj.sendOnly(yield* Introspect.self, "once")
        const take = Effect.either(Tx.transact(Effect.zipLeft(Obj.receive, Effect.yieldNow())))
        const both = yield* Effect.all([take, take], { concurrency: 2 })
        const got = both.map((_) => _._tag === "Right" ? _.right : _.left._tag)
        assert.deepStrictEqual(got, [Option.some("once"), "TxConflict"])
      }))
    }))

  it.effect("answers none at once, where the machine is told so", () =>
    run(Effect.zip(Obj.receive, Obj.receive)).pipe(
      Effect.tap((got) => Effect.sync(() => assert.deepStrictEqual(got, [Option.none(), Option.none()]))),
      Effect.provide(machine(store, { receive: "none" }))
    ))

  test("of an object that is destroyed: it has no mailbox any more (A7)", () =>
    Effect.gen(function*() {
      const error = yield* run(Effect.gen(function*() {
        const taker = yield* Obj.create("taker", local)
        const calling = yield* Effect.fork(Effect.flip(Obj.call(taker, 2)))
        yield* Effect.repeatN(Effect.yieldNow(), 5)
        yield* Obj.destroy(taker)
        yield* Obj.sendOnly(taker, "a")
        return yield* Fiber.join(calling)
      }))
      assert.strictEqual(error._tag, "ContextUnavailable")
    }))

  test("messages to a program that has ended are for nobody", () =>
    Effect.gen(function*() {
      const [root, early] = yield* run(Effect.gen(function*() {
        const root = yield* Introspect.self
        return [root, yield* Obj.send(root, "never received")] as const
      }))
      const late = yield* run(Obj.send(root, "too late"))
      assert.strictEqual(yield* settle, 2)
      for (const promised of [early, late]) {
        assert.deepStrictEqual(yield* run(Effect.flip(promised.await)), new AvmError.ObjectNotFound({ id: root }))
      }
    }))
})

describe.each(stores)("promises (%s)", (_, store) => {
  const test = on(store)

  test("wait, for as long as it takes; not in a transaction", () =>
    Effect.gen(function*() {
      const promised = yield* run(Obj.send(yield* run(Obj.create("log", local)), "a"))
      const waiting = yield* Effect.fork(run(promised.await))
      yield* Effect.repeatN(Effect.yieldNow(), 5)
      assert.isTrue(Option.isNone(yield* Fiber.poll(waiting)))
      const inside = Effect.gen(function*() {
        const tx = yield* Tx.begin()
        return yield* Effect.ensuring(Effect.flip(promised.await), Effect.orDie(Tx.abort(tx)))
      })
      assert.strictEqual((yield* run(inside))._tag, "InvalidDuringTx")
      yield* settle
      assert.deepStrictEqual(yield* Fiber.join(waiting), Option.some(1))
    }))

  test("break with the error of the turn; a defect is described, and dies where it is awaited", () =>
    Effect.gen(function*() {
      const log = yield* run(Obj.create("log", local))
      const [broken, died] = yield* run(Effect.all([Obj.send(log, "fail"), Obj.send(log, "die")]))
      yield* settle
      assert.deepStrictEqual(yield* run(Effect.flip(broken.await)), new AvmError.ObjectNotFound({ id: missing }))
      const exit = yield* Effect.exit(run(died.await))
      assert.deepStrictEqual(Exit.isFailure(exit) && [...Cause.defects(exit.cause)], [{
        name: "Error",
        message: "broken"
      }])
      assert.deepStrictEqual(yield* kept(log), [])
    }))

  test("forward their answer as data: [tag, answer], in a turn of its own; broken ones their error", () =>
    Effect.gen(function*() {
      const [log, good, bad] = yield* run(Effect.gen(function*() {
        const log = yield* Obj.create("log", local)
        const good = yield* Obj.send(log, "first")
        const bad = yield* Obj.send(log, "fail")
        for (const promised of [good, bad]) {
          yield* promised.onResolved(log, "resolved")
          yield* promised.onBroken(log, "broken")
        }
        return [log, good, bad] as const
      }))
      yield* settle
      const error = { _tag: "ObjectNotFound", id: "missing" }
      assert.deepStrictEqual(yield* kept(log), ["first", ["resolved", 1], ["broken", error]])
      // Those that are settled already forward at once.
      yield* run(Effect.all([good.onResolved(log, "again"), good.onBroken(log, "no"), bad.onBroken(log, "again")]))
      yield* settle
      assert.deepStrictEqual(((yield* kept(log)) as ReadonlyArray<Val.Val>).slice(3), [["again", 1], ["again", error]])
    }))

  test("forward only if the transaction that asked for it commits", () =>
    Effect.gen(function*() {
      const log = yield* run(Obj.create("log", local))
      const promised = yield* run(Obj.send(log, "a"))
      const failed = Tx.transact(Effect.zipRight(promised.onResolved(log, "undone"), Effect.fail("no")))
      yield* run(Effect.flip(failed))
      yield* run(Tx.transact(promised.onResolved(log, "done")))
      yield* settle
      assert.deepStrictEqual(yield* kept(log), ["a", ["done", 1]])
    }))

  test("are references: what is sent to one waits, and goes on in order when it resolves (pipelining)", () =>
    Effect.gen(function*() {
      const mailboxes = yield* Mailboxes.Mailboxes
      const [log, promised, answers] = yield* run(Effect.gen(function*() {
        const log = yield* Obj.create("log", local)
        const forwarder = yield* Obj.create("teller", local)
        const promised = yield* Obj.send(forwarder, log)
        const answers = yield* Effect.forEach([1, 2, 3], (n) => Obj.send(promised.id, n))
        assert.strictEqual((yield* mailboxes.peek(promised.id)).length, 3)
        return [log, promised, answers] as const
      }))
      assert.strictEqual(yield* settle, 4)
      assert.deepStrictEqual(yield* kept(log), [1, 2, 3])
      assert.deepStrictEqual(yield* run(Effect.forEach(answers, (_) => _.await)), [1, 2, 3].map(Option.some))
      // Settled, it stands for the object.
      yield* run(Obj.sendOnly(promised.id, 4))
      yield* settle
      assert.deepStrictEqual(yield* kept(log), [1, 2, 3, 4])
      // It can be sent to, not called: what it stands for is known to the store alone.
      assert.strictEqual((yield* run(Effect.flip(Obj.call(promised.id, 5))))._tag, "ObjectNotFound")
    }))

  test("what was sent to the object after the promise has resolved comes after what waited for it", () =>
    Effect.gen(function*() {
      const log = yield* run(Effect.gen(function*() {
        const log = yield* Obj.create("log", local)
        const teller = yield* Obj.create("teller", local)
        const promised = yield* Obj.send(teller, log)
        yield* Obj.sendOnly(promised.id, "waited")
        const turn = yield* Turns.step
        assert.isTrue(Option.isSome(turn))
        assert.deepStrictEqual(yield* promised.await, Option.some(log))
        yield* Obj.sendOnly(log, "afterwards")
        return log
      }))
      yield* settle
      assert.deepStrictEqual(yield* kept(log), ["waited", "afterwards"])
    }))

  test("break those that are sent to them, however many after one another; or are no object", () =>
    Effect.gen(function*() {
      const chain = 20_000
      const [last, toData] = yield* run(Effect.gen(function*() {
        const log = yield* Obj.create("log", local)
        let promised = yield* Obj.send(log, "fail")
        for (let n = 0; n < chain; n++) promised = yield* Obj.send(promised.id, n)
        const number = yield* Obj.send(log, "fine")
        return [promised, [number.id, yield* Obj.send(number.id, "to a number")] as const] as const
      }))
      yield* settle
      assert.deepStrictEqual(yield* run(Effect.flip(last.await)), new AvmError.ObjectNotFound({ id: missing }))
      const [number, promised] = toData
      assert.deepStrictEqual(yield* run(Effect.flip(promised.await)), new AvmError.ObjectNotFound({ id: number }))
    }))

  test("that are settled with each other break", () =>
    Effect.gen(function*() {
      const [a, b] = yield* run(Effect.gen(function*() {
        const teller = yield* Obj.create("teller", local)
        const keeper = yield* Obj.create("keeper", local)
        const a = yield* Obj.send(keeper, null)
        const b = yield* Obj.send(teller, a.id)
        // The first turn answers what it is told only now: the promise of the second.
        yield* Obj.call(keeper, b.id)
        return [a, b] as const
      }))
      yield* settle
      assert.deepStrictEqual(yield* run(a.await), Option.some(b.id))
      assert.deepStrictEqual(yield* run(Effect.flip(b.await)), new AvmError.ObjectNotFound({ id: b.id }))
    }))
})

describe.each(stores)("keys (%s)", (_, store) => {
  const test = on(store)

  test("a message sent again under its key is the same message, and has the same answer", () =>
    Effect.gen(function*() {
      const log = yield* run(Obj.create("log", local))
      const once = Obj.send(log, "an order", { key: "order 17" })
      const [a, b] = yield* run(Effect.all([once, Tx.transact(once)]))
      yield* settle
      const c = yield* run(once)
      yield* run(Obj.sendOnly(log, "an order", { key: "order 17" }))
      yield* run(Obj.sendOnly(log, "another order", { key: "order 18" }))
      yield* settle
      assert.deepStrictEqual(yield* run(Effect.forEach([a, b, c], (_) => _.await)), [1, 1, 1].map(Option.some))
      assert.deepStrictEqual(yield* kept(log), ["an order", "another order"])
    }))

  test("of a transaction that aborts are free again", () =>
    Effect.gen(function*() {
      const log = yield* run(Obj.create("log", local))
      const once = Obj.sendOnly(log, "an order", { key: "order 17" })
      yield* run(Effect.flip(Tx.transact(Effect.zipRight(once, Effect.fail("no")))))
      yield* run(once)
      yield* settle
      assert.deepStrictEqual(yield* kept(log), ["an order"])
    }))
})

describe.each(stores)("bounded mailboxes (%s)", (_, store) => {
  const bounded = <E>(name: string, onFull: "fail" | "wait", body: () => Effect.Effect<void, E, Here>) =>
    it.effect(name, () =>
      Effect.suspend(body).pipe(
        Effect.provide(Layer.provideMerge(behaviours, machine(store, { mailbox: { capacity: 2, onFull } })))
      ))

  bounded("refuse what is too much, and sent nothing then", "fail", () =>
    Effect.gen(function*() {
      const log = yield* run(Obj.create("log", local))
      const full = new AvmError.MailboxFull({ id: log })
      yield* run(Effect.all([Obj.sendOnly(log, 1), Obj.sendOnly(log, 2)]))
      assert.deepStrictEqual(yield* run(Effect.flip(Obj.sendOnly(log, 3))), full)
      assert.deepStrictEqual(yield* run(Effect.flip(Tx.transact(Obj.sendOnly(log, 3)))), full)
      yield* settle
      assert.deepStrictEqual(yield* kept(log), [1, 2])
      // What a transaction is going to send counts as well.
      const three = Effect.all([Obj.sendOnly(log, 3), Obj.sendOnly(log, 4), Obj.sendOnly(log, 5)])
      assert.deepStrictEqual(yield* run(Effect.flip(Tx.transact(three))), full)
      assert.strictEqual(yield* settle, 0)
    }))

  bounded("hold at the commit, whoever else has sent meanwhile: it conflicts", "fail", () =>
    Effect.gen(function*() {
      const log = yield* run(Obj.create("log", local))
      const racing = Tx.transact(Effect.gen(function*() {
        yield* Obj.sendOnly(log, "mine")
        yield* run(Effect.ignore(Obj.sendOnly(log, "theirs")))
        yield* run(Effect.ignore(Obj.sendOnly(log, "theirs too")))
      }))
      assert.strictEqual((yield* run(Effect.flip(racing)))._tag, "TxConflict")
      const retried = Tx.transact(Obj.sendOnly(log, "mine"), { retry: Schedule.recurs(3) })
      assert.strictEqual((yield* run(Effect.flip(retried)))._tag, "MailboxFull")
      yield* settle
      assert.deepStrictEqual(yield* kept(log), ["theirs", "theirs too"])
    }))

  bounded("or let the sender wait; in transactions and turns they refuse", "wait", () =>
    Effect.gen(function*() {
      const [log, sender] = yield* run(Effect.all([Obj.create("log", local), Obj.create("sender", local)]))
      const sending = yield* Effect.fork(run(Effect.forEach([1, 2, 3, 4, 5], (n) => Obj.sendOnly(log, n))))
      yield* Effect.repeatN(Effect.yieldNow(), 20)
      assert.strictEqual(yield* (yield* Mailboxes.Mailboxes).size(log), 2)
      assert.strictEqual((yield* run(Effect.flip(Tx.transact(Obj.sendOnly(log, 0)))))._tag, "MailboxFull")
      const promised = yield* run(Obj.send(sender, [[log, 0]]))
      assert.isTrue(Option.isSome(yield* Turns.step))
      yield* Effect.repeatN(Effect.yieldNow(), 20)
      while (Option.isNone(yield* Fiber.poll(sending))) {
        yield* settle
        yield* Effect.yieldNow()
      }
      yield* settle
      yield* Fiber.join(sending)
      const answer = yield* run(Effect.either(promised.await))
      const all = (yield* kept(log)) as ReadonlyArray<Val.Val>
      assert.deepStrictEqual(all.filter((n) => n !== 0), [1, 2, 3, 4, 5])
      assert.strictEqual(all.includes(0), answer._tag === "Right")
    }))
})

describe.each(stores)("order (E-ORDER) (%s)", (_, store) => {
  const test = on(store)

  test("messages by one reference arrive in the order of sending, mixed from transactions and outside", () =>
    Effect.gen(function*() {
      const log = yield* run(Obj.create("log", local))
      yield* run(Effect.gen(function*() {
        for (let n = 0; n < 30; n += 3) {
          yield* Obj.sendOnly(log, n)
          yield* Tx.transact(Effect.all([Obj.sendOnly(log, n + 1), Obj.sendOnly(log, n + 2)]))
        }
      }))
      yield* settle
      assert.deepStrictEqual(yield* kept(log), Array.from({ length: 30 }, (_, n) => n))
    }))

  test("a reference that is passed on forks the order: what was sent before comes before what the other sends", () =>
    Effect.gen(function*() {
      const log = yield* run(Effect.gen(function*() {
        const log = yield* Obj.create("log", local)
        const friend = yield* Obj.create("sender", local)
        yield* Obj.sendOnly(log, "before the introduction")
        yield* Obj.sendOnly(friend, [[log, "by the friend"]])
        yield* Obj.sendOnly(log, "after it")
        return log
      }))
      yield* settle
      const got = (yield* kept(log)) as ReadonlyArray<Val.Val>
      assert.strictEqual(got[0], "before the introduction")
      assert.sameMembers([...got], ["before the introduction", "by the friend", "after it"])
    }))
})

describe.each(stores)("typed references (%s)", (_, store) => {
  class Empty extends Schema.TaggedError<Empty>()("Empty", {}) {}

  const Jar = Behaviour.make("Jar", {
    state: Schema.Int,
    initial: 1,
    protocol: [
      Rpc.make("Add", { payload: { n: Schema.Int }, success: Schema.Int }),
      Rpc.make("Take", { success: Schema.Int, error: Empty }),
      Rpc.make("Told", { payload: Schema.Int })
    ]
  })
  const JarLive = Jar.toLayer({
    Add: ({ n }) => Jar.updateState((all) => all + n),
    *Take() {
      if ((yield* Jar.state) === 0) return yield* new Empty()
      return yield* Jar.updateState((n) => n - 1)
    },
    Told: (n) => Effect.asVoid(Jar.updateState((all) => all + 100 * n))
  })
  const Shelf = Behaviour.make("Shelf", {
    state: Schema.Null,
    initial: null,
    protocol: [
      Rpc.make("Fresh", { success: Jar.Ref }),
      Rpc.make("Sold", { success: Jar.Ref, error: Empty })
    ]
  })
  const ShelfLive = Shelf.toLayer({ Fresh: () => Jar.create(), Sold: () => Effect.fail(new Empty()) })

  const typed = <E>(
    name: string,
    body: () => Effect.Effect<void, E, Layer.Layer.Success<ReturnType<typeof platform>>>
  ) => it.effect(name, () => Effect.suspend(body).pipe(Effect.provide(platform())))
  const platform = () => Layer.provideMerge(Behaviour.layerAll(JarLive, ShelfLive), machine(store))

  typed("send what they call, with the same types", () =>
    Effect.gen(function*() {
      yield* run(Effect.gen(function*() {
        const jar = yield* Jar.create()
        const sum = yield* jar.send.Add({ n: 2 })
        const taken = yield* Effect.replicateEffect(jar.send.Take(), 4)
        yield* jar.sendOnly.Add({ n: 10 })
        assert.strictEqual(yield* settle, 6)
        assert.strictEqual(yield* sum.await, 3)
        assert.deepStrictEqual(yield* Effect.forEach(taken.slice(0, 3), (_) => _.await), [2, 1, 0])
        assert.instanceOf(yield* Effect.flip(taken[3]?.await ?? Effect.void), Empty)
        const answer = yield* jar.send.Add({ n: 0 }, { key: "a" })
        yield* answer.onResolved(jar.id, "Told")
        yield* settle
        assert.strictEqual(yield* jar.Add({ n: 0 }), 1010)
      }))
    }))

  typed(
    "what their schema refuses is InvalidInput at once; another behaviour answers it in its turn (A35)",
    () =>
      Effect.gen(function*() {
        yield* run(Effect.gen(function*() {
          const jar = yield* Jar.create()
          assert.strictEqual((yield* Effect.flip(jar.send.Add({ n: 0.5 })))._tag, "InvalidInput")
          assert.strictEqual((yield* Effect.flip(jar.sendOnly.Add({ n: 0.5 })))._tag, "InvalidInput")
          const wrong = yield* Shelf.ref(jar.id).send.Fresh()
          yield* settle
          assert.strictEqual((yield* Effect.flip(wrong.await))._tag, "InvalidInput")
        }))
      })
  )

  typed("may be made of a promise: it is sent to before it is there", () =>
    Effect.gen(function*() {
      yield* run(Effect.gen(function*() {
        const shelf = yield* Shelf.create()
        const fresh = yield* shelf.send.Fresh()
        const jar = Jar.ref(fresh.id)
        const [one, none, refused] = yield* Effect.all([jar.send.Take(), jar.send.Take(), jar.send.Take()])
        const sold = yield* shelf.send.Sold()
        const lost = yield* Jar.ref(sold.id).send.Take()
        yield* settle
        assert.strictEqual(yield* one.await, 0)
        // The error that the jar declares, though the reference was a promise's.
        assert.instanceOf(yield* Effect.flip(none.await), Empty)
        assert.instanceOf(yield* Effect.flip(refused.await), Empty)
        assert.instanceOf(yield* Effect.flip(sold.await), Empty)
        // The shelf's error is none of the jar's: it never came to be.
        assert.deepStrictEqual(yield* Effect.flip(lost.await), new AvmError.ObjectNotFound({ id: sold.id }))
        assert.strictEqual((yield* fresh.await).behaviour, "Jar")
      }))
    }))
})
