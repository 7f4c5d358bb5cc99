/**
 * The rules of sending and receiving, and of turns.
 *
 * @since 0.1.0
 */
import {
  AvmError,
  type Mailboxes,
  Mailboxes as Mailbox,
  Obj,
  type ObjectId,
  TraceEvent,
  type Val
} from "@effect-avm/core"
import * as Arr from "effect/Array"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { abort, activate } from "../Activation.js"
import * as Execution from "../Execution.js"
import * as Mail from "../Mail.js"
import * as World from "../World.js"
import * as Transactions from "./Transactions.js"

type X = Execution.Execution

// ---------------------------------------------------------------------------
// sending
// ---------------------------------------------------------------------------

/**
 * D24: it never runs the target now.
 *
 * @since 0.1.0
 * @category rules
 */
export const send = (x: X, { args }: Obj.Send): Obj.Promised => Obj.eventual(posted(x, args, true))

/**
 * @since 0.1.0
 * @category rules
 */
export const sendOnly = (x: X, { args }: Obj.SendOnly): void => void posted(x, args, false)

/**
 * @since 0.1.0
 * @category rules
 */
export const forward = (x: X, { on, promise, tag, to }: Obj.Forward["args"]): void =>
  change(x, { id: freshId(x), from: Option.some(Execution.running(x).self), promise, on, to, tag })

const posted = (x: X, { behaviour, id: to, key, message: input }: Obj.Send["args"], answered: boolean) => {
  Execution.valid(input)
  const id = key === undefined ? freshId(x) : Obj.keyed(key)
  const { self } = Execution.running(x)
  const from = Option.some(self)
  change(x, { id, from, to, input, behaviour: Option.fromNullable(behaviour), answered: answered || key !== undefined })
  Execution.log(x, new TraceEvent.MessageSent({ from: self, to, input }))
  return id
}

const freshId = (x: X): ObjectId.ObjectId => {
  const [id, world] = World.freshObjectId(x.world)
  x.world = world
  return id
}

/** D25: inside a transaction it leaves if and when that commits. */
const change = (x: X, send: Mailboxes.Message | Mailboxes.Forward): void => {
  const tx = x.session.tx
  if (tx === undefined) x.world = World.withMail(x.world, { takes: [], sends: [send], settles: [] })
  else Execution.changeTx(x, { sends: [...tx.sends, send], changed: true })
}

// ---------------------------------------------------------------------------
// receiving
// ---------------------------------------------------------------------------

/**
 * D23, with nothing waiting none: the model does not wait.
 *
 * @since 0.1.0
 * @category rules
 */
export const receive = (x: X): Option.Option<Val.Val> => {
  const { self } = Execution.running(x)
  const tx = x.session.tx
  // A7
  if (tx === undefined && !Execution.isRoot(x) && Execution.peek(x, self) === undefined) {
    Execution.fail(new AvmError.ContextUnavailable({ message: `${self.value} is no more` }))
  }
  const now = Mail.boxOf(x.world.store.mail, self)
  const [message] = tx === undefined
    ? now
    : Mail.boxOf(tx.snapshot.mail, self).filter((message) => now.includes(message) && !tx.takes.includes(message))
  if (message === undefined) {
    if (tx !== undefined) Execution.changeTx(x, { drained: [...tx.drained, self] })
    return Option.none()
  }
  if (tx === undefined) x.world = World.withMail(x.world, { takes: [message], sends: [], settles: [] })
  else Execution.changeTx(x, { takes: [...tx.takes, message], changed: true })
  Execution.log(x, new TraceEvent.MessageReceived({ id: self, input: message.input }))
  return Option.some(message.input)
}

// ---------------------------------------------------------------------------
// turns
// ---------------------------------------------------------------------------

/**
 * One message, in a turn of its own: a transaction of its object's controller, or of none (A43). What fails is undone, and
 * breaks the promise.
 *
 * @since 0.1.0
 * @category rules
 */
export const turn = (x: X, message: Mailboxes.Message): void => {
  const tx = Transactions.begin(x, { controller: Option.none() })
  const outcome = Execution.outcomeOf(() => {
    const output = run(x, message)
    const answer = Mailbox.Resolved({ output })
    if (message.answered) Execution.changeTx(x, { settles: [[message.id, answer]] })
    Transactions.commit(x, { id: tx })
  })
  if (Either.isRight(outcome)) return
  abort(x)
  // D25: its entries stay, with ErrorOccurred at their end.
  Execution.log(x, new TraceEvent.ErrorOccurred({ error: outcome.left }), Option.none())
  const settles: Mail.Changes["settles"] = message.answered
    ? [[message.id, Mailbox.Broken({ error: outcome.left })]]
    : []
  x.world = World.withMail(x.world, { takes: [message], sends: [], settles })
}

const run = (x: X, message: Mailboxes.Message): Option.Option<Val.Val> => {
  const { behaviour, from, input, to } = message
  const object = Execution.look(x, to) ?? Execution.fail(new AvmError.ObjectNotFound({ id: to }))
  // A35
  if (Option.isSome(behaviour) && behaviour.value !== object.behaviour) {
    Execution.fail(new AvmError.InvalidInput({ id: to, input }))
  }
  const script = x.world.behaviours.get(object.behaviour) ??
    Execution.fail(new AvmError.BehaviourNotFound({ name: object.behaviour }))
  // A43
  if (Option.isNone(object.metadata.currentController)) Execution.changeTx(x, { orphan: to.value })
  Execution.claim(x, to, object)
  Execution.changeTx(x, { takes: [message], changed: true })
  Execution.log(x, new TraceEvent.MessageReceived({ id: to, input }))
  const outputs = activate(x, {
    self: to,
    input,
    sender: from,
    machine: object.metadata.machine,
    replicaAt: Option.none(),
    answers: [],
    replay: Option.none(),
    before: Option.none(),
    rejected: []
  }, script)
  const output = Arr.head(outputs)
  Execution.log(x, new TraceEvent.ObjectCalled({ id: to, input, output }))
  return output
}
