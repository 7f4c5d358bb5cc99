/**
 * Words of 32 bits.
 */

/** The place of the lowest bit that is set; 32 bits of zero have none. */
export const lowest = (word: number): number => 31 - Math.clz32(word & -word)

export const highest = (word: number): number => 31 - Math.clz32(word)

export const count = (word: number): number => {
  const pairs = word - ((word >>> 1) & 0x55555555)
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333)
  return (((fours + (fours >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24
}

/** The bits from this place upwards. A shift counts modulo 32 by itself. */
export const from = (place: number): number => -1 << place

/** The bits up to this place. */
export const upTo = (place: number): number => (place & 31) === 31 ? -1 : (1 << (place + 1)) - 1
