/**
 * The conformance vectors as data: their format (`README.md`), checked, and which of them are waiting for families that
 * do not exist yet.
 */
import * as Schema from "effect/Schema"
import { readFileSync } from "node:fs"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/** `actor` may be absent for the program itself. */
export const Actor = Schema.Literal("a", "b")

const Tagged = Schema.Struct({ tag: Schema.String }, { key: Schema.String, value: Schema.Unknown })

/** What a step answers: exactly one of these. */
const Expectation = Schema.Union(
  Schema.Struct({ none: Schema.Literal(true) }),
  Schema.Struct({ void: Schema.Literal(true) }),
  Schema.Struct({ error: Tagged }),
  Schema.Struct({ value: Schema.Unknown })
)

const Step = Schema.Struct({
  actor: Schema.optional(Actor),
  instr: Schema.String,
  args: Schema.Array(Schema.Unknown),
  as: Schema.optional(Schema.String),
  expect: Expectation,
  events: Schema.Array(Tagged)
})

export const Vector = Schema.Struct({
  name: Schema.String,
  doc: Schema.String,
  basis: Schema.Union(Schema.Literal("reference"), Schema.Array(Schema.String)),
  home: Schema.NullOr(Schema.String),
  unreachable: Schema.Struct({ machines: Schema.Array(Schema.String), controllers: Schema.Array(Schema.String) }),
  machine: Schema.optional(Schema.String),
  receive: Schema.optional(Schema.Literal("none")),
  behaviours: Schema.Array(Schema.String),
  steps: Schema.Array(Step),
  end: Schema.Struct({ events: Schema.Array(Tagged) })
})

export interface Step extends Schema.Schema.Type<typeof Step> {}
export interface Vector extends Schema.Schema.Type<typeof Vector> {}
export type Expectation = Schema.Schema.Type<typeof Expectation>

const File = Schema.Struct({ format: Schema.Literal(1), vectors: Schema.Array(Vector) })

// ---------------------------------------------------------------------------
// the file
// ---------------------------------------------------------------------------

/** Refuses fields that the format does not know. */
export const vectors: ReadonlyArray<Vector> = Schema.decodeUnknownSync(Schema.parseJson(File), {
  onExcessProperty: "error"
})(readFileSync(new URL("vectors.json", import.meta.url), "utf8")).vectors
