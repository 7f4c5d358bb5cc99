/**
 * The port `Mailboxes` over the messages of a file.
 *
 * What is answered is durable: a question about something that a commit on its way has changed waits for that. Within a
 * transaction (`until`) it sees what its snapshot sees, as with objects.
 */
import { type AvmError, Mailboxes, type ObjectId } from "@effect-avm/core"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { type Failure, ReadFailed, reasonOf, StoreClosed, toStoreError } from "../Failure.js"
import { type Committer, snapshotLost } from "./committer.js"
import type { Mail } from "./mail.js"

export const make = (mail: Mail, committer: Committer): Mailboxes.Service => {
  /** At once, or as soon as it is durable what commit `by` has done. */
  const looking = <A>(what: string, by: number, look: () => A): Effect.Effect<A, AvmError.StoreError> => {
    const answer = (): Exit.Exit<A, AvmError.StoreError> => {
      try {
        committer.ready()
        return Exit.succeed(look())
      } catch (thrown) {
        const failure: Failure = thrown instanceof StoreClosed
          ? thrown
          : new ReadFailed({ what, ...reasonOf(thrown) })
        return Exit.fail(toStoreError(failure))
      }
    }
    return committer.isPending(by)
      ? Effect.withFiberRuntime((fiber) => committer.afterwards(fiber.currentScheduler, answer))
      : answer()
  }

  const ofMailbox = <A>(id: ObjectId.ObjectId, look: () => A) =>
    looking(`the messages for ${id.value}`, mail.touchedBy(id), look)

  const ofAll = <A>(what: string, look: () => A) => Effect.suspend(() => looking(what, committer.clock, look))

  const direct: Mailboxes.Direct = {
    peek: (to, options) => {
      const until = options?.until
      if (until === undefined) return ofMailbox(to, () => mail.peek(to, options))
      if (!committer.isLost(until.version)) {
        return looking(`the messages for ${to.value}`, 0, () => mail.peek(to, options))
      }
      committer.told.add(until)
      return Exit.fail(snapshotLost(until.version))
    },
    size: (to) => ofMailbox(to, () => mail.size(to))
  }

  const service: Mailboxes.Service = {
    waiting: ofAll("the mailboxes", () => mail.waiting),
    peek: (to, options) => Effect.suspend(() => direct.peek(to, options)),
    size: (to) => Effect.suspend(() => direct.size(to)),
    promised: (promise) => Effect.suspend(() => ofMailbox(promise, () => mail.promised(promise))),
    deadLetters: ofAll("the dead letters", () => mail.allLetters),
    outputs: ofAll("the outputs", () => mail.allOutputs),
    listen: (listener) =>
      Effect.asVoid(Effect.acquireRelease(
        Effect.sync(() => {
          // One of its own, so that whoever listens twice is told twice.
          const own = (arrived: Mailboxes.Arrived) => listener(arrived)
          mail.listeners.add(own)
          return own
        }),
        (own) => Effect.sync(() => mail.listeners.delete(own))
      ))
  }
  return Mailboxes.withDirect(service, direct)
}
