/**
 * Messages that are processed later, as the model knows them: what is in each mailbox, what was promised, what waits for it.
 *
 * A change takes mail and answers mail, with the mailboxes that have got something, in order.
 *
 * @since 0.1.0
 */
import { AvmError, Mailboxes, ObjectId, type Val } from "@effect-avm/core"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * A promise: how it was settled, or what waits for it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Promised {
  readonly answer: Mailboxes.Answer | undefined
  readonly waiting: ReadonlyArray<Mailboxes.Message | Mailboxes.Forward>
}

/**
 * By the text of ids. A mailbox that is empty is not there.
 *
 * @since 0.1.0
 * @category models
 */
export interface Mail {
  readonly boxes: ReadonlyMap<string, ReadonlyArray<Mailboxes.Message>>
  readonly promises: ReadonlyMap<string, Promised>
}

/**
 * @since 0.1.0
 * @category models
 */
export type Changes = Pick<Mailboxes.Changes, "takes" | "sends" | "settles">

/**
 * @since 0.1.0
 * @category models
 */
export interface Changed {
  readonly mail: Mail
  readonly arrived: ReadonlyArray<ObjectId.ObjectId>
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const empty: Mail = { boxes: new Map(), promises: new Map() }

// ---------------------------------------------------------------------------
// looking
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category operations
 */
export const boxOf = (mail: Mail, id: ObjectId.ObjectId): ReadonlyArray<Mailboxes.Message> =>
  mail.boxes.get(id.value) ?? []

/**
 * The objects by which a transaction conflicts: a message that it has taken is gone, or one came to where it found none.
 *
 * @since 0.1.0
 * @category operations
 */
export const conflicts = (
  { drained, takes }: Pick<Mailboxes.Changes, "takes" | "drained">,
  now: Mail
): ReadonlyArray<ObjectId.ObjectId> => [
  ...takes.filter((taken) => !boxOf(now, taken.to).includes(taken)).map((taken) => taken.to),
  ...drained.filter((id) => boxOf(now, id).some((message) => !takes.includes(message)))
]

// ---------------------------------------------------------------------------
// changing
// ---------------------------------------------------------------------------

/**
 * Takes, sends and settles, in this order.
 *
 * @since 0.1.0
 * @category operations
 */
export const apply = (mail: Mail, { sends, settles, takes }: Changes): Changed => {
  let changed: Changed = { mail, arrived: [] }
  for (const message of takes) changed = { ...changed, mail: without(changed.mail, message) }
  for (const send of sends) changed = post(changed, send)
  for (const [promise, answer] of settles) changed = settle(changed, promise, answer)
  return changed
}

const without = (mail: Mail, message: Mailboxes.Message): Mail => {
  const rest = boxOf(mail, message.to).filter((other) => other !== message)
  const boxes = new Map(mail.boxes)
  if (rest.length === 0) boxes.delete(message.to.value)
  else boxes.set(message.to.value, rest)
  return { ...mail, boxes }
}

const withPromise = ({ arrived, mail }: Changed, id: ObjectId.ObjectId, promised: Promised): Changed => ({
  mail: { ...mail, promises: new Map(mail.promises).set(id.value, promised) },
  arrived
})

const post = (changed: Changed, send: Mailboxes.Message | Mailboxes.Forward): Changed => {
  if (Mailboxes.isForward(send)) return route(changed, send)
  if (!send.answered) return route(changed, send)
  // A key that is known already: the message was accepted before.
  if (changed.mail.promises.has(send.id.value)) return changed
  return route(withPromise(changed, send.id, { answer: undefined, waiting: [] }), send)
}

/** To the mailbox, or to the promise it waits for; or its own promise breaks. */
const route = (changed: Changed, send: Mailboxes.Message | Mailboxes.Forward): Changed => {
  const to = Mailboxes.isForward(send) ? send.promise : send.to
  const promised = changed.mail.promises.get(to.value)
  if (promised === undefined) return Mailboxes.isForward(send) ? changed : deliver(changed, send)
  const { answer } = promised
  if (answer === undefined) return withPromise(changed, to, { answer, waiting: [...promised.waiting, send] })
  if (Mailboxes.isForward(send)) return forwarded(changed, send, answer)
  if (answer._tag !== "Resolved") return brokenBy(changed, send, answer)
  const object = Option.getOrUndefined(answer.output)
  return ObjectId.isObjectId(object) ? route(changed, { ...send, to: object }) : brokenBy(changed, send, notThere(to))
}

const deliver = ({ arrived, mail }: Changed, message: Mailboxes.Message): Changed => ({
  mail: { ...mail, boxes: new Map(mail.boxes).set(message.to.value, [...boxOf(mail, message.to), message]) },
  arrived: [...arrived, message.to]
})

const brokenBy = (changed: Changed, message: Mailboxes.Message, answer: Mailboxes.Answer): Changed =>
  message.answered ? settle(changed, message.id, answer) : changed

const forwarded = (changed: Changed, forward: Mailboxes.Forward, answer: Mailboxes.Answer): Changed => {
  if ((answer._tag === "Resolved") !== (forward.on === "resolved")) return changed
  const { from, id, tag, to } = forward
  const input = [tag, contentOf(answer)]
  return route(changed, { id, from, to, input, behaviour: Option.none(), answered: false })
}

const contentOf = (answer: Mailboxes.Answer): Val.Val => {
  switch (answer._tag) {
    case "Resolved":
      return Option.getOrNull(answer.output)
    case "Broken":
      return Schema.encodeSync(AvmError.AvmError)(answer.error) as Val.Val // JSON data is a `Val`
    case "Died":
      return answer.defect
  }
}

/** What waited goes on, in order; then whose promises that has broken break those that wait for them. */
const settle = (changed: Changed, id: ObjectId.ObjectId, wanted: Mailboxes.Answer): Changed => {
  const promised = changed.mail.promises.get(id.value)
  if (promised === undefined || promised.answer !== undefined) return changed
  const answer = leadsTo(changed.mail, wanted, id) ? notThere(id) : wanted
  let next = withPromise(changed, id, { answer, waiting: [] })
  for (const waiting of promised.waiting) {
    next = Mailboxes.isForward(waiting) ? forwarded(next, waiting, answer) : route(next, waiting)
  }
  return next
}

/** Whether an answer is, by way of others, the very promise that it is for. */
const leadsTo = (mail: Mail, answer: Mailboxes.Answer, id: ObjectId.ObjectId): boolean => {
  const object = answer._tag === "Resolved" ? Option.getOrUndefined(answer.output) : undefined
  if (!ObjectId.isObjectId(object)) return false
  if (object.value === id.value) return true
  const next = mail.promises.get(object.value)?.answer
  return next !== undefined && leadsTo(mail, next, id)
}

const notThere = (id: ObjectId.ObjectId): Mailboxes.Answer =>
  Mailboxes.Broken({ error: new AvmError.ObjectNotFound({ id }) })
