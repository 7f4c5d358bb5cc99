/**
 * The Nondet family: choices made at commit, such that every requirement holds (D29).
 *
 * In a bracket (`Tx.transact`) the choices are the best ones under which all requirements hold, and what the body did is as
 * if they had been made from the start. A body is run with what is best of each choice; where a requirement fails then, it
 * is run again with other choices, until all hold or it is known that they cannot: then the bracket fails with
 * `Unsatisfiable`, which names some that cannot hold together.
 *
 * Best is what loses least. With weights an option loses what it has less than the largest one; without, its place in the
 * list. The losses of all choices are added; of equally good ones, the options that come first, the first choice first.
 *
 * A requirement may be a boolean, which is known where it is required, or a constraint over choices and FD variables, which
 * a solver sees through. The more is said as constraints, the less often the body is run: it is run again for a boolean
 * only with other values of those choices that it had looked at. `choose` looks at once, `choice` when its `value` is read.
 *
 * Which choices are the best may take long to find out: `Tx.Limits` end that. `Tx.retry` under choices that break a
 * requirement chooses otherwise; under others it waits, even where worse ones would go on.
 *
 * A raw `Tx.commit` checks the requirements under the first options. Outside transactions the first option is chosen, and
 * what is required must hold at once (A23).
 *
 * Hazard: the body of a bracket must depend on nothing but its instructions and its choices, as everything that is run
 * again. Pinned by `test/core/Nondet.test.ts` and `test/core/AsIfChosen.test.ts`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { InvalidConstraint, InvalidVal, NoChoices, UnknownVariable, Unsatisfiable } from "./AvmError.js"
import { Constraint, isTerm, type Term, Term as TermSchema, type TermData, termData, TermOf } from "./Constraint.js"
import type { Instr } from "./Instr.js"
import { define, erase } from "./internal/instruction.js"
import { opaque } from "./internal/schema.js"
import { Val, ValFromJson } from "./Val.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category models
 */
export interface Preferences {
  /** One weight per option, larger is better, to six decimal places; without, earlier is better. */
  readonly weights?: ReadonlyArray<number>
}

/**
 * A recorded choice: a term for requirements, and the value it has in this run.
 *
 * @since 0.1.0
 * @category models
 */
export interface Choice<out A> extends Term<A> {
  readonly value: A
}

// ---------------------------------------------------------------------------
// errors
// ---------------------------------------------------------------------------

/**
 * `InvalidConstraint`: weights that are negative, no numbers, or not one for each option.
 *
 * @since 0.1.0
 * @category errors
 */
export type ChooseError = NoChoices | InvalidVal | InvalidConstraint

/**
 * `UnknownVariable`: a variable, or a choice, that is not of this transaction or program.
 *
 * @since 0.1.0
 * @category errors
 */
export type RequireError = Unsatisfiable | UnknownVariable | InvalidConstraint

// ---------------------------------------------------------------------------
// service
// ---------------------------------------------------------------------------

/**
 * `choose` answers the choice itself where `term` is true, else its value.
 *
 * @since 0.1.0
 * @category services
 */
export interface Service {
  readonly choose: (
    options: ReadonlyArray<Val>,
    weights: ReadonlyArray<number> | undefined,
    term: boolean | undefined
  ) => Effect.Effect<Val | Choice<Val>, ChooseError>
  readonly require: (condition: boolean | Constraint, name: string | undefined) => Effect.Effect<void, RequireError>
}

/**
 * @since 0.1.0
 * @category services
 */
export class Nondet extends Context.Tag("@effect-avm/core/Nondet")<Nondet, Service>() {}

// ---------------------------------------------------------------------------
// instructions
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category instructions
 */
export interface Choose<A>
  extends Instr<"Nondet.choose", { readonly options: ReadonlyArray<A> } & Preferences, A, ChooseError, Nondet>
{}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface ChooseTerm<A> extends
  Instr<
    "Nondet.choose",
    { readonly options: ReadonlyArray<A>; readonly term: true } & Preferences,
    Choice<A>,
    ChooseError,
    Nondet
  >
{}

