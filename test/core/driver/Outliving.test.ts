/**
 * Fibers that outlive their program: what they begin then, no end of a program aborts any more (D15), so they do at their
 * own; wherever a program or one of its fibers is interrupted, nothing stays open.
 */
import { Avm, Behaviour, Obj, Trace, Turns, Tx } from "@effect-avm/core"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Option, Stream } from "effect"
import { Counter, local } from "../../support/Counter.js"
import { type Counted, countedStores, Held } from "../../support/Held.js"
import { asking } from "../../support/Rounds.js"

const turns = (n: number) => Effect.repeatN(Effect.yieldNow(), n)

/** Leaves a daemon that begins a transaction when its turn is over. */
const Leaving = Behaviour.layerRaw("leaving", function*() {
  yield* Effect.forkDaemon(Effect.zipRight(turns(20), Tx.begin()))
  return []
})

/** What happens to transactions. */
type Kinds = Array<string>

const machine = (store: Counted, kinds: Kinds) => {
  const trace = Layer.succeed(Trace.Trace, {
    enabled: true,
    append: (_, { event }) => {
      if (event._tag.startsWith("Transaction")) kinds.push(event._tag)
      return Exit.void
    },
    stream: Stream.empty
  })
  return Layer.merge(Counter, Leaving).pipe(
    Layer.provideMerge(Avm.layer({ turns: { run: "manual" } })),
    Layer.provideMerge(Layer.mergeAll(Avm.layerPortsMemory, trace, store))
  )
}

/** Who is interrupted at a step of the program: itself, or the fiber that comes to it. */
type Whom = "program" | "any"

interface Cut {
  readonly step: number
  readonly whom: Whom
}

const run = <A, E>(store: Counted, program: Effect.Effect<A, E, Avm.Avm>, cut?: Cut) => {
  const kinds: Kinds = []
  return Effect.gen(function*() {
    let steps = 0
    const scheduler = asking((fiber) => {
      if (steps++ !== cut?.step) return
      const victim = cut.whom === "program" ? running : fiber
      victim.unsafeInterruptAsFork(victim.id())
    })
    const running: Fiber.RuntimeFiber<A, E> = yield* Effect.fork(
      Effect.withScheduler(Effect.zipRight(Effect.yieldNow(), program), scheduler)
    )
    yield* Fiber.await(running)
    yield* turns(40)
    return { held: (yield* Held).count, kinds, steps }
  }).pipe(Effect.provide(machine(store, kinds)))
}

const count = (kinds: Kinds, kind: string): number => kinds.filter((_) => _ === `Transaction${kind}`).length

const programs: ReadonlyArray<readonly [string, ReadonlyArray<Whom>, Effect.Effect<unknown, unknown, Avm.Avm>]> = [
  ["a fiber of a fiber", ["program", "any"], Avm.run(Effect.fork(Effect.fork(Tx.begin())))],
  [
    "a fiber that another one waits for",
    ["program", "any"],
    Avm.run(Effect.flatMap(Effect.fork(Effect.flatMap(Effect.fork(Tx.begin()), Fiber.join)), Fiber.join))
  ],
  [
    "a fiber whose parent goes on",
    ["program", "any"],
    Avm.run(Effect.zipRight(Effect.fork(Effect.zipRight(Effect.fork(Tx.begin()), turns(2))), turns(2)))
  ],
  ["a daemon", ["any"], Avm.run(Effect.forkDaemon(Effect.zipRight(turns(5), Tx.begin())))],
  [
    "a daemon's bracket",
    ["any"],
    Avm.run(Effect.forkDaemon(Effect.zipRight(turns(5), Tx.transact(Effect.yieldNow()))))
  ],
  // Interrupted itself, it makes nobody of its own end: that is how effect does it.
  [
    "one of several at a time",
    ["program"],
    Avm.run(Effect.fork(Effect.all([Tx.begin(), Tx.begin()], { concurrency: 2 })))
  ]
]

describe.each(countedStores)("after its program (%s)", (_, store) => {
  it.each(programs)("what %s begins is over when that is, wherever it is cut off", async (_, whose, program) => {
    for (const whom of whose) {
      // Many cases in a row leave room for whoever watches them.
      await new Promise((resolve) => setImmediate(resolve))
      const { steps } = await Effect.runPromise(run(store, program))
      for (let step = -1; step < steps; step++) {
        const { held, kinds } = await Effect.runPromise(run(store, program, { step, whom }))
        const over = count(kinds, "Committed") + count(kinds, "Aborted")
        assert.deepStrictEqual({ held, open: count(kinds, "Started") - over }, { held: 0, open: 0 }, `${whom} ${step}`)
      }
    }
  })

  const traced = <A, E>(
    program: (kinds: Kinds) => Effect.Effect<A, E, Layer.Layer.Success<ReturnType<typeof machine>>>
  ) => {
    const kinds: Kinds = []
    return Effect.provide(program(kinds), machine(store, kinds))
  }

  it.effect("a daemon has its own transactions, and they are over when it is", () =>
    traced((kinds) =>
      Effect.gen(function*() {
        const daemon = yield* Avm.run(Effect.forkDaemon(Effect.gen(function*() {
          yield* turns(5)
          const id = yield* Obj.create("counter", local)
          const committed = yield* Tx.begin()
          yield* Obj.call(id, 1)
          yield* Tx.commit(committed)
          yield* Tx.transact(Obj.call(id, 1))
          yield* Tx.begin()
          yield* Obj.call(id, 1)
          yield* turns(5)
          assert.deepStrictEqual(kinds.slice(-1), ["TransactionStarted"])
          return id
        })))
        const id = yield* Fiber.join(daemon)
        yield* turns(20)
        assert.strictEqual(kinds.at(-1), "TransactionAborted")
        assert.strictEqual((yield* Held).count, 0)
        assert.deepStrictEqual(yield* Avm.run(Obj.call(id, 0)), Option.some(2))
      })
    ))

  it.effect("so has a daemon that is left by a turn", () =>
    traced((kinds) =>
      Effect.gen(function*() {
        yield* Avm.run(Effect.flatMap(Obj.create("leaving", local), (id) => Obj.sendOnly(id, 1)))
        yield* Turns.settle
        yield* turns(60)
        assert.deepStrictEqual([count(kinds, "Started"), count(kinds, "Aborted")], [2, 1])
        assert.strictEqual((yield* Held).count, 0)
      })
    ))

  it.effect("and whoever has taken the program's runtime with him", () =>
    traced(() =>
      Effect.gen(function*() {
        const taking = Effect.flatMap(
          Avm.run(Effect.runtime<Tx.Tx>()),
          (runtime) => Effect.provide(Tx.begin(), runtime)
        )
        yield* Fiber.join(yield* Effect.fork(taking))
        yield* turns(20)
        assert.strictEqual((yield* Held).count, 0)
      })
    ))
})
