/**
 * Choices and searches together with `Tx.enlist` and `Tx.retry`, on every store (D28, D29, A40, A41): what of several runs
 * takes effect, and what they wait for. `test/core/AsIfChosen.test.ts` has the law, this file explains it.
 */
import {
  Avm,
  AvmError,
  Behaviour,
  Constraint,
  ControllerId,
  FD,
  Introspect,
  Mailboxes,
  Nondet,
  Obj,
  Tx
} from "@effect-avm/core"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Chunk, Effect, Exit, Fiber, Layer, Option, Schedule, STM, Stream, TRef } from "effect"
import { portsOn, type Store, stores } from "../support/Stores.js"

const local = ControllerId.make("local")

/** A number; `null` asks for it, any other message sets it. */
const Cell = Behaviour.layerRaw("cell", function*() {
  const input = yield* Introspect.input
  if (input === null) return [yield* Introspect.getState]
  yield* Introspect.setState(input)
  return []
})

const platform = ([, store]: Store) =>
  Layer.provideMerge(Cell, Avm.layer({ turns: { run: "manual" } })).pipe(Layer.provideMerge(portsOn(store)))

/** An object that holds a number, and memory of the application's own, which holds a list of what was put in. */
const setUp = Effect.gen(function*() {
  const cell = yield* Avm.run(Effect.tap(Obj.create("cell", local), (cell) => Obj.call(cell, 0)))
  const ref = yield* STM.commit(TRef.make<ReadonlyArray<number>>([]))
  const ask = Effect.map(Obj.call(cell, null), (answer) => Number(Option.getOrThrow(answer)))
  return {
    ask,
    set: (n: number) => Obj.call(cell, n),
    put: (n: number) => TRef.update(ref, (all) => [...all, n]),
    /** Retries while nothing is in it. */
    waiting: STM.flatMap(TRef.get(ref), (all) => all.length === 0 ? STM.retry : STM.void),
    /** What others see. */
    seen: Effect.zip(Avm.run(ask), STM.commit(TRef.get(ref)))
  }
})

/** Whether a fiber has not ended after a while, in which it could have gone on. */
const waits = <A, E>(fiber: Fiber.RuntimeFiber<A, E>) =>
  Effect.zipRight(
    Effect.promise(() => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))),
    Effect.map(Fiber.poll(fiber), Option.isNone)
  ).pipe(Effect.repeatN(20))

const defect = <A, E>(exit: Exit.Exit<A, E>): string => {
  assert(Exit.isFailure(exit), "it succeeded")
  return String(Option.getOrThrow(Cause.dieOption(exit.cause)))
}

