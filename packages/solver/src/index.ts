/**
 * Finite domains: propagation and search, and a schema for constraints.
 *
 * @since 0.1.0
 */
export {}
