/**
 * Records of activations: kept in histories and at replicas as data, and replayed on the state of an object (A26, A42).
 *
 * Of an activation its own instructions are recorded, but for those on its own state: when it is replayed, only that is
 * real. Nothing is called, created or sent a second time. Pinned by `test/core/Answers.test.ts` and `Replay.test.ts`.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { AvmError, ChoicesUndecided } from "../AvmError.js"
import type { Any } from "../Instr.js"
import { definitions, Serializable } from "../InstructionSet.js"
import type { Answer } from "../ObjectStore.js"
import { fromUnknown, type Val } from "../Val.js"
import { Differs, itsEnd } from "./differs.js"
import { type Definition, definitionOf, format, isInstr } from "./instruction.js"
import { replacing, serviceAround } from "./intercepting.js"
import { type Entry, feeding, type Named, Record } from "./recording.js"
import { causeOf, die, done, fail, Later, type Step } from "./sync.js"

// ---------------------------------------------------------------------------
// recording
// ---------------------------------------------------------------------------

/**
 * A context in which frames that have a record, and look their services up in it, record their instructions. There is one
 * for each context, whatever runs in it: what a callee has from its caller is recorded in the record of whoever asks.
 */
export const recording = (context: Context.Context<never>): Context.Context<never> => {
  const known = contexts.get(context)
  if (known !== undefined) return known
  const made = replacing(context, recorderOf)
  contexts.set(context, made)
  contexts.set(made, made)
  return made
}

const contexts = new WeakMap<Context.Context<never>, Context.Context<never>>()

/** The services that record, by those that they stand around, and by themselves. */
const recorders = new WeakMap<object, object>()

const recorderOf = (service: object, definitions: ReadonlyArray<Definition>, key: string): object => {
  const known = recorders.get(service)
  if (known !== undefined) return known
  const recorder = serviceAround(service, definitions, ({ cell: { frame }, instruction, now }) => {
    const { context, record } = frame
    // Below a search there may be another recorder, that of the frame which searches.
    const isAsked = record instanceof Record && context?.unsafeMap.get(key) === recorder
    return isAsked && !isOwnState(instruction) ? record.ask(instruction, now) : now()
  })
  recorders.set(service, recorder)
  recorders.set(recorder, recorder)
  return recorder
}

const isOwnState = (instruction: Any): boolean =>
  instruction._tag === "Introspect.getState" || instruction._tag === "Introspect.setState"

// ---------------------------------------------------------------------------
// replaying
// ---------------------------------------------------------------------------

/** The state of an activation that is replayed. */
export interface Scratch {
  state: Val
  /** What it was when the program began a transaction that it has not finished (D14). */
  before: Option.Option<Val>
  changed: boolean
}

/** A context in which instructions answer what is recorded, one after the other, and only the state is real. */
export const replaying = (
  context: Context.Context<never>,
  answers: ReadonlyArray<Answer>,
  scratch: Scratch
): Context.Context<never> =>
  feeding(context, fromAnswers(answers), {
    isReal: isOwnState,
    execute: (instruction) => {
      if (instruction._tag === "Introspect.getState") return scratch.state
      const { state } = instruction.args as { readonly state: Val }
      const checked = fromUnknown(state)
      if (Either.isLeft(checked)) return fail(checked.left)
      scratch.state = checked.right
      scratch.changed = true
      return done
    },
    beyond: (instruction) => die(new Differs({ found: format(instruction), expected: itsEnd })),
    fed: (instruction, answer) => follow(scratch, instruction, answer)
  })

/** Transactions are answered, not run; but what was undone at first is undone again. */
const follow = (scratch: Scratch, { _tag }: Any, answer: Step<unknown, unknown>): void => {
  const succeeded = !(answer instanceof Later)
  if (_tag === "Tx.begin" && succeeded) scratch.before = Option.some(scratch.state)
  else if (_tag === "Tx.abort" && succeeded) undo(scratch)
  else if (_tag === "Tx.commit") {
    if (succeeded) scratch.before = Option.none()
    else if (hasEnded(causeOf(answer))) undo(scratch)
  }
}

