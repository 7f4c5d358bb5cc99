/**
 * Turns: what a message costs from its sending to the commit of its turn, as a ratio to a step; how long one waits under
 * load; and many messages to one object and to many.
 */
import { Avm, Behaviour, Introspect, Obj, type ObjectId, Outbox, Turns } from "@effect-avm/core"
import { Effect, Layer, ManagedRuntime, Schema } from "effect"
import { median, type Row } from "./harness.js"
import { controller } from "./machine.js"

const Adder = Behaviour.layerRaw("adder", function*() {
  const n = yield* Introspect.input
  const state = yield* Introspect.getState
  const sum = (typeof state === "number" ? state : 0) + (typeof n === "number" ? n : 0)
  yield* Introspect.setState(sum)
  return [sum]
})

/** The same, waiting for something in between, so that its turn needs a fiber of its own. */
const Foreign = Behaviour.layerRaw("foreign", function*() {
  const state = yield* Introspect.getState
  yield* Effect.yieldNow()
  yield* Introspect.setState((typeof state === "number" ? state : 0) + 1)
  return [state]
})

/** Passes what it is told on, until it is zero. */
const Relay = Behaviour.layerRaw("relay", function*() {
  const n = Number(yield* Introspect.input)
  if (n > 0) yield* Obj.sendOnly(yield* Introspect.self, n - 1)
  return []
})

const Mail = Outbox.make("mail", { payload: Schema.Int, success: Schema.Void })

const Emitter = Behaviour.layerRaw("emitter", Effect.as(Mail.emit(1), []))

const machine = (run: "manual" | "background") => {
  const runtime = ManagedRuntime.make(
    Layer.provideMerge(
      Layer.mergeAll(Adder, Foreign, Relay, Emitter, Mail.toLayer(() => Effect.void)),
      Avm.layerMemoryWith({ turns: { run } })
    )
  )
  const program = <A, E, R>(program: Effect.Effect<A, E, R> & Avm.Runnable<R>): Effect.Effect<A> => {
    // Its requirements are among those of the runtime.
    const running = Avm.run(program) as Effect.Effect<A, E, Avm.Avm>
    return Effect.promise(() => runtime.runPromise(running))
  }
  const settle = Effect.promise(() => runtime.runPromise(Turns.settle))
  return { program, settle }
}

const pick = <A>(from: ReadonlyArray<A>, n: number): A => from[(n * 7919) % from.length] as A // the list is not empty

/** `messages` to the objects, each in its turn. */
const row = async (
  name: string,
  options: {
    readonly behaviour: string
    readonly objects: number
    readonly messages: number
    readonly answered?: boolean
  }
): Promise<Row> => {
  const { program, settle } = machine("manual")
  const { answered = false, behaviour, messages, objects } = options
  const ids = await Effect.runPromise(program(Effect.replicateEffect(Obj.create(behaviour, controller), objects)))
  const sending = program(Effect.gen(function*() {
    for (let n = 0; n < messages; n++) {
      if (answered) yield* Obj.send(pick(ids, n), 1)
      else yield* Obj.sendOnly(pick(ids, n), 1)
    }
  }))
  return { name, operations: messages, run: () => Effect.zipRight(sending, settle) }
}

export const rows = async (quick: boolean): Promise<ReadonlyArray<Row>> => {
  const many = quick ? 20_000 : 100_000
  const chain = machine("manual")
  const [relay] = await Effect.runPromise(chain.program(Effect.replicateEffect(Obj.create("relay", controller), 1)))
  return [
    await row("sendOnly and its turn, 1,000 objects", { behaviour: "adder", objects: 1000, messages: 20_000 }),
    await row("send and its turn, 1,000 objects", {
      behaviour: "adder",
      objects: 1000,
      messages: 20_000,
      answered: true
    }),
    await row(`${many.toLocaleString("en")} messages to one object`, {
      behaviour: "adder",
      objects: 1,
      messages: many
    }),
    await row(`${many.toLocaleString("en")} messages to 10,000 objects`, {
      behaviour: "adder",
      objects: 10_000,
      messages: many
    }),
    {
      name: "a turn that sends the next message",
      operations: 20_000,
      run: () => Effect.zipRight(chain.program(Obj.sendOnly(relay as ObjectId.ObjectId, 20_000)), chain.settle)
    },
    await row("a turn that waits for something", { behaviour: "foreign", objects: 1000, messages: 5000 }),
    await row("a turn with an output, and its handler", { behaviour: "emitter", objects: 1000, messages: 5000 })
  ]
}

/** How long a message takes from its sending to its answer, while as many are on their way as are given. */
export const latency = async (rounds: number): Promise<string> => {
  const lines: Array<string> = []
  for (const load of [1, 10, 100, 1000]) {
    const { program } = machine("background")
    const ids = await Effect.runPromise(program(Effect.replicateEffect(Obj.create("adder", controller), 1000)))
    const times: Array<number> = []
    const one = (n: number) =>
      Effect.gen(function*() {
        const start = performance.now()
        const promised = yield* Obj.send(pick(ids, n), 1)
        yield* promised.await
        times.push(performance.now() - start)
      })
    const worker = (w: number) => Effect.forEach(Array.from({ length: rounds }, (_, n) => w * rounds + n), one)
    await Effect.runPromise(
      program(Effect.forEach(Array.from({ length: load }, (_, w) => w), worker, { concurrency: "unbounded" }))
    )
    const sorted = times.sort((a, b) => a - b)
    const last = sorted[Math.floor(sorted.length * 0.99)] ?? 0
    lines.push(`| ${load} | ${(median(sorted) * 1000).toFixed(0)} | ${(last * 1000).toFixed(0)} |`)
  }
  return [
    "\n### From sending to the answer, in microseconds, by messages on their way\n",
    "| at a time | median | 99 % |",
    "|---:|---:|---:|",
    ...lines
  ].join("\n")
}
