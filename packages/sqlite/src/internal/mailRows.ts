/**
 * The tables of messages: what a commit writes into them, and all of it when the file is opened.
 *
 * Pinned by the law suite `MailboxesLaws` and `test/sqlite/Mail.test.ts`.
 */
import { AvmError, Mailboxes, ObjectId, Val } from "@effect-avm/core"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Connection, Row, Value } from "../Driver.js"
import { MessageUnreadable, reasonOf } from "../Failure.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/** What waits for a promise. */
export type Waiting = Mailboxes.Message | Mailboxes.Forward

/** A change of one row. The ordinals of all tables are drawn from one sequence, and say who came first. */
export type MailChange =
  | {
    readonly _tag: "MessageCame"
    readonly ordinal: number
    readonly version: number
    readonly message: Mailboxes.Message
  }
  | { readonly _tag: "MessageGone"; readonly ordinal: number }
  | { readonly _tag: "PromiseMade"; readonly id: ObjectId.ObjectId }
  | {
    readonly _tag: "PromiseAwaited"
    readonly ordinal: number
    readonly promise: ObjectId.ObjectId
    readonly waiting: Waiting
  }
  /** Nothing waits for it any more. */
  | {
    readonly _tag: "PromiseSettled"
    readonly ordinal: number
    readonly id: ObjectId.ObjectId
    readonly answer: Mailboxes.Answer
  }
  | { readonly _tag: "PromiseForgotten"; readonly id: string }
  | { readonly _tag: "OutputCame"; readonly ordinal: number; readonly output: Mailboxes.Output }
  | { readonly _tag: "OutputGone"; readonly ordinal: number }
  | { readonly _tag: "LetterCame"; readonly ordinal: number; readonly letter: Mailboxes.DeadLetter }
  | { readonly _tag: "LetterGone"; readonly ordinal: number }

/** Everything that the tables have, each in order. */
export interface Contents {
  readonly messages: ReadonlyArray<{
    readonly ordinal: number
    readonly version: number
    readonly message: Mailboxes.Message
  }>
  readonly pending: ReadonlyArray<ObjectId.ObjectId>
  readonly settled: ReadonlyArray<{
    readonly ordinal: number
    readonly id: ObjectId.ObjectId
    readonly answer: Mailboxes.Answer
  }>
  readonly waiting: ReadonlyArray<{
    readonly ordinal: number
    readonly promise: ObjectId.ObjectId
    readonly waiting: Waiting
  }>
  readonly outputs: ReadonlyArray<{ readonly ordinal: number; readonly output: Mailboxes.Output }>
  readonly letters: ReadonlyArray<{ readonly ordinal: number; readonly letter: Mailboxes.DeadLetter }>
}

export interface MailRows {
  readonly load: () => Contents
  readonly write: (change: MailChange) => void
}

// ---------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------

const messageColumns = "id, sender, receiver, input, behaviour, answered"
const answerColumns = "answer, value, error"

export const make = (connection: Connection): MailRows => ({ load: loading(connection), write: writing(connection) })

// ---------------------------------------------------------------------------
// writing
// ---------------------------------------------------------------------------

