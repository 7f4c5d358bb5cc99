/**
 * The pictures of a trace, as files, with what they leave out told.
 */
import { Chart, Page, type Recording, Sequence } from "@effect-avm/diagram"
import * as Effect from "effect/Effect"
import type { OutputNotWritten } from "../CliError.js"
import type { Term } from "../Term.js"
import { note, writeFile } from "./printing.js"

export type Format = "html" | "svg" | "mermaid"

const draw = (format: Format, chart: Chart.Chart): string => {
  switch (format) {
    case "html":
      return Page.toHtml(chart)
    case "svg":
      return Sequence.toSvg(chart)
    case "mermaid":
      return Sequence.toMermaid(chart)
  }
}

/** A page takes no more entries. */
const mostInPage = 100_000

export const write = (
  recording: Recording.Recording,
  files: ReadonlyArray<readonly [format: Format, path: string]>
): Effect.Effect<void, OutputNotWritten, Term> =>
  Effect.gen(function*() {
    const isPage = files.some(([format]) => format === "html")
    const chart = yield* Effect.sync(() => Chart.make(recording, isPage ? { maxEntries: mostInPage } : {}))
    for (const told of chart.notes) yield* note(`picture: ${told}`)
    const exits = yield* Effect.forEach(
      files,
      ([format, path]) => Effect.exit(Effect.flatMap(Effect.sync(() => draw(format, chart)), (text) => writeFile(path, text)))
    )
    // One that cannot be written does not keep the others from being written.
    yield* Effect.all(exits, { discard: true })
  })
