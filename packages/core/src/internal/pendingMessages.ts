/**
 * What an open transaction does to messages, in the shape of the changes that its commit asks for: they leave if and when
 * it commits (D25).
 */
import { type Answer, type Changes, type Forward, type Message, noChanges, type Output } from "../Mailboxes.js"
import type { ObjectId } from "../ObjectId.js"

export class PendingMessages implements Changes {
  readonly takes: Array<Message> = []
  readonly drained: Array<ObjectId> = []
  readonly sends: Array<Message | Forward> = []
  capacity = noChanges.capacity
  readonly settles: Array<readonly [ObjectId, Answer]> = []
  readonly outputs: Array<Output> = []
  readonly acknowledged = noChanges.acknowledged
  readonly parked = noChanges.parked
  readonly unparked = noChanges.unparked

  /** How many messages it has taken from a mailbox. */
  taken(from: ObjectId): number {
    let count = 0
    for (const { to } of this.takes) if (to.value === from.value) count++
    return count
  }

  /** How many messages it has sent to a mailbox. */
  sent(to: ObjectId): number {
    let count = 0
    for (const send of this.sends) if (send.to.value === to.value) count++
    return count
  }

  /** What it has seen of mailboxes. */
  get reads(): Changes {
    return this.drained.length === 0 && this.takes.length === 0
      ? noChanges
      : { ...noChanges, takes: this.takes, drained: this.drained }
  }
}
