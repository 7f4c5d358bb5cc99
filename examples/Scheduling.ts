/**
 * Jobs of several steps, each on a machine that does one thing at a time: when does each begin, so that all is done as soon
 * as possible?
 */
import { Constraint, FD } from "@effect-avm/core"
import { Console, Effect, Option } from "effect"

/** The steps of each job in their order: machine and duration. */
const jobs = {
  chair: [["saw", 3], ["drill", 2], ["paint", 2]],
  table: [["saw", 2], ["paint", 1], ["drill", 4]],
  shelf: [["drill", 4], ["paint", 3]]
} as const

const steps = Object.entries(jobs).flatMap(([job, steps]) =>
  steps.map(([machine, duration], at) => ({ name: `${job} ${machine}`, job, at, machine, duration }))
)

const horizon = steps.reduce((sum, { duration }) => sum + duration, 0)

const plan = FD.model({
  variables: Object.fromEntries([...steps.map(({ name }) => name), "end"].map((name) => [name, FD.range(0, horizon)])),
  constraints: (begins) => {
    const endOf = (step: (typeof steps)[number]) => Constraint.plus(begins[step.name], step.duration)
    return [
      ...steps.map((step) => Constraint.leq(endOf(step), begins["end"])),
      ...steps.flatMap((one) =>
        steps.filter((other) => other.job === one.job && other.at === one.at + 1)
          .map((next) => Constraint.leq(endOf(one), begins[next.name]))
      ),
      ...steps.flatMap((one, at) =>
        steps.slice(at + 1).filter((other) => other.machine === one.machine && other.job !== one.job)
          .map((other) =>
            Constraint.or(
              Constraint.leq(endOf(one), begins[other.name]),
              Constraint.leq(endOf(other), begins[one.name])
            )
          )
      )
    ]
  }
})

export const main = Effect.gen(function*() {
  const { complete, solution } = yield* FD.maximize(plan, ({ end }) => Constraint.times(-1, end), {
    time: "10 seconds"
  })
  const begins = Option.getOrElse(solution, (): Readonly<Record<string, number>> => ({}))
  for (const { duration, name } of steps) {
    yield* Console.log(`${name.padEnd(12)} ${" ".repeat(begins[name])}${"#".repeat(duration)}`)
  }
  yield* Console.log(`done after ${begins["end"]}`)
  return { complete, end: begins["end"] }
})

if (process.argv[1] === import.meta.filename) Effect.runPromise(main)
