/**
 * The versions of each part of each object, in the order of the commits that installed them, and which of them a read saw.
 *
 * @since 0.1.0
 */
import type { History, Part, Read, Transaction } from "../History.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * A version with its writer, which may be unknown: it was there when the recording began, or before the object was.
 *
 * @since 0.1.0
 * @category models
 */
export interface Version {
  readonly number: number
  readonly writer: Transaction | undefined
  readonly value: string | undefined
}

/**
 * The versions of one part, oldest first. The first has no writer.
 *
 * @since 0.1.0
 * @category models
 */
export type Chain = ReadonlyArray<Version>

/**
 * The place of the version read in its chain; or who offered what was read, without having committed it.
 *
 * @since 0.1.0
 * @category models
 */
export type Resolved =
  | { readonly _tag: "Version"; readonly chain: Chain; readonly index: number }
  | { readonly _tag: "Uncommitted"; readonly writer: Transaction | undefined }

/**
 * @since 0.1.0
 * @category models
 */
export interface Versions {
  readonly resolve: (read: Read) => Resolved
  readonly chain: (object: string, part: Part) => Chain
  /** The place of what a commit installed in the chain of a part. */
  readonly place: (object: string, part: Part, number: number) => number | undefined
  readonly objects: ReadonlyArray<string>
}

// ---------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (history: History): Versions => {
  const chains = new Map<string, Array<Version>>()
  const numbers = new Map<string, Map<number, number>>()
  /** By part and value: the places of the versions that have it. */
  const places = new Map<string, Array<number>>()
  const refused = new Map<string, Transaction>()
  const created = new Set<string>()

  for (const writer of history) {
    for (const { object, part, value } of writer.writes) {
      const key = keyOf(object, part)
      if (writer.outcome._tag === "Committed") {
        let chain = chains.get(key)
        if (chain === undefined) chains.set(key, chain = [original])
        chain.push({ number: writer.outcome.number, writer, value })
        if (part === "existence" && value === "born") created.add(object)
      } else if (value !== undefined) refused.set(`${key}=${value}`, writer)
    }
  }
  for (const [key, chain] of chains) {
    chain.sort((a, b) => a.number - b.number)
    numbers.set(key, new Map(chain.map(({ number }, index) => [number, index])))
    chain.forEach(({ value }, index) => {
      if (value === undefined) return
      const known = places.get(`${key}=${value}`)
      if (known === undefined) places.set(`${key}=${value}`, [index])
      else known.push(index)
    })
  }

  const chainOf = (object: string, part: Part): Chain => chains.get(keyOf(object, part)) ?? unwritten

  const place = (object: string, part: Part, number: number) => numbers.get(keyOf(object, part))?.get(number)

  const resolve = ({ object, part, value, version }: Read): Resolved => {
    const chain = chainOf(object, part)
    const at = (index: number): Resolved => ({ _tag: "Version", chain, index })
    if (value !== undefined) {
      const known = places.get(`${keyOf(object, part)}=${value}`) ?? []
      // The same value written twice: then, and only then, the store is asked which one it was.
      const index = known.find((index) => chain[index]?.number === version) ?? known.at(-1)
      if (index !== undefined) return at(index)
    } else {
      const index = version === undefined ? undefined : place(object, part, version)
      if (index !== undefined) return at(index)
    }
    const writer = refused.get(`${keyOf(object, part)}=${value}`)
    const early = value === "unborn" || version === 0 || !created.has(object)
    return early && writer === undefined ? at(0) : { _tag: "Uncommitted", writer }
  }

  const objects = [...new Set(history.flatMap(({ writes }) => writes.map(({ object }) => object)))]
  return { resolve, chain: chainOf, place, objects }
}

// ---------------------------------------------------------------------------
// scans
// ---------------------------------------------------------------------------

/**
 * What scans see of an object: the versions of its metadata, and its end.
 *
 * @since 0.1.0
 * @category operations
 */
export const lifeOf = (versions: Versions, object: string): Chain => {
  const end = versions.chain(object, "existence").filter(({ value }) => value === "gone")
  return [...versions.chain(object, "metadata"), ...end]
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const original: Version = { number: 0, writer: undefined, value: undefined }

const unwritten: Chain = [original]

const keyOf = (object: string, part: Part): string => `${object}/${part}`
