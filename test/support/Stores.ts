/** Every layer of the object store and its mailboxes, for the suites that each of them must pass. */
import { type Mailboxes, ObjectStore } from "@effect-avm/core"
import { Sqlite } from "@effect-avm/sqlite"
import { Layer } from "effect"

export type Store = readonly [name: string, layer: Layer.Layer<ObjectStore.ObjectStore | Mailboxes.Mailboxes>]

/** A file in memory; what can be evicted from the cache is, after each operation. */
const sqliteWithoutCache = Layer.orDie(Sqlite.layerStore({ filename: ":memory:", cacheBytes: 0 }))

export const inMemory: Store = ["memory", ObjectStore.layerMemory]

export const stores: ReadonlyArray<Store> = [
  inMemory,
  ["SQLite", Layer.orDie(Sqlite.layerStore({ filename: ":memory:" }))],
  ["SQLite without a cache", sqliteWithoutCache]
]
