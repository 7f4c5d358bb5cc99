/**
 * The FD and the Nondet family: variables and choices, in a transaction and outside of one.
 */
import { EmptyDomain, InvalidConstraint, NoChoices, UnknownVariable, Unsatisfiable } from "../AvmError.js"
import { type Constraint, type ConstraintData, data } from "../Constraint.js"
import * as FD from "../FD.js"
import * as Nondet from "../Nondet.js"
import { fromUnknown, type Val } from "../Val.js"
import { Choices, precision } from "./choices.js"
import { check } from "./deciding.js"
import type { Cell, Execution } from "./frame.js"
import { Interned, isOrdinary } from "./interning.js"
import { mentioned } from "./judging.js"
import { changing, type Implementation, type Kernel } from "./kernel.js"
import { Refused, refuseVariable } from "./lowering.js"
import type { Values } from "./space.js"
import { stackless } from "./stackless.js"
import { andThen, die, done, fail, Later, type Step } from "./sync.js"
import type { Transaction } from "./transaction.js"
import { created, narrowed, Overlay, posted, spendFor, Variables } from "./variables.js"

// ---------------------------------------------------------------------------
// FD
// ---------------------------------------------------------------------------

export const makeFD = (): Implementation<FD.Service> => ({
  newVar: (cell, domain) => refusal(cell, "newVar") ?? newVar(cell, domain),
  narrow: (cell, variable, domain) => refusal(cell, "narrow") ?? narrow(cell, variable, domain),
  post: (cell, constraint) => refusal(cell, "post") ?? post(cell, data(constraint)),
  label: (cell, variable) => refusal(cell, "label") ?? label(cell, variable)
})

/** The failure of an instruction that may not change anything here; it is not among those of its type (A31). */
const refusal = (cell: Cell, name: string): Later<never, never> | undefined => {
  const refused = changing(cell, name)
  // It has no answer, so what is left is a failure.
  return refused instanceof Later ? refused as Later<never, never> : undefined
}

const newVar = (cell: Cell, { data }: FD.Domain<Val>): Step<FD.Var<Val>, FD.NewVarError> => {
  const wrong = checked(data)
  if (wrong !== undefined) return wrong
  const at = placeOf(cell)
  const id = at.freshId()
  if (!at.space.newVar(id, data)) return fail(new EmptyDomain({ var: id }, true))
  at.changed(created, id, data)
  return FD.variable(id)
}

const narrow = (cell: Cell, id: string, { data }: FD.Domain<Val>): Step<boolean, FD.NarrowError> => {
  const wrong = checked(data)
  if (wrong !== undefined) return wrong
  const at = placeOf(cell)
  const { space } = at
  const known = space.lookup(id)
  if (known === undefined) return fail(new UnknownVariable({ var: id }, true))
  const isPossible = space.narrow(known, data)
  spendFor(cell, space)
  if (isPossible) at.changed(narrowed, id, data)
  return isPossible
}

const post = (cell: Cell, data: ConstraintData): Step<boolean, FD.PostError> => {
  const at = placeOf(cell)
  const { space } = at
  try {
    const isPossible = space.post(data)
    spendFor(cell, space)
    if (isPossible) at.changed(posted, data, undefined)
    return isPossible
  } catch (error) {
    return error instanceof Refused ? fail(error.error) : die(error)
  }
}

const label = (cell: Cell, id: string): Step<Val, FD.LabelError> => {
  const tx = cell.open
  const at = placeOf(cell, tx)
  const { space } = at
  const known = space.lookup(id)
  if (known === undefined) return fail(new UnknownVariable({ var: id }, true))
  const search = tx?.search?.label
  const code = search === undefined || !(at instanceof Overlay) ? at.label(known) : search(at, id)
  spendFor(cell, space)
  if (code !== undefined) return space.value(code)
  const empty = () => new EmptyDomain({ var: id }, true)
  // In a transaction it is a dead end, of which a search has many.
  return fail(tx === undefined ? empty() : stackless(empty))
}

/** Where variables are, and who has to know of changes. */
const placeOf = (cell: Cell, tx = cell.open): Variables | Overlay =>
  tx === undefined ? variablesOf(cell.execution) : overlayOf(cell, tx)

const variablesOf = (execution: Execution): Variables => execution.variables ??= new Variables(execution.id)

const overlayOf = (cell: Cell, tx: Transaction): Overlay =>
  tx.variables ??= new Overlay(variablesOf(cell.execution), tx.owner)

