/**
 * Who holds whose reference in its state, at one time, by controller or machine. Pinned by
 * `test/diagram/ObjectGraph.test.ts`.
 *
 * @since 0.1.0
 */
import * as Chart from "./Chart.js"
import { groupOf } from "./internal/groups.js"
import * as mermaid from "./internal/mermaidGraph.js"
import * as svg from "./internal/objectGraph.js"
import { whole } from "./internal/options.js"
import { plural } from "./internal/text.js"
import type { Recording } from "./Recording.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category models
 */
export interface Node {
  /** An index of the chart's `lifelines`. */
  readonly lifeline: number
  readonly id: string
  readonly title: string | undefined
  /** `pending`: changed by a transaction that is open at that time. */
  readonly kind: "alive" | "pending" | "mentioned" | "program"
  readonly group: string
  readonly state: string | undefined
}

/**
 * Edges go from the holder to what it holds, as indexes of `nodes`.
 *
 * @since 0.1.0
 * @category models
 */
export interface ObjectGraph {
  readonly title: string
  readonly nodes: ReadonlyArray<Node>
  readonly edges: ReadonlyArray<readonly [from: number, to: number]>
  readonly notes: ReadonlyArray<string>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly group?: "controller" | "machine" | undefined
  /** After which step of the chart; after the last one, without. */
  readonly at?: number | undefined
  /** 200 without; those that came first are kept. */
  readonly maxObjects?: number | undefined
  /** 400 without. */
  readonly maxEdges?: number | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface SvgOptions extends Options {
  /** The reader's system decides, without. */
  readonly theme?: "auto" | "light" | "dark" | undefined
}

// ---------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------

/**
 * Throws a `RangeError` if an option is no whole number of 0 or more.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (recording: Recording | Chart.Chart, options: Options = {}): ObjectGraph => {
  const chart = Chart.isChart(recording) ? recording : Chart.make(recording)
  const at = whole("at", options.at, Math.max(chart.steps.length - 1, 0))
  const maxObjects = whole("maxObjects", options.maxObjects, 200)
  const maxEdges = whole("maxEdges", options.maxEdges, 400)
  const there = chart.lifelines.map((lifeline) => Chart.after(lifeline, at))
  const held = new Set(there.flatMap(({ holds, life }) => life === "alive" ? holds : []))
  const all = chart.lifelines.flatMap(({ kind }, index) => {
    const { holds, life } = there[index]
    if (kind === "object") return life === "alive" || held.has(index) ? [index] : []
    return kind === "mentioned" ? held.has(index) ? [index] : [] : holds.length > 0 || held.has(index) ? [index] : []
  })
  const kept = all.slice(0, maxObjects)
  const indexOf = new Map(kept.map((lifeline, index) => [lifeline, index]))
  const nodes = kept.map((index): Node => {
    const { id, kind, title } = chart.lifelines[index]
    const { controller, life, machine, state, tx } = there[index]
    return {
      lifeline: index,
      id,
      title,
      kind: kind === "object" ? life !== "alive" ? "mentioned" : tx === -1 ? "alive" : "pending" : kind,
      group: kind === "program" ? "programs" : groupOf({ controller, machine }, options.group ?? "controller"),
      state
    }
  })
  const edges = kept.flatMap((from, index) =>
    there[from].life !== "alive" ? [] : there[from].holds.flatMap((to): ReadonlyArray<readonly [number, number]> => {
      const target = indexOf.get(to)
      return target === undefined ? [] : [[index, target]]
    })
  )
  const notes = [
    ...(all.length > kept.length ? [`${plural(all.length - kept.length, "object")} of ${all.length} left out`] : []),
    ...(edges.length > maxEdges ? [`${plural(edges.length - maxEdges, "reference")} of ${edges.length} left out`] : [])
  ]
  const silent = nodes.filter(({ kind, state }) => state === undefined && kind !== "mentioned").length
  if (silent > 0) notes.push(`the state of ${plural(silent, "object")} is not known, nor whom it holds`)
  return { title: chart.title, nodes, edges: edges.slice(0, maxEdges), notes }
}

// ---------------------------------------------------------------------------
// conversions
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category conversions
 */
export const toSvg = (recording: Recording | Chart.Chart, options: SvgOptions = {}): string =>
  svg.toSvg(make(recording, options), options.theme ?? "auto")

/**
 * A `flowchart`. No word of the trace can end up as syntax.
 *
 * ```ts
 * import { ControllerId, ObjectId } from "@effect-avm/core"
 * import { ObjectGraph, Recording } from "@effect-avm/diagram"
 * import * as assert from "node:assert/strict"
 *
 * const bank = ControllerId.make("bank")
 * const [ann, account] = ["o1", "o2"].map(ObjectId.make)
 * const recording = Recording.fromTrace([], {
 *   objects: [
 *     { id: ann, behaviour: "Customer", controller: bank, state: { account } },
 *     { id: account, behaviour: "Account", controller: bank, state: { balance: 70 } }
 *   ]
 * })
 * assert.equal(
 *   ObjectGraph.toMermaid(recording),
 *   `flowchart TB
 *   subgraph g0["controller bank"]
 *   n0["Customer o1<br/>#123;account#58; #64;o2#125;"]
 *   n1["Account o2<br/>#123;balance#58; 70#125;"]
 *   end
 *   n0 --> n1
 * `
 * )
 * ```
 *
 * @since 0.1.0
 * @category conversions
 */
export const toMermaid = (recording: Recording | Chart.Chart, options: Options = {}): string =>
  mermaid.toMermaid(make(recording, options))
