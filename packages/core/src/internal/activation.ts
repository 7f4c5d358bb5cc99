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
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import * as Exit from "effect/Exit"
import type { RuntimeFiber } from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Tracer from "effect/Tracer"
import { type YieldWrap, yieldWrapGet } from "effect/Utils"
import { type AvmError, InvalidDuringTx, type StoreError } from "../AvmError.js"
import type { Registration } from "../Behaviour.js"
import type { MachineId } from "../MachineId.js"
import type { ObjectId } from "../ObjectId.js"
import { type Accepted, type Answer, latest } from "../ObjectStore.js"
import { InvalidVal, type Val } from "../Val.js"
import { recording, toAnswers } from "./answers.js"
import { contextOf, type Made } from "./contexts.js"
import { abandonUndriven, type Cell, type Frame, type Place, type Table, type Undriven, whole } from "./frame.js"
import { tableOf } from "./instruction.js"
import { abort, answering, commitNow, isTraced, type Kernel, permitted, sameId, trace } from "./kernel.js"
import { some } from "./option.js"
import { peek } from "./peek.js"
import { Record } from "./recording.js"
import { deliver, wasDelivered } from "./refusals.js"
import * as spans from "./spans.js"
import {
  andThen,
  causeOf,
  die,
  done,
  effectOf,
  fail,
  failCause,
  Later,
  later,
  settled,
  type Step,
  stepOf,
  succeed
} from "./sync.js"
import type { Seen, Transaction } from "./transaction.js"
import { objectCalled } from "./trust.js"
import { firstCulprit } from "./valCheck.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

type Answered = Option.Option<Val>

type Yielded = YieldWrap<Effect.Effect<unknown, unknown, unknown>>

/** One run of a behaviour, begun or not. It is the frame of what runs in it. */
class Activation implements Frame {
  private generator: Iterator<Yielded, unknown, unknown> | undefined = undefined
  readonly context: Context.Context<never>
  readonly table: Table
  /** Where instructions are recorded with their answers: at a replica, and wherever the machine was told to (A42). */
  readonly record: Record | undefined = undefined
  span: Tracer.Span | undefined = undefined
  /** Where there is a span: the context of the caller, in whose span it is an event that the call has ended. */
  caller: Context.Context<never> | undefined = undefined
  private sent: Option.Option<ObjectId> | undefined = undefined

  constructor(
    readonly registration: Registration,
    readonly self: ObjectId,
    readonly input: Val,
    readonly sender: Option.Option<ObjectId>,
    readonly place: Place,
    /** The machine it is on, while it is not running: it may have teleported. */
    public machine: MachineId,
    { context, table }: Made,
    readonly tx: Transaction | undefined,
    readonly seen: Seen | undefined,
    recorded: boolean
  ) {
    this.context = context
    this.table = table
    if (recorded || place._tag === "Replica") {
      this.record = new Record()
      this.context = recording(context)
      this.table = tableOf(this.context)
    }
  }

  /** Goes on with it, or begins: the function that makes the generator is the behaviour's own, and may throw. */
  next(value: unknown): IteratorResult<Yielded, unknown> {
    if (this.generator !== undefined) return this.generator.next(value)
    const { generator, program } = this.registration
    // A program that is no generator is one that yields itself.
    this.generator = generator === undefined ? program[Symbol.iterator]() : generator()
    return this.generator.next()
  }

  get asSender(): Option.Option<ObjectId> {
    return this.sent ??= some(this.self)
  }
}

/** Activations that wait for an effect, innermost first. It is run once, by the fiber in which it came to be. */
class Suspension extends Effectable.Class<Answered, AvmError> implements Undriven {
  before: Undriven | undefined = undefined
  constructor(
    readonly kernel: Kernel,
    readonly cell: Cell,
    readonly activations: Array<Activation>,
    readonly pending: Effect.Effect<unknown, unknown, unknown>
  ) {
    super()
    cell.leave(this)
  }
  commit(): Effect.Effect<Answered, AvmError> {
    return drive(this)
  }
  get abandon(): Effect.Effect<void> {
    const { activations, cell, kernel } = this
    return Effect.flatMap(
      Effect.fiberId,
      (id) =>
        Effect.forEach(
          activations,
          (activation) => Effect.exit(effectOf(whole(cell, failing(kernel, cell, activation, Cause.interrupt(id))))),
          { discard: true }
        )
    )
  }
}

