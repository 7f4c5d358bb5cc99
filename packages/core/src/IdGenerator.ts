/**
 * The port that invents ids, none of them twice.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { randomBytes } from "node:crypto"
import { directOf, withDirect } from "./internal/direct.js"
import { type Step, stepOf } from "./internal/sync.js"
import * as ObjectId from "./ObjectId.js"
import type * as TxId from "./TxId.js"

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

interface DirectIds {
  readonly objectId: () => ObjectId.ObjectId
  readonly txId: () => TxId.TxId
}

/**
 * A fresh id, at once where the generator can.
 *
 * @internal
 */
export const freshObjectId = (ids: IdGenerator["Type"]): Step<ObjectId.ObjectId> => {
  const direct = directOf<DirectIds>(ids)
  return direct === undefined ? stepOf(ids.objectId) : direct.objectId()
}

/**
 * @internal
 */
export const freshTxId = (ids: IdGenerator["Type"]): Step<TxId.TxId> => {
  const direct = directOf<DirectIds>(ids)
  return direct === undefined ? stepOf(ids.txId) : direct.txId()
}

const counting = (name: (kind: "o" | "t", n: number) => string): IdGenerator["Type"] => {
  let objects = 0
  let transactions = 0
  const direct: DirectIds = {
    objectId: () => ObjectId.make(name("o", ++objects)),
    // The name is one of ours.
    txId: () => name("t", ++transactions) as TxId.TxId
  }
  return withDirect(
    IdGenerator.of({ objectId: Effect.sync(direct.objectId), txId: Effect.sync(direct.txId) }),
    direct
  )
}
