/**
 * The rules of Tx.
 *
 * @since 0.1.0
 */
import { AvmError, TraceEvent, type Tx, type TxId } from "@effect-avm/core"
import * as Option from "effect/Option"
import { abort as abortOpen } from "../Activation.js"
import * as Execution from "../Execution.js"
import * as Transaction from "../Transaction.js"
import * as World from "../World.js"
import { reject } from "./Constraints.js"

type X = Execution.Execution

/**
 * @since 0.1.0
 * @category rules
 */
export const begin = (x: X, { controller }: Tx.Begin["args"]): TxId.TxId => {
  // D12: the outer one is untouched.
  const outer = x.session.tx
  if (outer !== undefined) Execution.fail(new AvmError.NestedTxNotSupported({ outer: outer.id }))
  if (Option.isSome(controller)) Execution.demandController(x, controller.value)
  const [id, world] = World.freshTxId(x.world)
  x.world = world
  // A10: TransactionStarted carries no controller.
  Execution.log(x, new TraceEvent.TransactionStarted({ tx: id }))
  x.session = {
    ...x.session,
    constraints: {
      ...x.session.constraints,
      labels: [],
      dead: false,
      before: x.session.constraints.variables.length,
      violated: [],
      required: 0
    },
    tx: Transaction.make({
      id,
      depth: x.session.frames.length,
      controller,
      snapshot: x.world.store,
      rootState: x.session.rootState,
      constraints: x.session.constraints
    })
  }
  return id
}

/**
 * @since 0.1.0
 * @category rules
 */
export const commit = (x: X, { id }: Tx.Commit["args"]): true => {
  const tx = open(x, id, "commitTx")
  // A9, D29: under the first options.
  const { violated } = x.session.constraints
  if (violated.length > 0) {
    reject(x)
    abortOpen(x)
    Execution.fail(new AvmError.Unsatisfiable({ tx: id, requirements: violated }))
  }
  // A17: what changes nothing commits unvalidated.
  const objects = tx.changed ? Transaction.conflicts(tx, x.world.store) : []
  if (objects.length > 0) {
    // A9: a commit that fails is an abort.
    abortOpen(x)
    Execution.fail(new AvmError.TxConflict({ tx: id, objects }))
  }
  Execution.log(x, new TraceEvent.TransactionCommitted({ tx: id }))
  // D28: a search ends with a commit.
  Execution.changeFrame(x, { rejected: [] })
  x.world = World.withMail({ ...x.world, store: Transaction.applied(tx, x.world.store, x.world.home) }, tx)
  x.session = { ...x.session, tx: undefined, finished: new Map(x.session.finished).set(id, "committed") }
  return true
}

/**
 * @since 0.1.0
 * @category rules
 */
export const abort = (x: X, { id }: Tx.Abort["args"]): void => {
  open(x, id, "abortTx")
  // D28: the next try takes other labels.
  reject(x)
  abortOpen(x)
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

/** D13, A8: the transaction of this id, if it may be finished here. */
const open = (x: X, id: TxId.TxId, what: string): Transaction.Transaction => {
  const tx = x.session.tx
  if (tx !== undefined && tx.id === id) {
    // D15, A14: only the frame that began it finishes it.
    return tx.depth === x.session.frames.length ? tx : Execution.fail(new AvmError.InvalidDuringTx({ what }))
  }
  const finished = x.session.finished.get(id)
  if (finished === "committed") return Execution.fail(new AvmError.TxAlreadyCommitted({ tx: id }))
  if (finished === "aborted") return Execution.fail(new AvmError.TxAlreadyAborted({ tx: id }))
  return Execution.fail(tx === undefined ? new AvmError.NoActiveTx() : new AvmError.TxNotFound({ tx: id }))
}
