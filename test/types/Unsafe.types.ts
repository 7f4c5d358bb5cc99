// What must not compile, about unsafe instructions, ids and values.
import { Avm, Obj, ObjectId, Pure, Reflect, Reify } from "@effect-avm/core"
import { Effect } from "effect"

// @ts-expect-error not granted
export const u1 = Avm.run(Reflect.scryMeta(() => true))
// @ts-expect-error not granted
export const u2 = Avm.run(Reify.txState)
export const u3 = Avm.run(
  // @ts-expect-error one granted, another needed
  Effect.provide(Pure.register("f", () => null as never), Avm.layerUnsafe(Reflect.UnsafeReflect))
)
// @ts-expect-error no layer of the machine grants by accident
export const u4 = Avm.run(Effect.provide(Reify.constraints, Avm.layerMemory))
// @ts-expect-error safe families need no grant
export const u5 = Avm.layerUnsafe(Obj.Obj)
// @ts-expect-error grant by name, not all at once
export const u6 = Avm.layerUnsafe()

// @ts-expect-error a string is not an id
export const v1 = Obj.call("o1", null)
// @ts-expect-error a function is no Val
export const v2 = Obj.call(ObjectId.make("o1"), () => 1)
// @ts-expect-error undefined is no Val
export const v3 = Obj.call(ObjectId.make("o1"), { a: undefined })
// @ts-expect-error a class instance is no Val
export const v4 = Obj.call(ObjectId.make("o1"), new Map())

// @ts-expect-error an error this instruction does not have
export const e1 = Obj.create("echo").pipe(Effect.catchTag("TxConflict", () => Effect.void))
