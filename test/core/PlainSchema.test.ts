// Where a schema converts nothing, data is taken as it is: exactly where encoding and decoding would give the same.
import { ObjectId } from "@effect-avm/core"
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Either, Schema } from "effect"
import fc from "fast-check"
import { isDeepStrictEqual } from "node:util"
import { plainOf } from "../../packages/core/src/internal/plainSchema.js"

const seed = process.env.SEED === undefined ? Date.now() : Number(process.env.SEED)

const schemas: ReadonlyArray<readonly [name: string, schema: Schema.Schema.AnyNoContext]> = [
  ["text", Schema.String],
  ["integers", Schema.Int],
  ["a range", Schema.Number.pipe(Schema.between(0, 9))],
  ["literals", Schema.Literal("a", "b", 1, null)],
  ["bigints", Schema.BigIntFromSelf],
  ["a list", Schema.Array(Schema.Boolean)],
  ["a list of at least one", Schema.NonEmptyArray(Schema.Int)],
  ["a pair", Schema.Tuple(Schema.String, Schema.Int)],
  ["nothing", Schema.Tuple()],
  ["a struct", Schema.Struct({ balance: Schema.Int, owner: Schema.String })],
  ["an optional part", Schema.Struct({ a: Schema.Int, b: Schema.optionalWith(Schema.String, { exact: true }) })],
  ["a part that may be undefined", Schema.Struct({ a: Schema.optional(Schema.Int) })],
  ["an empty struct", Schema.Struct({})],
  ["a union", Schema.Union(Schema.Int, Schema.Struct({ a: Schema.Array(Schema.String) }))]
]

/** What a schema takes, and what it nearly takes. */
const candidate = (schema: Schema.Schema.AnyNoContext) =>
  fc.oneof(
    Arbitrary.make(Schema.typeSchema(schema)),
    fc.tuple(Arbitrary.make(Schema.typeSchema(schema)), fc.dictionary(fc.string(), fc.anything())).map((
      [value, more]
    ) => typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value, ...more } : value),
    fc.anything()
  )

describe("data that is its own encoding", () => {
  for (const [name, schema] of schemas) {
    it(`is encoded and decoded as itself: ${name}`, () => {
      const plain = plainOf(schema.ast)
      assert.isDefined(plain)
      let taken = 0
      fc.assert(
        fc.property(candidate(schema), (value) => {
          if (plain?.(value) !== true) return
          taken++
          for (
            const converted of [Schema.encodeUnknownEither(schema)(value), Schema.decodeUnknownEither(schema)(value)]
          ) {
            assert.isTrue(Either.isRight(converted) && isDeepStrictEqual(converted.right, value), `seed ${seed}`)
          }
        }),
        { seed, numRuns: 300 }
      )
      assert.isAbove(taken, 0)
    })
  }

  it("takes references as they are", () => {
    assert.isTrue(plainOf(Schema.typeSchema(ObjectId.ObjectId).ast)?.(ObjectId.make("o1")))
  })

  for (
    const [name, schema] of [
      ["dates", Schema.Date],
      ["a part that is converted", Schema.Struct({ at: Schema.NumberFromString })],
      ["classes", class Point extends Schema.Class<Point>("Point")({ x: Schema.Int }) {}],
      ["defaults", Schema.Struct({ a: Schema.optionalWith(Schema.Int, { default: () => 1 }) })],
      ["a union with a member that is converted", Schema.Union(Schema.Int, Schema.NumberFromString)]
    ] as const
  ) it(`is not claimed for ${name}`, () => assert.isUndefined(plainOf(schema.ast)))
})
