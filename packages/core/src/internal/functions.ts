/**
 * The pure functions of a machine: the code, known to this process alone, beside the version and hash that the store
 * keeps. A function that the store knows and this process has not been given answers none.
 */
import * as Option from "effect/Option"
import { createHash } from "node:crypto"
import { FunctionAlreadyRegistered, FunctionNotFound, type StoreError, VersionConflict } from "../AvmError.js"
import type { Service } from "../ObjectStore.js"
import type { PureFunction, UpdateOptions } from "../Pure.js"
import { andThen, fail, type Step, stepOf, succeed } from "./sync.js"

export interface Functions {
  readonly get: (name: string) => PureFunction | undefined
  readonly register: (name: string, fn: PureFunction) => Step<true, FunctionAlreadyRegistered | StoreError>
  readonly update: (
    name: string,
    fn: PureFunction,
    options: UpdateOptions
  ) => Step<true, FunctionNotFound | VersionConflict | StoreError>
}

export const make = (store: Service): Functions => {
  const code = new Map<string, PureFunction>()
  const bind = (name: string, fn: PureFunction): Step<true> => {
    code.set(name, fn)
    return succeed(true)
  }

  const register: Functions["register"] = (name, fn) =>
    andThen(stepOf(store.readFunction(name)), (known) => {
      const hash = hashOf(fn)
      if (Option.isSome(known)) {
        // A36: an application that starts again on its store registers what it registered before.
        return known.value.hash === hash ? bind(name, fn) : fail(new FunctionAlreadyRegistered({ name }, true))
      }
      return andThen(stepOf(store.writeFunction(name, { version: 0, hash }, Option.none())), (written) =>
        written ? bind(name, fn) : register(name, fn))
    })

  const update: Functions["update"] = (name, fn, options) =>
    andThen(stepOf(store.readFunction(name)), (known) => {
      if (Option.isNone(known)) return fail(new FunctionNotFound({ name }, true))
      const { version } = known.value
      const expected = options.expectedVersion
      if (expected !== undefined && expected !== version) {
        return fail(new VersionConflict({ name, expected, actual: version }, true))
      }
      return andThen(
        stepOf(store.writeFunction(name, { version: version + 1, hash: hashOf(fn) }, Option.some(version))),
        (written) => written ? bind(name, fn) : update(name, fn, options)
      )
    })

  return { get: (name) => code.get(name), register, update }
}

/** Over the source text: two closures of the same text are the same function to it. */
const hashOf = (fn: PureFunction): string => createHash("sha256").update(fn.toString()).digest("hex")
