// Two behaviours that create each other's objects: no order of providing would do, `layerAll` ties them.
import { Avm, Behaviour } from "@effect-avm/core"
import * as Rpc from "@effect/rpc/Rpc"
import { Effect, Schema } from "effect"

const Hen = Behaviour.make("Hen", {
  state: Schema.Struct({ eggs: Schema.Int }),
  initial: { eggs: 0 },
  protocol: [Rpc.make("Lay")]
})

const Egg = Behaviour.make("Egg", {
  state: Schema.Null,
  initial: null,
  protocol: [Rpc.make("Hatch", { success: Hen.Ref })]
})

const HenLive = Hen.toLayer({
  *Lay() {
    yield* Egg.create()
    yield* Hen.updateState(({ eggs }) => ({ eggs: eggs + 1 }))
  }
})

const EggLive = Egg.toLayer({ Hatch: () => Hen.create() })

const Poultry = Behaviour.layerAll(HenLive, EggLive)

export const main = Effect.flatMap(Egg.create(), (egg) => egg.Hatch()).pipe(
  Avm.run,
  Effect.provide(Poultry),
  Effect.provide(Avm.layerMemory)
)

export const start = () => Effect.runPromise(main)
