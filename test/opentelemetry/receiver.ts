/** An OTLP receiver on the loopback, which keeps what it is sent as JSON; and spans as a text that can be compared. */
import { Effect, type Scope } from "effect"
import * as http from "node:http"

// ---------------------------------------------------------------------------
// what is sent
// ---------------------------------------------------------------------------

export interface Attribute {
  readonly key: string
  readonly value: {
    readonly stringValue?: string
    readonly intValue?: number
    readonly boolValue?: boolean
    readonly doubleValue?: number
  }
}

export interface Span {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: ReadonlyArray<Attribute>
  readonly events: ReadonlyArray<{ readonly name: string; readonly attributes: ReadonlyArray<Attribute> }>
  readonly links: ReadonlyArray<{ readonly spanId: string; readonly attributes: ReadonlyArray<Attribute> }>
  readonly status: { readonly code: number; readonly message?: string }
}

interface Point {
  readonly timeUnixNano: string
  readonly asDouble?: number
  readonly attributes: ReadonlyArray<Attribute>
  readonly count?: number
  readonly sum?: number
}

export interface Received {
  readonly url: string
  readonly spans: ReadonlyArray<Span>
  readonly resources: ReadonlyArray<Readonly<Record<string, unknown>>>
  /** The last point of each metric, by name and kind of commit. */
  readonly metrics: ReadonlyMap<string, Point & { readonly unit: string }>
  readonly headers: ReadonlyArray<http.IncomingHttpHeaders>
}

export const attributesOf = (attributes: ReadonlyArray<Attribute>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))

// ---------------------------------------------------------------------------
// the receiver
// ---------------------------------------------------------------------------

/** Answers with `status` to everything. */
export const receiver = (status = 200): Effect.Effect<Received, never, Scope.Scope> =>
  Effect.gen(function*() {
    const spans: Array<Span> = []
    const metrics = new Map<string, Point & { readonly unit: string }>()
    const resources: Array<Readonly<Record<string, unknown>>> = []
    const headers: Array<http.IncomingHttpHeaders> = []
    const take = (path: string, body: string) => {
      const data = JSON.parse(body)
      for (const { resource, scopeSpans } of path === "/v1/traces" ? data.resourceSpans : []) {
        resources.push(attributesOf(resource.attributes))
        for (const scope of scopeSpans) spans.push(...scope.spans)
      }
      for (const { scopeMetrics } of path === "/v1/metrics" ? data.resourceMetrics : []) {
        for (
          const metric of scopeMetrics.flatMap((scope: { readonly metrics: ReadonlyArray<unknown> }) => scope.metrics)
        ) {
          const { name, unit } = metric
          for (const point of (metric.sum ?? metric.gauge ?? metric.histogram).dataPoints) {
            const kind = attributesOf(point.attributes)["avm.commit.kind"]
            const key = kind === undefined ? name : `${name} ${kind}`
            // Requests may overtake one another.
            const known = metrics.get(key)
            if (known === undefined || BigInt(known.timeUnixNano) <= BigInt(point.timeUnixNano)) {
              metrics.set(key, { ...point, unit })
            }
          }
        }
      }
    }
    const server = http.createServer((request, response) => {
      const chunks: Array<Buffer> = []
      headers.push(request.headers)
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.on("end", () => {
        if (status < 400) take(request.url ?? "", Buffer.concat(chunks).toString("utf8"))
        response.writeHead(status, { "content-type": "application/json" }).end("{}")
      })
    })
    yield* Effect.acquireRelease(
      Effect.async<void>((resume) => {
        server.listen(0, "127.0.0.1", () => resume(Effect.void))
      }),
      () =>
        Effect.async<void>((resume) => {
          server.close(() => resume(Effect.void))
          server.closeAllConnections()
        })
    )
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    return { url: `http://127.0.0.1:${port}`, spans, metrics, resources, headers }
  })

// ---------------------------------------------------------------------------
// spans as text
// ---------------------------------------------------------------------------

/** Each span on a line, with its events and what is inside it below, in the order of their beginning. */
export const outline = (spans: ReadonlyArray<Span>): string => {
  const time = ({ startTimeUnixNano }: Span) => BigInt(startTimeUnixNano)
  const inOrder = [...spans].sort((a, b) => time(a) < time(b) ? -1 : time(a) > time(b) ? 1 : 0)
  const known = new Set(spans.map(({ spanId }) => spanId))
  const lines: Array<string> = []
  const write = (span: Span, indent: string) => {
    const attributes = attributesOf(span.attributes)
    const words = [
      span.name,
      ...["avm.behaviour", "avm.message.tag", "avm.transaction.outcome"].flatMap((key) =>
        attributes[key] === undefined ? [] : [String(attributes[key])]
      ),
      ...span.links.map(({ attributes }) => `(linked to its ${attributesOf(attributes)["avm.link"]})`)
    ]
    lines.push(indent + words.join(" "))
    for (const { name } of span.events) lines.push(`${indent}· ${name}`)
    for (const inside of inOrder) if (inside.parentSpanId === span.spanId) write(inside, `${indent}  `)
  }
  for (const span of inOrder) if (span.parentSpanId === undefined || !known.has(span.parentSpanId)) write(span, "")
  return lines.join("\n")
}
