/**
 * Spans of programs, transactions and calls, for whatever tracer the application has. Where it has none, which is asked once
 * for each of them, nothing is made.
 *
 * The parent is the span in the context of whoever runs the instruction, so spans of the application nest with these.
 * Names and attributes are documented in `docs/concepts/observing.md`; pinned by `test/core/Spans.test.ts`.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type { RuntimeFiber } from "effect/Fiber"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import { isObjectId } from "../ObjectId.js"
import type { TraceEvent } from "../TraceEvent.js"
import { format, isVal } from "../Val.js"

type AnyFiber = RuntimeFiber<unknown, unknown>

/** The tracer that programs have whose application has chosen none. */
const none = Effect.runSync(Effect.tracer)

export const isTraced = (fiber: AnyFiber | undefined): fiber is AnyFiber =>
  fiber !== undefined && fiber.currentTracer !== none

export const begin = (
  fiber: AnyFiber,
  context: Context.Context<never>,
  name: string,
  attributes: Readonly<Record<string, unknown>>,
  earlier?: Tracer.AnySpan
): Tracer.Span => {
  const links: Array<Tracer.SpanLink> = earlier === undefined
    ? []
    : [{ _tag: "SpanLink", span: earlier, attributes: { "avm.link": "earlier try" } }]
  const span = fiber.currentTracer.span(
    name,
    Context.getOption(context, Tracer.ParentSpan),
    Context.empty(),
    links,
    now(fiber),
    "internal"
  )
  for (const key of Object.keys(attributes)) {
    if (attributes[key] !== undefined) span.attribute(key, attributes[key])
  }
  return span
}

export const end = (fiber: AnyFiber, span: Tracer.Span, exit: Exit.Exit<unknown, unknown>): void =>
  span.end(now(fiber), exit)

/** The context of what runs inside the span. */
export const within = (context: Context.Context<never>, span: Tracer.Span): Context.Context<never> =>
  // Who asks for no span may have one all the same.
  Context.add(context, Tracer.ParentSpan, span) as Context.Context<never>

/** A trace entry, as an event of the span that it happens in. */
export const event = (fiber: AnyFiber, context: Context.Context<never>, event: TraceEvent): void => {
  const span = Option.getOrUndefined(Context.getOption(context, Tracer.ParentSpan))
  if (span?._tag !== "Span") return
  const attributes: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(event)) {
    const text = key === "_tag" ? undefined : shown(value)
    if (text !== undefined) attributes[`avm.${key}`] = text
  }
  span.event(event._tag, now(fiber), attributes)
}

/** A program or a bracket, with a span around it. */
export const around = <A, E, R>(
  fiber: AnyFiber,
  name: string,
  attributes: Readonly<Record<string, unknown>>,
  effect: (span: Tracer.Span) => Effect.Effect<A, E, R>,
  earlier?: Tracer.AnySpan
): Effect.Effect<A, E, R> => {
  const span = begin(fiber, fiber.currentContext, name, attributes, earlier)
  const spanned = Effect.withParentSpan(effect(span), span)
  // The span may have been among what it asked for: that is the only thing taken away.
  return Effect.onExit(spanned, (exit) => Effect.sync(() => end(fiber, span, exit))) as Effect.Effect<A, E, R>
}

const now = (fiber: AnyFiber): bigint => Context.get(fiber.currentDefaultServices, Clock.Clock).unsafeCurrentTimeNanos()

/** What is long is cut: a span is for looking at. */
const shown = (value: unknown): unknown => {
  if (Option.isOption(value)) return Option.isSome(value) ? shown(value.value) : undefined
  if (typeof value === "string" || typeof value === "boolean" || typeof value === "number") return value
  if (isObjectId(value)) return value.value
  const text = value instanceof Error
    ? String(value)
    : isVal(value)
    ? format(value)
    : Inspectable.toStringUnknown(value, 0)
  return text.length > longest ? `${text.slice(0, longest)}…` : text
}

const longest = 256
