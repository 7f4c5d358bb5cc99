/**
 * The Introspect family: the frame, and the state of the running object.
 */
import * as Option from "effect/Option"
import { ContextUnavailable, type StoreError } from "../AvmError.js"
import type * as Introspect from "../Introspect.js"
import type { MachineId } from "../MachineId.js"
import { latest, type Replica, type Stored, type StoredObject } from "../ObjectStore.js"
import { InvalidVal, type Val } from "../Val.js"
import type { Cell, Place } from "./frame.js"
import {
  applyNow,
  changing,
  type Implementation,
  isTraced,
  type Kernel,
  permitted,
  reading,
  readInTx,
  trace
} from "./kernel.js"
import { andThen, done, fail, Later, type Step, succeed } from "./sync.js"
import type { Transaction } from "./transaction.js"
import { stateUpdated } from "./trust.js"
import { firstCulprit } from "./valCheck.js"

export const make = (kernel: Kernel): Implementation<Introspect.Service> => ({
  self: (cell) => succeed(cell.frame.self),
  input: (cell) => succeed(cell.frame.input),
  sender: (cell) => succeed(cell.frame.sender),
  currentMachine: (cell) => succeed(cell.machine),
  getState: (cell) => getState(kernel, cell),
  setState: (cell, state) => {
    const culprit = firstCulprit(state)
    if (culprit !== undefined) return fail(new InvalidVal(culprit))
    const refused = changing(cell, "setState")
    return refused === done ? setState(kernel, cell, state) : andThen(refused, () => setState(kernel, cell, state))
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
    return tx !== undefined && Option.isSome(tx.rootState) ? tx.rootState.value : cell.execution.rootState
  }
  if (tx === undefined) {
    const stored = kernel.objects.read(self, latest)
    return stored instanceof Later
      ? andThen(stored, (stored) => stateAt(cell, place, stored))
      : stateAt(cell, place, stored)
  }
  if (place._tag === "Replica") {
    return andThen(replicaInTx(kernel, cell, tx, place.machine), (replica) => succeed(replica.state))
  }
  const { seen } = cell.frame
  if (seen?.stored !== undefined && seen.tx === tx) {
    if (seen.pending !== undefined) return seen.pending
    seen.observe("state")
    return seen.stored.state
  }
  const pending = tx.stateOf(self)
  if (pending !== undefined) return pending
  const creation = tx.creates.get(self.value)
  if (creation !== undefined) return creation.state
  const stored = readInTx(kernel, tx, self, "state")
  return stored instanceof Later
    ? andThen(stored, (stored) => stateAt(cell, place, stored))
    : stateAt(cell, place, stored)
}

const stateAt = (cell: Cell, place: Place, stored: Stored | undefined): Step<Val, ContextUnavailable> => {
  if (stored === undefined || stored._tag === "Tombstone") return gone(cell)
  if (place._tag !== "Replica") return stored.state
  const replica = stored.replicas.get(place.machine)
  return replica === undefined ? gone(cell) : replica.state
}

// ---------------------------------------------------------------------------
// writing
// ---------------------------------------------------------------------------

const setState = (kernel: Kernel, cell: Cell, state: Val): Step<void, Introspect.StateError> => {
  const { place, self } = cell.frame
  const updated = () => isTraced(kernel, cell) ? trace(kernel, cell, () => stateUpdated(self)) : done
  const tx = cell.open
  if (place._tag === "Root") {
    if (tx === undefined) cell.execution.rootState = state
    else tx.rootState = Option.some(state)
    return updated()
  }
  if (tx === undefined) {
    if (place._tag === "Object") {
      // D4: the object must still be there, that is all; whatever state it had is overwritten.
      const there = kernel.privilege.isOpenTo(undefined)
        ? kernel.objects.setState(self, state)
        : permitted(kernel, () => kernel.objects.setState(self, state))
      return there === true ? updated() : andThen(there, (there) => there ? updated() : gone(cell))
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
      tx.setReplica(self, place.machine, Option.some({ ...replica, state }))
      return updated()
    })
  }
  const { seen } = cell.frame
  if (seen?.stored !== undefined && seen.tx === tx) {
    tx.changed = true
    seen.pending = state
    return updated()
  }
  const set = () => {
    tx.setState(self, state)
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
    (stored) => stored?._tag === "StoredObject" ? stored : undefined
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
