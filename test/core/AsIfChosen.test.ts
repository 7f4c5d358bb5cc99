/**
 * The law of D29, on every store: what a bracket with choices did is as if the best ones had been made from the start.
 *
 * A generated body is run twice, by a machine that chooses and by one that is told what to choose. They must not differ, in
 * anything that can be seen afterwards: states, messages, outputs, the application's own memory, variables and which labels
 * were tried, waiting, the trace. What is best, a few lines say that try everything.
 */
import {
  Avm,
  Behaviour,
  Constraint,
  ControllerId,
  FD,
  Introspect,
  Mailboxes,
  Nondet,
  Obj,
  Reify,
  Tx
} from "@effect-avm/core"
import { Cause, Effect, Exit, Fiber, Layer, Option, STM, TRef } from "effect"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { inMemory, portsOn, type Store, stores } from "../support/Stores.js"

const local = ControllerId.make("local")

// ---------------------------------------------------------------------------
// bodies
// ---------------------------------------------------------------------------

/** `from` is a choice that was made before; its value is looked at, but where a constraint takes it as it is. */
type Step =
  | { readonly step: "choose"; readonly options: ReadonlyArray<number>; readonly seen: boolean }
  | { readonly step: "require"; readonly from: number; readonly value: number; readonly how: "=" | "!=" }
  | { readonly step: "constrain"; readonly from: number; readonly other: number; readonly how: "=" | "!=" }
  /** The variable has, at the end, a value that is not more than the choice's. */
  | { readonly step: "bound"; readonly from: number }
  /** The same of a variable of its own, which is 1 or 2. */
  | { readonly step: "fresh"; readonly from: number }
  | { readonly step: "call"; readonly cell: number; readonly from: number }
  | { readonly step: "send"; readonly cell: number; readonly from: number }
  | { readonly step: "emit"; readonly from: number }
  | { readonly step: "receive" }
  | { readonly step: "create" }
  | { readonly step: "enlist"; readonly from: number }
  | { readonly step: "narrow"; readonly from: number }
  | { readonly step: "label" }
  | { readonly step: "labelIs"; readonly value: number }
  /** Does not go on with this value before the flag is set. */
  | { readonly step: "wait"; readonly from: number; readonly value: number }
  | { readonly step: "fail"; readonly from: number; readonly value: number }

const from = fc.nat(3)
const value = fc.nat(2)
const how = fc.constantFrom("=" as const, "!=" as const)
const cell = fc.nat(1)
const step = <S extends Step["step"]>(step: S) => fc.constant(step)

const choose = fc.record({
  step: step("choose"),
  options: fc.uniqueArray(value, { minLength: 1, maxLength: 3 }),
  seen: fc.boolean()
})

const body: fc.Arbitrary<ReadonlyArray<Step>> = fc.array(
  fc.oneof(
    { arbitrary: choose, weight: 5 },
    { arbitrary: fc.record({ step: step("require"), from, value, how }), weight: 3 },
    { arbitrary: fc.record({ step: step("constrain"), from, other: from, how }), weight: 2 },
    fc.record({ step: step("bound"), from }),
    fc.record({ step: step("fresh"), from }),
    { arbitrary: fc.record({ step: step("call"), cell, from }), weight: 2 },
    fc.record({ step: step("send"), cell, from }),
    fc.record({ step: step("emit"), from }),
    fc.record({ step: step("receive") }),
    fc.record({ step: step("create") }),
    fc.record({ step: step("enlist"), from }),
    fc.record({ step: step("narrow"), from }),
    fc.record({ step: step("label") }),
    fc.record({ step: step("labelIs"), value }),
    fc.record({ step: step("wait"), from, value }),
    fc.record({ step: step("fail"), from, value })
  ),
  { maxLength: 12 }
)

// ---------------------------------------------------------------------------
// what is best
// ---------------------------------------------------------------------------

const domain = [0, 1, 2]

interface Way {
  /** The places of the options. */
  readonly way: ReadonlyArray<number>
  readonly ends: "well" | "waiting" | "failed"
  readonly holds: boolean
  readonly lost: number
}

