/**
 * The port that invents ids, none of them twice.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { randomBytes } from "node:crypto"
import * as ObjectId from "./ObjectId.js"
import * as TxId from "./TxId.js"

/**
 * @since 0.1.0
 * @category services
 */
export class IdGenerator extends Context.Tag("@effect-avm/core/IdGenerator")<IdGenerator, {
  readonly objectId: Effect.Effect<ObjectId.ObjectId>
  readonly txId: Effect.Effect<TxId.TxId>
}>() {}

/**
 * Unique across processes and machines: eighty random bits drawn when the layer is built, then a counter.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerRandom: Layer.Layer<IdGenerator> = Layer.sync(IdGenerator, () => {
  const prefix = BigInt(`0x${randomBytes(10).toString("hex")}`).toString(36).padStart(16, "0")
  return counting((kind, n) => `${kind}-${prefix}-${n.toString(36)}`)
})

/**
 * o1, o2, …, t1, t2, …: the same ids in every run, and hence not for stores that outlive the process.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerCounter: Layer.Layer<IdGenerator> = Layer.sync(
  IdGenerator,
  () => counting((kind, n) => `${kind}${n}`)
)

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const counting = (name: (kind: "o" | "t", n: number) => string): IdGenerator["Type"] => {
  let objects = 0
  let transactions = 0
  return IdGenerator.of({
    objectId: Effect.sync(() => ObjectId.make(name("o", ++objects))),
    txId: Effect.sync(() => TxId.make(name("t", ++transactions)))
  })
}
