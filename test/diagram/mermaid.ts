/**
 * A grammar of the Mermaid that the pictures are allowed to use: much less than Mermaid takes, so that what passes here
 * passes there. Labels are letters, digits, a few signs, and `#number;`.
 */

const label = "(?:[\\p{L}\\p{N} ._,()=/+…→✓✗]|#\\d+;)+"
const rule = (text: string): RegExp => new RegExp(`^${text.replaceAll("LABEL", label)}$`, "u")

const sequenceRules = {
  participant: rule("  participant (p\\d+|nowhere) as LABEL"),
  box: rule("  box transparent LABEL"),
  rect: rule("  rect rgba\\(\\d+, \\d+, \\d+, 0\\.\\d+\\)"),
  end: rule("  end"),
  note: rule("  Note over (p\\d+)(?:,(p\\d+))?: LABEL"),
  message: rule("  (p\\d+|nowhere)(?:->>|-->>|-\\)|-x)(p\\d+|nowhere): LABEL"),
  activate: rule("  activate (p\\d+)"),
  deactivate: rule("  deactivate (p\\d+)")
}

/** Throws at the first line that is not allowed; answers how often each kind of line occurs. */
export const checkSequence = (text: string): Readonly<Record<keyof typeof sequenceRules, number>> => {
  const [head, ...lines] = text.replace(/\n$/, "").split("\n")
  if (head !== "sequenceDiagram") throw new Error(`no sequenceDiagram: ${head}`)
  const seen = { participant: 0, box: 0, rect: 0, end: 0, note: 0, message: 0, activate: 0, deactivate: 0 }
  const participants = new Set<string>()
  const active = new Map<string, number>()
  const open: Array<"box" | "rect"> = []
  for (const line of lines) {
    const found = Object.entries(sequenceRules).find(([, rule]) => rule.test(line))
    if (found === undefined) throw new Error(`no line of a sequence diagram: ${line.slice(0, 200)}`)
    // The keys of the rules.
    const kind = found[0] as keyof typeof sequenceRules
    seen[kind]++
    const names = (found[1].exec(line) ?? []).slice(1).filter((name) => name !== undefined)
    if (kind === "participant") {
      if (participants.has(names[0])) throw new Error(`${names[0]} twice`)
      participants.add(names[0])
    } else {
      for (const name of names) if (!participants.has(name)) throw new Error(`nobody is ${name}: ${line}`)
    }
    if (kind === "box" || kind === "rect") open.push(kind)
    if (kind === "end" && open.pop() === undefined) throw new Error("an end of nothing")
    if (kind === "activate") active.set(names[0], (active.get(names[0]) ?? 0) + 1)
    if (kind === "deactivate") {
      const count = active.get(names[0]) ?? 0
      if (count === 0) throw new Error(`${names[0]} is not active`)
      active.set(names[0], count - 1)
    }
  }
  if (open.length > 0) throw new Error(`an open ${open[0]}`)
  for (const [name, count] of active) if (count > 0) throw new Error(`${name} stays active`)
  return seen
}

const graphRules = {
  node: rule("  (n\\d+)(?:\\[\"LABEL(?:<br/>LABEL)?\"\\]|\\(\\[\"LABEL(?:<br/>LABEL)?\"\\]\\))"),
  group: rule("  subgraph g\\d+\\[\"LABEL\"\\]"),
  end: rule("  end"),
  edge: rule("  (n\\d+) --> (n\\d+)"),
  note: rule("  note\\d+>\"LABEL\"\\]")
}

export const checkGraph = (text: string): Readonly<Record<keyof typeof graphRules, number>> => {
  const [head, ...lines] = text.replace(/\n$/, "").split("\n")
  if (head !== "flowchart TB") throw new Error(`no flowchart: ${head}`)
  const seen = { node: 0, group: 0, end: 0, edge: 0, note: 0 }
  const nodes = new Set<string>()
  for (const line of lines) {
    const found = Object.entries(graphRules).find(([, rule]) => rule.test(line))
    if (found === undefined) throw new Error(`no line of a flowchart: ${line.slice(0, 200)}`)
    // The keys of the rules.
    const kind = found[0] as keyof typeof graphRules
    seen[kind]++
    const names = (found[1].exec(line) ?? []).slice(1)
    if (kind === "node") nodes.add(names[0])
    if (kind === "edge") { for (const name of names) if (!nodes.has(name)) throw new Error(`no node ${name}`) }
    if (seen.end > seen.group) throw new Error("an end of nothing")
  }
  if (seen.end !== seen.group) throw new Error("an open subgraph")
  return seen
}
