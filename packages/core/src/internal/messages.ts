/**
 * The Object family: messages that are processed later, and their answers.
 *
 * In a transaction all of it is pending (D25). Outside, each instruction is a commit of its own.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import {
  type AvmError,
  ContextUnavailable,
  InvalidDuringTx,
  MailboxFull,
  ObjectNotFound,
  type StoreError
} from "../AvmError.js"
import { freshObjectId } from "../IdGenerator.js"
import {
  type Changes,
  type Forward,
  type Message,
  noChanges,
  type Output,
  type PeekOptions,
  type Promised,
  type Service,
  waitFor
} from "../Mailboxes.js"
import * as Obj from "../Obj.js"
import type { ObjectId } from "../ObjectId.js"
import { latest } from "../ObjectStore.js"
import { MessageReceived, MessageSent } from "../TraceEvent.js"
import { fromUnknown, type Val } from "../Val.js"
import { directOf } from "./direct.js"
import type { Cell } from "./frame.js"
import { changing, commitNow, type Implementation, type Kernel, trace } from "./kernel.js"
import type { DirectMailboxes } from "./memoryMailboxes.js"
import { andThen, done, effectOf, fail, later, type Step, succeed } from "./sync.js"
import { trust } from "./trust.js"

export const make = (
  kernel: Kernel
): Implementation<Pick<Obj.Service, "receive" | "send" | "sendOnly" | "await" | "forward" | "emit">> => ({
  receive: (cell) => receive(kernel, cell),
  send: (cell, id, message, behaviour, key) =>
    andThen(send(kernel, cell, id, message, behaviour, key, true), (sent) => succeed(Obj.eventual(sent))),
  sendOnly: (cell, id, message, behaviour, key) =>
    andThen(send(kernel, cell, id, message, behaviour, key, false), () => done),
  await: (cell, promise) => awaiting(kernel, cell, promise),
  forward: (cell, promise, on, to, tag) => forward(kernel, cell, promise, on, to, tag),
  emit: (cell, channel, payload, answer) => emit(kernel, cell, channel, payload, answer)
})

// ---------------------------------------------------------------------------
// sending
// ---------------------------------------------------------------------------

const send = (
  kernel: Kernel,
  cell: Cell,
  to: ObjectId,
  input: Val,
  behaviour: string | undefined,
  key: string | undefined,
  answered: boolean
): Step<ObjectId, Obj.SendError> => {
  const checked = fromUnknown(input)
  if (checked._tag === "Left") return fail(checked.left)
  return andThen(
    changing(cell, answered ? "send" : "sendOnly"),
    () =>
      andThen(key === undefined ? freshObjectId(kernel.ids) : succeed(Obj.keyed(key)), (id) => {
        const from = cell.frame.self
        const message: Message = {
          id,
          from: cell.frame.asSender,
          to,
          input,
          behaviour: Option.fromNullable(behaviour),
          // A key is known for as long as its answer.
          answered: answered || key !== undefined
        }
        return andThen(
          post(kernel, cell, message),
          () => andThen(trace(kernel, cell, () => trust(MessageSent, { from, to, input })), () => succeed(id))
        )
      })
  )
}

const forward = (
  kernel: Kernel,
  cell: Cell,
  promise: ObjectId,
  on: Forward["on"],
  to: ObjectId,
  tag: string
): Step<void, Obj.SendError> =>
  andThen(changing(cell, "forward"), () =>
    andThen(
      freshObjectId(kernel.ids),
      // It takes up no room before its promise is settled, and goes its way then.
      (id) => change(kernel, cell, { id, from: cell.frame.asSender, promise, on, to, tag })
    ))

/** Sends if there is room in the mailbox; the commit finds out if others were faster. */
const post = (kernel: Kernel, cell: Cell, message: Message): Step<void, MailboxFull | StoreError> => {
  const { capacity, onFull } = kernel.post.options
  if (capacity === Number.POSITIVE_INFINITY) return change(kernel, cell, message)
  const { to } = message
  const tx = cell.open
  return andThen(sizeOf(kernel, to), (size): Step<void, MailboxFull | StoreError> => {
    const pending = tx === undefined ? 0 : tx.messages.sent(to) - tx.messages.taken(to)
    if (size + pending < capacity) {
      if (tx !== undefined) tx.messages.capacity = capacity
      return change(kernel, cell, message, capacity)
    }
    // Whoever waits in a transaction keeps others from making room.
    if (onFull === "fail" || tx !== undefined) return fail(new MailboxFull({ id: to }))
    const room = waitFor(
      kernel.mailboxes,
      ({ taken }) => taken.some((id) => id.value === to.value),
      Effect.map(kernel.mailboxes.size(to), (size) => size < capacity ? Option.some(undefined) : Option.none())
    )
    return andThen(later(room), () => post(kernel, cell, message))
  })
}

const change = (
  kernel: Kernel,
  cell: Cell,
  send: Message | Forward,
  capacity: number = noChanges.capacity
): Step<void, MailboxFull | StoreError> => {
  const tx = cell.open
  if (tx !== undefined) {
    tx.changed = true
    tx.messages.sends.push(send)
    return done
  }
  return andThen(
    commitMessages(kernel, { sends: [send], capacity }),
    (committed): Step<void, MailboxFull | StoreError> =>
      committed || "promise" in send ? done : post(kernel, cell, send)
  )
}

// ---------------------------------------------------------------------------
// outputs
// ---------------------------------------------------------------------------

