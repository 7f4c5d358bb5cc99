/**
 * The embedded solver beside others: the same problem, from the problem to its answer, in one run.
 *
 * Times are CPU times of the process, with the threads of those who have some; loading them is not counted. A cell is how
 * many times as long as the embedded engine somebody takes.
 */
import { ConstraintSolver, Problem, Solver } from "@effect-avm/solver"
import * as HighsSolver from "@effect-avm/solver/HighsSolver"
import * as MiniZincSolver from "@effect-avm/solver/MiniZincSolver"
import * as Z3Solver from "@effect-avm/solver/Z3Solver"
import { Duration, Effect, ManagedRuntime, Stream } from "effect"
import { execFileSync } from "node:child_process"
import { cpuNow, cpuOf, median, timesFor } from "./harness.js"
import * as Intents from "./solverIntents.js"
import * as Labels from "./solverLabels.js"
import * as Others from "./solverOthers.js"
import * as Problems from "./solverProblems.js"

type Run = () => Promise<unknown>

const z3 = ManagedRuntime.make(Z3Solver.layer)
const minizinc = ManagedRuntime.make(MiniZincSolver.layer)
const highs = ManagedRuntime.make(HighsSolver.layer)

interface Row {
  readonly name: string
  readonly ours: Run
  readonly others: Readonly<Record<string, Run>>
}

/** Whoever has no answer after so many seconds is not waited for: what it took is a lower bound. */
const patience = 20

const one = (solve: Run, expected: string): Run => async () => {
  const outcome = await solve() as Solver.Outcome // it is what every one of them answers
  if (outcome._tag !== expected && outcome._tag !== "Limited") throw new Error(`the answer is ${outcome._tag}`)
  return outcome._tag === "Limited"
}

const through = (
  runtime: ManagedRuntime.ManagedRuntime<ConstraintSolver.ConstraintSolver, never>,
  problem: Problem.Problem
): Run =>
() =>
  runtime.runPromise(
    Effect.flatMap(ConstraintSolver.ConstraintSolver, (solver) =>
      solver.solve(problem, { limits: { time: Duration.seconds(patience) } }))
  )

/** All solutions, counted: it is cut short where it answers true. */
const allThrough = (
  runtime: ManagedRuntime.ManagedRuntime<ConstraintSolver.ConstraintSolver, never>,
  problem: Problem.Problem,
  expected: number
): Run =>
() =>
  runtime.runPromise(
    Effect.flatMap(ConstraintSolver.ConstraintSolver, (solver) =>
      Stream.runCount(solver.solveAll(problem, { limits: { time: Duration.seconds(patience) } }))).pipe(
        Effect.map((found) => {
          if (found !== expected) {
            throw new Error(`${found} solutions`)
          }
          return false
        }),
        Effect.catchTag("SearchLimited", () =>
          Effect.succeed(true))
      )
  )

const first = (
  name: string,
  problem: () => Problem.Problem,
  others: Readonly<Record<string, Run>> = {},
  { expected = "Solved", options = {} }: { readonly expected?: string; readonly options?: Solver.Options } = {}
): Row => ({
  name,
  ours: one(() => Effect.runPromise(Solver.solve(problem(), options)), expected),
  others: {
    ...others,
    "z3-solver": one(through(z3, problem()), expected),
    minizinc: one(through(minizinc, problem()), expected)
  }
})

const counted = (count: () => number, expected: number): Run => async () => {
  const found = count()
  if (found !== expected) throw new Error(`${found} solutions`)
}

const all = (name: string, size: number, solutions: number): Row => ({
  name,
  ours: async () => {
    const found = await Effect.runPromise(Stream.runCount(Solver.solveAll(Problems.queens(size))))
    if (found !== solutions) throw new Error(`${found} solutions`)
  },
  others: {
    finitedomain: counted(() => Others.queens(size, 1_000_000), solutions),
    "z3-solver": allThrough(z3, Problems.queens(size), solutions),
    minizinc: allThrough(minizinc, Problems.queens(size), solutions)
  }
})

const rows = (quick: boolean): ReadonlyArray<Row> => [
  all("queens 8, all", 8, 92),
  all("queens 10, all", 10, 724),
  ...(quick ? [] : [all("queens 12, all", 12, 14_200)]),
  first("queens 20, first", () => Problems.queens(20), { finitedomain: counted(() => Others.queens(20, 1), 1) }),
  first("queens 50, first", () => Problems.queens(50)),
  ...(quick ? [] : [first("queens 100, first", () => Problems.queens(100))]),
  ...Object.entries(Problems.sudokus).map(([name, grid]) =>
    first(`sudoku, ${name}`, () => Problems.sudoku(grid), { finitedomain: counted(() => Others.sudoku(grid), 1) })
  ),
  first("magic square of 4, first", () => Problems.magicSquare(4), {
    finitedomain: counted(() => Others.magicSquare(4), 1)
  }),
  first("Mycielski's fifth graph, 5 colours", () => Problems.colouring(5, 5)),
  first("Mycielski's fifth graph, 4 colours: none", () => Problems.colouring(5, 4), {}, {
    expected: "Unsatisfiable",
    options: { search: { variableOrder: "weighted" } }
  }),
  ...[30, ...(quick ? [] : [50])].map((count) =>
    first(`clearing ${count} offers`, () => Problems.clearing(count), {
      highs: one(through(highs, Problems.clearing(count)), "Solved")
    })
  )
]

