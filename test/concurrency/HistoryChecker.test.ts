/** What the checker lets pass, and what it finds, in histories written by hand. */
import type { History } from "@effect-avm/testkit/History"
import * as HistoryChecker from "@effect-avm/testkit/HistoryChecker"
import { assert, describe, it } from "vitest"
import { Book, book } from "./Hand.js"

const kinds = (history: History): ReadonlyArray<string> =>
  HistoryChecker.check(history).anomalies.map(({ kind }) => kind)

const order = (history: History): string => {
  const verdict = HistoryChecker.check(history)
  assert.strictEqual(HistoryChecker.print(verdict), "")
  return verdict.order.map(({ name }) => name).join(" ")
}

describe("serializable", () => {
  it("one after the other", () => {
    const { begin, history } = told()
    begin("T1").read("x", "x0").write("x", "x1").commit()
    begin("T2").read("x", "x1").write("x", "x2").commit()
    assert.strictEqual(order(history), "T0 T1 T2")
  })

  it("at once, in the order of their commits", () => {
    const { begin, history } = told()
    const [a, b] = [begin("T1"), begin("T2")]
    a.read("x", "x0").write("y", "y1")
    b.read("x", "x0").write("x", "x1")
    a.commit()
    b.commit()
    assert.strictEqual(order(history), "T0 T1 T2")
  })

  it("a reader stands where its snapshot was taken", () => {
    const { begin, history } = told()
    const reader = begin("T1")
    begin("T2").write("x", "x1").write("y", "y1").commit()
    reader.read("x", "x0").read("y", "y0")
    assert.strictEqual(order(history), "T0 T1 T2")
  })

  it("two that overwrite the same unseen", () => {
    const { begin, history } = told()
    const [a, b] = [begin("T1").write("x", "x1"), begin("T2").write("x", "x2")]
    b.commit()
    a.commit()
    assert.strictEqual(order(history), "T0 T2 T1")
  })

  it("what was not asked for is no reason, as long as it is of the snapshot (A34)", () => {
    const { begin, history } = told()
    const [a, b] = [begin("T1"), begin("T2")]
    a.read("x", "x0").write("x", "x1").commit()
    b.glimpse("x", "x0").write("y", "y1").commit()
    assert.strictEqual(order(history), "T0 T1 T2")
  })

  it("a scan that nobody came into the answer of (A24)", () => {
    const { begin, history } = told()
    const scanner = begin("T1").scan({ x: 1, y: 1 }, "x@1", "y@1")
    begin("T2").create("z", "z0").commit()
    scanner.write("x", "x1").commit()
    begin("T3").read("z", "z0").read("x", "x1")
    assert.strictEqual(order(history), "T0 T2 T1 T3")
  })

  it("a scan whose answer somebody came into and left again", () => {
    const { begin, history } = told()
    const scanner = begin("T1").scan({ x: 1, y: 1 }, "z@2")
    begin("T2").create("z", "z0").commit()
    begin("T3").destroy("z").commit()
    scanner.write("x", "x1").commit()
    assert.strictEqual(order(history), "T0 T2 T3 T1")
  })

  it("a refused transaction has written nothing, and read its snapshot", () => {
    const { begin, history } = told()
    const [a, b] = [begin("T1"), begin("T2")]
    a.read("x", "x0").write("x", "x1").commit()
    b.read("x", "x0").write("x", "x2").refused()
    assert.strictEqual(order(history), "T0 T2 T1")
  })

  it("histories are in the order of the commits, whatever else has to come first", () => {
    const { begin, history } = told()
    begin("T1").create("z", "z0").commit()
    // Its moment is anywhere from here to its answer, and z is gone in that.
    const scanner = begin("T2")
    begin("T3").accept("x").commit()
    begin("T4").accept("x").destroy("z").commit()
    scanner.scan({ x: 1, y: 1 }, "z@2").answered()
    assert.strictEqual(order(history), "T0 T1 T3 T4 T2")
  })

  it("thousands of them", () => {
    const many = new Book()
    many.begin("T0").create("x", "0").create("y", "0").commit()
    for (let n = 1; n <= 5000; n++) {
      const late = many.begin(`R${n}`)
      many.begin(`T${n}`).read("x", `${n - 1}`).write("x", `${n}`).write("y", `${n}`).commit()
      late.read("x", `${n - 1}`).read("y", `${n - 1}`).scan({ x: 1, y: 1 })
    }
    assert.deepStrictEqual(kinds(many.history), [])
  }, 5000)
})

