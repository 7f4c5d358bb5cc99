/**
 * Options that are numbers.
 */

/** Throws a `RangeError` that names the option, if it is no whole number of 0 or more. */
export const whole = (name: string, value: number | undefined, otherwise: number): number => {
  if (value === undefined) return otherwise
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw new RangeError(`${name} is no whole number of 0 or more: ${value}`)
}
