/**
 * What the page is given: a chart in columns, with each text once, and where everything of it is drawn.
 */
import type { Box } from "../graphLayout.js"
import type { Place } from "./drawGraph.js"

/** Indexes of `texts` are numbers as well; -1 stands for nothing. */
export interface PageData {
  readonly title: string
  readonly entries: number
  readonly notes: ReadonlyArray<string>
  readonly executions: ReadonlyArray<string>
  readonly texts: ReadonlyArray<string>
  readonly lines: ReadonlyArray<{
    readonly id: string
    readonly kind: "program" | "object" | "mentioned"
    readonly title: string
    /** By controller, and by machine. */
    readonly groups: readonly [string, string]
    /** Seven numbers each: step, life, controller, machine, state, transaction, index of `holds`. */
    readonly changes: ReadonlyArray<number>
  }>
  readonly holds: ReadonlyArray<ReadonlyArray<number>>
  readonly transactions: ReadonlyArray<{
    readonly id: string
    readonly controller: string
    readonly outcome: "committed" | "aborted" | "open"
    readonly begin: number
    readonly end: number
    readonly lane: number
  }>
  readonly kinds: ReadonlyArray<string>
  readonly lives: ReadonlyArray<"none" | "alive" | "destroyed">
  /** Columns, of one length. */
  readonly steps: {
    readonly kind: ReadonlyArray<number>
    readonly execution: ReadonlyArray<number>
    readonly time: ReadonlyArray<number>
    readonly from: ReadonlyArray<number>
    readonly to: ReadonlyArray<number>
    readonly label: ReadonlyArray<number>
    readonly fields: ReadonlyArray<number>
    readonly tx: ReadonlyArray<number>
    readonly pair: ReadonlyArray<number>
  }
  /** Names and values in turn. */
  readonly fields: ReadonlyArray<ReadonlyArray<number>>
  /** Four numbers each: lifeline, level, first and last step; by their first step. */
  readonly activations: ReadonlyArray<number>
  readonly graph: {
    /** A lifeline each. */
    readonly nodes: ReadonlyArray<number>
    readonly places: ReadonlyArray<Place>
    readonly groups: ReadonlyArray<Box>
    readonly width: number
    readonly height: number
    /** Objects that have no place. */
    readonly left: number
  }
  readonly options: {
    readonly group: "controller" | "machine"
    readonly view: "messages" | "objects"
  }
}
