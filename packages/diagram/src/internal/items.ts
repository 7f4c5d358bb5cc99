/**
 * The entries of a recording with their details, wherever those came from.
 */
import type { Detail, Entry, Later, Recording } from "../Recording.js"

export interface Item {
  /** An index of `executions`. */
  readonly execution: number
  readonly entry: Entry
  /** Of a call that has begun: the step of its beginning. */
  begun: number
}

export interface Collected {
  readonly executions: ReadonlyArray<string>
  readonly items: ReadonlyArray<Item>
  /** Of the recording, also those that are not in `items`. */
  readonly entries: number
  /** The details that name no entry. */
  readonly unplaced: number
  /** The objects that are created by an entry. */
  readonly created: ReadonlySet<string>
}

export const collect = (recording: Recording, maxEntries: number): Collected => {
  const numbers = new Map<string, number>()
  const items: Array<Item> = []
  const created = new Set<string>()
  const details = detailsOf(recording)
  const placed = new Set<string>()
  let entries = 0
  for (const [name, entry] of recording.entries) {
    entries++
    if (items.length >= maxEntries) continue
    const execution = numbers.get(name) ?? numbers.size
    numbers.set(name, execution)
    let detail: Detail | undefined = entry.detail
    if (details.size > 0) {
      // Without a name a detail is about the first execution.
      for (
        const key of new Set([keyOf(name, entry.timestamp), ...(execution === 0 ? [keyOf("", entry.timestamp)] : [])])
      ) {
        const found = details.get(key)
        if (found === undefined) continue
        placed.add(key)
        for (const more of found) detail = { ...detail, ...more }
      }
    }
    const { event, executingController, timestamp } = entry
    if (event._tag === "ObjectCreated") created.add(event.id.value)
    const whole = detail === entry.detail ? entry : { event, executingController, timestamp, detail }
    items.push({ execution, entry: whole, begun: -1 })
  }
  let unplaced = 0
  for (const [key, found] of details) unplaced += placed.has(key) ? 0 : found.length
  // Programs that did nothing are there all the same.
  for (const { execution } of recording.programs ?? []) {
    if (execution !== "" && !numbers.has(execution)) numbers.set(execution, numbers.size)
  }
  return { executions: [...numbers.keys()], items, entries, unplaced, created }
}

const detailsOf = (recording: Recording): ReadonlyMap<string, ReadonlyArray<Later>> => {
  const details = new Map<string, Array<Later>>()
  for (const detail of recording.details ?? []) {
    const key = keyOf(detail.execution ?? "", detail.timestamp)
    const there = details.get(key)
    if (there === undefined) details.set(key, [detail])
    else there.push(detail)
  }
  return details
}

const keyOf = (execution: string, timestamp: number): string => `${execution}\u0000${timestamp}`
