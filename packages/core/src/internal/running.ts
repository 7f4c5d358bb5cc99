/**
 * One run of a program: its root frame, and what is put in order when it ends.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { RuntimeFiber } from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Option from "effect/Option"
import { freshObjectId } from "../IdGenerator.js"
import type { Safe } from "../InstructionSet.js"
import type { ObjectId } from "../ObjectId.js"
import { ErrorOccurred, type TraceEntry } from "../TraceEvent.js"
import type { OutsideTx } from "../TxPlace.js"
import { fromUnknown, type Val } from "../Val.js"
import { Allowance, currentFiber, isEager, isOver, isTold, setLocally } from "./eager.js"
import { abandonUndriven, Cell, current, Execution, Root, RootFrame } from "./frame.js"
import { forgetCell } from "./instruction.js"
import { abortLeft, type Kernel, traceAs } from "./kernel.js"
import { peek } from "./peek.js"
import * as spans from "./spans.js"
import { andThen, causeOf, done, effectOf, Later, later, type Restore, type Step } from "./sync.js"
import type { Transaction } from "./transaction.js"
import { trust } from "./trust.js"

/** Who wants the entries of a run. */
export interface Observer {
  readonly entries: Array<TraceEntry>
  readonly started: (execution: Execution) => void
}

/** What a program runs on. */
export interface Machine {
  readonly kernel: Kernel
  readonly families: Context.Context<Safe>
}

/**
 * Runs the program on the machine that the fiber has, and takes the place `OutsideTx` away, which exists in types alone: here
 * is outside. Nothing comes between what is put in order here and the program, and nothing between its end and what is put
 * back.
 */
export const run = <A, E, R>(
  machineOf: (context: Context.Context<never>) => Machine,
  program: Effect.Effect<A, E, R>,
  input: Val,
  observer: Observer | undefined
): Effect.Effect<A, E, Exclude<R, Safe | OutsideTx>> => {
  const running = Effect.uninterruptibleMask((restore) => {
    const inFiber = (fiber: AnyFiber): Effect.Effect<A, E, R> => {
      const machine = machineOf(fiber.currentContext)
      const checked = fromUnknown(input)
      if (checked._tag === "Left") return Effect.die(checked.left)
      const root = freshObjectId(machine.kernel.ids)
      const start = (root: ObjectId) => {
        const execution = begin(root, observer)
        const within = () => inFrame(fiber, machine, execution, program, input, restore)
        return spans.isTraced(fiber)
          // Within, where the fiber has the span.
          ? spans.around(fiber, "avm.program", { "avm.execution": execution.id }, () => Effect.suspend(within))
          : within()
      }
      return root instanceof Later ? Effect.flatMap(restore(root.effect), start) : start(root)
    }
    const fiber = isEager ? currentFiber() : undefined
    return fiber === undefined
      ? Effect.withFiberRuntime<A, E, R>((fiber) => inFiber(fiber as unknown as AnyFiber)) // whatever it is for
      : inFiber(fiber)
  })
  return running as Effect.Effect<A, E, Exclude<R, Safe | OutsideTx>>
}

type AnyFiber = RuntimeFiber<unknown, unknown>

export const begin = (root: ObjectId, observer: Observer | undefined): Execution => {
  const execution = new Execution(root, observer?.entries, new Allowance())
  observer?.started(execution)
  return execution
}

/**
 * The cell and the context of the fiber are set here and put back at the end, in one step each: a program is short often.
 * What can be done of it at once is done where it stands.
 */
const inFrame = <A, E, R>(
  fiber: AnyFiber,
  { families, kernel }: Machine,
  execution: Execution,
  program: Effect.Effect<A, E, R>,
  input: Val,
  restore: Restore
): Effect.Effect<A, E, R> => {
  const { root } = execution
  const frame = new RootFrame(root, input, Option.none(), Root, Option.some(root))
  const cell = new Cell(execution, frame, kernel.machine, undefined, fiber)
  // It takes the messages to its root frame itself, as long as it runs.
  kernel.post.take(root)
  forgetCell()
  const context = within(fiber.currentContext, families)
  const entered = setLocally(fiber, current, cell, FiberRef.currentContext, context)
  const leave = (exit: Exit.Exit<A, E>): Effect.Effect<A, E> => {
    const ended = cell.undriven === undefined
      ? end(kernel, cell, exit)
      : later(Effect.zipRight(abandonUndriven(cell), Effect.suspend(() => effectOf(end(kernel, cell, exit)))))
    forgetCell()
    const left = andThen(entered.undo(), () => ended)
    return left instanceof Later
      ? Effect.matchCauseEffect(left.effect, {
        onFailure: (cause) => Exit.failCause(exit._tag === "Failure" ? Cause.sequential(exit.cause, cause) : cause),
        onSuccess: () => exit
      })
      : exit
  }
  const rest = (program: Effect.Effect<A, E, R>) =>
    Effect.matchCauseEffect(restore(program), {
      onFailure: (cause) => leave(Exit.failCause(cause)),
      onSuccess: (answer) => leave(Exit.succeed(answer))
    })
  if (entered.step instanceof Later) return Effect.zipRight(entered.step.effect, rest(program))
  // Who is interrupted already does nothing of it, unless it may not be interrupted here.
  if (isOver(fiber)) return rest(program)
  // The program's own answer and failure.
  const done = peek(program, context, execution.allowance) as Step<A, E>
  const cause = causeOf(done)
  if (done instanceof Later && cause === undefined) return rest(done.effect)
  const exit: Exit.Exit<A, E> = cause === undefined ? Exit.succeed(done as A) : Exit.failCause(cause)
  // It may have had its own fiber interrupted: that is still within the program.
  return isTold(fiber) ? rest(exit) : leave(exit)
}

const within = (context: Context.Context<never>, families: Context.Context<Safe>): Context.Context<never> => {
  const known = merged.get(context)
  if (known !== undefined && known.families === families) return known.context
  const made = { families, context: Context.merge(context, families) }
  merged.set(context, made)
  return made.context
}

/** The context of a program, by that of whoever runs it: a runtime runs many in the same one. */
const merged = new WeakMap<
  Context.Context<never>,
  { readonly families: Context.Context<Safe>; readonly context: Context.Context<never> }
>()

/** A9: an open transaction is aborted first, then the failure is written, without a controller; interruption is none. */
const end = (kernel: Kernel, cell: Cell, exit: Exit.Exit<unknown, unknown>): Step<void> => {
  const { execution } = cell
  kernel.post.free(execution.root)
  let aborted: Step<void> = done
  const { open } = execution
  execution.isOver = true
  for (const tx of open) aborted = andThen(aborted, () => abortLeft(kernel, cell, tx))
  for (const tx of open) aborted = andThen(aborted, () => closed(tx))
  return andThen(aborted, () => {
    cell.isWatched = false
    if (Exit.isSuccess(exit) || Cause.isInterruptedOnly(exit.cause)) return done
    const error = Option.getOrElse(Cause.failureOption(exit.cause), () => Cause.squash(exit.cause))
    return traceAs(kernel, cell, Option.none(), () => trust(ErrorOccurred, { error }))
  })
}

/** A transaction that another fiber is committing is over when the store has decided. */
const closed = (tx: Transaction): Step<void> =>
  tx.status === "open"
    ? later(Effect.async<void>((resume) => {
      tx.onClose = () => resume(Effect.void)
    }))
    : done
