/**
 * Telling Vals from everything else, without running any code of the data looked at: a proxy is refused before anything
 * is asked of it, an accessor before it is called. So what was found to be a `Val` cannot answer differently later,
 * unless its owner mutates it.
 *
 * Two passes. The first answers yes for ordinary data, by plain recursion, remembering nothing. Where it cannot say yes
 * (a culprit, very deep or very large data, a cycle), the second walks on the heap and finds the first culprit with its
 * path. Pinned by `test/core/Val.test.ts`.
 */
import { types } from "node:util"
import { ObjectIdTypeId } from "../ObjectId.js"
import type { Path } from "./valWalk.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/** What is no `Val`, in plain words, and where it is. */
export interface Culprit {
  readonly path: Path
  readonly found: string
}

type Shape = "leaf" | "list" | "record" | "foreign"

// ---------------------------------------------------------------------------
// operations
// ---------------------------------------------------------------------------

/**
 * The first culprit in depth-first order: elements by index, then properties in the order in which `Reflect.ownKeys`
 * gives them. A part that occurs twice is looked at once.
 */
export const firstCulprit = (input: unknown): Culprit | undefined => {
  budget = 100_000
  return isOrdinary(input, 0) ? undefined : search(input)
}

// ---------------------------------------------------------------------------
// internal: the first pass
// ---------------------------------------------------------------------------

const maxDepth = 128

/** How many lists and records the first pass may still enter: shared parts can make data look exponentially large. */
let budget = 0

const isOrdinary = (u: unknown, depth: number): boolean => {
  switch (typeof u) {
    case "string":
    case "boolean":
    case "bigint":
      return true
    case "number":
      return Number.isFinite(u)
    case "object":
      if (u === null) return true
      break
    default:
      return false
  }
  const shape = shapeOf(u)
  if (shape === "leaf") return true
  if (shape === "foreign" || depth === maxDepth || budget-- === 0) return false
  if (Object.getOwnPropertySymbols(u).length > 0) return false
  if (Array.isArray(u)) {
    // As many keys as elements: neither holes nor properties besides.
    if (Object.keys(u).length !== u.length) return false
    for (let index = 0; index < u.length; index++) {
      // A quarter of the price of a property descriptor, and as exact once the value is known to be no `undefined`.
      if (lookupGetter.call(u, index) !== undefined || !isOrdinary(u[index], depth + 1)) return false
    }
    return true
  }
  const keys = Object.getOwnPropertyNames(u)
  for (let i = 0; i < keys.length; i++) {
    const property = Object.getOwnPropertyDescriptor(u, keys[i])
    // The descriptor of an accessor has no value.
    if (property === undefined || property.enumerable !== true || !isOrdinary(property.value, depth + 1)) return false
  }
  return true
}

// Every object inherits it (ECMA-262, B.2.2.4), but the library of TypeScript leaves it out.
const lookupGetter = (Object.prototype as unknown as {
  readonly __lookupGetter__: (key: PropertyKey) => (() => unknown) | undefined
}).__lookupGetter__

// ---------------------------------------------------------------------------
// internal: the second pass
// ---------------------------------------------------------------------------

const search = (input: unknown): Culprit | undefined => {
  const open: Array<Place> = []
  /** Which lists and records were entered: true as long as the search is inside. */
  const entered = new Map<object, boolean>()

  const enter = (u: unknown): string | undefined => {
    if (typeof u !== "object" || u === null) return foundScalar(u)
    const shape = shapeOf(u)
    if (shape === "leaf") return undefined
    if (shape === "foreign") return foundObject(u)
    const inside = entered.get(u)
    if (inside === true) return "cycle"
    if (inside === undefined) {
      entered.set(u, true)
      open.push(new Place(u))
    }
    return undefined
  }

  let found = enter(input)
  while (found === undefined) {
    const top = open.at(-1)
    if (top === undefined) return undefined
    const key = top.nextKey()
    if (key === undefined) {
      entered.set(top.container, false)
      open.pop()
    } else if (typeof key === "symbol") {
      // A path has no symbols: it leads to the owner.
      open.pop()
      found = "symbol key"
    } else {
      const property = Object.getOwnPropertyDescriptor(top.container, key)
      found = unfitness(top.container, key, property) ?? enter(property?.value)
    }
  }
  // Each of them is at a part: where a symbol is, its owner was left.
  return { path: open.map(({ key }) => key as string | number), found }
}

/** Where the search stands in a list or record. */
class Place {
  key: string | number | symbol | undefined
  private index = 0
  private readonly elements: number
  /** The keys that are no indexes of a list; of a list, they are looked up behind its elements. */
  private keys: ReadonlyArray<string | symbol> | undefined

  constructor(readonly container: object) {
    this.elements = Array.isArray(container) ? container.length : 0
    this.keys = Array.isArray(container) ? undefined : Reflect.ownKeys(container)
  }

  nextKey(): string | number | symbol | undefined {
    const { index } = this
    if (index < this.elements) this.key = index
    else this.key = (this.keys ??= keysBehind(this.container, this.elements))[index - this.elements]
    this.index++
    return this.key
  }
}

/** Indexes come first among the keys, and every element is known to be there: the others follow. */
const keysBehind = (list: object, elements: number): ReadonlyArray<string | symbol> => {
  const keys = Object.keys(list)
  const symbols = Object.getOwnPropertySymbols(list)
  return keys.length === elements ? symbols : [...keys.slice(elements), ...symbols]
}

const unfitness = (
  container: object,
  key: string | number,
  property: PropertyDescriptor | undefined
): string | undefined => {
  if (property === undefined) return "hole"
  if (property.get !== undefined || property.set !== undefined) return "accessor"
  if (Array.isArray(container) && typeof key === "string") return "property of a list"
  return property.enumerable === true ? undefined : "non-enumerable property"
}

const foundScalar = (u: unknown): string | undefined => {
  switch (typeof u) {
    case "number":
      return Number.isFinite(u) ? undefined : String(u)
    case "undefined":
    case "function":
    case "symbol":
      return typeof u
    default:
      return undefined
  }
}

/** The name of its class, if the class has one. */
const foundObject = (u: object): string => {
  if (types.isProxy(u)) return "Proxy"
  const constructor = ownValue(Object.getPrototypeOf(u), "constructor")
  const name = typeof constructor === "function" ? ownValue(constructor, "name") : undefined
  return typeof name === "string" && name !== "" ? name : "class instance"
}

// ---------------------------------------------------------------------------
// internal: both passes
// ---------------------------------------------------------------------------

const shapeOf = (u: object): Shape => {
  if (types.isProxy(u)) return "foreign"
  const prototype: unknown = Object.getPrototypeOf(u)
  if (Array.isArray(u)) return prototype === Array.prototype ? "list" : "foreign"
  if (prototype === Object.prototype || prototype === null) return "record"
  return types.isUint8Array(u) || isReference(u, prototype) ? "leaf" : "foreign"
}

/** Stricter than `isObjectId`, which takes the word of whatever has its symbol. */
const isReference = (u: object, prototype: unknown): boolean =>
  typeof prototype === "object" && prototype !== null && !types.isProxy(prototype) &&
  Object.hasOwn(prototype, ObjectIdTypeId) && typeof ownValue(u, "value") === "string" &&
  Object.getOwnPropertyNames(u).length === 1 && Object.getOwnPropertySymbols(u).length === 0

/** The value of an own property, if it can be had without running code. */
const ownValue = (u: unknown, key: string): unknown =>
  (typeof u === "object" && u !== null || typeof u === "function") && !types.isProxy(u)
    ? Object.getOwnPropertyDescriptor(u, key)?.value
    : undefined
