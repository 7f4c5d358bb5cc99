/**
 * Generated programs are worth generating: they are data, they run, and they get everywhere.
 */
import { Val } from "@effect-avm/core"
import { Model, Observation, Program } from "@effect-avm/testkit"
import * as Either from "effect/Either"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"

const run = (program: Program.Program) =>
  Model.run(Model.make(Program.toOptions(program)), Program.toScript(program), { input: "start" })

describe("generated programs", () => {
  it("are data", () => {
    fc.assert(
      fc.property(Program.arbitrary(), ({ steps }) => Val.isVal(steps) && steps.length > 0 && steps.length <= 40)
    )
  })

  it("run the same every time", () => {
    fc.assert(fc.property(Program.arbitrary(), (program) => {
      assert.deepStrictEqual(shown(run(program)), shown(run(program)))
    }))
  })

  it("leave no transaction open, and trace in order (D15, D27)", () => {
    fc.assert(fc.property(Program.arbitrary(), (program) => {
      const { outcome, session } = run(program)
      assert.isUndefined(session.tx)
      assert.deepStrictEqual(session.trace.map(({ timestamp }) => timestamp), session.trace.map((_, index) => index))
      assert.strictEqual(session.trace.at(-1)?.event._tag === "ErrorOccurred", Either.isLeft(outcome))
      // Whatever was begun was finished, once.
      const count = (...tags: ReadonlyArray<string>) =>
        session.trace.filter(({ event }) => tags.includes(event._tag)).length
      assert.strictEqual(count("TransactionStarted"), count("TransactionCommitted", "TransactionAborted"))
    }))
  })

  it("never reuse an id, aborted or not", () => {
    fc.assert(fc.property(Program.arbitrary(), (program) => {
      const ids = run(program).session.trace.flatMap(({ event }) =>
        event._tag === "ObjectCreated" ? [event.id.value] : event._tag === "TransactionStarted" ? [event.tx] : []
      )
      assert.strictEqual(new Set(ids).size, ids.length)
    }))
  })

  it("bring about every event and every failure there is", () => {
    const seen = new Set<string>()
    for (const program of fc.sample(Program.arbitrary(), { numRuns: 1000, seed: 1 })) {
      const { outcome, session } = run(program)
      for (const { event } of session.trace) seen.add(event._tag)
      if (Either.isLeft(outcome)) seen.add(outcome.left._tag)
      else {for (const [, tag] of Val.format([...outcome.right]).matchAll(/"failed":\{"_tag":"(\w+)"/g)) {
          seen.add(String(tag))
        }}
    }
    assert.deepStrictEqual(expected.filter((tag) => !seen.has(tag)), [])
  })
})

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const expected = [
  "ObjectCreated",
  "ObjectDestroyed",
  "ObjectCalled",
  "StateUpdated",
  "ObjectMoved",
  "ExecutionMoved",
  "ObjectFetched",
  "ObjectTransferred",
  "ObjectFrozen",
  "FunctionRegistered",
  "FunctionUpdated",
  "TransactionStarted",
  "TransactionCommitted",
  "TransactionAborted",
  "ErrorOccurred",
  "ObjectNotFound",
  "ObjectAlreadyDestroyed",
  "InvalidInput",
  "ObjectRejectedCall",
  "BehaviourNotFound",
  "InvalidVal",
  "ContextUnavailable",
  "ScryPredicateFailed",
  "TxNotFound",
  "TxAlreadyCommitted",
  "TxAlreadyAborted",
  "NoActiveTx",
  "InvalidDuringTx",
  "NestedTxNotSupported",
  "FunctionNotFound",
  "FunctionAlreadyRegistered",
  "VersionConflict",
  "MachineUnreachable",
  "TeleportDuringTx",
  "ControllerUnreachable",
  "UnauthorizedTransfer",
  "CrossControllerTx",
  "ObjectNotAvailable",
  "FreezeFailed",
  "ObjectHasNoController"
]

const shown = ({ outcome, session }: Model.Stepped<ReadonlyArray<Val.Val>>) => Observation.make(outcome, session.trace)
