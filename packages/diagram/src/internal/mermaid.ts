/**
 * Text in Mermaid. Everything but letters, digits and a few signs that are no syntax anywhere in it becomes `#number;`,
 * Mermaid's own way to write a character by its code point.
 */
import { printable } from "./text.js"

/** U+FB02 is what Mermaid itself puts in place of `#` while it reads. */
const plain = /^[\p{L}\p{N} ._,()=/+…→✓✗]$/u

export const label = (text: string): string => {
  let out = ""
  for (const letter of printable(text)) {
    const code = letter.codePointAt(0) ?? 0
    out += plain.test(letter) && code !== 0xfb02 ? letter : `#${code};`
  }
  return out.trim() === "" ? "#160;" : out
}
