/**
 * Running a behaviour on a message: a frame of its own, the caller's frame and machine restored whatever happens (D5),
 * and the message entered in the history when it was accepted.
 *
 * The generator of a behaviour is driven here, on the JavaScript stack, as long as what it yields is answered at once, and
 * its calls likewise, down to a depth. What has to wait (an effect that is no instruction, a store that takes its time, a
 * call that is too deep) makes a `Suspension`: the activations from there up to the last fiber are put on a heap stack, and
 * one driver runs what is waited for in the fiber, then goes on with them. So calls nest to any depth, and effects of all
 * kinds may stand in a behaviour.
 */
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import { type YieldWrap, yieldWrapGet } from "effect/Utils"
import { type AvmError, InvalidDuringTx, type StoreError } from "../AvmError.js"
import type { Registration } from "../Behaviour.js"
import { families } from "../InstructionSet.js"
import type { MachineId } from "../MachineId.js"
import type { ObjectId } from "../ObjectId.js"
import { type Accepted, type Answer, latest } from "../ObjectStore.js"
import { ObjectCalled } from "../TraceEvent.js"
import { fromUnknown, type Val } from "../Val.js"
import type { Cell, Frame, Place } from "./frame.js"
import { abort, commitNow, type Kernel, permitted, sameId, trace } from "./kernel.js"
import { record } from "./recording.js"
import { deliver, wasDelivered } from "./refusals.js"
import { andThen, done, fail, isDone, settled, type Step, succeed } from "./sync.js"
import type { Transaction } from "./transaction.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/** Whom a message is for, once it is clear that it may be delivered. */
export interface Target {
  readonly id: ObjectId
  readonly registration: Registration
  readonly machine: MachineId
  readonly place: Place
}

type Answered = Option.Option<Val>

type Yielded = YieldWrap<Effect.Effect<unknown, unknown, unknown>>

/** One run of a behaviour, begun or not. */
class Activation {
  readonly generator: Iterator<Yielded, unknown, unknown>
  /** The machine it is on, while it is not running: it may have teleported. */
  machine: MachineId

  constructor(
    readonly target: Target,
    readonly callee: Frame,
    readonly context: Context.Context<never>,
    readonly tx: Transaction | undefined,
    readonly answers: Array<Answer> | undefined
  ) {
    const { generator, program } = target.registration
    // A program that is no generator is one that yields itself.
    this.generator = generator === undefined ? program[Symbol.iterator]() : generator()
    this.machine = target.machine
  }
}

/** Activations that wait for an effect, innermost first. It is run once, by the fiber in which it came to be. */
class Suspension extends Effectable.Class<Answered, AvmError> {
  constructor(
    readonly kernel: Kernel,
    readonly cell: Cell,
    readonly activations: Array<Activation>,
    readonly pending: Effect.Effect<unknown, unknown, unknown>
  ) {
    super()
    cell.undriven = [...cell.undriven, this]
  }
  commit(): Effect.Effect<Answered, AvmError> {
    return drive(this)
  }
  get abandon(): Effect.Effect<void> {
    const { activations, cell, kernel } = this
    return Effect.flatMap(
      Effect.fiberId,
      (id) =>
        Effect.forEach(activations, (activation) => Effect.exit(finish(kernel, cell, activation, Exit.interrupt(id))), {
          discard: true
        })
    )
  }
}

// ---------------------------------------------------------------------------
// activating
// ---------------------------------------------------------------------------

/** Runs the behaviour; answers its first output. */
export const activate = (kernel: Kernel, cell: Cell, target: Target, input: Val): Step<Answered, AvmError> => {
  const tx = cell.open
  if (tx !== undefined && tx.options.readOnly !== true) tx.changed = true
  const callee: Frame = {
    self: target.id,
    input,
    sender: cell.frame.asSender,
    place: target.place,
    asSender: Option.some(target.id)
  }
  const context = contextOf(target.registration, cell)
  const answers: Array<Answer> | undefined = target.place._tag === "Replica" ? [] : undefined
  const activation = new Activation(
    target,
    callee,
    answers === undefined ? context : record(context, callee, answers),
    tx,
    answers
  )
  return depth < maxDepth
    ? advance(kernel, cell, activation, undefined)
    : new Suspension(kernel, cell, [activation], Exit.void)
}

/** Activations on the JavaScript stack at a time: some hundred bytes each, of about a megabyte. */
const maxDepth = 128

let depth = 0

/** Goes on with an activation, as far as it goes without waiting. */
const advance = (kernel: Kernel, cell: Cell, activation: Activation, value: unknown): Step<Answered, AvmError> => {
  const { context, frame, machine } = cell
  cell.frame = activation.callee
  cell.machine = activation.machine
  cell.context = activation.context
  depth++
  let exit: Exit.Exit<unknown, unknown> | undefined
  let pending: Effect.Effect<unknown, unknown, unknown> | undefined
  try {
    let next = activation.generator.next(value)
    while (next.done !== true) {
      const effect = yieldWrapGet(next.value)
      exit = settled(effect)
      if (exit === undefined) pending = effect
      if (exit?._tag !== "Success") break
      next = activation.generator.next(exit.value)
    }
    if (next.done === true) exit = Exit.succeed(next.value)
  } catch (defect) {
    exit = Exit.die(defect)
  }
  depth--
  activation.machine = cell.machine
  cell.frame = frame
  cell.machine = machine
  cell.context = context
  if (exit !== undefined) return finish(kernel, cell, activation, exit)
  if (pending instanceof Suspension) {
    pending.activations.push(activation)
    return pending
  }
  return new Suspension(kernel, cell, [activation], pending ?? Effect.void)
}

