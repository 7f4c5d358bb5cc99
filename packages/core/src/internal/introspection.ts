/**
 * The Introspect family: the frame, and the state of the running object.
 */
import * as Option from "effect/Option"
import { ContextUnavailable, type StoreError } from "../AvmError.js"
import type * as Introspect from "../Introspect.js"
import type { MachineId } from "../MachineId.js"
import { latest, type Replica, type StoredObject } from "../ObjectStore.js"
import { StateUpdated } from "../TraceEvent.js"
import { fromUnknown, type Val } from "../Val.js"
import type { Cell } from "./frame.js"
import { applyNow, changing, type Implementation, type Kernel, permitted, reading, readInTx, trace } from "./kernel.js"
import { andThen, fail, type Step, succeed } from "./sync.js"
import type { Transaction } from "./transaction.js"

export const make = (kernel: Kernel): Implementation<Introspect.Service> => ({
  self: (cell) => succeed(cell.frame.self),
  input: (cell) => succeed(cell.frame.input),
  sender: (cell) => succeed(cell.frame.sender),
  currentMachine: (cell) => succeed(cell.machine),
  getState: (cell) => getState(kernel, cell),
  setState: (cell, state) => {
    const checked = fromUnknown(state)
    return checked._tag === "Left"
      ? fail(checked.left)
      : andThen(changing(cell, "setState"), () => setState(kernel, cell, state))
  }
})

// ---------------------------------------------------------------------------
// reading
// ---------------------------------------------------------------------------

const getState = (kernel: Kernel, cell: Cell): Step<Val, Introspect.StateError> => {
  const { place, self } = cell.frame
  const tx = cell.open
  if (place._tag === "Root") {
    // A11: transactional, and never in the read set.
    return succeed(Option.getOrElse(tx?.rootState ?? Option.none(), () => cell.execution.rootState))
  }
  if (tx === undefined) {
    return andThen(committed(kernel, cell), (stored): Step<Val, ContextUnavailable> => {
      if (stored === undefined) return gone(cell)
      if (place._tag === "Object") return succeed(stored.state)
      const replica = stored.replicas.get(place.machine)
      return replica === undefined ? gone(cell) : succeed(replica.state)
    })
  }
  if (place._tag === "Replica") {
    return andThen(replicaInTx(kernel, cell, tx, place.machine), (replica) => succeed(replica.state))
  }
  const pending = tx.states.get(self.value) ?? tx.creates.get(self.value)
  if (pending !== undefined) return succeed("state" in pending ? pending.state : pending[1])
  return andThen(
    readInTx(kernel, tx, self, "state"),
    (stored) => stored === undefined ? gone(cell) : succeed(stored.state)
  )
}

// ---------------------------------------------------------------------------
// writing
// ---------------------------------------------------------------------------

const setState = (kernel: Kernel, cell: Cell, state: Val): Step<void, Introspect.StateError> => {
  const { place, self } = cell.frame
  const updated = () => trace(kernel, cell, () => new StateUpdated({ id: self }, true))
  const tx = cell.open
  if (place._tag === "Root") {
    if (tx === undefined) cell.execution.rootState = state
    else tx.rootState = Option.some(state)
    return updated()
  }
  if (tx === undefined) {
    if (place._tag === "Object") {
      // D4: the object must still be there, that is all; whatever state it had is overwritten.
      return andThen(
        permitted(kernel, () => kernel.objects.setState(self, state)),
        (there): Step<void, ContextUnavailable> => there ? updated() : gone(cell)
      )
    }
    return andThen(committed(kernel, cell), (stored): Step<void, Introspect.StateError> => {
      if (stored === undefined) return gone(cell)
      const replica = stored.replicas.get(place.machine)
      if (replica === undefined) return gone(cell)
      return applyNow(
        kernel,
        { reads: reading(stored, "replicas"), replicas: [[self, place.machine, Option.some({ ...replica, state })]] },
        () => setState(kernel, cell, state),
        updated
      )
    })
  }
  if (place._tag === "Replica") {
    return andThen(replicaInTx(kernel, cell, tx, place.machine), (replica) => {
      tx.changed = true
      tx.setReplica(self, place.machine, Option.some({ ...replica, state }))
      return updated()
    })
  }
  const set = () => {
    tx.changed = true
    tx.states.set(self.value, [self, state])
    return updated()
  }
  if (tx.creates.has(self.value)) return set()
  return andThen(
    readInTx(kernel, tx, self, "existence"),
    (stored): Step<void, ContextUnavailable> => stored === undefined ? gone(cell) : set()
  )
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const committed = (kernel: Kernel, cell: Cell): Step<StoredObject | undefined, StoreError> =>
  andThen(
    kernel.objects.read(cell.frame.self, latest),
    (stored) => succeed(Option.isSome(stored) && stored.value._tag === "StoredObject" ? stored.value : undefined)
  )

const replicaInTx = (
  kernel: Kernel,
  cell: Cell,
  tx: Transaction,
  machine: MachineId
): Step<Replica, Introspect.StateError> =>
  andThen(readInTx(kernel, tx, cell.frame.self, "replicas"), (stored): Step<Replica, ContextUnavailable> => {
    const replica = stored === undefined ? Option.none() : tx.replica(cell.frame.self, machine, stored.replicas)
    return Option.isNone(replica) ? gone(cell) : succeed(replica.value)
  })

/** A7: the running object, or the replica it runs on, is no more. */
const gone = (cell: Cell): Step<never, ContextUnavailable> =>
  fail(new ContextUnavailable({ message: `The running object ${cell.frame.self.value} is destroyed: it has no state` }))
