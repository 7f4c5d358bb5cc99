/** The brackets: waiting, enlisting, joining, reading only, contention, and every place where they can be cut. */
import {
  Avm,
  AvmError,
  Behaviour,
  ControllerId,
  Introspect,
  Obj,
  type ObjectId,
  ObjectStore,
  Pure,
  Tx
} from "@effect-avm/core"
import * as Rpc from "@effect/rpc/Rpc"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Either, Exit, Fiber, Layer, Option, Schedule, Schema, STM, TRef } from "effect"
import { machineOn, type StoreLayer, stores } from "../support/Stores.js"

const C1 = ControllerId.make("C1")
const C2 = ControllerId.make("C2")

const Cell = Behaviour.make("Cell", {
  state: Schema.Int,
  initial: 0,
  protocol: [
    Rpc.make("Get", { success: Schema.Int }),
    Rpc.make("Set", { payload: { n: Schema.Int } }),
    Rpc.make("Add", { payload: { n: Schema.Int }, success: Schema.Int }),
    Rpc.make("AddInTx", { payload: { n: Schema.Int }, success: Schema.Int })
  ]
})

const CellLive = Cell.toLayer({
  Get: () => Cell.state,
  Set: ({ n }) => Cell.setState(n),
  Add: ({ n }) => Cell.updateState((_) => _ + n),
  AddInTx: ({ n }) =>
    Tx.required(Cell.updateState((_) => _ + n)).pipe(
      Effect.catchTags({
        TxConflict: (error) => Effect.die(error),
        Unsatisfiable: (error) => Effect.die(error),
        NestedTxNotSupported: (error) => Effect.die(error)
      })
    )
})

/** Runs each effect on a machine of its own. */
const on =
  (store: StoreLayer) =>
  <A, E>(effect: Effect.Effect<A, E, Avm.Platform | ObjectStore.ObjectStore | Behaviour.Registered<"Cell">>) =>
    Effect.provide(effect, Layer.provideMerge(CellLive, machineOn(store, { homeController: Option.none() })))

type CellRef = typeof Cell.Ref.Type

const get = (cell: CellRef) => Avm.run(cell.Get())

const defect = <A, E>(exit: Exit.Exit<A, E>): string => {
  assert(Exit.isFailure(exit), "it succeeded")
  return String(Option.getOrThrow(Cause.dieOption(exit.cause)))
}

const turns = (n: number) => Effect.repeatN(Effect.yieldNow(), n)

