/**
 * The script of the page, from the modules in `page/`.
 *
 * There is no bundler between them and the page: each part is one function that needs nothing but its parameters, so its
 * source text is the part. That holds for the TypeScript sources as tsx and vitest run them (without their types) and for
 * the compiled ones. Pinned by `test/diagram/Script.test.ts`: no part names anything outside itself that is not the
 * browser's.
 */
import { boot, type Parts } from "./page/boot.js"
import { makeDom } from "./page/dom.js"
import { drawing } from "./page/draw.js"
import { graphDrawing } from "./page/drawGraph.js"
import { makeFilters } from "./page/filters.js"
import { makeGraphView } from "./page/graphView.js"
import { makeInspector } from "./page/inspector.js"
import { makeModel } from "./page/model.js"
import { makeOverview } from "./page/overview.js"
import { makeScene } from "./page/scene.js"

export const parts: Parts = {
  drawing,
  graphDrawing,
  makeDom,
  makeModel,
  makeScene,
  makeOverview,
  makeGraphView,
  makeFilters,
  makeInspector
}

/** esbuild, which tsx runs, may wrap functions so that they keep their names. */
const keepName = "const __name = (value) => value;"

export const script = (): string =>
  [
    "\"use strict\";",
    "{",
    keepName,
    `const boot = ${boot};`,
    "boot({",
    ...Object.entries(parts).map(([name, part]) => `${name}: ${part},`),
    "});",
    "}"
  ].join("\n")
