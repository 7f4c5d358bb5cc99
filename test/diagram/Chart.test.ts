/**
 * A recording taken apart: steps, lifelines, transactions, and what is known of each object after each step.
 */
import { ControllerId, MachineId, TraceEvent, type Val } from "@effect-avm/core"
import { Chart, Recording } from "@effect-avm/diagram"
import { assert, describe, it } from "@effect/vitest"
import { Option } from "effect"
import {
  aborted,
  begun,
  called,
  committed,
  created,
  destroyed,
  failed,
  id,
  long,
  received,
  sent,
  trace,
  txId,
  updated
} from "./traces.js"

const chartOf = (entries: Iterable<Recording.Entry>, knowledge?: Recording.Knowledge) =>
  Chart.make(Recording.fromTrace(entries, knowledge))

const stateOf = (chart: Chart.Chart, object: string, step: number): string | undefined => {
  const lifeline = chart.lifelines.find(({ id }) => id === object)
  assert.isDefined(lifeline)
  return lifeline === undefined ? undefined : Chart.after(lifeline, step).state
}

const outline = (chart: Chart.Chart) => chart.steps.map(({ from, kind, label, to }) => [kind, from, to, label])

describe("calls", () => {
  it("begin where they were recorded to begin, the outer before the inner", () => {
    const root = id("o1")
    const chart = chartOf(trace(
      [created("o2"), { by: root }],
      [created("o3"), { by: root }],
      [updated("o3"), { by: id("o3"), state: 1 }],
      [called("o3", "inner", 1), { by: id("o2"), since: 2 }],
      [called("o2", "outer", 2), { by: root, since: 2 }]
    ))
    assert.deepStrictEqual(outline(chart), [
      ["create", 0, 1, "Thing"],
      ["create", 0, 2, "Thing"],
      ["call", 0, 1, "\"outer\""],
      ["call", 1, 2, "\"inner\""],
      ["state", 2, 2, "1"],
      ["reply", 2, 1, "1"],
      ["reply", 1, 0, "2"]
    ])
    assert.deepStrictEqual(chart.steps.map(({ pair }) => pair), [-1, -1, 6, 5, -1, 3, 2])
    assert.deepStrictEqual(chart.notes, [])
    assert.deepStrictEqual(chart.lifelines.map(({ id, kind, title }) => [id, kind, title]), [
      ["o1", "program", "program"],
      ["o2", "object", "Thing"],
      ["o3", "object", "Thing"]
    ])
  })

  it("whose beginning and caller nobody recorded are drawn where they ended, and the reader is told", () => {
    const chart = chartOf(trace([created("o2")], [called("o2", 1)], [called("o2", 2, 3)]))
    assert.deepStrictEqual(outline(chart), [
      ["create", -1, 1, "Thing"],
      ["call", -1, 1, "1"],
      ["reply", 1, -1, ""],
      ["call", -1, 1, "2"],
      ["reply", 1, -1, "3"]
    ])
    assert.deepStrictEqual(chart.notes, [
      "the caller of 2 calls was not recorded",
      "when 2 calls began was not recorded: drawn where they ended"
    ])
  })

  it("that claim to begin after their end begin at their end", () => {
    const chart = chartOf(trace([created("o2")], [called("o2", 1), { since: 99 }]))
    assert.deepStrictEqual(chart.steps.map(({ kind }) => kind), ["create", "call", "reply"])
  })

  it("nest to any depth", () => {
    const depth = 50_000
    const entries = Array.from({ length: depth }, (_, index): Recording.Entry => ({
      timestamp: index,
      event: called(index % 2 === 0 ? "ping" : "pong", index),
      executingController: Option.none(),
      detail: { by: id(index % 2 === 0 ? "pong" : "ping"), since: 0 }
    }))
    const chart = chartOf(entries)
    assert.strictEqual(chart.steps.length, 2 * depth)
    assert.strictEqual(chart.steps[0].pair, 2 * depth - 1)
  })
})

