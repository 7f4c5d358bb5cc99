/**
 * Typed arrays that grow.
 */

/** A copy that has at least so many places: the length doubles, and the new ones are zero. */
export const grown = (array: Int32Array, least: number): Int32Array => {
  let length = array.length
  while (length < least) length *= 2
  const larger = new Int32Array(length)
  larger.set(array)
  return larger
}
