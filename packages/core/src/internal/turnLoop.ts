/**
 * The loop behind `Turns`: which turns are under way, and what becomes of those that fail. Which mailbox goes next is the
 * affair of `internal/mailboxPlaces`.
 *
 * A turn is run by the fiber of the loop itself. If it waits for its commit alone, it is told; if for anything else, what is
 * left of it gets a fiber of its own.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import type { StoreError } from "../AvmError.js"
import type { Arrived, DeadLetter, Message } from "../Mailboxes.js"
import type { ObjectId } from "../ObjectId.js"
import type { Scheduling } from "../Scheduling.js"
import type { OnFailure, Options, Service, Turn } from "../Turns.js"
import { Allowance } from "./eager.js"
import { type Cell, current } from "./frame.js"
import { forgetCell } from "./instruction.js"
import type { Kernel } from "./kernel.js"
import { type Picked, Places } from "./mailboxPlaces.js"
import { commitMessages, peek } from "./messages.js"
import type { Outputs } from "./outputs.js"
import { Signal } from "./signal.js"
import { andThen, done, effectOf, Later, later, mapLater, Notified, type Step, succeed } from "./sync.js"
import { cellFor, type Outcome, turn } from "./turn.js"
import { givenUp } from "./warnings.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/** How often a message was tried, and when it is tried again. */
interface Trying {
  attempts: number
  conflicts: number
  driver: Schedule.ScheduleDriver<unknown, unknown> | undefined
}

type Failed = Extract<Outcome, { readonly _tag: "Failed" }>

/** Lets the fiber stand in a cell of its own. */
const entering = (cell: Cell): Effect.Effect<void> => Effect.map(FiberRef.set(current, cell), () => forgetCell())

/** Whoever runs turns may be a program himself, and stands in his own cell again afterwards. */
const outsideCells = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.ensuring(Effect.locally(effect, current, undefined), Effect.sync(forgetCell))

const storePauseMillis = 500

/** So long a behaviour may be missing before that is said. */
const behaviourPatienceMillis = 1000

// ---------------------------------------------------------------------------
// the loop
// ---------------------------------------------------------------------------

export const make = (
  kernel: Kernel,
  scheduling: Scheduling["Type"],
  outputs: Outputs,
  options: Options
): Effect.Effect<Service, never, Scope.Scope> =>
  Effect.gen(function*() {
    const loop = new TurnLoop(kernel, scheduling, options)
    kernel.post.onFreed = (id) => loop.freed(id)
    yield* kernel.mailboxes.listen((arrived) => {
      loop.arrived(arrived)
      outputs.arrived(arrived.outputs)
    })

    /** Everything that need not wait for time to pass. */
    const settle = Effect.scoped(Effect.flatMap(Effect.scope, (scope) => {
      const runner = new Runner(scope)
      const round: Effect.Effect<void, StoreError> = Effect.suspend(() => {
        const seen = loop.signal.version
        return Effect.zipRight(
          loop.pump(runner),
          Effect.suspend(() =>
            loop.underWay > 0
              ? Effect.zipRight(loop.signal.after(seen), round)
              : Effect.flatMap(outputs.flush, (flushed) => flushed > 0 ? round : Effect.void)
          )
        )
      })
      return Effect.suspend(() => {
        const before = loop.through
        const loaded = Effect.zipRight(loop.load, outputs.load)
        const settled = Effect.zipRight(Effect.zipRight(Scope.addFinalizer(scope, loop.over(runner)), loaded), round)
        return Effect.map(settled, () => loop.through - before)
      })
    }))

    const forever = Effect.scoped(Effect.flatMap(Effect.scope, (scope) => {
      const runner = new Runner(scope)
      const idle = Effect.suspend(() => {
        const seen = loop.signal.version
        const changed = loop.signal.after(seen)
        const poll = Effect.sleep(options.pollMillis ?? 200)
        return runner.left.length > 0 || loop.isReady
          ? Effect.void
          : loop.isStalled
          ? Effect.raceFirst(changed, poll)
          : changed
      })
      const turns = Effect.forever(Effect.zipRight(loop.pump(runner), idle))
      const loaded = Effect.zipRight(loop.load, outputs.load)
      const patient = Schedule.spaced(storePauseMillis)
      loop.waitPatiently()
      return Scope.addFinalizer(scope, loop.over(runner)).pipe(
        Effect.zipRight(Effect.retry(loaded, patient)),
        Effect.zipRight(Effect.forkIn(outputs.run, scope)),
        Effect.zipRight(Effect.retry(turns, patient))
      )
    }))

    const step = Effect.zipRight(loop.load, loop.one)

    return {
      step,
      settle,
      // Neither ends, but that the compiler cannot see.
      run: Effect.zipRight(Effect.orDie(forever), Effect.never),
      deadLetters: kernel.mailboxes.deadLetters,
      replay: (letter) =>
        Effect.suspend(() =>
          effectOf(commitMessages(kernel, { unparked: [letter], sends: [{ ...letter.message, answered: false }] }))
        ),
      discard: (letter) => Effect.suspend(() => effectOf(commitMessages(kernel, { unparked: [letter] })))
    }
  })

