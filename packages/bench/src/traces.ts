/**
 * What a trace costs: a call writes two entries, so the difference to a call without is that of two.
 *
 * A trace that is off is a check before each entry. It cannot be taken out to be measured, so the same check is measured
 * by itself, with the function that would build the entry, and the loop around them.
 */
import { Trace, TraceEvent } from "@effect-avm/core"
import { Effect, Exit, Fiber, Stream } from "effect"
import type { Difference, Row } from "./harness.js"
import { make } from "./machine.js"
import { calls, objects } from "./rows.js"

const off = "call, trace off"
const ring = "call, traced to a ring"
const stream = "call, traced to a stream that nobody reads"
const read = "call, traced to a stream that is read"
const instruction = 0.3

/** As the kernel has it: two places that could listen, and a function that is not called. */
const check = (
  trace: { readonly enabled: boolean },
  execution: { readonly entries: Array<unknown> | undefined },
  event: () => unknown
): Exit.Exit<unknown> => trace.enabled || execution.entries !== undefined ? Exit.succeed(event()) : Exit.void

const checks: Row = {
  name: "the check of a trace that is off (target: a tenth of an instruction's)",
  operations: 10_000_000,
  run: () =>
    Effect.sync(() => {
      const [trace, execution] = [{ enabled: false }, { entries: undefined }]
      let done = 0
      for (let n = 0; n < 10_000_000; n++) {
        if (
          check(trace, execution, () => new TraceEvent.TransactionStarted({ tx: String(n) as never })) === Exit.void
        ) done++
      }
      return done
    }),
  target: instruction / 10
}

export const differences: ReadonlyArray<Difference> = [
  { name: "an entry, to a ring", row: ring, less: off, parts: 2, target: 0.6 },
  { name: "an entry, to a stream that nobody reads", row: stream, less: off, parts: 2 },
  { name: "an entry, to a stream that is read", row: read, less: off, parts: 2 }
]

export const rows = async (): Promise<ReadonlyArray<Row>> => {
  const none = make()
  const onRing = make(Trace.layerRing({ capacity: 10_000 }))
  const onStream = make(Trace.layerPubSub)
  const onRead = make(Trace.layerPubSub)
  const reading = calls(onRead, read, await objects(onRead, "adder", 1000))
  const drained = (run: Effect.Effect<unknown>): Effect.Effect<unknown> =>
    Effect.promise(() =>
      onRead.runtime.runPromise(Effect.gen(function*() {
        const trace = yield* Trace.Trace
        const reader = yield* Effect.fork(Stream.runDrain(trace.stream))
        yield* Effect.yieldNow()
        yield* run
        yield* Fiber.interrupt(reader)
      }))
    )
  return [
    calls(none, off, await objects(none, "adder", 1000)),
    calls(onRing, ring, await objects(onRing, "adder", 1000)),
    calls(onStream, stream, await objects(onStream, "adder", 1000)),
    { ...reading, run: () => drained(reading.run()) },
    checks
  ]
}
