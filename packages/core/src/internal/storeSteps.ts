/**
 * A store as the kernel asks it: in steps, which are at hand wherever the store can answer at once.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as STM from "effect/STM"
import type { StoreError } from "../AvmError.js"
import type { ObjectId } from "../ObjectId.js"
import type * as Store from "../ObjectStore.js"
import type { Val } from "../Val.js"
import { directOf } from "./direct.js"
import { andThen, die, type Listener, Notified, type Step, stepOf } from "./sync.js"

/** What the kernel asks of a store again and again; over memory, the answer is there at once. */
export interface DirectStore {
  readonly snapshot: () => Step<Store.Snapshot, StoreError>
  readonly release: (snapshot: Store.Snapshot) => Step<void, StoreError>
  readonly read: (id: ObjectId, snapshot: Store.Snapshot) => Step<Store.Stored | undefined, StoreError>
  readonly commit: (changes: Store.ChangeSet, enlisted?: STM.STM<unknown>) => Step<Store.Outcome, StoreError>
  /** Commits, and releases the snapshot of the changes if they were applied: nobody will read at it any more. */
  readonly commitLast: (changes: Store.ChangeSet, by: Store.Committing) => Step<Store.Outcome, StoreError>
  readonly create: (creation: Store.Creation) => Step<void, StoreError>
  /** False if the object is not there. */
  readonly setState: (id: ObjectId, state: Val) => Step<boolean, StoreError>
  readonly accept: (
    id: ObjectId,
    input: Val,
    sender: Option.Option<ObjectId>,
    answers: ReadonlyArray<Store.Answer>
  ) => Step<void, StoreError>
}

/** The short way into a store, as far as it has one; else the ordinary one. */
export const direct = (store: Store.Service, noChanges: Store.ChangeSet): DirectStore => ({
  snapshot: () => stepOf(store.snapshot),
  release: (snapshot) => stepOf(store.release(snapshot)),
  read: (id, snapshot) => stepOf(Effect.map(store.read(id, snapshot), Option.getOrUndefined)),
  commit: (changes, enlisted) => stepOf(store.commit(changes, enlisted)),
  commitLast: (changes) =>
    stepOf(Effect.flatMap(
      store.commit(changes),
      (outcome): Effect.Effect<Store.Outcome, StoreError> =>
        outcome._tag === "Committed" ? Effect.as(store.release(changes.snapshot), outcome) : Exit.succeed(outcome)
    )),
  create: (creation) => stepOf(Effect.asVoid(store.commit({ ...noChanges, creates: [creation] }))),
  setState: (id, state) => {
    const reads = new Map([[id.value, { id, exists: true }]])
    return stepOf(Effect.map(
      store.commit({ ...noChanges, reads, states: [[id, state]] }),
      (outcome) => outcome._tag === "Committed"
    ))
  },
  accept: (id, input, sender, answers) =>
    stepOf(Effect.asVoid(store.commit({ ...noChanges, inputs: [[id, { input, sender, answers }]] }))),
  ...directOf<Partial<DirectStore>>(store)
})

/** How a commit came out, as a store tells it. */
class Told extends Notified<Store.Outcome, StoreError> {
  constructor(
    private readonly commit: NonNullable<Store.Direct["commit"]>,
    private readonly changes: Store.ChangeSet,
    private readonly by: Store.Committing
  ) {
    super()
  }
  listen(to: Listener<Store.Outcome, StoreError>): void {
    let isTold = false
    try {
      this.commit(this.changes, this.by, (exit) => {
        isTold = true
        to.tell(stepOf(exit))
      })
    } catch (defect) {
      if (isTold) throw defect
      to.tell(die(defect))
    }
  }
}

/** The short way of a store in another package, which answers effects. */
export const steps = (
  store: Store.Service,
  { commit, read, release, snapshot }: Store.Direct
): Partial<DirectStore> => ({
  snapshot: () => stepOf(snapshot()),
  release: (snapshot) => stepOf(release(snapshot)),
  read: (id, snapshot) => andThen(stepOf(read(id, snapshot)), Option.getOrUndefined),
  commitLast: (changes, by) =>
    andThen(
      commit === undefined
        ? stepOf(store.commit(changes))
        : new Told(commit, changes, by),
      (outcome) =>
        outcome._tag === "Committed"
          ? andThen(stepOf(release(changes.snapshot)), () => outcome)
          : outcome
    )
})