// ---------------------------------------------------------------------------
// activating
// ---------------------------------------------------------------------------

/** Runs the behaviour on a message, once it is clear that it may be delivered; answers its first output. */
export const activate = (
  kernel: Kernel,
  cell: Cell,
  registration: Registration,
  self: ObjectId,
  machine: MachineId,
  place: Place,
  input: Val,
  seen: Seen | undefined
): Step<Answered, AvmError> => {
  const tx = cell.open
  if (tx !== undefined && tx.options.readOnly !== true) tx.changed = true
  const given = contextOf(registration, cell)
  const { fiber } = cell
  const recorded = kernel.recordAnswers
  const activation = spans.isTraced(fiber)
    ? spanned(fiber, cell, given, registration, self, input, place, machine, seen, recorded)
    : new Activation(registration, self, input, cell.frame.asSender, place, machine, given, tx, seen, recorded)
  return depth < maxDepth
    ? advance(kernel, cell, activation, undefined)
    : later(new Suspension(kernel, cell, [activation], Exit.void))
}

/** The same, in a span of its own. */
const spanned = (
  fiber: RuntimeFiber<unknown, unknown>,
  cell: Cell,
  given: Made,
  registration: Registration,
  self: ObjectId,
  input: Val,
  place: Place,
  machine: MachineId,
  seen: Seen | undefined,
  recorded: boolean
): Activation => {
  const tx = cell.open
  const [tag] = Array.isArray(input) ? input : []
  const span = spans.begin(fiber, given.caller, "avm.call", {
    "avm.object.id": self.value,
    "avm.behaviour": registration.name,
    "avm.machine": machine,
    // A typed message is the list of its tag and its payload (A35).
    "avm.message.tag": registration.failure !== undefined && typeof tag === "string" ? tag : undefined,
    "avm.transaction.id": tx?.id,
    "avm.controller": tx === undefined ? undefined : Option.getOrUndefined(tx.controller)
  })
  const context = spans.within(given.context, span)
  const inside = { caller: given.caller, context, table: tableOf(context) }
  const { asSender } = cell.frame
  const activation = new Activation(registration, self, input, asSender, place, machine, inside, tx, seen, recorded)
  activation.span = span
  activation.caller = given.caller
  return activation
}

/** Activations on the JavaScript stack at a time: some hundred bytes each, of about a megabyte. */
const maxDepth = 128

let depth = 0

/** Goes on with an activation, as far as it goes without waiting. */
const advance = (kernel: Kernel, cell: Cell, activation: Activation, value: unknown): Step<Answered, AvmError> => {
  const { context, frame, machine, table, tableOf } = cell
  cell.frame = activation
  cell.machine = activation.machine
  cell.context = activation.context
  cell.tableOf = activation.context
  cell.table = activation.table
  depth++
  let outputs: unknown
  let cause: Cause.Cause<unknown> | undefined
  let pending: Effect.Effect<unknown, unknown, unknown> | undefined
  try {
    let next = activation.next(value)
    while (next.done !== true) {
      const { allowance } = cell.execution
      const effect = yieldWrapGet(next.value)
      const step = allowance.mayGoOn()
        ? peek(effect, activation.context, allowance)
        : later(Effect.zipRight(allowance.pause, effect) as Effect.Effect<unknown, unknown>) // it is run in its context
      if (!(step instanceof Later)) {
        next = activation.next(step)
        continue
      }
      cause = causeOf(step)
      if (cause === undefined) pending = step.effect
      break
    }
    outputs = next.value
  } catch (defect) {
    cause = Cause.die(defect)
  }
  depth--
  activation.machine = cell.machine
  cell.frame = frame
  cell.machine = machine
  cell.context = context
  cell.tableOf = tableOf
  cell.table = table
  if (cause !== undefined) return whole(cell, failing(kernel, cell, activation, cause))
  if (pending === undefined) return whole(cell, answered(kernel, cell, activation, outputs))
  if (pending instanceof Suspension) {
    pending.activations.push(activation)
    return later(pending)
  }
  return later(new Suspension(kernel, cell, [activation], pending))
}

