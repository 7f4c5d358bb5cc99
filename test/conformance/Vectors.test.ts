/**
 * Every vector on every executor: the model, and the machine on each store.
 */
import * as Effect from "effect/Effect"
import { assert, describe, it } from "vitest"
import { stores } from "../support/Stores.js"
import { machine, model } from "./executors.js"
import { differences } from "./runner.js"
import { type Vector, vectors } from "./Vector.js"

for (const executor of [model, ...stores.map(([name, store]) => machine(`machine on ${name}`, store))]) {
  describe(`vectors on the ${executor.name}`, () => {
    for (const vector of vectors) {
      it(vector.name, async () => {
        const found = await Effect.runPromise(Effect.scoped(differences(vector, executor)))
        assert.isEmpty(found, `${vector.doc} (${vector.basis})\n${found.join("\n")}`)
      })
    }

    it("notices what is different", async () => {
      for (const vector of vectors.flatMap(spoiled)) {
        assert.isNotEmpty(await Effect.runPromise(Effect.scoped(differences(vector, executor))), vector.name)
      }
    })
  })
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

/** The vector with one thing wrong: the last answer, an entry of the last step, an entry at the end. */
const spoiled = (vector: Vector): ReadonlyArray<Vector> => {
  const last = vector.steps.at(-1)
  if (last === undefined) return []
  const before = vector.steps.slice(0, -1)
  const entry = { tag: "StateUpdated", id: "$root", controller: null }
  return [
    { ...vector, steps: [...before, { ...last, expect: { value: "spoiled" } }] },
    { ...vector, steps: [...before, { ...last, events: [...last.events, entry] }] },
    { ...vector, end: { events: [...vector.end.events, entry] } }
  ]
}
