/**
 * Effects that are answered where they stand, without a fiber's run loop: finished ones, `Effect.sync`, services asked for by
 * their tag, instructions, generators, and what is made of such by `map`, `flatMap` and the ways to handle failures. They
 * are most of what a behaviour yields, and of what the body of a bracket consists of.
 *
 * This leans on how effect represents them, which is tested when the module is loaded; where that does not hold, nothing is
 * answered here and the fiber runs them, which means the same. Pinned by `test/core/Peek.test.ts`.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import { YieldWrap, yieldWrapGet } from "effect/Utils"
import { type Allowance, currentFiber, isEager, isTold, isTransparent, nowOf } from "./eager.js"
import { failCause, Later, later, settled, type Step } from "./sync.js"

type AnyEffect = Effect.Effect<unknown, unknown, unknown>

/** An effect, as effect represents it: what to do first, and what then. */
interface Primitive {
  readonly _op: string
  readonly key?: unknown
  readonly commit?: () => AnyEffect
  readonly effect_instruction_i0?: unknown
  readonly effect_instruction_i1?: unknown
  readonly effect_instruction_i2?: unknown
}

type Generating = Iterator<YieldWrap<AnyEffect>, unknown, unknown>

type OnFailure = (cause: Cause.Cause<unknown>) => AnyEffect

type OnSuccess = (value: unknown) => AnyEffect

/**
 * The answer of the effect, its failure, or what is left of it for the fiber to run; what it needs is in `context`. Each of
 * its parts is taken off the allowance: what goes on for ever gives way, as everything does.
 */
export const peek = (
  effect: AnyEffect,
  context: Context.Context<never>,
  allowance: Allowance
): Step<unknown, unknown> => {
  let rest = effect
  /** What comes after the effect that is looked at, innermost last. */
  let then: Array<Primitive> | undefined
  const fiber = currentFiber()
  for (;;) {
    // As in its run loop.
    if (fiber !== undefined && isTold(fiber)) return remaining(rest, then)
    let value: unknown
    let cause: Cause.Cause<unknown> | undefined
    try {
      const primitive = rest as unknown as Primitive
      switch (works ? primitive?._op : "none of them") {
        case "Sync":
          value = (primitive.effect_instruction_i0 as () => unknown)()
          break
        case "Tag":
          // A service that is missing is the fiber's business.
          if (!context.unsafeMap.has(primitive.key as string)) return remaining(rest, then)
          value = context.unsafeMap.get(primitive.key as string)
          break
        case "OnSuccess":
        case "OnFailure":
        case "OnSuccessAndFailure":
          if (!allowance.mayGoOn()) return remaining(Effect.zipRight(allowance.pause, rest), then)
          if (then === undefined) then = []
          then.push(primitive)
          rest = primitive.effect_instruction_i0 as AnyEffect
          continue
        case "Iterator":
          if (then === undefined) then = []
          then.push(primitive)
          break
        case "Commit": {
          const now = nowOf(rest)
          if (now !== undefined) {
            const step = now.call(rest)
            if (!(step instanceof Later)) {
              value = step
              break
            }
            // It could not be begun.
            if (step.effect === rest) return remaining(rest, then)
            rest = step.effect
            continue
          }
          // A suspended effect; of others that make their effect when they are run, the fiber asks for it.
          if (!Object.hasOwn(primitive, "commit") && !isTransparent(primitive)) return remaining(rest, then)
          if (!allowance.mayGoOn()) return remaining(Effect.zipRight(allowance.pause, rest), then)
          rest = primitive.commit?.() as AnyEffect
          continue
        }
        default: {
          const exit = primitive?._op === undefined ? undefined : settled(rest)
          if (exit === undefined) return remaining(rest, then)
          if (exit._tag === "Failure") cause = exit.cause
          else value = exit.value
        }
      }
    } catch (defect) {
      cause = thrown(defect)
    }
    // What comes next takes the answer, or the failure.
    for (;;) {
      const next = then?.pop()
      if (next === undefined) return cause === undefined ? value : failCause(cause)
      try {
        if (next._op === "Iterator") {
          if (cause !== undefined) continue
          const result = (next.effect_instruction_i0 as Generating).next(value)
          if (result.done === true) {
            value = result.value
            continue
          }
          then?.push(next)
          rest = yieldWrapGet(result.value)
          if (!allowance.mayGoOn()) return remaining(Effect.zipRight(allowance.pause, rest), then)
          break
        }
        if (cause === undefined) {
          if (next._op === "OnFailure") continue
          const onSuccess = next._op === "OnSuccess" ? next.effect_instruction_i1 : next.effect_instruction_i2
          rest = (onSuccess as OnSuccess)(value)
          break
        }
        if (next._op === "OnSuccess") continue
        const failed = cause
        cause = undefined
        rest = (next.effect_instruction_i1 as OnFailure)(failed)
        break
      } catch (defect) {
        cause = thrown(defect)
      }
    }
  }
}