// ---------------------------------------------------------------------------
// waiting
// ---------------------------------------------------------------------------

/** Runs what the innermost activation waits for, then goes on with all of them, until the outermost has answered. */
const drive = (suspension: Suspension): Effect.Effect<Answered, AvmError> =>
  Effect.uninterruptibleMask((restore) => {
    const { activations, cell, kernel, pending } = suspension
    cell.take(suspension)
    const stack = activations.reverse()
    const { frame, machine } = cell

    const wait = (
      pending: Effect.Effect<unknown, unknown>,
      waiting: Activation | undefined
    ): Effect.Effect<Answered, AvmError> => {
      const goOn = (exit: Exit.Exit<unknown, unknown>) => {
        if (waiting !== undefined) waiting.machine = cell.machine
        cell.frame = frame
        cell.machine = machine
        // What it has left, interrupted before it came to that, ends first.
        return cell.undriven === undefined
          ? resume(exit)
          : Effect.zipRight(abandonUndriven(cell), Effect.suspend(() => resume(exit)))
      }
      return Effect.matchCauseEffect(pending, {
        onFailure: (cause) => goOn(Exit.failCause(cause)),
        onSuccess: (value) => goOn(Exit.succeed(value))
      })
    }

    /** The effect that an activation has yielded, in its frame. */
    const waitIn = (
      waiting: Activation,
      pending: Effect.Effect<unknown, unknown, unknown>
    ): Effect.Effect<Answered, AvmError> => {
      cell.frame = waiting
      cell.machine = waiting.machine
      // In place of the caller's context, not on top of it: what was granted to the caller is not the behaviour's.
      // It is given all that there is to be had.
      const needless = pending as Effect.Effect<unknown, unknown>
      return wait(restore(Effect.mapInputContext(needless, (_: Context.Context<never>) => waiting.context)), waiting)
    }

    const resume = (exit: Exit.Exit<unknown, unknown>): Effect.Effect<Answered, AvmError> => {
      let last = exit
      for (;;) {
        const activation = stack.pop()
        // What the outermost activation has answered is the answer to its call.
        if (activation === undefined) return last as Exit.Exit<Answered, AvmError>
        const step = last._tag === "Success"
          ? advance(kernel, cell, activation, last.value)
          : whole(cell, failing(kernel, cell, activation, last.cause))
        if (!(step instanceof Later)) last = Exit.succeed(step)
        else if (step.effect instanceof Suspension) {
          const { activations, pending } = step.effect
          cell.take(step.effect)
          for (let n = activations.length - 1; n >= 0; n--) stack.push(activations[n] as Activation)
          const done = settled(pending)
          if (done === undefined) return waitIn(stack[stack.length - 1] as Activation, pending)
          last = done
        } else {
          const failed = causeOf(step)
          // The last step of an activation: nothing interrupts it.
          if (failed === undefined) return wait(step.effect, undefined)
          last = Exit.failCause(failed)
        }
      }
    }

    const done = settled(pending)
    return done === undefined ? waitIn(stack[stack.length - 1] as Activation, pending) : resume(done)
  })

// ---------------------------------------------------------------------------
// ending
// ---------------------------------------------------------------------------

const answered = (kernel: Kernel, cell: Cell, activation: Activation, outputs: unknown): Step<Answered, AvmError> => {
  const left = leftOpen(cell, activation)
  if (left !== undefined) {
    // D15: it returned with a transaction of its own open.
    const aborted = andThen(
      abort(kernel, cell, left, false, activation.context),
      () => andThen(enter(kernel, activation), () => fail(new InvalidDuringTx({ what: "beginTx" }, true)))
    )
    return endingSpan(cell, activation, aborted)
  }
  const entered = enter(kernel, activation)
  const step = entered === done
    ? output(kernel, cell, activation, outputs)
    : andThen(entered, () => output(kernel, cell, activation, outputs))
  return activation.span === undefined ? step : endingSpan(cell, activation, step)
}

