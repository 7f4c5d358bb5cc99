/**
 * What a machine knows of its messages beside the store: who takes them himself, how full mailboxes may be, and in which
 * families turns are run.
 *
 * A program takes the messages to its root frame itself, and an activation that waits in `receive` takes its object's: no
 * turn is begun with those.
 */
import type * as Context from "effect/Context"
import type { Safe } from "../InstructionSet.js"
import type { ObjectId } from "../ObjectId.js"

export interface Options {
  /** Whether `receive` waits for a message outside transactions, or answers none at once (D23). */
  readonly receive: "wait" | "none"
  readonly capacity: number
  /** What sending to a full mailbox does outside transactions. */
  readonly onFull: "fail" | "wait"
}

export class Post {
  /** The families as turns get them: those of the platform, with what was put in their place. */
  families: Context.Context<Safe> | undefined
  /** Hears whose messages are nobody's any more, so that turns may have them. */
  onFreed: (id: ObjectId) => void = () => undefined

  private readonly takers = new Map<string, number>()

  constructor(readonly options: Options) {}

  /** Whether somebody takes the messages of this mailbox himself. */
  isTaken(id: ObjectId): boolean {
    return this.takers.has(id.value)
  }

  take(id: ObjectId): void {
    this.takers.set(id.value, (this.takers.get(id.value) ?? 0) + 1)
  }

  free(id: ObjectId): void {
    const takers = this.takers.get(id.value) ?? 0
    if (takers > 1) this.takers.set(id.value, takers - 1)
    else {
      this.takers.delete(id.value)
      this.onFreed(id)
    }
  }
}
