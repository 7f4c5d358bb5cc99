/** A tracer that only writes down what it is told, and what it is told too late. */
import { assert } from "@effect/vitest"
import { type Exit, Option, Tracer } from "effect"

export interface Written extends Tracer.Span {
  readonly attributes: Map<string, unknown>
  readonly events: Array<readonly [name: string, attributes: Readonly<Record<string, unknown>>]>
  status: Tracer.SpanStatus
}

export const recording = () => {
  const spans: Array<Written> = []
  /** What was told to a span that had ended. */
  const late: Array<string> = []
  const open = (span: Written, what: string): void => {
    if (span.status._tag === "Started") return
    late.push(`${what} after the end of ${span.name}`)
    assert.fail(late.at(-1))
  }
  const tracer = Tracer.make({
    span: (name, parent, context, links, startTime, kind) => {
      const span: Written = {
        _tag: "Span",
        spanId: String(spans.length),
        traceId: Option.match(parent, { onNone: () => "trace", onSome: (parent) => parent.traceId }),
        name,
        parent,
        context,
        links,
        kind,
        sampled: true,
        status: { _tag: "Started", startTime },
        attributes: new Map(),
        events: [],
        end(endTime, exit: Exit.Exit<unknown, unknown>) {
          open(this, "an end")
          this.status = { _tag: "Ended", startTime, endTime, exit }
        },
        attribute(key, value) {
          open(this, key)
          this.attributes.set(key, value)
        },
        event(name, _, attributes) {
          open(this, name)
          this.events.push([name, attributes ?? {}])
        },
        addLinks: () => {}
      }
      // The client of SQLite has spans of its own while a file is opened.
      if (!name.startsWith("sql.")) spans.push(span)
      return span
    },
    context: (f) => f()
  })
  return { late, spans, tracer }
}
