/**
 * Pictures of traces: message sequence charts and object graphs.
 *
 * @since 0.1.0
 */
export {}