describe("states", () => {
  it("are those that were committed, or those of the transaction that is open", () => {
    const tx = txId("t1")
    const chart = chartOf(
      trace(
        [begun("t1")],
        [updated("o2"), { tx, state: 1 }, "bank"],
        [aborted("t1"), {}, "bank"],
        [updated("o2"), { state: 2 }],
        [begun("t2")],
        [updated("o2"), { tx: txId("t2"), state: 3 }, "bank"],
        [committed("t2"), {}, "bank"]
      ),
      { objects: [{ id: id("o2"), behaviour: "Thing", state: 0 }] }
    )
    const object = chart.lifelines[1]
    const seen = [-1, 0, 1, 2, 3, 4, 5, 6].map((step) => {
      const { state, tx } = Chart.after(object, step)
      return [state, tx]
    })
    assert.deepStrictEqual(seen, [["0", -1], ["0", -1], ["1", 0], ["0", -1], ["2", -1], ["2", -1], ["3", 1], ["3", -1]])
    assert.deepStrictEqual(chart.transactions.map(({ begin, end, outcome }) => [begin, end, outcome]), [
      [0, 2, "aborted"],
      [4, 6, "committed"]
    ])
  })

  it("of transactions that overlap are kept apart", () => {
    const chart = chartOf(trace(
      [begun("t1")],
      [begun("t2")],
      [updated("a"), { tx: txId("t1"), state: 1 }],
      [updated("b"), { tx: txId("t2"), state: 2 }],
      [committed("t2")],
      [aborted("t1")]
    ))
    assert.deepStrictEqual([stateOf(chart, "a", 3), stateOf(chart, "b", 3)], ["1", "2"])
    assert.deepStrictEqual([stateOf(chart, "a", 5), stateOf(chart, "b", 5)], [undefined, "2"])
  })

  it("come beside the entries as well, and what belongs to no entry is told", () => {
    const chart = chartOf(trace([created("o2")], [updated("o2")], [updated("o2")]), {
      details: [{ timestamp: 1, state: 7 }, { timestamp: 9, state: 8 }]
    })
    assert.deepStrictEqual([0, 1, 2].map((step) => stateOf(chart, "o2", step)), [undefined, "7", undefined])
    assert.deepStrictEqual(chart.notes, ["the value of 1 state was not recorded", "1 detail belonged to no entry"])
  })

  it("tell who holds whom", () => {
    const state: Val.Val = { friends: [id("o3"), id("elsewhere")] }
    const chart = chartOf(trace([created("o2"), { state }], [created("o3")]))
    const kinds = chart.lifelines.map(({ id, kind }) => [id, kind])
    assert.deepStrictEqual(kinds, [["", "program"], ["o2", "object"], ["o3", "object"], ["elsewhere", "mentioned"]])
    assert.deepStrictEqual(Chart.after(chart.lifelines[1], 0).holds, [2, 3])
  })
})

describe("objects", () => {
  it("come to be, end, and never come to be if that is undone", () => {
    const chart = chartOf(trace(
      [begun("t1")],
      [created("o2"), {}, "bank"],
      [aborted("t1"), {}, "bank"],
      [created("o3")],
      [destroyed("o3")]
    ))
    const life = (object: number, step: number) => Chart.after(chart.lifelines[object], step).life
    assert.deepStrictEqual([0, 1, 2, 3].map((step) => life(1, step)), ["none", "alive", "none", "none"])
    assert.deepStrictEqual([2, 3, 4].map((step) => life(2, step)), ["none", "alive", "destroyed"])
  })

  it("have the controllers and machines that can be known", () => {
    const bank = ControllerId.make("bank")
    const shop = ControllerId.make("shop")
    const [m0, m1] = ["m0", "m1"].map((name) => MachineId.make(name))
    const chart = chartOf(trace(
      [begun("t1")],
      [created("deferred")],
      [called("old", 1), {}, "bank"],
      [committed("t1"), {}, "bank"],
      [created("given"), { controller: shop, machine: m0 }],
      [new TraceEvent.ObjectTransferred({ id: id("old"), from: Option.some(bank), to: shop })],
      [new TraceEvent.ObjectMoved({ id: id("old"), from: m0, to: m1 })]
    ))
    const about = (object: string, step: number) => {
      const { controller, machine } = Chart.after(
        chart.lifelines.find(({ id }) => id === object) ?? chart.lifelines[0],
        step
      )
      return [controller, machine]
    }
    const last = chart.steps.length - 1
    assert.deepStrictEqual(about("deferred", 1), [undefined, undefined])
    assert.deepStrictEqual(about("deferred", last), ["bank", undefined])
    assert.deepStrictEqual(about("given", last), ["shop", "m0"])
    assert.deepStrictEqual(about("old", 0), ["bank", "m0"])
    assert.deepStrictEqual(about("old", last), ["shop", "m1"])
    assert.strictEqual(chart.transactions[0].controller, "bank")
  })
})

