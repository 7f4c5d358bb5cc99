/**
 * Where the objects of a graph are. Within a group those that hold one another are layered by dagre, the others are in
 * rows below; the groups are side by side. Beyond what dagre lays out in a moment everything is in rows.
 */
import { graphlib, layout as dagre } from "@dagrejs/dagre"
import type { Place } from "./page/drawGraph.js"

/** A chain of layers that is so much higher than wide, or wider than high, is better in rows. */
const maxRatio = 5

/** Of one group; dagre takes a second for some more. */
const maxLayered = 300
const maxEdges = 900

const gap = 30
const padding = 22
const label = 34

export interface Box extends Place {
  readonly name: string
  readonly width: number
  readonly height: number
}

export interface Layout {
  /** As many as there are objects. */
  readonly places: ReadonlyArray<Place>
  readonly groups: ReadonlyArray<Box>
  readonly width: number
  readonly height: number
}

export interface Size {
  readonly width: number
  readonly height: number
}

/** `groups` has the group of each object, `edges` pairs of objects. */
export const layout = (
  groups: ReadonlyArray<string>,
  edges: ReadonlyArray<readonly [number, number]>,
  size: Size
): Layout => {
  const members = new Map<string, Array<number>>()
  groups.forEach((group, index) => {
    const there = members.get(group)
    if (there === undefined) members.set(group, [index])
    else there.push(index)
  })
  const inner = new Map<string, Array<readonly [number, number]>>()
  for (const [from, to] of edges) {
    if (groups[from] !== groups[to] || from === to) continue
    const there = inner.get(groups[from])
    if (there === undefined) inner.set(groups[from], [[from, to]])
    else there.push([from, to])
  }
  const places: Array<Place> = groups.map(() => ({ x: 0, y: 0 }))
  const boxes: Array<Box> = []
  const columns = Math.max(Math.ceil(Math.sqrt(groups.length * 0.8)), 3)
  const limit = columns * (size.width + gap)
  let x = 0
  let y = 0
  let high = 0
  for (const [name, objects] of members) {
    const inside = arrange(objects, inner.get(name) ?? [], size, Math.ceil(Math.sqrt(objects.length * 1.4)))
    const width = inside.width + 2 * padding
    const height = inside.height + padding + label
    if (x > 0 && x + width > limit) {
      x = 0
      y += high + gap
      high = 0
    }
    boxes.push({ name, x, y, width, height })
    for (const [object, place] of inside.places) {
      places[object] = { x: Math.round(x + padding + place.x), y: Math.round(y + label + place.y) }
    }
    x += width + gap
    high = Math.max(high, height)
  }
  return {
    places,
    groups: boxes,
    width: Math.max(0, ...boxes.map((box) => box.x + box.width)),
    height: Math.max(0, ...boxes.map((box) => box.y + box.height))
  }
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

interface Inside extends Size {
  readonly places: ReadonlyMap<number, Place>
}

const arrange = (
  objects: ReadonlyArray<number>,
  edges: ReadonlyArray<readonly [number, number]>,
  size: Size,
  columns: number
): Inside => {
  const connected = new Set(edges.flat())
  const layered = connected.size <= maxLayered && edges.length <= maxEdges ? connected : new Set<number>()
  const inLayers = layers([...layered], edges, size)
  const ratio = inLayers.height / Math.max(inLayers.width, 1)
  const isChain = layered.size > 12 && (ratio > maxRatio || ratio < 1 / maxRatio)
  const upper = isChain ? layers([], edges, size) : inLayers
  const rest = objects.filter((object) => !upper.places.has(object))
  const places = new Map(upper.places)
  const wide = Math.max(columns, Math.floor((upper.width + gap) / (size.width + gap)))
  const top = upper.height === 0 ? 0 : upper.height + gap
  rest.forEach((object, index) => {
    places.set(object, {
      x: (index % wide) * (size.width + gap),
      y: top + Math.floor(index / wide) * (size.height + gap)
    })
  })
  const rows = Math.ceil(rest.length / wide)
  const columnsUsed = Math.min(rest.length, wide)
  return {
    places,
    width: Math.max(upper.width, columnsUsed * (size.width + gap) - gap),
    height: rows === 0 ? upper.height : top + rows * (size.height + gap) - gap
  }
}

const layers = (
  objects: ReadonlyArray<number>,
  edges: ReadonlyArray<readonly [number, number]>,
  size: Size
): Inside => {
  if (objects.length === 0) return { places: new Map(), width: 0, height: 0 }
  const graph = new graphlib.Graph()
  graph.setGraph({ rankdir: "TB", nodesep: gap, ranksep: 52 })
  graph.setDefaultEdgeLabel(() => ({}))
  for (const object of objects) graph.setNode(String(object), { width: size.width, height: size.height })
  for (const [from, to] of edges) graph.setEdge(String(from), String(to))
  dagre(graph)
  const places = new Map<number, Place>()
  let width = 0
  let height = 0
  for (const object of objects) {
    // dagre answers middles.
    const { x, y } = graph.node(String(object))
    const place = { x: x - size.width / 2, y: y - size.height / 2 }
    places.set(object, place)
    width = Math.max(width, place.x + size.width)
    height = Math.max(height, place.y + size.height)
  }
  return { places, width, height }
}