const solvers = ["finitedomain", "z3-solver", "minizinc", "highs"]

const compared = async (quick: boolean, rounds: number): Promise<ReadonlyArray<string>> => {
  const lines: Array<string> = []
  for (const { name, others, ours } of rows(quick)) {
    await ours()
    const mine: Array<number> = []
    // Short ones several times, as a tick of the clock is long for them.
    const repeat = timesFor(await cpuOf(ours))
    const cells: Array<string> = []
    const ratios = new Map<string, Array<number>>()
    const cut = new Set<string>()
    for (let round = 0; round < rounds; round++) {
      const time = await cpuOf(async () => {
        for (let n = 0; n < repeat; n++) await ours()
      }) / repeat
      mine.push(time)
      for (const [solver, run] of Object.entries(others)) {
        // Whoever takes seconds does so once.
        if (round > 0 && (ratios.get(solver)?.[0] ?? 0) * time > 2000) continue
        const before = cpuNow()
        if (await run() === true) cut.add(solver)
        ratios.set(solver, [...(ratios.get(solver) ?? []), (cpuNow() - before) / time])
      }
    }
    for (const solver of solvers) {
      const found = ratios.get(solver)
      const ratio = median(found ?? [])
      cells.push(found === undefined ? "" : `${cut.has(solver) ? "> " : ""}${ratio.toFixed(ratio < 10 ? 1 : 0)}`)
    }
    lines.push(`| ${name} | ${median(mine).toFixed(2)} | ${cells.join(" | ")} |`)
  }
  return [`| | ms | ${solvers.join(" | ")} |`, `|---|---:|${"---:|".repeat(solvers.length)}`, ...lines]
}

/** What a stream costs beside the bare search, both collecting all solutions. */
const streaming = async (rounds: number): Promise<number> => {
  const { Constraint, Domain, Engine } = await import("@effect-avm/solver")
  const raw: Run = async () => {
    const engine = Engine.make()
    const columns = Problems.upTo(12).map(() => engine.newVariable(Domain.range(0, 11)))
    for (const slope of [0, 1, -1]) {
      engine.post(Constraint.allDifferent(columns, { offsets: columns.map((at) => slope * at), consistency: "value" }))
    }
    const search = engine.search()
    const found: Array<ReadonlyArray<number>> = []
    while (search.run(Infinity) === "solution") found.push(search.solution())
    if (found.length !== 14_200) throw new Error(`${found.length} solutions`)
  }
  const streamed: Run = () => Effect.runPromise(Stream.runCollect(Solver.solveAll(Problems.queens(12))))
  await raw()
  await streamed()
  const ratios: Array<number> = []
  for (let round = 0; round < 3 * Math.max(5, rounds); round++) {
    const time = await cpuOf(raw)
    ratios.push(await cpuOf(streamed) / time)
  }
  return median(ratios)
}

/** The first answer of a fresh process, from when the package is loaded. */
const cold = (rounds: number): number => {
  const script = `
    import { Solver } from "@effect-avm/solver"
    import { Effect } from "effect"
    const before = process.cpuUsage()
    const problem = ${JSON.stringify(Problems.sudoku(Problems.sudokus["Inkala 2012"]))}
    await Effect.runPromise(Solver.solve(problem))
    const { system, user } = process.cpuUsage(before)
    process.stdout.write(String((system + user) / 1000))
  `
  const once = () =>
    Number(
      execFileSync(process.execPath, ["--input-type=module", "--eval", script], { cwd: import.meta.dirname }).toString()
    )
  return median(Array.from({ length: Math.max(3, rounds) }, once))
}

export const table = async (quick: boolean): Promise<string> => {
  const rounds = quick ? 1 : 5
  // What is loaded once is not counted.
  const trivial = Problem.make({ variables: [{ name: "x", domain: { _tag: "Range", from: 0, to: 1 } }] })
  for (const runtime of [z3, minizinc, highs]) await through(runtime, trivial)()
  const lines = ["\n### Constraints: the embedded engine, and how many times as long others take\n"]
  lines.push(...await compared(quick, rounds))
  lines.push("", "| | | target |", "|---|---:|---:|")
  lines.push(`| a stream of all solutions, by the bare search | ${(await streaming(rounds)).toFixed(2)} | 1.15 |`)
  lines.push(`| the first answer of a process, a sudoku, in ms | ${cold(rounds).toFixed(0)} | 100 |`)
  const large = Problems.clearing(200)
  let objectives: ReadonlyArray<number> = []
  const time = await cpuOf(async () => {
    const outcome = await through(highs, large)() as Solver.Outcome // it is what a solver answers
    if (outcome._tag !== "Solved") throw new Error(`the answer is ${outcome._tag}`)
    objectives = outcome.objectives
  })
  lines.push(`| 200 offers with highs, best (${objectives.join()}), in ms | ${time.toFixed(0)} | |`)
  lines.push(...await Intents.lines(quick, rounds), ...await Labels.lines(rounds))
  await Promise.all([z3, minizinc, highs].map((runtime) => runtime.dispose()))
  return lines.join("\n")
}
