/**
 * Traces, spans and metrics to OpenTelemetry.
 *
 * @since 0.1.0
 */
export {}
