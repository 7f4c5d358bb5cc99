/**
 * What two equal things are: chai tells objects with other keys apart by what they iterate over, and every effect iterates
 * over one thing that looks the same. Without this, `assert.deepStrictEqual(Option.some(1), Option.none())` passes.
 */
import { Effect, Predicate } from "effect"
import { chai } from "vitest"

/** Of two effects: whether they are of different kinds; none where it is for chai to say. */
const comparator = (self: unknown, that: unknown): boolean | null =>
  Effect.isEffect(self) && Effect.isEffect(that) && tagOf(self) !== tagOf(that) ? false : null

const tagOf = (effect: unknown): unknown => Predicate.hasProperty(effect, "_tag") ? effect._tag : undefined

chai.config.deepEqual = (self, that) => chai.util.eql(self, that, { comparator })
