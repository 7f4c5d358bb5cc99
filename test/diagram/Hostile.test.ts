/**
 * Words of others in every format: nothing they contain becomes syntax, and nothing is as long as they like.
 */
import { ControllerId, type Val } from "@effect-avm/core"
import { Chart, ObjectGraph, Page, Recording, Sequence } from "@effect-avm/diagram"
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { printable } from "../../packages/diagram/src/internal/text.js"
import { checkGraph, checkSequence } from "./mermaid.js"
import { aborted, begun, called, created, failed, id, sent, trace, txId, updated } from "./traces.js"
import { all, parse } from "./xml.js"

const megabyte = 1_048_576

const hostile: ReadonlyArray<string> = [
  "",
  " ",
  "<script>alert(1)</script>",
  "</script><script>window.hacked = 1</script>",
  "<!--<script>",
  "]]><svg onload=alert(1)>",
  "\"'`&amp;&#60;",
  "line\nbreak\r\n\ttab",
  "\u2028\u2029\u0000\u0007\u202e\ufeff\ud800",
  "end",
  "; end\n  p0->>p1: hi",
  "style:#60; classDef:#60;",
  "%%{init: {\"theme\": \"dark\"}}%%",
  "#35;#quot;ﬂ°°60¶ß",
  "$$x$$ `**bold**` <br/>",
  "__proto__",
  "constructor",
  "\"]; click n0 call alert()",
  "{{{[[[(((",
  "漢字 😀 ًعربي",
  "<".repeat(megabyte),
  "\u2028".repeat(megabyte)
]

const recordingOf = (text: string, other: string): Recording.Recording => {
  const value: Val.Val = { [text]: other, list: [text, id(text)], [other]: null }
  const named = (name: string): string => name === "" ? "(empty)" : name
  const tx = txId(text)
  return Recording.fromTrace(
    trace(
      [begun(text), { by: id("root") }],
      [created(named(text), other), { by: id("root"), tx, controller: ControllerId.make(named(text)), state: value }],
      [updated(named(text)), { by: id(named(text)), tx, state: value }],
      [called(named(text), [text, value], value), { by: id("root"), since: 2, tx }],
      [called(named(text), text, other)],
      [sent(named(text), other, text)],
      [aborted(text), { by: id("root") }],
      [failed({ _tag: text, message: other })]
    ),
    { title: text, programs: [{ execution: "", name: text }] }
  )
}

/** In no format; in HTML outside of the script that was made for the page. */
const harmless = (recording: Recording.Recording): void => {
  const chart = Chart.make(recording)
  const sequence = parse(Sequence.toSvg(chart))
  const graph = parse(ObjectGraph.toSvg(chart))
  for (const element of [...all(sequence), ...all(graph)]) {
    assert.include(["svg", "title", "style", "rect", "g", "text", "line", "path", "circle"], element.tag)
    for (const name of element.attributes.keys()) assert.notMatch(name, /^on|href/)
  }
  checkSequence(Sequence.toMermaid(chart))
  checkGraph(ObjectGraph.toMermaid(chart))
  const page = Page.toHtml(chart)
  const [, data, script] =
    /<script type="application\/json" id="data">([^<>]*)<\/script>\n<script>([^]*)<\/script>\n<\/html>\n$/
      .exec(page) ?? []
  assert.isDefined(data)
  assert.notInclude(script, "</")
  assert.strictEqual(page.split(/<script/i).length, 3)
  assert.doesNotThrow(() => JSON.parse(data))
  for (const [format, text] of [["svg", Sequence.toSvg(chart)], ["html", page]]) {
    assert.strictEqual(printable(text.replaceAll("\n", "")), text.replaceAll("\n", ""), format)
    assert.isBelow(text.length, 400_000, format)
  }
}

describe("hostile words", () => {
  for (const text of hostile) {
    it(`stay words: ${JSON.stringify(text.slice(0, 40))}${text.length > 40 ? ` and ${text.length - 40} more` : ""}`, () => {
      harmless(recordingOf(text, "plain"))
      harmless(recordingOf("plain", text))
      harmless(recordingOf(text, text))
    })
  }

  it("stay words, whatever they are", () => {
    const seed = fc.sample(fc.integer(), 1)[0]
    const words = fc.oneof(
      fc.string({ unit: "binary", maxLength: 40 }),
      fc.string({ unit: fc.constantFrom(..."<>&\"'`#;:%{}[]()-|\n\u2028end"), maxLength: 30 })
    )
    fc.assert(
      fc.property(words, words, (text, other) => harmless(recordingOf(text, other))),
      { seed, numRuns: process.env.SOAK === undefined ? 40 : 2_000 }
    )
  })

  it("are shortened with a mark", () => {
    const chart = Chart.make(recordingOf("<".repeat(megabyte), "plain"))
    const shown = all(parse(Sequence.toSvg(chart))).filter(({ tag }) => tag === "text" || tag === "title")
    assert.isTrue(shown.some(({ text }) => /^<+…/.test(text)))
    assert.isTrue(shown.some(({ text }) => text.includes("(1,048,576 characters)")))
    for (const { text } of shown) assert.isAtMost(text.length, 1_000)
  })
})
