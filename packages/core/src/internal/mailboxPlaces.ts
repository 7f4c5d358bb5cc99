/**
 * Which mailbox is where, and which goes next.
 *
 * A mailbox is in one place at a time: *ready*, in the order in which mailboxes became so; *busy*, while its turn is under
 * way; *stalled*, where its object cannot be reached; *withheld*, where somebody takes the messages himself. After its turn
 * a mailbox that has more messages becomes ready again, behind all others: that is what makes the loop fair.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { StoreError } from "../AvmError.js"
import type { Message } from "../Mailboxes.js"
import type { ObjectId } from "../ObjectId.js"
import type { Scheduling } from "../Scheduling.js"
import { Fifo } from "./fifo.js"
import type { Kernel } from "./kernel.js"
import { peek } from "./messages.js"
import { andThen, die, done, Later, later, type Step, stepOf, succeed } from "./sync.js"
import { isDeliverable } from "./turn.js"
import * as warnings from "./warnings.js"

/** A message whose turn it is. */
export interface Picked {
  readonly id: ObjectId
  readonly message: Message
}

/** Mailboxes that are in no place, while somebody looks at them. */
type Hand = Set<ObjectId>

/** Of the mailboxes that are ready, those that `Scheduling` is shown. */
const shown = 16

export class Places {
  private readonly inTurn = new Fifo<ObjectId>()
  private readonly inTurnIds = new Set<string>()
  private readonly busy = new Set<string>()
  private unreachable = new Map<string, ObjectId>()
  private readonly withheld = new Map<string, ObjectId>()
  /** Since when messages wait for behaviours of these names; it has been said of those that have waited for ever. */
  private readonly unheard = new Map<string, number>()
  /** How long a behaviour may be missing before that is said. */
  patienceMillis = 0

  constructor(private readonly kernel: Kernel, private readonly scheduling: Scheduling["Type"]) {}

  /** How many are ready. */
  get ready(): number {
    return this.inTurn.length
  }

  /** How many cannot be reached. */
  get stalled(): number {
    return this.unreachable.size
  }

  // -------------------------------------------------------------------------
  // from place to place
  // -------------------------------------------------------------------------

  begin(id: ObjectId): void {
    this.busy.add(id.value)
  }

  end(id: ObjectId): void {
    this.busy.delete(id.value)
  }

  stall(id: ObjectId): void {
    this.unreachable.set(id.value, id)
  }

  /** Nobody takes its messages himself any more. False if nobody did. */
  free(id: ObjectId): boolean {
    if (!this.withheld.delete(id.value)) return false
    this.add(id)
    return true
  }

  add(id: ObjectId): void {
    const key = id.value
    if (this.inTurnIds.has(key) || this.busy.has(key) || this.unreachable.has(key)) return
    this.inTurnIds.add(key)
    this.inTurn.push(id)
  }

  // -------------------------------------------------------------------------
  // picking
  // -------------------------------------------------------------------------

  /** The next message; none if nothing is ready. What is taken out of its place meanwhile is in the hand. */
  private next(hand: Hand): Step<Picked | undefined, StoreError> {
    if (this.inTurn.length === 0) return this.reconsider(hand)
    return andThen(this.choose(), (index) => {
      const id = this.inTurn.take(index)
      if (id === undefined) return die(new Error(`Scheduling answered ${index}, which is none of those that are ready`))
      this.inTurnIds.delete(id.value)
      hand.add(id)
      const isOff = (): Step<Picked | undefined, StoreError> => {
        hand.delete(id)
        return this.next(hand)
      }
      if (this.kernel.post.isTaken(id)) {
        this.withheld.set(id.value, id)
        return isOff()
      }
      return andThen(peek(this.kernel, id, { limit: 1 }), ([message]): Step<Picked | undefined, StoreError> => {
        if (message === undefined) return isOff()
        return andThen(this.isDeliverable(message), (deliverable): Step<Picked | undefined, StoreError> => {
          if (deliverable) return succeed({ id, message })
          this.unreachable.set(id.value, id)
          return isOff()
        })
      })
    })
  }

  private isDeliverable(message: Message): Step<boolean, StoreError> {
    return isDeliverable(this.kernel, message, (behaviour) => this.unregistered(message, behaviour))
  }

  /** Says so once, when it has been so for a while: at a restart, messages may be there before behaviours. */
  private unregistered(message: Message, behaviour: string): Step<void> {
    const since = this.unheard.get(behaviour)
    if (since === Infinity) return done
    return later(Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const isLong = now - (since ?? now) >= this.patienceMillis
      this.unheard.set(behaviour, isLong ? Infinity : since ?? now)
      return isLong ? warnings.unregistered(message, behaviour) : Effect.void
    }))
  }

  private choose(): Step<number> {
    if (this.inTurn.length === 1) return succeed(0)
    const names: Array<string> = []
    for (let n = 0; n < shown && n < this.inTurn.length; n++) names.push((this.inTurn.at(n) as ObjectId).value) // it is there
    return stepOf(this.scheduling.next(names))
  }

  /** Where nothing else is ready, what could not be reached is looked at again. */
  private reconsider(hand: Hand): Step<Picked | undefined, StoreError> {
    if (this.unreachable.size === 0) return succeed(undefined)
    const { unreachable } = this
    this.unreachable = new Map()
    let found: Step<unknown, StoreError> = done
    for (const id of unreachable.values()) {
      hand.add(id)
      found = andThen(
        found,
        () =>
          andThen(
            peek(this.kernel, id, { limit: 1 }),
            ([message]) =>
              andThen(message === undefined || this.isDeliverable(message), (deliverable) => {
                hand.delete(id)
                if (!deliverable) this.unreachable.set(id.value, id)
                else if (message !== undefined) this.add(id)
                return done
              })
          )
      )
    }
    return andThen(found, () => this.inTurn.length === 0 ? succeed(undefined) : this.next(hand))
  }

  /**
   * Picks a message and goes on with it, and nothing comes between the two. Whoever is interrupted while he asks, or not
   * answered, puts back what he has in hand.
   */
  picking<A>(goOn: (picked: Picked | undefined) => Effect.Effect<A, StoreError>): Effect.Effect<A, StoreError> {
    return Effect.uninterruptibleMask((restore) => {
      const hand: Hand = new Set()
      const step = this.next(hand)
      if (!(step instanceof Later)) return goOn(step)
      return Effect.matchCauseEffect(restore(step.effect), {
        onFailure: (cause) => {
          for (const id of hand) this.add(id)
          return Effect.failCause(cause)
        },
        onSuccess: goOn
      })
    })
  }
}
