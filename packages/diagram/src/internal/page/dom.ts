/**
 * Elements. Words become text nodes and attributes, never markup. It runs in the page, see `draw.ts`.
 */
import type { Shape } from "./draw.js"

export interface Dom {
  /** The element of that id, which the page has. */
  readonly find: (id: string) => HTMLElement
  readonly input: (id: string) => HTMLInputElement
  readonly make: (
    tag: string,
    attributes: Readonly<Record<string, string>>,
    ...children: ReadonlyArray<Node | string>
  ) => HTMLElement
  readonly shape: (shape: Shape) => SVGElement
  readonly replace: (parent: Element, children: Iterable<Node>) => void
}

export const makeDom = (): Dom => {
  const find: Dom["find"] = (id) => {
    const element = document.getElementById(id)
    if (element === null) throw new Error(`The page has no element ${id}.`)
    return element
  }
  const input: Dom["input"] = (id) => {
    const element = find(id)
    if (!(element instanceof HTMLInputElement)) throw new Error(`${id} is no input.`)
    return element
  }
  const make: Dom["make"] = (tag, attributes, ...children) => {
    const element = document.createElement(tag)
    for (const name of Object.keys(attributes)) element.setAttribute(name, attributes[name])
    element.append(...children)
    return element
  }
  const shape = ([tag, attributes, content]: Shape): SVGElement => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag)
    for (const name of Object.keys(attributes)) element.setAttribute(name, String(attributes[name]))
    if (typeof content === "string") element.textContent = content
    else if (content !== undefined) { for (const child of content) element.appendChild(shape(child)) }
    return element
  }
  const replace: Dom["replace"] = (parent, children) => parent.replaceChildren(...children)
  return { find, input, make, shape, replace }
}
