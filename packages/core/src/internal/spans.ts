/**
 * Spans of programs, transactions, calls and turns, for whatever tracer the application has. Where it has none, which is asked once
 * for each of them, nothing is made.
 *
 * The parent is the span in the context of whoever runs the instruction, so spans of the application nest with these, also
 * across forks. What the application asks of its spans (`Effect.annotateSpans`, `Effect.withTracerEnabled`, …) holds for
 * these. Names and attributes are documented in `docs/concepts/observing.md`; pinned by `test/core/Spans.test.ts`.
 */
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { RuntimeFiber } from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as HashMap from "effect/HashMap"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import { isObjectId } from "../ObjectId.js"
import type { TraceEntry } from "../TraceEvent.js"
import { format, isVal } from "../Val.js"
import { Later, later, settled, type Step } from "./sync.js"

type AnyFiber = RuntimeFiber<unknown, unknown>

type Attributes = Readonly<Record<string, unknown>>

// ---------------------------------------------------------------------------
// names
// ---------------------------------------------------------------------------

export type Name = "avm.program" | "avm.transaction" | "avm.call" | "avm.turn"

/** Of the fields of events whose own names say too little by themselves; before the others there is `avm.`. */
const attributeOf: Readonly<Record<string, string>> = {
  id: "avm.object.id",
  tx: "avm.transaction.id",
  name: "avm.function"
}

/** What is long is cut: a span is for looking at. */
const longest = 256

// ---------------------------------------------------------------------------
// beginning and ending
// ---------------------------------------------------------------------------

/** The tracer that programs have whose application has chosen none. */
const none = Effect.runSync(Effect.tracer)

export const isTraced = (fiber: AnyFiber | undefined): fiber is AnyFiber =>
  fiber !== undefined && fiber.currentTracer !== none && fiber.getFiberRef(FiberRef.currentTracerEnabled)

export const begin = (
  fiber: AnyFiber,
  context: Context.Context<never>,
  name: Name,
  attributes: Attributes,
  earlier?: Tracer.AnySpan
): Tracer.Span => {
  const asked = Chunk.toReadonlyArray(fiber.getFiberRef(FiberRef.currentTracerSpanLinks))
  const links: ReadonlyArray<Tracer.SpanLink> = earlier === undefined
    ? asked
    : [...asked, { _tag: "SpanLink", span: earlier, attributes: { "avm.link": "earlier try" } }]
  const span = fiber.currentTracer.span(
    name,
    Context.getOption(context, Tracer.ParentSpan),
    Context.empty(),
    links,
    now(fiber),
    "internal"
  )
  HashMap.forEach(
    fiber.getFiberRef(FiberRef.currentTracerSpanAnnotations),
    (value, key) => span.attribute(key, value)
  )
  for (const key of Object.keys(attributes)) {
    if (attributes[key] !== undefined) span.attribute(key, attributes[key])
  }
  return span
}

export const end = (fiber: AnyFiber, span: Tracer.Span, exit: Exit.Exit<unknown, unknown>): void => {
  if (span.status._tag !== "Ended") span.end(now(fiber), exit)
}

/** The same step, and the span ends as it does. */
export const ending = <A, E>(fiber: AnyFiber, span: Tracer.Span, step: Step<A, E>): Step<A, E> => {
  const exit = step instanceof Later ? settled(step.effect) : Exit.void
  if (exit !== undefined) {
    end(fiber, span, exit)
    return step
  }
  // What has not settled is a `Later`.
  const { effect } = step as Later<A, E>
  return later(Effect.onExit(effect, (exit) => Effect.sync(() => end(fiber, span, exit))))
}

/** The context of what runs inside the span. */
export const within = (context: Context.Context<never>, span: Tracer.Span): Context.Context<never> =>
  // Who asks for no span may have one all the same.
  Context.add(context, Tracer.ParentSpan, span) as Context.Context<never>

/** A program or a try of a bracket, with a span around it. */
export const around = <A, E, R>(
  fiber: AnyFiber,
  name: Name,
  attributes: Attributes,
  effect: (span: Tracer.Span) => Effect.Effect<A, E, R>,
  earlier?: Tracer.AnySpan
): Effect.Effect<A, E, R> => {
  const span = begin(fiber, fiber.currentContext, name, attributes, earlier)
  const spanned = Effect.withParentSpan(effect(span), span)
  // The span may have been among what it asked for: that is the only thing taken away.
  return Effect.onExit(spanned, (exit) => Effect.sync(() => end(fiber, span, exit))) as Effect.Effect<A, E, R>
}

// ---------------------------------------------------------------------------
// events
// ---------------------------------------------------------------------------

/** A trace entry, as an event of the span that it happens in. */
export const event = (
  fiber: AnyFiber,
  context: Context.Context<never>,
  { event, executingController, timestamp }: TraceEntry
): void => {
  const span = Option.getOrUndefined(Context.getOption(context, Tracer.ParentSpan))
  // What comes after the end of its span, as from a daemon, is in the trace alone.
  if (span?._tag !== "Span" || span.status._tag === "Ended") return
  const attributes: Record<string, unknown> = { "avm.timestamp": timestamp }
  if (Option.isSome(executingController)) attributes["avm.controller"] = executingController.value
  for (const [key, value] of Object.entries(event)) {
    const text = key === "_tag" ? undefined : shown(value)
    if (text !== undefined) attributes[attributeOf[key] ?? `avm.${key}`] = text
  }
  span.event(event._tag, now(fiber), attributes)
  // A deferred transaction knows its controller now.
  const ends = event._tag === "TransactionCommitted" || event._tag === "TransactionAborted"
  if (ends && span.name === "avm.transaction" && Option.isSome(executingController)) {
    span.attribute("avm.controller", executingController.value)
  }
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const now = (fiber: AnyFiber): bigint =>
  fiber.getFiberRef(FiberRef.currentTracerTimingEnabled)
    ? Context.get(fiber.currentDefaultServices, Clock.Clock).unsafeCurrentTimeNanos()
    : BigInt(0)

const shown = (value: unknown): unknown => {
  if (Option.isOption(value)) return Option.isSome(value) ? shown(value.value) : undefined
  if (typeof value === "boolean" || typeof value === "number") return value
  return cut(isObjectId(value) ? value.value : textOf(value))
}

const textOf = (value: unknown): string =>
  typeof value === "string" || value instanceof Error
    ? String(value)
    : isVal(value)
    ? format(value)
    : Inspectable.toStringUnknown(value, 0)

const cut = (text: string): string => text.length > longest ? `${text.slice(0, longest)}…` : text