describe.each(stores)("an enlisted STM (%s)", (name, layer) => {
  const onMachine = Effect.provide(platform([name, layer]))

  it.effect("takes effect once, that of the choices that are committed and no other (D29)", () =>
    Effect.gen(function*() {
      const { ask, put, seen, set } = yield* setUp
      const chosen = yield* Avm.run(Tx.transact(Effect.gen(function*() {
        yield* Tx.enlist(put(0))
        const n = yield* Nondet.choose([1, 2, 3])
        yield* set((yield* ask) + n)
        yield* Tx.enlist(put(n))
        const m = yield* Nondet.choose([10, 20])
        yield* Tx.enlist(put(m))
        yield* Nondet.require(n + m === 23)
        return n + m
      })))
      assert.strictEqual(chosen, 23)
      assert.deepStrictEqual(yield* seen, [3, [0, 3, 20]])
    }).pipe(onMachine))

  it.effect("takes no effect where no choices do", () =>
    Effect.gen(function*() {
      const { put, seen, set } = yield* setUp
      const error = yield* Effect.flip(Avm.run(Tx.transact(Effect.gen(function*() {
        const n = yield* Nondet.choose([1, 2])
        yield* set(n)
        yield* Tx.enlist(put(n))
        yield* Nondet.require(n > 2, "more")
      }))))
      assert.instanceOf(error, AvmError.Unsatisfiable)
      assert.deepStrictEqual(error.requirements, ["more"])
      assert.deepStrictEqual(yield* seen, [0, []])
    }).pipe(onMachine))

  it.effect("that fails, fails the bracket: the choices were the best ones, and other choices are not tried for it", () =>
    Effect.gen(function*() {
      const { put, seen, set } = yield* setUp
      const error = yield* Effect.flip(Avm.run(Tx.transact(Effect.gen(function*() {
        const n = yield* Nondet.choose([1, 2, 3])
        yield* set(n)
        yield* Tx.enlist(STM.zipRight(put(n), n < 3 ? STM.fail(`not ${n}` as const) : STM.void))
        yield* Nondet.require(n > 1)
      }))))
      assert.strictEqual(error, "not 2")
      assert.deepStrictEqual(yield* seen, [0, []])
    }).pipe(onMachine))

  it.effect("that retries: the attempt is aborted, and what is chosen is chosen on a fresh snapshot (A41)", () =>
    Effect.gen(function*() {
      const { ask, put, seen, set, waiting } = yield* setUp
      const asked: Array<number> = []
      const waiter = yield* Effect.fork(Avm.run(Tx.transact(Effect.gen(function*() {
        const least = yield* ask
        asked.push(least)
        const n = yield* Nondet.choose([1, 2, 3, 4])
        yield* set(n)
        yield* Tx.enlist(STM.zipRight(waiting, put(n)))
        yield* Nondet.require(n > least + 1)
        return n
      }))))
      assert.isTrue(yield* waits(waiter))
      // The store is free meanwhile; nothing of the attempt is in it.
      assert.deepStrictEqual(yield* seen, [0, []])
      yield* Avm.run(set(2))
      assert.isTrue(yield* waits(waiter))
      yield* STM.commit(put(0))
      assert.strictEqual(yield* Fiber.join(waiter), 4)
      assert.deepStrictEqual(yield* seen, [4, [0, 4]])
      assert.deepStrictEqual([asked[0], asked.at(-1)], [0, 2])
    }).pipe(onMachine))

  it.effect("runs once for a commit, also where choices and conflicts make it run again", () =>
    Effect.gen(function*() {
      const { ask, put, seen, set } = yield* setUp
      const add = Tx.transact(
        Effect.gen(function*() {
          const before = yield* ask
          const n = yield* Nondet.choose([1, 2])
          yield* Effect.yieldNow()
          yield* set(before + n)
          yield* Tx.enlist(put(n))
          yield* Nondet.require(n === 2)
        }),
        { retry: Schedule.forever }
      )
      yield* Effect.all(Array.from({ length: 8 }, () => Avm.run(add)), { concurrency: "unbounded" })
      assert.deepStrictEqual(yield* seen, [16, Array.from({ length: 8 }, () => 2)])
    }).pipe(onMachine))
})

