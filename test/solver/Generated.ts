/** Small problems, generated: every kind of constraint, alone and in formulas. */
import { Check, Constraint } from "@effect-avm/solver"
import * as fc from "fast-check"

// ---------------------------------------------------------------------------
// problems
// ---------------------------------------------------------------------------

export interface Small {
  readonly domains: ReadonlyArray<ReadonlyArray<number>>
  readonly constraints: ReadonlyArray<Constraint.Constraint>
}

export const most = 4

const relation = fc.constantFrom<Constraint.Relation>("=", "!=", "<=", "<", ">=", ">")
export const variable = fc.nat({ max: most - 1 })
export const value = fc.integer({ min: -4, max: 4 })
const variables = fc.array(variable, { minLength: 0, maxLength: 4 })

export const simple: Readonly<Record<string, fc.Arbitrary<Constraint.Constraint>>> = {
  Compare: fc.tuple(variable, relation, variable, fc.integer({ min: -3, max: 3 })).map((_) => Constraint.compare(..._)),
  CompareValue: fc.tuple(variable, relation, value).map((_) => Constraint.compareValue(..._)),
  Member: fc.tuple(variable, fc.array(value, { maxLength: 4 })).map((_) => Constraint.member(..._)),
  AllDifferent: fc.tuple(
    variables,
    fc.array(fc.integer({ min: -2, max: 2 }), { minLength: 4, maxLength: 4 }),
    fc.option(fc.constantFrom<Constraint.Consistency>("value", "bounds", "domain"))
  ).map(([variables, offsets, consistency]) =>
    Constraint.allDifferent(variables, {
      offsets: offsets.slice(0, variables.length),
      ...(consistency === null ? {} : { consistency })
    })
  ),
  Linear: fc.tuple(fc.array(fc.tuple(fc.integer({ min: -3, max: 3 }), variable), { maxLength: 4 }), relation, value)
    .map(
      ([terms, relation, constant]) =>
        Constraint.linear(
          terms.map(([coefficient]) => coefficient),
          terms.map(([, variable]) => variable),
          relation,
          constant
        )
    ),
  Table: fc.integer({ min: 0, max: 3 }).chain((width) =>
    fc.tuple(
      fc.array(variable, { minLength: width, maxLength: width }),
      fc.array(fc.array(value, { minLength: width, maxLength: width }), { maxLength: 6 })
    )
  ).map((_) => Constraint.table(..._)),
  Element: fc.tuple(variable, fc.array(value, { maxLength: 4 }), variable).map((_) => Constraint.element(..._)),
  ElementVariable: fc.tuple(variable, variables, variable).map((_) => Constraint.elementVariable(..._)),
  Nogood: fc.array(fc.tuple(variable, value), { maxLength: 3 }).map((literals) =>
    Constraint.nogood(literals.map(([variable]) => variable), literals.map(([, value]) => value))
  )
}

export const anySimple = fc.oneof(...Object.values(simple))

export const formula: fc.Arbitrary<Constraint.Constraint> = fc.letrec<{ formula: Constraint.Constraint }>((tie) => ({
  formula: fc.oneof(
    { maxDepth: 3 },
    anySimple,
    fc.array(tie("formula"), { maxLength: 3 }).map((parts) => Constraint.and(...parts)),
    fc.array(tie("formula"), { maxLength: 3 }).map((parts) => Constraint.or(...parts)),
    tie("formula").map(Constraint.not),
    fc.tuple(variable, tie("formula")).map((_) => Constraint.reified(..._)),
    fc.tuple(tie("formula"), tie("formula")).map((_) => Constraint.implies(..._))
  )
})).formula

export const domain = fc.uniqueArray(value, { minLength: 1, maxLength: 5 })

export const problems = (constraint: fc.Arbitrary<Constraint.Constraint>, maxLength: number): fc.Arbitrary<Small> =>
  fc.record({
    domains: fc.array(domain, { minLength: most, maxLength: most }),
    constraints: fc.array(constraint, { minLength: 1, maxLength })
  })

// ---------------------------------------------------------------------------
// what trying all values finds
// ---------------------------------------------------------------------------

export const bruteForce = ({ constraints, domains }: Small): ReadonlyArray<ReadonlyArray<number>> =>
  domains.reduce<ReadonlyArray<ReadonlyArray<number>>>(
    (prefixes, domain) => prefixes.flatMap((prefix) => domain.map((value) => [...prefix, value])),
    [[]]
  ).filter((values) => constraints.every((constraint) => Check.holds(constraint, values)))