/** What is left: an effect for the fiber, and all that comes after it. */
const remaining = (effect: AnyEffect, then: Array<Primitive> | undefined): Step<unknown, unknown> => {
  let rest = effect
  for (let next = then?.pop(); next !== undefined; next = then?.pop()) {
    const { _op, effect_instruction_i0: first, effect_instruction_i1: second, effect_instruction_i2: third } = next
    if (_op === "Iterator") rest = resumed(rest, first as Generating)
    else if (_op === "OnSuccess") rest = Effect.flatMap(rest, second as OnSuccess)
    else if (_op === "OnFailure") rest = Effect.catchAllCause(rest, second as OnFailure)
    else rest = Effect.matchCauseEffect(rest, { onFailure: second as OnFailure, onSuccess: third as OnSuccess })
  }
  // All that it needs is to be had where it is run.
  return later(rest as Effect.Effect<unknown, unknown>)
}

/** A generator that has yielded `effect`, and goes on with its answer. */
const resumed = (effect: AnyEffect, generator: Generating): AnyEffect => {
  let first = true
  const iterator = {
    next(value: unknown) {
      if (!first) return generator.next(value)
      first = false
      return { done: false, value: new YieldWrap(effect) }
    }
  }
  // A generator is asked for no more than its `next`.
  return Effect.gen(() => iterator as Generator<YieldWrap<AnyEffect>, unknown>)
}

const thrown = (defect: unknown): Cause.Cause<never> =>
  Cause.isInterruptedException(defect)
    // As the fiber has it.
    ? Cause.sequential(Cause.die(defect), Cause.interrupt(FiberId.none))
    : Cause.die(defect)

// ---------------------------------------------------------------------------
// what it leans on
// ---------------------------------------------------------------------------

const test = (): boolean => {
  class Service extends Context.Tag("@effect-avm/core/peek/Service")<Service, number>() {}
  const of = (effect: unknown) => effect as Primitive
  const next = () => Effect.void
  const thunk = () => 1
  const sync = Effect.sync(thunk)
  const then = of(Effect.flatMap(sync, next))
  const caught = of(Effect.catchAllCause(sync, next))
  const both = of(Effect.matchCauseEffect(sync, { onFailure: next, onSuccess: () => sync }))
  const suspended = of(Effect.suspend(() => sync))
  const generated = of(Effect.gen(function*() {
    return yield* sync
  }))
  const begun = of(generated.commit?.())
  const first = (begun.effect_instruction_i0 as Generating).next(undefined)
  return of(sync)._op === "Sync" && of(sync).effect_instruction_i0 === thunk &&
    of(Service)._op === "Tag" && of(Service).key === Service.key &&
    then._op === "OnSuccess" && then.effect_instruction_i0 === sync && then.effect_instruction_i1 === next &&
    caught._op === "OnFailure" && caught.effect_instruction_i0 === sync && caught.effect_instruction_i1 === next &&
    both._op === "OnSuccessAndFailure" && both.effect_instruction_i0 === sync && both.effect_instruction_i1 === next &&
    (both.effect_instruction_i2 as OnSuccess)(0) === sync &&
    suspended._op === "Commit" && Object.hasOwn(suspended, "commit") && suspended.commit?.() === sync &&
    generated._op === "Commit" && Object.hasOwn(generated, "commit") && begun._op === "Iterator" &&
    first.done === false && yieldWrapGet(first.value) === sync
}

const tested = (): boolean => {
  try {
    return test()
  } catch {
    // What is not as expected may be anything.
    return false
  }
}

const works = isEager && tested()
