/**
 * What it costs to fail: calls that are refused, fail or die and are caught, and a bracket that loses a race.
 */
import { Avm, Obj, type ObjectId, Tx } from "@effect-avm/core"
import { Effect, Schedule } from "effect"
import type { Row } from "./harness.js"
import { type Machine, make } from "./machine.js"
import { objects, pick } from "./rows.js"

const operations = 50_000

const repeated = (
  machine: Machine,
  name: string,
  operation: (n: number) => Effect.Effect<unknown, never, Obj.Obj>
): Row => ({
  name,
  operations,
  run: () =>
    machine.run(Effect.gen(function*() {
      for (let n = 0; n < operations; n++) yield* operation(n)
    }))
})

/** A bracket that another program gets in front of, once. */
const losing = (machine: Machine, name: string, ids: ReadonlyArray<ObjectId.ObjectId>): Row => {
  const operations = 5000
  return {
    name,
    operations,
    run: () =>
      machine.run(Effect.flatMap(Effect.context<Avm.Avm>(), (context) =>
        Effect.gen(function*() {
          for (let n = 0; n < operations; n++) {
            const id = pick(ids, n)
            let tries = 0
            const body = Effect.gen(function*() {
              yield* Obj.call(id, 1)
              if (tries++ === 0) yield* Effect.provide(Avm.run(Obj.call(id, 1)), context)
            })
            yield* Tx.transact(body, { retry: Schedule.recurs(1) })
          }
        })))
  }
}

export const rows = async (): Promise<ReadonlyArray<Row>> => {
  const machine = make()
  const refusing = await objects(machine, "refusing", 10)
  const failing = await objects(machine, "failing", 10)
  const dying = await objects(machine, "dying", 10)
  const adders = await objects(machine, "adder", 100)
  const catching = pick(await objects(machine, "catching", 1), 0)
  return [
    repeated(machine, "call that is refused, and caught", (n) => Effect.ignore(Obj.call(pick(refusing, n), 1))),
    repeated(machine, "call that fails, and is caught", (n) => Effect.ignore(Obj.call(pick(failing, n), 1))),
    {
      name: "the same from a behaviour",
      operations,
      run: () => machine.run(Obj.call(catching, [pick(failing, 1), operations]))
    },
    repeated(machine, "call that dies, and is caught", (n) => Effect.exit(Obj.call(pick(dying, n), 1))),
    losing(machine, "transaction of 1 call that loses once (the call that wins included)", adders)
  ]
}
