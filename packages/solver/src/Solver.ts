/**
 * Solving problems with the embedded engine, as effects.
 *
 * A search runs in slices of less than a millisecond, and lets everything else have its turn every few of them: timers fire
 * in time, and interruption ends it. It is deterministic: the same problem and options give the same answer, except where
 * a limit of time ends it.
 *
 * `test/solver/Solver.test.ts` pins it.
 *
 * @since 0.1.0
 */
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { compile } from "./internal/compile.js"
import * as Pace from "./internal/pace.js"
import { Session, type State } from "./internal/session.js"
import { Failed, Paused } from "./internal/store.js"
import * as Problem from "./Problem.js"
import * as Search from "./Search.js"
import { type ProblemError, SearchLimited } from "./SolverError.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category models
 */
export interface Limits {
  readonly time?: Duration.DurationInput
  /** Decisions. */
  readonly nodes?: number
  /** Of a stream: so many solutions. Of an objective: so many improvements. */
  readonly solutions?: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly limits?: Limits
  /**
   * Which of equally good solutions: `any` (the default), or the one with the smallest values, where the first variable
   * counts most.
   */
  readonly ties?: "any" | "smallest"
  /** How to search; by default an objective decides first what can change it most, and otherwise the smallest domain. */
  readonly search?: Pick<Search.Options, "variables" | "variableOrder" | "valueOrder" | "restartAfter">
  /** Told every few milliseconds. */
  readonly onProgress?: (progress: Search.Progress) => Effect.Effect<void>
}

/**
 * There is a solution; with objectives, none is better.
 *
 * @since 0.1.0
 * @category models
 */
export interface Solved {
  readonly _tag: "Solved"
  readonly solution: Problem.Solution
  /** What each objective comes to. */
  readonly objectives: ReadonlyArray<number>
  readonly progress: Search.Progress
}

/**
 * There is no solution.
 *
 * @since 0.1.0
 * @category models
 */
export interface Unsatisfiable {
  readonly _tag: "Unsatisfiable"
  readonly progress: Search.Progress
}

/**
 * A limit ended the search. There may be a better solution than this one.
 *
 * @since 0.1.0
 * @category models
 */
export interface Limited {
  readonly _tag: "Limited"
  readonly limit: "time" | "nodes" | "solutions"
  readonly best: Option.Option<Problem.Solution>
  readonly progress: Search.Progress
}

/**
 * @since 0.1.0
 * @category models
 */
export type Outcome = Solved | Unsatisfiable | Limited

// ---------------------------------------------------------------------------
// operations
// ---------------------------------------------------------------------------

/**
 * The best solution of a problem, or one if it has no objectives.
 *
 * ```ts
 * import { Constraint, Domain, Problem, Solver } from "@effect-avm/solver"
 * import * as assert from "node:assert"
 * import { Effect } from "effect"
 *
 * const problem = Problem.make({
 *   variables: [{ name: "x", domain: Domain.range(0, 9) }, { name: "y", domain: Domain.range(0, 9) }],
 *   requirements: [Constraint.linear([2, 3], [0, 1], "<=", 12)],
 *   objectives: [Problem.maximize(Problem.times(3, 0), Problem.times(4, 1))]
 * })
 *
 * const outcome = await Effect.runPromise(Solver.solve(problem))
 * assert.ok(outcome._tag === "Solved")
 * assert.deepStrictEqual([outcome.solution, outcome.objectives], [[6, 0], [18]])
 * ```
 *
 * @since 0.1.0
 * @category operations
 */
export const solve = (problem: Problem.Problem, options: Options = {}): Effect.Effect<Outcome, ProblemError> =>
  Effect.flatMap(checked(problem, options), (deadline) => {
    const session = new Session(problem, {
      search: options.search ?? {},
      nodes: options.limits?.nodes ?? Infinity,
      solutions: options.limits?.solutions ?? Infinity,
      smallest: options.ties === "smallest"
    })
    const limited = (limit: Limited["limit"]): Outcome => ({
      _tag: "Limited",
      limit,
      best: Option.fromNullable(session.best),
      progress: session.progress
    })
    const outcomeOf = (state: State): Outcome | undefined => {
      switch (state) {
        case "paused":
          return undefined
        case "nodes":
        case "solutions":
          return limited(state)
        case "unsatisfiable":
          return { _tag: "Unsatisfiable", progress: session.progress }
        case "solved": {
          const { best: solution, progress, sums: objectives } = session
          return solution === undefined ? undefined : { _tag: "Solved", solution, objectives, progress }
        }
      }
    }
    return Pace.run(
      Pace.make(),
      (steps) => outcomeOf(session.run(steps)),
      (now) => now > deadline ? limited("time") : undefined,
      () => report(options, session.progress)
    )
  })

