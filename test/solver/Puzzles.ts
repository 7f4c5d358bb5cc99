/**
 * Puzzles with known answers, as problems.
 */
import { Constraint, Domain, Problem } from "@effect-avm/solver"

const { allDifferent, compare, compareValue, linear, sum } = Constraint

export const upTo = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, at) => at)

const named = (count: number, domain: Domain.Domain | ((at: number) => Domain.Domain)): Array<Problem.Variable> =>
  upTo(count).map((at) => ({ name: `x${at}`, domain: typeof domain === "function" ? domain(at) : domain }))

export const queens = (count: number, consistency: Constraint.Consistency = "value"): Problem.Problem => {
  const columns = upTo(count)
  return Problem.make({
    variables: named(count, Domain.range(0, count - 1)),
    requirements: [0, 1, -1].map((slope) =>
      allDifferent(columns, { offsets: columns.map((column) => slope * column), consistency })
    )
  })
}

/** The grids that are known to be hard for one or the other way of solving them. */
export const sudokus: Readonly<Record<string, string>> = {
  "Inkala 2006": "1....7.9..3..2...8..96..5....53..9...1..8...26....4...3......1..4......7..7...3..",
  "Inkala 2010": "..53.....8......2..7..1.5..4....53...1..7...6..32...8..6.5....9..4....3......97..",
  "Inkala 2012": "8..........36......7..9.2...5...7.......457.....1...3...1....68..85...1..9....4..",
  "17 clues": ".......1.4.........2...........5.4.7..8...3....1.9....3..4..2...5.1........8.6...",
  "17 other clues": ".......12....35......6...7.7.....3.....4..8..1...........12.....8.....4..5....6..",
  "against brute force": "..............3.85..1.2.......5.7.....4...1...9.......5......73..2.1........4...9"
}

export const sudoku = (grid: string): Problem.Problem => {
  const digits = upTo(9)
  const groups = digits.flatMap((i) => [
    digits.map((j) => 9 * i + j),
    digits.map((j) => 9 * j + i),
    digits.map((j) => 9 * (3 * Math.floor(i / 3) + Math.floor(j / 3)) + 3 * (i % 3) + j % 3)
  ])
  return Problem.make({
    variables: [...grid].map((given, at) => ({
      name: `r${Math.floor(at / 9) + 1}c${at % 9 + 1}`,
      domain: given === "." ? Domain.range(1, 9) : Domain.range(Number(given), Number(given))
    })),
    requirements: groups.map((group) => allDifferent(group))
  })
}

/** Squares whose rows, columns and diagonals have one sum; up to symmetry, or all. */
export const magicSquare = (size: number, all = false): Problem.Problem => {
  const cells = size * size
  const total = size * (cells + 1) / 2
  const side = upTo(size)
  const lines = [
    ...side.map((i) => side.map((j) => size * i + j)),
    ...side.map((i) => side.map((j) => size * j + i)),
    side.map((i) => (size + 1) * i),
    side.map((i) => (size - 1) * (i + 1))
  ]
  const corners = [size - 1, cells - size, cells - 1].map((corner) => compare(0, "<", corner))
  return Problem.make({
    variables: named(cells, Domain.range(1, cells)),
    requirements: [
      allDifferent(upTo(cells), { consistency: "value" }),
      ...lines.map((line) => sum(line, "=", total)),
      ...(all ? [] : [...corners, compare(size - 1, "<", cells - size)])
    ]
  })
}

export const sendMoreMoney: Problem.Problem = Problem.make({
  variables: [..."SENDMORY"].map((name) => ({ name, domain: Domain.range("SM".includes(name) ? 1 : 0, 9) })),
  requirements: [
    allDifferent(upTo(8)),
    linear([1000, 91, -90, 1, -9000, -900, 10, -1], upTo(8), "=", 0)
  ]
})

