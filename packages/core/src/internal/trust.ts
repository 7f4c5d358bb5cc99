/**
 * Events that the machine makes itself, without what the constructors of their schema classes do to the data of others:
 * checking it and filling in defaults. Pinned by `test/core/TraceEvent.test.ts`.
 */

/** A class of events, or of entries. */
interface Class<Fields, A> {
  new(fields: Fields, options: true): A
  readonly prototype: unknown
}

const makers = new Map<unknown, new(fields: object, tag: string | undefined) => unknown>()

/** The same as `new Class(fields, true)`. */
export const trust = <Fields extends object, A>(Class: Class<Fields, A>, fields: Fields): A => {
  const make = makers.get(Class) ?? maker(Class)
  // An instance has the prototype of its class, and the fields with the tag as properties.
  return new make(fields, (Class as { readonly _tag?: string })._tag) as A
}

const maker = (Class: { readonly prototype: unknown }): new(fields: object, tag: string | undefined) => unknown => {
  function Trusted(this: Record<string, unknown>, fields: Readonly<Record<string, unknown>>, tag: string | undefined) {
    for (const key in fields) this[key] = fields[key]
    if (tag !== undefined) this["_tag"] = tag
  }
  Trusted.prototype = Class.prototype
  // A function that is called by `new` alone.
  const make = Trusted as unknown as new(fields: object, tag: string | undefined) => unknown
  makers.set(Class, make)
  return make
}
