/**
 * What every command prints with: tables, JSON, notes; and a bar for what takes long.
 */
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as fs from "node:fs/promises"
import { type OutputGone, OutputNotWritten } from "../CliError.js"
import { type Service, Term } from "../Term.js"
import { head, type Layout, layout, line, type Row } from "./table.js"
import { painting, printable } from "./text.js"

export const paintOf = (term: Service) => painting(term.isOutTerminal && !term.isPlain)

// ---------------------------------------------------------------------------
// lines
// ---------------------------------------------------------------------------

export const out = (text: string): Effect.Effect<void, OutputGone, Term> =>
  Effect.flatMap(Term, (_) => _.out(`${text}\n`))

/** To people: what they should know beside the result. */
export const note = (text: string): Effect.Effect<void, never, Term> =>
  Effect.flatMap(Term, (term) => term.err(`${painting(term.isErrTerminal && !term.isPlain)("dim", printable(text))}\n`))

export const jsonLine = (value: unknown): Effect.Effect<void, OutputGone, Term> => out(JSON.stringify(value))

/** A value per line, written in large pieces. */
export const jsonLines = <A, E, R>(
  values: Stream.Stream<A, E, R>,
  toJson: (value: A) => unknown
): Effect.Effect<void, E | OutputGone, R | Term> =>
  Stream.runForEachChunk(
    values,
    (chunk) => inPieces(Chunk.toReadonlyArray(chunk), (value) => JSON.stringify(toJson(value)))
  )

/** Lines gathered until they are worth a write: a million writes are slow, and one text of them all does not fit. */
const inPieces = <A>(
  values: ReadonlyArray<A>,
  show: (value: A) => string
): Effect.Effect<void, OutputGone, Term> =>
  Effect.gen(function*() {
    let piece = ""
    for (const value of values) {
      piece += `${show(value)}\n`
      if (piece.length > 65_536) {
        yield* Effect.flatMap(Term, (_) => _.out(piece))
        piece = ""
      }
    }
    if (piece !== "") yield* Effect.flatMap(Term, (_) => _.out(piece))
  })

// ---------------------------------------------------------------------------
// tables
// ---------------------------------------------------------------------------

/** The widths follow from the first chunk. Nothing is printed where there is no row. */
export const table = <A, E, R>(
  rows: Stream.Stream<A, E, R>,
  header: ReadonlyArray<string>,
  toRow: (value: A) => Row
): Effect.Effect<number, E | OutputGone, R | Term> =>
  Effect.gen(function*() {
    const term = yield* Term
    const columns = term.isOutTerminal ? term.columns() : Number.POSITIVE_INFINITY
    let made: Layout | undefined
    let count = 0
    yield* Stream.runForEachChunk(rows, (chunk) =>
      Effect.suspend(() => {
        const values = Chunk.toReadonlyArray(chunk)
        if (values.length === 0) return Effect.void
        count += values.length
        if (made !== undefined) {
          const known = made
          return inPieces(values, (value) => line(known, toRow(value)))
        }
        const first = made = layout(header, values.slice(0, 500).map(toRow), columns, paintOf(term))
        return Effect.zipRight(
          term.out(`${head(first, header)}\n`),
          inPieces(values, (value) => line(first, toRow(value)))
        )
      }))
    return count
  })

// ---------------------------------------------------------------------------
// files
// ---------------------------------------------------------------------------

export const writeFile = (path: string, text: string): Effect.Effect<void, OutputNotWritten> =>
  Effect.tryPromise({
    try: (signal) => fs.writeFile(path, text, { signal }),
    catch: (thrown) => new OutputNotWritten({ path, reason: thrown instanceof Error ? thrown.message : String(thrown) })
  })

// ---------------------------------------------------------------------------
// progress
// ---------------------------------------------------------------------------

/** Told of so many more steps. */
export type Advance = (steps: number) => Effect.Effect<void>

const redrawnAfterMillis = 100

const width = 24

/** A bar on the terminal's second output, and nothing where that is none. It is gone when the scope closes. */
export const progress = (label: string, total: number): Effect.Effect<Advance, never, Scope.Scope | Term> =>
  Effect.gen(function*() {
    const term = yield* Term
    if (!term.isErrTerminal) return () => Effect.void
    let done = 0
    let drawn = Number.NEGATIVE_INFINITY
    const draw = () => {
      const part = total === 0 ? 1 : Math.min(1, done / total)
      const filled = Math.round(part * width)
      const bar = "█".repeat(filled) + "░".repeat(width - filled)
      return term.err(`\r\u001b[K${label} ${bar} ${Math.floor(part * 100)}%`)
    }
    yield* Effect.addFinalizer(() => term.err("\r\u001b[K"))
    yield* draw()
    return (steps) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        done += steps
        if (now - drawn < redrawnAfterMillis) return Effect.void
        drawn = now
        return draw()
      })
  })

// ---------------------------------------------------------------------------
// values
// ---------------------------------------------------------------------------

/** As `Schema.encode`, for what always encodes. */
export const encoding = <A, I>(schema: Schema.Schema<A, I>): (value: A) => I => Schema.encodeSync(schema)
