/**
 * Which transaction must come before which: a directed graph, its order, and its shortest cycles.
 *
 * @since 0.1.0
 */
import type { History, Part, Transaction } from "../History.js"
import { type Chain, lifeOf, type Versions } from "./Versions.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * `from` comes before `to`: `wr`, `to` read what `from` wrote; `ww`, `to` overwrote it; `rw`, `from` read what `to` was to
 * overwrite; `scan`, `from` scanned before `to` changed what the scan answers.
 *
 * @since 0.1.0
 * @category models
 */
export interface Edge {
  readonly from: Transaction
  readonly to: Transaction
  readonly why: "wr" | "ww" | "rw" | "scan"
  readonly object: string
  /** A history has no versions that could be read, but an order. */
  readonly part: Part | "history"
}

/**
 * @since 0.1.0
 * @category models
 */
export type Edges = ReadonlyMap<Transaction, ReadonlyArray<Edge>>

// ---------------------------------------------------------------------------
// edges
// ---------------------------------------------------------------------------

/**
 * What the reads and writes of these transactions say about their order, and what they have added to histories. Those that
 * did not commit have written nothing, and read all they were answered.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (nodes: History, versions: Versions): Edges => {
  const edges = new Map<Transaction, Array<Edge>>(nodes.map((node) => [node, []]))
  const enter =
    (why: Edge["why"], object: string, part: Edge["part"]) =>
    (from: Transaction | undefined, to: Transaction | undefined) => {
      if (from === undefined || to === undefined || from === to) return
      edges.get(from)?.push({ from, to, why, object, part })
    }
  const lives = versions.objects.map((object) => [object, lifeOf(versions, object)] as const)

  for (const node of nodes) {
    const { outcome } = node
    for (const read of node.reads) {
      const { object, part } = read
      const seen = read.relied || outcome._tag !== "Committed" ? versions.resolve(read) : undefined
      if (seen?._tag !== "Version") continue
      enter("wr", object, part)(seen.chain[seen.index]?.writer, node)
      enter("rw", object, part)(node, seen.chain[seen.index + 1]?.writer)
    }
    for (const scan of node.scans) {
      const matching = scan.matching === undefined ? undefined : new Set(scan.matching)
      const saw = new Map(scan.saw.map(({ object, version }) => [object, version]))
      for (const [object, life] of lives) {
        const { after, before } = around(saw.get(object), matching, object, life, node)
        enter("wr", object, "metadata")(before, node)
        enter("scan", object, "metadata")(node, after)
      }
    }
    if (outcome._tag !== "Committed") continue
    for (const { object, part } of node.writes) {
      const place = versions.place(object, part, outcome.number)
      if (place !== undefined) enter("ww", object, part)(node, versions.chain(object, part)[place + 1]?.writer)
    }
  }
  const last = new Map<string, Transaction>()
  for (const node of committed(nodes)) {
    for (const object of node.accepted ?? []) {
      enter("ww", object, "history")(last.get(object), node)
      last.set(object, node)
    }
  }
  return edges
}

/** In the order of their commits. */
const committed = (nodes: History): History => {
  const numberOf = ({ outcome }: Transaction) => outcome._tag === "Committed" ? outcome.number : 0
  return nodes.filter((node) => numberOf(node) > 0).sort((a, b) => numberOf(a) - numberOf(b))
}

/**
 * A predicate reads every object: the last change that brought it into the answer or took it away comes before, the next
 * one of that kind after. Of an object in the answer, each change of its metadata is one (A24).
 */
const around = (
  version: number | undefined,
  matching: ReadonlySet<string> | undefined,
  object: string,
  life: Chain,
  node: Transaction
): { readonly before: Transaction | undefined; readonly after: Transaction | undefined } => {
  const matches = (index: number): boolean => {
    const at = life[index]
    if (at?.writer === undefined || at.value === "gone") return false
    return matching === undefined || matching.has(`${object}@${at.number}`)
  }
  let seen = version === undefined ? absence(life, node) : life.findIndex(({ number }) => number === version)
  if (seen === -1) return { before: undefined, after: undefined }
  if (!matches(seen)) {
    // Out of the answer is out of the answer: one that came and went again until the commit was as well never there.
    const latest = lastBefore(life, node)
    if (latest !== -1 && !matches(latest)) seen = latest
  }
  const changes = (index: number) => matches(index) || (index > 0 && matches(index - 1))
  let before = seen
  while (before > 0 && !changes(before)) before--
  let after = seen + 1
  while (after < life.length && !changes(after)) after++
  return { before: life[before]?.writer, after: life[after]?.writer }
}

/** The version that a transaction found when it committed, its own not counted. */
const lastBefore = (life: Chain, { outcome }: Transaction): number =>
  outcome._tag === "Committed" ? life.filter(({ number }) => number < outcome.number).length - 1 : -1

