/**
 * Battleship: the two boards belong to a referee, and a turn is a transaction of one or two shots. A turn that breaks the
 * rules is undone as a whole.
 *
 * ```sh
 * npx tsx --conditions=@effect-avm/source examples/Battleship.ts
 * ```
 */
import { Avm, Behaviour, ControllerId, Tx } from "@effect-avm/core"
import * as Rpc from "@effect/rpc/Rpc"
import { Console, Effect, Schema } from "effect"
import { realpathSync } from "node:fs"
import { pathToFileURL } from "node:url"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

const size = 5

const Coordinate = Schema.Int.pipe(Schema.between(0, size - 1))

const Cell = Schema.Struct({ x: Coordinate, y: Coordinate })
type Cell = typeof Cell.Type

/** It lies in one column, from `y` down. */
const Ship = Schema.Struct({ x: Coordinate, y: Coordinate, length: Schema.Int.pipe(Schema.between(1, size)) })
type Ship = typeof Ship.Type

const Answer = Schema.Literal("hit", "miss")

const Shot = Schema.Struct({ ...Cell.fields, answer: Answer })

class DoesNotFit extends Schema.TaggedError<DoesNotFit>()("DoesNotFit", { ship: Ship }) {}

class AlreadyShot extends Schema.TaggedError<AlreadyShot>()("AlreadyShot", { cell: Cell }) {}

// ---------------------------------------------------------------------------
// the behaviour
// ---------------------------------------------------------------------------

export const Board = Behaviour.make("Board", {
  state: Schema.Struct({ ships: Schema.Array(Ship), shots: Schema.Array(Shot) }),
  initial: { ships: [], shots: [] },
  protocol: [
    Rpc.make("Place", { payload: { ship: Ship }, error: DoesNotFit }),
    Rpc.make("Fire", { payload: { cell: Cell }, success: Answer, error: AlreadyShot }),
    Rpc.make("Draw", { success: Schema.Array(Schema.String) })
  ]
})
export type Board = typeof Board.Ref.Type

export const BoardLive = Board.toLayer({
  *Place({ ship }) {
    const board = yield* Board.state
    const taken = cellsOf(ship).some((cell) => cell.y >= size || board.ships.some((other) => covers(other, cell)))
    if (taken) return yield* new DoesNotFit({ ship })
    yield* Board.setState({ ...board, ships: [...board.ships, ship] })
  },
  *Fire({ cell }) {
    const board = yield* Board.state
    if (board.shots.some((shot) => sameCell(shot, cell))) return yield* new AlreadyShot({ cell })
    const answer = board.ships.some((ship) => covers(ship, cell)) ? "hit" : "miss"
    yield* Board.setState({ ...board, shots: [...board.shots, { ...cell, answer }] })
    return answer
  },
  Draw: () =>
    Effect.map(Board.state, ({ ships, shots }) =>
      rows.map((y) =>
        columns.map((x) => {
          const shot = shots.find((shot) => sameCell(shot, { x, y }))
          if (shot !== undefined) return shot.answer === "hit" ? "X" : "o"
          return ships.some((ship) => covers(ship, { x, y })) ? "#" : "."
        }).join(" ")
      ))
})

const rows = Array.from({ length: size }, (_, y) => y)
const columns = rows

const cellsOf = ({ length, x, y }: Ship): ReadonlyArray<Cell> => Array.from({ length }, (_, i) => ({ x, y: y + i }))

const sameCell = (self: Cell, that: Cell): boolean => self.x === that.x && self.y === that.y

const covers = (ship: Ship, cell: Cell): boolean => cellsOf(ship).some((part) => sameCell(part, cell))

// ---------------------------------------------------------------------------
// transactions
// ---------------------------------------------------------------------------

const referee = ControllerId.make("referee")

/** Both boards with their ships, or none. */
const setUp = (fleets: { readonly ada: ReadonlyArray<Ship>; readonly bob: ReadonlyArray<Ship> }) =>
  Effect.gen(function*() {
    const ada = yield* Board.create()
    const bob = yield* Board.create()
    for (const ship of fleets.ada) yield* ada.Place({ ship })
    for (const ship of fleets.bob) yield* bob.Place({ ship })
    return { ada, bob }
  }).pipe(Tx.transactWith({ controller: referee }))

/** All shots of a turn, or none. */
const turn = (board: Board, ...cells: ReadonlyArray<Cell>) =>
  Tx.transact(Effect.forEach(cells, (cell) => board.Fire({ cell })), { controller: referee })

// ---------------------------------------------------------------------------
// the game
// ---------------------------------------------------------------------------

const game = Effect.gen(function*() {
  const { ada, bob } = yield* setUp({
    ada: [{ x: 3, y: 0, length: 2 }],
    bob: [{ x: 1, y: 1, length: 3 }, { x: 4, y: 3, length: 1 }]
  })
  const show = (title: string) =>
    Effect.gen(function*() {
      const left = yield* ada.Draw()
      const right = yield* bob.Draw()
      yield* Console.log(`\n${title}\n`)
      yield* Console.log(`  ${"Ada's".padEnd(2 * size + 2)}Bob's`)
      for (const y of rows) yield* Console.log(`  ${left[y]}   ${right[y]}`)
      yield* Console.log("")
    })
  const fire = (player: string, board: Board, ...cells: ReadonlyArray<Cell>) =>
    Effect.tap(turn(board, ...cells), (answers) => Console.log(`${player} fires: ${answers.join(", ")}`))

  yield* show("The boards: # ship, X hit, o miss")
  const first = yield* fire("Ada", bob, { x: 1, y: 1 }, { x: 1, y: 2 })
  const second = yield* fire("Bob", ada, { x: 0, y: 4 })

  // The first of these shots would be a miss. The second one is against the rules, so that neither is fired.
  const undone = yield* fire("Ada", bob, { x: 0, y: 0 }, { x: 1, y: 1 }).pipe(
    Effect.tapErrorTag(
      "AlreadyShot",
      ({ cell: { x, y } }) => Console.log(`Ada fires twice, but had shot at (${x}, ${y}) before: both shots are undone`)
    ),
    Effect.catchTag("AlreadyShot", () => Effect.succeed([]))
  )
  yield* show("The boards after that, without a mark at (0, 0)")

  const third = yield* fire("Ada", bob, { x: 1, y: 3 })
  yield* show("The boards at the end")
  return {
    answers: [...first, ...second, ...undone, ...third],
    boards: { ada: yield* ada.Draw(), bob: yield* bob.Draw() }
  }
})

export const main = Avm.run(game).pipe(Effect.provide(BoardLive), Effect.provide(Avm.layerMemory))

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) {
  await Effect.runPromise(main)
}
