/**
 * How an attempt of a bracket that has to wait says so: as a defect, which the body does not meet where it handles its
 * errors. The bracket aborts the attempt, waits, and runs the body once more on a fresh snapshot.
 */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as STM from "effect/STM"
import type { StoreError } from "../AvmError.js"
import type { TxId } from "../TxId.js"

/** `until` completes when running the body again may come out differently. */
export class Waiting {
  readonly message = "Tx.retry was kept from the bracket it belongs to"
  constructor(readonly tx: TxId, readonly until: Effect.Effect<void, StoreError>) {}
}

/** The failure of an enlisted STM, on its way from the commit to the bracket. */
export class EnlistedFailed extends Data.TaggedError("@effect-avm/core/EnlistedFailed")<{ readonly error: unknown }> {}

/** What the attempt with this transaction waits for, if it does. */
export const waitingOf = <E>(cause: Cause.Cause<E>, tx: TxId): Option.Option<Waiting> =>
  Cause.find(
    cause,
    (part) =>
      part._tag === "Die" && part.defect instanceof Waiting && part.defect.tx === tx
        ? Option.some(part.defect)
        : Option.none()
  )

/**
 * Waits until an STM would not retry, without doing what it does.
 *
 * The first run always ends in a retry, so that `orElse` undoes its writes (`orTry` would keep them), and tells whether
 * the STM went through. If not, the second one retries for real, which suspends on the very references that it read.
 */
export const untilItGoes = (stm: STM.STM<unknown, unknown>): Effect.Effect<void> =>
  STM.commit(STM.suspend(() => {
    let goes = false
    const mark = STM.sync(() => {
      goes = true
    })
    const attempt = STM.matchSTM(stm, { onFailure: () => mark, onSuccess: () => mark })
    return STM.orElse(STM.zipRight(attempt, STM.retry), () => goes ? STM.void : attempt)
  }))
