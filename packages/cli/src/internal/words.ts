/**
 * A trace entry in the columns of a table, and as JSON.
 */
import { TraceEvent, type TxId } from "@effect-avm/core"
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Row } from "./table.js"
import { cut, printable, shortIds, showVal, type Style } from "./text.js"

/** An entry with what is known beside it; number and time where it is kept. */
export interface Traced {
  readonly execution: string
  readonly tx: Option.Option<TxId.TxId>
  readonly entry: TraceEvent.TraceEntry
  readonly number?: number
  readonly atMillis?: number
}

// ---------------------------------------------------------------------------
// for people
// ---------------------------------------------------------------------------

export const runHeader = ["time", "transaction", "controller", "event", "object", "details"]

export const runRow = ({ entry, tx }: Traced): Row => [String(entry.timestamp), ...columnsOf(entry, tx)]

export const storeHeader = ["entry", "at", "transaction", "controller", "event", "object", "details"]

export const storeRow = ({ atMillis = 0, entry, number = 0, tx }: Traced): Row => [
  String(number),
  { text: timeOf(atMillis), style: "dim" },
  ...columnsOf(entry, tx)
]

const columnsOf = ({ event, executingController }: TraceEvent.TraceEntry, tx: Option.Option<string>): Row => [
  { text: name("tx" in event ? event.tx : Option.getOrElse(tx, () => "-")), style: "dim" },
  name(Option.getOrElse(executingController, () => "-")),
  { text: event._tag, style: styleOf(event) },
  name(objectOf(event)),
  detailsOf(event)
]

/** In universal time, so that it is the same wherever it is read. */
const timeOf = (millis: number): string =>
  Option.match(DateTime.make(millis), {
    onNone: () => "-",
    onSome: (at) => DateTime.formatIso(at).slice(0, -1).replace("T", " ")
  })

const name = (text: string): string => printable(cut(shortIds(text), 200))

const styleOf = ({ _tag }: TraceEvent.TraceEvent): Style | undefined => {
  switch (_tag) {
    case "TransactionCommitted":
      return "green"
    case "TransactionAborted":
    case "ErrorOccurred":
      return "red"
    case "ObjectCreated":
    case "ObjectDestroyed":
      return "cyan"
    case "StateUpdated":
      return "yellow"
    default:
      return undefined
  }
}

const objectOf = (event: TraceEvent.TraceEvent): string => {
  switch (event._tag) {
    case "MessageSent":
      return event.to.value
    case "ObjectCreated":
    case "ObjectDestroyed":
    case "ObjectCalled":
    case "MessageReceived":
    case "StateUpdated":
    case "ObjectMoved":
    case "ObjectFetched":
    case "ObjectTransferred":
    case "ObjectFrozen":
      return event.id.value
    default:
      return ""
  }
}

const detailsOf = (event: TraceEvent.TraceEvent): string => {
  switch (event._tag) {
    case "ObjectCreated":
      return name(event.behaviour)
    case "ObjectCalled":
      return `${showVal(event.input)} -> ${Option.match(event.output, { onNone: () => "nothing", onSome: showVal })}`
    case "MessageSent":
      return `${name(event.from.value)} sends ${showVal(event.input)}`
    case "MessageReceived":
      return showVal(event.input)
    case "ObjectMoved":
    case "ExecutionMoved":
      return name(`${event.from} -> ${event.to}`)
    case "ObjectFetched":
      return name(`to ${event.machine}`)
    case "ObjectTransferred":
      return name(`${Option.getOrElse(event.from, () => "nobody")} -> ${event.to}`)
    case "ObjectFrozen":
      return name(`by ${event.controller}`)
    case "FunctionRegistered":
    case "FunctionUpdated":
      return name(event.name)
    case "ErrorOccurred":
      return showVal(TraceEvent.describe(event.error))
    case "ObjectDestroyed":
    case "StateUpdated":
    case "TransactionStarted":
    case "TransactionCommitted":
    case "TransactionAborted":
      return ""
  }
}

// ---------------------------------------------------------------------------
// for programs
// ---------------------------------------------------------------------------

const encodeEvent = Schema.encodeSync(TraceEvent.TraceEvent)

export const toJson = ({ atMillis, entry, execution, number, tx }: Traced): unknown => ({
  ...number === undefined ? {} : { entry: number },
  ...atMillis === undefined ? {} : { atMillis },
  execution,
  timestamp: entry.timestamp,
  // Where it begins and ends, the event says so itself.
  transaction: "tx" in entry.event ? entry.event.tx : Option.getOrNull(tx),
  controller: Option.getOrNull(entry.executingController),
  event: encodeEvent(entry.event)
})
