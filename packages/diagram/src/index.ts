/**
 * Pictures of traces: message sequence charts and object graphs.
 *
 * @since 0.1.0
 */
export * as Chart from "./Chart.js"
export * as ObjectGraph from "./ObjectGraph.js"
export * as Page from "./Page.js"
export * as Recording from "./Recording.js"
export * as Sequence from "./Sequence.js"
