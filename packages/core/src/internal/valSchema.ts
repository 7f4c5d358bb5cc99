/**
 * Typed data as `Val`s: what a schema encodes to, with two differences from JSON. A reference stays a reference, so that
 * a message can be searched for the objects it mentions; and what is not there (`undefined`) is null, or no key.
 */
import type * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import { ObjectIdFromSelf, ReferenceAnnotationId } from "../ObjectId.js"
import { fromUnknown, type InvalidVal, type Val } from "../Val.js"
import { plainOf } from "./plainSchema.js"
import { andThen, type Step, stepOf } from "./sync.js"

/** The two directions of a schema whose encoded form is a `Val`. */
export interface ValSchema<A> {
  readonly is: (u: unknown) => u is A
  readonly encode: (value: A) => Step<Val, ParseResult.ParseError | InvalidVal>
  readonly decode: (val: Val) => Step<A, ParseResult.ParseError>
}

export const make = <A>(schema: Schema.Schema<A, unknown>): ValSchema<A> => {
  const referencing = Schema.make<A, unknown>(keepReferences(schema.ast))
  const encode = Schema.encode(referencing)
  const decode = Schema.decodeUnknown(referencing)
  const decodesNull = Schema.encodedSchema(referencing)
  const takesNull = Schema.is(decodesNull)(null)
  const plain = plainOf(referencing.ast)
  const slowly: Pick<ValSchema<A>, "encode" | "decode"> = {
    encode: (value) => andThen(stepOf(encode(value)), (encoded) => stepOf(fromUnknown(withoutUndefined(encoded)))),
    decode: (val) => stepOf(decode(val === null && !takesNull ? undefined : val))
  }
  const is = Schema.is(schema)
  if (AST.isVoidKeyword(referencing.ast)) {
    return { is, encode: () => null, decode: (val) => val === null ? undefined as A : slowly.decode(val) }
  }
  if (plain === undefined) return { is, ...slowly }
  return {
    is,
    // What is plain is its own encoding.
    encode: (value) => plain(value) ? value as unknown as Val : slowly.encode(value),
    decode: (val) => plain(val) ? val as unknown as A : slowly.decode(val)
  }
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

/** The same schema, but references are not turned into text. The types on both sides of each step stay what they were. */
const keepReferences = (ast: AST.AST): AST.AST => {
  switch (ast._tag) {
    case "Transformation":
      return ast.annotations[ReferenceAnnotationId] === true
        ? ObjectIdFromSelf.ast
        : new AST.Transformation(keepReferences(ast.from), ast.to, ast.transformation, ast.annotations)
    case "TypeLiteral":
      return new AST.TypeLiteral(
        ast.propertySignatures.map((_) =>
          new AST.PropertySignature(_.name, keepReferences(_.type), _.isOptional, _.isReadonly, _.annotations)
        ),
        ast.indexSignatures.map((_) => new AST.IndexSignature(_.parameter, keepReferences(_.type), _.isReadonly)),
        ast.annotations
      )
    case "TupleType":
      return new AST.TupleType(
        ast.elements.map((_) => new AST.OptionalType(keepReferences(_.type), _.isOptional, _.annotations)),
        ast.rest.map((_) => new AST.Type(keepReferences(_.type), _.annotations)),
        ast.isReadonly,
        ast.annotations
      )
    case "Union":
      return AST.Union.make(ast.types.map(keepReferences), ast.annotations)
    case "Suspend":
      return new AST.Suspend(() => keepReferences(ast.f()), ast.annotations)
    case "Refinement":
      return new AST.Refinement(keepReferences(ast.from), ast.filter, ast.annotations)
    default:
      return ast
  }
}

/** Leaves everything but plain records and lists alone, for `fromUnknown` to judge. */
const withoutUndefined = (encoded: unknown): unknown => {
  if (encoded === undefined) return null
  if (Array.isArray(encoded)) return encoded.some(needsCare) ? encoded.map(withoutUndefined) : encoded
  if (isPlain(encoded) && Object.values(encoded).some(needsCare)) {
    return Object.fromEntries(
      Object.entries(encoded).flatMap(([key, value]) => value === undefined ? [] : [[key, withoutUndefined(value)]])
    )
  }
  return encoded
}

const needsCare = (u: unknown): boolean => u === undefined || Array.isArray(u) || isPlain(u)

const isPlain = (u: unknown): u is object =>
  typeof u === "object" && u !== null && Object.getPrototypeOf(u) === Object.prototype
