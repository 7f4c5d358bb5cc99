/**
 * Model = machine: generated programs end alike on both, with the same trace and the same store afterwards.
 *
 * Some hundreds in the normal run, 10,000 with `npm run soak`. A failure prints the seed and the shrunk program; `SEED=n`
 * runs that seed again.
 */
import { Avm, type Mailboxes, type ObjectId, ObjectStore, type Val } from "@effect-avm/core"
import { Model, Observation, Program, Script } from "@effect-avm/testkit"
import { Cause, Effect, Either, Exit, Layer, Option } from "effect"
import * as fc from "fast-check"
import { describe, it } from "vitest"
import * as Machine from "../support/Machine.js"

interface Ended extends Observation.Observation {
  readonly store: ReadonlyArray<string>
}

// ---------------------------------------------------------------------------
// the two
// ---------------------------------------------------------------------------

const onModel = (program: Program.Program): Ended => {
  const { outcome, session, world } = Model.run(Model.make(Program.toOptions(program)), Program.toScript(program), {
    input: "start"
  })
  return {
    ...Observation.make(outcome, session.trace),
    store: [...world.store.objects.values()].map((object) => observed(object, object.history))
  }
}

const onMachine = (
  program: Program.Program,
  store: Layer.Layer<ObjectStore.ObjectStore | Mailboxes.Mailboxes>
): Effect.Effect<Ended> =>
  Effect.gen(function*() {
    const entries: Machine.Entries = new Map()
    const context = yield* Layer.build(
      Machine.layer(
        { behaviours: Program.behaviours, home: program.home, unreachable: program.unreachable },
        store,
        entries
      )
    )
    return yield* Effect.provide(
      Effect.gen(function*() {
        const script = Script.toEffect(
          Program.toScript(program),
          (toggle) => Effect.provide(Machine.toggle(toggle), context)
        )
        const exit = yield* Effect.exit(Avm.run(Effect.provide(script, Machine.allUnsafe), { input: "start" }))
        const objects = yield* ObjectStore.ObjectStore
        const stored = yield* Effect.orDie(objects.scan(ObjectStore.latest))
        return {
          ...Observation.make(outcomeOf(exit), [...entries.values()].flat()),
          store: yield* Effect.forEach(stored, (object) =>
            Effect.map(Effect.orDie(objects.history(object.metadata.id)), (history) =>
              observed(object, history)))
        }
      }),
      context
    )
  }).pipe(Effect.scoped)

const outcomeOf = <A, E>(exit: Exit.Exit<A, E>): Either.Either<A, E | string> =>
  Exit.match(exit, {
    onSuccess: (answer) => Either.right(answer),
    onFailure: (cause) => Either.left(Option.getOrElse(Cause.failureOption(cause), () => Cause.pretty(cause)))
  })

interface Accepted {
  readonly input: Val.Val
  readonly sender: Option.Option<ObjectId.ObjectId>
}

interface Stored {
  readonly behaviour: string
  readonly metadata: object
  readonly state: Val.Val
  readonly replicas: ReadonlyMap<string, { readonly state: Val.Val; readonly accepted: Iterable<Accepted> }>
}

const observed = ({ behaviour, metadata, replicas, state }: Stored, history: Iterable<Accepted>): string =>
  Observation.print({
    behaviour,
    metadata,
    state,
    history: inputs(history),
    replicas: [...replicas].sort(([a], [b]) => a < b ? -1 : 1).map(([machine, replica]) => ({
      machine,
      state: replica.state,
      accepted: inputs(replica.accepted)
    }))
  })

const inputs = (accepted: Iterable<Accepted>) => [...accepted].map(({ input, sender }) => ({ input, sender }))

// ---------------------------------------------------------------------------
// comparing
// ---------------------------------------------------------------------------

const difference = (expected: Ended, actual: Ended): string | undefined => {
  const lines = (ended: Ended) => [...ended.trace, ended.outcome, ...ended.store]
  const [model, machine] = [lines(expected), lines(actual)]
  const at = model.findIndex((line, index) => line !== machine[index])
  if (at === -1 && model.length === machine.length) return undefined
  const from = at === -1 ? Math.min(model.length, machine.length) : at
  return `model:\n${model.slice(from, from + 3).join("\n")}\nmachine:\n${machine.slice(from, from + 3).join("\n")}`
}

/** The same in every normal run, so that a change is judged by what it changes; another one in every soak run. */
const seed = Number(process.env.SEED ?? (process.env.SOAK === undefined ? 1 : Date.now()))

/** In rounds, so that the runner hears of the progress. */
const rounds = process.env.SOAK === undefined ? 1 : 25

describe("the machine agrees with the model", () => {
  const stores: ReadonlyArray<readonly [string, Layer.Layer<ObjectStore.ObjectStore | Mailboxes.Mailboxes>]> = [
    ["in memory", ObjectStore.layerMemory]
  ]
  for (const [name, store] of stores) {
    for (let round = 0; round < rounds; round++) {
      it(`on 400 generated programs (${name}, seed ${seed + round})`, () =>
        fc.assert(
          fc.asyncProperty(Program.arbitrary(), async (program) => {
            const found = difference(onModel(program), await Effect.runPromise(onMachine(program, store)))
            if (found !== undefined) throw new Error(found)
            // Others, the test runner among them, want the event loop as well.
            await new Promise((resolve) => setImmediate(resolve))
          }),
          { seed: seed + round, numRuns: 400 }
        ))
    }
  }
})
