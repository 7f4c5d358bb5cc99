/**
 * Model = machine: generated programs end alike on both, with the same trace and the same store afterwards.
 *
 * Some hundreds in the normal run, 10,000 with `npm run soak`. A failure prints the seed and the shrunk program; `SEED=n`
 * runs that seed again.
 */
import { Avm, Mailboxes, ObjectId, ObjectStore, Turns, type Val } from "@effect-avm/core"
import { Model, Observation, Program, Script } from "@effect-avm/testkit"
import { Cause, Effect, Either, Exit, Layer, Option } from "effect"
import * as fc from "fast-check"
import { describe, it } from "vitest"
import * as Machine from "../support/Machine.js"
import { stores } from "../support/Stores.js"

interface Ended extends Observation.Observation {
  readonly store: ReadonlyArray<string>
  /** What is left in the mailboxes, and how promises were settled. */
  readonly mail: ReadonlyArray<string>
}

// ---------------------------------------------------------------------------
// the two
// ---------------------------------------------------------------------------

const onModel = (program: Program.Program): Ended => {
  const ran = Model.run(Model.make(Program.toOptions(program)), Program.toScript(program), { input: "start" })
  // Then the messages it has sent, and those that these have sent.
  let { world } = ran
  const trace = [...ran.session.trace]
  for (let turns = 0; turns < mostTurns; turns++) {
    const turn = Model.turn(world)
    if (turn === undefined) break
    world = turn.world
    trace.push(...turn.trace)
  }
  const { boxes, promises } = world.store.mail
  return {
    ...Observation.make(ran.outcome, trace),
    store: [...world.store.objects.values()].map((object) => observed(object, object.history)),
    mail: [
      ...[...boxes].map(([key, messages]) => Observation.print([key, messages])).sort(),
      ...[...promises].map(([key, { answer }]) => Observation.print([key, answer ?? "pending"])).sort()
    ]
  }
}

/** Messages that send each other messages for ever are cut off, on both sides after the same turn. */
const mostTurns = 60

const onMachine = (
  program: Program.Program,
  store: Layer.Layer<ObjectStore.ObjectStore | Mailboxes.Mailboxes>
): Effect.Effect<Ended> =>
  Effect.gen(function*() {
    const entries: Machine.Entries = new Map()
    const context = yield* Layer.build(
      Machine.layer(
        { behaviours: Program.behaviours, home: program.home, unreachable: program.unreachable, receive: "none" },
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
        for (let turns = 0; turns < mostTurns && Option.isSome(yield* Effect.orDie(Turns.step)); turns++);
        const mailboxes = yield* Mailboxes.Mailboxes
        const waiting = yield* Effect.orDie(mailboxes.waiting)
        const boxes = yield* Effect.forEach(waiting, (id) =>
          Effect.map(Effect.orDie(mailboxes.peek(id)), (messages) => Observation.print([id.value, messages])))
        const ids = [...entries.values()].flat().length + 200
        const promises = yield* Effect.forEach(
          Array.from({ length: ids }, (_, n) =>
            ObjectId.make(`o${n + 1}`)),
          (id) =>
            Effect.map(Effect.orDie(mailboxes.promised(id)), (promised) =>
              Option.toArray(promised).map((_) =>
                Observation.print([id.value, _._tag === "Pending" ? "pending" : _])
              ))
        )
        const objects = yield* ObjectStore.ObjectStore
        const stored = yield* Effect.orDie(objects.scan(ObjectStore.latest))
        return {
          ...Observation.make(outcomeOf(exit), [...entries.values()].flat()),
          store: yield* Effect.forEach(stored, (object) =>
            Effect.map(Effect.orDie(objects.history(object.metadata.id)), (history) =>
              observed(object, history))),
          mail: [...boxes.sort(), ...promises.flat().sort()]
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
  const lines = (ended: Ended) => [...ended.trace, ended.outcome, ...ended.store, ...ended.mail]
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

/** Each store after the first one shows what a store can do wrong; what the machine can do wrong, the first one shows. */
const numRuns = (store: number): number => store === 0 || process.env.SOAK !== undefined ? 400 : 100

describe("the machine agrees with the model", () => {
  for (const [index, [name, store]] of stores.entries()) {
    for (let round = 0; round < rounds; round++) {
      it(`on ${numRuns(index)} generated programs (${name}, seed ${seed + round})`, () =>
        fc.assert(
          fc.asyncProperty(Program.arbitrary(), async (program) => {
            const found = difference(onModel(program), await Effect.runPromise(onMachine(program, store)))
            if (found !== undefined) throw new Error(found)
            // Others, the test runner among them, want the event loop as well.
            await new Promise((resolve) => setImmediate(resolve))
          }),
          { seed: seed + round, numRuns: numRuns(index) }
        ))
    }
  }
})
