/**
 * Shapes as the text of an SVG. Pinned by `test/diagram/Hostile.test.ts`: whatever the words are, the text is well-formed XML.
 */
import type { Shape } from "./page/draw.js"
import { colours, picture } from "./palette.js"
import { printable } from "./text.js"

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "\"": "&quot;",
  "'": "&#39;"
}

/** For text and for attributes, in XML and in HTML. */
export const escape = (text: string): string => printable(text).replace(/[&<>"']/g, (letter) => entities[letter])

export const print = ([tag, attributes, content]: Shape): string => {
  const open = Object.entries(attributes).map(([name, value]) =>
    ` ${name}="${typeof value === "number" ? String(Math.round(value * 100) / 100) : escape(value)}"`
  ).join("")
  if (content === undefined) return `<${tag}${open}/>`
  return `<${tag}${open}>${typeof content === "string" ? escape(content) : content.map(print).join("")}</${tag}>`
}

export type Theme = "auto" | "light" | "dark"

/** The picture as a file of its own: colours and all. */
export const document = (
  { height, shapes, theme, title, width }: {
    readonly title: string
    readonly width: number
    readonly height: number
    readonly theme: Theme
    readonly shapes: Iterable<Shape>
  }
): string => {
  const w = Math.ceil(width)
  const h = Math.ceil(height)
  const mode = theme === "auto" ? "" : ` data-theme="${theme}"`
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" class="avm"${mode} role="img" width="${w}" height="${h}" ` +
    `viewBox="0 0 ${w} ${h}">`,
    `<title>${escape(title)}</title>`,
    `<style>${colours("svg.avm")}${picture}</style>`,
    `<rect class="sheet" width="${w}" height="${h}" rx="10"/>`
  ]
  for (const shape of shapes) lines.push(print(shape))
  lines.push("</svg>", "")
  return lines.join("\n")
}