describe.each(stores)("Tx.retry under choices (%s)", (name, layer) => {
  const onMachine = Effect.provide(platform([name, layer]))

  it.effect("is no reason to wait where a requirement does not hold anyway: it is chosen otherwise (D29)", () =>
    Effect.gen(function*() {
      const { ask } = yield* setUp
      const body = (condition: (n: Nondet.Choice<number>) => boolean | Constraint.Constraint) =>
        Effect.gen(function*() {
          const n = yield* Nondet.choice([1, 2, 3])
          yield* Nondet.require(condition(n))
          return n.value + (yield* ask) < 3 ? yield* Tx.retry : n.value
        })
      assert.strictEqual(yield* Avm.run(Tx.transact(body((n) => n.value === 3))), 3)
      assert.strictEqual(yield* Avm.run(Tx.transact(body((n) => Constraint.lt(2, n)))), 3)
      const overVariables = Tx.transact(Effect.gen(function*() {
        const x = yield* FD.newVar(FD.range(3, 4))
        return yield* body((n) => Constraint.eq(n, x))
      }))
      assert.strictEqual(yield* Avm.run(overVariables), 3)
    }).pipe(onMachine))

  it.effect("waits where all holds so far, also if other choices would go on: they are worse", () =>
    Effect.gen(function*() {
      const { ask, seen, set } = yield* setUp
      const bodies: Array<string> = []
      const waiter = yield* Effect.fork(Avm.run(Tx.transact(Effect.gen(function*() {
        const dish = yield* Nondet.choose(["soup", "fish", "cake"])
        yield* Nondet.require(dish !== "soup", "not again")
        bodies.push(dish)
        // There is no fish yet.
        if (dish === "fish" && (yield* ask) === 0) return yield* Tx.retry
        yield* set(7)
        return dish
      }))))
      assert.isTrue(yield* waits(waiter))
      assert.strictEqual(bodies.at(-1), "fish")
      assert.notInclude(bodies, "cake")
      yield* Avm.run(set(1))
      assert.strictEqual(yield* Fiber.join(waiter), "fish")
      assert.deepStrictEqual(yield* seen, [7, []])
    }).pipe(onMachine))

  it.effect("says by a requirement what one would rather not wait for", () =>
    Effect.gen(function*() {
      const { ask } = yield* setUp
      const dish = yield* Avm.run(Tx.transact(Effect.gen(function*() {
        const dish = yield* Nondet.choose(["fish", "cake"])
        yield* Nondet.require(dish !== "fish" || (yield* ask) > 0, "there is fish")
        return dish
      })))
      assert.strictEqual(dish, "cake")
    }).pipe(onMachine))

  it.effect("after it has waited, everything is chosen anew on a fresh snapshot", () =>
    Effect.gen(function*() {
      const { ask, set } = yield* setUp
      const waiter = yield* Effect.fork(Avm.run(Tx.transact(Effect.gen(function*() {
        const n = yield* Nondet.choose([1, 2, 3])
        const least = yield* ask
        yield* Nondet.require(n > least)
        if (n < 3) return yield* Tx.retry
        return n
      }))))
      assert.isTrue(yield* waits(waiter))
      yield* Avm.run(set(1))
      assert.isTrue(yield* waits(waiter))
      yield* Avm.run(set(2))
      assert.strictEqual(yield* Fiber.join(waiter), 3)
    }).pipe(onMachine))

  it.effect("does not keep the bracket from knowing that nothing does", () =>
    Effect.gen(function*() {
      const { ask } = yield* setUp
      const error = yield* Effect.flip(Avm.run(Tx.transact(Effect.gen(function*() {
        const n = yield* Nondet.choose([1, 2])
        yield* Nondet.require(n > 2, "more")
        return (yield* ask) === 0 ? yield* Tx.retry : n
      }))))
      assert.instanceOf(error, AvmError.Unsatisfiable)
    }).pipe(onMachine))

  it.effect("that the body keeps to itself counts as well", () =>
    Effect.gen(function*() {
      const { ask, seen, set } = yield* setUp
      const body = (most: number) =>
        Tx.transact(Effect.gen(function*() {
          const n = yield* Nondet.choose([1, 2, 3])
          if ((yield* ask) < n && n <= most) yield* Effect.exit(Tx.retry)
          yield* Nondet.require(n > 1)
          yield* set(n * 10)
          return n
        }))
      const waiter = yield* Effect.fork(Avm.run(body(2)))
      assert.isTrue(yield* waits(waiter))
      assert.deepStrictEqual(yield* seen, [0, []])
      yield* Avm.run(set(5))
      assert.strictEqual(yield* Fiber.join(waiter), 2)
      yield* Avm.run(set(0))
      // What it waits for under the first choice does not matter under the second one.
      assert.strictEqual(yield* Avm.run(body(1)), 2)
      assert.deepStrictEqual(yield* seen, [20, []])
    }).pipe(onMachine))

  it.effect("can be interrupted, and leaves nothing behind", () =>
    Effect.gen(function*() {
      const { ask, put, seen, set } = yield* setUp
      const waiter = yield* Effect.fork(Avm.run(Tx.transact(Effect.gen(function*() {
        const n = yield* Nondet.choose([1, 2])
        yield* Nondet.require(n === 2)
        yield* set(n)
        yield* Tx.enlist(put(n))
        yield* ask
        return yield* Tx.retry
      }))))
      assert.isTrue(yield* waits(waiter))
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(waiter)))
      assert.deepStrictEqual(yield* seen, [0, []])
    }).pipe(onMachine))
})

