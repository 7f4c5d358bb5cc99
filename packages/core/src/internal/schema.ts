/**
 * What several modules need of schemas.
 */
import type * as Schema from "effect/Schema"

/**
 * Forgets the encoded type, which is JSON of some shape. The cast only widens it: `Schema` is invariant there because it
 * could be decoded as well, and decoding a union or a struct checks its input anyway.
 */
export const opaque = <A, I>(schema: Schema.Schema<A, I>): Schema.Schema<A, unknown> =>
  schema as unknown as Schema.Schema<A, unknown>
