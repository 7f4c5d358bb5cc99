/**
 * The short way into a service of our own: the same operations as its members, but run at once where they are asked for,
 * instead of being described as an effect first.
 *
 * It is a hidden property, and not enumerable, so a service that is wrapped (`{ ...obj, call }`) loses it and is asked in
 * the ordinary way, with every member honoured.
 */
const Direct: unique symbol = Symbol("@effect-avm/core/direct")

export const withDirect = <S extends object, D>(service: S, direct: D): S =>
  Object.defineProperty(service, Direct, { value: direct, enumerable: false })

/** The short way, where there is one; the caller knows what kind of service it asks. */
export const directOf = <D>(service: object): D | undefined => (service as { readonly [Direct]?: D })[Direct]
