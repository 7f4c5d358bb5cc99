/**
 * What a user would pick instead, doing what the adder of `machine.ts` does.
 */
import { Context, Effect, STM, TRef } from "effect"
import { createActor, setup } from "xstate"
import type { Row } from "./harness.js"

const operations = 50_000

class Adders extends Context.Tag("Adders")<Adders, {
  readonly add: (id: number, n: number) => Effect.Effect<number>
}>() {}

const service: Row = {
  name: "a plain Effect service with a Map",
  operations,
  run: () => {
    const sums = new Map<number, number>()
    return Effect.gen(function*() {
      for (let n = 0; n < operations; n++) yield* (yield* Adders).add(n % 1000, 1)
    }).pipe(Effect.provideService(Adders, {
      add: (id, n) =>
        Effect.sync(() => {
          const sum = (sums.get(id) ?? 0) + n
          sums.set(id, sum)
          return sum
        })
    }))
  }
}

const stm = (name: string, size: number): Row => {
  const count = Math.ceil(operations / size)
  return {
    name,
    operations: count,
    run: () =>
      Effect.gen(function*() {
        const refs = yield* Effect.replicateEffect(STM.commit(TRef.make(0)), 1000)
        for (let n = 0; n < count; n++) {
          yield* STM.commit(STM.gen(function*() {
            for (let at = 0; at < size; at++) {
              const ref = refs[(n * size + at) % 1000] as TRef.TRef<number> // there are 1000
              const sum = yield* TRef.get(ref)
              yield* TRef.set(ref, sum + 1)
            }
          }))
        }
      })
  }
}

const machine = setup({ types: { context: {} as { sum: number }, events: {} as { type: "add"; n: number } } })
  .createMachine({
    context: { sum: 0 },
    on: {
      add: {
        actions: ({ context, event }) => {
          context.sum += event.n
        }
      }
    }
  })

const xstate: Row = {
  name: "an XState actor, one event",
  operations,
  run: () =>
    Effect.sync(() => {
      const actors = Array.from({ length: 1000 }, () => createActor(machine).start())
      for (let n = 0; n < operations; n++) actors[n % 1000]?.send({ type: "add", n: 1 })
    })
}

export const rows: ReadonlyArray<Row> = [
  service,
  stm("STM.gen over 1 TRef", 1),
  stm("STM.gen over 4 TRefs", 4),
  stm("STM.gen over 16 TRefs", 16),
  xstate
]
