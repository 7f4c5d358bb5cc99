/**
 * Message sequence charts as SVG and as Mermaid: what they show, and what they say they do not.
 */
import { MachineId } from "@effect-avm/core"
import { Chart, Recording, Sequence } from "@effect-avm/diagram"
import { assert, describe, it } from "@effect/vitest"
import { checkSequence } from "./mermaid.js"
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
import { all, parse, words } from "./xml.js"

const root = id("o1")

/** A little of everything. */
const small = Recording.fromTrace(
  trace(
    [begun("t1"), { by: root }],
    [created("o2", "Account"), { by: root, tx: txId("t1") }, "bank"],
    [updated("o2"), { by: id("o2"), tx: txId("t1"), state: { balance: 1 } }, "bank"],
    [called("o2", ["Deposit", { amount: 1 }], 1), { by: root, since: 2, tx: txId("t1") }, "bank"],
    [committed("t1"), { by: root }, "bank"],
    [sent("o2", "o3", "hello")],
    [received("o3", "hello")],
    [begun("t2"), { by: root }],
    [destroyed("o2"), { by: root, tx: txId("t2") }, "bank"],
    [aborted("t2"), { by: root }, "bank"],
    [called("o3", "who knows")],
    [failed({ _tag: "Sad", message: "it is over" }), { by: root }]
  ),
  { title: "Small" }
)

describe("Mermaid", () => {
  it("has a line for each step", () => {
    const text = Sequence.toMermaid(small)
    assert.strictEqual(
      text,
      `sequenceDiagram
  participant nowhere as caller not recorded
  participant p0 as program o1
  box transparent controller bank
  participant p1 as Account o2
  end
  box transparent controller not known
  participant p2 as object o3
  end
  rect rgba(36, 148, 103, 0.10)
  Note over p0,p2: begin t1 of bank
  p0->>p1: new Account
  p0->>p1: Deposit #123;amount#58; 1#125;
  activate p1
  Note over p1: #123;balance#58; 1#125;
  p1-->>p0: 1
  deactivate p1
  Note over p0,p2: committed t1
  end
  p1-)p2: #34;hello#34;
  Note over p2: receives #34;hello#34;
  rect rgba(207, 68, 89, 0.12)
  Note over p0,p2: begin t2 of bank
  p0-xp1: destroy
  Note over p0,p2: aborted t2
  end
  nowhere->>p2: #34;who knows#34;
  activate p2
  p2-->>nowhere: done
  deactivate p2
  Note over p0: error Sad#58; it is over
  Note over p0,p2: the caller of 1 call was not recorded
  Note over p0,p2: when 1 call began was not recorded#58; drawn where it ended
`
    )
    checkSequence(text)
  })

  it("is cut where it would be too long, and says so", () => {
    const chart = Chart.make(Recording.fromTrace(long(10_000, 20)))
    const whole = Sequence.toMermaid(chart, { maxEntries: 400 })
    const seen = checkSequence(whole)
    assert.isAtMost(whole.length, 45_000)
    assert.isAbove(seen.message, 100)
    assert.match(whole, /400 entries of 10,000 drawn, from the first on#58; 9,600 left out/)
    const short = Sequence.toMermaid(chart, { maxEntries: 400, maxCharacters: 4_000 })
    checkSequence(short)
    assert.isAtMost(short.length, 4_000)
    assert.match(short, /more entries left out/)
  })

  it("stays balanced wherever it is cut", () => {
    const chart = Chart.make(small)
    for (let max = 0; max <= chart.entries; max++) {
      for (let from = 0; from < chart.entries; from++) {
        checkSequence(Sequence.toMermaid(chart, { maxEntries: max, from }))
      }
    }
    for (let characters = 0; characters < 3_000; characters += 37) {
      checkSequence(Sequence.toMermaid(chart, { maxCharacters: characters }))
    }
  })

  it("draws transactions that overlap as notes", () => {
    const chart = Chart.make(Recording.fromTrace(trace([begun("a")], [begun("b")], [committed("a")], [aborted("b")])))
    const seen = checkSequence(Sequence.toMermaid(chart))
    assert.deepStrictEqual([seen.rect, seen.note], [1, 4])
  })

  it("is a diagram for an empty trace", () => {
    const text = Sequence.toMermaid(Recording.fromTrace([]))
    checkSequence(text)
    assert.match(text, /The trace has no entries/)
  })
})

describe("SVG", () => {
  const texts = (svg: string) => words(parse(svg))

  it("shows each step, with its particulars where the mouse rests", () => {
    const svg = Sequence.toSvg(small)
    const shown = texts(svg)
    const expected = [
      "Small",
      "12 entries",
      "program",
      "o1",
      "controller bank",
      "Account",
      "controller not known",
      "t1 · bank",
      "new Account",
      "Deposit {amount: 1}",
      "{balance: 1}",
      "✓ committed t1",
      "\"hello\"",
      "destroyed",
      "✗ aborted t2",
      "Sad: it is over",
      "The caller of 1 call was not recorded."
    ]
    for (const text of expected) assert.include(shown, text)
    assert.include(
      shown.join("\n"),
      "3 · event: ObjectCalled · object: o2 · input: [\"Deposit\", {amount: 1}] · output: 1"
    )
    const classes = all(parse(svg)).map(({ attributes }) => attributes.get("class") ?? "")
    for (const band of ["band committed", "band aborted"]) assert.lengthOf(classes.filter((name) => name === band), 1)
    assert.lengthOf(classes.filter((name) => name === "active"), 2)
  })

  it("has lines from caller to callee", () => {
    const elements = all(parse(Sequence.toSvg(small)))
    const x = (words: string): number => {
      const head = elements.find(({ tag, text }) => tag === "text" && text === words)
      return Number(head?.attributes.get("x"))
    }
    const calls = elements.filter(({ attributes }) => attributes.get("class") === "line call")
    const { attributes } = calls[0]
    assert.isBelow(Math.abs(Number(attributes.get("x1")) - x("program")), 10)
    assert.isBelow(Math.abs(Number(attributes.get("x2")) - x("Account")), 10)
  })

  it("leaves out what is too much, and says so", () => {
    const chart = Chart.make(Recording.fromTrace(long(10_000, 100)))
    const few = Sequence.toSvg(chart, { maxObjects: 5 })
    assert.include(texts(few), "4 entries of 10,000 drawn, from the first on: 9,996 left out.")
    const later = texts(Sequence.toSvg(chart, { from: 5_000, maxEntries: 8 }))
    assert.include(later, "8 entries of 10,000 drawn, from number 5,000 on: 9,992 left out.")
    assert.include(later, "5000")
    assert.isBelow(Sequence.toSvg(chart).length, 500_000)
  })

  it("groups by machine as well", () => {
    const svg = Sequence.toSvg(
      Recording.fromTrace(trace([created("o2")]), {
        objects: [{ id: id("o2"), machine: MachineId.make("m7") }]
      }),
      { group: "machine" }
    )
    assert.include(texts(svg), "machine m7")
  })

  it("is a picture for an empty trace", () => {
    assert.include(texts(Sequence.toSvg(Recording.fromTrace([]))), "The trace has no entries.")
  })

  it("refuses a limit that is none", () => {
    assert.throws(() => Sequence.toSvg(small, { maxEntries: Number.NaN }), RangeError, "maxEntries")
    assert.throws(() => Sequence.toMermaid(small, { maxCharacters: -5 }), RangeError, "maxCharacters")
  })
})
