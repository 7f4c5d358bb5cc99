/**
 * Message sequence charts: a line for each object, from left to right by controller or machine, and time from top to
 * bottom. Pinned by `test/diagram/Sequence.test.ts`, `test/diagram/Hostile.test.ts`.
 *
 * These pictures are for reading, so they have a limit, and say what they leave out. All of a long trace is for the page
 * (`Page`).
 *
 * @since 0.1.0
 */
import * as Chart from "./Chart.js"
import { extract } from "./internal/extract.js"
import * as mermaid from "./internal/mermaidSequence.js"
import { whole } from "./internal/options.js"
import * as sequence from "./internal/sequence.js"
import type { Recording } from "./Recording.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** What the lifelines stand together by: the first controller that is known of each, or the first machine. */
  readonly group?: "controller" | "machine" | undefined
  /** The number of the first entry to be drawn, from 0. */
  readonly from?: number | undefined
  /** Entries that are drawn: 300 without. */
  readonly maxEntries?: number | undefined
  /** Lifelines that are drawn: 40 without. The picture ends before the entry that would need one more. */
  readonly maxObjects?: number | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface SvgOptions extends Options {
  /** The reader's system decides, without. */
  readonly theme?: "auto" | "light" | "dark" | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface MermaidOptions extends Options {
  /** Of the whole text: 45,000 without, since mermaid refuses more than 50,000 unless it is told otherwise. */
  readonly maxCharacters?: number | undefined
}

// ---------------------------------------------------------------------------
// conversions
// ---------------------------------------------------------------------------

/**
 * A picture of its own, light or dark as the reader has it, with the particulars of each step where the mouse rests.
 *
 * Throws a `RangeError` if an option is no whole number of 0 or more.
 *
 * @since 0.1.0
 * @category conversions
 */
export const toSvg = (recording: Recording | Chart.Chart, options: SvgOptions = {}): string => {
  const chart = Chart.isChart(recording) ? recording : Chart.make(recording)
  return sequence.toSvg(chart, part(chart, options), options.group ?? "controller", options.theme ?? "auto")
}

/**
 * A `sequenceDiagram`, for places that draw Mermaid themselves. No word of the trace can end up as syntax.
 *
 * Throws a `RangeError` if an option is no whole number of 0 or more.
 *
 * ```ts
 * import { ControllerId, ObjectId, TraceEvent } from "@effect-avm/core"
 * import { Recording, Sequence } from "@effect-avm/diagram"
 * import { Option } from "effect"
 * import * as assert from "node:assert/strict"
 *
 * const entry = new TraceEvent.TraceEntry({
 *   timestamp: 0,
 *   event: new TraceEvent.ObjectCreated({ id: ObjectId.make("o1"), behaviour: "Account" }),
 *   executingController: Option.some(ControllerId.make("bank"))
 * })
 * assert.equal(
 *   Sequence.toMermaid(Recording.fromTrace([entry])),
 *   `sequenceDiagram
 *   participant p0 as program
 *   box transparent controller bank
 *   participant p1 as Account o1
 *   end
 *   Note over p1: new Account
 * `
 * )
 * ```
 *
 * @since 0.1.0
 * @category conversions
 */
export const toMermaid = (recording: Recording | Chart.Chart, options: MermaidOptions = {}): string => {
  const chart = Chart.isChart(recording) ? recording : Chart.make(recording)
  const max = whole("maxCharacters", options.maxCharacters, 45_000)
  return mermaid.toMermaid(chart, part(chart, options), options.group ?? "controller", max)
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const part = (chart: Chart.Chart, options: Options) =>
  extract(
    chart,
    whole("from", options.from, 0),
    whole("maxEntries", options.maxEntries, 300),
    whole("maxObjects", options.maxObjects, 40)
  )
