/**
 * Queens on a board, none on the row, column or diagonal of another: as a model that is solved in one go, and by
 * instructions, one label after the other.
 */
import { Avm, Constraint, FD } from "@effect-avm/core"
import { Console, Effect, Option, Stream } from "effect"

/** All placements on a board of this size. */
export const count = (size: number) => {
  const columns = Array.from({ length: size }, (_, column) => `column ${column + 1}`)
  const queens = FD.model({
    variables: Object.fromEntries(columns.map((column) => [column, FD.range(1, size)])),
    constraints: (rows) =>
      [0, 1, -1].map((slope) =>
        Constraint.allDifferent(columns.map((column, at) => Constraint.plus(rows[column], slope * at)))
      )
  })
  return Stream.runCount(FD.solveAll(queens))
}

/** Places one queen after the other; a queen without a place is a dead end. */
export const place = (size: number) =>
  FD.commitFirst(Effect.gen(function*() {
    const queens: Array<FD.Var<number>> = []
    for (let column = 0; column < size; column++) queens.push(yield* FD.newVar(FD.range(1, size)))
    for (const slope of [0, 1, -1]) {
      yield* FD.post(Constraint.allDifferent(queens.map((queen, column) => Constraint.plus(queen, slope * column))))
    }
    const rows: Array<number> = []
    for (const queen of queens) rows.push(yield* FD.label(queen))
    return rows
  }))

export const main = Effect.gen(function*() {
  const placements = yield* count(8)
  const first = yield* Avm.run(place(8))
  yield* Console.log(`8 queens can be placed in ${placements} ways`)
  for (const row of Option.getOrElse(first, () => [])) {
    yield* Console.log(`${". ".repeat(row - 1)}Q${" .".repeat(8 - row)}`)
  }
  return { placements, first: Option.getOrElse(first, () => []) }
}).pipe(Effect.provide(Avm.layerMemory))

if (process.argv[1] === import.meta.filename) Effect.runPromise(main)
