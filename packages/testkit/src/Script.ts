/**
 * Programs and behaviours written once, to be run by the model and by the machine alike.
 *
 * A script is a generator that yields instruction *values* and is resumed with their answers. Whoever drives it gives
 * them their meaning: the model its rules (`Model.run`), `toEffect` the family services. An instruction that fails ends
 * the script, unless it was yielded as an attempt. Pinned by `test/conformance/Vectors.test.ts`.
 *
 * @since 0.1.0
 */
import { AvmError, type InstructionSet, Introspect, type Tx, type Val } from "@effect-avm/core"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * The instructions of scripts: those that stand anywhere and wait for nothing. What only brackets have is not among them.
 *
 * @since 0.1.0
 * @category models
 */
export type Instruction = Extract<
  InstructionSet.AnyInstr,
  {
    readonly _tag:
      | `Obj.${"create" | "destroy" | "call" | "receive" | "send" | "sendOnly" | "forward"}`
      | `Tx.${"begin" | "commit" | "abort"}`
      | `${"Introspect" | "Reflect" | "Reify" | "Pure" | "Machine" | "Controller" | "FD" | "Nondet"}.${string}`
  }
>

/**
 * Executes the instruction and answers an `Either`, so that the script goes on after a failure.
 *
 * @since 0.1.0
 * @category models
 */
export interface Attempt {
  readonly _tag: "Script.attempt"
  readonly instruction: Instruction
}

/**
 * Refuses the message, as `Behaviour.reject` does (D7).
 *
 * @since 0.1.0
 * @category models
 */
export interface Reject {
  readonly _tag: "Script.reject"
}

/**
 * No instruction, but something that happens to the platform while the program runs: a machine or a controller is cut
 * off, or comes back.
 *
 * @since 0.1.0
 * @category models
 */
export interface Toggle {
  readonly _tag: "Script.toggle"
  readonly what: "machine" | "controller"
  readonly name: string
}

/**
 * @since 0.1.0
 * @category models
 */
export type Request = Instruction | Attempt | Reject | Toggle

/**
 * @since 0.1.0
 * @category models
 */
export type Script = () => Generator<Request, ReadonlyArray<Val.Val>, unknown>

/**
 * What a script may need of a machine: everything.
 *
 * @since 0.1.0
 * @category models
 */
export type Requirements = InstructionSet.Instruction | Tx.OutsideTx

/**
 * What an instruction answers.
 *
 * @since 0.1.0
 * @category models
 */
export type Answer<I extends Instruction> = Effect.Effect.Success<I>

// ---------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------

/**
 * Yields one instruction and gives its answer its type: `const id = yield* ask(Obj.create("counter"))`.
 *
 * @since 0.1.0
 * @category constructors
 */
export function* ask<I extends Instruction>(
  instruction: I
): Generator<I, Answer<I>, unknown> {
  // Whoever drives a script resumes it with the answer of the very instruction it yielded.
  return (yield instruction) as Answer<I>
}

/**
 * The same, going on after a failure.
 *
 * @since 0.1.0
 * @category constructors
 */
export function* attempt<I extends Instruction>(
  instruction: I
): Generator<Attempt, Either.Either<Answer<I>, AvmError.AvmError>, unknown> {
  // As above; an attempt is answered by an `Either`.
  return (yield { _tag: "Script.attempt", instruction }) as Either.Either<Answer<I>, AvmError.AvmError>
}

/**
 * @since 0.1.0
 * @category constructors
 */
export function* reject(): Generator<Reject, never, unknown> {
  yield { _tag: "Script.reject" }
  throw new Error("a refusal was answered")
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const toggle = (what: Toggle["what"], name: string): Toggle => ({ _tag: "Script.toggle", what, name })

// ---------------------------------------------------------------------------
// conversions
// ---------------------------------------------------------------------------

/**
 * The script as a program of the real machine. `onToggle` says what a toggle does to the platform; without it, a script
 * that toggles is a defect.
 *
 * @since 0.1.0
 * @category conversions
 */
export const toEffect = (
  script: Script,
  onToggle: (toggle: Toggle) => Effect.Effect<void> = () => Effect.dieMessage("Script.toEffect: nothing to toggle")
): Effect.Effect<ReadonlyArray<Val.Val>, AvmError.AvmError, Requirements> =>
  Effect.gen(function*() {
    const generator = script()
    let next = generator.next()
    while (next.done !== true) {
      next = generator.next(yield* perform(next.value, onToggle))
    }
    return next.value
  })

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const perform = (
  request: Request,
  onToggle: (toggle: Toggle) => Effect.Effect<void>
): Effect.Effect<unknown, AvmError.AvmError, Requirements> => {
  switch (request._tag) {
    case "Script.attempt": {
      const instruction: Effect.Effect<unknown, AvmError.AvmError, Requirements> = request.instruction
      return Effect.either(instruction)
    }
    case "Script.reject":
      return refuse
    case "Script.toggle":
      return onToggle(request)
    default:
      return request
  }
}

const refuse = Effect.flatMap(
  Introspect.self,
  (id) => Effect.flatMap(Introspect.input, (input) => Effect.fail(new AvmError.ObjectRejectedCall({ id, input })))
)
