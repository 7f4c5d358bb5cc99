/**
 * The Reflect and Reify families: other objects, and the execution itself, as data.
 */
import * as Option from "effect/Option"
import { ScryPredicateFailed } from "../AvmError.js"
import type { ObjectId } from "../ObjectId.js"
import type { ObjectMeta } from "../ObjectMeta.js"
import { latest } from "../ObjectStore.js"
import type * as Reflect from "../Reflect.js"
import type * as Reify from "../Reify.js"
import type { Val } from "../Val.js"
import type { Cell } from "./frame.js"
import { type Implementation, type Kernel, look } from "./kernel.js"
import { andThen, fail, type Step, stepOf, succeed } from "./sync.js"

export const makeReflect = (kernel: Kernel): Implementation<Reflect.Service> => ({
  reflect: (cell, id) =>
    andThen(look(kernel, cell, id), (view) => succeed(view === undefined ? Option.none() : Option.some(view.metadata))),
  scryMeta: (cell, predicate) =>
    andThen(
      scry(kernel, cell, (_, metadata) => predicate(metadata)),
      (found) => succeed(found.map(([id, , metadata]) => [id, metadata] as const))
    ),
  scryDeep: (cell, predicate) => scry(kernel, cell, predicate)
})

export const makeReify = (): Implementation<Reify.Reify["Type"]> => ({
  context: (cell) =>
    succeed({
      self: cell.frame.self,
      input: cell.frame.input,
      sender: cell.frame.sender,
      machine: cell.machine,
      controller: cell.open?.controller ?? Option.none()
    })
})

export const makeUnsafeReify = (): Implementation<Reify.UnsafeReify["Type"]> => ({
  txState: (cell) =>
    succeed(Option.map(Option.fromNullable(cell.open), (tx) => ({
      txId: tx.id,
      writes: tx.inputs.map(([id, { input }]) => [id, input] as const),
      creates: [...tx.creates.values()].map(({ metadata }) => metadata.id),
      destroys: [...tx.destroys.values()],
      observed: tx.observed,
      transfers: [...tx.transfers.values()],
      moves: [...tx.moves.values()],
      states: [
        ...tx.written,
        ...Option.match(tx.rootState, { onNone: () => [], onSome: (state) => [[rootOf(cell), state] as const] })
      ]
    }))),
  constraints: (cell) => {
    const space = cell.open?.variables?.space ?? cell.execution.variables?.space
    return succeed({
      variables: space?.all ?? [],
      // The data of a constraint has the form of a `Val`.
      constraints: (space?.constraints ?? []).map((constraint) => constraint as Val)
    })
  }
})

// ---------------------------------------------------------------------------
// scrying
// ---------------------------------------------------------------------------

type Found = readonly [id: ObjectId, behaviour: string, metadata: ObjectMeta]

/** All objects that answer, in order of creation (A16): those of the store as they are seen, then the pending ones. */
const scry = (
  kernel: Kernel,
  cell: Cell,
  predicate: Reflect.DeepPredicate
): Step<ReadonlyArray<Found>, Reflect.ScryError> => {
  const tx = cell.open
  return andThen(
    stepOf(kernel.store.scan(tx?.snapshot ?? latest)),
    (objects): Step<ReadonlyArray<Found>, Reflect.ScryError> => {
      const found: Array<Found> = []
      const answer = new Set<string>()
      let failure: ScryPredicateFailed | undefined
      const ask = (behaviour: string, metadata: ObjectMeta): boolean => {
        try {
          if (!predicate(behaviour, metadata)) return false
          found.push([metadata.id, behaviour, metadata])
          return true
        } catch (error) {
          failure = new ScryPredicateFailed({ message: error instanceof Error ? error.message : String(error) })
          return true
        }
      }
      for (const { behaviour, metadata } of objects) {
        if (failure !== undefined) break
        if (ask(behaviour, tx === undefined ? metadata : tx.view(metadata))) answer.add(metadata.id.value)
      }
      for (const { behaviour, metadata } of tx?.creates.values() ?? []) {
        if (failure !== undefined) break
        ask(behaviour, tx === undefined ? metadata : tx.view(metadata))
      }
      tx?.scan({ predicate, answer }, objects.map(({ metadata }) => metadata.id))
      return failure === undefined ? succeed(found) : fail(failure)
    }
  )
}

const rootOf = (cell: Cell): ObjectId => cell.execution.root
