/**
 * Decides whether a history is serializable with snapshot reads, and tells what went wrong if it is not.
 *
 * The theory is Adya's (*Weak Consistency*, 1999). Take the committed transactions as nodes, and say that one must come
 * before another when the other read what it wrote (write-read), overwrote what it wrote (write-write), or overwrote what
 * it had read (read-write, the anti-dependency). Each part of an object has its versions in the order of the commits that
 * installed them, so all of this is known. The history is equivalent to a serial one if and only if the graph has no
 * cycle, and then every order that follows the edges is such a serial history. What a cycle is made of is the anomaly:
 *
 * - no anti-dependency: information went round in a circle.
 * - one, and otherwise overwriting of the same part: a *lost update*; one of another kind: a *read skew*.
 * - two or more: a *write skew*, in which each one acted on what another was about to change.
 * - one of them by a scan, which has read also what was not there: a *phantom*.
 *
 * Beside the graph: nobody reads what was never committed (*dirty read*), and all that a transaction reads, whatever
 * becomes of it, is as of one moment (else a *read skew*) between the asking and the getting of its snapshot (else a
 * *stale read* or a *future read*). Those that wrote nothing are in the graph as well. The order of the commits, with
 * each reader where its snapshot was taken, is tried first; it respects real time, and another one need not.
 *
 * Without cycles it takes time linear in the history, but for sorting. Pinned by `test/concurrency/HistoryChecker.test.ts`.
 *
 * @since 0.1.0
 */
import * as Graph from "./concurrent/Graph.js"
import * as Moments from "./concurrent/Moments.js"
import * as Versions from "./concurrent/Versions.js"
import type { History, Transaction } from "./History.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category models
 */
export type Kind =
  | "circular information flow"
  | "dirty read"
  | "future read"
  | "lost update"
  | "phantom"
  | "read skew"
  | "stale read"
  | "write skew"

/**
 * @since 0.1.0
 * @category models
 */
export interface Anomaly {
  readonly kind: Kind
  /** The names of those involved; of a cycle, in its order. */
  readonly transactions: ReadonlyArray<string>
  /** Who read what, a sentence each. */
  readonly story: ReadonlyArray<string>
}

/**
 * `order` is a serial history that the recorded one is equivalent to, if there are no anomalies.
 *
 * @since 0.1.0
 * @category models
 */
export interface Verdict {
  readonly order: History
  /** Of each kind the one with the shortest story, the shortest of all first. */
  readonly anomalies: ReadonlyArray<Anomaly>
}

// ---------------------------------------------------------------------------
// operations
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category operations
 */
export const check = (history: History): Verdict => {
  const versions = Versions.make(history)
  const { moments, violations } = Moments.make(history, versions)
  const preferred = [...history].sort((a, b) => Moments.compare(moments, a, b))
  const edges = Graph.make(preferred, versions)
  const { knot, order } = Graph.sort(preferred, edges)

  const anomalies = violations.map((violation) => anomalyOf(violation))
  // Long searches tell nothing new: a store that is broken is broken in many places.
  for (const node of [...knot].slice(0, 300)) {
    const cycle = Graph.cycleThrough(node, edges, knot)
    if (cycle !== undefined) anomalies.push(tell(plainest(cycle, edges)))
  }
  const sorted = anomalies.sort((a, b) => a.story.length - b.story.length)
  return {
    order,
    anomalies: sorted.filter(({ kind }, index) => sorted.findIndex((other) => other.kind === kind) === index)
  }
}

/**
 * @since 0.1.0
 * @category conversions
 */
export const print = ({ anomalies }: Verdict): string =>
  anomalies.map(({ kind, story }) => `${kind}:\n${story.map((sentence) => `  ${sentence}`).join("\n")}`).join("\n")

// ---------------------------------------------------------------------------
// cycles
// ---------------------------------------------------------------------------

