/**
 * Z3, from the optional package `z3-solver`.
 *
 * It takes every problem, as an SMT-LIB script. It runs in threads of its own, so that others go on meanwhile, and ends
 * when it is interrupted. The threads end with the layer's scope. All solutions are found one after the other, by one
 * solver that is told which ones there were.
 *
 * `test/solver/ConstraintSolver.test.ts` runs the laws of the port on it.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Context, Model, Optimize, Solver } from "z3-solver"
import { ConstraintSolver } from "./ConstraintSolver.js"
import * as Domain from "./Domain.js"
import * as Backend from "./internal/backend.js"
import type * as Problem from "./Problem.js"
import * as SmtLib from "./SmtLib.js"
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
    let end: (() => void) | undefined
    yield* Effect.addFinalizer(() => Effect.sync(() => end?.()))
    const loaded = yield* Effect.cached(Effect.gen(function*() {
      const module = yield* Backend.load("z3-solver", () => import("z3-solver"))
      const api = yield* Backend.load("z3-solver", () => module.init())
      end = () => module.killThreads(api.em)
      return api
    }))
    // One at a time: its threads share their memory.
    const alone = yield* Effect.makeSemaphore(1)
    // Its memory comes back when the collector gets round to it, long after there is none left: so one is used for all.
    let shared: Context<"solver"> | undefined
    return Backend.service({
      name: "z3-solver",
      solve: (problem, time) =>
        Effect.flatMap(loaded, (api) => {
          const context = shared ??= api.Context("solver")
          const solver = problem.objectives.length > 0 ? new context.Optimize() : solverFor(context, problem)
          return Effect.onExit(check(context, solver, problem, SmtLib.print(problem), time), (exit) =>
            Effect.sync(() => {
              // What was too late, or interrupted, is still under way there for a moment.
              if (Exit.isSuccess(exit) && exit.value._tag !== "Late") solver.release()
              else shared = undefined
            }))
        }).pipe(alone.withPermits(1)),
      all: (problem, time) =>
        Stream.unwrap(Effect.gen(function*() {
          const api = yield* loaded
          const context = api.Context("solver")
          const solver = solverFor(context, problem)
          const clock = yield* Effect.clock
          const began = clock.unsafeCurrentTimeMillis()
          const left = () =>
            Option.map(time, (time) => Duration.subtract(time, clock.unsafeCurrentTimeMillis() - began))
          return Stream.unfoldEffect(SmtLib.print(problem), (text) =>
            Effect.flatMap(
              Effect.suspend(() => check(context, solver, problem, text, left())).pipe(alone.withPermits(1)),
              (answer) =>
                answer._tag === "Impossible"
                  ? Effect.succeedNone
                  : answer._tag === "Late"
                  ? Effect.fail(new Backend.Late())
                  : Effect.succeedSome([answer.values, anotherThan(answer.values)] as const)
            ))
        }))
    })
  })
)

// ---------------------------------------------------------------------------
// internals
// ---------------------------------------------------------------------------

const solverFor = (context: Context<"solver">, problem: Problem.Problem): Solver<"solver"> =>
  isSmall(problem) ? new context.Solver("QF_FD") : new context.Solver()

/** Adds to what the solver knows, and asks. */
const check = (
  context: Context<"solver">,
  solver: Solver<"solver"> | Optimize<"solver">,
  problem: Problem.Problem,
  text: string,
  time: Option.Option<Duration.Duration>
): Effect.Effect<Backend.Answer, SolverFailed> => {
  const asked = Effect.tryPromise({
    try: () => {
      solver.fromString(text)
      return solver.check()
    },
    catch: (cause) => new SolverFailed({ solver: "z3-solver", cause })
  }).pipe(
    Effect.flatMap((answer) => {
      if (answer === "unsat") return Effect.succeed<Backend.Answer>({ _tag: "Impossible" })
      if (answer === "unknown") return Effect.succeed<Backend.Answer>({ _tag: "Late" })
      return Effect.try({
        try: (): Backend.Answer => {
          const model = solver.model()
          const values = read(problem, model)
          model.release()
          return { _tag: "Values", values, best: true }
        },
        catch: (cause) => new SolverFailed({ solver: "z3-solver", cause })
      })
    }),
    Effect.onExit((exit) => Exit.isInterrupted(exit) ? Effect.sync(() => context.interrupt()) : Effect.void)
  )
  return Option.match(time, {
    onNone: () => asked,
    onSome: (duration) =>
      Effect.timeoutTo(asked, {
        duration,
        onSuccess: (answer) => answer,
        onTimeout: (): Backend.Answer => ({ _tag: "Late" })
      })
  })
}

/** Not this solution. Without variables there is no other. */
const anotherThan = (values: Problem.Solution): string => {
  const others = values.map((value, at) => `(not (= x${at} ${value < 0 ? `(- ${-value})` : value}))`)
  return `(assert (or false ${others.join(" ")}))`
}

/** Whether the solver for finite domains, which works with bits, is the one that is fast. */
const isSmall = (problem: Problem.Problem): boolean =>
  problem.variables.every(({ domain }) => {
    const [low, high] = Domain.bounds(domain)
    return high - low < 65_536
  })

/** Numbers are printed as in SMT-LIB. What the model does not mention can be anything of its domain. */
const read = (problem: Problem.Problem, model: Model<"solver">): Problem.Solution => {
  const found = new Map<string, number>()
  for (const declaration of model.decls()) {
    const text = model.get(declaration).toString()
    found.set(String(declaration.name()), Number(text.replaceAll(/[()\s]/g, "")))
  }
  return problem.variables.map(({ domain }, at) =>
    found.get(`x${at}`) ?? (domain._tag === "Range" ? domain.from : domain.values[0])
  )
}
