/**
 * Traces, spans and metrics to OpenTelemetry.
 *
 * @since 0.1.0
 */
export * as Metrics from "./Metrics.js"
export * as Telemetry from "./Telemetry.js"
