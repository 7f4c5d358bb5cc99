// What a behaviour yields besides instructions is run where it stands, as far as that goes; it means what it always means.
import { Avm, Behaviour, Obj } from "@effect-avm/core"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Context, Effect, Exit, Layer } from "effect"
import fc from "fast-check"

const seed = process.env.SEED === undefined ? Date.now() : Number(process.env.SEED)

class Log extends Context.Tag("test/Peek/Log")<Log, { readonly lines: Array<string> }>() {}

type Tree =
  | { readonly kind: "succeed" | "sync" | "fail" | "die" | "tag" | "yield" | "suspend"; readonly n: number }
  | { readonly kind: Branch; readonly self: Tree; readonly next: Tree }

type Branch = "flatMap" | "map" | "catch" | "catchCause" | "matchCause" | "gen" | "mask" | "throw"

const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5, depthSize: "small" },
    fc.record({
      kind: fc.constantFrom<"succeed" | "sync" | "fail" | "die" | "tag" | "yield" | "suspend">(
        "succeed",
        "sync",
        "sync",
        "fail",
        "die",
        "tag",
        "yield",
        "suspend"
      ),
      n: fc.nat(9)
    }),
    fc.record({
      kind: fc.constantFrom<Branch>(
        "flatMap",
        "flatMap",
        "map",
        "catch",
        "catchCause",
        "matchCause",
        "gen",
        "gen",
        "mask",
        "throw"
      ),
      self: tie("tree"),
      next: tie("tree")
    })
  )
}))

const effectOf = (tree: Tree): Effect.Effect<number, string, Log> => {
  const log = (line: string) => Effect.map(Log, ({ lines }) => void lines.push(line))
  switch (tree.kind) {
    case "succeed":
      return Effect.succeed(tree.n)
    case "sync":
      return Effect.zipRight(log(`sync ${tree.n}`), Effect.sync(() => tree.n))
    case "fail":
      return Effect.fail(`failure ${tree.n}`)
    case "die":
      return Effect.sync(() => {
        throw new Error(`defect ${tree.n}`)
      })
    case "tag":
      return Effect.map(Log, ({ lines }) => lines.length)
    case "yield":
      return Effect.as(Effect.yieldNow(), tree.n)
    case "suspend":
      return Effect.suspend(() => Effect.as(log(`suspend ${tree.n}`), tree.n))
    case "flatMap":
      return Effect.flatMap(effectOf(tree.self), (n) => Effect.zipRight(log(`then ${n}`), effectOf(tree.next)))
    case "map":
      return Effect.map(effectOf(tree.self), (n) => n + 1)
    case "catch":
      return Effect.catchAll(effectOf(tree.self), () => effectOf(tree.next))
    case "catchCause":
      return Effect.catchAllCause(
        effectOf(tree.self),
        (cause) => Effect.zipRight(log(`caught ${ended(Exit.failCause(cause))}`), effectOf(tree.next))
      )
    case "matchCause":
      return Effect.matchCauseEffect(effectOf(tree.self), {
        onFailure: () => Effect.zipRight(log("failed"), effectOf(tree.next)),
        onSuccess: (n) => Effect.zipRight(log(`succeeded ${n}`), effectOf(tree.next))
      })
    case "gen":
      return Effect.gen(function*() {
        const first = yield* effectOf(tree.self)
        yield* log(`generated ${first}`)
        return first + (yield* effectOf(tree.next))
      })
    case "mask":
      return Effect.uninterruptible(Effect.zipRight(effectOf(tree.self), effectOf(tree.next)))
    case "throw":
      return Effect.flatMap(effectOf(tree.self), () => {
        throw new Error("thrown in between")
      })
  }
}

/** Text that tells how it ended, without the stack. */
const ended = (exit: Exit.Exit<unknown, unknown>): string =>
  Exit.match(exit, {
    onSuccess: String,
    onFailure: (cause) => JSON.stringify([Cause.failures(cause), [...Cause.defects(cause)].map(String)])
  })

describe("effects in a behaviour", () => {
  it("end as they end anywhere, having done the same", () =>
    fc.assert(
      fc.asyncProperty(fc.array(tree, { minLength: 1, maxLength: 4 }), async (trees) => {
        const body = function*() {
          let sum = 0
          for (const one of trees) sum += yield* effectOf(one)
          return [sum]
        }
        const here: Array<string> = []
        const there: Array<string> = []
        const plain = await Effect.runPromiseExit(
          Effect.provideService(Effect.map(Effect.gen(body), ([sum]) => sum), Log, { lines: here })
        )
        const Yielding = Behaviour.layerRaw("yielding", body as never) as unknown as Layer.Layer<never>
        const machine = Yielding.pipe(
          Layer.provide(Layer.succeed(Log, { lines: there })),
          Layer.provideMerge(Avm.layerMemory)
        ) as Layer.Layer<Avm.Platform>
        const called = await Effect.runPromiseExit(
          Avm.run(Effect.flatMap(Obj.create("yielding"), (id) => Obj.call(id, null))).pipe(
            Effect.map((output) => output._tag === "Some" ? output.value : undefined),
            Effect.provide(machine)
          )
        )
        assert.deepStrictEqual([ended(called), there], [ended(plain), here], `seed ${seed}`)
      }),
      { seed, numRuns: process.env.SOAK === undefined ? 300 : 10_000 }
    ))

  it.effect("that go on for ever leave room for others", () => {
    const forever: Effect.Effect<never> = Effect.flatMap(Effect.sync(() => 1), () => forever)
    const Endless = Behaviour.layerRaw("endless", function*() {
      yield* forever
      return []
    })
    return Avm.run(Effect.flatMap(Obj.create("endless"), (id) => Obj.call(id, null))).pipe(
      Effect.provide(Layer.provideMerge(Endless, Avm.layerMemory)),
      Effect.raceFirst(Effect.promise(() => new Promise((resolve) => setImmediate(resolve))))
    )
  })
})
