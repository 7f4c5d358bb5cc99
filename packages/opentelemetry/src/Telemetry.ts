/**
 * Sending spans and metrics to an OTLP receiver, such as a collector, over HTTP.
 *
 * Needs no SDK of OpenTelemetry. An application that has one already provides its own layer (`NodeSdk.layer` of
 * `@effect/opentelemetry`) instead: programs make their spans for whatever tracer there is. The names are documented in
 * `docs/concepts/observing.md`; pinned by `test/opentelemetry`.
 *
 * @since 0.1.0
 */
import * as OtlpMetrics from "@effect/opentelemetry/OtlpMetrics"
import * as OtlpTracer from "@effect/opentelemetry/OtlpTracer"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import type * as Headers from "@effect/platform/Headers"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Layer from "effect/Layer"
import * as receiver from "./internal/receiver.js"
import * as serialization from "./internal/serialization.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category models
 */
export interface OtlpOptions {
  /** Of the receiver, without the path of a signal: `http://localhost:4318`. */
  readonly url: string
  readonly serviceName: string
  readonly serviceVersion?: string
  /** Of the resource that all spans and metrics belong to. */
  readonly attributes?: Readonly<Record<string, unknown>>
  readonly headers?: Headers.Input
  /** What is sent; both without. */
  readonly signals?: ReadonlyArray<"traces" | "metrics">
  /** `json` without. */
  readonly encoding?: "json" | "protobuf"
  /** Ended spans are sent so often, or when a thousand have gathered; 5 seconds without. */
  readonly traceInterval?: Duration.DurationInput
  /** Metrics are sent so often; 10 seconds without. */
  readonly metricInterval?: Duration.DurationInput
  /** How long the end of the layer waits for the receiver to take what is left; 3 seconds without. */
  readonly shutdownTimeout?: Duration.DurationInput
}

// ---------------------------------------------------------------------------
// errors
// ---------------------------------------------------------------------------

/**
 * The address of the receiver is none, or not one of HTTP.
 *
 * @since 0.1.0
 * @category errors
 */
export class OtlpUrlInvalid extends Data.TaggedError("OtlpUrlInvalid")<{ readonly url: string }> {
  override get message() {
    return `The address of an OTLP receiver begins with http:// or https://, and is not: ${this.url}`
  }
}

// ---------------------------------------------------------------------------
// layers
// ---------------------------------------------------------------------------

/**
 * The tracer of everything it is provided to, and the sender of all metrics of the process.
 *
 * A receiver that does not answer is told of in one warning, and again only when it has answered in between; the program
 * runs on. What would have been sent in the meantime is lost.
 *
 * ```ts
 * import { Avm } from "@effect-avm/core"
 * import { Telemetry } from "@effect-avm/opentelemetry"
 * import { Effect } from "effect"
 * import * as assert from "node:assert/strict"
 *
 * const main = Avm.run(Effect.succeed("done")).pipe(Effect.provide(Avm.layerMemory))
 * const Otlp = Telemetry.layerOtlp({ url: "localhost:4318", serviceName: "bank" })
 *
 * const error = await Effect.runPromise(Effect.flip(Effect.provide(main, Otlp)))
 * assert.equal(error._tag, "OtlpUrlInvalid") // http:// is missing
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerOtlp = (options: OtlpOptions): Layer.Layer<never, OtlpUrlInvalid> =>
  Layer.provide(layerOtlpOver(options), FetchHttpClient.layer)

/**
 * The same over an HTTP client of one's own: with a proxy, certificates, an agent.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerOtlpOver = (
  { encoding = "json", signals = ["traces", "metrics"], url, ...options }: OtlpOptions
): Layer.Layer<never, OtlpUrlInvalid, HttpClient.HttpClient> => {
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) return Layer.fail(new OtlpUrlInvalid({ url }))
  const base = url.replace(/\/+$/, "")
  const { headers, serviceName, serviceVersion, shutdownTimeout } = options
  const common = {
    headers,
    shutdownTimeout,
    resource: { serviceName, serviceVersion, attributes: { ...options.attributes } }
  }
  const traces = signals.includes("traces")
    ? OtlpTracer.layer({ ...common, url: `${base}/v1/traces`, exportInterval: options.traceInterval })
    : Layer.empty
  const metrics = signals.includes("metrics")
    ? OtlpMetrics.layer({ ...common, url: `${base}/v1/metrics`, exportInterval: options.metricInterval })
    : Layer.empty
  return Layer.merge(traces, metrics).pipe(
    Layer.provide(Layer.merge(receiver.layer(base), serialization.layer(encoding)))
  )
}
