/**
 * The privilege of a transaction that has lost too many races: while it works, nobody else commits, so that it cannot
 * lose again.
 *
 * It is granted to one transaction at a time, first come, first served. Whoever wants to commit meanwhile waits, and
 * brackets that would race anew queue up behind those who lost: where many want the same objects, they go one after the
 * other instead of all in vain.
 *
 * Nobody waits for ever: a body that waits for something outside itself, perhaps for the very program that waits here, has
 * the privilege taken away after `patience` rounds of the scheduler, and goes on without it. So there is no deadlock, and
 * a body that only computes always finishes.
 */
import * as Effect from "effect/Effect"

/** One grant, asked for or held. */
export interface Ticket {
  /** From its snapshot on: until then, others may commit as they like. */
  working: boolean
  granted: boolean
  onGrant: (() => void) | undefined
  /** Those who wait to commit. */
  readonly blocked: Set<() => void>
  /** Whether its rounds are being counted. */
  counted: boolean
}

export interface Privilege {
  /** Waits for the privilege. Whoever is interrupted meanwhile leaves the queue. */
  readonly acquire: Effect.Effect<Ticket>
  readonly release: (ticket: Ticket) => void
  /** Whether somebody has it, or will have it next. */
  readonly isWanted: () => boolean
  /** Whether a commit need not wait: the case to be fast in. */
  readonly isOpenTo: (ticket: Ticket | undefined) => boolean
  /** Waits until a commit need not wait. */
  readonly pass: (ticket: Ticket | undefined) => Effect.Effect<void>
}

/** In rounds of the scheduler: time for some ten thousand instructions of the holder. */
const patience = 256

export const make = (): Privilege => {
  const queue: Array<Ticket> = []
  let holder: Ticket | undefined

  const release = (ticket: Ticket): void => {
    if (holder !== ticket) {
      const index = queue.indexOf(ticket)
      if (index >= 0) queue.splice(index, 1)
      return
    }
    holder = undefined
    for (const wake of ticket.blocked) wake()
    const next = queue.shift()
    if (next !== undefined) grant(next)
  }

  const grant = (ticket: Ticket): void => {
    holder = ticket
    ticket.granted = true
    ticket.onGrant?.()
  }

  const acquire = Effect.suspend(() => {
    const ticket: Ticket = {
      working: false,
      granted: false,
      onGrant: undefined,
      blocked: new Set(),
      counted: false
    }
    const before = holder
    if (before === undefined) grant(ticket)
    else queue.push(ticket)
    const granted = Effect.async<void>((resume) => {
      if (ticket.granted) resume(Effect.void)
      else ticket.onGrant = () => resume(Effect.void)
    })
    return Effect.interruptible(before === undefined ? granted : Effect.zipRight(counting(before), granted)).pipe(
      Effect.onExit((exit) => Effect.sync(() => exit._tag === "Failure" && release(ticket))),
      // Whoever waits behind it has counted for the one before.
      Effect.zipRight(Effect.suspend(() => queue.length > 0 ? counting(ticket) : Effect.void)),
      Effect.as(ticket)
    )
  })

  const isOpenTo = (ticket: Ticket | undefined): boolean => holder === undefined || holder === ticket || !holder.working

  const pass = (ticket: Ticket | undefined): Effect.Effect<void> =>
    Effect.suspend(() => {
      const held = holder
      if (held === undefined || isOpenTo(ticket)) return Effect.void
      return Effect.zipRight(blockedBy(held), pass(ticket))
    })

  const blockedBy = (held: Ticket): Effect.Effect<void> =>
    Effect.zipRight(
      counting(held),
      Effect.async<void>((resume) => {
        if (holder !== held) return resume(Effect.void)
        const wake = () => resume(Effect.void)
        held.blocked.add(wake)
        return Effect.sync(() => held.blocked.delete(wake))
      })
    )

  /** By nobody in particular, so that it goes on when the first to wait is interrupted. */
  const counting = (held: Ticket): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (held.counted || holder !== held) return Effect.void
      held.counted = true
      return Effect.asVoid(Effect.forkDaemon(outlast(held)))
    })

  const outlast = (held: Ticket): Effect.Effect<void> =>
    Effect.gen(function*() {
      for (let round = 0; round < patience && holder === held; round++) yield* Effect.yieldNow()
      release(held)
    })

  const isWanted = (): boolean => holder !== undefined

  return { acquire, release, isWanted, isOpenTo, pass }
}
