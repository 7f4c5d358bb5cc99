/**
 * How steps, heads and brackets look, as plain shapes: the SVG prints them, the page makes elements of them, so that both
 * look the same.
 *
 * The functions in this folder run in the page as well. Each is one closed expression that takes what it needs as
 * parameters and imports nothing but types, so that its source text is all there is to it (see `../script.ts`).
 */
import type { Kind } from "../../Chart.js"

/** An element of SVG: its name, its attributes, and its text or its children. */
export type Shape = readonly [
  tag: string,
  attributes: Readonly<Record<string, string | number>>,
  content?: string | ReadonlyArray<Shape>
]

/** A step with the places of its lifelines; `undefined` for one that is not known or not drawn. */
export interface Placed {
  readonly kind: Kind
  readonly label: string
  readonly from: number | undefined
  readonly to: number | undefined
  /** Where what belongs to no lifeline is drawn. */
  readonly margin: number
  /** What can be seen, from left to right: words stay in it. */
  readonly sight?: readonly [number, number]
}

export interface Arranged {
  /** The lifelines that are drawn, from left to right. */
  readonly order: ReadonlyArray<number>
  /** The column of a lifeline, -1 if it is not drawn. */
  readonly column: ReadonlyArray<number>
  readonly groups: ReadonlyArray<{ readonly name: string; readonly first: number; readonly last: number }>
}

export interface Drawing {
  readonly row: number
  readonly column: number
  /** From the top of the heads to their bottom. */
  readonly head: number
  readonly lane: number
  /** The place of the leftmost lifeline. */
  readonly left: (lanes: number) => number
  readonly laneX: (lane: number) => number
  readonly fit: (text: string, width: number, size: number) => string
  readonly arrange: (
    count: number,
    shown: (line: number) => boolean,
    isProgram: (line: number) => boolean,
    group: (line: number) => string
  ) => Arranged
  readonly step: (placed: Placed, y: number) => ReadonlyArray<Shape>
  readonly mark: (text: string, outcome: string, lane: number, y: number) => ReadonlyArray<Shape>
  readonly band: (lane: number, top: number, bottom: number, right: number, outcome: string) => ReadonlyArray<Shape>
  readonly activation: (x: number, level: number, top: number, bottom: number) => Shape
  readonly lifelineHead: (title: string, id: string, kind: string, x: number, selected: boolean) => ReadonlyArray<Shape>
  readonly group: (name: string, left: number, right: number) => ReadonlyArray<Shape>
}

