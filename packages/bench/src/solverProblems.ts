/**
 * Problems for solvers, as problems of ours.
 */
import { Constraint, Domain, Problem } from "@effect-avm/solver"

const { allDifferent, compare, linear, sum } = Constraint

export const upTo = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, at) => at)

const named = (count: number, domain: Domain.Domain): ReadonlyArray<Problem.Variable> =>
  upTo(count).map((at) => ({ name: `x${at}`, domain }))

export const queens = (count: number): Problem.Problem => {
  const columns = upTo(count)
  return Problem.make({
    variables: named(count, Domain.range(0, count - 1)),
    requirements: [0, 1, -1].map((slope) =>
      allDifferent(columns, { offsets: columns.map((column) => slope * column), consistency: "value" })
    )
  })
}

export const sudokus: Readonly<Record<string, string>> = {
  "Inkala 2006": "1....7.9..3..2...8..96..5....53..9...1..8...26....4...3......1..4......7..7...3..",
  "Inkala 2012": "8..........36......7..9.2...5...7.......457.....1...3...1....68..85...1..9....4..",
  "17 clues": "..............3.85..1.2.......5.7.....4...1...9.......5......73..2.1........4...9"
}

/** The places of rows, columns and boxes. */
export const sudokuGroups: ReadonlyArray<ReadonlyArray<number>> = upTo(9).flatMap((i) => [
  upTo(9).map((j) => 9 * i + j),
  upTo(9).map((j) => 9 * j + i),
  upTo(9).map((j) => 9 * (3 * Math.floor(i / 3) + Math.floor(j / 3)) + 3 * (i % 3) + j % 3)
])

export const sudoku = (grid: string): Problem.Problem =>
  Problem.make({
    variables: [...grid].map((given, at) => ({
      name: `x${at}`,
      domain: given === "." ? Domain.range(1, 9) : Domain.range(Number(given), Number(given))
    })),
    requirements: sudokuGroups.map((group) => allDifferent(group))
  })

/** Up to symmetry. */
export const magicSquare = (size: number): Problem.Problem => {
  const cells = size * size
  const side = upTo(size)
  const lines = [
    ...side.map((i) => side.map((j) => size * i + j)),
    ...side.map((i) => side.map((j) => size * j + i)),
    side.map((i) => (size + 1) * i),
    side.map((i) => (size - 1) * (i + 1))
  ]
  return Problem.make({
    variables: named(cells, Domain.range(1, cells)),
    requirements: [
      allDifferent(upTo(cells), { consistency: "value" }),
      ...lines.map((line) => sum(line, "=", size * (cells + 1) / 2)),
      ...[size - 1, cells - size, cells - 1].map((corner) => compare(0, "<", corner)),
      compare(size - 1, "<", cells - size)
    ]
  })
}

/** Mycielski's graph of this term, which needs that many colours. */
export const colouring = (term: number, colours: number): Problem.Problem => {
  let count = 2
  let edges: ReadonlyArray<readonly [number, number]> = [[0, 1]]
  for (let step = 2; step < term; step++) {
    const before = count
    edges = [
      ...edges.flatMap(([a, b]) => [[a, b], [a, before + b], [b, before + a]] as const),
      ...upTo(before).map((at) => [before + at, 2 * before] as const)
    ]
    count = 2 * before + 1
  }
  return Problem.make({
    // Colours have no names: the first so many vertices have one of the first so many.
    variables: upTo(count).map((at) => ({ name: `x${at}`, domain: Domain.range(0, Math.min(at, colours - 1)) })),
    requirements: edges.map(([a, b]) => compare(a, "!=", b))
  })
}

/** So much of one of four assets for at least so much of another, all or nothing. */
export interface Offer {
  readonly gives: number
  readonly amount: number
  readonly wants: number
  readonly atLeast: number
  readonly worth: number
}

export const offers = (count: number): ReadonlyArray<Offer> => {
  let state = 42
  const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 4294967296
  const prices = [100, 37, 210, 5]
  return upTo(count).map(() => {
    const gives = Math.floor(random() * 4)
    const other = Math.floor(random() * 3)
    const wants = other >= gives ? other + 1 : other
    const amount = 1 + Math.floor(random() * 30 * (100 / prices[gives]))
    const limit = prices[gives] / prices[wants] * (0.85 + 0.25 * random())
    return { gives, amount, wants, atLeast: Math.max(1, Math.ceil(amount * limit)), worth: amount * prices[gives] }
  })
}

/** Which offers to take, so that of each asset no more is wanted than given, and most is moved. */
export const clearing = (count: number): Problem.Problem => {
  const all = offers(count)
  return Problem.make({
    variables: named(count, Domain.boolean),
    requirements: upTo(4).map((asset) => {
      const involved = upTo(count).filter((at) => all[at].gives === asset || all[at].wants === asset)
      const amounts = involved.map((at) => all[at].gives === asset ? all[at].amount : -all[at].atLeast)
      return linear(amounts, involved, ">=", 0)
    }),
    objectives: [Problem.maximize(...all.map(({ worth }, at) => Problem.times(worth, at)))]
  })
}