/**
 * All solutions, on demand, whatever the objectives. Every solution is there once. It ends when there are no more, or
 * as many as the limit says; a limit of time or nodes makes it fail.
 *
 * ```ts
 * import { Constraint, Domain, Problem, Solver } from "@effect-avm/solver"
 * import * as assert from "node:assert"
 * import { Effect, Stream } from "effect"
 *
 * const columns = [0, 1, 2, 3, 4, 5, 6, 7]
 * const queens = Problem.make({
 *   variables: columns.map((column) => ({ name: `q${column}`, domain: Domain.range(0, 7) })),
 *   requirements: [0, 1, -1].map((slope) =>
 *     Constraint.allDifferent(columns, { offsets: columns.map((column) => slope * column) })
 *   )
 * })
 *
 * assert.strictEqual(await Effect.runPromise(Stream.runCount(Solver.solveAll(queens))), 92)
 * ```
 *
 * @since 0.1.0
 * @category operations
 */
export const solveAll = (
  problem: Problem.Problem,
  options: Options = {}
): Stream.Stream<Problem.Solution, ProblemError | SearchLimited> =>
  Stream.unfoldChunkEffect<Running | undefined, Problem.Solution, ProblemError | SearchLimited, never>(
    undefined,
    (before) =>
      Effect.flatMap(
        before === undefined
          ? Effect.map(checked(problem, options), (deadline) => begin(problem, options, deadline))
          : Effect.succeed(before),
        (running) => Effect.flatMap(proceed(running, options), (ended) => handOn(running, ended))
      )
  )

/**
 * The places of requirements that cannot hold together, none of which could be left out; none if all of them can hold.
 *
 * Requirements are left out one after the other, and stay out if the rest is still impossible. A test that reaches the
 * limits keeps its requirement: then one of the answer may be too many. Where the limits do not even show that all of them
 * together are impossible, it fails.
 *
 * ```ts
 * import { Constraint, Domain, Problem, Solver } from "@effect-avm/solver"
 * import * as assert from "node:assert"
 * import { Effect, Option } from "effect"
 *
 * const problem = Problem.make({
 *   variables: [{ name: "x", domain: Domain.range(0, 9) }, { name: "y", domain: Domain.range(0, 9) }],
 *   requirements: [
 *     { name: "x is large", constraint: Constraint.compareValue(0, ">", 6) },
 *     { name: "they differ", constraint: Constraint.compare(0, "!=", 1) },
 *     { name: "the sum is small", constraint: Constraint.sum([0, 1], "<", 5) }
 *   ]
 * })
 *
 * const core = await Effect.runPromise(Solver.unsatisfiableCore(problem))
 * assert.deepStrictEqual(Option.getOrThrow(core), [0, 2])
 * ```
 *
 * @since 0.1.0
 * @category operations
 */
export const unsatisfiableCore = (
  problem: Problem.Problem,
  options: Pick<Options, "limits" | "search"> = {}
): Effect.Effect<Option.Option<ReadonlyArray<number>>, ProblemError | SearchLimited> =>
  Effect.gen(function*() {
    const test = (kept: ReadonlyArray<number>) =>
      solve({ ...problem, requirements: kept.map((at) => problem.requirements[at]), objectives: [] }, options)
    let core: ReadonlyArray<number> = problem.requirements.map((_, at) => at)
    const whole = yield* test(core)
    if (whole._tag === "Solved") return Option.none()
    if (whole._tag === "Limited") {
      const { failures, nodes, solutions } = whole.progress
      const limit = whole.limit === "time" ? "time" : "nodes"
      return yield* new SearchLimited({ limit, nodes, failures, solutions })
    }
    // Many at once first, as long as that goes well; one at a time in the end.
    for (let size = core.length >> 1; size >= 1; size = size === 1 ? 0 : (size + 1) >> 1) {
      for (let at = 0; at < core.length;) {
        const fewer = [...core.slice(0, at), ...core.slice(at + size)]
        const outcome = yield* test(fewer)
        if (outcome._tag === "Unsatisfiable") core = fewer
        else at += size
      }
    }
    return Option.some(core)
  })