/** How a body ends that chooses in this way. */
const judge = (steps: ReadonlyArray<Step>, way: ReadonlyArray<number>, flag: boolean): Way => {
  const made: Array<number> = []
  let [holds, left, label] = [true, domain, -1]
  let bound = Infinity
  const of = (from: number) => made.length === 0 ? 0 : made[from % made.length]
  const end = (ends: Way["ends"]): Way => ({
    way,
    ends,
    // Where nothing was chosen, a body that fails or waits does so whatever it has required.
    holds: made.length === 0 && ends !== "well" || holds && left.some((value) => value <= bound),
    lost: made.reduce((sum, _, at) => sum + way[at], 0)
  })
  for (const step of steps) {
    switch (step.step) {
      case "choose":
        made.push(step.options[way[made.length]])
        break
      case "require":
        holds &&= (of(step.from) === step.value) === (step.how === "=")
        break
      case "constrain":
        holds &&= (of(step.from) === of(step.other)) === (step.how === "=")
        break
      case "bound":
        bound = Math.min(bound, of(step.from))
        break
      case "fresh":
        holds &&= of(step.from) >= 1
        break
      case "narrow": {
        const fewer = left.filter((value) => value >= of(step.from))
        if (fewer.length > 0) left = fewer
        break
      }
      case "label":
        left = [label = left[0]]
        break
      case "labelIs":
        holds &&= label === -1 || label === step.value
        break
      case "wait":
        if (!flag && of(step.from) === step.value) return end("waiting")
        break
      case "fail":
        if (of(step.from) === step.value) return end("failed")
    }
  }
  return end("well")
}

/** The best way; of those that are equally good, the one whose options come first. None if there is none. */
const best = (steps: ReadonlyArray<Step>, flag: boolean): Way | undefined =>
  steps
    .flatMap((step) => step.step === "choose" ? [step.options.map((_, place) => place)] : [])
    .reduce<ReadonlyArray<ReadonlyArray<number>>>(
      (ways, places) => ways.flatMap((way) => places.map((place) => [...way, place])),
      [[]]
    )
    .map((way) => judge(steps, way, flag))
    .filter(({ holds }) => holds)
    .reduce<Way | undefined>((best, way) => best === undefined || way.lost < best.lost ? way : best, undefined)

// ---------------------------------------------------------------------------
// running
// ---------------------------------------------------------------------------

/** Keeps what it is told. */
const Cell = Behaviour.layerRaw("cell", function*() {
  const kept = yield* Introspect.getState
  const input = yield* Introspect.input
  const all = Array.isArray(kept) ? kept : []
  if (input === null) return [all]
  yield* Introspect.setState([...all, input])
  return [all.length + 1]
})

const platform = ([, store]: Store) =>
  Layer.provideMerge(Cell, Avm.layer({ turns: { run: "manual" }, recordAnswers: true })).pipe(
    Layer.provideMerge(portsOn(store))
  )