describe.each(stores)("searching by labels (%s)", (name, layer) => {
  const onMachine = Effect.provide(platform([name, layer]))

  it.effect("FD.search runs no STM; FD.commitFirst runs the winner's, once", () =>
    Effect.gen(function*() {
      const { put, seen, set } = yield* setUp
      const body = Effect.gen(function*() {
        const x = yield* FD.newVar(FD.range(1, 4))
        yield* Tx.enlist(put(0))
        const n = yield* FD.label(x)
        yield* set(n)
        yield* Tx.enlist(put(n))
        return n < 3 ? yield* Effect.fail("small") : n
      })
      assert.deepStrictEqual(Chunk.toArray(yield* Avm.run(Stream.runCollect(FD.search(body)))), [3, 4])
      assert.deepStrictEqual(yield* seen, [0, []])
      assert.deepStrictEqual(yield* Avm.run(FD.commitFirst(body)), Option.some(3))
      assert.deepStrictEqual(yield* seen, [3, [0, 3]])
    }).pipe(onMachine))

  it.effect("FD.commitFirst fails with what an STM fails with, and nothing is committed", () =>
    Effect.gen(function*() {
      const { put, seen, set } = yield* setUp
      const error = yield* Effect.flip(Avm.run(FD.commitFirst(Effect.gen(function*() {
        const n = yield* FD.label(yield* FD.newVar(FD.range(1, 4)))
        yield* set(n)
        yield* Tx.enlist(STM.zipRight(put(n), STM.fail("no" as const)))
      }))))
      assert.strictEqual(error, "no")
      assert.deepStrictEqual(yield* seen, [0, []])
    }).pipe(onMachine))

  it.effect("FD.commitFirst waits for an STM that retries, and searches anew on a fresh snapshot (A41)", () =>
    Effect.gen(function*() {
      const { ask, put, seen, set, waiting } = yield* setUp
      const waiter = yield* Effect.fork(Avm.run(FD.commitFirst(Effect.gen(function*() {
        const least = yield* ask
        const n = yield* FD.label(yield* FD.newVar(FD.range(1, 4)))
        yield* Tx.enlist(STM.zipRight(waiting, put(n)))
        yield* set(n)
        return n <= least ? yield* Effect.fail("small") : n
      }))))
      assert.isTrue(yield* waits(waiter))
      yield* Avm.run(set(2))
      assert.isTrue(yield* waits(waiter))
      yield* STM.commit(put(0))
      assert.deepStrictEqual(yield* Fiber.join(waiter), Option.some(3))
      assert.deepStrictEqual(yield* seen, [3, [0, 3]])
    }).pipe(onMachine))

  it.effect("Tx.retry is no dead end: FD.commitFirst waits, and searches anew (D28, A40)", () =>
    Effect.gen(function*() {
      const { ask, seen, set } = yield* setUp
      const body = (kept: boolean) =>
        Effect.gen(function*() {
          const n = yield* FD.label(yield* FD.newVar(FD.range(1, 4)))
          const stock = yield* ask
          if (n === 1 && stock !== 9) return yield* Effect.fail("one")
          if (n > stock) yield* kept ? Effect.exit(Tx.retry) : Tx.retry
          yield* set(n * 10)
          return n
        })
      for (const kept of [false, true]) {
        yield* Avm.run(set(0))
        const waiter = yield* Effect.fork(Avm.run(FD.commitFirst(body(kept))))
        assert.isTrue(yield* waits(waiter))
        assert.deepStrictEqual(yield* seen, [0, []])
        yield* Avm.run(set(9))
        // From the first label on.
        assert.deepStrictEqual(yield* Fiber.join(waiter), Option.some(1))
        assert.deepStrictEqual(yield* seen, [10, []])
      }
    }).pipe(onMachine))

  it.effect("Tx.retry is a dead end where a requirement does not hold anyway", () =>
    Effect.gen(function*() {
      const { ask } = yield* setUp
      const body = Effect.gen(function*() {
        const n = yield* FD.label(yield* FD.newVar(FD.range(1, 3)))
        yield* Nondet.require(n > 1)
        return (yield* ask) < 5 && n < 2 ? yield* Tx.retry : n
      })
      assert.deepStrictEqual(yield* Avm.run(FD.commitFirst(body)), Option.some(2))
      assert.deepStrictEqual(Chunk.toArray(yield* Avm.run(Stream.runCollect(FD.search(body)))), [2, 3])
    }).pipe(onMachine))

  it.effect("Tx.retry in FD.search is a defect that says so", () =>
    Effect.gen(function*() {
      const { ask } = yield* setUp
      const body = (retry: Effect.Effect<unknown, never, Tx.Tx | Tx.InTx>) =>
        Effect.gen(function*() {
          const n = yield* FD.label(yield* FD.newVar(FD.range(1, 3)))
          if ((yield* ask) + n > 1) yield* retry
          return n
        })
      for (const retry of [Tx.retry, Effect.exit(Tx.retry)]) {
        const found: Array<number> = []
        const all = Stream.runForEach(FD.search(body(retry)), (n) => Effect.sync(() => void found.push(n)))
        assert.include(defect(yield* Effect.exit(Avm.run(all))), "Tx.retry in FD.search")
        assert.deepStrictEqual(found, [1])
      }
    }).pipe(onMachine))
})