// ---------------------------------------------------------------------------
// waiting
// ---------------------------------------------------------------------------

/** Runs what the innermost activation waits for, then goes on with all of them, until the outermost has answered. */
const drive = (suspension: Suspension): Effect.Effect<Answered, AvmError> =>
  Effect.uninterruptibleMask((restore) => {
    const { activations, cell, kernel, pending } = suspension
    cell.undriven = cell.undriven.filter((_) => _ !== suspension)
    const stack = activations.reverse()
    const { frame, machine } = cell

    const wait = (
      pending: Effect.Effect<unknown, unknown, unknown>,
      region: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E> = restore
    ): Effect.Effect<Answered, AvmError> => {
      const waiting = stack[stack.length - 1]
      if (waiting !== undefined) {
        cell.frame = waiting.callee
        cell.machine = waiting.machine
      }
      const goOn = (exit: Exit.Exit<unknown, unknown>) => {
        if (waiting !== undefined) waiting.machine = cell.machine
        cell.frame = frame
        cell.machine = machine
        return resume(exit)
      }
      // In place of the caller's context, not on top of it: what was granted to the caller is not the behaviour's.
      const needless = pending as Effect.Effect<unknown, unknown>
      const provided = waiting === undefined
        ? needless
        : Effect.mapInputContext(needless, (_: Context.Context<never>) => waiting.context)
      return Effect.matchCauseEffect(region(provided), {
        onFailure: (cause) => goOn(Exit.failCause(cause)),
        onSuccess: (value) => goOn(Exit.succeed(value))
      })
    }

    const resume = (exit: Exit.Exit<unknown, unknown>): Effect.Effect<Answered, AvmError> => {
      let last = exit
      for (;;) {
        const activation = stack.pop()
        // What the outermost activation has answered is the answer to its call.
        if (activation === undefined) return last as Exit.Exit<Answered, AvmError>
        const step = last._tag === "Success"
          ? advance(kernel, cell, activation, last.value)
          : finish(kernel, cell, activation, last)
        if (step instanceof Suspension) {
          cell.undriven = cell.undriven.filter((_) => _ !== step)
          for (let n = step.activations.length - 1; n >= 0; n--) stack.push(step.activations[n] as Activation)
          if (!isDone(step.pending as Effect.Effect<unknown, unknown>)) return wait(step.pending)
          last = step.pending as Exit.Exit<unknown, unknown>
        } else if (isDone(step)) last = step
        // The last step of an activation: nothing interrupts it.
        else return wait(step, (_) => _)
      }
    }

    return isDone(pending as Effect.Effect<unknown, unknown>)
      ? resume(pending as Exit.Exit<unknown, unknown>)
      : wait(pending)
  })

// ---------------------------------------------------------------------------
// ending
// ---------------------------------------------------------------------------

/** What is done when an activation has ended, in one way or another. Nothing interrupts it. */
const finish = (
  kernel: Kernel,
  cell: Cell,
  activation: Activation,
  exit: Exit.Exit<unknown, unknown>
): Step<Answered, AvmError> => {
  const step = exit._tag === "Success"
    ? answered(kernel, cell, activation, exit.value)
    : andThen(failureOf(activation, exit.cause), (cause) => failed(kernel, cell, activation, cause))
  return isDone(step) ? step : Effect.uninterruptible(step)
}

const answered = (kernel: Kernel, cell: Cell, activation: Activation, outputs: unknown): Step<Answered, AvmError> => {
  const { target } = activation
  const left = leftOpen(cell, activation)
  if (left !== undefined) {
    // D15: it returned with a transaction of its own open.
    return andThen(
      abort(kernel, cell, left),
      () => andThen(enter(kernel, activation), () => fail(new InvalidDuringTx({ what: "beginTx" })))
    )
  }
  return andThen(enter(kernel, activation), () =>
    andThen(firstOutput(target, outputs), (output) => {
      const traced = trace(
        kernel,
        cell,
        () => new ObjectCalled({ id: target.id, input: activation.callee.input, output }, true)
      )
      return traced === done ? succeed(output) : andThen(traced, () => succeed(output))
    }))
}

const failed = (
  kernel: Kernel,
  cell: Cell,
  activation: Activation,
  cause: Cause.Cause<AvmError>
): Step<never, AvmError> => {
  const left = leftOpen(cell, activation)
  return andThen(
    left === undefined ? done : abort(kernel, cell, left),
    () =>
      andThen(
        refused(activation.target.id, cause) ? done : enter(kernel, activation),
        () => Exit.failCause(cause)
      )
  )
}

