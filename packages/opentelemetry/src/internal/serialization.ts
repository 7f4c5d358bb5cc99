/**
 * How spans and metrics are written for the receiver.
 *
 * `@effect/opentelemetry` 0.64 marks the spans that have failed as interrupted, and those that were interrupted not at all;
 * that is put right here.
 */
import { layerJson, layerProtobuf, OtlpSerialization } from "@effect/opentelemetry/OtlpSerialization"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

export const layer = (encoding: "json" | "protobuf"): Layer.Layer<OtlpSerialization> =>
  Layer.effect(
    OtlpSerialization,
    Effect.map(OtlpSerialization, (serialization) => ({
      ...serialization,
      // What the exporter of spans makes.
      traces: (data: unknown) => serialization.traces(corrected(data as Traces))
    }))
  ).pipe(Layer.provide(encoding === "json" ? layerJson : layerProtobuf))

interface Traces {
  readonly resourceSpans: ReadonlyArray<{ readonly scopeSpans: ReadonlyArray<{ readonly spans: ReadonlyArray<Span> }> }>
}

interface Span {
  readonly attributes: ReadonlyArray<{ readonly key: string; readonly value: unknown }>
  readonly status: { readonly code: number; readonly message?: string }
}

const corrected = (data: Traces): Traces => ({
  ...data,
  resourceSpans: data.resourceSpans.map((resource) => ({
    ...resource,
    scopeSpans: resource.scopeSpans.map((scope) => ({ ...scope, spans: scope.spans.map(mark) }))
  }))
})

const ok = 1

/** A span that is well, and has a message all the same, was interrupted. */
const mark = (span: Span): Span => {
  const others = span.attributes.filter(({ key }) => key !== "span.label" && key !== "status.interrupted")
  return span.status.code === ok && span.status.message !== undefined
    ? { ...span, attributes: [...others, { key: "status.interrupted", value: { boolValue: true } }] }
    : { ...span, attributes: others }
}
