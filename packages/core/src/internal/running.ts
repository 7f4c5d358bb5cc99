/**
 * One run of a program: its root frame, and what is put in order when it ends.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { ErrorOccurred, type TraceEntry } from "../TraceEvent.js"
import { fromUnknown, type Val } from "../Val.js"
import { Allowance } from "./eager.js"
import { abandonUndriven, Cell, current, type Execution, Root } from "./frame.js"
import { forgetCell } from "./instruction.js"
import { abort, type Kernel, traceAs } from "./kernel.js"
import * as spans from "./spans.js"
import { andThen, done, effectOf, mapLater, type Step } from "./sync.js"
import { trust } from "./trust.js"

/** Who wants the entries of a run. */
export interface Observer {
  readonly entries: Array<TraceEntry>
  readonly started: (execution: Execution) => void
}

export const run = <A, E, R>(
  kernel: Kernel,
  program: Effect.Effect<A, E, R>,
  input: Val,
  observer: Observer | undefined
): Effect.Effect<A, E, R> => {
  const checked = fromUnknown(input)
  if (checked._tag === "Left") return Effect.die(checked.left)
  return Effect.flatMap(kernel.ids.objectId, (root) => {
    const execution: Execution = {
      id: root.value,
      root,
      entries: observer?.entries,
      timestamp: 0,
      rootState: [],
      variables: undefined,
      allowance: new Allowance(),
      finished: new Map(),
      open: new Set()
    }
    observer?.started(execution)
    // It takes the messages to its root frame itself, as long as it runs.
    kernel.post.take(root)
    const cell = new Cell(
      execution,
      { self: root, input, sender: Option.none(), place: Root, asSender: Option.some(root), seen: undefined },
      kernel.machine,
      undefined,
      undefined
    )
    const inCell = Effect.onExit(Effect.locally(program, current, cell), (exit) => {
      forgetCell()
      return cell.undriven.length === 0
        ? effectOf(end(kernel, cell, exit))
        : Effect.zipRight(abandonUndriven(cell), Effect.suspend(() => effectOf(end(kernel, cell, exit))))
    })
    return Effect.withFiberRuntime<A, E, R>((fiber) => {
      forgetCell()
      return spans.isTraced(fiber)
        ? spans.around(fiber, "avm.program", { "avm.execution": execution.id }, () => inCell)
        : inCell
    })
  })
}

/** A9: an open transaction is aborted first, then the failure is written, without a controller; interruption is none. */
const end = (kernel: Kernel, cell: Cell, exit: Exit.Exit<unknown, unknown>): Step<void> => {
  const { execution } = cell
  kernel.post.free(execution.root)
  let aborted: Step<void> = done
  for (const tx of [...execution.open]) {
    // Fibers that still work in it must not go on outside.
    tx.closedBy = "program"
    // The program's own errors have no place for what its transaction saw and the store lost.
    aborted = andThen(aborted, () => mapLater(abort(kernel, cell, tx), Effect.orDie))
  }
  return andThen(aborted, () => {
    if (Exit.isSuccess(exit) || Cause.isInterruptedOnly(exit.cause)) return done
    const error = Option.getOrElse(Cause.failureOption(exit.cause), () => Cause.squash(exit.cause))
    return traceAs(kernel, cell, Option.none(), () => trust(ErrorOccurred, { error }))
  })
}
