/**
 * Programs that never wait, for `Fairness.test.ts`: they go through instructions until a turn of the event loop has come.
 */
import { Avm, Behaviour, Constraint, ControllerId, FD, Introspect, Nondet, Obj, Tx } from "@effect-avm/core"
import { Effect, Layer, Option, Stream } from "effect"
import { machineOn, type StoreLayer } from "../../support/Stores.js"

/** So many instructions are 10 ms, at a twentieth of a microsecond each. */
export const bound = 200_000

/** Whether a turn of the event loop has come since, and how many instructions it took. */
export class Watch {
  instructions = 0
  private fired = false
  private readonly timer: NodeJS.Timeout | NodeJS.Immediate
  constructor(kind: "a timer" | "an immediate") {
    const fire = () => {
      this.fired = true
    }
    this.timer = kind === "a timer" ? setTimeout(fire, 0) : setImmediate(fire)
  }
  /** Counts some instructions; false when there is no need to go on. */
  goOn(count: number): boolean {
    this.instructions += count
    return !this.fired && this.instructions < 10 * bound
  }
  stop(): void {
    clearTimeout(this.timer as NodeJS.Timeout)
    clearImmediate(this.timer as NodeJS.Immediate)
  }
}

let watch: Watch | undefined

/** The watch that the programs look at. */
export const watching = (kind: "a timer" | "an immediate"): Watch => (watch = new Watch(kind))

const goOn = (count: number): boolean => watch?.goOn(count) === true

/** Spins through its own state. */
const Spinning = Behaviour.layerRaw("spinning", function*() {
  for (let n = 0; goOn(2); n++) {
    yield* Introspect.setState(n)
    yield* Introspect.getState
  }
  return []
})

/** Goes down as many calls as its message says, and spins there. */
const Deep = Behaviour.layerRaw("deep", function*() {
  const n = Number(yield* Introspect.input)
  if (n > 0) return Option.toArray(yield* Obj.call(yield* Introspect.self, n - 1))
  while (goOn(1)) yield* Introspect.input
  return []
})

const Small = Behaviour.layerRaw("small", function*() {
  return [yield* Introspect.input]
})

/** Calls a small one again and again. */
const Calling = Behaviour.layerRaw("calling", function*() {
  const small = yield* Obj.create("small")
  while (goOn(2)) yield* Obj.call(small, 1)
  return []
})

/** Not a generator. */
const Pipeline = Behaviour.layerRaw(
  "pipeline",
  Effect.suspend(() => Effect.as(counting, []))
)

export const machine = (store: StoreLayer) =>
  Layer.provideMerge(Layer.mergeAll(Spinning, Deep, Small, Calling, Pipeline), machineOn(store))

const call = (behaviour: string, input = 0) => Effect.flatMap(Obj.create(behaviour), (id) => Obj.call(id, input))

const counting = Effect.iterate(true, { while: (_) => _, body: () => Effect.map(Introspect.input, () => goOn(1)) })

/** All Latin squares of this size; to make a variable and to label it takes as long as so many instructions. */
const latin = (size: number, perVariable: number) =>
  Effect.gen(function*() {
    goOn(size * size * perVariable)
    const cells: Array<FD.Var<number>> = []
    for (let n = 0; n < size * size; n++) cells.push(yield* FD.newVar(FD.range(1, size)))
    for (let n = 0; n < size; n++) {
      yield* FD.post(Constraint.allDifferent(cells.filter((_, at) => at % size === n)))
      yield* FD.post(Constraint.allDifferent(cells.filter((_, at) => Math.floor(at / size) === n)))
    }
    for (const cell of cells) yield* FD.label(cell)
  })

/** Finds by another run each time that nothing else will do. */
const guessing = Effect.gen(function*() {
  let sum = 0
  for (let n = 0; n < 4; n++) sum += yield* Nondet.choose([0, 1])
  goOn(500)
  yield* Nondet.require(sum === 4)
})

export type Name =
  | "labels"
  | "a search"
  | "choices"
  | "a program"
  | "a program of calls"
  | "a program without a generator"
  | "a transaction"
  | "many transactions"
  | "a behaviour"
  | "a behaviour that calls"
  | "a behaviour without a generator"
  | "a callee 100 calls down"
  | "a callee 300 calls down"

export const spins: Readonly<Record<Name, Effect.Effect<unknown, unknown, Avm.Avm>>> = {
  "a program": Avm.run(Effect.gen(function*() {
    while (goOn(1)) yield* Introspect.input
  })),
  "a program of calls": Avm.run(Effect.flatMap(Obj.create("small"), (small) =>
    Effect.gen(function*() {
      while (goOn(2)) yield* Obj.call(small, 1)
    }))),
  "a program without a generator": Avm.run(counting),
  "a transaction": Avm.run(Tx.transact(Effect.gen(function*() {
    for (let n = 0; goOn(1); n++) yield* Introspect.setState(n)
  }))),
  "many transactions": Avm.run(Effect.gen(function*() {
    while (goOn(3)) yield* Tx.transact(Introspect.setState(1), { controller: ControllerId.make("C1") })
  })),
  labels: Avm.run(Effect.gen(function*() {
    while (goOn(0)) yield* Effect.ignore(Tx.transact(Effect.zipRight(latin(12, 50), Effect.fail("enough"))))
  })),
  "a search": Avm.run(Stream.runDrain(Stream.takeWhile(FD.search(latin(5, 50)), () => goOn(0)))),
  choices: Avm.run(Effect.gen(function*() {
    while (goOn(0)) yield* Tx.transact(guessing)
  })),
  "a behaviour": Avm.run(call("spinning")),
  "a behaviour that calls": Avm.run(call("calling")),
  "a behaviour without a generator": Avm.run(call("pipeline")),
  "a callee 100 calls down": Avm.run(call("deep", 100)),
  "a callee 300 calls down": Avm.run(call("deep", 300))
}
