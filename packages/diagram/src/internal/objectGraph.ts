/**
 * An object graph as an SVG.
 */
import type { ObjectGraph } from "../ObjectGraph.js"
import { layout } from "./graphLayout.js"
import { drawing, type Shape } from "./page/draw.js"
import { graphDrawing } from "./page/drawGraph.js"
import { document, type Theme } from "./svg.js"
import { name, plural, shorten } from "./text.js"

const draw = drawing()
const graph = graphDrawing(draw)

export const toSvg = ({ edges, nodes, notes, title }: ObjectGraph, theme: Theme): string => {
  const placed = layout(nodes.map(({ group }) => group), edges, graph)
  const width = Math.max(placed.width + 40, 480)
  const shapes: Array<Shape> = [
    ["text", { x: 20, y: 34, class: "heading" }, draw.fit(title, width - 200, 16)],
    ["text", { x: width - 20, y: 34, "text-anchor": "end", class: "note" }, plural(nodes.length, "object")]
  ]
  const inside: Array<Shape> = placed.groups.flatMap(({ height, name, width, x, y }) =>
    graph.group(name, x, y, width, height)
  )
  for (const [from, to] of edges) inside.push(...graph.edge(placed.places[from], placed.places[to]))
  nodes.forEach(({ id, kind, state, title }, index) => {
    inside.push(["g", {}, [
      ["title", {}, shorten(`${id}: ${state ?? "state not known"}`, 800)],
      ...graph.node(placed.places[index], { title: title ?? "object", id: name(id, 12), state: state ?? "", kind })
    ]])
  })
  shapes.push(["g", { transform: "translate(20 56)" }, inside])
  const said = nodes.length === 0 ? ["no objects", ...notes] : notes
  said.forEach((note, index) => {
    const sentence = `${note[0]?.toUpperCase() ?? ""}${note.slice(1)}.`
    shapes.push([
      "text",
      { x: 20, y: placed.height + 92 + index * 20, class: "note" },
      draw.fit(sentence, width - 40, 12)
    ])
  })
  return document({ title, width, height: placed.height + 80 + said.length * 20 + 8, theme, shapes })
}