// ---------------------------------------------------------------------------
// internals
// ---------------------------------------------------------------------------

/** Any time is before it. */
const never = 2n ** 64n

/** Refuses what is wrong, and answers when it has to end, in nanoseconds of the clock. */
const checked = (problem: Problem.Problem, { limits }: Options): Effect.Effect<bigint, ProblemError> =>
  Effect.clockWith((clock) => {
    const found = Problem.check(problem)
    if (found !== undefined) return Effect.fail(found)
    const nanos = Duration.toNanos(limits?.time ?? Duration.infinity)
    return Effect.succeed(Option.match(nanos, {
      onNone: () => never,
      onSome: (nanos) => clock.unsafeCurrentTimeNanos() + nanos
    }))
  })

const report = (options: Options, progress: Search.Progress): Effect.Effect<undefined> =>
  options.onProgress === undefined ? Effect.succeed(undefined) : Effect.as(options.onProgress(progress), undefined)

type Ended = "exhausted" | "time" | "nodes"

/** A stream that is being read. */
interface Running {
  readonly solutions: Solutions
  readonly pace: Pace.Pace
  readonly deadline: bigint
}

const begin = (problem: Problem.Problem, options: Options, deadline: bigint): Running => ({
  solutions: new Solutions(problem, options),
  pace: Pace.make(),
  deadline
})

/** Until there are enough solutions for a chunk, or the turn is over and there are some. */
const proceed = ({ deadline, pace, solutions }: Running, options: Options): Effect.Effect<Ended | "some"> =>
  solutions.ended !== undefined ? Effect.succeed(solutions.ended) : Pace.run<Ended | "some">(
    pace,
    (steps) => solutions.run(steps),
    (now) => now > deadline ? solutions.end("time") : undefined,
    () => Effect.map(report(options, solutions.progress), () => solutions.found.length > 0 ? "some" : undefined)
  )

const handOn = (
  running: Running,
  ended: Ended | "some"
): Effect.Effect<Option.Option<readonly [Chunk.Chunk<Problem.Solution>, Running]>, SearchLimited> => {
  const { solutions } = running
  if (solutions.found.length > 0) return Effect.succeedSome([Chunk.unsafeFromArray(solutions.take()), running])
  if (ended !== "time" && ended !== "nodes") return Effect.succeedNone
  const { failures, nodes, solutions: found } = solutions.progress
  return Effect.fail(new SearchLimited({ limit: ended, nodes, failures, solutions: found }))
}

/** Solutions in a chunk. */
const chunk = 1024
/** Solutions in a slice. */
const inSlice = 64

/** The search behind a stream, and the solutions that it has found and not yet handed on. */
class Solutions {
  private readonly compiled
  private readonly count: number
  private readonly most: number
  private search: Search.Search | undefined
  found: Array<Problem.Solution> = []
  private total = 0
  ended: Ended | undefined

  constructor(problem: Problem.Problem, private readonly options: Options) {
    this.compiled = compile({ ...problem, objectives: [] })
    this.count = problem.variables.length
    this.most = options.limits?.solutions ?? Infinity
  }

  get progress(): Search.Progress {
    return this.search?.progress ?? { nodes: 0, failures: 0, restarts: 0, solutions: 0, best: undefined }
  }

  end(ended: Ended): Ended {
    this.ended = ended
    return ended
  }

  take(): Array<Problem.Solution> {
    const { found } = this
    this.found = []
    return found
  }

  /** One slice: undefined where it should go on. */
  run(steps: number): Ended | "some" | undefined {
    const { failed, store } = this.compiled
    if (failed || this.most <= 0) return this.end("exhausted")
    if (this.search === undefined) {
      const outcome = store.propagate(steps)
      if (outcome === Failed) return this.end("exhausted")
      if (outcome === Paused) return undefined
      this.search = Search.make(store, { ...this.options.search, nodes: this.options.limits?.nodes ?? Infinity })
    }
    for (let solutions = 0; solutions < inSlice; solutions++) {
      const step = this.search.run(steps)
      if (step === "paused") return undefined
      if (step === "exhausted") return this.end("exhausted")
      if (step === "limited") return this.end("nodes")
      this.found.push(this.search.solution(this.count))
      if (++this.total >= this.most) return this.end("exhausted")
    }
    return this.found.length >= chunk ? "some" : undefined
  }
}
