/**
 * Recording what instructions answer, and running the same program again on that.
 *
 * A program learns from outside itself through the answers of its instructions alone (D30), so a list of them is its
 * execution: run again, and given these answers instead of executing its instructions once more, it stands where it stood.
 * A `Record` is that list, in the order of asking. Where it ends, the program goes on for real, and is recorded on. To take
 * another way somewhere, cut the record there: an instruction that was under way (a call whose callee was cut off) is
 * executed again, and its own instructions are fed.
 *
 * What is no part of the record, and what becomes of a program that asks for more than there is, says a `Policy`. A record
 * can be kept as data: see `internal/answers`.
 *
 * What the program does besides its instructions happens again; services of the application are outside of it. If it asks
 * something else than what was recorded, that is a defect that names the first instruction by which it differs. Fibers that
 * run side by side ask in no certain order; programs that are run again must ask one thing after the other.
 *
 * Searches stand on this, the freeze of replicas, and replaying histories. Pinned by `test/core/Refeeding.test.ts`.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Any } from "../Instr.js"
import { Differs, itsEnd } from "./differs.js"
import { costOf } from "./eager.js"
import { format, isInstr, isSame } from "./instruction.js"
import { intercepting } from "./intercepting.js"
import { causeOf, die, fail, Later, later, type Step } from "./sync.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/** An instruction of which only the name is known: data has no place for the functions among its arguments. */
export interface Named {
  readonly name: string
}

export interface Entry {
  readonly instruction: Any | Named
  /** What it has answered; none while it is under way. */
  answer: { readonly step: Step<unknown, unknown> } | undefined
  /** How many entries there were when it had: those of its callee are before. */
  end: number
}

export class Record {
  private next = 0

  /** Of a record that is kept as data, the entries; it is fed from its beginning. */
  constructor(readonly entries: Array<Entry> = []) {}

  get length(): number {
    return this.entries.length
  }

  /** How many entries there are before the one that is under way. */
  get settled(): number {
    const { length } = this.entries
    return length > 0 && this.entries[length - 1].answer === undefined ? length - 1 : length
  }

  /** Forgets the entries from this one on: the program has not been there. It is recorded on from here. */
  forget(length: number): void {
    this.entries.length = Math.min(this.entries.length, length)
    this.next = this.entries.length
  }

  refuse(at: number, error: unknown): void {
    const entry = this.entries[at]
    this.forget(at + 1)
    if (entry !== undefined) this.answered(entry, fail(error))
  }

  /**
   * Forgets the entries from this one on, and the answers of the instructions that they belong to. Another run, from the
   * start, is fed what is left.
   */
  cut(length: number): void {
    this.entries.length = length
    for (const entry of this.entries) if (entry.end > length) entry.answer = undefined
    this.next = 0
  }

  /** The same, and that instruction has answered something else. */
  revise(at: number, answer: unknown): void {
    const { instruction } = this.entries[at]
    // The calls that it belongs to go on from there.
    this.cut(at)
    this.entries.push({ instruction, answer: { step: answer }, end: at + 1 })
  }

  /** What is wrong with a run that has ended here, if anything is. */
  get missed(): Differs | undefined {
    const entry = this.entries[this.next]
    return entry === undefined ? undefined : new Differs({ found: itsEnd, expected: textOf(entry.instruction) })
  }

  /** The answer of the record, or that of the instruction. */
  ask(
    instruction: Any,
    run: () => Step<unknown, unknown>,
    fed?: (answer: Step<unknown, unknown>) => void
  ): Step<unknown, unknown> {
    let entry = this.entries[this.next]
    if (entry === undefined) this.entries.push(entry = { instruction, answer: undefined, end: Infinity })
    else if (!isAsked(entry.instruction, instruction)) {
      return die(new Differs({ found: format(instruction), expected: textOf(entry.instruction) }))
    }
    this.next++
    if (entry.answer !== undefined) {
      this.next = entry.end
      fed?.(entry.answer.step)
      return entry.answer.step
    }
    const asked = entry
    asked.end = Infinity
    const step = run()
    if (!(step instanceof Later) || causeOf(step) !== undefined) {
      this.answered(asked, step)
      return step
    }
    return later(
      Effect.onExit(
        step.effect,
        (exit) => Effect.sync(() => this.answered(asked, Exit.isSuccess(exit) ? exit.value : later(exit)))
      )
    )
  }

  private answered(entry: Entry, step: Step<unknown, unknown>): void {
    entry.answer = { step }
    entry.end = this.next
  }
}

/** Functions are told by their place alone. */
const isAsked = (self: Any | Named, that: Any): boolean =>
  isInstr(self) ? isSame(self, that) || format(self) === format(that) : self.name === that._tag

const textOf = (self: Any | Named): string => isInstr(self) ? format(self) : self.name

// ---------------------------------------------------------------------------
// running
// ---------------------------------------------------------------------------

/** Without, all instructions are recorded, those of callees as well, and all are executed by the machine. */
export interface Policy {
  /** Whether an instruction is no part of the record, and executed each time. */
  readonly isReal?: (instruction: Any) => boolean
  /** Executes what is real, in place of the machine. */
  readonly execute?: (instruction: Any) => Step<unknown, unknown>
  /** Answers what the record has no answer for, in place of the machine. */
  readonly beyond?: (instruction: Any) => Step<unknown, unknown>
  /** Is told what the record has answered. */
  readonly fed?: (instruction: Any, answer: Step<unknown, unknown>) => void
}

/** A context in which every instruction goes by the record, as far as the policy says so. */
export const feeding = <R>(context: Context.Context<R>, record: Record, policy: Policy = {}): Context.Context<R> => {
  const { beyond, execute, fed, isReal } = policy
  return intercepting(context, ({ cell, instruction, now }) => {
    cell.execution.allowance.spend(costOf.refeeding)
    if (isReal?.(instruction) === true) return execute === undefined ? now() : execute(instruction)
    return record.ask(
      instruction,
      beyond === undefined ? now : () => beyond(instruction),
      fed === undefined ? undefined : (answer) => fed(instruction, answer)
    )
  })
}
