/**
 * The same problems for `finitedomain`, a solver in JavaScript with search and propagation of its own.
 */
import { sudokuGroups, upTo } from "./solverProblems.js"

interface Solver {
  readonly solutions: ReadonlyArray<unknown>
  readonly num: (value: number) => string
  readonly addVar: (name: string, domain: ReadonlyArray<number>) => string
  readonly plus: (a: string, b: string, result: string) => string
  readonly sum: (all: ReadonlyArray<string>, result: string) => string
  readonly lt: (a: string, b: string) => unknown
  readonly neq: (a: string, b: string) => unknown
  readonly distinct: (all: ReadonlyArray<string>) => unknown
  readonly solve: (options: { readonly max: number; readonly vars: ReadonlyArray<string> }) => unknown
}

const name: string = "finitedomain"
// It has no types of its own; these are the members that are used here.
const { default: { Solver } } = await import(name) as {
  readonly default: { readonly Solver: new(options: { readonly distribute: string }) => Solver }
}

const solve = (most: number, model: (solver: Solver) => ReadonlyArray<string>): number => {
  const solver = new Solver({ distribute: "fail_first" })
  solver.solve({ max: most, vars: model(solver) })
  return solver.solutions.length
}

export const queens = (count: number, most: number): number =>
  solve(most, (solver) => {
    const columns = upTo(count).map((at) => solver.addVar(`q${at}`, [0, count - 1]))
    const diagonal = (name: string, offset: (at: number) => number) =>
      columns.map((column, at) =>
        solver.plus(column, solver.num(offset(at)), solver.addVar(`${name}${at}`, [0, 2 * count]))
      )
    solver.distinct(columns)
    solver.distinct(diagonal("up", (at) => at))
    solver.distinct(diagonal("down", (at) => count - at))
    return columns
  })

export const sudoku = (grid: string): number =>
  solve(1, (solver) => {
    const cells = [...grid].map((given, at) =>
      solver.addVar(`x${at}`, given === "." ? [1, 9] : [Number(given), Number(given)])
    )
    for (const group of sudokuGroups) solver.distinct(group.map((at) => cells[at]))
    return cells
  })

export const magicSquare = (size: number): number =>
  solve(1, (solver) => {
    const count = size * size
    const cells = upTo(count).map((at) => solver.addVar(`x${at}`, [1, count]))
    const total = solver.num(size * (count + 1) / 2)
    const side = upTo(size)
    const sum = (line: ReadonlyArray<number>) => solver.sum(line.map((at) => cells[at]), total)
    solver.distinct(cells)
    for (const i of side) {
      sum(side.map((j) => size * i + j))
      sum(side.map((j) => size * j + i))
    }
    sum(side.map((i) => (size + 1) * i))
    sum(side.map((i) => (size - 1) * (i + 1)))
    for (const corner of [size - 1, count - size, count - 1]) solver.lt(cells[0], cells[corner])
    solver.lt(cells[size - 1], cells[count - size])
    return cells
  })
