/**
 * The history of an object, replayed from its initial state (A42). Pinned by `test/core/Answers.test.ts`.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { BehaviourNotFound, type FreezeFailed, ObjectNotFound, type StoreError } from "../AvmError.js"
import type { ObjectId } from "../ObjectId.js"
import { latest } from "../ObjectStore.js"
import type { Val } from "../Val.js"
import type { Scratch } from "./answers.js"
import { replayOne } from "./freeze.js"
import type { Kernel } from "./kernel.js"

export const replay = (
  kernel: Kernel,
  id: ObjectId
): Effect.Effect<Val, BehaviourNotFound | FreezeFailed | ObjectNotFound | StoreError> =>
  Effect.gen(function*() {
    const stored = Option.getOrUndefined(yield* kernel.store.read(id, latest))
    if (stored?._tag !== "StoredObject") return yield* Effect.fail(new ObjectNotFound({ id }))
    const registration = Option.getOrUndefined(kernel.registry.lookup(stored.behaviour))
    if (registration === undefined) return yield* Effect.fail(new BehaviourNotFound({ name: stored.behaviour }))
    const scratch: Scratch = { state: registration.initial, changed: false, before: Option.none() }
    for (const accepted of yield* kernel.store.history(id)) {
      yield* replayOne(kernel, id, registration, accepted, scratch)
    }
    return scratch.state
  })
