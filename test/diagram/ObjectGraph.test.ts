/**
 * Who holds whom, at one time.
 */
import { ControllerId } from "@effect-avm/core"
import { Chart, ObjectGraph, Recording } from "@effect-avm/diagram"
import { assert, describe, it } from "@effect/vitest"
import { checkGraph } from "./mermaid.js"
import { created, destroyed, id, long, trace, updated } from "./traces.js"
import { all, parse, words } from "./xml.js"

const chart = Chart.make(Recording.fromTrace(
  trace(
    [created("o1", "Owner"), { state: [id("o2"), id("o3")], controller: ControllerId.make("shop") }],
    [created("o2", "Account"), { state: 1, controller: ControllerId.make("bank") }],
    [created("o3", "Account"), { state: 2, controller: ControllerId.make("bank") }],
    [updated("o1"), { state: [id("o2"), id("o1"), id("far")] }],
    [destroyed("o3")]
  ),
  { title: "Owners" }
))

const edgesAt = (at: number) => {
  const { edges, nodes } = ObjectGraph.make(chart, { at })
  return edges.map(([from, to]) => `${nodes[from].id} ${nodes[to].id}`)
}

describe("an object graph", () => {
  it("changes with time", () => {
    assert.deepStrictEqual(edgesAt(2), ["o1 o2", "o1 o3"])
    assert.deepStrictEqual(edgesAt(4), ["o1 o2", "o1 o1", "o1 far"])
    const { nodes } = ObjectGraph.make(chart)
    assert.deepStrictEqual(nodes.map(({ group, id, kind, state }) => [id, kind, group, state]), [
      ["o1", "alive", "controller shop", "[@o2, @o1, @far]"],
      ["o2", "alive", "controller bank", "1"],
      ["far", "mentioned", "controller not known", undefined]
    ])
  })

  it("is Mermaid", () => {
    const text = ObjectGraph.toMermaid(chart)
    assert.deepStrictEqual(checkGraph(text), { node: 3, group: 3, end: 3, edge: 3, note: 0 })
    assert.include(text, "n0[\"Owner o1<br/>#91;#64;o2, #64;o1, #64;far#93;\"]")
  })

  it("is an SVG in which nothing covers anything", () => {
    const elements = all(parse(ObjectGraph.toSvg(chart)))
    const boxes = elements.filter(({ attributes }) => attributes.get("class")?.startsWith("node"))
    assert.lengthOf(boxes, 3)
    const places = boxes.map(({ attributes }) => [Number(attributes.get("x")), Number(attributes.get("y"))])
    for (const [index, [x, y]] of places.entries()) {
      for (const [otherX, otherY] of places.slice(index + 1)) {
        assert.isTrue(Math.abs(x - otherX) >= 176 || Math.abs(y - otherY) >= 64, `${x},${y} and ${otherX},${otherY}`)
      }
    }
    assert.lengthOf(elements.filter(({ attributes }) => attributes.get("class") === "edge"), 3)
    assert.includeMembers([...words(parse(ObjectGraph.toSvg(chart)))], [
      "Owners",
      "controller shop",
      "Owner",
      "[@o2, @o1, @far]"
    ])
  })

  it("leaves out what is too much, and says so", () => {
    const many = Chart.make(Recording.fromTrace(long(2_000, 500)))
    const graph = ObjectGraph.make(many)
    assert.deepStrictEqual([graph.nodes.length, graph.notes], [200, ["300 objects of 500 left out"]])
    checkGraph(ObjectGraph.toMermaid(many))
    assert.include(words(parse(ObjectGraph.toSvg(many))), "300 objects of 500 left out.")
    const fewEdges = ObjectGraph.make(many, { maxEdges: 10 })
    assert.deepStrictEqual(fewEdges.notes, ["300 objects of 500 left out", "189 references of 199 left out"])
  })

  it("is a picture of nothing as well", () => {
    const nothing = Recording.fromTrace([])
    assert.deepStrictEqual(checkGraph(ObjectGraph.toMermaid(nothing)).note, 1)
    assert.include(words(parse(ObjectGraph.toSvg(nothing))), "No objects.")
  })

  it("says where states are not known", () => {
    const { notes } = ObjectGraph.make(Recording.fromTrace(trace([created("a")], [created("b")])))
    assert.deepStrictEqual(notes, ["the state of 2 objects is not known, nor whom it holds"])
  })
})
