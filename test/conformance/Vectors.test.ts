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

    it("reads whatever the format allows", async () => {
      for (const vector of unusual) assert.deepStrictEqual(await Effect.runPromise(differences(vector, executor)), [])
    })

    it("notices what is different", async () => {
      for (const vector of [...vectors, ...unusual].flatMap(spoiled)) {
        assert.isNotEmpty(await Effect.runPromise(Effect.scoped(differences(vector, executor))), vector.name)
      }
    })
  })
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const vector = (behaviours: ReadonlyArray<string>, steps: Vector["steps"], end: Vector["end"]["events"]): Vector => ({
  name: "unusual",
  doc: "What the format allows, and no vector of the file has.",
  basis: "reference",
  home: null,
  unreachable: { machines: [], controllers: [] },
  behaviours,
  steps,
  end: { events: end }
})

const started = (tx: string) => ({ tag: "TransactionStarted", tx, controller: null })
const aborted = (tx: string) => ({ tag: "TransactionAborted", tx, controller: null })
const created = (id: string, behaviour: string) => ({ tag: "ObjectCreated", id, behaviour, controller: null })

/** Null for none in an error, a name for an optional answer, programs that end at once, whichever is told of first. */
const unusual: ReadonlyArray<Vector> = [
  vector([], [{
    instr: "Nondet.require",
    args: [false],
    expect: { error: { tag: "Unsatisfiable", tx: null, requirements: "$_" } },
    events: []
  }], [{
    tag: "ErrorOccurred",
    error: { tag: "Unsatisfiable", tx: null, requirements: "$_" },
    controller: null
  }]),
  vector(["creator", "echo"], [
    {
      actor: "a",
      instr: "Obj.create",
      args: ["creator"],
      as: "$o1",
      expect: { value: "$o1" },
      events: [created("$o1", "creator")]
    },
    {
      instr: "Obj.call",
      args: ["$o1", "echo"],
      as: "$o2",
      expect: { value: "$o2" },
      events: [created("$_", "echo"), {
        tag: "ObjectCalled",
        id: "$o1",
        input: "echo",
        output: "$o2",
        controller: null
      }]
    },
    {
      instr: "Reflect.scryMeta",
      args: [{ machine: "m0", currentController: null }],
      expect: {
        value: ["$o2", "$o1"].map((id) => [id, { id, machine: "m0", creating: null, current: null }])
      },
      events: []
    },
    { instr: "Reflect.scryMeta", args: [{ machine: "m1" }], expect: { value: [] }, events: [] }
  ], []),
  ...[["$t1", "$t2"], ["$t2", "$t1"]].map((told) =>
    vector([], [
      { actor: "b", instr: "Tx.begin", args: [], as: "$t1", expect: { value: "$t1" }, events: [started("$t1")] },
      { instr: "Tx.begin", args: [null], as: "$t2", expect: { value: "$t2" }, events: [started("$t2")] }
    ], told.map(aborted))
  )
]

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