/** What the behaviour makes of its own failures: a typed one encodes those that its messages declare. */
const failureOf = (activation: Activation, cause: Cause.Cause<unknown>): Step<Cause.Cause<AvmError>> => {
  const { id, registration } = activation.target
  const { input } = activation.callee
  // A program that maps its failures itself fails with nothing else.
  if (registration.failure === undefined) return succeed(cause as Cause.Cause<AvmError>)
  const error = Cause.failureOption(cause)
  return Option.isNone(error) ? succeed(cause as Cause.Cause<never>) : registration.failure(id, input, error.value)
}

const leftOpen = (cell: Cell, activation: Activation): Transaction | undefined => {
  const open = cell.open
  return open !== undefined && open.owner === activation.callee ? open : undefined
}

/**
 * D7: what the object refused is no part of its history. Whatever else it was given it has accepted, also where it failed
 * in the end: it may have changed its state before. A refusal that it was given itself, and passes on, is not its own.
 */
const refused = (id: ObjectId, cause: Cause.Cause<AvmError>): boolean =>
  Option.exists(Cause.failureOption(cause), (error) => {
    if (error._tag !== "InvalidInput" && error._tag !== "ObjectRejectedCall") return false
    const own = !wasDelivered(error) && sameId(error.id, id)
    deliver(error)
    return own
  })

const enter = (kernel: Kernel, activation: Activation): Step<void, StoreError> => {
  const { answers, callee, target, tx } = activation
  const accepted: Accepted = { input: callee.input, sender: callee.sender, answers: answers ?? noAnswers }
  if (tx !== undefined) {
    // A31: what is read only is no part of anybody's history.
    if (tx.options.readOnly !== true) tx.inputs.push([target.id, accepted])
    return done
  }
  const { place } = target
  return place._tag === "Replica"
    ? enterAtReplica(kernel, target.id, place.machine, accepted)
    : permitted(kernel, () => kernel.objects.accept(target.id, accepted))
}

const noAnswers: ReadonlyArray<Answer> = []

const enterAtReplica = (kernel: Kernel, id: ObjectId, machine: MachineId, accepted: Accepted): Step<void, StoreError> =>
  andThen(kernel.objects.read(id, latest), (stored): Step<void, StoreError> => {
    if (Option.isNone(stored) || stored.value._tag === "Tombstone") return done
    const { replicas, replicasVersion } = stored.value
    const replica = replicas.get(machine)
    if (replica === undefined) return done
    const changed = { ...replica, accepted: Chunk.append(replica.accepted, accepted) }
    return andThen(
      commitNow(kernel, {
        reads: new Map([[id.value, { id, exists: true, replicas: replicasVersion }]]),
        replicas: [[id, machine, Option.some(changed)]]
      }),
      (outcome) => outcome._tag === "Committed" ? done : enterAtReplica(kernel, id, machine, accepted)
    )
  })

const firstOutput = (target: Target, outputs: unknown): Step<Answered, AvmError> => {
  if (!Array.isArray(outputs)) {
    return Exit.die(new TypeError(`The behaviour ${target.registration.name} answers no list of outputs`))
  }
  if (outputs.length === 0) return noOutput
  const checked = fromUnknown(outputs)
  return checked._tag === "Left" ? fail(checked.left) : succeed(Option.some(outputs[0]))
}

const noOutput: Step<Answered> = succeed(Option.none())

// ---------------------------------------------------------------------------
// the callee's context
// ---------------------------------------------------------------------------

/**
 * The behaviour's own services, and the families as its caller has them: a family that was replaced for a part of a
 * program is replaced for whom that part calls. The caller's span is passed on as well.
 */
const contextOf = (registration: Registration, cell: Cell): Context.Context<never> => {
  const caller = cell.context ?? cell.fiber?.currentContext ?? Context.empty()
  let known = contexts.get(registration.services)
  if (known === undefined) contexts.set(registration.services, known = [])
  for (const entry of known) if (entry.caller === caller) return entry.context
  for (const entry of known) {
    if (passedOn.every((key) => entry.context.unsafeMap.get(key) === caller.unsafeMap.get(key))) {
      remember(known, caller, entry.context)
      return entry.context
    }
  }
  const services = new Map(registration.services.unsafeMap)
  for (const key of passedOn) {
    const service = caller.unsafeMap.get(key)
    if (service === undefined) services.delete(key)
    else services.set(key, service)
  }
  const context = Context.unsafeMake(services)
  remember(known, caller, context)
  return context
}

const passedOn: ReadonlyArray<string> = [...families.map((family) => family.key), Tracer.ParentSpan.key]

/** The last few contexts made for a behaviour: its callers are few at a time, and ask again and again. */
interface Made {
  readonly caller: Context.Context<never>
  readonly context: Context.Context<never>
}

const contexts = new WeakMap<Context.Context<never>, Array<Made>>()

const remember = (known: Array<Made>, caller: Context.Context<never>, context: Context.Context<never>): void => {
  if (known.length >= 4) known.shift()
  known.push({ caller, context })
}