describe.each(stores)("Tx.retry (%s)", (_, store) => {
  const onMachine = on(store)

  it.effect("waits until something it has read is changed, then runs the body again", () =>
    onMachine(Effect.gen(function*() {
      const cell = yield* Avm.run(Cell.create({ controller: C1 }))
      const other = yield* Avm.run(Cell.create({ controller: C1 }))
      let runs = 0
      const waiter = yield* Effect.fork(Avm.runTraced(Tx.transact(Effect.gen(function*() {
        runs++
        const n = yield* cell.Get()
        if (n < 2) return yield* Tx.retry
        return n
      }))))
      yield* turns(20)
      yield* Avm.run(Tx.transact(other.Set({ n: 1 })))
      yield* turns(20)
      assert.strictEqual(runs, 1)
      yield* Avm.run(cell.Set({ n: 1 }))
      yield* turns(20)
      assert.strictEqual(runs, 2)
      yield* Avm.run(Tx.transact(cell.Set({ n: 2 })))
      const { exit, trace } = yield* Fiber.join(waiter)
      assert.deepStrictEqual(exit, Exit.succeed(2))
      assert.deepStrictEqual(trace.map(({ event }) => event._tag).filter((_) => _.startsWith("Transaction")), [
        "TransactionStarted",
        "TransactionAborted",
        "TransactionStarted",
        "TransactionAborted",
        "TransactionStarted",
        "TransactionCommitted"
      ])
    })))

  it.effect("goes on at once when something was changed before it waits", () =>
    onMachine(Effect.gen(function*() {
      const cell = yield* Avm.run(Cell.create({ controller: C1 }))
      const answer = yield* Avm.run(Tx.transact(Effect.gen(function*() {
        const n = yield* cell.Get()
        if (n > 0) return n
        // Another program commits between the read and the retry.
        yield* Effect.provide(Avm.run(cell.Set({ n: 5 })), yield* Effect.context<Avm.Avm>())
        return yield* Tx.retry
      })))
      assert.strictEqual(answer, 5)
    })))

  it.effect("can be interrupted, and leaves nothing behind", () =>
    onMachine(Effect.gen(function*() {
      const cell = yield* Avm.run(Cell.create({ controller: C1 }))
      const waiter = yield* Effect.fork(
        Avm.run(Tx.transact(Effect.zipRight(cell.Set({ n: 9 }), Effect.zipRight(cell.Get(), Tx.retry))))
      )
      yield* turns(20)
      const exit = yield* Fiber.interrupt(waiter)
      assert.isTrue(Exit.isInterrupted(exit))
      assert.strictEqual(yield* get(cell), 0)
    })))

  it.effect("with nothing read, or outside a bracket, is a defect that says so (A40)", () =>
    onMachine(Effect.gen(function*() {
      assert.include(defect(yield* Effect.exit(Avm.run(Tx.transact(Tx.retry)))), "has read nothing")
      const raw = Effect.zipRight(Tx.begin(), Tx.retry as unknown as Effect.Effect<never, never, Tx.Tx>)
      assert.include(defect(yield* Effect.exit(Avm.run(raw))), "outside Tx.transact")
    })))

  it.effect("cannot be kept by the body", () =>
    onMachine(Effect.gen(function*() {
      const cell = yield* Avm.run(Cell.create({ controller: C1 }))
      const waiter = yield* Effect.fork(Avm.run(Tx.transact(Effect.gen(function*() {
        const n = yield* cell.Get()
        yield* cell.Set({ n: n + 10 })
        if (n === 0) yield* Effect.exit(Tx.retry)
        return n
      }))))
      yield* turns(20)
      assert.strictEqual(yield* get(cell), 0)
      yield* Avm.run(cell.Set({ n: 1 }))
      assert.strictEqual(yield* Fiber.join(waiter), 1)
      assert.strictEqual(yield* get(cell), 11)
    })))
})

