/**
 * `Val`s as the integers that a solver speaks.
 *
 * Integers of ordinary size stand for themselves, so that order and sums of them are those of the solver. Everything else
 * gets a number above them, in the order in which it is met; equal `Val`s get the same one.
 */
import { equals, hash, type Val } from "../Val.js"

/** The largest magnitude of an integer that stands for itself. */
export const largest = 500_000_000

export class Interned {
  private readonly values: Array<Val> = []
  private readonly texts = new Map<string, number>()
  private readonly others = new Map<number, Array<number>>()

  code(val: Val): number {
    if (typeof val === "number" && isOrdinary(val)) return val === 0 ? 0 : val
    return this.known(val) ?? this.add(val)
  }

  value(code: number): Val {
    return code > largest ? this.values[code - largest - 1] : code
  }

  private known(val: Val): number | undefined {
    if (typeof val === "string") return this.texts.get(val)
    return this.others.get(hash(val))?.find((code) => equals(this.value(code), val))
  }

  private add(val: Val): number {
    const code = largest + this.values.push(val)
    if (typeof val === "string") this.texts.set(val, code)
    else {
      const key = hash(val)
      const same = this.others.get(key)
      if (same === undefined) this.others.set(key, [code])
      else same.push(code)
    }
    return code
  }
}

export const isOrdinary = (value: number): boolean => Number.isInteger(value) && Math.abs(value) <= largest

/** The order of two `Val`s: negative, zero or positive; none where they have none. */
export const order = (self: Val, that: Val): number | undefined => {
  if (typeof self !== typeof that) return undefined
  switch (typeof self) {
    case "number":
    case "bigint":
    case "string":
      // Both are of the same of these types.
      return self === that ? 0 : self < (that as typeof self) ? -1 : 1
    default:
      return undefined
  }
}