const emit = (
  kernel: Kernel,
  cell: Cell,
  channel: string,
  payload: Val,
  answer: Output["answer"]
): Step<void, Obj.SendError> => {
  const checked = fromUnknown(payload)
  if (checked._tag === "Left") return fail(checked.left)
  return andThen(changing(cell, "emit"), () =>
    andThen(freshObjectId(kernel.ids), (id): Step<void, StoreError> => {
      const output: Output = { key: id.value, channel, from: cell.frame.self, payload, answer }
      const tx = cell.open
      if (tx === undefined) return andThen(commitMessages(kernel, { outputs: [output] }), () => done)
      tx.changed = true
      tx.messages.outputs.push(output)
      return done
    }))
}

// ---------------------------------------------------------------------------
// receiving
// ---------------------------------------------------------------------------

const receive = (kernel: Kernel, cell: Cell): Step<Option.Option<Val>, Obj.ReceiveError> => {
  const { self } = cell.frame
  const tx = cell.open
  if (tx === undefined) {
    return andThen(
      standing(kernel, cell),
      () =>
        andThen(
          takeNow(kernel, self),
          (message): Step<Option.Option<Val>, Obj.ReceiveError> =>
            Option.isSome(message) || kernel.post.options.receive === "none"
              ? received(kernel, cell, message)
              : andThen(later(wait(kernel, self)), (message) => received(kernel, cell, Option.some(message)))
        )
    )
  }
  const skip = tx.messages.taken(self)
  return andThen(peek(kernel, self, { skip, limit: 1, until: tx.snapshot }), ([message]) => {
    if (message === undefined) {
      tx.messages.drain(self)
      return succeed(Option.none())
    }
    return andThen(changing(cell, "receive"), () => {
      tx.changed = true
      tx.messages.takes.push(message)
      return received(kernel, cell, Option.some(message))
    })
  })
}

/** Takes the next message out of the mailbox of the running object, if there is one. */
const takeNow = (kernel: Kernel, self: ObjectId): Step<Option.Option<Message>, StoreError> =>
  andThen(
    peek(kernel, self, { limit: 1 }),
    ([message]): Step<Option.Option<Message>, StoreError> =>
      message === undefined
        ? succeed(Option.none())
        : andThen(
          commitMessages(kernel, { takes: [message] }),
          (committed) => committed ? succeed(Option.some(message)) : takeNow(kernel, self)
        )
  )

/** Meanwhile the messages of this object are no others'. */
const wait = (kernel: Kernel, self: ObjectId): Effect.Effect<Message, StoreError> =>
  Effect.acquireUseRelease(
    Effect.sync(() => kernel.post.take(self)),
    () =>
      waitFor(
        kernel.mailboxes,
        ({ mailboxes }) => mailboxes.some((id) => id.value === self.value),
        Effect.suspend(() => effectOf(takeNow(kernel, self)))
      ),
    () => Effect.sync(() => kernel.post.free(self))
  )

const received = (
  kernel: Kernel,
  cell: Cell,
  message: Option.Option<Message>
): Step<Option.Option<Val>> => {
  if (Option.isNone(message)) return succeed(Option.none())
  const { input } = message.value
  const traced = trace(kernel, cell, () => trust(MessageReceived, { id: cell.frame.self, input }))
  return andThen(traced, () => succeed(Option.some(input)))
}

/** A7: an object that was destroyed has no mailbox of its own any more. */
const standing = (kernel: Kernel, cell: Cell): Step<void, ContextUnavailable | StoreError> =>
  cell.frame.place._tag === "Root" ? done : andThen(
    kernel.objects.read(cell.frame.self, latest),
    (stored): Step<void, ContextUnavailable> =>
      stored?._tag === "StoredObject"
        ? done
        : fail(new ContextUnavailable({ message: `The running object ${cell.frame.self.value} is destroyed` }))
  )

// ---------------------------------------------------------------------------
// answers
// ---------------------------------------------------------------------------

const awaiting = (kernel: Kernel, cell: Cell, promise: ObjectId): Step<Option.Option<Val>, AvmError> => {
  if (cell.open !== undefined) return fail(new InvalidDuringTx({ what: "await" }))
  return later(Effect.flatten(waitFor(
    kernel.mailboxes,
    ({ settled }) => settled.some((id) => id.value === promise.value),
    Effect.map(kernel.mailboxes.promised(promise), (promised) => outcomeOf(promise, promised))
  )))
}

/** None while it is pending. */
const outcomeOf = (
  promise: ObjectId,
  promised: Promised
): Option.Option<Exit.Exit<Option.Option<Val>, AvmError>> => {
  if (Option.isNone(promised)) return Option.some(Exit.fail(new ObjectNotFound({ id: promise })))
  switch (promised.value._tag) {
    case "Pending":
      return Option.none()
    case "Resolved":
      return Option.some(Exit.succeed(promised.value.output))
    case "Broken":
      return Option.some(Exit.fail(promised.value.error))
    case "Died":
      return Option.some(Exit.die(promised.value.defect))
  }
}

// ---------------------------------------------------------------------------
// shared
// ---------------------------------------------------------------------------

/** Whether the changes were committed; if not, something of them was not there any more. */
export const commitMessages = (kernel: Kernel, changes: Partial<Changes>): Step<boolean, StoreError> =>
  andThen(
    commitNow(kernel, { messages: { ...noChanges, ...changes } }),
    (outcome) => succeed(outcome._tag === "Committed")
  )

export const peek = (
  { mailboxes }: { readonly mailboxes: Service },
  to: ObjectId,
  options: PeekOptions
): Step<ReadonlyArray<Message>, StoreError> =>
  directOf<DirectMailboxes>(mailboxes)?.peek(to, options) ?? later(mailboxes.peek(to, options))

const sizeOf = ({ mailboxes }: Kernel, to: ObjectId): Step<number, StoreError> =>
  directOf<DirectMailboxes>(mailboxes)?.size(to) ?? later(mailboxes.size(to))