const writing = (connection: Connection): MailRows["write"] => {
  const prepare = (sql: string) => connection.prepare(sql)
  const addMessage = prepare(
    `INSERT INTO messages (ordinal, version, ${messageColumns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
  )
  const dropMessage = prepare("DELETE FROM messages WHERE ordinal = ?")
  const addPromise = prepare("INSERT INTO promises (id) VALUES (?)")
  const settle = prepare("UPDATE promises SET settled = ?, answer = ?, value = ?, error = ? WHERE id = ?")
  const dropWaiting = prepare("DELETE FROM waiting WHERE promise = ?")
  const forget = prepare("DELETE FROM promises WHERE id = ?")
  const addWaiting = prepare(
    "INSERT INTO waiting (ordinal, promise, id, sender, input, behaviour, answered, forward_on, receiver, tag) " +
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
  )
  const addOutput = prepare(
    "INSERT INTO outputs (ordinal, key, channel, sender, payload, answer_to, answer_tag) VALUES (?, ?, ?, ?, ?, ?, ?)"
  )
  const dropOutput = prepare("DELETE FROM outputs WHERE ordinal = ?")
  const addLetter = prepare(
    `INSERT INTO dead_letters (ordinal, attempts, ${messageColumns}, ${answerColumns}) ` +
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
  )
  const dropLetter = prepare("DELETE FROM dead_letters WHERE ordinal = ?")

  return (change) => {
    switch (change._tag) {
      case "MessageCame":
        return addMessage.run(change.ordinal, change.version, ...fromMessage(change.message))
      case "MessageGone":
        return dropMessage.run(change.ordinal)
      case "PromiseMade":
        return addPromise.run(change.id.value)
      case "PromiseAwaited": {
        const { ordinal, promise, waiting } = change
        const { from, id } = waiting
        if (Mailboxes.isForward(waiting)) {
          const { on, tag, to } = waiting
          return addWaiting.run(ordinal, promise.value, id.value, idText(from), null, null, null, on, to.value, tag)
        }
        const [, sender, , input, behaviour, answered] = fromMessage(waiting)
        return addWaiting.run(ordinal, promise.value, id.value, sender, input, behaviour, answered, null, null, null)
      }
      case "PromiseSettled": {
        settle.run(change.ordinal, ...fromAnswer(change.answer), change.id.value)
        return dropWaiting.run(change.id.value)
      }
      case "PromiseForgotten":
        return forget.run(change.id)
      case "OutputCame": {
        const { answer, channel, from, key, payload } = change.output
        const to = answer._tag === "None" ? [null, null] as const : [answer.value.to.value, answer.value.tag] as const
        return addOutput.run(change.ordinal, key, channel, from.value, Val.toBytes(payload), ...to)
      }
      case "OutputGone":
        return dropOutput.run(change.ordinal)
      case "LetterCame": {
        const { attempts, message, reason } = change.letter
        return addLetter.run(change.ordinal, attempts, ...fromMessage(message), ...fromAnswer(reason))
      }
      case "LetterGone":
        return dropLetter.run(change.ordinal)
    }
  }
}

type Six = readonly [Value, Value, Value, Value, Value, Value]

const fromMessage = ({ answered, behaviour, from, id, input, to }: Mailboxes.Message): Six => [
  id.value,
  idText(from),
  to.value,
  Val.toBytes(input),
  Option.getOrNull(behaviour),
  answered ? 1 : 0
]

const fromAnswer = (answer: Mailboxes.Answer): readonly [Value, Value, Value] => {
  switch (answer._tag) {
    case "Resolved":
      return ["resolved", answer.output._tag === "None" ? null : Val.toBytes(answer.output.value), null]
    case "Broken":
      return ["broken", null, encodeError(answer.error)]
    case "Died":
      return ["died", Val.toBytes(answer.defect), null]
  }
}

const errorJson = Schema.parseJson(AvmError.AvmError)
const encodeError = Schema.encodeSync(errorJson)
const decodeError = Schema.decodeUnknownSync(errorJson)

const idText = (id: Option.Option<ObjectId.ObjectId>): string | null => id._tag === "None" ? null : id.value.value

// ---------------------------------------------------------------------------
// reading
// ---------------------------------------------------------------------------

/** Throws `MessageUnreadable`, which names the row. */
const loading = (connection: Connection): MailRows["load"] => {
  const rowsOf = (table: string, columns: string, order: string) => {
    const statement = connection.prepare(`SELECT ${columns} FROM ${table} ORDER BY ${order}`)
    return <A>(decode: (row: Row) => A): ReadonlyArray<A> =>
      statement.all().map((row) => {
        try {
          return decode(row)
        } catch (thrown) {
          throw new MessageUnreadable({ table, row: String(row[0]), reason: reasonOf(thrown).reason })
        }
      })
  }
  const messages = rowsOf("messages", `ordinal, version, ${messageColumns}`, "ordinal")
  const pending = rowsOf("promises", "id, settled", "settled, rowid")
  const settled = rowsOf("promises", `id, settled, ${answerColumns}`, "settled")
  const waiting = rowsOf(
    "waiting",
    "ordinal, promise, id, sender, input, behaviour, answered, forward_on, receiver, tag",
    "ordinal"
  )
  const outputs = rowsOf("outputs", "ordinal, key, channel, sender, payload, answer_to, answer_tag", "ordinal")
  const letters = rowsOf("dead_letters", `ordinal, attempts, ${messageColumns}, ${answerColumns}`, "ordinal")

  return () => ({
    messages: messages(([ordinal, version, ...message]) => ({
      ordinal: integer(ordinal),
      version: integer(version),
      message: toMessage(message)
    })),
    pending: pending(([id, settled]) => settled === null ? [toId(id)] : []).flat(),
    settled: settled(([id, settled, ...answer]) =>
      settled === null ? [] : [{ ordinal: integer(settled), id: toId(id), answer: toAnswer(answer) }]
    ).flat(),
    waiting: waiting(([ordinal, promise, id, sender, input, behaviour, answered, on, receiver, tag]) => ({
      ordinal: integer(ordinal),
      promise: toId(promise),
      waiting: on === null
        ? toMessage([id ?? null, sender ?? null, promise ?? null, input ?? null, behaviour ?? null, answered ?? null])
        : {
          id: toId(id),
          from: toOptionalId(sender),
          promise: toId(promise),
          on: on === "resolved" || on === "broken" ? on : refuse(`forwarded on ${on}`),
          to: toId(receiver),
          tag: text(tag)
        }
    })),
    outputs: outputs(([ordinal, key, channel, sender, payload, to, tag]) => ({
      ordinal: integer(ordinal),
      output: {
        key: text(key),
        channel: text(channel),
        from: toId(sender),
        payload: toVal(payload),
        answer: to === null ? Option.none() : Option.some({ to: toId(to), tag: text(tag) })
      }
    })),
    letters: letters(([ordinal, attempts, id, sender, receiver, input, behaviour, answered, ...reason]) => ({
      ordinal: integer(ordinal),
      letter: {
        message: toMessage([
          id ?? null,
          sender ?? null,
          receiver ?? null,
          input ?? null,
          behaviour ?? null,
          answered ?? null
        ]),
        reason: toAnswer(reason),
        attempts: integer(attempts)
      }
    }))
  })
}

/** `messageColumns` */
const toMessage = ([id, sender, receiver, input, behaviour, answered]: Row): Mailboxes.Message => ({
  id: toId(id),
  from: toOptionalId(sender),
  to: toId(receiver),
  input: toVal(input),
  behaviour: behaviour === null ? Option.none() : Option.some(text(behaviour)),
  answered: integer(answered) === 1
})

/** `answerColumns` */
const toAnswer = ([answer, value, error]: Row): Mailboxes.Answer => {
  switch (answer) {
    case "resolved":
      return Mailboxes.Resolved({ output: value === null ? Option.none() : Option.some(toVal(value)) })
    case "broken":
      return Mailboxes.Broken({ error: decodeError(error) })
    case "died":
      return Mailboxes.Died({ defect: toVal(value) })
    default:
      return refuse(`${answer} is no answer`)
  }
}

const refuse = (reason: string): never => {
  throw new Error(reason)
}

const text = (value: Value | undefined): string => typeof value === "string" ? value : refuse("no text")

const integer = (value: Value | undefined): number => Number.isSafeInteger(value) ? Number(value) : refuse("no integer")

const toVal = (value: Value | undefined): Val.Val => {
  if (!(value instanceof Uint8Array)) return refuse("no bytes")
  const decoded = Val.fromBytes(value)
  return decoded._tag === "Left" ? refuse(decoded.left) : decoded.right
}

const toId = (value: Value | undefined): ObjectId.ObjectId => ObjectId.make(text(value))

const toOptionalId = (value: Value | undefined): Option.Option<ObjectId.ObjectId> =>
  value === null ? Option.none() : Option.some(toId(value))
