/**
 * The Machine and the Controller family: where objects are, and who orders their transactions.
 */
import * as Chunk from "effect/Chunk"
import * as Option from "effect/Option"
import { ObjectNotAvailable, ObjectNotFound, TeleportDuringTx, UnauthorizedTransfer } from "../AvmError.js"
import type * as Controller from "../Controller.js"
import type { ControllerId } from "../ControllerId.js"
import type * as Machine from "../Machine.js"
import type { MachineId } from "../MachineId.js"
import type { ObjectId } from "../ObjectId.js"
import type { Replica } from "../ObjectStore.js"
import { ExecutionMoved, ObjectFetched, ObjectMoved, ObjectTransferred } from "../TraceEvent.js"
import type { Cell } from "./frame.js"
import { freeze } from "./freeze.js"
import {
  answering,
  applyNow,
  changing,
  claim,
  claimFor,
  controllerReachable,
  foreign,
  type Implementation,
  type Kernel,
  look,
  machineReachable,
  noReplicas,
  reading,
  readInTx,
  stateOf,
  trace,
  type View
} from "./kernel.js"
import { andThen, done, fail, type Step, succeed } from "./sync.js"
import type { Transaction } from "./transaction.js"
import { trust } from "./trust.js"

export const makeMachine = (kernel: Kernel): Implementation<Machine.Machine["Type"]> => ({
  getMachine: (cell, id) =>
    andThen(
      look(kernel, cell, id),
      (view) => succeed(view === undefined ? Option.none() : Option.some(view.metadata.machine))
    ),
  teleport: (cell, machine) => teleport(kernel, cell, machine),
  moveObject: (cell, id, machine) => andThen(changing(cell, "moveObject"), () => move(kernel, cell, id, machine)),
  fetch: (cell, id) => andThen(changing(cell, "fetch"), () => fetch(kernel, cell, id))
})

export const makeController = (kernel: Kernel): Implementation<Controller.Controller["Type"]> => ({
  current: (cell) => succeed(cell.open?.controller ?? Option.none()),
  getController: (cell, id) =>
    andThen(
      look(kernel, cell, id),
      (view) => succeed(view === undefined ? Option.none() : view.metadata.currentController)
    ),
  transfer: (cell, id, controller) =>
    andThen(changing(cell, "transferObject"), () => transfer(kernel, cell, id, controller)),
  freeze: (cell, id) => andThen(changing(cell, "freeze"), () => freeze(kernel, cell, id))
})

// ---------------------------------------------------------------------------
// machines
// ---------------------------------------------------------------------------

const teleport = (kernel: Kernel, cell: Cell, machine: MachineId): Step<true, Machine.TeleportError> => {
  if (cell.open !== undefined) return fail(new TeleportDuringTx())
  return andThen(machineReachable(kernel, machine), () => {
    const from = cell.machine
    cell.machine = machine
    return answering(trace(kernel, cell, () => trust(ExecutionMoved, { from, to: machine })), true)
  })
}

const move = (kernel: Kernel, cell: Cell, id: ObjectId, to: MachineId): Step<true, Machine.MoveError> =>
  andThen(look(kernel, cell, id), (view): Step<true, Machine.MoveError> => {
    if (view === undefined) return fail(new ObjectNotFound({ id }, true))
    return andThen(machineReachable(kernel, to), (): Step<true, Machine.MoveError> => {
      const moved = (): Step<true> =>
        answering(trace(kernel, cell, () => trust(ObjectMoved, { id, from: view.metadata.machine, to })), true)
      const tx = cell.open
      if (tx !== undefined) {
        return andThen(view._tag === "Pending" ? done : claim(kernel, tx, view.stored), () => {
          tx.move(id, to)
          // A25: also one that somebody else fetches before the commit, so that replicas are not read for it.
          if (view._tag === "Committed" || Option.isSome(replicaAt(tx, view, to))) tx.setReplica(id, to, Option.none())
          return moved()
        })
      }
      if (view._tag === "Pending") return fail(new ObjectNotFound({ id }, true))
      if (Option.isSome(foreign(kernel, view.metadata))) return fail(new ObjectNotAvailable({ id }, true))
      return applyNow(
        kernel,
        {
          reads: reading(view.stored, "metadata", "replicas"),
          moves: [[id, to]],
          replicas: view.stored.replicas.has(to) ? [[id, to, Option.none()]] : []
        },
        () => move(kernel, cell, id, to),
        moved
      )
    })
  })

