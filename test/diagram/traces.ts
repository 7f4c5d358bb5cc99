/**
 * Traces made by hand, of any length. The events are not validated one by one: there may be a million of them.
 */
import { ControllerId, ObjectId, TraceEvent, type TxId, type Val } from "@effect-avm/core"
import type { Recording } from "@effect-avm/diagram"
import { Option } from "effect"

export const id = (text: string): ObjectId.ObjectId => ObjectId.make(text)

/** A transaction's id is branded text that a machine gives out; here the test is the machine. */
export const txId = (text: string): TxId.TxId => text as TxId.TxId

/** Entries with timestamps from 0 on. */
export const trace = (
  ...events: ReadonlyArray<readonly [event: TraceEvent.TraceEvent, detail?: Recording.Detail, controller?: string]>
): ReadonlyArray<Recording.Entry> =>
  events.map(([event, detail, controller], timestamp) => ({
    timestamp,
    event,
    executingController: Option.map(Option.fromNullable(controller), ControllerId.make),
    ...(detail === undefined ? {} : { detail })
  }))

export const created = (object: string, behaviour = "Thing"): TraceEvent.TraceEvent =>
  new TraceEvent.ObjectCreated({ id: id(object), behaviour }, true)

export const destroyed = (object: string): TraceEvent.TraceEvent =>
  new TraceEvent.ObjectDestroyed({ id: id(object) }, true)

export const called = (object: string, input: Val.Val, output?: Val.Val): TraceEvent.TraceEvent =>
  new TraceEvent.ObjectCalled({ id: id(object), input, output: Option.fromNullable(output) }, true)

export const updated = (object: string): TraceEvent.TraceEvent => new TraceEvent.StateUpdated({ id: id(object) }, true)

export const sent = (from: string, to: string, input: Val.Val): TraceEvent.TraceEvent =>
  new TraceEvent.MessageSent({ from: id(from), to: id(to), input }, true)

export const received = (object: string, input: Val.Val): TraceEvent.TraceEvent =>
  new TraceEvent.MessageReceived({ id: id(object), input }, true)

export const begun = (tx: string): TraceEvent.TraceEvent => new TraceEvent.TransactionStarted({ tx: txId(tx) }, true)

export const committed = (tx: string): TraceEvent.TraceEvent =>
  new TraceEvent.TransactionCommitted({ tx: txId(tx) }, true)

export const aborted = (tx: string): TraceEvent.TraceEvent => new TraceEvent.TransactionAborted({ tx: txId(tx) }, true)

export const failed = (error: unknown): TraceEvent.TraceEvent => new TraceEvent.ErrorOccurred({ error }, true)

/**
 * Some objects are created, then called again and again in transactions of four entries, of which each tenth is aborted.
 * Nothing is built before it is asked for.
 */
export const long = (length: number, objects: number): Iterable<Recording.Entry> => ({
  *[Symbol.iterator]() {
    const root = id("root")
    const balances = new Array<number>(objects).fill(0)
    const bank = Option.some(ControllerId.make("bank"))
    for (let timestamp = 0; timestamp < length; timestamp++) {
      const entry = (event: TraceEvent.TraceEvent, detail: Recording.Detail = {}): Recording.Entry => ({
        timestamp,
        event,
        executingController: bank,
        detail: { by: root, ...detail }
      })
      if (timestamp < objects) {
        const neighbour = id(`account-${(timestamp + 1) % objects}`)
        yield entry(created(`account-${timestamp}`, "Account"), { state: { balance: 0, neighbour } })
        continue
      }
      const round = Math.floor((timestamp - objects) / 4)
      const object = round % objects
      const isAborted = round % 10 === 9
      const name = `account-${object}`
      const tx = txId(`t${round}`)
      switch ((timestamp - objects) % 4) {
        case 0:
          yield entry(begun(tx))
          break
        case 1: {
          const balance = balances[object] + 1
          if (!isAborted) balances[object] = balance
          yield entry(updated(name), {
            by: id(name),
            tx,
            state: { balance, neighbour: id(`account-${(object + 1) % objects}`) }
          })
          break
        }
        case 2:
          yield entry(called(name, ["Deposit", { amount: round }], round), { since: timestamp - 1, tx })
          break
        default:
          yield entry(isAborted ? aborted(tx) : committed(tx))
      }
    }
  }
})
