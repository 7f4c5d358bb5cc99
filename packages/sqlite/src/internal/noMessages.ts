/**
 * The mailboxes of a file that has none: they are empty, and to send is refused.
 *
 * The tables for messages are not there yet. What would need them is told so by a `StoreError`, before anything is changed.
 */
import type { Mailboxes } from "@effect-avm/core"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

export const service: Mailboxes.Service = {
  waiting: Effect.succeed([]),
  peek: () => Effect.succeed([]),
  size: () => Effect.succeed(0),
  promised: () => Effect.succeed(Option.none()),
  deadLetters: Effect.succeed([]),
  outputs: Effect.succeed([]),
  listen: () => Effect.void
}

/** Whether it would need a table: to have found a mailbox empty does not. */
export const areKept = (changes: Mailboxes.Changes): boolean =>
  [
    changes.takes,
    changes.sends,
    changes.settles,
    changes.outputs,
    changes.acknowledged,
    changes.parked,
    changes.unparked
  ]
    .some((_) => _.length > 0)