/** D20: a copy of the state as it is here and now; the object itself stays where it is. */
const fetch = (kernel: Kernel, cell: Cell, id: ObjectId): Step<boolean, Machine.FetchError> =>
  andThen(look(kernel, cell, id), (view): Step<boolean, Machine.FetchError> => {
    if (view === undefined) return succeed(false)
    const here = cell.machine
    const tx = cell.open
    const fetched = (): Step<boolean> =>
      answering(trace(kernel, cell, () => trust(ObjectFetched, { id, machine: here })), true)
    const present = view.metadata.machine === here || Option.isSome(replicaAt(tx, view, here)) // A21
    return andThen(
      present ? done : machineReachable(kernel, view.metadata.machine),
      (): Step<boolean, Machine.FetchError> => {
        if (tx !== undefined) {
          return andThen(view._tag === "Pending" ? done : claim(kernel, tx, view.stored), () => {
            tx.changed = true
            // What is here goes only with a change of the metadata, which were read: nothing else of it matters.
            if (present) return fetched()
            const absent = view._tag === "Pending" ? done : readInTx(kernel, tx, id, "replicas")
            return andThen(absent, () =>
              andThen(stateOf(kernel, tx, id, view), (state) => {
                tx.setReplica(id, here, Option.some({ state, accepted: Chunk.empty() }))
                return fetched()
              }))
          })
        }
        if (present || view._tag === "Pending") return fetched()
        return applyNow(
          kernel,
          {
            reads: reading(view.stored, "metadata", "state", "replicas"),
            replicas: [[id, here, Option.some({ state: view.stored.state, accepted: Chunk.empty() })]]
          },
          () => fetch(kernel, cell, id),
          fetched
        )
      }
    )
  })

/** The replica on a machine, with what is pending; to look at it is no read of it. */
const replicaAt = (tx: Transaction | undefined, view: View, machine: MachineId): Option.Option<Replica> => {
  const committed = view._tag === "Pending" ? noReplicas : view.stored.replicas
  return tx === undefined
    ? Option.fromNullable(committed.get(machine))
    : tx.replica(view.metadata.id, machine, committed)
}

// ---------------------------------------------------------------------------
// controllers
// ---------------------------------------------------------------------------

const transfer = (
  kernel: Kernel,
  cell: Cell,
  id: ObjectId,
  to: ControllerId
): Step<true, Controller.TransferError> =>
  andThen(
    controllerReachable(kernel, to),
    () =>
      andThen(look(kernel, cell, id), (view): Step<true, Controller.TransferError> => {
        if (view === undefined) return fail(new ObjectNotFound({ id }, true))
        const from = view.metadata.currentController // A18
        const transferred = (): Step<true> =>
          answering(trace(kernel, cell, () => trust(ObjectTransferred, { id, from, to })), true)
        const tx = cell.open
        if (tx !== undefined) {
          // A3: the first controller of an object is nobody's to refuse.
          const owner = view._tag === "Pending" ? Option.none() : view.stored.metadata.currentController
          const claimed = Option.isSome(owner) ? claimFor(kernel, tx, id, owner.value) : done
          return andThen(claimed, () => {
            tx.transfer(id, to)
            return transferred()
          })
        }
        if (view._tag === "Pending") return fail(new ObjectNotFound({ id }, true))
        const owner = foreign(kernel, view.metadata)
        if (Option.isSome(owner)) return fail(new UnauthorizedTransfer({ id, controller: owner.value }, true)) // A19
        return applyNow(
          kernel,
          { reads: reading(view.stored, "metadata"), transfers: [[id, to]] },
          () => transfer(kernel, cell, id, to),
          transferred
        )
      })
  )
