/**
 * Generated bodies of brackets, and the same as programs: run where they stand they mean what they mean in the run loop of a
 * fiber; and interrupted at any step of that, they have committed or aborted, and hold nothing.
 */
import { Avm, Behaviour, ControllerId, Introspect, Obj, type ObjectId, Trace, Tx } from "@effect-avm/core"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Context, Effect, Exit, Fiber, FiberRef, Layer, Option, Stream } from "effect"
import fc from "fast-check"
import { type Counted, countedStores, Held } from "../../support/Held.js"
import { asking } from "../../support/Rounds.js"

const seed = process.env.SEED === undefined ? Date.now() : Number(process.env.SEED)
const numRuns = process.env.SOAK === undefined ? 40 : 2000

// ---------------------------------------------------------------------------
// bodies
// ---------------------------------------------------------------------------

type Leaf = (typeof leaves)[number]
type Branch = (typeof branches)[number]
type Body =
  | { readonly kind: Leaf; readonly n: number }
  | { readonly kind: Branch; readonly self: Body; readonly next: Body }

const leaves = [
  "succeed",
  "sync",
  "fail",
  "die",
  "throw",
  "interrupt",
  "yield",
  "promise",
  "service",
  "none",
  "setRef",
  "getRef",
  "add",
  "add",
  "add",
  "get",
  "get"
] as const

const branches = [
  "flatMap",
  "flatMap",
  "gen",
  "gen",
  "catchAll",
  "catchCause",
  "matchCause",
  "throwing",
  "ensuring",
  "uninterruptible",
  "interruptible",
  "scoped",
  "locally",
  "provide",
  "join",
  "fork",
  "interruptFork",
  "exit",
  "span"
] as const

const { body } = fc.letrec<{ body: Body }>((tie) => ({
  body: fc.oneof(
    { maxDepth: 5, depthSize: "small" },
    fc.record({ kind: fc.constantFrom(...leaves), n: fc.nat(2) }),
    fc.record({ kind: fc.constantFrom(...branches), self: tie("body"), next: tie("body") })
  )
}))

class Service extends Context.Tag("test/core/driver/BracketBodies/Service")<Service, number>() {}

const reference = FiberRef.unsafeMake(0)

type Made = Effect.Effect<number, unknown, Service | Obj.Obj>

/** How the parts of a body are made, and where they say what they did. */
interface Making {
  readonly objects: ReadonlyArray<ObjectId.ObjectId>
  readonly lines: Array<string>
  readonly part: (effect: Made) => Made
}

const called = ({ objects }: Making, n: number, message: string): Made =>
  Effect.map(
    Effect.flatMap(Effect.fromNullable(objects[n]), (id) => Obj.call(id, message)),
    (answer) => Number(Option.getOrThrow(answer))
  )

const leafOf = (making: Making, kind: Leaf, n: number): Made => {
  switch (kind) {
    case "succeed":
      return Effect.succeed(n)
    case "sync":
      return Effect.sync(() => making.lines.push(`sync ${n}`))
    case "fail":
      return Effect.fail(`failure ${n}`)
    case "die":
      return Effect.die(`defect ${n}`)
    case "throw":
      return Effect.sync(() => {
        throw new Error(`thrown ${n}`)
      })
    case "interrupt":
      return Effect.interrupt
    case "yield":
      return Effect.as(Effect.yieldNow(), n)
    case "promise":
      return Effect.promise(() => Promise.resolve(n))
    case "service":
      return Service
    case "none":
      return Option.none<number>()
    case "setRef":
      return Effect.as(FiberRef.set(reference, n), n)
    case "getRef":
      return FiberRef.get(reference)
    case "add":
    case "get":
      return called(making, n, kind)
  }
}

const effectOf = (making: Making, body: Body): Made => making.part(unwrapped(making, body))

const unwrapped = (making: Making, body: Body): Made => {
  if (!("self" in body)) return leafOf(making, body.kind, body.n)
  const { lines } = making
  const self = effectOf(making, body.self)
  const next = effectOf(making, body.next)
  const then = (line: string): Made => {
    lines.push(line)
    return next
  }
  switch (body.kind) {
    case "flatMap":
      return Effect.flatMap(self, (n) => then(`then ${n}`))
    case "gen":
      return Effect.gen(function*() {
        const first = yield* self
        lines.push(`generated ${first}`)
        return first + (yield* next)
      })
    case "catchAll":
      return Effect.catchAll(self, (error) => then(`caught ${String(error)}`))
    case "catchCause":
      return Effect.catchAllCause(self, (cause) => then(`caught ${ended(Exit.failCause(cause))}`))
    case "matchCause":
      return Effect.matchCauseEffect(self, { onFailure: () => then("failed"), onSuccess: (n) => then(`answered ${n}`) })
    case "throwing":
      return Effect.flatMap(self, () => {
        throw new Error("thrown in between")
      })
    case "ensuring":
      return Effect.ensuring(self, Effect.exit(next))
    case "uninterruptible":
      return Effect.uninterruptible(Effect.zipRight(self, next))
    case "interruptible":
      return Effect.uninterruptible(Effect.zipRight(Effect.interruptible(self), next))
    case "scoped":
      return Effect.scoped(Effect.zipRight(Effect.acquireRelease(self, () => Effect.exit(next)), next))
    case "locally":
      return Effect.locally(Effect.zipRight(self, next), reference, 77)
    case "provide":
      return Effect.zipRight(Effect.provideService(self, Service, 77), next)
    case "join":
      return Effect.flatMap(Effect.fork(self), (fiber) => Effect.zipRight(next, Fiber.join(fiber)))
    case "fork":
      return Effect.zipRight(Effect.fork(self), next)
    case "interruptFork":
      return Effect.flatMap(Effect.fork(self), (fiber) => Effect.zipRight(Fiber.interrupt(fiber), next))
    case "exit":
      return Effect.flatMap(Effect.exit(self), (exit) => then(ended(exit)))
    case "span":
      return Effect.zipRight(Effect.withSpan(self, "span"), next)
  }
}

