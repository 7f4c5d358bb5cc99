/**
 * MiniZinc with Gecode, from the optional package `minizinc`.
 *
 * It takes every problem, as a MiniZinc model. It runs in a worker, so that others go on meanwhile; interruption ends the
 * worker, and so does the scope of the layer. The first use takes seconds, and each one some tenths of a second.
 *
 * `test/solver/ConstraintSolver.test.ts` runs the laws of the port on it.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { Worker } from "node:worker_threads"
import { ConstraintSolver } from "./ConstraintSolver.js"
import * as Backend from "./internal/backend.js"
import { type Message, start } from "./internal/minizincWorker.js"
import * as MiniZinc from "./MiniZinc.js"
import type * as Problem from "./Problem.js"
import { SolverFailed } from "./SolverError.js"

/**
 * Loads the package when it first solves something.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<ConstraintSolver> = Layer.scoped(
  ConstraintSolver,
  Effect.gen(function*() {
    let current: Worker | undefined
    const stop = Effect.suspend(() => {
      const worker = current
      current = undefined
      return worker === undefined ? Effect.void : Effect.promise(() => worker.terminate())
    })
    yield* Effect.addFinalizer(() => stop)
    const started = Effect.suspend(() =>
      current !== undefined
        ? Effect.succeed(current)
        : Effect.tap(Backend.load("minizinc", start), (worker) => Effect.sync(() => (current = worker)))
    )
    const alone = yield* Effect.makeSemaphore(1)
    return Backend.service({
      name: "minizinc",
      solve: (problem, time) =>
        Effect.flatMap(
          MiniZinc.print(problem),
          (model) => Effect.flatMap(started, (worker) => Effect.onError(run(worker, problem, model, time), () => stop))
        ).pipe(alone.withPermits(1))
    })
  })
)

// ---------------------------------------------------------------------------
// internals
// ---------------------------------------------------------------------------

const run = (
  worker: Worker,
  problem: Problem.Problem,
  model: string,
  time: Option.Option<Duration.Duration>
): Effect.Effect<Backend.Answer, SolverFailed> =>
  Effect.async((resume) => {
    let values: Problem.Solution | undefined
    let status: string | undefined
    let failure: string | undefined
    const done = (answer: Effect.Effect<Backend.Answer, SolverFailed>): void => {
      worker.off("message", listen)
      worker.off("error", fail)
      worker.unref()
      resume(answer)
    }
    const fail = (cause: unknown): void => done(Effect.fail(new SolverFailed({ solver: "minizinc", cause })))
    const listen = (message: Message): void => {
      switch (message.type) {
        case "solution":
          values = problem.variables.map((_, at) => message.output.json?.[`x${at}`] ?? NaN)
          return
        case "status":
          status = message.status
          return
        case "error":
          failure ??= message.message
          return
        case "exit":
          if (message.code !== 0) fail(new Error(failure ?? message.message ?? `exit code ${message.code}`))
          else done(Effect.succeed(answer(problem, values, status)))
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
        "--intermediate-solutions",
        "--output-mode",
        "json",
        ...Option.match(time, {
          onNone: () => [],
          onSome: (time) => ["--time-limit", String(Math.max(1, Math.ceil(Duration.toMillis(time))))]
        }),
        "problem.mzn"
      ]
    })
    return Effect.sync(() => {
      worker.off("message", listen)
      worker.off("error", fail)
    })
  })

const answer = (
  problem: Problem.Problem,
  values: Problem.Solution | undefined,
  status: string | undefined
): Backend.Answer => {
  if (values === undefined) return { _tag: status === "UNSATISFIABLE" ? "Impossible" : "Late" }
  return { _tag: "Values", values, best: problem.objectives.length === 0 || status === "OPTIMAL_SOLUTION" }
}
