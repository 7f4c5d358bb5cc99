/**
 * Messages under seeded interleavings: whoever sends, takes and runs turns, each message is processed once, and those of one
 * sender to one object in order. A store that gets either wrong is found, with a seed that shows it again.
 */
import { Behaviour, Introspect, Mailboxes, Obj, type Val } from "@effect-avm/core"
import * as MutatedStores from "@effect-avm/testkit/MutatedStores"
import * as SeededScheduler from "@effect-avm/testkit/SeededScheduler"
import { Effect, Layer, Option } from "effect"
import { assert, describe, it } from "vitest"
import { inMemory, type StoreLayer, stores } from "../support/Stores.js"
import { behaviours, kept, local, machine, run, settle } from "./Bench.js"

/** Keeps what it is told; answers what it receives when it is called. */
const Both = Behaviour.layerRaw("both", function*() {
  const input = yield* Introspect.input
  if (input === "receive") return Option.toArray(yield* Obj.receive)
  const before = (yield* Introspect.getState) as ReadonlyArray<Val.Val>
  yield* Introspect.setState([...before, input])
  return []
})

const senders = 3
const each = 4

/** Of each object: what it was told in turns, and what it gave to those who called it. */
interface Ran {
  readonly told: ReadonlyArray<Val.Val>
  readonly given: ReadonlyArray<Val.Val>
}

/** Programs that send to two objects, by a relay as well, others that make them receive, and a loop. */
const play = (seed: number, store: StoreLayer): Promise<ReadonlyArray<Ran>> =>
  Effect.gen(function*() {
    const objects = yield* run(Effect.replicateEffect(Obj.create("both", local), 2))
    const relay = yield* run(Obj.create("sender", local))
    const sending = (sender: number) =>
      run(Effect.gen(function*() {
        for (let n = 0; n < each; n++) {
          for (const [index, id] of objects.entries()) {
            const message = [sender, n]
            // The second object hears of the last sender by the relay.
            yield* index === 1 && sender === 0 ? Obj.sendOnly(relay, [[id, message]]) : Obj.sendOnly(id, message)
          }
        }
      }))
    const given = objects.map((): Array<Val.Val> => [])
    const receiving = run(Effect.forEach(objects, (id, index) =>
      Effect.map(Obj.call(id, "receive"), (message) =>
        given[index]?.push(...Option.toArray(message)))))
    const loop = Effect.repeatN(Effect.zipRight(settle, Effect.yieldNow()), 6)
    yield* SeededScheduler.withSeed(seed)(
      Effect.all([
        ...Array.from({ length: senders }, (_, n) =>
          sending(n)),
        receiving,
        receiving,
        loop,
        loop
      ], {
        concurrency: "unbounded",
        discard: true
      })
    )
    yield* Effect.repeatN(Effect.yieldNow(), 10)
    yield* settle
    assert.deepStrictEqual(yield* (yield* Mailboxes.Mailboxes).waiting, [])
    return yield* Effect.forEach(
      objects,
      (id, index) =>
        Effect.map(kept(id), (told) => ({ told: told as ReadonlyArray<Val.Val>, given: given[index] ?? [] }))
    )
  }).pipe(
    Effect.provide(
      Layer.merge(Layer.merge(behaviours, Both), SeededScheduler.layerYielding).pipe(
        Layer.provideMerge(machine(store, { receive: "none" }))
      )
    ),
    Effect.runPromise
  )

/** What is wrong, if anything is. */
const complaint = (ran: ReadonlyArray<Ran>): string | undefined => {
  for (const { given, told } of ran) {
    for (let sender = 0; sender < senders; sender++) {
      const of = (messages: ReadonlyArray<Val.Val>) =>
        messages.flatMap((message) => Array.isArray(message) && message[0] === sender ? [Number(message[1])] : [])
      const own = of(told)
      const all = [...own, ...of(given)]
      if (new Set(all).size < all.length) return "a duplicate"
      if (own.some((n, index) => index > 0 && n < Number(own[index - 1]))) return "another order"
      if (all.length < each) return "a loss"
    }
  }
  return undefined
}

describe.each(stores)("messages, interleaved by a seed (%s)", (_, store) => {
  // What the machine can do wrong, the first store shows.
  const seeds = store === inMemory[1] ? 60 : 15
  it(`are processed once each, in order, with ${seeds} seeds`, async () => {
    for (let seed = 1; seed <= seeds; seed++) {
      assert.isUndefined(complaint(await play(seed, store)), `seed ${seed}`)
    }
  })

  for (
    const [wanted, mutation] of [
      ["a duplicate", MutatedStores.duplicate],
      ["another order", MutatedStores.reordering]
    ] as const
  ) {
    it(`${wanted} that was planted is found, and again with its seed`, async () => {
      const found: Array<number> = []
      for (let seed = 1; seed <= 100 && found.length === 0; seed++) {
        if (complaint(await play(seed, mutation(store))) === wanted) found.push(seed)
      }
      const [seed] = found
      assert(seed !== undefined, `no seed shows ${wanted}`)
      assert.strictEqual(complaint(await play(seed, mutation(store))), wanted)
    })
  }
})