/** In a cycle of two, an update that was lost is worth more than whatever else went on between the two. */
const plainest = (cycle: ReadonlyArray<Graph.Edge>, edges: Graph.Edges): ReadonlyArray<Graph.Edge> => {
  const [first, second] = cycle
  if (first === undefined || second === undefined || cycle.length !== 2) return cycle
  const between = (from: Transaction, to: Transaction) => edges.get(from)?.filter((edge) => edge.to === to) ?? []
  for (const [there, back] of [[first, second], [second, first]] as const) {
    for (const rw of between(there.from, there.to)) {
      const ww = between(back.from, back.to).find((edge) =>
        edge.why === "ww" && edge.object === rw.object && edge.part === rw.part
      )
      if (rw.why === "rw" && ww !== undefined) return [rw, ww]
    }
  }
  return cycle
}

const kindOf = (cycle: ReadonlyArray<Graph.Edge>): Kind => {
  const against = cycle.filter(({ why }) => why === "rw" || why === "scan")
  const [first] = against
  if (first === undefined) return "circular information flow"
  if (against.some(({ why }) => why === "scan")) return "phantom"
  if (against.length > 1) return "write skew"
  const same = cycle.every((edge) =>
    edge === first || (edge.why === "ww" && edge.object === first.object && edge.part === first.part)
  )
  return same ? "lost update" : "read skew"
}

const tell = (cycle: ReadonlyArray<Graph.Edge>): Anomaly => {
  const names = cycle.map(({ from }) => from.name)
  return {
    kind: kindOf(cycle),
    transactions: names,
    story: [
      ...cycle.map(sentence),
      `So none of them can be the first: ${[...names, names[0]].join(" before ")}.`
    ]
  }
}

const sentence = ({ from, object, part, to, why }: Graph.Edge): string => {
  switch (why) {
    case "wr":
      return `${named(to)} read ${nounOf(object, part)} that ${named(from)} wrote.`
    case "ww":
      return `${named(to)} overwrote ${nounOf(object, part)} that ${named(from)} had written.`
    case "rw":
      return `${named(from)} read ${nounOf(object, part)} as it was before ${named(to)} wrote it.`
    case "scan":
      return `${named(from)} scanned, and ${object} was as it had been before ${named(to)} changed it.`
  }
}

// ---------------------------------------------------------------------------
// moments
// ---------------------------------------------------------------------------

const anomalyOf = ({ kind, newer, older, transaction }: Moments.Violation): Anomaly => {
  const story = [
    ...newer === undefined ? [] : [
      `${named(transaction)} read ${nounOf(newer.object, newer.part)} ${
        newer.by === undefined ? "that nobody wrote" : `that ${named(newer.by)} wrote`
      }${kind === "dirty read" && newer.by !== undefined ? ", which was refused" : ""}.`
    ],
    ...older === undefined ? [] : [
      `${named(transaction)} read ${nounOf(older.object, older.part)} as it was before ${
        older.by === undefined ? "it was there" : named(older.by)
      } wrote it.`
    ]
  ]
  const writers = [older?.by, newer?.by].flatMap((by) => by === undefined ? [] : [by])
  return {
    kind,
    transactions: [...new Set([transaction, ...writers].map(({ name }) => name))],
    story: [...story, ...conclusion(kind, transaction, writers)]
  }
}

const conclusion = (
  kind: Moments.Violation["kind"],
  { name }: Transaction,
  [first, second]: ReadonlyArray<Transaction>
): ReadonlyArray<string> => {
  switch (kind) {
    case "dirty read":
      return []
    case "future read":
      return [`But that was not yet committed when ${name} began.`]
    case "stale read":
      return [`But that was committed when ${name} began.`]
    case "read skew":
      return first === undefined || second === undefined || first === second
        ? [`But these are one commit: ${name} saw a part of it.`]
        : [`But ${named(first)} had committed when ${named(second)} did: there was no moment at which both were so.`]
  }
}

const named = ({ label, name }: Transaction): string => label === "" ? name : `${name} (${label})`

const nounOf = (object: string, part: Graph.Edge["part"]): string => `the ${part} of ${object}`