/** Marks with all distances different, and the last one as near as can be. */
export const golombRuler = (marks: number): Problem.Problem => {
  const pairs = upTo(marks).flatMap((j) => upTo(j).map((i) => [i, j] as const))
  const longest = marks * marks
  const distance = (at: number) => marks + at
  return Problem.make({
    variables: [
      ...upTo(marks).map((at) => ({
        name: `m${at}`,
        domain: at === 0 ? Domain.range(0, 0) : Domain.range(1, longest)
      })),
      ...pairs.map(([i, j]) => ({ name: `d${i}_${j}`, domain: Domain.range(1, longest) }))
    ],
    requirements: [
      ...upTo(marks - 1).map((at) => compare(at, "<", at + 1)),
      ...pairs.map(([i, j], at) => linear([1, -1, -1], [j, i, distance(at)], "=", 0)),
      allDifferent(pairs.map((_, at) => distance(at)), { consistency: "bounds" }),
      // Of a ruler and its mirror image, one.
      compare(distance(0), "<", distance(pairs.length - 1))
    ],
    objectives: [Problem.minimize(Problem.times(1, marks - 1))]
  })
}

/** Two of each number up to `pairs`, k of them apart by k; up to reversal. Variables: where the first of each stands. */
export const langford = (pairs: number): Problem.Problem => {
  const first = (k: number) => k - 1
  const second = (k: number) => pairs + k - 1
  const numbers = upTo(pairs).map((at) => at + 1)
  return Problem.make({
    variables: named(2 * pairs, Domain.range(0, 2 * pairs - 1)),
    requirements: [
      allDifferent(upTo(2 * pairs)),
      ...numbers.map((k) => compare(second(k), "=", first(k), k + 1)),
      // The first half has the largest one; where that is in the middle, the next one.
      pairs % 2 === 1
        ? compareValue(first(pairs), "<", (pairs - 1) / 2)
        : Constraint.or(
          compareValue(first(pairs), "<", pairs / 2 - 1),
          Constraint.and(
            compareValue(first(pairs), "=", pairs / 2 - 1),
            compareValue(first(pairs - 1), "<", pairs / 2)
          )
        )
    ]
  })
}

/** Permutations all of whose difference vectors are different. */
export const costas = (size: number): Problem.Problem => {
  const triangle = upTo(size).flatMap((gap) => gap === 0 ? [] : [upTo(size - gap).map((at) => [at, at + gap] as const)])
  const places = new Map(triangle.flat().map(([i, j], at) => [`${i} ${j}`, size + at]))
  const difference = ([i, j]: readonly [number, number]) => places.get(`${i} ${j}`) ?? -1
  return Problem.make({
    variables: [
      ...named(size, Domain.range(1, size)),
      ...triangle.flat().map(([i, j]) => ({ name: `d${i}_${j}`, domain: Domain.range(1 - size, size - 1) }))
    ],
    requirements: [
      allDifferent(upTo(size)),
      ...triangle.flat().map((pair) => linear([1, -1, -1], [pair[1], pair[0], difference(pair)], "=", 0)),
      ...triangle.map((row) => allDifferent(row.map(difference)))
    ]
  })
}

export interface Graph {
  readonly count: number
  readonly edges: ReadonlyArray<readonly [number, number]>
}

/** Western Australia, Northern Territory, South Australia, Queensland, New South Wales, Victoria, Tasmania. */
export const australia: Graph = {
  count: 7,
  edges: [[0, 1], [0, 2], [1, 2], [1, 3], [2, 3], [2, 4], [2, 5], [3, 4], [4, 5]]
}

export const petersen: Graph = {
  count: 10,
  edges: upTo(5).flatMap((i) => [[i, (i + 1) % 5], [i, i + 5], [5 + i, 5 + (i + 2) % 5]] as const)
}

