/**
 * Whether a text is well-formed XML of the plain kind that the pictures are: elements, attributes in double quotes, text,
 * character references. No comments, no declarations, no namespaces but by attribute.
 */

export interface Element {
  readonly tag: string
  readonly attributes: ReadonlyMap<string, string>
  readonly children: Array<Element>
  text: string
}

const character = /^[\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]*$/u
const reference = /&(?:amp|lt|gt|quot|#\d+);/g
const names: Readonly<Record<string, string>> = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": "\"" }

const decode = (text: string, at: number): string => {
  if (text.replace(reference, "").includes("&")) throw new Error(`a bare & before offset ${at}`)
  return text.replace(reference, (found) => names[found] ?? String.fromCodePoint(Number(found.slice(2, -1))))
}

/** The root element, or an error that says where the text is none. */
export const parse = (text: string): Element => {
  if (!character.test(text)) throw new Error("a character that XML has no room for")
  const root: Element = { tag: "", attributes: new Map(), children: [], text: "" }
  const open = [root]
  let at = 0
  while (at < text.length) {
    const parent = open[open.length - 1]
    if (text[at] !== "<") {
      const end = text.indexOf("<", at)
      const words = text.slice(at, end === -1 ? undefined : end)
      if (words.includes(">")) throw new Error(`a bare > before offset ${at + words.length}`)
      if (open.length === 1 && words.trim() !== "") throw new Error(`text outside the root at ${at}`)
      parent.text += decode(words, at)
      at += words.length
      continue
    }
    const tag = /^<(\/?)([A-Za-z]\w*)((?:\s+[A-Za-z][\w:-]*="[^"<]*")*)\s*(\/?)>/.exec(text.slice(at, at + 5_000))
    if (tag === null) throw new Error(`no tag at ${at}: ${text.slice(at, at + 60)}`)
    const [all, closing, name, written, empty] = tag
    at += all.length
    if (closing === "/") {
      if (open.pop()?.tag !== name || open.length === 0) throw new Error(`</${name}> closes nothing at ${at}`)
      continue
    }
    const attributes = new Map<string, string>()
    for (const [, key, value] of written.matchAll(/([\w:-]+)="([^"]*)"/g)) {
      if (attributes.has(key)) throw new Error(`${key} twice at ${at}`)
      attributes.set(key, decode(value, at))
    }
    const element: Element = { tag: name, attributes, children: [], text: "" }
    parent.children.push(element)
    if (empty === "") open.push(element)
  }
  if (open.length !== 1) throw new Error(`<${open[open.length - 1].tag}> is not closed`)
  if (root.children.length !== 1) throw new Error(`${root.children.length} roots`)
  return root.children[0]
}

export const all = (element: Element): ReadonlyArray<Element> => [element, ...element.children.flatMap(all)]

/** The words of an SVG, without its style. */
export const words = (element: Element): ReadonlyArray<string> =>
  all(element).filter(({ tag }) => tag === "text" || tag === "title").map(({ text }) => text)
