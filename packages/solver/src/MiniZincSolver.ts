/**
 * MiniZinc with Gecode, from the optional package `minizinc`.
 *
 * It takes every problem, as a MiniZinc model. It runs in a worker, so that others go on meanwhile; interruption ends the
 * worker, and so does the scope of the layer. The first use takes seconds, and each one some tenths of a second.
 *
 * All solutions are found in one go. Hazard: it does not wait for whoever reads them, so they are kept until they are read.
 *
 * `test/solver/ConstraintSolver.test.ts` runs the laws of the port on it.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Worker } from "node:worker_threads"
import { ConstraintSolver } from "./ConstraintSolver.js"
import * as Backend from "./internal/backend.js"
import { type Message, start } from "./internal/minizincWorker.js"
import * as MiniZinc from "./MiniZinc.js"
import type * as Problem from "./Problem.js"
import { SolverFailed, type SolverMissing } from "./SolverError.js"

/**
 * Loads the package when it first solves something.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<ConstraintSolver> = Layer.scoped(
  ConstraintSolver,
  Effect.gen(function*() {
    /** One that has nothing to do, if there is one. */
    let idle: Worker | undefined
    let isOpen = true
    const rest = (worker: Worker) =>
      Effect.suspend(() => {
        if (!isOpen || idle !== undefined) return Effect.promise(() => worker.terminate())
        idle = worker
        return Effect.void
      })
    yield* Effect.addFinalizer(() =>
      Effect.promise(async () => {
        isOpen = false
        await idle?.terminate()
      })
    )
    /** A worker for as long as the scope is open. If it was not done by then, it ends. */
    const take: Effect.Effect<Taken, SolverMissing, Scope.Scope> = Effect.suspend(() =>
      idle === undefined ? Effect.flatMap(Backend.load("minizinc", start), rest) : Effect.void
    ).pipe(
      Effect.zipRight(Effect.acquireRelease(
        Effect.sync(() => {
          const worker = idle
          idle = undefined
          return worker === undefined ? undefined : { worker, isDone: false }
        }),
        (taken) =>
          taken === undefined
            ? Effect.void
            : taken.isDone
            ? rest(taken.worker)
            : Effect.promise(() => taken.worker.terminate())
      )),
      // Somebody else may have been faster.
      Effect.flatMap((taken) => taken === undefined ? take : Effect.succeed(taken))
    )
    const alone = yield* Effect.makeSemaphore(1)
    return Backend.service({
      name: "minizinc",
      solve: (problem, time) =>
        Effect.scoped(Effect.gen(function*() {
          const model = yield* MiniZinc.print(problem)
          const taken = yield* take
          return yield* run(taken, problem, model, time)
        })).pipe(alone.withPermits(1)),
      // Not alone: whoever reads may want to solve something else in between.
      all: (problem, time) =>
        Stream.unwrapScoped(Effect.gen(function*() {
          const model = yield* MiniZinc.print(problem)
          const taken = yield* take
          return runAll(taken, problem, model, time)
        }))
    })
  })
)

// ---------------------------------------------------------------------------
// internals
// ---------------------------------------------------------------------------

interface Taken {
  readonly worker: Worker
  isDone: boolean
}

/** Sends the model, and hands on what is found until the worker is done, or has failed; answers how to stop listening. */
const send = (
  worker: Worker,
  problem: Problem.Problem,
  model: string,
  time: Option.Option<Duration.Duration>,
  option: string,
  on: {
    readonly found: (values: Problem.Solution) => void
    readonly done: (status: string | undefined) => void
    readonly failed: (failure: SolverFailed) => void
  }
): Effect.Effect<void> => {
  let status: string | undefined
  let failure: string | undefined
  const stop = (): void => {
    worker.off("message", listen)
    worker.off("error", fail)
    worker.unref()
  }
  const fail = (cause: unknown): void => {
    stop()
    on.failed(new SolverFailed({ solver: "minizinc", cause }))
  }
  const listen = (message: Message): void => {
    switch (message.type) {
      case "solution":
        on.found(problem.variables.map((_, at) => message.output.json?.[`x${at}`] ?? NaN))
        return
      case "status":
        status = message.status
        return
      case "error":
        failure ??= message.message
        return
      case "exit":
        if (message.code !== 0) return fail(new Error(failure ?? message.message ?? `exit code ${message.code}`))
        stop()
        on.done(status)
    }
  }
  worker.on("message", listen)
  worker.on("error", fail)
  worker.ref()
  worker.postMessage({
    jsonStream: true,
    files: { "problem.mzn": model },
    args: [
      "--solver",
      "gecode",
      option,
      "--output-mode",
      "json",
      ...Option.match(time, {
        onNone: () => [],
        onSome: (time) => ["--time-limit", String(Math.max(1, Math.ceil(Duration.toMillis(time))))]
      }),
      "problem.mzn"
    ]
  })
  return Effect.sync(stop)
}

/** How much later than its own limit it may be. A limit that is over before its model is flat it does not keep at all. */
const grace = Duration.millis(250)

const run = (
  taken: Taken,
  problem: Problem.Problem,
  model: string,
  time: Option.Option<Duration.Duration>
): Effect.Effect<Backend.Answer, SolverFailed> =>
  Effect.suspend(() => {
    let last: Problem.Solution | undefined
    const answered = Effect.async<Backend.Answer, SolverFailed>((resume) =>
      send(taken.worker, problem, model, time, "--intermediate-solutions", {
        found: (values) => (last = values),
        done: (status) => {
          taken.isDone = true
          resume(Effect.succeed(answer(problem, last, status)))
        },
        failed: (failure) => resume(Effect.fail(failure))
      })
    )
    return Option.match(time, {
      onNone: () => answered,
      onSome: (time) =>
        Effect.timeoutTo(answered, {
          duration: Duration.sum(time, grace),
          onSuccess: (answer) => answer,
          onTimeout: () => answer(problem, last, undefined)
        })
    })
  })

const runAll = (
  taken: Taken,
  problem: Problem.Problem,
  model: string,
  time: Option.Option<Duration.Duration>
): Stream.Stream<Problem.Solution, SolverFailed | Backend.Late> =>
  Stream.asyncPush((emit) => {
    const sent = Effect.acquireRelease(
      Effect.sync(() =>
        send(taken.worker, problem, model, time, "--all-solutions", {
          found: emit.single,
          done: (status) => {
            taken.isDone = true
            if (status === "ALL_SOLUTIONS" || status === "UNSATISFIABLE") emit.end()
            else emit.fail(new Backend.Late())
          },
          failed: emit.fail
        })
      ),
      (stop) => stop
    )
    const late = (time: Duration.Duration) =>
      Effect.forkScoped(
        Effect.zipRight(Effect.sleep(Duration.sum(time, grace)), Effect.sync(() => emit.fail(new Backend.Late())))
      )
    return Option.match(time, { onNone: () => sent, onSome: (time) => Effect.zipRight(sent, late(time)) })
  }, { bufferSize: "unbounded" })

const answer = (
  problem: Problem.Problem,
  values: Problem.Solution | undefined,
  status: string | undefined
): Backend.Answer => {
  if (values === undefined) return { _tag: status === "UNSATISFIABLE" ? "Impossible" : "Late" }
  return { _tag: "Values", values, best: problem.objectives.length === 0 || status === "OPTIMAL_SOLUTION" }
}
