/**
 * The rules of Reflect and Reify: looking, without asking.
 *
 * @since 0.1.0
 */
import { AvmError, type ObjectMeta, type Reflect, type Reify } from "@effect-avm/core"
import * as Option from "effect/Option"
import * as Execution from "../Execution.js"
import * as Transaction from "../Transaction.js"
import type * as World from "../World.js"

type X = Execution.Execution

/**
 * @since 0.1.0
 * @category rules
 */
export const reflect = (x: X, { id }: Reflect.Reflect["args"]): Option.Option<ObjectMeta.ObjectMeta> =>
  Option.map(Option.fromNullable(Execution.look(x, id)), ({ metadata }) => metadata)

/**
 * A16: in order of creation.
 *
 * @since 0.1.0
 * @category rules
 */
export const scry = (x: X, predicate: Reflect.DeepPredicate): ReadonlyArray<World.StoredObject> => {
  const tx = x.session.tx
  if (tx !== undefined) {
    let observed = tx.observed
    // A15: every committed object was looked at.
    for (const { metadata: { id } } of tx.snapshot.objects.values()) {
      observed = Transaction.entered(observed, id, true)
    }
    Execution.changeTx(x, { scans: [...tx.scans, predicate], observed })
  }
  return [...Execution.visible(x).objects.values()].filter(({ behaviour, metadata }) => {
    try {
      return predicate(behaviour, metadata)
    } catch (thrown) {
      // D26
      const message = thrown instanceof Error ? thrown.message : String(thrown)
      return Execution.fail(new AvmError.ScryPredicateFailed({ message }))
    }
  })
}

/**
 * @since 0.1.0
 * @category rules
 */
export const reifyContext = (x: X): Reify.ReifiedContext => {
  const { input, machine, self, sender } = Execution.running(x)
  return { self, input, sender, machine, controller: x.session.tx?.controller ?? Option.none() }
}

/**
 * A15
 *
 * @since 0.1.0
 * @category rules
 */
export const reifyTxState = (x: X): Option.Option<Reify.ReifiedTxState> =>
  Option.map(Option.fromNullable(x.session.tx), (tx) => ({
    txId: tx.id,
    writes: tx.writes.map(([id, { input }]) => [id, input]),
    creates: Transaction.ids(tx.creates),
    destroys: Transaction.ids(tx.destroys),
    observed: Transaction.ids(tx.observed),
    transfers: [...tx.transfers.values()],
    moves: [...tx.moves.values()],
    states: [...tx.states.values()]
  }))
