/**
 * The pictures of a trace, as files, with what they leave out told.
 */
import { Chart, Page, type Recording, Sequence } from "@effect-avm/diagram"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { OutputNotWritten } from "../CliError.js"
import type { Term } from "../Term.js"
import { note, writeFile } from "./printing.js"
import { printable } from "./text.js"

export type Format = "html" | "svg" | "mermaid"

export type Pictures = ReadonlyArray<readonly [format: Format, path: string]>

/** Those that the options of a command ask for. */
export const asked = (options: Readonly<Record<Format, Option.Option<string>>>): Pictures =>
  formats.flatMap((format) => Option.toArray(Option.map(options[format], (path) => [format, path] as const)))

const formats: ReadonlyArray<Format> = ["svg", "mermaid", "html"]

export const saying = (pictures: Pictures): string =>
  pictures.map(([, path]) => `The picture is in ${printable(path)}`).join("\n")

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
  files: Pictures
): Effect.Effect<void, OutputNotWritten, Term> =>
  Effect.gen(function*() {
    const isPage = files.some(([format]) => format === "html")
    const chart = yield* Effect.sync(() => Chart.make(recording, isPage ? { maxEntries: mostInPage } : {}))
    for (const told of chart.notes) yield* note(`picture: ${told}`)
    const exits = yield* Effect.forEach(
      files,
      ([format, path]) =>
        Effect.exit(Effect.flatMap(Effect.sync(() => draw(format, chart)), (text) => writeFile(path, text)))
    )
    // One that cannot be written does not keep the others from being written.
    yield* Effect.all(exits, { discard: true })
  })
