/**
 * Spans of programs that are interrupted, at each step: nothing is told to a span that has ended, and that of a try says
 * which transaction it was, and how it came out.
 */
import { Avm, Behaviour, Introspect, Nondet, Obj, type ObjectId, Trace, Tx } from "@effect-avm/core"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schedule, Stream } from "effect"
import { Counter, local } from "../../support/Counter.js"
import { type Counted, countedStores } from "../../support/Held.js"
import { recording, type Written } from "../../support/Recording.js"
import { asking } from "../../support/Rounds.js"

const turns = (n: number) => Effect.repeatN(Effect.yieldNow(), n)

/** Calls in the middle of its work, and leaves a transaction of its own open where it is told to. */
const Calling = Behaviour.layerRaw("calling", function*() {
  const callee = yield* Introspect.input
  yield* Effect.yieldNow()
  if (Array.isArray(callee)) yield* Tx.begin()
  else yield* Obj.call(callee as ObjectId.ObjectId, 1)
  yield* Effect.yieldNow()
  return []
})

/** Takes each entry at once, and lets whoever wrote it wait. */
const slowTrace = Layer.succeed(Trace.Trace, { enabled: true, append: () => Effect.yieldNow(), stream: Stream.empty })

const machine = (store: Counted, isSlow: boolean) =>
  Layer.merge(Counter, Calling).pipe(
    Layer.provideMerge(Avm.layer()),
    Layer.provideMerge(Layer.mergeAll(Avm.layerPortsMemory, store, isSlow ? slowTrace : Layer.empty))
  )

interface Objects {
  readonly counter: ObjectId.ObjectId
  readonly calling: ObjectId.ObjectId
}

type Program = (objects: Objects) => Effect.Effect<unknown, unknown, Avm.Avm>

const programs: ReadonlyArray<readonly [string, Program]> = [
  ["a bracket", ({ counter }) => Avm.run(Tx.transact(Obj.call(counter, 1)))],
  ["one that fails", () => Avm.run(Tx.transact(Effect.fail("failed")))],
  ["one that waits", ({ counter }) => Avm.run(Tx.transact(Effect.zipRight(turns(2), Obj.call(counter, 1))))],
  [
    "one in a finalizer",
    ({ counter }) =>
      Avm.run(Effect.ensuring(Tx.transact(Effect.yieldNow()), Effect.exit(Tx.transact(Obj.call(counter, 1)))))
  ],
  [
    "calls that wait",
    ({ calling, counter }) =>
      Avm.run(Effect.zipRight(Tx.transact(Obj.call(calling, counter)), Effect.exit(Obj.call(calling, []))))
  ],
  ["choices that do not do", () =>
    Avm.run(Tx.transact(Effect.gen(function*() {
      const n = yield* Nondet.choose([1, 2, 3])
      yield* Effect.yieldNow()
      yield* Nondet.require(n === 3)
    })))],
  ["a lost race", ({ counter }) =>
    Avm.run(Effect.gen(function*() {
      const racing = Tx.transact(Effect.zipRight(Obj.call(counter, 1), turns(2)), { retry: Schedule.recurs(2) })
      const fibers = [yield* Effect.fork(racing), yield* Effect.fork(racing)]
      for (const fiber of fibers) yield* Fiber.await(fiber)
    }))],
  ["a daemon", () => Avm.run(Effect.forkDaemon(Effect.zipRight(turns(4), Tx.begin())))]
]

interface Cut {
  readonly step: number
  readonly whom: "program" | "any"
}

const run = (store: Counted, isSlow: boolean, program: Program, cut?: Cut) =>
  Effect.gen(function*() {
    const [counter, calling] = yield* Avm.run(Effect.all([Obj.create("counter", local), Obj.create("calling", local)]))
    const { late, spans, tracer } = recording()
    let steps = 0
    const scheduler = asking((fiber) => {
      if (steps++ !== cut?.step) return
      const victim = cut.whom === "program" ? running : fiber
      victim.unsafeInterruptAsFork(victim.id())
    })
    const traced = Effect.withTracer(Effect.zipRight(Effect.yieldNow(), program({ calling, counter })), tracer)
    const running: Fiber.RuntimeFiber<unknown, unknown> = yield* Effect.fork(Effect.withScheduler(traced, scheduler))
    yield* Fiber.await(running)
    yield* turns(40)
    return { late, spans, steps }
  }).pipe(Effect.provide(machine(store, isSlow)))

/** What is wrong with a span. */
const faultsOf = (span: Written): ReadonlyArray<string> => {
  if (span.status._tag !== "Ended") return [`${span.name} has not ended`]
  if (span.name !== "avm.transaction") return []
  const kinds = span.events.map(([kind]) => kind)
  if (!kinds.includes("TransactionStarted")) return []
  const [outcome, id] = [span.attributes.get("avm.transaction.outcome"), span.attributes.get("avm.transaction.id")]
  const isCommitted = kinds.includes("TransactionCommitted")
  return id === undefined || outcome === undefined || isCommitted !== (outcome === "committed")
    ? [`${kinds.join()} of ${id} is ${outcome}`]
    : []
}

/** That a file has no cache, or that its commit is an effect, makes no other span. */
const cases = countedStores
  .filter(([name]) => name.startsWith("memory") || name === "SQLite, by telling")
  .flatMap(([name, store], n) => [
    // Each step is cut on the first one; on the others the soak does so.
    [name, n === 0 || process.env.SOAK !== undefined ? 1 : 4, false, store] as const,
    ...n === 0 ? [[`${name}; a slow trace`, 1, true, store] as const] : []
  ])

describe.each(cases)("spans (%s)", (_, stride, isSlow, store) => {
  it.each(programs)("of %s say all, wherever it is cut off", async (_, program) => {
    const { steps } = await Effect.runPromise(run(store, isSlow, program))
    for (const whom of ["program", "any"] as const) {
      // Many cases in a row leave room for whoever watches them.
      await new Promise((resolve) => setImmediate(resolve))
      for (let step = 0; step < steps; step += stride) {
        const { late, spans } = await Effect.runPromise(run(store, isSlow, program, { step, whom }))
        assert.deepStrictEqual([...late, ...spans.flatMap(faultsOf)], [], `${whom} ${step}`)
      }
    }
  })
})
