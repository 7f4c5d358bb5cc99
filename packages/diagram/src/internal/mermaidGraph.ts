/**
 * An object graph as Mermaid text.
 */
import type { Node, ObjectGraph } from "../ObjectGraph.js"
import { label } from "./mermaid.js"
import { name, shorten } from "./text.js"

export const toMermaid = ({ edges, nodes, notes }: ObjectGraph): string => {
  const lines = ["flowchart TB"]
  const groups = new Map<string, Array<string>>()
  nodes.forEach((node, index) => {
    const line = `  n${index}${shape(node)}`
    const there = groups.get(node.group)
    if (there === undefined) groups.set(node.group, [line])
    else there.push(line)
  })
  let number = 0
  for (const [name, members] of groups) {
    lines.push(`  subgraph g${number++}["${label(name)}"]`, ...members, "  end")
  }
  for (const [from, to] of edges) lines.push(`  n${from} --> n${to}`)
  const said = nodes.length === 0 ? ["no objects", ...notes] : notes
  said.forEach((note, index) => lines.push(`  note${index}>"${label(note)}"]`))
  return `${lines.join("\n")}\n`
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const shape = ({ id, kind, state, title }: Node): string => {
  const head = label(`${name(title ?? "object", 40)} ${name(id, 40)}`)
  const words = state === undefined ? head : `${head}<br/>${label(shorten(state, 60))}`
  return kind === "program" ? `(["${words}"])` : `["${words}"]`
}
