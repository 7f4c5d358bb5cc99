/**
 * Labelling through the instruction set, beside the engine that makes the same decisions and propagates the same.
 *
 * One program makes the variables of a problem, posts its constraints, and labels all variables in their order, on problems
 * in which that meets no dead end: so the machine runs the body once, and what is left is the cost of the instructions.
 * Searching is something else, since a body has to be run again from its start for each labelling: it has rows of its own.
 */
import { Constraint, FD, Tx } from "@effect-avm/core"
import { Constraint as Lowered, Domain, Engine } from "@effect-avm/solver"
import { Effect, Option, Stream } from "effect"
import { cpuOf, median, timesFor } from "./harness.js"
import { make } from "./machine.js"
import { sudokuGroups, sudokus, upTo } from "./solverProblems.js"

interface Puzzle {
  readonly domains: ReadonlyArray<readonly [from: number, to: number]>
  /** All different, with what is added to each. */
  readonly different: ReadonlyArray<ReadonlyArray<readonly [variable: number, offset: number]>>
}

const plain = (groups: ReadonlyArray<ReadonlyArray<number>>): Puzzle["different"] =>
  groups.map((group) => group.map((at) => [at, 0] as const))

/** In the order of its cells, with a power of two for its size, the smallest value is always one that can stay. */
const latin = (size: number): Puzzle => ({
  domains: upTo(size * size).map(() => [0, size - 1] as const),
  different: plain(
    upTo(size).flatMap((i) => [
      upTo(size).map((j) => size * i + j),
      upTo(size).map((j) => size * j + i)
    ])
  )
})

/** Each vertex has eight neighbours, and there are nine colours. */
const ring = (size: number): Puzzle => ({
  domains: upTo(size).map(() => [0, 8] as const),
  different: plain(upTo(size).flatMap((at) => [1, 3, 7, 12].map((step) => [at, (at + step) % size])))
})

const queens = (size: number): Puzzle => ({
  domains: upTo(size).map(() => [0, size - 1] as const),
  different: [0, 1, -1].map((slope) => upTo(size).map((at) => [at, slope * at] as const))
})

const sudoku = (grid: string): Puzzle => ({
  domains: [...grid].map((given) => given === "." ? [1, 9] as const : [Number(given), Number(given)] as const),
  different: plain(sudokuGroups)
})

// ---------------------------------------------------------------------------
// the same, twice
// ---------------------------------------------------------------------------

/** Time of the labels, and of all, in milliseconds: too short for the system's account of CPU time, which goes by ticks. */
type Taken = readonly [labels: number, all: number]

const posted = ({ different, domains }: Puzzle): Engine.Engine => {
  const engine = Engine.make()
  for (const [from, to] of domains) engine.newVariable(Domain.range(from, to))
  for (const group of different) {
    const offsets = group.map(([, offset]) => offset)
    const hasOffsets = offsets.some((offset) => offset !== 0)
    engine.post(Lowered.allDifferent(group.map(([at]) => at), hasOffsets ? { offsets } : {}))
  }
  return engine
}

const byEngine = (puzzle: Puzzle): Taken => {
  const began = performance.now()
  const engine = posted(puzzle)
  const made = performance.now()
  for (let at = 0; at < engine.count; at++) if (engine.label(at) === undefined) throw new Error("a dead end")
  const done = performance.now()
  return [done - made, done - began]
}

const variables = ({ different, domains }: Puzzle) =>
  Effect.gen(function*() {
    const made: Array<FD.Var<number>> = []
    for (const [from, to] of domains) made.push(yield* FD.newVar(FD.range(from, to)))
    for (const group of different) {
      const terms = group.map(([at, offset]) => offset === 0 ? made[at] : Constraint.plus(made[at], offset))
      if (!(yield* FD.post(Constraint.allDifferent(terms)))) return yield* Effect.dieMessage("impossible")
    }
    return made
  })

const byInstructions = (puzzle: Puzzle) =>
  Effect.gen(function*() {
    const began = performance.now()
    const all = yield* variables(puzzle)
    const made = performance.now()
    for (const variable of all) yield* FD.label(variable)
    const done = performance.now()
    return [done - made, done - began] as const
  })

// ---------------------------------------------------------------------------
// the tables
// ---------------------------------------------------------------------------

