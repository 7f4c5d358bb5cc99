/**
 * Recording what instructions answered, and feeding it to the same program again.
 *
 * A program learns from outside itself through the answers of its instructions alone (D30). So a list of answers is its
 * execution: run again with the same answers, it stands where it stood. The freeze of replicas stands on this (A26);
 * services of the application are outside it.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { AvmError, isAvmError } from "../AvmError.js"
import type { Any } from "../Instr.js"
import { definitions, familiesWithUnsafe, Serializable } from "../InstructionSet.js"
import type { Answer } from "../ObjectStore.js"
import { equals, fromUnknown, type Val } from "../Val.js"
import { type Frame, here } from "./frame.js"
import { definitionOf, execute, handler } from "./instruction.js"
import { later } from "./sync.js"

/** What a program did on its second run that it had not done on its first. */
export class Differs extends Data.TaggedError("Differs")<{
  readonly instruction: string
  readonly expected: Option.Option<string>
}> {}

/** The state of a program that is run again: the only thing that its instructions execute. */
export interface Scratch {
  state: Val
  /** What it was when the program began a transaction that it has not finished (D14). */
  before: Option.Option<Val>
  changed: boolean
}

/** A context in which the instructions of `frame`, but for its own state, are recorded with their answers. */
export const record = (
  context: Context.Context<never>,
  frame: Frame,
  answers: Array<Answer>
): Context.Context<never> =>
  intercepting(context, (instruction, original) =>
    here((cell) => {
      if (cell.frame !== frame || isOwnState(instruction)) return later(original)
      // In the order of asking, which is the order in which a replay asks.
      const at = answers.push({ instruction: encodeInstruction(instruction), answer: unrecorded }) - 1
      return later(Effect.onExit(original, (exit) =>
        Effect.sync(() => {
          answers[at] = encode(instruction, exit)
        })))
    }))

/** A context in which instructions answer what is in the record, one after the other, and only the state is real. */
export const replay = (
  context: Context.Context<never>,
  answers: ReadonlyArray<Answer>,
  scratch: Scratch
): Context.Context<never> => {
  let next = 0
  return intercepting(context, (instruction) => {
    if (instruction._tag === "Introspect.getState") return Effect.sync(() => scratch.state)
    if (instruction._tag === "Introspect.setState") {
      const { state } = instruction.args as { readonly state: Val }
      return Effect.map(fromUnknown(state), (state) => {
        scratch.state = state
        scratch.changed = true
      })
    }
    const answer = answers[next++]
    const asked = encodeInstruction(instruction)
    if (answer !== undefined) follow(scratch, instruction, answer.answer)
    return answer !== undefined && equals(answer.instruction, asked)
      ? decode(instruction, answer.answer)
      : Effect.die(
        new Differs({
          instruction: instruction._tag,
          expected: Option.map(Option.fromNullable(answer), (_) => tagOf(_.instruction))
        })
      )
  })
}

/** Transactions are answered, not run; but what was undone at first is undone again. */
const follow = (scratch: Scratch, { _tag }: Any, answer: Val): void => {
  const ended = (answer as { readonly _tag?: Val })._tag
  if (_tag === "Tx.begin" && ended === "Success") scratch.before = Option.some(scratch.state)
  else if (_tag === "Tx.abort" && ended === "Success") undo(scratch)
  else if (_tag === "Tx.commit") {
    if (ended === "Success") scratch.before = Option.none()
    else if (tagOf((answer as { readonly error?: Val }).error ?? null) === "TxConflict") undo(scratch)
  }
}

/** Also at the end of the program, for a transaction that it has left open (D15). */
export const undo = (scratch: Scratch): void => {
  scratch.state = Option.getOrElse(scratch.before, () => scratch.state)
  scratch.before = Option.none()
}

// ---------------------------------------------------------------------------
// interception
// ---------------------------------------------------------------------------

/** Puts `around` between every instruction and the family service that the context has for it. */
export const intercepting = (
  context: Context.Context<never>,
  around: (instruction: Any, original: Effect.Effect<unknown, unknown>) => Effect.Effect<unknown, unknown>
): Context.Context<never> => {
  const services = new Map(context.unsafeMap)
  for (const family of familiesWithUnsafe) {
    const original = context.unsafeMap.get(family.key)
    if (original === undefined) continue
    services.set(
      family.key,
      handler(
        definitions.filter((_) => _.family.key === family.key),
        (instruction) => around(instruction, execute(original, instruction))
      )
    )
  }
  return Context.unsafeMake(services)
}

const isOwnState = (instruction: Any): boolean =>
  instruction._tag === "Introspect.getState" || instruction._tag === "Introspect.setState"

// ---------------------------------------------------------------------------
// codecs
// ---------------------------------------------------------------------------

const encodeError = Schema.encodeSync(AvmError)
const decodeError = Schema.decodeUnknownSync(AvmError)
const encodeSerializable = Schema.encodeUnknownOption(Serializable)

/** An instruction with a function among its arguments is recorded by its name alone. */
const encodeInstruction = (instruction: Any): Val =>
  Option.getOrElse(
    Option.map(encodeSerializable(instruction), (json) => json as Val), // JSON data is a `Val`
    () => ({ _tag: instruction._tag })
  )

const tagOf = (data: Val): string => String((data as { readonly _tag?: Val } | null)?._tag)

const encode = (instruction: Any, exit: Exit.Exit<unknown, unknown>): Answer => ({
  instruction: encodeInstruction(instruction),
  answer: Exit.match(exit, {
    onSuccess: (value) =>
      Option.match(definitionOf(instruction).answer, {
        onNone: () => unrecorded,
        onSome: (schema) => success(Schema.encodeSync(schema)(value))
      }),
    onFailure: (cause) =>
      Option.match(Option.filter(Cause.failureOption(cause), isAvmError), {
        onNone: () => unrecorded,
        onSome: (error): Val => ({ _tag: "Failure", error: encodeError(error) as Val }) // JSON data is a `Val`
      })
  })
})

const success = (json: unknown): Val =>
  json === undefined ? { _tag: "Success" } : { _tag: "Success", value: json as Val } // ditto

/** No answer at all: it ended in a defect, or was interrupted. */
const unrecorded: Val = { _tag: "Unrecorded" }

const decode = (instruction: Any, answer: Val): Effect.Effect<unknown, unknown> => {
  const { _tag, error, value } = answer as { readonly _tag: string; readonly error?: Val; readonly value?: Val }
  const schema = definitionOf(instruction).answer
  switch (_tag) {
    case "Failure":
      return Exit.fail(decodeError(error))
    case "Success":
      if (Option.isSome(schema)) return Exit.succeed(Schema.decodeUnknownSync(schema.value)(value))
  }
  return Effect.die(new Differs({ instruction: instruction._tag, expected: Option.none() }))
}
