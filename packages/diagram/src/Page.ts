/**
 * One HTML page with all of a trace in it: messages and objects, to zoom, filter and step through. It loads nothing, so
 * it can be kept, sent and opened anywhere. Pinned by `test/diagram/Page.test.ts`, in a real browser.
 *
 * @since 0.1.0
 */
import { createHash } from "node:crypto"
import * as Chart from "./Chart.js"
import { whole } from "./internal/options.js"
import { body } from "./internal/pageBody.js"
import { pageData } from "./internal/pageData.js"
import { style } from "./internal/pageStyle.js"
import { script } from "./internal/script.js"
import { escape } from "./internal/svg.js"
import type { Recording } from "./Recording.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** What lifelines and objects stand together by at first: `controller` without. */
  readonly group?: "controller" | "machine" | undefined
  /** What is seen at first: `messages` without. */
  readonly view?: "messages" | "objects" | undefined
  /** The reader's system decides, without; there is a button as well. */
  readonly theme?: "auto" | "light" | "dark" | undefined
  /** Of a recording: entries that are taken up, 100,000 without. The page says how many were left out. */
  readonly maxEntries?: number | undefined
  /** Characters of all payloads and states together: 32,000,000 without; beyond that each keeps 200, with a note. */
  readonly maxPayloads?: number | undefined
}

/**
 * The page is some 50 kB, and 100 to 300 bytes for each entry, more with large payloads. Nothing of the trace can run in
 * it: all of it is data, and the page's policy allows its own script and style, and no connection.
 *
 * Throws a `RangeError` if an option is no whole number of 0 or more.
 *
 * ```ts
 * import { Page, Recording } from "@effect-avm/diagram"
 * import * as assert from "node:assert/strict"
 *
 * const page = Page.toHtml(Recording.fromTrace([], { title: "Nothing </script> yet" }))
 * assert.ok(page.startsWith("<!doctype html>"))
 * assert.equal(page.split("</script>").length, 3)
 * ```
 *
 * @since 0.1.0
 * @category conversions
 */
export const toHtml = (recording: Recording | Chart.Chart, options: Options = {}): string => {
  const chart = Chart.isChart(recording)
    ? recording
    : Chart.make(recording, { maxEntries: options.maxEntries ?? 100_000 })
  const first = { group: options.group ?? "controller", view: options.view ?? "messages" }
  const data = JSON.stringify(pageData(chart, first, whole("maxPayloads", options.maxPayloads, 32_000_000)))
  const code = script()
  const css = style()
  const theme = options.theme === undefined || options.theme === "auto" ? "" : ` data-theme="${options.theme}"`
  const policy = `default-src 'none'; script-src '${hash(code)}'; style-src '${hash(css)}'; img-src data:; ` +
    "base-uri 'none'; form-action 'none'"
  return `<!doctype html>
<html lang="en"${theme}>
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escape(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(chart.title)}</title>
<link rel="icon" href="data:,">
<style>${css}</style>
</head>
${body(chart)}
<script type="application/json" id="data">${inert(data)}</script>
<script>${code}</script>
</html>
`
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

/** JSON that a parser of HTML takes for nothing but text. */
const inert = (json: string): string =>
  json.replace(/[<>&\u2028\u2029]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`)

/** As a content security policy names what it allows. */
const hash = (text: string): string => `sha256-${createHash("sha256").update(text, "utf8").digest("base64")}`