/**
 * @since 0.1.0
 * @category instructions
 */
export interface Require extends
  Instr<
    "Nondet.require",
    { readonly condition: boolean | Constraint; readonly name?: string },
    void,
    RequireError,
    Nondet
  >
{}

/**
 * A choice with this value, in the run that has made it.
 *
 * @internal
 */
export class ChoiceOf<out A> extends TermOf<A> implements Choice<A> {
  readonly #look: () => A
  constructor(data: TermData, look: () => A) {
    super(data)
    this.#look = look
  }
  get value(): A {
    return this.#look()
  }
}

const family = erase(Nondet)

const Answer: Schema.Schema<Val | ChoiceOf<Val>, unknown> = opaque(Schema.Union(
  Schema.transform(
    Schema.TaggedStruct("Choice", { term: TermSchema, value: ValFromJson }),
    Schema.declare((u): u is ChoiceOf<Val> => u instanceof ChoiceOf, { identifier: "Choice" }),
    {
      strict: true,
      decode: ({ term, value }) => new ChoiceOf<Val>(termData(term), () => value),
      encode: (choice) => ({ _tag: "Choice" as const, term: choice, value: choice.value })
    }
  ),
  Schema.transform(
    Schema.TaggedStruct("Value", { value: ValFromJson }),
    Val,
    { strict: true, decode: ({ value }) => value, encode: (value) => ({ _tag: "Value" as const, value }) }
  )
))

interface AnyChoose extends
  Instr<
    "Nondet.choose",
    { readonly options: ReadonlyArray<Val>; readonly weights?: ReadonlyArray<number>; readonly term?: true },
    Val | Choice<Val>,
    ChooseError,
    Nondet
  >
{}

const make = {
  choose: define<AnyChoose>("Nondet.choose", {
    family,
    params: ["options", "weights", "term"],
    perform: (member, cell, { options, term, weights }) => member(cell, options, weights, term),
    args: Schema.Struct({
      options: Schema.Array(ValFromJson),
      weights: Schema.optionalWith(Schema.Array(Schema.Number), { exact: true }),
      term: Schema.optionalWith(Schema.Literal(true), { exact: true })
    }),
    answer: Answer
  }),
  require: define<Require>("Nondet.require", {
    family,
    params: ["condition", "name"],
    perform: (member, cell, { condition, name }) => member(cell, condition, name),
    args: Schema.Struct({
      condition: Schema.Union(Schema.Boolean, Constraint),
      name: Schema.optionalWith(Schema.String, { exact: true })
    }),
    answer: Schema.Void
  })
}

/**
 * The value alone, as in the specification.
 *
 * @since 0.1.0
 * @category instructions
 */
export const choose = <const A extends Val>(options: ReadonlyArray<A>, preferences?: Preferences): Choose<A> =>
  // Without `term` the answer is one of the options.
  make.choose({ options, ...preferences }) as unknown as Choose<A>

/**
 * The same instruction, keeping the choice as a term: a requirement on it is seen through by the solver.
 *
 * @since 0.1.0
 * @category instructions
 */
export const choice = <A extends Val>(options: ReadonlyArray<A>, preferences?: Preferences): ChooseTerm<A> =>
  // With `term` the answer is a choice of one of the options.
  make.choose({ options, ...preferences, term: true }) as unknown as ChooseTerm<A>

/**
 * What has to hold when the transaction commits. The name is for `Unsatisfiable`.
 *
 * @since 0.1.0
 * @category instructions
 */
export const require = (condition: boolean | Constraint, name?: string): Require =>
  make.require(name === undefined ? { condition } : { condition, name })

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

/**
 * @internal
 */
export const isChoice = (u: unknown): u is Choice<Val> => isTerm(u) && u instanceof ChoiceOf

/**
 * @internal
 */
export const definitions = Object.values(make).map((_) => _.definition)