describe.each(stores)("Tx.enlist (%s)", (_, store) => {
  const onMachine = on(store)

  const setUp = Effect.gen(function*() {
    const cell = yield* Avm.run(Cell.create({ controller: C1 }))
    const ref = yield* STM.commit(TRef.make(0))
    const value = STM.commit(TRef.get(ref))
    return { cell, ref, value }
  })

  it.effect("both change, or neither", () =>
    onMachine(Effect.gen(function*() {
      const { cell, ref, value } = yield* setUp
      yield* Avm.run(Tx.transact(Effect.zipRight(cell.Set({ n: 1 }), Tx.enlist(TRef.set(ref, 1)))))
      assert.deepStrictEqual([yield* get(cell), yield* value], [1, 1])
      yield* Effect.exit(
        Avm.run(
          Tx.transact(
            cell.Set({ n: 2 }).pipe(Effect.zipRight(Tx.enlist(TRef.set(ref, 2))), Effect.zipRight(Effect.fail("no")))
          )
        )
      )
      assert.deepStrictEqual([yield* get(cell), yield* value], [1, 1])
    })))

  it.effect("its failure is the bracket's, as it was, and undoes the objects", () =>
    onMachine(Effect.gen(function*() {
      const { cell, ref, value } = yield* setUp
      const failing = STM.zipRight(TRef.set(ref, 1), STM.fail(new AvmError.NoActiveTx()))
      const body = Effect.zipRight(cell.Set({ n: 1 }), Effect.catchAll(Tx.enlist(failing), () => Effect.void))
      const error = yield* Effect.flip(Avm.run(Tx.transact(body)))
      assert.strictEqual(error._tag, "NoActiveTx")
      assert.deepStrictEqual([yield* get(cell), yield* value], [0, 0])
    })))

  it.effect("an STM that retries: the attempt is aborted, and the body runs again when it can go on (A41)", () =>
    onMachine(Effect.gen(function*() {
      const { cell, ref, value } = yield* setUp
      let runs = 0
      const takeOne = STM.flatMap(TRef.get(ref), (n) => n === 0 ? STM.retry : TRef.set(ref, n - 1))
      const waiter = yield* Effect.fork(Avm.run(Tx.transact(Effect.gen(function*() {
        runs++
        yield* Tx.enlist(takeOne)
        return yield* cell.Add({ n: 1 })
      }))))
      yield* turns(20)
      assert.deepStrictEqual([runs, yield* get(cell)], [1, 0])
      // The store is free meanwhile, and the body sees it as it is then.
      yield* Avm.run(cell.Set({ n: 100 }))
      yield* turns(20)
      assert.strictEqual(runs, 1)
      yield* STM.commit(TRef.set(ref, 3))
      assert.strictEqual(yield* Fiber.join(waiter), 101)
      assert.deepStrictEqual([runs, yield* value], [2, 2])
    })))

  it.effect("runs once for a commit, also after conflicts", () =>
    onMachine(Effect.gen(function*() {
      const { cell, ref, value } = yield* setUp
      const add = Effect.zipRight(
        cell.Add({ n: 1 }),
        Effect.zipRight(Effect.yieldNow(), Tx.enlist(TRef.update(ref, (_) => _ + 1)))
      )
      yield* Effect.all(
        Array.from({ length: 20 }, () => Avm.run(Tx.transact(add, { retry: Schedule.forever }))),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual([yield* get(cell), yield* value], [20, 20])
    })))
})

describe.each(stores)("Tx.required (%s)", (_, store) => {
  const onMachine = on(store)

  it.effect("brackets where nothing is open, joins where something is (A27)", () =>
    onMachine(Effect.gen(function*() {
      const cell = yield* Avm.run(Cell.create({ controller: C1 }))
      const alone = yield* Avm.runTraced(cell.AddInTx({ n: 1 }))
      assert.deepStrictEqual(alone.trace.map(({ event }) => event._tag), [
        "TransactionStarted",
        "StateUpdated",
        "TransactionCommitted",
        "ObjectCalled"
      ])
      const joined = yield* Avm.runTraced(Tx.transact(cell.AddInTx({ n: 1 })))
      assert.strictEqual(joined.trace.filter(({ event }) => event._tag === "TransactionStarted").length, 1)
      assert.strictEqual(yield* get(cell), 2)
    })))

  it.effect("a joining body that fails leaves the outer one open; another controller is refused (A37)", () =>
    onMachine(Effect.gen(function*() {
      const cell = yield* Avm.run(Cell.create({ controller: C1 }))
      const tags = yield* Avm.run(Tx.transact(Effect.gen(function*() {
        yield* Effect.ignore(Tx.required(Effect.zipRight(cell.Add({ n: 1 }), Effect.fail("no"))))
        const other = yield* Effect.either(Tx.required(cell.Add({ n: 1 }), { controller: C2 }))
        yield* Tx.required(cell.Add({ n: 1 }), { controller: C1 })
        return Either.isLeft(other) ? other.left._tag : "joined"
      })))
      assert.strictEqual(tags, "CrossControllerTx")
      assert.strictEqual(yield* get(cell), 2)
    })))
})

describe.each(stores)("a read-only bracket (A31) (%s)", (_, store) => {
  const onMachine = on(store)

  const refused: ReadonlyArray<
    readonly [
      string,
      (id: ObjectId.ObjectId) => Effect.Effect<unknown, AvmError.AvmError, Obj.Obj | Introspect.Introspect | Pure.Pure>
    ]
  > = [
    ["createObj", () => Obj.create("Cell")],
    ["destroyObj", (id) => Obj.destroy(id)],
    ["setState", (id) => Obj.call(id, ["Set", { n: 1 }])],
    ["setState", () => Introspect.setState(1)],
    ["updatePure", () => Pure.update("f", () => Option.none())]
  ]
  for (const [name, instruction] of refused) {
    it.effect(`refuses ${name}`, () =>
      onMachine(Effect.gen(function*() {
        const cell = yield* Avm.run(Cell.create({ controller: C1 }))
        const error = yield* Effect.flip(Avm.run(Tx.transact(instruction(cell.id), { readOnly: true })))
        assert(error._tag === "InvalidDuringTx")
        assert.strictEqual(error.what, name)
        assert.strictEqual(yield* get(cell), 0)
      })))
  }

  it.effect("reads its snapshot, never conflicts, and enters no history", () =>
    onMachine(Effect.gen(function*() {
      const cell = yield* Avm.run(Cell.create({ controller: C1 }))
      const seen = yield* Avm.run(Tx.transact(
        Effect.gen(function*() {
          const before = yield* cell.Get()
          yield* Effect.provide(Avm.run(cell.Set({ n: 7 })), yield* Effect.context<Avm.Avm>())
          return [before, yield* cell.Get()]
        }),
        { readOnly: true }
      ))
      assert.deepStrictEqual(seen, [0, 0])
      const objects = yield* ObjectStore.ObjectStore
      assert.strictEqual((yield* objects.history(cell.id)).length, 1)
    })))
})

describe.each(stores)("contention (%s)", (_, store) => {
  const onMachine = on(store)

  const contend = (fibers: number, hot: number, retry: Schedule.Schedule<unknown, AvmError.TxConflict>) =>
    onMachine(Effect.gen(function*() {
      const cells = yield* Avm.run(Effect.replicateEffect(Cell.create({ controller: C1 }), hot))
      const work = (n: number) =>
        Tx.transact(
          Effect.gen(function*() {
            for (const at of [n % hot, (n * 7 + 3) % hot]) {
              const cell = cells[at]
              if (cell !== undefined) yield* cell.Add({ n: 1 })
              yield* Effect.yieldNow()
            }
          }),
          { retry }
        )
      const exits = yield* Effect.all(Array.from({ length: fibers }, (_, n) => Effect.exit(Avm.run(work(n)))), {
        concurrency: "unbounded"
      })
      const sum = (yield* Effect.forEach(cells, get)).reduce((a, b) => a + b, 0)
      return { exits, sum }
    }))

  it.effect("every bracket with patience enough commits, once", () =>
    Effect.gen(function*() {
      const { exits, sum } = yield* contend(100, 10, Schedule.forever)
      assert.isTrue(exits.every(Exit.isSuccess))
      assert.strictEqual(sum, 200)
    }))

  it.effect("a handful of tries is enough for each: then it has the privilege", () =>
    Effect.gen(function*() {
      const { exits, sum } = yield* contend(100, 2, Schedule.recurs(8))
      assert.isTrue(exits.every(Exit.isSuccess))
      assert.strictEqual(sum, 200)
    }))

  it.effect("a policy that gives up fails with TxConflict, and nothing of the try is left", () =>
    Effect.gen(function*() {
      const { exits, sum } = yield* contend(50, 1, Schedule.recurs(0))
      const committed = exits.filter(Exit.isSuccess).length
      assert.isBelow(committed, 50)
      assert.strictEqual(sum, committed * 2)
      for (const exit of exits) {
        if (Exit.isFailure(exit)) {
          assert.strictEqual(Option.getOrThrow(Cause.failureOption(exit.cause))._tag, "TxConflict")
        }
      }
    }))

  it.effect("a privileged body that waits for another program gives its privilege back: no deadlock", () =>
    onMachine(Effect.gen(function*() {
      const cell = yield* Avm.run(Cell.create({ controller: C1 }))
      const signal = yield* Deferred.make<void>()
      let tries = 0
      const stubborn = yield* Effect.fork(Avm.run(Tx.transact(
        Effect.gen(function*() {
          const n = yield* cell.Add({ n: 1 })
          tries++
          if (tries <= 2) {
            // Lose the race, on purpose.
            yield* Effect.provide(Avm.run(cell.Add({ n: 10 })), yield* Effect.context<Avm.Avm>())
          } else yield* Deferred.await(signal)
          return n
        }),
        { retry: Schedule.forever }
      )))
      yield* turns(50)
      assert.strictEqual(tries, 3)
      // It waits now, with the privilege, for somebody who commits first.
      yield* Avm.run(Tx.transact(cell.Add({ n: 100 })))
      yield* Deferred.succeed(signal, undefined)
      yield* Fiber.join(stubborn)
      assert.strictEqual(yield* get(cell), 121)
    })))

  it.effect("… also for one that waits in the queue for the privilege", () =>
    onMachine(Effect.gen(function*() {
      const cell = yield* Avm.run(Cell.create({ controller: C1 }))
      const signal = yield* Deferred.make<void>()
      const lose = (tries: number) =>
        tries <= 2
          ? Effect.flatMap(Effect.context<Avm.Avm>(), (_) => Effect.provide(Avm.run(cell.Add({ n: 0 })), _))
          : Effect.void
      let [first, second] = [0, 0]
      const holder = yield* Effect.fork(Avm.run(Tx.transact(
        cell.Add({ n: 1 }).pipe(
          Effect.zipRight(Effect.suspend(() => lose(++first))),
          Effect.zipRight(Effect.suspend(() => first > 2 ? Deferred.await(signal) : Effect.void))
        ),
        { retry: Schedule.forever }
      )))
      yield* turns(30)
      // The one who could end its waiting asks for the privilege as well.
      const other = yield* Effect.fork(Effect.zipRight(
        Avm.run(Tx.transact(
          Effect.zipRight(cell.Add({ n: 1 }), Effect.suspend(() => lose(++second))),
          { retry: Schedule.forever }
        )),
        Deferred.succeed(signal, undefined)
      ))
      yield* Fiber.join(other)
      yield* Fiber.join(holder)
      assert.strictEqual(yield* get(cell), 2)
    })))

  it.effect("whoever is interrupted in the queue for the privilege leaves it", () =>
    onMachine(Effect.gen(function*() {
      const cell = yield* Avm.run(Cell.create({ controller: C1 }))
      const gate = yield* Deferred.make<void>()
      const losing = (tries: { n: number }) =>
        Avm.run(Tx.transact(
          Effect.gen(function*() {
            tries.n++
            yield* cell.Add({ n: 1 })
            if (tries.n <= 2) yield* Effect.provide(Avm.run(cell.Add({ n: 0 })), yield* Effect.context<Avm.Avm>())
            else yield* Deferred.await(gate)
          }),
          { retry: Schedule.forever }
        ))
      const [a, b] = [{ n: 0 }, { n: 0 }]
      const first = yield* Effect.fork(losing(a))
      yield* turns(30)
      const second = yield* Effect.fork(losing(b))
      yield* turns(30)
      yield* Fiber.interrupt(second)
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(first)
      yield* Avm.run(Tx.transact(cell.Add({ n: 1 })))
      assert.strictEqual(yield* get(cell), 2)
    })))
})

describe.each(stores)("the interruption sweep (%s)", (_, store) => {
  const onMachine = on(store)

  /** Twenty instructions, the transaction in the middle. */
  const program = (cells: ReadonlyArray<CellRef>, at: (instruction: number) => Effect.Effect<void>) =>
    Effect.gen(function*() {
      let count = 0
      const step = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
        Effect.zipRight(Effect.suspend(() => at(count++)), effect)
      yield* Tx.transact(Effect.gen(function*() {
        for (let n = 0; n < 9; n++) {
          const cell = cells[n % cells.length]
          if (cell !== undefined) yield* step(cell.Add({ n: 1 }))
          yield* step(Introspect.setState(n))
        }
        yield* step(Obj.create("Cell"))
        yield* step(Introspect.getState)
      }))
    })

  for (const how of ["interruption", "failure", "defect"] as const) {
    it.effect(`${how} at each of twenty instructions leaves the store as before, or as after`, () =>
      onMachine(Effect.gen(function*() {
        const cells = yield* Avm.run(Effect.replicateEffect(Cell.create({ controller: C1 }), 3))
        for (let cut = 0; cut <= 20; cut++) {
          const before = yield* Effect.forEach(cells, get)
          const reached = yield* Deferred.make<void>()
          const at = (instruction: number): Effect.Effect<void> => {
            if (instruction !== cut) return Effect.yieldNow()
            if (how === "defect") return Effect.die("cut")
            if (how === "failure") return Effect.fail("cut") as unknown as Effect.Effect<void>
            return Effect.zipRight(Deferred.succeed(reached, undefined), Effect.never)
          }
          const fiber = yield* Effect.fork(Avm.runTraced(program(cells, at)))
          if (how === "interruption" && cut < 20) {
            yield* Deferred.await(reached)
            yield* Fiber.interrupt(fiber)
          } else yield* Fiber.await(fiber)
          const after = yield* Effect.forEach(cells, get)
          assert.deepStrictEqual(after, cut < 20 ? before : before.map((n) => n + 3), `cut at ${cut}`)
        }
      })))
  }
})