/** An object that is not in a scan is gone, if its end was asked for before the scan was answered; else not there yet. */
const absence = (life: Chain, { snapshot }: Transaction): number => {
  const gone = life.length - 1
  const last = life[gone]
  const end = last?.writer?.commit ?? last?.writer?.snapshot
  return last?.value === "gone" && end !== undefined && end.from < snapshot.to ? gone : 0
}

// ---------------------------------------------------------------------------
// order
// ---------------------------------------------------------------------------

/**
 * An order in which every edge points forward, as near to the given one as that allows; and the nodes that are left
 * because they are in cycles, or between them.
 *
 * @since 0.1.0
 * @category operations
 */
export const sort = (
  preferred: History,
  edges: Edges
): { readonly order: History; readonly knot: ReadonlySet<Transaction> } => {
  const places = new Map(preferred.map((node, index) => [node, index]))
  const isForward = ({ from, to }: Edge) => (places.get(from) ?? 0) < (places.get(to) ?? 0)
  if (preferred.every((node) => edges.get(node)?.every(isForward) !== false)) {
    return { order: preferred, knot: new Set() }
  }
  const loose = peel(preferred, (node) => edges.get(node)?.map(({ to }) => to) ?? [])
  const left = new Set(preferred)
  for (const node of loose) left.delete(node)
  const order = inOrder(preferred.filter((node) => !left.has(node)), edges)
  // The same from the other end: what only comes after a cycle is in none.
  const into = new Map<Transaction, Array<Transaction>>([...left].map((node) => [node, []]))
  for (const node of left) for (const { to } of edges.get(node) ?? []) into.get(to)?.push(node)
  for (const node of peel([...left], (node) => into.get(node) ?? [])) left.delete(node)
  return { order, knot: left }
}

/**
 * Each node where it stands in the given order, but after those that must come before it: where operations take their
 * time, the moments of two that overlap say nothing of their order, and the edges do. There are no cycles in here.
 */
const inOrder = (preferred: History, edges: Edges): History => {
  const before = new Map<Transaction, Array<Transaction>>(preferred.map((node) => [node, []]))
  for (const from of preferred) for (const { to } of edges.get(from) ?? []) before.get(to)?.push(from)
  const order = new Set<Transaction>()
  for (const node of preferred) {
    const stack = [node]
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const missing = before.get(top)?.find((from) => !order.has(from))
      if (missing !== undefined) stack.push(missing)
      else {
        order.add(top)
        stack.pop()
      }
    }
  }
  return [...order]
}

/** Takes away what nothing points to, again and again. */
const peel = (nodes: History, next: (node: Transaction) => History): History => {
  const pointed = new Map<Transaction, number>(nodes.map((node) => [node, 0]))
  for (const node of nodes) {
    for (const to of next(node)) {
      const count = pointed.get(to)
      if (count !== undefined) pointed.set(to, count + 1)
    }
  }
  const free = nodes.filter((node) => pointed.get(node) === 0)
  for (const node of free) {
    for (const to of next(node)) {
      const count = pointed.get(to)
      if (count === undefined) continue
      pointed.set(to, count - 1)
      if (count === 1) free.push(to)
    }
  }
  return free
}

// ---------------------------------------------------------------------------
// cycles
// ---------------------------------------------------------------------------

/**
 * A shortest cycle through the node, within the knot. Of several edges between two nodes it takes the plainest.
 *
 * @since 0.1.0
 * @category operations
 */
export const cycleThrough = (
  start: Transaction,
  edges: Edges,
  knot: ReadonlySet<Transaction>
): ReadonlyArray<Edge> | undefined => {
  const reached = new Map<Transaction, Edge | undefined>([[start, undefined]])
  const queue = [start]
  for (const node of queue) {
    for (const edge of plainestFirst(edges.get(node) ?? [])) {
      if (edge.to === start) return back(edge, reached)
      if (!knot.has(edge.to) || reached.has(edge.to)) continue
      reached.set(edge.to, edge)
      queue.push(edge.to)
    }
  }
  return undefined
}

const back = (last: Edge, reached: ReadonlyMap<Transaction, Edge | undefined>): ReadonlyArray<Edge> => {
  const path = [last]
  let edge = reached.get(last.from)
  while (edge !== undefined) {
    path.unshift(edge)
    edge = reached.get(edge.from)
  }
  return path
}

const plainestFirst = (edges: ReadonlyArray<Edge>): ReadonlyArray<Edge> =>
  [...edges].sort((a, b) => plainness.indexOf(a.why) - plainness.indexOf(b.why))

const plainness: ReadonlyArray<Edge["why"]> = ["ww", "wr", "rw", "scan"]