/** Whoever runs turns for a while: those that he has begun are his to end. */
class Runner {
  underWay = 0
  /** Of turns that have waited without a fiber, what is left and needs one. */
  readonly left: Array<Effect.Effect<void>> = []

  constructor(readonly scope: Scope.Scope) {}

  /** Gives what is left of one of them a fiber. */
  readonly forking: Effect.Effect<void> = Effect.uninterruptible(Effect.suspend(() => {
    const left = this.left.pop()
    return left === undefined ? Effect.void : Effect.asVoid(Effect.forkIn(left, this.scope))
  }))
}

class TurnLoop {
  readonly signal = new Signal()
  /** How many messages are through. */
  through = 0
  /** How many turns are under way. */
  underWay = 0

  private readonly places: Places
  private readonly allowance = new Allowance()
  private readonly concurrency: number
  private readonly onFailure: OnFailure
  private loaded = false
  /** What a turn in a fiber of its own met. */
  private failure: StoreError | undefined

  constructor(
    private readonly kernel: Kernel,
    scheduling: Scheduling["Type"],
    private readonly options: Options
  ) {
    this.places = new Places(kernel, scheduling)
    this.concurrency = Math.max(1, options.concurrency ?? 16)
    this.onFailure = options.onFailure ?? "parkUnanswered"
  }

  get isReady(): boolean {
    return this.places.ready > 0 && this.underWay < this.concurrency
  }

  /** Whoever runs for ever has time to wait for behaviours. */
  waitPatiently(): void {
    this.places.patienceMillis = behaviourPatienceMillis
  }

  get isStalled(): boolean {
    return this.places.stalled > 0
  }

  // -------------------------------------------------------------------------
  // hearing of mailboxes
  // -------------------------------------------------------------------------

  arrived({ mailboxes }: Arrived): void {
    for (const id of mailboxes) this.places.add(id)
    this.signal.raise()
  }

  freed(id: ObjectId): void {
    if (this.places.free(id)) this.signal.raise()
  }

  /** What was there before the loop, once. */
  get load(): Effect.Effect<void, StoreError> {
    return Effect.suspend(() =>
      this.loaded ? Effect.void : Effect.map(this.kernel.mailboxes.waiting, (ids) => {
        this.loaded = true
        for (const id of ids) this.places.add(id)
      })
    )
  }

  // -------------------------------------------------------------------------
  // running turns
  // -------------------------------------------------------------------------

  /** Begins turns until none is ready, or too many are under way. Those that wait go on in fibers of the scope. */
  pump(runner: Runner): Effect.Effect<void, StoreError> {
    const go: Effect.Effect<void, StoreError> = Effect.suspend(() => {
      const { failure } = this
      if (failure !== undefined) {
        this.failure = undefined
        return Effect.fail(failure)
      }
      if (!this.allowance.mayGoOn()) return Effect.zipRight(this.allowance.pause, go)
      if (runner.left.length > 0) return Effect.zipRight(runner.forking, go)
      if (this.underWay >= this.concurrency) return Effect.void
      const begun = this.places.picking((picked) =>
        picked === undefined ? Effect.succeed(false) : Effect.as(this.begin(picked, runner), true)
      )
      return Effect.flatMap(begun, (begun) => begun ? go : Effect.void)
    })
    return outsideCells(go)
  }

