/**
 * Rows in aligned columns, as many as there are: the widths follow from the first ones.
 */
import { cut, type Paint, type Style } from "./text.js"

export interface Cell {
  readonly text: string
  readonly style?: Style | undefined
}

export type Row = ReadonlyArray<Cell | string>

export interface Layout {
  readonly widths: ReadonlyArray<number>
  /** Of a line; no limit on what is no terminal. */
  readonly columns: number
  readonly paint: Paint
}

const gap = "  "

/** A column is no wider than this, but for the last one. */
const widest = 28

const textOf = (cell: Cell | string): string => typeof cell === "string" ? cell : cell.text

export const layout = (
  header: ReadonlyArray<string>,
  rows: ReadonlyArray<Row>,
  columns: number,
  paint: Paint
): Layout => ({
  columns,
  paint,
  widths: header.map((name, column) =>
    rows.reduce((width, row) => Math.max(width, Math.min(widest, textOf(row[column] ?? "").length)), name.length)
  )
})

/** The last column has what is left of the line. What is longer than a column before it moves the rest to the right. */
export const line = ({ columns, paint, widths }: Layout, row: Row): string => {
  let used = 0
  return row.map((cell, column) => {
    const text = cut(textOf(cell), Math.max(1, columns - used))
    const isLast = column === row.length - 1
    const padding = isLast ? "" : " ".repeat(Math.max(0, (widths[column] ?? 0) - text.length)) + gap
    used += text.length + padding.length
    return used - padding.length > columns
      ? ""
      : paint(typeof cell === "string" ? undefined : cell.style, text) + padding
  }).join("").trimEnd()
}

export const head = (table: Layout, header: ReadonlyArray<string>): string =>
  line(table, header.map((text) => ({ text, style: "bold" })))
