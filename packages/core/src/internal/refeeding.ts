/**
 * Running a program again up to where it was, and on from there.
 *
 * A `Record` is what the instructions of a program have answered, in the order of asking. Run with it, the program gets
 * these answers instead of executing the instructions once more; where the record ends, it goes on for real, and is
 * recorded on. To take another way somewhere, cut the record there: an instruction that was under way (a call whose callee
 * was cut off) is executed again, and its own instructions are fed.
 *
 * What the program does besides its instructions happens again. If it asks something else than what was recorded, it is no
 * deterministic program: that is a defect that names the first instruction by which it differs. Fibers that run side by
 * side ask in no certain order; programs that are run again must ask one thing after the other.
 *
 * Searches stand on this, and the freeze of replicas on the same interception (`internal/recording`). Pinned by
 * `test/core/Refeeding.test.ts`.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Any } from "../Instr.js"
import { Differs } from "./choices.js"
import { directOf, withDirect } from "./direct.js"
import { type Cell, here, type Member } from "./frame.js"
import { type Definition, definitionsOf, execute, format, isSame } from "./instruction.js"
import { causeOf, die, Later, later, type Step, stepOf } from "./sync.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

interface Entry {
  readonly instruction: Any
  /** What it has answered; none while it is under way. */
  answer: { readonly step: Step<unknown, unknown> } | undefined
  /** How many entries there were when it had: its callee's are before. */
  end: number
}

export class Record {
  private readonly entries: Array<Entry> = []
  private next = 0

  get length(): number {
    return this.entries.length
  }

  /** The instructions, for people. */
  get instructions(): ReadonlyArray<string> {
    return this.entries.map(({ instruction }) => format(instruction))
  }

  /** For another run from the start, which is fed what is left of the record. */
  rewind(): void {
    this.next = 0
  }

  /** Forgets the entries from this one on, and the answers of the instructions that they belong to. */
  cut(length: number): void {
    this.entries.length = length
    for (const entry of this.entries) if (entry.end > length) entry.answer = undefined
    this.rewind()
  }

  /** The same, and that instruction has answered something else. */
  revise(at: number, answer: unknown): void {
    const { instruction } = this.entries[at]
    // The calls that it belongs to go on from there.
    this.cut(at)
    this.entries.push({ instruction, answer: { step: answer }, end: at + 1 })
  }

  /** What comes next by the record, for a run that has ended. */
  get expected(): string | undefined {
    const entry = this.entries[this.next]
    return entry === undefined ? undefined : format(entry.instruction)
  }

  /** The answer of the record, or that of the instruction. */
  ask(instruction: Any, run: () => Step<unknown, unknown>): Step<unknown, unknown> {
    let entry = this.entries[this.next]
    if (entry === undefined) this.entries.push(entry = { instruction, answer: undefined, end: Infinity })
    else if (!isAsked(entry.instruction, instruction)) {
      return die(new Differs({ found: format(instruction), expected: format(entry.instruction) }))
    }
    this.next++
    if (entry.answer !== undefined) {
      this.next = entry.end
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
const isAsked = (self: Any, that: Any): boolean => isSame(self, that) || format(self) === format(that)

// ---------------------------------------------------------------------------
// running
// ---------------------------------------------------------------------------

/** A context in which every instruction, the callees' too, goes by the record. */
export const feeding = <R>(context: Context.Context<R>, record: Record): Context.Context<R> =>
  interceptingSteps(context, (_, instruction, run) => record.ask(instruction, run))

/** Puts `around` between every instruction and the family service that the context has for it. */
export const interceptingSteps = <R>(
  context: Context.Context<R>,
  around: (cell: Cell, instruction: Any, run: () => Step<unknown, unknown>) => Step<unknown, unknown>
): Context.Context<R> => {
  const services = new Map(context.unsafeMap)
  for (const [key, definitions] of definitionsOf()) {
    const original = services.get(key)
    if (original === undefined || original === null) continue
    services.set(key, serviceAround(definitions, original as object, around))
  }
  return Context.unsafeMake(services)
}

const serviceAround = (
  definitions: ReadonlyArray<Definition>,
  original: object,
  around: (cell: Cell, instruction: Any, run: () => Step<unknown, unknown>) => Step<unknown, unknown>
): object => {
  const direct = directOf<Readonly<{ [member: string]: Member }>>(original)
  const members: { [member: string]: Member } = {}
  const service: { [member: string]: unknown } = {}
  for (const definition of definitions) {
    const { make, member, params } = definition
    const inner = direct?.[member]
    const run: Member = (cell, ...values) => {
      const args: { [param: string]: unknown } = {}
      params.forEach((param, at) => {
        if (values[at] !== undefined) args[param] = values[at]
      })
      const instruction = make(args)
      return around(
        cell,
        instruction,
        () => inner === undefined ? stepOf(execute(original, instruction)) : inner(cell, ...values)
      )
    }
    members[member] = run
    service[member] = params.length === 0
      ? here(run)
      : (...values: ReadonlyArray<unknown>) => here((cell) => run(cell, ...values))
  }
  return withDirect(service, members)
}
