/**
 * The loop behind `Outbox`: outputs that are committed go to their handlers, and out of the store once those succeed.
 *
 * The outputs of one object to one channel are a *lane*: its first one is under way, the others wait for it.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type { StoreError } from "../AvmError.js"
import { freshObjectId } from "../IdGenerator.js"
import type { Output } from "../Mailboxes.js"
import { type Handler, Outbox } from "../Outbox.js"
import type { Val } from "../Val.js"
import { Fifo } from "./fifo.js"
import type { Kernel } from "./kernel.js"
import { commitMessages } from "./messages.js"
import { Signal } from "./signal.js"
import { effectOf } from "./sync.js"
import { stuck } from "./warnings.js"

interface Lane {
  readonly outputs: Fifo<Output>
  /** Whether its first output is with the handler. */
  underWay: boolean
  /** When its first output is tried again. */
  driver: Schedule.ScheduleDriver<unknown, unknown> | undefined
  /** How often its first output has failed, and how it did last. */
  attempts: number
  failure: Cause.Cause<unknown>
  /** Its schedule has given it up, until the machine starts again. */
  stuck: boolean
}

const newLane = (): Lane => ({
  outputs: new Fifo(),
  underWay: false,
  driver: undefined,
  attempts: 0,
  failure: Cause.empty,
  stuck: false
})

export interface Outputs {
  readonly outbox: Outbox["Type"]
  readonly arrived: (outputs: ReadonlyArray<Output>) => void
  /** What was there before, once. */
  readonly load: Effect.Effect<void, StoreError>
  /** Tries each output that has not failed, until there is none; answers how many went out. */
  readonly flush: Effect.Effect<number, StoreError>
  /** Sends outputs for ever. */
  readonly run: Effect.Effect<never>
}

export const make = (kernel: Kernel): Outputs => {
  const handlers = new Map<string, Handler>()
  const lanes = new Map<string, Lane>()
  const keys = new Set<string>()
  const signal = new Signal()
  let loaded = false

  const arrived = (outputs: ReadonlyArray<Output>): void => {
    for (const output of outputs) {
      if (keys.has(output.key)) continue
      keys.add(output.key)
      const name = JSON.stringify([output.channel, output.from.value])
      let lane = lanes.get(name)
      if (lane === undefined) {
        lanes.set(name, lane = newLane())
      }
      lane.outputs.push(output)
    }
    if (outputs.length > 0) signal.raise()
  }

  const load = Effect.suspend(() =>
    loaded ? Effect.void : Effect.map(kernel.mailboxes.outputs, (outputs) => {
      loaded = true
      // Before those that have arrived meanwhile there is nothing: they are in the store as well.
      arrived(outputs)
    })
  )

  /** The lanes whose first output may go. */
  const ready = (retried: boolean): ReadonlyArray<Lane> =>
    [...lanes].flatMap(([name, lane]) => {
      const first = lane.outputs.at(0)
      if (first === undefined) lanes.delete(name)
      return first !== undefined && !lane.underWay && !lane.stuck && (retried || lane.driver === undefined) &&
          handlers.has(first.channel)
        ? [lane]
        : []
    })

  /** Hands the first output of a lane to its handler; answers whether that succeeded. */
  const attempt = (lane: Lane): Effect.Effect<boolean, StoreError> =>
    Effect.suspend(() => {
      const output = lane.outputs.at(0)
      const handler = output === undefined ? undefined : handlers.get(output.channel)
      if (output === undefined || handler === undefined) return Effect.succeed(false)
      lane.underWay = true
      const handled = Effect.flatMap(Effect.exit(handler.handle(output.payload, output.key)), (exit) =>
        Exit.isSuccess(exit)
          ? Effect.as(Effect.uninterruptible(acknowledge(lane, output, exit.value)), true)
          : Cause.isInterruptedOnly(exit.cause)
          ? Effect.interrupt
          : Effect.as(failed(lane, output, handler, exit.cause), false))
      return Effect.ensuring(
        handled,
        Effect.sync(() => {
          lane.underWay = false
          signal.raise()
        })
      )
    })

  const acknowledge = (lane: Lane, output: Output, success: Val): Effect.Effect<void, StoreError> => {
    const answer = Option.match(output.answer, {
      onNone: () => Effect.succeed([]),
      onSome: ({ tag, to }) =>
        Effect.map(effectOf(freshObjectId(kernel.ids)), (id) => [{
          id,
          from: Option.none(),
          to,
          input: [tag, success],
          behaviour: Option.none(),
          answered: false
        }])
    })
    return Effect.flatMap(answer, (sends) =>
      // If it is not there any more, somebody else has acknowledged it.
      Effect.map(effectOf(commitMessages(kernel, { acknowledged: [output], sends })), () => {
        lane.outputs.shift()
        lane.driver = undefined
        lane.attempts = 0
        keys.delete(output.key)
      }))
  }

  const failed = (lane: Lane, output: Output, handler: Handler, cause: Cause.Cause<unknown>): Effect.Effect<void> =>
    Effect.gen(function*() {
      lane.attempts++
      lane.failure = cause
      yield* Effect.logDebug(`The handler of ${output.channel} failed for ${output.key}`, cause)
      lane.driver ??= yield* Schedule.driver(handler.retry)
    })

  const flush = Effect.gen(function*() {
    yield* load
    let sent = 0
    for (let lanes = ready(false); lanes.length > 0; lanes = ready(false)) {
      const outcomes = yield* Effect.forEach(lanes, attempt, { concurrency: 16 })
      sent += outcomes.filter((_) => _).length
    }
    return sent
  })

  /** A lane in the background: its outputs one after the other, those that fail again and again. */
  const drain = (lane: Lane): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (lane.outputs.length === 0 || lane.stuck) return Effect.void
      return Effect.flatMap(
        Effect.catchAll(attempt(lane), () => Effect.as(Effect.sleep("500 millis"), true)),
        (sent) => {
          const { driver } = lane
          if (sent || driver === undefined) return drain(lane)
          return Effect.matchEffect(driver.next(undefined), {
            onFailure: () => {
              lane.stuck = true
              const output = lane.outputs.at(0)
              return output === undefined ? Effect.void : stuck(output, lane.attempts, lane.failure)
            },
            onSuccess: () => drain(lane)
          })
        }
      )
    })

  const run = Effect.scoped(Effect.gen(function*() {
    const fibers = yield* FiberSet.make()
    const draining = new Set<Lane>()
    for (;;) {
      const seen = signal.version
      for (const lane of ready(true)) {
        if (draining.has(lane)) continue
        draining.add(lane)
        yield* FiberSet.run(
          fibers,
          Effect.ensuring(
            drain(lane),
            Effect.sync(() => {
              draining.delete(lane)
              signal.raise()
            })
          )
        )
      }
      yield* signal.after(seen)
    }
  }))

  return {
    outbox: Outbox.of({
      register: (handler) =>
        Effect.sync(() => {
          handlers.set(handler.channel, handler)
          signal.raise()
        }),
      lookup: (channel) => Option.fromNullable(handlers.get(channel))
    }),
    arrived,
    load,
    flush,
    run
  }
}