  /** Where the scope of the turns closes: until those that wait without a fiber of it are over. */
  over(runner: Runner): Effect.Effect<void> {
    return Effect.suspend(() => {
      const left = runner.left.pop()
      if (left !== undefined) {
        return Effect.zipRight(Effect.flatMap(Effect.forkDaemon(left), Fiber.interrupt), this.over(runner))
      }
      return runner.underWay > 0
        ? Effect.zipRight(this.signal.after(this.signal.version), this.over(runner))
        : Effect.void
    })
  }

  /** Brings one message through, here. */
  get one(): Effect.Effect<Option.Option<Turn>, StoreError> {
    const turned = this.places.picking((picked): Effect.Effect<Option.Option<Turn> | undefined, StoreError> => {
      if (picked === undefined) return Effect.succeed(Option.none())
      this.places.begin(picked.id)
      this.underWay++
      const turned = Effect.onExit(
        this.attempt(picked, { attempts: 0, conflicts: 0, driver: undefined }),
        (exit) => effectOf(this.leave(picked, exit))
      )
      return Effect.map(turned, (turn) => turn === undefined ? undefined : Option.some(turn))
    })
    // One that did not come through is not the one.
    const go: Effect.Effect<Option.Option<Turn>, StoreError> = Effect.flatMap(
      turned,
      (turn) => turn === undefined ? go : Effect.succeed(turn)
    )
    return outsideCells(go)
  }

  private begin(picked: Picked, runner: Runner): Effect.Effect<void, StoreError> {
    this.places.begin(picked.id)
    this.underWay++
    runner.underWay++
    const trying: Trying = { attempts: 0, conflicts: 0, driver: undefined }
    return this.inCell(picked.message, (cell) => {
      // Whoever is not alone is worth waiting for: turns that commit together share a write.
      const isAlone = this.concurrency === 1 || this.places.ready === 0 && this.underWay === 1
      cell.committer = isAlone ? this : cell.execution.root
      const step = this.goOn(picked, trying, this.turnIn(cell, picked.message, trying))
      if (step instanceof Notified) {
        step.listen({ tell: (rest) => this.told(picked, cell, rest, runner) })
        return Effect.void
      }
      return step instanceof Later
        ? Effect.asVoid(Effect.forkIn(this.rest(picked, cell, step.effect, runner), runner.scope))
        : effectOf(this.leave(picked, Exit.succeed(step), runner))
    })
  }

  /** A turn has waited without a fiber. */
  private told(picked: Picked, cell: Cell, step: Step<Turn | undefined, StoreError>, runner: Runner): void {
    if (step instanceof Later) runner.left.push(this.rest(picked, cell, step.effect, runner))
    else {
      const leaving = this.leave(picked, Exit.succeed(step), runner)
      if (!(leaving instanceof Later)) return
      runner.left.push(leaving.effect)
    }
    this.signal.raise()
  }

  /** What is left of a turn, in another fiber than it has begun in. */
  private rest(
    picked: Picked,
    cell: Cell,
    effect: Effect.Effect<Turn | undefined, StoreError>,
    runner: Runner
  ): Effect.Effect<void> {
    const inCell = Effect.withFiberRuntime<Turn | undefined, StoreError>((fiber) => {
      cell.fiber = fiber
      return Effect.zipRight(entering(cell), effect)
    })
    return Effect.catchAll(
      Effect.asVoid(
        Effect.onExit(Effect.uninterruptible(inCell), (exit) => effectOf(this.leave(picked, exit, runner)))
      ),
      (failure) =>
        Effect.sync(() => {
          this.failure = failure
          this.signal.raise()
        })
    )
  }

  /** One more attempt, in the fiber that runs this. */
  private attempt(picked: Picked, trying: Trying): Effect.Effect<Turn | undefined, StoreError> {
    return this.inCell(
      picked.message,
      (cell) => Effect.uninterruptible(effectOf(this.goOn(picked, trying, this.turnIn(cell, picked.message, trying))))
    )
  }