/** Mycielski's graphs: without triangles, and each needs a colour more than the one before. The fourth is Grötzsch's. */
export const mycielski = (term: number): Graph => {
  let graph: Graph = { count: 2, edges: [[0, 1]] }
  for (let step = 2; step < term; step++) {
    const { count, edges } = graph
    graph = {
      count: 2 * count + 1,
      edges: [
        ...edges.flatMap(([a, b]) => [[a, b], [a, count + b], [b, count + a]] as const),
        ...upTo(count).map((at) => [count + at, 2 * count] as const)
      ]
    }
  }
  return graph
}

export const colouring = ({ count, edges }: Graph, colours: number): Problem.Problem =>
  Problem.make({
    variables: named(count, Domain.range(0, colours - 1)),
    requirements: edges.map(([a, b]) => compare(a, "!=", b))
  })

/** All or nothing: gives so much of one asset for at least so much of another. */
export interface Offer {
  readonly gives: number
  readonly amount: number
  readonly wants: number
  readonly atLeast: number
  readonly worth: number
}

/** Offers around known prices, from a seed. */
export const offers = (count: number, assets = 4, seed = 42): ReadonlyArray<Offer> => {
  let state = seed >>> 0
  const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 4294967296
  const prices = [100, 37, 210, 5].slice(0, assets)
  return upTo(count).map(() => {
    const gives = Math.floor(random() * assets)
    const other = Math.floor(random() * (assets - 1))
    const wants = other >= gives ? other + 1 : other
    const amount = 1 + Math.floor(random() * 30 * (100 / prices[gives]))
    const limit = prices[gives] / prices[wants] * (0.85 + 0.25 * random())
    return { gives, amount, wants, atLeast: Math.max(1, Math.ceil(amount * limit)), worth: amount * prices[gives] }
  })
}

/** Which offers to take, so that of each asset no more is wanted than given, and most is moved. */
export const clearing = (offers: ReadonlyArray<Offer>, assets = 4): Problem.Problem =>
  Problem.make({
    variables: named(offers.length, Domain.boolean),
    requirements: upTo(assets).map((asset) => {
      const involved = offers.flatMap(({ gives, wants }, at) => gives === asset || wants === asset ? [at] : [])
      const amounts = involved.map((at) => offers[at].gives === asset ? offers[at].amount : -offers[at].atLeast)
      return { name: `asset ${asset}`, constraint: linear(amounts, involved, ">=", 0) }
    }),
    objectives: [Problem.maximize(...offers.map(({ worth }, at) => Problem.times(worth, at)))]
  })

/** Every kind of constraint, in one problem that has solutions. */
export const everything: Problem.Problem = Problem.make({
  variables: [
    ...["a", "b", "c"].map((name) => ({ name, domain: Domain.range(-2, 3) })),
    { name: "d", domain: Domain.values([0, 2, 5]) },
    { name: "e", domain: Domain.boolean }
  ],
  requirements: [
    compare(0, "<", 1, 2),
    Constraint.member(2, [-2, 1, 3]),
    Constraint.allDifferent([0, 1, 2], { offsets: [0, 1, -1] }),
    linear([2, -1, 1], [0, 1, 3], ">=", 1),
    Constraint.or(Constraint.table([0, 1], [[1, 0], [2, 3], [0, -1]]), compareValue(3, "=", 5)),
    Constraint.table([0, 2], [[1, 1], [1, 3], [2, 3], [0, -2], [3, 1]]),
    Constraint.not(Constraint.element(4, [3, 1], 0)),
    Constraint.or(Constraint.elementVariable(4, [0, 1], 2), compareValue(1, "!=", 0)),
    Constraint.nogood([0, 3], [2, 5]),
    Constraint.reified(4, Constraint.and(compareValue(0, ">", 0), compareValue(3, "<=", 2)))
  ],
  objectives: [
    Problem.maximize(
      Problem.times(1, 0),
      Problem.when(4, compareValue(1, "=", 2)),
      Problem.when(3, compare(1, ">", 2))
    ),
    Problem.minimize(Problem.times(2, 3), Problem.times(1, 1))
  ]
})
