/**
 * What words become before any format sees them: bounded, and with nothing in them that cannot be seen.
 */
import { ObjectId, type Val } from "@effect-avm/core"
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as text from "../../packages/diagram/src/internal/text.js"

describe("printable", () => {
  it("writes out what cannot be seen", () => {
    assert.strictEqual(text.printable("a\nb\tc\u2028d\u0000\u202e\u200b"), "a\\nb\\tc\\u2028d\\u0000\\u202e\\u200b")
    assert.strictEqual(text.printable("\ud800x\udc00"), "\\ud800x\\udc00")
    assert.strictEqual(text.printable("é 漢 😀"), "é 漢 😀")
  })

  it("leaves nothing that XML or a line has no room for, and changes nothing twice", () =>
    fc.assert(fc.property(fc.string({ unit: "binary" }), (input) => {
      const once = text.printable(input)
      assert.match(once, /^[\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]*$/u)
      assert.strictEqual(text.printable(once), once)
    })))
})

describe("shorten", () => {
  it("marks what it cuts, and tears no letter", () => {
    assert.strictEqual(text.shorten("abcdef", 6), "abcdef")
    assert.strictEqual(text.shorten("abcdefg", 6), "abcde…")
    assert.strictEqual(text.shorten("abcd😀fg", 6), "abcd…")
    assert.strictEqual(text.shorten("ab", 1), "…")
  })

  it("keeps both ends of a name", () => {
    assert.strictEqual(text.name("0123456789abcdef", 10), "012345…def")
    assert.isAtMost(text.name("\n".repeat(1_000_000), 20).length, 60)
  })

  it("says how long it was", () => {
    assert.strictEqual(text.passage("x".repeat(1_048_576), 10), "xxxxxxxxxx (1,048,576 characters)")
  })
})

describe("show", () => {
  it("prints each kind of value", () => {
    const val = {
      a: [null, true, 1.5, 12n, "x\"y"],
      "b c": new Uint8Array([1, 255]),
      d: ObjectId.make("o2"),
      e: {},
      f: []
    }
    assert.strictEqual(
      text.show(val, 200),
      "{a: [null, true, 1.5, 12n, \"x\\\"y\"], \"b c\": bytes(2) 01ff, d: @o2, e: {}, f: []}"
    )
  })

  it("prints a typed message as one, and what only looks like one as it is", () => {
    assert.strictEqual(text.showMessage(["Deposit", { amount: 100 }], 80), "Deposit {amount: 100}")
    assert.strictEqual(text.showMessage(["Balance", null], 80), "Balance")
    assert.strictEqual(text.showMessage(["not a tag", 1], 80), "[\"not a tag\", 1]")
    assert.strictEqual(text.showMessage(["A", 1, 2], 80), "[\"A\", 1, 2]")
  })

  it("is as long as it may be, whatever the value", () => {
    const seed = fc.sample(fc.integer(), 1)[0]
    const value = fc.letrec<{ readonly val: Val.Val }>((tie) => ({
      val: fc.oneof(
        { maxDepth: 6 },
        fc.string({ unit: "binary", maxLength: 60 }),
        fc.integer(),
        fc.bigInt(),
        fc.uint8Array(),
        fc.constant(null),
        fc.string().map(ObjectId.make),
        fc.array(tie("val")),
        fc.dictionary(fc.string(), tie("val"))
      )
    })).val
    fc.assert(
      fc.property(value, fc.integer({ min: 1, max: 120 }), (val, max) => {
        const shown = text.show(val, max)
        assert.isAtMost(shown.length, max)
        assert.strictEqual(text.printable(shown), shown)
        if (text.show(val, 100_000).length <= max) assert.strictEqual(shown, text.show(val, 100_000))
        else assert.match(shown, /…/)
      }),
      { seed }
    )
  })

  it("looks at no more than it shows", () => {
    let deep: Val.Val = []
    for (let depth = 0; depth < 100_000; depth++) deep = [deep]
    assert.match(text.show(deep, 1_000), /^\[{32}…/)
    const megabyte = text.show({ text: "<".repeat(1_048_576) }, 100)
    assert.isAtMost(megabyte.length, 100)
    assert.match(megabyte, /…/)
    assert.strictEqual(text.show("y".repeat(1_048_576), 60), `"${"y".repeat(30)}…" (1,048,576 characters)`)
  })

  it("finds references", () => {
    const val = [ObjectId.make("b"), { x: ObjectId.make("a"), y: [ObjectId.make("b")] }, "c", new Uint8Array(3)]
    assert.deepStrictEqual(text.references(val, 1_000), ["b", "a"])
  })
})
