/**
 * What an open transaction does to messages, in the shape of the changes that its commit asks for: they leave if and when
 * it commits (D25).
 */
import { type Answer, type Changes, type Forward, type Message, noChanges, type Output } from "../Mailboxes.js"
import type { ObjectId } from "../ObjectId.js"

export interface Saved {
  readonly capacity: number
  readonly outputs: number
  readonly sends: number
  readonly settles: number
  readonly takes: number
}

/** Before anything was done. */
export const nothingDone: Saved = { capacity: noChanges.capacity, outputs: 0, sends: 0, settles: 0, takes: 0 }

export class PendingMessages implements Changes {
  readonly takes: Array<Message> = []
  readonly drained: Array<ObjectId> = []
  /** How many had been taken from each of these when it was found empty. */
  private readonly before: Array<number> = []
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

  /** Nothing was left in this mailbox. */
  drain(from: ObjectId): void {
    this.drained.push(from)
    this.before.push(this.taken(from))
  }

  /** A place to go back to. */
  save(): Saved {
    const { capacity, outputs, sends, settles, takes } = this
    return { capacity, outputs: outputs.length, sends: sends.length, settles: settles.length, takes: takes.length }
  }

  /**
   * Undoes what was done since. A mailbox that was found empty stays so, unless messages are back in it that had been taken:
   * what came after these is not asked at commit, where they are not taken again.
   */
  restore(saved: Saved): void {
    this.capacity = saved.capacity
    this.outputs.length = saved.outputs
    this.sends.length = saved.sends
    this.settles.length = saved.settles
    this.takes.length = saved.takes
    const before = this.before.splice(0)
    this.drained.splice(0).forEach((id, at) => {
      if (this.taken(id) === before[at]) this.drain(id)
    })
  }

  /** What it has seen of mailboxes. */
  get reads(): Changes {
    return this.drained.length === 0 && this.takes.length === 0
      ? noChanges
      : { ...noChanges, takes: this.takes, drained: this.drained }
  }
}