describe("anomalies", () => {
  it("lost update", () => {
    const { begin, history } = told()
    const [a, b] = [begin("T1").read("x", "x0"), begin("T2").read("x", "x0")]
    a.write("x", "x1").commit()
    b.write("x", "x2").commit()
    tells(history, "lost update", [
      "T2 read the state of x as it was before T1 wrote it.",
      "T2 overwrote the state of x that T1 had written.",
      "So none of them can be the first: T2 before T1 before T2."
    ])
  })

  it("lost update, with others in between", () => {
    const { begin, history } = told()
    const slow = begin("T3").read("x", "x0")
    begin("T1").read("x", "x0").write("x", "x1").commit()
    begin("T2").read("x", "x1").write("x", "x2").commit()
    slow.write("x", "x3").commit()
    assert.include(kinds(history), "lost update")
  })

  it("write skew", () => {
    const { begin, history } = told()
    const [a, b] = [begin("T1").read("x", "x0").read("y", "y0"), begin("T2").read("x", "x0").read("y", "y0")]
    a.write("x", "x1").commit()
    b.write("y", "y2").commit()
    tells(history, "write skew", [
      "T1 read the state of y as it was before T2 wrote it.",
      "T2 read the state of x as it was before T1 wrote it.",
      "So none of them can be the first: T1 before T2 before T1."
    ])
  })

  it("write skew that only a reader notices", () => {
    // Fekete, O'Neil and O'Neil (2004): without the reader, T1 and T2 are serializable.
    const { begin, history } = told()
    const withdrawal = begin("T1").read("x", "x0").read("y", "y0")
    begin("T2").read("y", "y0").write("y", "y1").commit()
    begin("T3").read("x", "x0").read("y", "y1")
    assert.deepStrictEqual(kinds(history), [])
    withdrawal.write("x", "x1").commit()
    assert.deepStrictEqual(kinds(history), ["write skew"])
  })

  it("phantom", () => {
    const { begin, history } = told()
    const [a, b] = [begin("T1").scan({}, "p@2", "q@3"), begin("T2").scan({}, "p@2", "q@3")]
    a.create("p", "p0").commit()
    b.create("q", "q0").commit()
    tells(history, "phantom", [
      "T1 scanned, and q was as it had been before T2 changed it.",
      "T2 scanned, and p was as it had been before T1 changed it.",
      "So none of them can be the first: T1 before T2 before T1."
    ])
  })

  it("phantom: who was in the answer is gone", () => {
    const { begin, history } = told()
    const scanner = begin("T1").scan({ x: 1, y: 1 }, "x@1")
    begin("T2").destroy("x").write("y", "y1").commit()
    scanner.write("y", "y2").commit()
    assert.deepStrictEqual(kinds(history), ["phantom"])
  })

  it("read skew", () => {
    const { begin, history } = told()
    const reader = begin("T1").read("x", "x0")
    begin("T2").write("x", "x1").write("y", "y1").commit()
    reader.read("y", "y1")
    tells(history, "read skew", [
      "T1 read the state of y that T2 wrote.",
      "T1 read the state of x as it was before T2 wrote it.",
      "But these are one commit: T1 saw a part of it."
    ])
  })

  it("read skew over several commits", () => {
    const { begin, history } = told()
    const reader = begin("T1").read("x", "x0")
    begin("T2").write("x", "x1").commit()
    begin("T3").write("y", "y1").commit()
    reader.read("y", "y1")
    tells(history, "read skew", [
      "T1 read the state of y that T3 wrote.",
      "T1 read the state of x as it was before T2 wrote it.",
      "But T2 had committed when T3 did: there was no moment at which both were so."
    ])
  })

  it("dirty read", () => {
    const { begin, history } = told()
    begin("T1").write("x", "x1").refused()
    begin("T2").read("x", "x1")
    tells(history, "dirty read", ["T2 read the state of x that T1 wrote, which was refused."])
  })

  it("dirty read, of nobody", () => {
    const { begin, history } = told()
    begin("T1").read("x", "what?")
    tells(history, "dirty read", ["T1 read the state of x that nobody wrote."])
  })

  it("future read", () => {
    const { begin, history } = told()
    const reader = begin("T1")
    begin("T2").write("x", "x1").commit()
    reader.read("x", "x1")
    tells(history, "future read", [
      "T1 read the state of x that T2 wrote.",
      "But that was not yet committed when T1 began."
    ])
  })

  it("stale read", () => {
    const { begin, history } = told()
    begin("T1").write("x", "x1").commit()
    begin("T2").read("x", "x0")
    tells(history, "stale read", [
      "T2 read the state of x as it was before T1 wrote it.",
      "But that was committed when T2 began."
    ])
  })

  it("the shortest story is told", () => {
    const { begin, history } = told()
    const all = ["T1", "T2", "T3", "T4"].map((name) => begin(name).read("x", "x0"))
    all.forEach((transaction, index) => transaction.write("x", `x${index + 1}`).commit())
    const [anomaly] = HistoryChecker.check(history).anomalies
    assert.strictEqual(anomaly?.transactions.length, 2)
  })
})

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const told = () => {
  const started = book()
  return { history: started.history, begin: (name: string) => started.begin(name) }
}

const tells = (history: History, kind: string, story: ReadonlyArray<string>) => {
  const anomaly = HistoryChecker.check(history).anomalies.find((anomaly) => anomaly.kind === kind)
  assert.deepStrictEqual(anomaly?.story, story)
}
