/**
 * Measuring: all rows of a table in turn, round after round, so that what else the machine does hits all of them alike.
 *
 * The unit is the *step*, one `yield* Effect.sync(() => x + 1)` in one generator, measured in the same rounds. A row's
 * ratio is the median over the rounds of its time by the time of a step in that round. Times are CPU times of the process.
 */
import * as Effect from "effect/Effect"

export interface Row {
  readonly name: string
  /** How many operations one run does. */
  readonly operations: number
  readonly run: () => Effect.Effect<unknown>
  /** The ratio to stay below, where one was set. */
  readonly target?: number
}

/** What one row costs more than another, in parts: an entry of the trace, by two rows that differ in entries alone. */
export interface Difference {
  readonly name: string
  readonly row: string
  readonly less: string
  readonly parts: number
  readonly target?: number
}

export interface Measured {
  readonly name: string
  readonly nanoseconds: number
  readonly ratio: number
  readonly target?: number
}

export interface Table {
  readonly title: string
  readonly rows: ReadonlyArray<Measured>
}

const steps = 200_000

export const step: Row = {
  name: "a step: yield* Effect.sync(() => x + 1)",
  operations: steps,
  run: () =>
    Effect.gen(function*() {
      let x = 0
      for (let n = 0; n < steps; n++) {
        const y = x
        x = yield* Effect.sync(() => y + 1)
      }
      return x
    })
}

const once = async ({ operations, run }: Row): Promise<number> => {
  const before = process.cpuUsage()
  await Effect.runPromise(run())
  const { system, user } = process.cpuUsage(before)
  return (user + system) * 1000 / operations
}

export const measure = async (
  title: string,
  rows: ReadonlyArray<Row>,
  rounds: number,
  differences: ReadonlyArray<Difference> = []
): Promise<Table> => {
  const all = [step, ...rows]
  for (const row of all) await once(row)
  // By name, the nanoseconds of each round.
  const times = new Map<string, Array<number>>(all.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const row of all) times.get(row.name)?.push(await once(row))
  }
  for (const { less, name, parts, row } of differences) {
    const known = times.get(less) ?? []
    times.set(name, (times.get(row) ?? []).map((time, round) => (time - (known[round] ?? 0)) / parts))
  }
  const units = times.get(step.name) ?? []
  return {
    title,
    rows: [...all, ...differences].map(({ name, target }) => ({
      name,
      nanoseconds: median(times.get(name) ?? []),
      ratio: median((times.get(name) ?? []).map((time, round) => time / (units[round] ?? 1))),
      ...(target === undefined ? {} : { target })
    }))
  }
}

/** Milliseconds of CPU time that the process has used so far, with all of its threads. */
export const cpuNow = (): number => {
  const { system, user } = process.cpuUsage()
  return (system + user) / 1000
}

export const cpuOf = async (run: () => Promise<unknown>): Promise<number> => {
  const before = cpuNow()
  await run()
  return cpuNow() - before
}

/** How often to do it so that a tick of the clock is short beside it. */
export const timesFor = (millis: number): number => Math.ceil(20 / Math.max(0.2, millis))

export const median = (values: ReadonlyArray<number>): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const [low, high] = [sorted[middle - 1] ?? 0, sorted[middle] ?? 0]
  return sorted.length % 2 === 1 ? high : (low + high) / 2
}

// ---------------------------------------------------------------------------
// showing
// ---------------------------------------------------------------------------

export const show = ({ rows, title }: Table, before: Table | undefined): string => {
  const known = new Map(before?.rows.map((row) => [row.name, row.ratio]))
  const lines = rows.map(({ name, nanoseconds, ratio, target }) => {
    const was = known.get(name)
    const cells = [
      name,
      nanoseconds.toFixed(nanoseconds < 100 ? 1 : 0),
      ratio.toFixed(Math.abs(ratio) < 0.1 ? 3 : 2),
      target === undefined ? "" : `${target}${ratio <= target ? "" : " (missed)"}`
    ]
    if (before !== undefined) cells.push(was === undefined ? "new" : `${((ratio / was - 1) * 100).toFixed(0)} %`)
    return `| ${cells.join(" | ")} |`
  })
  const heads = ["", "ns", "steps", "target", ...(before === undefined ? [] : ["change"])]
  return [`\n### ${title}\n`, `| ${heads.join(" | ")} |`, `|---|${"---:|".repeat(heads.length - 1)}`, ...lines].join(
    "\n"
  )
}
