// Unsafe instructions show in the requirements, and run only where they are granted by name.
import { Avm, Behaviour, Pure, Reflect, Reify } from "@effect-avm/core"
import * as Rpc from "@effect/rpc/Rpc"
import { Effect, Layer, Option, Schema } from "effect"

export const orphans = Effect.map(
  Reflect.scryMeta((metadata) => Option.isNone(metadata.currentController)),
  (found) => found.length
)

export const requirements: Effect.Effect<number, Reflect.ScryError, Reflect.UnsafeReflect> = orphans

export const main = orphans.pipe(
  Effect.provide(Avm.layerUnsafe(Reflect.UnsafeReflect)),
  Avm.run,
  Effect.provide(Avm.layerMemory)
)

// A behaviour that needs one asks for it in its layer, and is granted it there.
const Auditor = Behaviour.make("Auditor", {
  state: Schema.Null,
  initial: null,
  protocol: [Rpc.make("Count", { success: Schema.Int })]
})

const AuditorLive = Auditor.toLayer({
  Count: () => Effect.catchTag(orphans, "ScryPredicateFailed", () => Effect.succeed(0))
})

export const granted = AuditorLive.pipe(
  Layer.provide(Avm.layerUnsafe(Reflect.UnsafeReflect)),
  Layer.provide(Avm.layerMemory)
)

export const several = Effect.gen(function*() {
  yield* Pure.register("half", ([n]) => typeof n === "number" ? Option.some(n / 2) : Option.none())
  return { half: yield* Pure.call("half", [3]), tx: yield* Reify.txState }
}).pipe(
  Effect.provide(Avm.layerUnsafe(Pure.UnsafePure, Reify.UnsafeReify)),
  Avm.run,
  Effect.provide(Avm.layerMemory)
)

export const startSeveral = () => Effect.runPromise(several)
export const start = () => Effect.runPromise(main)
