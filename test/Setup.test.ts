/** What `setup.ts` says of equality. */
import { assert, it } from "@effect/vitest"
import { Either, Exit, Option } from "effect"

it("what is of different kinds is not equal, however deep it lies", () => {
  const kinds = [Option.none(), Option.some(1), Either.left(1), Either.right(1), Exit.succeed(1), Exit.fail(1)]
  for (const [n, self] of kinds.entries()) {
    for (const [m, that] of kinds.entries()) {
      if (n === m) assert.deepStrictEqual([{ self }], [{ self: that }])
      else assert.throws(() => assert.deepStrictEqual([{ self }], [{ self: that as typeof self }]))
    }
  }
})