/** Text that tells how it ended, without stacks and fiber ids. */
const ended = (exit: Exit.Exit<unknown, unknown>): string =>
  Exit.match(exit, {
    onSuccess: String,
    onFailure: (cause) =>
      JSON.stringify([
        [...Cause.failures(cause)].map(String),
        [...Cause.defects(cause)].map(String),
        Cause.isInterrupted(cause)
      ])
  })

// ---------------------------------------------------------------------------
// running them
// ---------------------------------------------------------------------------

const Counter = Behaviour.layerRaw("counter", function*() {
  const n = Number(yield* Introspect.getState)
  if ((yield* Introspect.input) === "get") return [n]
  yield* Introspect.setState(n + 1)
  return [n + 1]
})

const machine = (store: Counted, trace: Array<string>) => {
  const tracing = Layer.succeed(Trace.Trace, {
    enabled: true,
    append: (_, { event }) => {
      trace.push(event._tag)
      return Exit.void
    },
    stream: Stream.empty
  })
  return Layer.provideMerge(Counter, Avm.layer()).pipe(
    Layer.provideMerge(Layer.mergeAll(Avm.layerPortsMemory, tracing, store))
  )
}

interface How {
  readonly part: Making["part"]
  /** A program with a bracket for each body, or a program for each. */
  readonly as: "brackets" | "programs"
  /** Where the program, or whichever of its fibers comes to that step, is interrupted. */
  readonly cut?: { readonly step: number; readonly whom: "program" | "any" }
}

/** Bodies, one after the other; what each came to, what is in the store, and how many steps there were. */
const run = (store: Counted, bodies: ReadonlyArray<Body>, { as, cut, part }: How) => {
  const trace: Array<string> = []
  return Effect.gen(function*() {
    const lines: Array<string> = []
    const three = Effect.all([0, 1, 2].map(() => Obj.create("counter", ControllerId.make("C1"))))
    const objects = yield* Avm.run(Effect.tap(three, Effect.forEach((id) => Obj.call(id, "add"))))
    const made = bodies.map((body) => effectOf({ lines, objects, part }, body))
    const all = <E, R>(one: (body: Made) => Effect.Effect<number, E, R>) =>
      Effect.gen(function*() {
        for (const body of made) lines.push(ended(yield* Effect.exit(one(body))))
        return yield* FiberRef.get(reference)
      })
    const program = as === "brackets" ? Avm.run(all((body) => Tx.transact(body))) : all((body) => Avm.run(body))
    let steps = 0
    const scheduler = asking((fiber) => {
      if (steps++ !== cut?.step) return
      const victim = cut.whom === "program" ? running : fiber
      victim.unsafeInterruptAsFork(victim.id())
    })
    const later = Effect.zipRight(Effect.yieldNow(), Effect.provideService(program, Service, 1))
    const running: Fiber.RuntimeFiber<number, unknown> = yield* Effect.fork(Effect.withScheduler(later, scheduler))
    const exit = yield* Fiber.await(running)
    yield* Effect.repeatN(Effect.yieldNow(), 20)
    // Many cases in a row leave room for whoever watches them.
    yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
    const state = yield* Avm.run(Effect.forEach(objects, (id) => Obj.call(id, "get")))
    return { answer: ended(exit), held: (yield* Held).count, lines, state: state.map(Option.getOrNull), steps, trace }
  }).pipe(Effect.provide(machine(store, trace)))
}

const count = (trace: ReadonlyArray<string>, tag: string): number => trace.filter((_) => _ === tag).length

const plain: Making["part"] = (effect) => effect

/** Nothing of it can be answered without a fiber, which it does not leave either. */
const opaque: Making["part"] = (effect) => Effect.withFiberRuntime(() => effect)

const bodies = fc.array(body, { minLength: 1, maxLength: 3 })

const cases = countedStores.flatMap(([name, store]) =>
  (["brackets", "programs"] as const).map((as) => [as, name, store] as const)
)

describe.each(cases)("bodies as %s (%s)", (as, _, store) => {
  it("means what it means in a fiber's run loop", () =>
    fc.assert(
      fc.asyncProperty(bodies, async (bodies) => {
        const { steps: _, ...here } = await Effect.runPromise(run(store, bodies, { as, part: plain }))
        const { steps: __, ...there } = await Effect.runPromise(run(store, bodies, { as, part: opaque }))
        assert.deepStrictEqual(here, there)
        assert.strictEqual(here.held, 0)
      }),
      { seed, numRuns }
    ))

  it("interrupted anywhere has committed or aborted, and holds nothing", () =>
    fc.assert(
      fc.asyncProperty(
        bodies,
        fc.nat(999),
        fc.constantFrom<"program" | "any">("program", "any"),
        async (bodies, thousandths, whom) => {
          const { steps } = await Effect.runPromise(run(store, bodies, { as, part: plain }))
          const cut = { step: Math.floor(steps * thousandths / 1000), whom }
          const { held, trace } = await Effect.runPromise(run(store, bodies, { as, cut, part: plain }))
          const over = count(trace, "TransactionCommitted") + count(trace, "TransactionAborted")
          assert.deepStrictEqual({ held, open: count(trace, "TransactionStarted") - over }, { held: 0, open: 0 })
        }
      ),
      { seed, numRuns }
    ))
})
