/**
 * Executing an instruction while it is being yielded.
 *
 * `yield* instruction` asks for its iterator first. If the machine is at hand, the instruction is executed right there, and
 * the iterator is one that is finished: the answer comes back without the fiber's run loop having seen anything. Wherever
 * that cannot be, the instruction is yielded as the effect it is, and means the same.
 *
 * So that timers, interruption and other fibers live, this goes well for a number of instructions only; then the fiber
 * pauses. The one thing of effect's internals that this leans on, the current fiber, is tested when the module is loaded;
 * `EFFECT_AVM_EAGER=0` in the environment switches to the slower way, for tests of that.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type { RuntimeFiber } from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as FiberRefs from "effect/FiberRefs"
import { type Scheduler, SyncScheduler } from "effect/Scheduler"
import { later, type Step } from "./sync.js"

type AnyFiber = RuntimeFiber<unknown, unknown>

const key = "effect/FiberCurrent"

/** The fiber that is running this very code, under the name by which effect keeps it. */
export const currentFiber = (): AnyFiber | undefined =>
  (globalThis as { readonly [key]?: AnyFiber | null })[key] ?? undefined

const works = (): boolean => {
  const seen: Array<unknown> = []
  const inner = { [Symbol.iterator]: () => (seen.push(currentFiber()), [][Symbol.iterator]()) }
  Effect.runSync(Effect.withFiberRuntime((fiber) =>
    Effect.gen(function*() {
      yield* inner
      // Another fiber in between must not leave its mark.
      seen.push(Effect.runSync(Effect.withFiberRuntime((other) => Effect.succeed(currentFiber() === other))))
      yield* inner
      seen.push(fiber)
    })
  ))
  const [first, nested, second, fiber] = seen
  return first === fiber && second === fiber && nested === true && currentFiber() === undefined
}

/** Whether instructions may be executed while they are yielded. */
export const isEager: boolean = globalThis.process?.env.EFFECT_AVM_EAGER !== "0" && works()

// ---------------------------------------------------------------------------
// effects of our own
// ---------------------------------------------------------------------------

/** What an effect of ours does where it stands, if anything: it is then begun, and its step is what is left of it. */
export const Now: unique symbol = Symbol("@effect-avm/core/now")

/** That an effect of ours is nothing but the one that its `commit` makes, wherever that is asked for. */
export const Transparent: unique symbol = Symbol("@effect-avm/core/transparent")

type Own = { readonly [Now]?: () => Step<unknown, unknown>; readonly [Transparent]?: true }

export const nowOf = (effect: object): (() => Step<unknown, unknown>) | undefined => (effect as Own)[Now]

export const isTransparent = (effect: object): boolean => (effect as Own)[Transparent] === true

// ---------------------------------------------------------------------------
// the state of a fiber
// ---------------------------------------------------------------------------

/** Whether the fiber was told something that it has not come to yet: to end, perhaps. */
export const isTold = (fiber: AnyFiber): boolean =>
  // Internal to effect; where there is no such list, nobody is asked to wait for it.
  ((fiber as unknown as { readonly _queue?: ReadonlyArray<unknown> })._queue?.length ?? 0) > 0

/** Whether it was interrupted, or is about to hear of it. */
export const isOver = (fiber: AnyFiber): boolean =>
  isTold(fiber) || !Cause.isEmpty(fiber.getFiberRef(FiberRef.interruptedCause))

type Refs = AnyFiber & {
  readonly _fiberRefs?: FiberRefs.FiberRefs
  readonly setFiberRefs?: (refs: FiberRefs.FiberRefs) => void
}

/**
 * Sets two references of the fiber, and puts them back: what `Effect.locally` does, at once, where the fiber's references
 * are where effect keeps them. Each time one is set, all are copied: here they are copied once, and what was there before is
 * there again if nobody has set another one meanwhile.
 */
export const setLocally = <A, B>(
  fiber: AnyFiber,
  first: FiberRef.FiberRef<A>,
  a: A,
  second: FiberRef.FiberRef<B>,
  b: B
): Local<A, B> => {
  const { _fiberRefs: refs, setFiberRefs }: Refs = fiber
  const local = new Local(fiber, first, second, refs)
  if (!isEager || refs === undefined || setFiberRefs === undefined) {
    local.step = local.setting(a, b)
    return local
  }
  const id = fiber.id()
  local.inside = FiberRefs.updateManyAs(refs, { entries: [[first, [[id, a]]], [second, [[id, b]]]] })
  setFiberRefs.call(fiber, local.inside)
  return local
}

class Local<A, B> {
  /** What is left of it. */
  step: Step<void> = undefined
  inside: FiberRefs.FiberRefs | undefined = undefined
  private readonly a: A
  private readonly b: B

  constructor(
    private readonly fiber: Refs,
    private readonly first: FiberRef.FiberRef<A>,
    private readonly second: FiberRef.FiberRef<B>,
    private readonly refs: FiberRefs.FiberRefs | undefined
  ) {
    this.a = fiber.getFiberRef(first)
    this.b = fiber.getFiberRef(second)
  }

  setting(a: A, b: B): Step<void> {
    return later(Effect.zipRight(FiberRef.set(this.first, a), FiberRef.set(this.second, b)))
  }

  undo(): Step<void> {
    const { fiber, inside, refs } = this
    return inside !== undefined && fiber._fiberRefs === inside && refs !== undefined
      ? fiber.setFiberRefs?.(refs)
      : this.setting(this.a, this.b)
  }
}

// ---------------------------------------------------------------------------
// fairness
// ---------------------------------------------------------------------------

/**
 * Instructions from one pause to the next: some tenths of a millisecond, at a twentieth of a microsecond each. A pause takes
 * as long as some hundred of them.
 */
const allowance = 8192

/** What takes longer than an instruction usually does, in instructions. */
export const costOf = {
  /** A step of the solver. */
  propagation: 4,
  /** An instruction that a record is asked for. */
  refeeding: 20
} as const

/** Pauses from one that lets timers and sockets have their turn to the next. */
const rounds = 4

/**
 * Where everything happens at once (`Effect.runSync`), there is nobody else to wait for. A `ManagedRuntime` hands on the
 * scheduler that has built it, which was such a one, and is deferred now.
 */
const isSynchronous = (scheduler: Scheduler): boolean => scheduler instanceof SyncScheduler && !scheduler.deferred

/** What a fiber has left of its allowance. It is counted, not timed, so that runs can be reproduced (D30). */
export class Allowance {
  private left = allowance
  private round = 0

  /** Takes one instruction off it; false when it is used up, and the fiber has to pause. */
  mayGoOn(): boolean {
    if (--this.left > 0) return true
    // What has taken as long as many is the end of several rounds.
    this.round += Math.floor(-this.left / allowance)
    this.left = allowance
    return false
  }

  /** For what has taken as long as so many instructions. */
  spend(instructions: number): void {
    this.left -= instructions
  }

  get pause(): Effect.Effect<void> {
    return Effect.withFiberRuntime((fiber) => {
      if (++this.round < rounds || isSynchronous(fiber.currentScheduler)) return Effect.yieldNow()
      this.round = 0
      return Effect.async<void>((resume) => {
        const immediate = setImmediate(() => resume(Effect.void))
        return Effect.sync(() => clearImmediate(immediate))
      })
    })
  }
}