describe("transactions", () => {
  it("that nobody ends stay open, and those whose beginning is missing are there", () => {
    const chart = chartOf(trace([committed("t0")], [begun("t1")], [created("o2")]))
    assert.deepStrictEqual(chart.transactions.map(({ begin, end, id, outcome }) => [id, begin, end, outcome]), [
      ["t0", -1, 0, "committed"],
      ["t1", 1, -1, "open"]
    ])
  })

  it("have the entries that can only be theirs", () => {
    const chart = chartOf(trace(
      [begun("t1")],
      [updated("a"), {}, "bank"],
      [updated("b")],
      [begun("t2")],
      [updated("c"), {}, "bank"],
      [updated("d"), {}, "shop"],
      [updated("e"), {}, "bank"]
    ))
    // The last but two may be of either; then t2 is found out to be the shop's.
    assert.deepStrictEqual(chart.steps.map(({ tx }) => tx), [0, 0, -1, 1, -1, 1, 0])
  })
})

describe("everything else", () => {
  it("has a step of its own", () => {
    const [m0, m1] = ["m0", "m1"].map((name) => MachineId.make(name))
    const chart = chartOf(trace(
      [sent("a", "b", ["Hello", null])],
      [received("b", ["Hello", null])],
      [new TraceEvent.ExecutionMoved({ from: m0, to: m1 })],
      [new TraceEvent.ObjectFetched({ id: id("b"), machine: m1 })],
      [new TraceEvent.ObjectFrozen({ id: id("b"), controller: ControllerId.make("bank") })],
      [new TraceEvent.FunctionRegistered({ name: "f" })],
      [new TraceEvent.FunctionUpdated({ name: "f" })],
      [failed(new Error("broken"))]
    ))
    assert.deepStrictEqual(outline(chart), [
      ["send", 1, 2, "Hello"],
      ["receive", -1, 2, "Hello"],
      ["go", -1, -1, "goes on at m1"],
      ["fetch", -1, 2, "replica at m1"],
      ["freeze", -1, 2, "replicas reconciled"],
      ["function", -1, -1, "function f registered"],
      ["function", -1, -1, "function f replaced"],
      ["error", 0, 0, "Error: broken"]
    ])
  })

  it("keeps executions apart", () => {
    const [first] = trace([created("o2")])
    const chart = Chart.make({
      entries: [["x", first], ["y", { ...first, event: failed("no") }]],
      programs: [{ execution: "y", name: "the second" }]
    })
    assert.deepStrictEqual(chart.executions, ["x", "y"])
    assert.deepStrictEqual(chart.lifelines.map(({ title }) => title), ["program 1", "the second", "Thing"])
    assert.deepStrictEqual(chart.steps.map(({ execution, from }) => [execution, from]), [[0, -1], [1, 1]])
  })

  it("is nothing for an empty trace", () => {
    const chart = chartOf([])
    assert.deepStrictEqual([chart.steps, chart.lifelines, chart.entries, chart.notes], [[], [], 0, []])
  })

  it("counts what it leaves out", () => {
    const chart = Chart.make(Recording.fromTrace(long(1_000, 10)), { maxEntries: 100 })
    assert.strictEqual(chart.entries, 1_000)
    assert.deepStrictEqual(chart.notes, ["900 entries of 1,000 entries left out"])
  })

  it("refuses a limit that is none", () => {
    assert.throws(() => Chart.make(Recording.fromTrace([]), { maxEntries: -1 }), RangeError, "maxEntries")
    assert.throws(() => Chart.make(Recording.fromTrace([]), { maxPayload: 0.5 }), RangeError, "maxPayload")
  })
})