export const drawing = (): Drawing => {
  const row = 34
  const column = 190
  const head = 84
  const lane = 12
  const laneX = (index: number): number => 50 + index * lane
  const left = (lanes: number): number => laneX(Math.max(lanes, 1)) + 92

  /** A guess, on the safe side, since nothing measures text here: letters of the West, and wider ones. */
  const widthOf = (text: string, size: number): number => {
    let width = 0
    for (const letter of text) {
      const code = letter.codePointAt(0) ?? 0
      width += code >= 0x1100
        ? 1.02
        : /[A-Z@mwMW%]/.test(letter)
        ? 0.72
        : /[iljt.,:;'|!()[\] ]/.test(letter)
        ? 0.34
        : 0.57
    }
    return width * size
  }
  const fit = (text: string, width: number, size: number): string => {
    if (widthOf(text, size) <= width) return text
    let kept = ""
    let used = size
    for (const letter of text) {
      used += widthOf(letter, size)
      if (used > width) break
      kept += letter
    }
    return `${kept}…`
  }

  const arrange: Drawing["arrange"] = (count, shown, isProgram, group) => {
    const programs: Array<number> = []
    const groups = new Map<string, Array<number>>()
    for (let line = 0; line < count; line++) {
      if (!shown(line)) continue
      if (isProgram(line)) programs.push(line)
      else {
        const name = group(line)
        const there = groups.get(name)
        if (there === undefined) groups.set(name, [line])
        else there.push(line)
      }
    }
    const order = [...programs]
    const spans: Array<{ name: string; first: number; last: number }> = []
    for (const [name, lines] of groups) {
      spans.push({ name, first: order.length, last: order.length + lines.length - 1 })
      for (const line of lines) order.push(line)
    }
    const columns: Array<number> = new Array<number>(count).fill(-1)
    order.forEach((line, index) => {
      columns[line] = index
    })
    return { order, column: columns, groups: spans }
  }

  const text = (x: number, y: number, anchor: string, kind: string, words: string): Shape => [
    "text",
    { x, y, "text-anchor": anchor, class: `words ${kind}` },
    words
  ]
  const arrowhead = (x: number, y: number, direction: number, kind: string, open: boolean): Shape =>
    open
      ? ["path", {
        d: `M${x - 7 * direction},${y - 4} L${x},${y} L${x - 7 * direction},${y + 4}`,
        class: `tip ${kind}`
      }]
      : ["path", { d: `M${x},${y} l${-8 * direction},-4 v8 z`, class: `head ${kind}` }]
  /** A mark on a lifeline, with words to its right. */
  const pill = (x: number, y: number, kind: string, words: string): ReadonlyArray<Shape> => [
    ["circle", { cx: x, cy: y, r: 4.5, class: `dot ${kind}` }],
    text(x + 10, y + 4, "start", kind, fit(words, column - 24, 12))
  ]
  const arrow = (
    x1: number,
    x2: number,
    y: number,
    kind: string,
    words: string,
    sight?: readonly [number, number]
  ): ReadonlyArray<Shape> => {
    const open = kind === "reply" || kind === "send"
    if (x1 === x2) {
      return [
        ["path", { d: `M${x1 + 5},${y - 7} h22 q6,0 6,6 t-6,6 h-20`, class: `line ${kind}` }],
        arrowhead(x1 + 5, y + 5, -1, kind, open),
        text(x1 + 40, y + 4, "start", kind, fit(words, column - 54, 12))
      ]
    }
    const direction = x2 > x1 ? 1 : -1
    const end = x2 - 5 * direction
    const seen = [Math.min(x1, x2), Math.max(x1, x2)]
    if (sight !== undefined && sight[0] < seen[1] - 60 && sight[1] > seen[0] + 60) {
      seen[0] = Math.max(seen[0], sight[0])
      seen[1] = Math.min(seen[1], sight[1])
    }
    return [
      ["line", { x1: x1 + 5 * direction, y1: y, x2: end - direction, y2: y, class: `line ${kind}` }],
      arrowhead(end, y, direction, kind, open),
      text((seen[0] + seen[1]) / 2, y - 6, "middle", kind, fit(words, Math.max(Math.abs(x2 - x1) - 24, 150), 12))
    ]
  }
  /** Out of nowhere: who did it was not recorded. */
  const found = (x: number, y: number, kind: string, words: string): ReadonlyArray<Shape> => [
    ["circle", { cx: x - 62, cy: y, r: 3.5, class: "nowhere" }],
    ["line", { x1: x - 58, y1: y, x2: x - 6, y2: y, class: `line ${kind}` }],
    arrowhead(x - 5, y, 1, kind, kind === "send"),
    text(x + 10, y + 4, "start", kind, fit(words, column - 24, 12))
  ]
  const lost = (x: number, y: number, kind: string, words: string): ReadonlyArray<Shape> => [
    ["line", { x1: x - 5, y1: y, x2: x - 56, y2: y, class: `line ${kind}` }],
    arrowhead(x - 56, y, -1, kind, true),
    ["circle", { cx: x - 62, cy: y, r: 3.5, class: "nowhere" }],
    text(x + 10, y + 4, "start", kind, fit(words, column - 24, 12))
  ]

  const step = ({ from, kind, label, margin, sight, to }: Placed, y: number): ReadonlyArray<Shape> => {
    switch (kind) {
      case "call":
      case "send":
        if (to === undefined) return from === undefined ? pill(margin, y, kind, label) : lost(from, y, kind, label)
        return from === undefined ? found(to, y, kind, label) : arrow(from, to, y, kind, label, sight)
      case "reply": {
        const words = label === "" ? "done" : label
        if (from === undefined) return pill(margin, y, kind, words)
        return to === undefined ? lost(from, y, kind, words) : arrow(from, to, y, kind, words, sight)
      }
      case "create":
      case "destroy": {
        if (to === undefined) return pill(margin, y, kind, label)
        const words = kind === "create" ? `new ${label}` : "destroyed"
        const sign: Shape = kind === "create"
          ? ["path", { d: `M${to - 6},${y} h12 M${to},${y - 6} v12`, class: "sign create" }]
          : ["path", { d: `M${to - 6},${y - 6} l12,12 M${to + 6},${y - 6} l-12,12`, class: "sign destroy" }]
        const disc: Shape = ["circle", { cx: to, cy: y, r: 10, class: `disc ${kind}` }]
        if (from === undefined || from === to) {
          return [disc, sign, text(to + 16, y + 4, "start", kind, fit(words, column - 30, 12))]
        }
        const edge = from < to ? to - 6 : to + 6
        return [...arrow(from, edge, y, kind, words, sight), disc, sign]
      }
      case "receive":
        return to === undefined ? pill(margin, y, kind, label) : [
          ["path", { d: `M${to - 14},${y - 6} l9,6 l-9,6 z`, class: "head receive" }],
          text(to + 10, y + 4, "start", kind, fit(label, column - 24, 12))
        ]
      case "error": {
        const x = to ?? margin
        const words = fit(label, column * 2 - 30, 12)
        return [
          ["rect", { x: x - 9, y: y - 11, width: widthOf(words, 12) * 1.08 + 34, height: 22, rx: 11, class: "alarm" }],
          ["path", { d: `M${x - 4},${y - 4} l8,8 M${x + 4},${y - 4} l-8,8`, class: "sign error" }],
          text(x + 14, y + 4, "start", "error", words)
        ]
      }
      default: {
        const x = to ?? from ?? margin
        if (from !== undefined && to !== undefined && from !== to) return arrow(from, to, y, kind, label)
        return pill(x, y, kind, label)
      }
    }
  }

  const mark: Drawing["mark"] = (words, outcome, lane, y) => [
    ["text", { x: laneX(lane) + 12, y: y + 4, class: `mark ${outcome}` }, words]
  ]
  const band: Drawing["band"] = (lane, top, bottom, right, outcome) => [
    [
      "rect",
      {
        x: laneX(lane),
        y: top,
        width: Math.max(right - laneX(lane), 0),
        height: bottom - top,
        rx: 8,
        class: `band ${outcome}`
      }
    ],
    ["rect", { x: laneX(lane), y: top, width: 4, height: bottom - top, rx: 2, class: `bar ${outcome}` }]
  ]
  const activation: Drawing["activation"] = (x, level, top, bottom) => [
    "rect",
    { x: x - 4 + level * 4, y: top, width: 8, height: Math.max(bottom - top, 4), rx: 3, class: "active" }
  ]

  const lifelineHead: Drawing["lifelineHead"] = (title, id, kind, x, selected) => [
    [
      "rect",
      {
        x: x - (column - 24) / 2,
        y: 30,
        width: column - 24,
        height: 44,
        rx: kind === "program" ? 22 : 9,
        class: `card ${kind}${selected ? " selected" : ""}`
      }
    ],
    ["text", { x, y: 49, "text-anchor": "middle", class: `title ${kind}` }, fit(title, column - 44, 13.5)],
    ["text", { x, y: 65, "text-anchor": "middle", class: `id ${kind}` }, fit(id, column - 50, 11.5)]
  ]
  const group: Drawing["group"] = (name, left, right) => [
    ["rect", { x: left + 5, y: 4, width: right - left - 10, height: head - 6, rx: 13, class: "group" }],
    ["text", { x: left + 18, y: 20, class: "groupname" }, fit(name, right - left - 36, 11)]
  ]

  return { row, column, head, lane, left, laneX, fit, arrange, step, mark, band, activation, lifelineHead, group }
}