/** Of the failures of a commit, those after which the transaction is over (D13). */
const hasEnded = (cause: Cause.Cause<unknown> | undefined): boolean =>
  cause !== undefined &&
  Option.exists(Cause.failureOption(cause), (error) =>
    isFailure(error) && (error._tag === "TxConflict" || error._tag === "Unsatisfiable" || error._tag === "StoreError"))

/** Also at the end of the program, for a transaction that it has left open (D15). */
export const undo = (scratch: Scratch): void => {
  scratch.state = Option.getOrElse(scratch.before, () => scratch.state)
  scratch.before = Option.none()
}

// ---------------------------------------------------------------------------
// codecs
// ---------------------------------------------------------------------------

export const toAnswers = (record: Record): ReadonlyArray<Answer> =>
  record.entries.map(({ answer, instruction }) => ({
    instruction: encodeInstruction(instruction),
    answer: answer === undefined ? unrecorded : encodeAnswer(instruction, answer.step)
  }))

/** Nothing is called in a replay: each instruction is followed by the next. */
const fromAnswers = (answers: ReadonlyArray<Answer>): Record =>
  new Record(answers.map((recorded, at): Entry => {
    const instruction = decodeInstruction(recorded.instruction)
    return { instruction, answer: decodeAnswer(instruction, recorded.answer), end: at + 1 }
  }))

/** What an instruction may have failed with, in the bracket that it belongs to as well. */
const Failure = Schema.Union(AvmError, ChoicesUndecided)

const isFailure = Schema.is(Failure)
const encodeError = Schema.encodeSync(Failure)
const decodeError = Schema.decodeUnknownOption(Failure)
const encodeSerializable = Schema.encodeUnknownOption(Serializable)
const decodeSerializable = Schema.decodeUnknownOption(Serializable)

/** An instruction with a function among its arguments is recorded by its name alone. */
const encodeInstruction = (instruction: Any | Named): Val => {
  if (!isInstr(instruction)) return { _tag: instruction.name }
  return Option.getOrElse(
    Option.map(encodeSerializable(instruction), (json) => json as Val), // JSON data is a `Val`
    () => ({ _tag: instruction._tag })
  )
}

const decodeInstruction = (data: Val): Any | Named =>
  Option.getOrElse(decodeSerializable(data), () => ({ name: String((data as { readonly _tag?: Val } | null)?._tag) }))

/** No answer at all: it ended in a defect, or was interrupted. */
const unrecorded: Val = { _tag: "Unrecorded" }

const encodeAnswer = (instruction: Any | Named, step: Step<unknown, unknown>): Val => {
  const answer = step instanceof Later ? undefined : Option.flatMap(
    answerOf(instruction),
    (schema) => Schema.encodeUnknownOption(schema)(step)
  )
  if (answer === undefined) {
    const error = Option.flatMap(Option.fromNullable(causeOf(step)), Cause.failureOption)
    return Option.isSome(error) && isFailure(error.value)
      ? { _tag: "Failure", error: encodeError(error.value) as Val } // JSON data is a `Val`
      : unrecorded
  }
  if (Option.isNone(answer)) return unrecorded
  return answer.value === undefined ? { _tag: "Success" } : { _tag: "Success", value: answer.value as Val } // ditto
}

const decodeAnswer = (instruction: Any | Named, data: Val): Entry["answer"] => {
  const { _tag, error, value } = data as { readonly _tag: string; readonly error?: Val; readonly value?: Val }
  const step: Option.Option<Step<unknown, unknown>> = _tag === "Failure"
    ? Option.map(decodeError(error), (error) => fail(error))
    : _tag === "Success"
    ? Option.flatMap(answerOf(instruction), (schema) => Schema.decodeUnknownOption(schema)(value))
    : Option.none()
  return Option.getOrUndefined(Option.map(step, (step) => ({ step })))
}

const answerOf = (instruction: Any | Named): Option.Option<Schema.Schema<unknown, unknown>> =>
  isInstr(instruction)
    ? definitionOf(instruction).answer
    : Option.flatMap(Option.fromNullable(byName.get(instruction.name)), (definition) => definition.answer)

const byName: ReadonlyMap<string, Definition> = new Map(definitions.map((definition) => [definition.tag, definition]))