const checked = (values: Values): Later<never, FD.NewVarError & FD.NarrowError> | undefined => {
  if (values._tag === "Range") {
    const { from, to } = values
    return from > to || (isOrdinary(from) && isOrdinary(to)) ? undefined : invalid(`a range from ${from} to ${to}`)
  }
  const found = fromUnknown(values.values)
  // A failure is a `Later`.
  return found._tag === "Right" ? undefined : fail(found.left) as Later<never, typeof found.left>
}

const invalid = (message: string): Later<never, InvalidConstraint> =>
  // A failure is a `Later`.
  fail(new InvalidConstraint({ message })) as Later<never, InvalidConstraint>

// ---------------------------------------------------------------------------
// Nondet
// ---------------------------------------------------------------------------

export const makeNondet = (kernel: Kernel): Implementation<Nondet.Service> => ({
  choose: (cell, options, weights, term) => choose(kernel, cell, options, weights, term === true),
  require: (cell, condition, name) => require(kernel, cell, condition, name)
})

const choose = (
  kernel: Kernel,
  cell: Cell,
  options: ReadonlyArray<Val>,
  weights: ReadonlyArray<number> | undefined,
  term: boolean
): Step<Val | Nondet.Choice<Val>, Nondet.ChooseError> => {
  if (options.length === 0) return fail(new NoChoices())
  const wrong = fromUnknown(options)
  if (wrong._tag === "Left") return fail(wrong.left)
  const losses = lossesOf(options.length, weights)
  if (typeof losses === "string") return invalid(losses)
  const tx = cell.open
  if (tx === undefined) {
    const [value] = options
    return term ? new Nondet.ChoiceOf<Val>({ _tag: "Value", value }, () => value) : value
  }
  const choices = choicesOf(kernel, tx)
  try {
    tx.search?.choosing?.()
    const place = choices.choose(options, losses)
    return term
      ? new Nondet.ChoiceOf<Val>({ _tag: "Choice", id: choices.id(place) }, () => choices.look(place))
      : choices.look(place)
  } catch (error) {
    return die(error)
  }
}

/** What each option is worth less than the best one. */
const lossesOf = (options: number, weights: ReadonlyArray<number> | undefined): ReadonlyArray<number> | string => {
  if (weights === undefined) return Array.from({ length: options }, (_, place) => place * precision)
  if (weights.length !== options) return `${weights.length} weights for ${options} options`
  const wrong = weights.findIndex((weight) => !(weight >= 0 && weight <= 1_000_000))
  if (wrong !== -1) return `the weight ${weights[wrong]} of option ${wrong} is not from 0 to 1000000`
  const best = Math.max(...weights)
  return weights.map((weight) => Math.round((best - weight) * precision))
}

const require = (
  kernel: Kernel,
  cell: Cell,
  condition: boolean | Constraint,
  name: string | undefined
): Step<void, Nondet.RequireError> => {
  const tx = cell.open
  if (tx === undefined) {
    const isPosted = typeof condition === "boolean" ? condition : postOutside(cell, data(condition))
    return andThen(
      isPosted,
      (isPosted) => isPosted ? done : fail(new Unsatisfiable({ requirements: [name ?? "requirement 1"] }))
    )
  }
  const choices = choicesOf(kernel, tx)
  try {
    if (typeof condition === "boolean") choices.require(condition, name, false)
    else {
      const constraint = data(condition)
      const open = mentioned(constraint, "Variable") !== undefined
      const space = open ? overlayOf(cell, tx).space : undefined
      const interned = space?.interned ?? new Interned()
      const ids = new Set<string>()
      check(constraint, interned, ({ _tag, id }) => {
        if (_tag === "Variable") return space?.engine.values(space.variable(id)) ?? refuseVariable(id)
        ids.add(id)
        return (choices.optionsOf(id) ?? refuseVariable(id)).map((option) => interned.code(option))
      })
      choices.require(constraint, name, open, ids)
    }
    return done
  } catch (error) {
    return error instanceof Refused ? fail(error.error) : die(error)
  }
}

/** A choice is of its transaction, and of no other place. */
const postOutside = (cell: Cell, data: ConstraintData): Step<boolean, FD.PostError> => {
  const choice = mentioned(data, "Choice")
  return choice === undefined ? post(cell, data) : fail(new UnknownVariable({ var: choice }, true))
}

const choicesOf = (kernel: Kernel, tx: Transaction): Choices =>
  tx.choices ??= new Choices(tx.id, tx.options.bracket === true, kernel.solver)
