// The machine makes its events without their constructors; nobody can tell.
import { ObjectId, TraceEvent, TxId } from "@effect-avm/core"
import { assert, describe, it } from "@effect/vitest"
import { Equal, Hash, Option, Schema } from "effect"
import { trust } from "../../packages/core/src/internal/trust.js"

const id = ObjectId.make("o1")
const tx = TxId.make("t1")

describe("an event that the machine makes", () => {
  const pairs = [
    [trust(TraceEvent.TransactionStarted, { tx }), new TraceEvent.TransactionStarted({ tx })],
    [trust(TraceEvent.StateUpdated, { id }), new TraceEvent.StateUpdated({ id })],
    [
      trust(TraceEvent.ObjectCalled, { id, input: [1], output: Option.some("a") }),
      new TraceEvent.ObjectCalled({ id, input: [1], output: Option.some("a") })
    ]
  ] as const
  for (const [made, constructed] of pairs) {
    it(`equals the constructed one, field by field: ${constructed._tag}`, () => {
      assert.deepStrictEqual(Object.entries(made), Object.entries(constructed))
      assert.strictEqual(Object.getPrototypeOf(made), Object.getPrototypeOf(constructed))
      assert.strictEqual(String(made), String(constructed))
    })
  }

  it("equals it structurally, hashes alike, and is encoded alike", () => {
    const entry = (event: TraceEvent.TransactionStarted) => ({
      timestamp: 1,
      event,
      executingController: Option.none()
    })
    const made = trust(TraceEvent.TraceEntry, entry(trust(TraceEvent.TransactionStarted, { tx })))
    const constructed = new TraceEvent.TraceEntry(entry(new TraceEvent.TransactionStarted({ tx })))
    assert.isTrue(Equal.equals(made, constructed))
    assert.strictEqual(Hash.hash(made), Hash.hash(constructed))
    const encode = Schema.encodeSync(TraceEvent.TraceEntry)
    assert.deepStrictEqual(encode(made), encode(constructed))
  })
})
