/**
 * Schemas whose data is the same on both sides: numbers, text, literals, refinements, structs and lists of such. For these
 * a predicate says whether a value is encoded and decoded as itself, at a tenth of the price of running the schema.
 *
 * The predicate never errs by saying yes: where it says no (a key too many, an optional one that is `undefined`, a value
 * that is refused), the schema itself decides, and says why. Pinned by `test/core/PlainSchema.test.ts`.
 */
import * as Option from "effect/Option"
import * as AST from "effect/SchemaAST"
import { isObjectId, ObjectIdFromSelf } from "../ObjectId.js"

type Plain = (u: unknown) => boolean

/** None for a schema that converts anything. */
export const plainOf = (ast: AST.AST): Plain | undefined => {
  switch (ast._tag) {
    case "StringKeyword":
      return (u) => typeof u === "string"
    case "NumberKeyword":
      return (u) => typeof u === "number"
    case "BooleanKeyword":
      return (u) => typeof u === "boolean"
    case "BigIntKeyword":
      return (u) => typeof u === "bigint"
    case "Literal":
      return (u) => u === ast.literal
    case "UndefinedKeyword":
      // Which is no `Val`: a part that is `undefined` is left out on the way.
      return () => false
    case "Declaration":
      return ast === ObjectIdFromSelf.ast ? isObjectId : undefined
    case "Refinement":
      return refinement(ast)
    case "TypeLiteral":
      return struct(ast)
    case "TupleType":
      return list(ast)
    case "Union": {
      const members = all(ast.types.map(plainOf))
      return members === undefined ? undefined : (u) => members.some((plain) => plain(u))
    }
    default:
      return undefined
  }
}

const refinement = (ast: AST.Refinement): Plain | undefined => {
  const from = plainOf(ast.from)
  return from === undefined
    ? undefined
    : (u) => from(u) && Option.isNone(ast.filter(u, AST.defaultParseOption, ast))
}

const struct = (ast: AST.TypeLiteral): Plain | undefined => {
  if (ast.indexSignatures.length > 0) return undefined
  const names: Array<string> = []
  for (const { name } of ast.propertySignatures) {
    if (typeof name === "symbol") return undefined
    names.push(String(name))
  }
  const types = all(ast.propertySignatures.map((_) => plainOf(_.type)))
  if (types === undefined) return undefined
  const optional = ast.propertySignatures.map((_) => _.isOptional)
  return (u) => {
    if (!isRecord(u)) return false
    let found = 0
    for (let n = 0; n < names.length; n++) {
      const name = names[n] as string // there are as many as types
      if (Object.hasOwn(u, name)) {
        found++
        if (!(types[n] as Plain)(u[name])) return false
      } else if (optional[n] !== true) return false
    }
    return Object.keys(u).length === found
  }
}

const list = (ast: AST.TupleType): Plain | undefined => {
  const [rest] = ast.rest
  const elements = all(ast.elements.map((_) => _.isOptional ? undefined : plainOf(_.type)))
  const others = rest === undefined ? undefined : plainOf(rest.type)
  if (elements === undefined || ast.rest.length > 1 || (rest !== undefined && others === undefined)) return undefined
  return (u) =>
    Array.isArray(u) &&
    (others === undefined ? u.length === elements.length : u.length >= elements.length) &&
    u.every((element, n) => (elements[n] ?? others)?.(element) === true)
}

const all = (types: ReadonlyArray<Plain | undefined>): ReadonlyArray<Plain> | undefined =>
  types.every((type) => type !== undefined) ? types : undefined

const isRecord = (u: unknown): u is Readonly<Record<string, unknown>> =>
  typeof u === "object" && u !== null && Object.getPrototypeOf(u) === Object.prototype
