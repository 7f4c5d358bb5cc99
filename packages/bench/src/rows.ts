/**
 * What is measured of the machine.
 */
import { Introspect, Obj, type ObjectId, Tx } from "@effect-avm/core"
import * as Effect from "effect/Effect"
import type { Row } from "./harness.js"
import { Account, controller, type Machine, make } from "./machine.js"

export const objects = (
  machine: Machine,
  behaviour: string,
  count: number
): Promise<ReadonlyArray<ObjectId.ObjectId>> =>
  machine.runtime.runPromise(
    Effect.promise(() =>
      Effect.runPromise(machine.run(Effect.replicateEffect(Obj.create(behaviour, controller), count)))
    )
  )

/** In an order that is none, but always the same. */
export const pick = <A>(from: ReadonlyArray<A>, n: number): A => from[(n * 7919) % from.length] as A // the list is not empty

const instruction = (machine: Machine, name: string, target?: number): Row => {
  const operations = 500_000
  return {
    name,
    operations,
    run: () =>
      machine.run(Effect.gen(function*() {
        for (let n = 0; n < operations; n++) yield* Introspect.input
      })),
    ...(target === undefined ? {} : { target })
  }
}

export const calls = (machine: Machine, name: string, ids: ReadonlyArray<ObjectId.ObjectId>, target?: number): Row => {
  const operations = 50_000
  return {
    name,
    operations,
    run: () =>
      machine.run(Effect.gen(function*() {
        for (let n = 0; n < operations; n++) yield* Obj.call(pick(ids, n), 1)
      })),
    ...(target === undefined ? {} : { target })
  }
}

const transaction = (
  machine: Machine,
  name: string,
  ids: ReadonlyArray<ObjectId.ObjectId>,
  size: number,
  target?: number
): Row => {
  const operations = Math.ceil(24_000 / (size + 2))
  return {
    name,
    operations,
    run: () =>
      machine.run(Effect.gen(function*() {
        for (let n = 0; n < operations; n++) {
          yield* Tx.transact(Effect.gen(function*() {
            for (let call = 0; call < size; call++) yield* Obj.call(pick(ids, n * size + call), 1)
          }))
        }
      })),
    ...(target === undefined ? {} : { target })
  }
}

const deep = (machine: Machine, name: string, depth: number, target?: number): Row => ({
  name,
  operations: depth,
  run: () => machine.run(Effect.flatMap(Obj.create("deep"), (id) => Obj.call(id, depth))),
  ...(target === undefined ? {} : { target })
})

export const hot = async (): Promise<ReadonlyArray<Row>> => {
  const machine = make()
  const adders = await objects(machine, "adder", 1000)
  const foreign = await objects(machine, "foreign", 1000)
  const escaping = await objects(machine, "escaping", 1000)
  const waiting = await objects(machine, "waiting", 1000)
  const [looper] = await objects(machine, "looper", 1)
  const [caller] = await objects(machine, "caller", 1)
  const accounts = await Effect.runPromise(
    machine.run(Effect.replicateEffect(Account.create({ controller }), 1000))
  )
  if (looper === undefined || caller === undefined) throw new Error("no object was created")
  const loops = 500_000
  const nested = 50_000
  return [
    instruction(machine, "instruction in a program", 0.3),
    {
      name: "instruction in a behaviour",
      operations: loops,
      run: () => machine.run(Obj.call(looper, loops)),
      target: 0.3
    },
    calls(machine, "call", adders, 1.5),
    {
      name: "call from a behaviour",
      operations: nested,
      run: () => machine.run(Obj.call(caller, [pick(adders, 1), nested])),
      target: 1.5
    },
    {
      name: "typed call",
      operations: nested,
      run: () =>
        machine.run(Effect.gen(function*() {
          for (let n = 0; n < nested; n++) yield* pick(accounts, n).Deposit({ amount: 1 })
        })),
      target: 4
    },
    calls(machine, "call with one Effect.sync, from a program", foreign, 12),
    calls(machine, "call with one effect that the fiber runs, from a program", escaping, 12),
    calls(machine, "call with one Effect.yieldNow, from a program", waiting),
    {
      name: "call with one Effect.sync, from a behaviour",
      operations: nested,
      run: () => machine.run(Obj.call(caller, [pick(foreign, 1), nested])),
      target: 4
    },
    {
      name: "call with one effect that the fiber runs, from a behaviour",
      operations: nested,
      run: () => machine.run(Obj.call(caller, [pick(escaping, 1), nested])),
      target: 4
    },
    transaction(machine, "transaction of 1 call", adders, 1, 8),
    transaction(machine, "transaction of 4 calls", adders, 4, 14),
    transaction(machine, "transaction of 16 calls", adders, 16, 36),
    deep(machine, "nested call, at depth 100,000", 100_000, 12),
    deep(machine, "nested call, at depth 1,000,000", 1_000_000),
    {
      name: "create",
      operations: nested,
      run: () =>
        machine.run(Effect.gen(function*() {
          for (let n = 0; n < nested; n++) yield* Obj.create("adder")
        })),
      target: 3
    }
  ]
}

export const stores = async (sizes: ReadonlyArray<number>): Promise<ReadonlyArray<Row>> => {
  const rows: Array<Row> = []
  for (const size of sizes) {
    const machine = make()
    const ids = await objects(machine, "adder", size)
    for (const count of [1, 4, 16]) {
      rows.push(transaction(machine, `transaction of ${count} calls, ${size.toLocaleString("en")} objects`, ids, count))
    }
  }
  return rows
}
