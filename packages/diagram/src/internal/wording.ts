/**
 * What a step says: its kind, a few words, and all its particulars. Words are made when somebody reads them: of a
 * million steps a picture shows a few hundred.
 */
import * as TraceEvent from "@effect-avm/core/TraceEvent"
import type { Val } from "@effect-avm/core/Val"
import * as Option from "effect/Option"
import type { Kind } from "../Chart.js"
import type { Detail, Entry } from "../Recording.js"
import { passage, show, showMessage } from "./text.js"

/** Of what a label shows. */
const maxLabel = 80

/** Of an id, a name, a controller, where all of it is shown. */
const maxName = 200

type Fields = ReadonlyArray<readonly [name: string, value: string]>

export const named = (text: string): string => passage(text, maxName)

/** Of a call's entry the kind of its reply. */
export const kindOf = ({ event }: Entry): Kind => kinds[event._tag]

const kinds: Readonly<Record<TraceEvent.TraceEvent["_tag"], Kind>> = {
  ObjectCreated: "create",
  ObjectDestroyed: "destroy",
  ObjectCalled: "reply",
  MessageSent: "send",
  MessageReceived: "receive",
  StateUpdated: "state",
  ObjectMoved: "move",
  ExecutionMoved: "go",
  ObjectFetched: "fetch",
  ObjectTransferred: "transfer",
  ObjectFrozen: "freeze",
  FunctionRegistered: "function",
  FunctionUpdated: "function",
  TransactionStarted: "begin",
  TransactionCommitted: "commit",
  TransactionAborted: "abort",
  ErrorOccurred: "error"
}

/** A few words; a call's beginning has those of the message, its reply those of the answer. */
export const labelOf = ({ detail, event }: Entry, kind: Kind): string => {
  switch (event._tag) {
    case "ObjectCreated":
      return passage(event.behaviour, maxLabel)
    case "ObjectDestroyed":
      return "destroy"
    case "ObjectCalled":
      return kind === "call"
        ? showMessage(event.input, maxLabel)
        : Option.match(event.output, { onNone: () => "", onSome: (output) => show(output, maxLabel) })
    case "MessageSent":
    case "MessageReceived":
      return showMessage(event.input, maxLabel)
    case "StateUpdated":
      return detail?.state === undefined ? "state set" : show(detail.state, maxLabel)
    case "ObjectMoved":
      return event.from === event.to ? `stays at ${named(event.to)}` : `to machine ${named(event.to)}`
    case "ExecutionMoved":
      return `goes on at ${named(event.to)}`
    case "ObjectFetched":
      return `replica at ${named(event.machine)}`
    case "ObjectTransferred":
      return `to controller ${named(event.to)}`
    case "ObjectFrozen":
      return "replicas reconciled"
    case "FunctionRegistered":
      return `function ${named(event.name)} registered`
    case "FunctionUpdated":
      return `function ${named(event.name)} replaced`
    case "TransactionStarted":
      return "begin"
    case "TransactionCommitted":
      return "committed"
    case "TransactionAborted":
      return "aborted"
    case "ErrorOccurred":
      return failure(TraceEvent.describe(event.error))
  }
}

/** All particulars; a value is printed with at most `max` characters. */
export const fieldsOf = ({ detail, event, executingController }: Entry, max: number): Fields => [
  ["event", event._tag],
  ...own(event, detail, (val) => show(val, max)),
  ...(detail?.by === undefined ? [] : [["by", named(detail.by.value)] as const]),
  ...(Option.isNone(executingController) ? [] : [["executing controller", named(executingController.value)] as const])
]

const own = (event: TraceEvent.TraceEvent, detail: Detail | undefined, payload: (val: Val) => string): Fields => {
  switch (event._tag) {
    case "ObjectCreated":
      return [
        ["object", named(event.id.value)],
        ["behaviour", named(event.behaviour)],
        ...(detail?.state === undefined ? [] : [["state", payload(detail.state)] as const])
      ]
    case "ObjectDestroyed":
      return [["object", named(event.id.value)]]
    case "ObjectCalled":
      return [
        ["object", named(event.id.value)],
        ["input", payload(event.input)],
        ["output", Option.match(event.output, { onNone: () => "nothing", onSome: payload })]
      ]
    case "MessageSent":
      return [["from", named(event.from.value)], ["to", named(event.to.value)], ["input", payload(event.input)]]
    case "MessageReceived":
      return [["object", named(event.id.value)], ["input", payload(event.input)]]
    case "StateUpdated":
      return [
        ["object", named(event.id.value)],
        ["state", detail?.state === undefined ? "not recorded" : payload(detail.state)]
      ]
    case "ObjectMoved":
      return [["object", named(event.id.value)], ["from", named(event.from)], ["to", named(event.to)]]
    case "ExecutionMoved":
      return [["from", named(event.from)], ["to", named(event.to)]]
    case "ObjectFetched":
      return [["object", named(event.id.value)], ["machine", named(event.machine)]]
    case "ObjectTransferred":
      return [
        ["object", named(event.id.value)],
        ["from", Option.match(event.from, { onNone: () => "none", onSome: named })],
        ["to", named(event.to)]
      ]
    case "ObjectFrozen":
      return [["object", named(event.id.value)], ["controller", named(event.controller)]]
    case "FunctionRegistered":
    case "FunctionUpdated":
      return [["name", named(event.name)]]
    case "TransactionStarted":
    case "TransactionCommitted":
    case "TransactionAborted":
      return [["transaction", named(event.tx)]]
    case "ErrorOccurred":
      return [["error", payload(TraceEvent.describe(event.error))]]
  }
}

/** `InsufficientFunds: 30 are missing`, from an error as `TraceEvent.describe` has it. */
const failure = (error: Val): string => {
  if (typeof error === "string") return passage(error, maxLabel)
  const of = (key: string): string | undefined => {
    if (typeof error !== "object" || error === null || !Object.hasOwn(error, key)) return undefined
    const value: unknown = Reflect.get(error, key)
    return typeof value === "string" && value !== "" ? passage(value, maxLabel) : undefined
  }
  const tag = of("_tag") ?? of("name")
  const message = of("message")
  if (tag === undefined) return show(error, maxLabel)
  return message === undefined || message === tag ? tag : `${tag}: ${message}`
}
