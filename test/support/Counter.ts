/** A counter: as a behaviour, and as a store is asked to create it. */
import { Behaviour, ControllerId, Introspect, MachineId, ObjectId, ObjectStore } from "@effect-avm/core"
import { Option } from "effect"

export const local = ControllerId.make("local")

/** Adds what it is told to, and answers how much that makes. */
export const Counter = Behaviour.layerRaw("counter", function*() {
  const state = yield* Introspect.getState
  const n = (typeof state === "number" ? state : 0) + Number(yield* Introspect.input)
  yield* Introspect.setState(n)
  return [n]
})

/** A change set that creates one. */
export const creating = (id: string): ObjectStore.ChangeSet => ({
  ...ObjectStore.noChanges,
  creates: [{
    behaviour: "counter",
    metadata: {
      id: ObjectId.make(id),
      machine: MachineId.make("m0"),
      creatingController: Option.some(local),
      currentController: Option.some(local)
    },
    state: 0
  }]
})