/** `told` is what to choose: without the flag, and with it. */
const run = (store: Store, steps: ReadonlyArray<Step>, told: readonly [Way, Way] | undefined) =>
  Effect.gen(function*() {
    const ref = yield* STM.commit(TRef.make<ReadonlyArray<number>>([]))
    const mailboxes = yield* Mailboxes.Mailboxes
    const seen: Array<unknown> = []
    const program = Effect.gen(function*() {
      const cells = [yield* Obj.create("cell", local), yield* Obj.create("cell", local)]
      const flag = yield* Obj.create("cell", local)
      const self = yield* Introspect.self
      const x = yield* FD.newVar(FD.range(0, 2))
      for (const message of ["first", "second"]) yield* Obj.sendOnly(self, message)
      let isSet = false
      /** How often a run has begun, and whether the last one has asked to wait. */
      let [runs, stopped] = [0, false]

      const body = Effect.gen(function*() {
        runs++
        stopped = false
        const made: Array<{ readonly value: number }> = []
        const of = (from: number) => made.length === 0 ? { value: 0 } : made[from % made.length]
        const term = (from: number) => {
          const choice = of(from)
          return Constraint.isTerm(choice) ? choice as Nondet.Choice<number> : choice.value
        }
        let label = -1
        const log: Array<unknown> = []
        for (const step of steps) {
          switch (step.step) {
            case "choose": {
              if (told !== undefined) {
                made.push({ value: step.options[told[isSet ? 1 : 0].way[made.length]] })
                break
              }
              const choice = yield* Nondet.choice(step.options)
              if (step.seen) assert.include(step.options, choice.value)
              made.push(choice)
              break
            }
            case "require":
              yield* Nondet.require((of(step.from).value === step.value) === (step.how === "="))
              break
            case "constrain": {
              const [left, right] = [term(step.from), term(step.other)]
              if (typeof left === "number") {
                yield* Nondet.require((left === right) === (step.how === "="))
              } else yield* Nondet.require(Constraint[step.how === "=" ? "eq" : "neq"](left, right))
              break
            }
            case "bound":
              yield* Nondet.require(Constraint.leq(x, term(step.from)))
              break
            case "fresh":
              yield* Nondet.require(Constraint.leq(yield* FD.newVar(FD.range(1, 2)), term(step.from)))
              break
            case "call":
              log.push(yield* Obj.call(cells[step.cell], of(step.from).value))
              break
            case "send":
              yield* Obj.sendOnly(cells[step.cell], of(step.from).value)
              break
            case "emit":
              yield* Obj.emit("channel", of(step.from).value)
              break
            case "receive":
              log.push(yield* Obj.receive)
              break
            case "create":
              yield* Obj.create("cell")
              break
            case "enlist": {
              const { value } = of(step.from)
              yield* Tx.enlist(TRef.update(ref, (all) => [...all, value]))
              break
            }
            case "narrow":
              log.push(yield* FD.narrow(x, FD.range(of(step.from).value, 2)))
              break
            case "label":
              log.push(label = yield* FD.label(x))
              break
            case "labelIs":
              yield* Nondet.require(label === -1 || label === step.value)
              break
            case "wait": {
              const set = yield* Obj.call(flag, null)
              const isOpen = Array.isArray(Option.getOrNull(set)) && isSet
              if (isOpen || of(step.from).value !== step.value) break
              stopped = true
              return yield* Tx.retry
            }
            case "fail":
              if (of(step.from).value === step.value) return yield* Effect.fail("no")
          }
        }
        return [log, made.map(({ value }) => value)]
      })

      const fiber = yield* Effect.fork(Effect.exit(Tx.transact(body)))
      /** It waits when it has asked to, and does not begin another run. */
      const waiting: Effect.Effect<boolean> = Effect.gen(function*() {
        const before = runs
        yield* Effect.repeatN(Effect.yieldNow(), 20)
        if (Option.isSome(yield* Fiber.poll(fiber))) return false
        yield* Effect.sleep("5 millis")
        if (Option.isSome(yield* Fiber.poll(fiber))) return false
        return stopped && runs === before ? true : yield* waiting
      })
      const waits = yield* waiting
      isSet = true
      // By another program, whose entries are not in the trace.
      yield* Avm.run(Obj.call(flag, "set"))
      const exit = yield* Fiber.join(fiber)
      seen.push(
        waits,
        Exit.isSuccess(exit) ?
          exit.value :
          Option.map(Cause.failureOption(exit.cause), (error) => typeof error === "string" ? error : error._tag)
      )
      const { variables } = yield* Reify.constraints
      seen.push(variables.map(([, left]) => left))
      // Which label comes next (D28).
      const again = Effect.map(
        Effect.flip(Tx.transact(Effect.flatMap(FD.label(x), Effect.fail))),
        (error) => typeof error === "number" ? error : error._tag
      )
      seen.push(yield* again, yield* again)
      const states = yield* Effect.forEach(cells, (cell) => Obj.call(cell, null))
      seen.push(states)
      // Their histories lead to them (A42).
      assert.deepStrictEqual((yield* Effect.forEach(cells, Avm.replay)).map(Option.some), [...states])
      seen.push(yield* STM.commit(TRef.get(ref)))
      for (const to of [...cells, self]) {
        seen.push((yield* mailboxes.peek(to, { limit: 100 })).map(({ input }) => input))
      }
      seen.push((yield* mailboxes.outputs).map(({ payload }) => payload))
    }).pipe(Effect.provide(Avm.layerUnsafe(Reify.UnsafeReify)))
    const { exit, trace } = yield* Avm.runTraced(program)
    assert.isTrue(Exit.isSuccess(exit), String(exit))
    const tags = trace.map(({ event }) => event._tag)
    const committed = tags.indexOf("TransactionCommitted")
    seen.push(committed === -1 ? [] : tags.slice(tags.lastIndexOf("TransactionStarted", committed), committed))
    return seen
  }).pipe(Effect.provide(platform(store)))

// ---------------------------------------------------------------------------
// the law
// ---------------------------------------------------------------------------

const soak = process.env.SOAK === undefined ? 1 : 20

describe.each(stores)("a bracket with choices (%s)", (name, layer) => {
  it(
    "has done what it would have done, had they been made from the start (D29)",
    () =>
      fc.assert(
        fc.asyncProperty(body, async (steps) => {
          const store: Store = [name, layer]
          const [before, after] = [best(steps, false), best(steps, true)]
          const chosen = await Effect.runPromise(run(store, steps, undefined))
          if (before === undefined || before.ends === "waiting" && after === undefined) {
            assert.deepStrictEqual(chosen.slice(0, 2), [before !== undefined, Option.some("Unsatisfiable")])
            return
          }
          const told = await Effect.runPromise(run(store, steps, [before, after ?? before]))
          assert.strictEqual(told[0], before.ends === "waiting")
          assert.strictEqual(JSON.stringify(chosen), JSON.stringify(told))
        }),
        { numRuns: (name === inMemory[0] ? 400 : 100) * soak }
      ),
    300_000
  )
})
