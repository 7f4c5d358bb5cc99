/**
 * The rules of Pure: system-wide and immediate, also in a transaction that aborts (D14).
 *
 * @since 0.1.0
 */
import { AvmError, type Pure, TraceEvent, type Val } from "@effect-avm/core"
import * as Option from "effect/Option"
import * as Execution from "../Execution.js"

type X = Execution.Execution

/**
 * @since 0.1.0
 * @category rules
 */
export const call = (x: X, { args, name }: Pure.Call["args"]): Option.Option<Val.Val> => {
  Execution.valid(args)
  const found = x.world.functions.get(name)
  return found === undefined ? Option.none() : Option.map(found.fn(args), Execution.valid)
}

/**
 * @since 0.1.0
 * @category rules
 */
export const register = (x: X, { fn, name }: Pure.Register["args"]): true => {
  const known = x.world.functions.get(name)
  // A36: the same source text is the same function, and keeps its version.
  if (known !== undefined && String(known.fn) !== String(fn)) {
    Execution.fail(new AvmError.FunctionAlreadyRegistered({ name }))
  }
  write(x, name, fn, known?.version ?? 0)
  Execution.log(x, new TraceEvent.FunctionRegistered({ name }))
  return true
}

/**
 * @since 0.1.0
 * @category rules
 */
export const update = (x: X, { fn, name, options }: Pure.Update["args"]): true => {
  const known = x.world.functions.get(name) ?? Execution.fail(new AvmError.FunctionNotFound({ name }))
  const expected = options.expectedVersion
  if (expected !== undefined && expected !== known.version) {
    Execution.fail(new AvmError.VersionConflict({ name, expected, actual: known.version }))
  }
  write(x, name, fn, known.version + 1)
  Execution.log(x, new TraceEvent.FunctionUpdated({ name }))
  return true
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const write = (x: X, name: string, fn: Pure.PureFunction, version: number): void => {
  x.world = { ...x.world, functions: new Map(x.world.functions).set(name, { fn, version }) }
}