const labelling = async (rounds: number): Promise<ReadonlyArray<string>> => {
  const machine = make()
  const puzzles: Readonly<Record<string, Puzzle>> = {
    "a Latin square of 16, 256 labels": latin(16),
    "a Latin square of 8, 64 labels": latin(8),
    "a graph of 300 vertices, 1,200 edges, 9 colours": ring(300)
  }
  const found: Array<string> = []
  for (const [name, puzzle] of Object.entries(puzzles)) {
    const bodies = [byInstructions(puzzle), Tx.transact(byInstructions(puzzle))]
    const runs: ReadonlyArray<() => Promise<Taken>> = [
      () => Promise.resolve(byEngine(puzzle)),
      ...bodies.map((body) => () => Effect.runPromise(Effect.orDie(machine.run(body))))
    ]
    const block = async (run: () => Promise<Taken>): Promise<Taken> => {
      const taken: Array<Taken> = []
      for (let n = 0; n < 60; n++) taken.push(await run())
      return [median(taken.map(([labels]) => labels)), median(taken.map(([, all]) => all))]
    }
    for (let n = 0; n < 5; n++) for (const run of runs) await block(run)
    const perLabel: Array<number> = []
    const ratios: ReadonlyArray<Array<number>> = upTo(4).map(() => [])
    for (let round = 0; round < Math.max(5, rounds); round++) {
      const [engine, outside, inside] = [await block(runs[0]), await block(runs[1]), await block(runs[2])]
      perLabel.push(engine[0] / puzzle.domains.length * 1000)
      for (const at of [0, 1] as const) {
        ratios[at].push(outside[at] / engine[at])
        ratios[2 + at].push(inside[at] / engine[at])
      }
    }
    found.push(`| ${name} | ${[perLabel, ...ratios].map((all) => median(all).toFixed(2)).join(" | ")} |`)
  }
  await machine.runtime.dispose()
  return [
    "",
    "| labels through the instruction set, by the engine's; target 1.3 | µs a label there | labels | with variables and "
    + "constraints | labels, in a transaction | with variables and constraints |",
    "|---|---:|---:|---:|---:|---:|",
    ...found
  ]
}

const searching = async (rounds: number): Promise<ReadonlyArray<string>> => {
  const machine = make()
  let runs = 0
  const body = (puzzle: Puzzle) =>
    Effect.gen(function*() {
      runs++
      const labels: Array<number> = []
      for (const variable of yield* variables(puzzle)) labels.push(yield* FD.label(variable))
      return labels
    })
  const byEngine = (puzzle: Puzzle, most: number): number => {
    const search = posted(puzzle).search({ variableOrder: "input" })
    let found = 0
    while (found < most && search.run(Infinity) === "solution") found += search.solution().length > 0 ? 1 : 0
    return found
  }
  const eight = queens(8)
  const hard = sudoku(sudokus["Inkala 2012"])
  const rows = [
    {
      name: "queens 8, all, by FD.search",
      engine: () => byEngine(eight, Infinity),
      machine: () => Stream.runCount(FD.search(body(eight)))
    },
    {
      name: "a sudoku (Inkala 2012), by FD.commitFirst",
      engine: () => byEngine(hard, 1),
      machine: () => Effect.map(FD.commitFirst(body(hard)), (found) => Option.isSome(found) ? 1 : 0)
    }
  ]
  const found: Array<string> = []
  for (const { engine, machine: program, name } of rows) {
    const search = () => Effect.runPromise(Effect.orDie(machine.run(program())))
    runs = 0
    if (await search() !== engine()) throw new Error(`${name}: not the same solutions`)
    const bodies = runs
    for (let n = 0; n < 30; n++) await search()
    const repeat = timesFor(await cpuOf(() => Promise.resolve(engine())))
    const ratios: Array<number> = []
    const times: Array<number> = []
    for (let round = 0; round < Math.max(5, rounds); round++) {
      const theirs = await cpuOf(async () => {
        for (let n = 0; n < repeat; n++) engine()
      }) / repeat
      const ours = await cpuOf(async () => {
        for (let n = 0; n < 5; n++) await search()
      }) / 5
      times.push(ours)
      ratios.push(ours / theirs)
    }
    found.push(`| ${name} | ${median(times).toFixed(1)} | ${bodies} | ${median(ratios).toFixed(1)} |`)
  }
  await machine.runtime.dispose()
  return [
    "",
    "| searching through the instruction set | ms | runs of the body | by the engine's search |",
    "|---|---:|---:|---:|",
    ...found
  ]
}

export const lines = async (rounds: number): Promise<ReadonlyArray<string>> => [
  ...await labelling(rounds),
  ...await searching(rounds)
]
