/**
 * The public modules.
 *
 * @since 0.1.0
 */
export * as Behaviours from "./Behaviours.js"
export * as Concurrent from "./Concurrent.js"
export * as History from "./History.js"
export * as HistoryChecker from "./HistoryChecker.js"
export * as Model from "./Model.js"
export * as MutatedStores from "./MutatedStores.js"
export * as Observation from "./Observation.js"
export * as Program from "./Program.js"
export * as Script from "./Script.js"
export * as SeededScheduler from "./SeededScheduler.js"
export * as Steps from "./Steps.js"