describe.each(stores)("what was tried and left (%s)", (name, layer) => {
  const onMachine = Effect.provide(platform([name, layer]))

  it.effect("has sent nothing, taken nothing, and has no outputs (D25, D29)", () =>
    Effect.gen(function*() {
      const { put, waiting } = yield* setUp
      const mailboxes = yield* Mailboxes.Mailboxes
      yield* Avm.run(Effect.gen(function*() {
        const to = yield* Obj.create("cell", local)
        const self = yield* Introspect.self
        yield* Obj.sendOnly(self, "first")
        const received = yield* Tx.transact(Effect.gen(function*() {
          const n = yield* Nondet.choose([2, 1, 0])
          yield* Obj.sendOnly(to, n)
          yield* Obj.emit("channel", n)
          const received: Array<unknown> = []
          for (let times = 0; times < n; times++) received.push(yield* Obj.receive)
          yield* Tx.enlist(STM.zipRight(put(n), waiting))
          yield* Nondet.require(n === 0)
          return received
        }))
        assert.deepStrictEqual(received, [])
        const sent = yield* mailboxes.peek(to, { limit: 9 })
        assert.deepStrictEqual(sent.map(({ input }) => input), [0])
        assert.deepStrictEqual((yield* mailboxes.outputs).map(({ payload }) => payload), [0])
        assert.deepStrictEqual(yield* Obj.receive, Option.some("first"))
      }))
    }).pipe(onMachine))

  it.effect("labels that fail a commit count as tried, those of choices that were left do not (D28)", () =>
    Effect.gen(function*() {
      const tried = yield* Avm.run(Effect.gen(function*() {
        const x = yield* FD.newVar(FD.range(1, 4))
        const raw = Effect.gen(function*() {
          const id = yield* Tx.begin()
          const n = yield* FD.label(x)
          yield* Nondet.require(n > 9)
          yield* Effect.flip(Tx.commit(id))
          return n
        })
        const bracket = Effect.flip(Tx.transact(Effect.gen(function*() {
          const n = yield* FD.label(x)
          const m = yield* Nondet.choose([1, 2])
          yield* Nondet.require(m === 2)
          return yield* Effect.fail(n)
        })))
        return [yield* raw, yield* raw, yield* bracket, yield* bracket]
      }))
      assert.deepStrictEqual(tried, [1, 2, 3, 4])
    }).pipe(onMachine))
})
