/**
 * The Pure family: functions by name, outside every transaction (D14).
 */
import * as Option from "effect/Option"
import type * as Pure from "../Pure.js"
import { FunctionRegistered, FunctionUpdated } from "../TraceEvent.js"
import { fromUnknown } from "../Val.js"
import { answering, changing, type Implementation, type Kernel, trace } from "./kernel.js"
import { andThen, die, fail, succeed } from "./sync.js"
import { trust } from "./trust.js"

export const makePure = (kernel: Kernel): Implementation<Pure.Pure["Type"]> => ({
  call: (_cell, name, args) => {
    const checked = fromUnknown(args)
    if (checked._tag === "Left") return fail(checked.left)
    const fn = kernel.functions.get(name)
    if (fn === undefined) return succeed(Option.none())
    try {
      const answer = fn(args)
      if (!Option.isOption(answer)) {
        return die(new TypeError(`The pure function ${name} answers no Option`))
      }
      if (Option.isSome(answer)) {
        const result = fromUnknown(answer.value)
        if (result._tag === "Left") return fail(result.left)
      }
      return succeed(answer)
    } catch (cause) {
      return die(new Error(`The pure function ${name} threw`, { cause }))
    }
  },
  update: (cell, name, fn, options) =>
    andThen(
      changing(cell, "updatePure"),
      () =>
        andThen(kernel.functions.update(name, fn, options ?? {}), () =>
          answering(trace(kernel, cell, () => trust(FunctionUpdated, { name })), true as const))
    )
})

export const makeUnsafePure = (kernel: Kernel): Implementation<Pure.UnsafePure["Type"]> => ({
  register: (cell, name, fn) =>
    andThen(
      changing(cell, "registerPure"),
      () =>
        andThen(kernel.functions.register(name, fn), () =>
          answering(trace(kernel, cell, () => trust(FunctionRegistered, { name })), true as const))
    )
})
