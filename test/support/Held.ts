/** A store of somebody else's over one of ours, which answers at once what it can, and counts the snapshots it has given. */
import { Mailboxes, ObjectStore } from "@effect-avm/core"
import { it, type Vitest } from "@effect/vitest"
import { Cause, Context, Effect, Exit, Layer } from "effect"
import { inMemory, type StoreLayer, stores } from "./Stores.js"

/** How it commits: by an effect alone, or by telling as well, which takes its time, or none. */
type Commits = "by an effect" | "by telling" | "by telling at once"

/** The snapshots that are held. */
export class Held extends Context.Tag("test/support/Held")<Held, { count: number }>() {}

const counted = (store: StoreLayer, commits: Commits) =>
  Layer.effectContext(Effect.gen(function*() {
    const [objects, mailboxes] = [yield* ObjectStore.ObjectStore, yield* Mailboxes.Mailboxes]
    const held = { count: 0 }
    const release = (snapshot: ObjectStore.Snapshot) =>
      Effect.suspend(() => {
        held.count--
        return objects.release(snapshot)
      })
    const snapshot = () => {
      held.count++
      return Effect.runSync(Effect.exit(objects.snapshot))
    }
    const both = { ...objects, release, snapshot: Effect.suspend(snapshot) }
    const read: ObjectStore.Direct["read"] = (id, snapshot) => {
      const reading = objects.read(id, snapshot)
      const exit = Effect.runSyncExit(reading)
      return Exit.isFailure(exit) && Cause.isDie(exit.cause) ? reading : exit
    }
    const direct: ObjectStore.Direct = { read, release, snapshot }
    const commit: ObjectStore.Direct["commit"] = (changes, { scheduler }, tell) => {
      if (commits === "by telling at once") return tell(Effect.runSyncExit(objects.commit(changes)))
      const later = Effect.zipRight(Effect.repeatN(Effect.yieldNow(), 4), objects.commit(changes))
      Effect.runCallback(later, { scheduler, onExit: tell })
    }
    return Context.make(
      ObjectStore.ObjectStore,
      ObjectStore.withDirect(both, commits === "by an effect" ? direct : { ...direct, commit })
    )
      .pipe(Context.add(Mailboxes.Mailboxes, mailboxes), Context.add(Held, held))
  })).pipe(Layer.provide(store))

export type Counted = ReturnType<typeof counted>

/** Such a store over each of ours, in each way. */
export const countedStores: ReadonlyArray<readonly [name: string, layer: Counted]> = stores.flatMap((store) => {
  // A file takes its time, if somebody shares the write.
  const ways: ReadonlyArray<Commits> = store === inMemory
    ? ["by an effect", "by telling", "by telling at once"]
    : ["by an effect", "by telling"]
  return ways.map((commits) => [`${store[0]}, ${commits}`, counted(store[1], commits)] as const)
})

/** `onEachStore`, on these. */
export const onEachCounted = <A>(
  suite: string,
  make: (store: Counted) => Layer.Layer<A>,
  tests: (it: Vitest.MethodsNonLive<A>) => void
): void => {
  for (const [name, store] of countedStores) it.layer(make(store))(`${suite} (${name})`, tests)
}

/** The memory store, which answers all at once, but commits as it is told to here. */
export const layerTelling = (
  commitTo: (objects: ObjectStore.Service) => NonNullable<ObjectStore.Direct["commit"]>
): StoreLayer =>
  Layer.effectContext(Effect.gen(function*() {
    const [objects, mailboxes] = [yield* ObjectStore.ObjectStore, yield* Mailboxes.Mailboxes]
    const direct: ObjectStore.Direct = {
      commit: commitTo(objects),
      read: (id, snapshot) => Effect.runSyncExit(objects.read(id, snapshot)),
      release: (snapshot) => Effect.runSyncExit(objects.release(snapshot)),
      snapshot: () => Effect.runSyncExit(objects.snapshot)
    }
    const store = ObjectStore.withDirect({ ...objects }, direct)
    return Context.make(ObjectStore.ObjectStore, store).pipe(Context.add(Mailboxes.Mailboxes, mailboxes))
  })).pipe(Layer.provide(ObjectStore.layerMemory))
