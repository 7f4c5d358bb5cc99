/**
 * The rules of FD and Nondet.
 *
 * What propagates is what each constraint says by itself, found by trying all values of the variables in it.
 *
 * @since 0.1.0
 */
import { AvmError, Constraint, FD, type Nondet, type Reify, Val } from "@effect-avm/core"
import * as Execution from "../Execution.js"

type X = Execution.Execution

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * The variables of a program or transaction, and what is required in the transaction (D28, D29).
 *
 * @since 0.1.0
 * @category models
 */
export interface Constraints {
  readonly variables: ReadonlyArray<readonly [id: string, domain: ReadonlyArray<Val.Val>]>
  readonly posted: ReadonlyArray<Constraint.ConstraintData>
  /** The labels of the transaction: where, what, and what else there was. */
  readonly labels: ReadonlyArray<{ readonly step: string; readonly all: ReadonlyArray<string> }>
  readonly dead: boolean
  /** The variables from here on were made in the transaction. */
  readonly before: number
  readonly violated: ReadonlyArray<string>
  readonly required: number
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const none: Constraints = {
  variables: [],
  posted: [],
  labels: [],
  dead: false,
  before: 0,
  violated: [],
  required: 0
}

// ---------------------------------------------------------------------------
// FD
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category rules
 */
export const newVar = (x: X, { domain }: FD.NewVar<Val.Val>["args"]): FD.Var<Val.Val> => {
  const values = distinct(Array.from(domain, Execution.valid))
  x.session = { ...x.session, variables: x.session.variables + 1 }
  // Like every id, it is nobody else's: another program of the world has variables as well.
  const id = `v${x.session.variables}@${x.session.frames[0].self.value}`
  if (values.length === 0) Execution.fail(new AvmError.EmptyDomain({ var: id }))
  change(x, { variables: [...x.session.constraints.variables, [id, values]] })
  return FD.variable(id)
}

/**
 * @since 0.1.0
 * @category rules
 */
export const narrow = (x: X, { domain, variable }: FD.Narrow["args"]): boolean => {
  domainOf(x, variable)
  const values = Array.from(domain, Execution.valid)
  return attempt(x, (id, value) => id !== variable || values.some((other) => Val.equals(other, value)), [])
}

/**
 * @since 0.1.0
 * @category rules
 */
export const post = (x: X, { constraint }: FD.Post["args"]): boolean => {
  const data = Constraint.data(constraint)
  for (const id of mentioned(data)) domainOf(x, id)
  return attempt(x, () => true, [data])
}

/**
 * @since 0.1.0
 * @category rules
 */
export const label = (x: X, { variable }: FD.Label<Val.Val>["args"]): Val.Val => {
  const domain = domainOf(x, variable)
  const before = x.session.constraints
  const pick = (value: Val.Val) => attempt(x, (id, other) => id !== variable || Val.equals(other, value), [])
  const possible = domain.filter((value) => {
    const holds = pick(value)
    change(x, before)
    return holds
  })
  if (x.session.tx === undefined) {
    if (possible.length === 0) Execution.fail(new AvmError.EmptyDomain({ var: variable }))
    pick(possible[0])
    return possible[0]
  }
  // A variable of the transaction comes at the same place in each try.
  const place = before.variables.findIndex(([id]) => id === variable)
  const name = place < before.before ? variable : `#${place - before.before}`
  const path = before.labels.map(({ step }) => step).join("/")
  const stepOf = (value: Val.Val) => `${name}=${Val.format(value)}`
  const value = before.dead
    ? undefined
    : possible.find((value) => !owner(x).rejected.includes(`${path}/${stepOf(value)}`))
  if (value === undefined) {
    change(x, { dead: true })
    return Execution.fail(new AvmError.EmptyDomain({ var: variable }))
  }
  pick(value)
  change(x, { labels: [...before.labels, { step: stepOf(value), all: possible.map(stepOf) }] })
  return value
}

/**
 * D28: what was labelled last has been tried, and so has what it came after, if nothing else was possible there.
 *
 * @since 0.1.0
 * @category operations
 */
export const reject = (x: X): void => {
  const { labels } = x.session.constraints
  const rejected = [...owner(x).rejected]
  const pathTo = (place: number, step: string) =>
    `${labels.slice(0, place).map((label) => label.step).join("/")}/${step}`
  for (let place = labels.length - 1; place >= 0; place--) {
    rejected.push(pathTo(place, labels[place].step))
    if (!labels[place].all.every((step) => rejected.includes(pathTo(place, step)))) break
  }
  Execution.changeFrameAt(x, (x.session.tx?.depth ?? 1) - 1, { rejected })
}

/**
 * @since 0.1.0
 * @category rules
 */
export const reify = (x: X): Reify.ReifiedConstraints => ({
  variables: x.session.constraints.variables,
  // The data of a constraint has the form of a `Val`.
  constraints: x.session.constraints.posted.map((data) => data as Val.Val)
})

// ---------------------------------------------------------------------------
// Nondet
// ---------------------------------------------------------------------------

/**
 * The first option: other choices are for brackets, which are not modelled.
 *
 * @since 0.1.0
 * @category rules
 */
export const choose = (_: X, { options }: Nondet.Choose<Val.Val>["args"]): Val.Val => {
  if (options.length === 0) Execution.fail(new AvmError.NoChoices())
  return Execution.valid(options[0])
}

/**
 * @since 0.1.0
 * @category rules
 */
export const require = (x: X, { condition, name }: Nondet.Require["args"]): void => {
  const { required, violated } = x.session.constraints
  const named = name ?? `requirement ${required + 1}`
  const holds = typeof condition === "boolean" ? condition : isTrue(Constraint.data(condition), () => undefined)
  // A23.
  if (x.session.tx === undefined) {
    if (!holds) Execution.fail(new AvmError.Unsatisfiable({ requirements: [name ?? "requirement 1"] }))
    return
  }
  change(x, { required: required + 1, violated: holds ? violated : [...violated, named] })
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const change = (x: X, changes: Partial<Constraints>): void => {
  x.session = { ...x.session, constraints: { ...x.session.constraints, ...changes } }
}

const owner = (x: X): Execution.Frame => x.session.frames[(x.session.tx?.depth ?? 1) - 1] ?? x.session.frames[0]

const domainOf = (x: X, id: string): ReadonlyArray<Val.Val> =>
  x.session.constraints.variables.find(([known]) => known === id)?.[1] ??
    Execution.fail(new AvmError.UnknownVariable({ var: id }))

const distinct = (values: ReadonlyArray<Val.Val>): ReadonlyArray<Val.Val> =>
  values.filter((value, at) => values.findIndex((other) => Val.equals(other, value)) === at)

/** Keeps the values that pass, with all that follows; changes nothing if none is left somewhere. */
const attempt = (
  x: X,
  passes: (id: string, value: Val.Val) => boolean,
  more: ReadonlyArray<Constraint.ConstraintData>
): boolean => {
  const posted = [...x.session.constraints.posted, ...more]
  let domains = new Map(x.session.constraints.variables.map(([id, domain]) => [
    id,
    domain.filter((value) => passes(id, value))
  ]))
  for (;;) {
    const next = new Map(domains)
    for (const constraint of posted) {
      const ids = mentioned(constraint)
      const rows = products(ids.map((id) => next.get(id) ?? [])).filter((row) =>
        isTrue(constraint, (id) => row[ids.indexOf(id)])
      )
      ids.forEach((id, at) =>
        next.set(id, (next.get(id) ?? []).filter((value) => rows.some((row) => Val.equals(row[at], value))))
      )
    }
    if ([...next.values()].some((domain) => domain.length === 0)) return false
    const done = [...next].every(([id, domain]) => domain.length === domains.get(id)?.length)
    domains = next
    if (done) break
  }
  change(x, { posted, variables: [...domains] })
  return true
}

const products = (lists: ReadonlyArray<ReadonlyArray<Val.Val>>): ReadonlyArray<ReadonlyArray<Val.Val>> =>
  lists.reduce<ReadonlyArray<ReadonlyArray<Val.Val>>>(
    (rows, list) => rows.flatMap((row) => list.map((value) => [...row, value])),
    [[]]
  )

const mentioned = (data: Constraint.ConstraintData): ReadonlyArray<string> => {
  switch (data._tag) {
    case "Compare":
      return [...new Set([...idsIn(data.left), ...idsIn(data.right)])]
    case "AllDifferent":
    case "Table":
      return [...new Set(data.terms.flatMap(idsIn))]
    case "And":
    case "Or":
      return [...new Set(data.constraints.flatMap(mentioned))]
    case "Not":
      return mentioned(data.constraint)
  }
}

const idsIn = (data: Constraint.TermData): ReadonlyArray<string> =>
  data._tag === "Sum" ? data.terms.flatMap(({ term }) => idsIn(term)) : data._tag === "Value" ? [] : [data.id]

const isTrue = (data: Constraint.ConstraintData, valueOf: (id: string) => Val.Val | undefined): boolean => {
  const value = (term: Constraint.TermData): Val.Val => {
    if (term._tag === "Value") return term.value
    if (term._tag === "Sum") {
      return term.terms.reduce((sum, part) => sum + part.factor * Number(value(part.term)), term.constant)
    }
    return valueOf(term.id) ?? Execution.fail(new AvmError.UnknownVariable({ var: term.id }))
  }
  switch (data._tag) {
    case "Compare": {
      const [left, right] = [value(data.left), value(data.right)]
      if (data.relation === "=") return Val.equals(left, right)
      if (data.relation === "!=") return !Val.equals(left, right)
      if (typeof left !== typeof right || !["number", "bigint", "string"].includes(typeof left)) {
        return Execution.fail(new AvmError.InvalidConstraint({ message: "no order" }))
      }
      // Both are of the same of these types.
      const [a, b] = [left as number, right as number]
      return data.relation === "<" ? a < b : a <= b
    }
    case "AllDifferent":
      return distinct(data.terms.map(value)).length === data.terms.length
    case "Table":
      return data.rows.some((row) => row.every((cell, at) => Val.equals(cell, value(data.terms[at]))))
    case "And":
      return data.constraints.every((part) => isTrue(part, valueOf))
    case "Or":
      return data.constraints.some((part) => isTrue(part, valueOf))
    case "Not":
      return !isTrue(data.constraint, valueOf)
  }
}
