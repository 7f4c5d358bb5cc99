/**
 * How objects and references look, as plain shapes; it runs in the page as well, see `draw.ts`.
 */
import type { Drawing, Shape } from "./draw.js"

/** The box of an object: its upper left corner. */
export interface Place {
  readonly x: number
  readonly y: number
}

export interface GraphDrawing {
  readonly width: number
  readonly height: number
  readonly node: (
    place: Place,
    words: { readonly title: string; readonly id: string; readonly state: string; readonly kind: string }
  ) => ReadonlyArray<Shape>
  readonly edge: (from: Place, to: Place) => ReadonlyArray<Shape>
  readonly group: (name: string, x: number, y: number, width: number, height: number) => ReadonlyArray<Shape>
}

export const graphDrawing = (draw: Drawing): GraphDrawing => {
  const width = 176
  const height = 64

  const node: GraphDrawing["node"] = ({ x, y }, { id, kind, state, title }) => [
    ["rect", { x, y, width, height, rx: 11, class: `node ${kind}` }],
    ["text", { x: x + 14, y: y + 20, class: "title" }, draw.fit(title, width - 90, 13.5)],
    ["text", { x: x + width - 12, y: y + 20, "text-anchor": "end", class: "id" }, draw.fit(id, 62, 11.5)],
    ["line", { x1: x + 12, y1: y + 30, x2: x + width - 12, y2: y + 30, class: "lifeline" }],
    ["text", { x: x + 14, y: y + 48, class: "note" }, draw.fit(state, width - 28, 12)]
  ]

  /** From the edge of one box to the edge of the other, bent a little, so that there and back are two lines. */
  const edge: GraphDrawing["edge"] = (from, to) => {
    const x1 = from.x + width / 2
    const y1 = from.y + height / 2
    if (from.x === to.x && from.y === to.y) {
      const x = from.x + width
      return [
        ["path", { d: `M${x - 26},${from.y} c0,-28 44,-28 44,8 q0,14 -14,16`, class: "edge" }],
        ["path", { d: `M${x + 1},${from.y + 24} l8,-4 v8 z`, class: "edgetip" }]
      ]
    }
    const x2 = to.x + width / 2
    const y2 = to.y + height / 2
    const length = Math.hypot(x2 - x1, y2 - y1)
    const bend = Math.min(length / 9, 26)
    const mx = (x1 + x2) / 2 - (y2 - y1) / length * bend
    const my = (y1 + y2) / 2 + (x2 - x1) / length * bend
    /** Where the way from the middle of a box to (mx, my) leaves it. */
    const leave = (x: number, y: number, gap: number): readonly [number, number] => {
      const dx = mx - x
      const dy = my - y
      const part = Math.min(
        (width / 2 + gap) / Math.max(Math.abs(dx), 0.001),
        (height / 2 + gap) / Math.max(Math.abs(dy), 0.001)
      )
      return [x + dx * Math.min(part, 1), y + dy * Math.min(part, 1)]
    }
    const [sx, sy] = leave(x1, y1, 1)
    const [ex, ey] = leave(x2, y2, 3)
    const angle = Math.atan2(ey - my, ex - mx)
    const side = (turn: number): string =>
      `${(ex - 9 * Math.cos(angle + turn)).toFixed(1)},${(ey - 9 * Math.sin(angle + turn)).toFixed(1)}`
    const at = (x: number, y: number): string => `${x.toFixed(1)},${y.toFixed(1)}`
    return [
      ["path", { d: `M${at(sx, sy)} Q${at(mx, my)} ${at(ex, ey)}`, class: "edge" }],
      ["path", { d: `M${at(ex, ey)} L${side(0.45)} L${side(-0.45)} z`, class: "edgetip" }]
    ]
  }

  const group: GraphDrawing["group"] = (name, x, y, wide, high) => [
    ["rect", { x, y, width: wide, height: high, rx: 16, class: "group" }],
    ["text", { x: x + 18, y: y + 22, class: "groupname" }, draw.fit(name, wide - 36, 11)]
  ]

  return { width, height, node, edge, group }
}