const output = (kernel: Kernel, cell: Cell, activation: Activation, outputs: unknown): Step<Answered, AvmError> => {
  const first = firstOutput(activation.registration, outputs)
  if (first instanceof Later || !isTraced(kernel, cell)) return first
  const { caller, input, self: id } = activation
  return answering(trace(kernel, cell, () => objectCalled(id, input, first), caller), first)
}

const failing = (
  kernel: Kernel,
  cell: Cell,
  activation: Activation,
  cause: Cause.Cause<unknown>
): Step<never, AvmError> =>
  endingSpan(
    cell,
    activation,
    andThen(failureOf(activation, cause), (cause) => {
      const left = leftOpen(cell, activation)
      return andThen(
        left === undefined ? done : abort(kernel, cell, left, false, activation.context),
        () => andThen(refused(activation.self, cause) ? done : enter(kernel, activation), () => failCause(cause))
      )
    })
  )

/** Its span, where it has one, ends as the activation does. */
const endingSpan = <A, E>({ fiber }: Cell, { span }: Activation, step: Step<A, E>): Step<A, E> =>
  span === undefined || fiber === undefined ? step : spans.ending(fiber, span, step)

/** What the behaviour makes of its own failures: a typed one encodes those that its messages declare. */
const failureOf = (activation: Activation, cause: Cause.Cause<unknown>): Step<Cause.Cause<AvmError>> => {
  const { input, registration, self } = activation
  // A program that maps its failures itself fails with nothing else.
  if (registration.failure === undefined) return succeed(cause as Cause.Cause<AvmError>)
  const error = Cause.failureOption(cause)
  return Option.isNone(error)
    ? succeed(cause as Cause.Cause<never>)
    : stepOf(registration.failure(self, input, error.value))
}

const leftOpen = (cell: Cell, activation: Activation): Transaction | undefined => {
  const open = cell.open
  return open !== undefined && open.owner === activation ? open : undefined
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

const enter = (
  kernel: Kernel,
  { input, place, record, self, sender, tx }: Activation
): Step<void, StoreError> => {
  const answers = record === undefined ? noAnswers : toAnswers(record)
  if (tx !== undefined) {
    // A31: what is read only is no part of anybody's history.
    if (tx.options.readOnly !== true) tx.inputs.push([self, { input, sender, answers }])
    return done
  }
  return place._tag === "Replica"
    ? enterAtReplica(kernel, self, place.machine, { input, sender, answers })
    : kernel.privilege.isOpenTo(undefined)
    ? kernel.objects.accept(self, input, sender, answers)
    : permitted(kernel, () => kernel.objects.accept(self, input, sender, answers))
}

const noAnswers: ReadonlyArray<Answer> = []

const enterAtReplica = (kernel: Kernel, id: ObjectId, machine: MachineId, accepted: Accepted): Step<void, StoreError> =>
  andThen(kernel.objects.read(id, latest), (stored): Step<void, StoreError> => {
    if (stored === undefined || stored._tag === "Tombstone") return done
    const { replicas, replicasVersion } = stored
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

const firstOutput = (registration: Registration, outputs: unknown): Step<Answered, AvmError> => {
  if (!Array.isArray(outputs)) {
    return die(new TypeError(`The behaviour ${registration.name} answers no list of outputs`))
  }
  if (outputs.length === 0) return Option.none()
  // One scalar is the commonest answer.
  const culprit = firstCulprit(outputs.length === 1 && !isCompound(outputs[0]) ? outputs[0] : outputs)
  if (culprit === undefined) return some(outputs[0])
  // Where a scalar is the culprit, it is the first element of the list.
  return fail(new InvalidVal(firstCulprit(outputs) ?? culprit))
}

const isCompound = (u: unknown): boolean => typeof u === "object" && u !== null
