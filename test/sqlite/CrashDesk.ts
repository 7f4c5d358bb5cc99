/** What the program whose turns are killed and the test that looks at its file agree on. */
import { Avm, Behaviour, ControllerId, Introspect, Obj, ObjectId, ObjectStore, Outbox } from "@effect-avm/core"
import { Sqlite } from "@effect-avm/sqlite"
import { Effect, Layer, Schema } from "effect"
import { appendFileSync, readFileSync } from "node:fs"

export const desks = 5

/** The world: a list of what was done in it, each under its key once. */
export const World = Outbox.make("world", { payload: Schema.Int, success: Schema.Void })

export const worldOf = (filename: string): string => `${filename}-world`

/** Lines `key number`; a line that was cut off by the end of the process was not done. */
export const readWorld = (filename: string): ReadonlyArray<readonly [key: string, number: number]> => {
  try {
    const lines = readFileSync(worldOf(filename), "utf8").split("\n").slice(0, -1)
    return lines.map((line) => {
      const [key = "", number] = line.split(" ")
      return [key, Number(number)]
    })
  } catch {
    return [] // nothing was done yet
  }
}

/** Keeps the keys, as a payment service does: what comes again under one is known. `attempts` counts those as well. */
export const layerWorld = (filename: string) => {
  const known = new Set(readWorld(filename).map(([key]) => key))
  return World.toLayer((number, key) =>
    Effect.sync(() => {
      if (known.has(key)) return
      known.add(key)
      appendFileSync(worldOf(filename), `${key} ${number}\n`)
    })
  )
}

/** Every so many messages is one that cannot be processed. */
export const isBad = (number: number): boolean => number % 29 === 0

/** Takes `[number, ledger]`: counts it, tells the ledger, and the world. */
const Desk = Behaviour.layerRaw("desk", function*() {
  const input = yield* Introspect.input
  const [number, ledger] = Array.isArray(input) ? input : []
  yield* Introspect.setState(Number(yield* Introspect.getState) + 1)
  if (ObjectId.isObjectId(ledger)) yield* Obj.sendOnly(ledger, [number ?? null])
  yield* World.emit(Number(number))
  if (isBad(Number(number))) yield* Obj.call(ObjectId.make("nobody"), null)
  return []
})

const Ledger = Behaviour.layerRaw("ledger", function*() {
  yield* Introspect.setState(Number(yield* Introspect.getState) + 1)
  return []
})

/** Once: the desks, and the ledger, which is the first of what is there. */
export const open = Effect.gen(function*() {
  const store = yield* ObjectStore.ObjectStore
  const local = ControllerId.make("local")
  const all = yield* store.scan(ObjectStore.latest)
  if (all.length > desks) return all.map(({ metadata }) => metadata.id)
  const missing = ["ledger", ...Array.from({ length: desks }, () => "desk")].slice(all.length)
  yield* Avm.run(Effect.forEach(missing, (behaviour) => Obj.create(behaviour, local)))
  return (yield* store.scan(ObjectStore.latest)).map(({ metadata }) => metadata.id)
})

export const platform = (
  filename: string,
  synchronous: "full" | "normal" | "off",
  run: "background" | "manual"
) =>
  Layer.mergeAll(Desk, Ledger, layerWorld(filename)).pipe(
    Layer.provideMerge(Avm.layer({ turns: { run, onFailure: "park" } })),
    // A small cache, so that what is killed has been evicting and loading as well.
    Layer.provideMerge(Sqlite.layerPorts({ filename, synchronous, cacheBytes: 10_000 }))
  )
