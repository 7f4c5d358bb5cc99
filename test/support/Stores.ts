/**
 * Every layer of the object store and its mailboxes, for the suites that each of them must pass. What a test says of
 * objects and messages it says of all of them: `describe.each(stores)`, or `onEachStore`.
 */
import { Avm, IdGenerator, type Mailboxes, ObjectStore, Reachability, Scheduling, Trace } from "@effect-avm/core"
import { Sqlite } from "@effect-avm/sqlite"
import { it, type Vitest } from "@effect/vitest"
import { Layer } from "effect"

export type StoreLayer = Layer.Layer<ObjectStore.ObjectStore | Mailboxes.Mailboxes>

export type Store = readonly [name: string, layer: StoreLayer]

/** A file in memory; what can be evicted from the cache is, after each operation. */
const sqliteWithoutCache = Layer.orDie(Sqlite.layerStore({ filename: ":memory:", cacheBytes: 0 }))

export const inMemory: Store = ["memory", ObjectStore.layerMemory]

export const stores: ReadonlyArray<Store> = [
  inMemory,
  ["SQLite", Layer.orDie(Sqlite.layerStore({ filename: ":memory:" }))],
  ["SQLite without a cache", sqliteWithoutCache]
]

/** The machine of `Avm.layerMemoryWith` on another store, with its ports to look at. */
export const machineOn = (store: StoreLayer, options?: Avm.Options): Layer.Layer<Avm.Platform | Avm.Ports> =>
  Layer.provideMerge(Avm.layer(options), Layer.merge(Avm.layerPortsMemory, store))

/** The ports on another store, with ids that are the same in every run. */
export const portsOn = (store: StoreLayer): Layer.Layer<Avm.Ports> =>
  Layer.mergeAll(store, Reachability.layerAll, Scheduling.layerFair, IdGenerator.layerCounter, Trace.layerNone)

/** `it.layer` on each store: the tests of the suite share what `make` puts on it. */
export const onEachStore = <A>(
  suite: string,
  make: (store: StoreLayer) => Layer.Layer<A>,
  tests: (it: Vitest.MethodsNonLive<A>) => void
): void => {
  for (const [name, store] of stores) it.layer(make(store))(`${suite} (${name})`, tests)
}
