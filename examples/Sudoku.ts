/**
 * A sudoku as a model: eighty-one variables, twenty-seven groups of nine that are all different.
 */
import { Constraint, FD } from "@effect-avm/core"
import { Chunk, Console, Effect, Stream } from "effect"

/** Rows of nine digits; zero is open. */
export const puzzle = [
  "800000000",
  "003600000",
  "070090200",
  "050007000",
  "000045700",
  "000100030",
  "001000068",
  "008500010",
  "090000400"
]

/** All solutions, at most two: a sudoku has one. */
export const solve = (rows: ReadonlyArray<string>) => {
  const cells = rows.flatMap((row, y) => [...row].map((digit, x) => ({ name: `${x}${y}`, x, y, digit: Number(digit) })))
  const group = (belongs: (cell: (typeof cells)[number]) => boolean) => cells.filter(belongs).map(({ name }) => name)
  const groups = Array.from({ length: 9 }, (_, n) => [
    group(({ y }) => y === n),
    group(({ x }) => x === n),
    group(({ x, y }) => Math.floor(x / 3) + 3 * Math.floor(y / 3) === n)
  ]).flat()
  const model = FD.model({
    variables: Object.fromEntries(
      cells.map(({ digit, name }) => [name, digit === 0 ? FD.range(1, 9) : FD.values<number>(digit)])
    ),
    constraints: (digits) => groups.map((names) => Constraint.allDifferent(names.map((name) => digits[name])))
  })
  return FD.solveAll(model, { solutions: 2 }).pipe(
    Stream.map((digits) => rows.map((_, y) => rows.map((_, x) => digits[`${x}${y}`]).join(""))),
    Stream.runCollect,
    Effect.map(Chunk.toReadonlyArray)
  )
}

export const main = Effect.gen(function*() {
  const solutions = yield* solve(puzzle)
  for (const row of solutions[0] ?? []) yield* Console.log([...row].join(" "))
  yield* Console.log(`${solutions.length} solution`)
  return solutions
})

if (process.argv[1] === import.meta.filename) Effect.runPromise(main)
