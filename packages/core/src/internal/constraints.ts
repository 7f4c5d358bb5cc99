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
import { mentionsVariables } from "./judging.js"
import { changing, type Implementation, type Kernel } from "./kernel.js"
import { Refused, refuseVariable } from "./lowering.js"
import type { Space, Values } from "./space.js"
import { andThen, die, done, fail, type Later, type Step } from "./sync.js"
import type { Transaction } from "./transaction.js"
import { Overlay, Variables } from "./variables.js"

// ---------------------------------------------------------------------------
// FD
// ---------------------------------------------------------------------------

export const makeFD = (): Implementation<FD.Service> => ({
  newVar: (cell, domain) => inChanging(cell, "newVar", () => newVar(cell, domain)),
  narrow: (cell, variable, domain) => inChanging(cell, "narrow", () => narrow(cell, variable, domain)),
  post: (cell, constraint) => inChanging(cell, "post", () => post(cell, data(constraint))),
  label: (cell, variable) => inChanging(cell, "label", () => label(cell, variable))
})

const inChanging = <A, E>(cell: Cell, name: string, change: () => Step<A, E>): Step<A, E> =>
  andThen(changing(cell, name), change)

const newVar = (cell: Cell, { data }: FD.Domain<Val>): Step<FD.Var<Val>, FD.NewVarError> => {
  const wrong = checked(data)
  if (wrong !== undefined) return wrong
  const at = placeOf(cell)
  const id = at.freshId()
  if (!at.space.newVar(id, data)) return fail(new EmptyDomain({ var: id }, true))
  at.changed((space) => void space.newVar(id, data))
  return FD.variable(id)
}

const narrow = (cell: Cell, id: string, { data }: FD.Domain<Val>): Step<boolean, FD.NarrowError> => {
  const wrong = checked(data)
  if (wrong !== undefined) return wrong
  const at = placeOf(cell)
  if (!at.space.has(id)) return fail(new UnknownVariable({ var: id }, true))
  const narrowed = at.space.narrow(id, data)
  if (narrowed) at.changed((space) => void space.narrow(id, data))
  return narrowed
}

const post = (cell: Cell, data: ConstraintData): Step<boolean, FD.PostError> => {
  const at = placeOf(cell)
  try {
    const posted = at.space.post(data)
    if (posted) at.changed((space) => void space.post(data))
    return posted
  } catch (error) {
    return error instanceof Refused ? fail(error.error) : die(error)
  }
}

const label = (cell: Cell, id: string): Step<Val, FD.LabelError> => {
  const at = placeOf(cell)
  const { space } = at
  if (!space.has(id)) return fail(new UnknownVariable({ var: id }, true))
  let code: number | undefined
  if (at instanceof Overlay) {
    const search = cell.open?.search?.label
    code = search === undefined ? at.label(id) : search(at, id)
  } else {
    code = space.next(space.variable(id), id, undefined)
    const found = code
    if (found !== undefined) at.changed((space) => void space.assign(space.variable(id), found))
  }
  return code === undefined ? fail(new EmptyDomain({ var: id }, true)) : space.value(code)
}

/** Where variables are, and who has to know of changes. */
interface At {
  readonly space: Space
  readonly freshId: () => string
  readonly changed: (change: (space: Space) => void) => void
}

const placeOf = (cell: Cell): At | Overlay => {
  const tx = cell.open
  return tx === undefined ? outside(variablesOf(cell.execution)) : overlayOf(cell, tx)
}

const outside = (variables: Variables): At => ({
  space: variables.own,
  freshId: () => variables.freshId(),
  changed: (change) => variables.changed(change)
})

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
    return typeof condition === "boolean"
      ? condition ? done : fail(new Unsatisfiable({ requirements: [name ?? "requirement 1"] }))
      : andThen(
        post(cell, data(condition)),
        (posted) => posted ? done : fail(new Unsatisfiable({ requirements: [name ?? "requirement 1"] }))
      )
  }
  const choices = choicesOf(kernel, tx)
  try {
    if (typeof condition === "boolean") choices.require(condition, name, false)
    else {
      const constraint = data(condition)
      const open = mentionsVariables(constraint)
      const space = open ? overlayOf(cell, tx).space : undefined
      const interned = space?.interned ?? new Interned()
      check(constraint, interned, ({ _tag, id }) =>
        _tag === "Variable"
          ? space?.engine.values(space.variable(id)) ?? refuseVariable(id)
          : (choices.optionsOf(id) ?? refuseVariable(id)).map((option) => interned.code(option)))
      choices.require(constraint, name, open)
    }
    return done
  } catch (error) {
    return error instanceof Refused ? fail(error.error) : die(error)
  }
}

const choicesOf = (kernel: Kernel, tx: Transaction): Choices =>
  tx.choices ??= new Choices(tx.id, tx.options.bracket === true, kernel.solver)