  private inCell<A, E>(message: Message, body: (cell: Cell) => Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.withFiberRuntime((fiber) =>
      Effect.flatMap(
        effectOf(cellFor(this.kernel, message, fiber, this.allowance)),
        (cell) => Effect.zipRight(entering(cell), Effect.suspend(() => body(cell)))
      )
    )
  }

  private turnIn(cell: Cell, message: Message, trying: Trying): Step<Outcome, StoreError> {
    trying.attempts++
    return turn(this.kernel, cell, message, trying.conflicts > 1)
  }

  /** What is done after a turn; none if its message is not through. */
  private goOn(
    picked: Picked,
    trying: Trying,
    outcome: Step<Outcome, StoreError>
  ): Step<Turn | undefined, StoreError> {
    return andThen(outcome, (outcome): Step<Turn | undefined, StoreError> => {
      const { id, message } = picked
      const { attempts } = trying
      switch (outcome._tag) {
        case "Committed":
          this.through++
          return succeed({ message, answer: outcome.answer, attempts })
        case "Unreachable":
          this.places.stall(id)
          return succeed(undefined)
        case "Conflicted":
          trying.conflicts++
          // Somebody else may have taken the message.
          return andThen(
            peek(this.kernel, id, { limit: 1 }),
            ([head]): Step<Turn | undefined, StoreError> =>
              head?.id.value === message.id.value ? later(this.attempt(picked, trying)) : undefined
          )
        case "Failed":
          return this.failed(picked, trying, outcome)
      }
    })
  }

  private failed(picked: Picked, trying: Trying, failed: Failed): Step<Turn | undefined, StoreError> {
    const { retry } = this.options
    const { answer } = failed
    if (retry === undefined) return this.giveUp(picked.message, trying.attempts, failed)
    const known = trying.driver === undefined
      ? Effect.map(Schedule.driver(retry as Schedule.Schedule<unknown, unknown>), (driver) => trying.driver = driver)
      : Effect.succeed(trying.driver)
    return later(
      Effect.flatMap(
        known,
        (driver) =>
          Effect.matchEffect(Effect.interruptible(driver.next(answer._tag === "Broken" ? answer.error : answer)), {
            onFailure: () => effectOf(this.giveUp(picked.message, trying.attempts, failed)),
            onSuccess: () => this.attempt(picked, trying)
          })
      )
    )
  }

  /** The message goes, its promise breaks, in one commit. Where there is no promise, it is said. */
  private giveUp(message: Message, attempts: number, { answer, cause }: Failed): Step<Turn | undefined, StoreError> {
    const letter: DeadLetter = { message, reason: answer, attempts }
    const parks = this.onFailure === "park" || this.onFailure === "parkUnanswered" && !message.answered
    const given = commitMessages(this.kernel, {
      takes: [message],
      settles: message.answered ? [[message.id, answer]] : [],
      parked: parks ? [letter] : []
    })
    return andThen(given, (given) => {
      if (!given) return succeed(undefined)
      this.through++
      const turn: Turn = { message, answer, attempts }
      if (message.answered) return succeed(turn)
      return later(Effect.as(givenUp(this.kernel, letter, parks ? "a dead letter" : "forgotten", cause), turn))
    })
  }

  /** A mailbox with more messages goes to the end. */
  private leave(picked: Picked, exit: Exit.Exit<unknown, StoreError>, runner?: Runner): Step<void> {
    const { id } = picked
    this.places.end(id)
    this.underWay--
    if (runner !== undefined) runner.underWay--
    const more = exit._tag === "Failure" ? succeed(true) : andThen(
      peek(this.kernel, id, { limit: 1 }),
      (messages) => succeed(messages.length > 0)
    )
    // If the store does not say, the next look at the mailbox will.
    const asked = mapLater(more, Effect.catchAll(() => Effect.succeed(true)))
    return andThen(asked, (more) => {
      if (more) this.places.add(id)
      this.signal.raise()
      return done
    })
  }
}
