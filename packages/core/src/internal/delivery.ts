/**
 * What a store does to its messages when it commits a change set, in terms of a few operations on its tables. It is the
 * same for every store: `Mailboxes.conflictsOf` and `Mailboxes.apply` are for those who write one.
 *
 * Where a promise is settled, what waited for it goes on, which may settle further promises: a list of things to do, not a
 * recursion, so that chains of promises may be as long as they like.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { AvmError, ObjectNotFound } from "../AvmError.js"
import type { Answer, Changes, DeadLetter, Forward, Message, Output, Promised } from "../Mailboxes.js"
import { isObjectId, type ObjectId } from "../ObjectId.js"
import type { Val } from "../Val.js"

/**
 * The tables of a store, within a commit.
 *
 * @since 0.1.0
 */
export interface Tables {
  /** How many messages there are in the mailbox of an object. */
  readonly size: (to: ObjectId) => number
  readonly has: (message: Message) => boolean
  readonly remove: (message: Message) => void
  /** Puts it at the end of the mailbox of `message.to`, which is no promise. */
  readonly append: (message: Message) => void
  readonly promised: (id: ObjectId) => Promised
  /** Makes a pending promise. */
  readonly promise: (id: ObjectId) => void
  /** Puts it at the end of what waits for a pending promise. */
  readonly wait: (promise: ObjectId, waiting: Message | Forward) => void
  /** Settles a pending promise; answers what waited for it, in the order of waiting, and removes that. */
  readonly settle: (promise: ObjectId, answer: Answer) => ReadonlyArray<Message | Forward>
  readonly hasOutput: (output: Output) => boolean
  readonly addOutput: (output: Output) => void
  readonly removeOutput: (output: Output) => void
  readonly hasDeadLetter: (letter: DeadLetter) => boolean
  readonly addDeadLetter: (letter: DeadLetter) => void
  readonly removeDeadLetter: (letter: DeadLetter) => void
}

// ---------------------------------------------------------------------------
// validating
// ---------------------------------------------------------------------------

/** The objects by which the changes conflict; nothing is changed. */
export const conflicts = (tables: Tables, changes: Changes): ReadonlyArray<ObjectId> => {
  const found = new Map<string, ObjectId>()
  const taken = new Map<string, number>()
  for (const message of changes.takes) {
    count(taken, message.to)
    if (!tables.has(message)) found.set(message.to.value, message.to)
  }
  for (const id of changes.drained) {
    if (tables.size(id) > (taken.get(id.value) ?? 0)) found.set(id.value, id)
  }
  if (Number.isFinite(changes.capacity)) {
    const sent = new Map<string, number>()
    for (const { to } of changes.sends) {
      if (Option.isSome(tables.promised(to))) continue
      if (tables.size(to) - (taken.get(to.value) ?? 0) + count(sent, to) > changes.capacity) found.set(to.value, to)
    }
  }
  for (const output of changes.acknowledged) {
    if (!tables.hasOutput(output)) found.set(output.from.value, output.from)
  }
  for (const letter of changes.unparked) {
    if (!tables.hasDeadLetter(letter)) found.set(letter.message.to.value, letter.message.to)
  }
  return [...found.values()]
}

const count = (counts: Map<string, number>, id: ObjectId): number => {
  const next = (counts.get(id.value) ?? 0) + 1
  counts.set(id.value, next)
  return next
}

// ---------------------------------------------------------------------------
// applying
// ---------------------------------------------------------------------------

/** Applies changes without conflicts. */
export const apply = (tables: Tables, changes: Changes): void => {
  for (const message of changes.takes) tables.remove(message)
  for (const send of changes.sends) {
    if ("promise" in send) forward(tables, send)
    else post(tables, send)
  }
  for (const [promise, answer] of changes.settles) settle(tables, promise, answer)
  for (const output of changes.outputs) tables.addOutput(output)
  for (const output of changes.acknowledged) tables.removeOutput(output)
  for (const letter of changes.parked) tables.addDeadLetter(letter)
  for (const letter of changes.unparked) tables.removeDeadLetter(letter)
}

/** A message whose answer was promised already is one that was accepted already. */
const post = (tables: Tables, message: Message): void => {
  if (message.answered) {
    if (Option.isSome(tables.promised(message.id))) return
    tables.promise(message.id)
  }
  const settled = route(tables, message)
  if (settled !== undefined) settle(tables, message.id, settled)
}

const forward = (tables: Tables, forward: Forward): void => {
  const promised = Option.getOrUndefined(tables.promised(forward.promise))
  if (promised === undefined) return
  if (promised._tag === "Pending") return tables.wait(forward.promise, forward)
  const message = forwarded(forward, promised)
  if (message !== undefined) post(tables, message)
}

/** Brings a message to the mailbox it is for, or to the promise it waits for; answers how its own promise breaks. */
const route = (tables: Tables, message: Message): Answer | undefined => {
  let { to } = message
  for (;;) {
    const promised = Option.getOrUndefined(tables.promised(to))
    if (promised === undefined) {
      tables.append(to === message.to ? message : { ...message, to })
      return undefined
    }
    if (promised._tag === "Pending") {
      tables.wait(to, to === message.to ? message : { ...message, to })
      return undefined
    }
    if (promised._tag !== "Resolved") return promised
    const object = Option.getOrUndefined(promised.output)
    if (!isObjectId(object)) return notThere(to)
    to = object
  }
}

const settle = (tables: Tables, id: ObjectId, answer: Answer): void => {
  const todo: Array<readonly [ObjectId, Answer]> = [[id, answer]]
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const [promise, wanted] = next
    const known = Option.getOrUndefined(tables.promised(promise))
    if (known?._tag !== "Pending") continue
    const answer = isCircular(tables, promise, wanted) ? notThere(promise) : wanted
    const broken: Array<readonly [ObjectId, Answer]> = []
    for (const waiting of tables.settle(promise, answer)) {
      if ("promise" in waiting) {
        const message = forwarded(waiting, answer)
        if (message !== undefined) route(tables, message)
      } else {
        const breaks = route(tables, waiting)
        if (breaks !== undefined && waiting.answered) broken.push([waiting.id, breaks])
      }
    }
    todo.push(...broken.reverse())
  }
}

/** A promise that is settled with itself, by way of others perhaps, is never going to be an object. */
const isCircular = (tables: Tables, promise: ObjectId, answer: Answer): boolean => {
  let next = answer
  while (next._tag === "Resolved" && Option.isSome(next.output) && isObjectId(next.output.value)) {
    if (next.output.value.value === promise.value) return true
    const promised = tables.promised(next.output.value)
    if (Option.isNone(promised) || promised.value._tag === "Pending") return false
    next = promised.value
  }
  return false
}

/** What becomes of a message to a promise that turned out to be no object. */
const notThere = (promise: ObjectId): Answer => ({ _tag: "Broken", error: new ObjectNotFound({ id: promise }) })

/** The message that a forward becomes, if it is for such an answer. */
const forwarded = (forward: Forward, answer: Answer): Message | undefined => {
  if ((answer._tag === "Resolved") !== (forward.on === "resolved")) return undefined
  return {
    id: forward.id,
    from: forward.from,
    to: forward.to,
    input: [forward.tag, contentOf(answer)],
    behaviour: Option.none(),
    answered: false
  }
}

const encodeError = Schema.encodeSync(AvmError)

const contentOf = (answer: Answer): Val => {
  switch (answer._tag) {
    case "Resolved":
      return Option.getOrNull(answer.output)
    case "Broken":
      return encodeError(answer.error) as Val // JSON data is a `Val`
    case "Died":
      return answer.defect
  }
}
