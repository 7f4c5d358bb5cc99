/**
 * Towers of nested calls, and the same towers of plain functions: what the driver of behaviours must not change.
 *
 * A floor does something, reaches the floor below in some way, and does something after. On a machine every floor is an
 * object of its own and reaching the next one is a call; as plain Effect it is a function that calls a function. The text
 * of a floor is the same for both. What both leave in the log, and how they end, has to be the same: `Towers.test.ts`.
 */
import {
  Avm,
  AvmError,
  Behaviour,
  ControllerId,
  Introspect,
  Machine,
  MachineId,
  Obj,
  ObjectId,
  Tx
} from "@effect-avm/core"
import { Cause, Deferred, Effect, Exit, Fiber, FiberRef, Layer, Option } from "effect"
import type { YieldWrap } from "effect/Utils"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/** How a floor is written. */
export const forms = ["generator", "gen", "pipeline"] as const
export type Form = typeof forms[number]

/** What a floor does before and after, none of which is an instruction. */
export const acts = ["nothing", "sync", "yield", "promise", "immediate", "fiber", "set"] as const
export type Act = typeof acts[number]

/** How it reaches the floor below. */
export const arounds = [
  "try",
  "ensuring",
  "ensuring with a defect",
  "onInterrupt",
  "catchTag",
  "catchAllDefect",
  "exit",
  "locally",
  "scoped",
  "acquireUseRelease",
  "fork",
  "uninterruptible",
  "interruptible"
] as const
export type Around = typeof arounds[number]

/** What happens on the ground. The last two go on until they are interrupted. */
export const grounds = ["answer", "fail", "die", "throw", "interrupt", "wait", "spin"] as const
export type Ground = typeof grounds[number]

export interface Floor {
  readonly form: Form
  readonly before: Act
  readonly arounds: ReadonlyArray<Around>
  readonly after: Act
  /** Silent floors between this one and the next that does something. */
  readonly lift: number
}

export interface Tower {
  /** From the top. */
  readonly floors: ReadonlyArray<Floor>
  readonly ground: Ground
  readonly groundForm: Form
  /** All of it in one bracket. */
  readonly bracket: boolean
}

/** How it went: what was logged, and how it ended. */
export interface Ended {
  readonly log: ReadonlyArray<string>
  readonly end: string
}

// ---------------------------------------------------------------------------
// the floors
// ---------------------------------------------------------------------------

type Step<A> = Effect.Effect<A, AvmError.AvmError, Obj.Obj | Introspect.Introspect>
type Body<A> = Generator<YieldWrap<Step<unknown>>, A, never>
type Answer = ReadonlyArray<number>

/** What a floor finds on a machine, or in plain Effect. */
interface World {
  readonly log: Array<string>
  readonly name: (id: ObjectId.ObjectId) => string
  readonly self: Step<ObjectId.ObjectId>
  readonly sender: Step<Option.Option<ObjectId.ObjectId>>
  readonly machine: Step<MachineId.MachineId>
  /** Something that can go on for ever, and be interrupted. */
  readonly tick: Step<unknown>
  /** Calls the floor below. */
  readonly descend: () => Body<number>
  readonly reached: Deferred.Deferred<void>
  readonly setting: FiberRef.FiberRef<number>
}

/** With the frame as it is seen where it is said. */
function* say(world: World, what: string): Body<void> {
  const self = world.name(yield* world.self)
  const sender = Option.match(yield* world.sender, { onNone: () => "nobody", onSome: world.name })
  world.log.push(`${self} < ${sender} @ ${yield* world.machine}: ${what}`)
}

const saying = (world: World, what: string): Effect.Effect<void, never, Obj.Obj | Introspect.Introspect> =>
  Effect.orDie(Effect.gen(() => say(world, what)))

const act = (world: World, what: Act): Step<unknown> => {
  switch (what) {
    case "nothing":
      return Effect.void
    case "sync":
      return Effect.sync(() => world.log.push("sync"))
    case "yield":
      return Effect.yieldNow()
    case "promise":
      return Effect.promise(() => Promise.resolve())
    case "immediate":
      return Effect.async<void>((resume) => {
        const immediate = setImmediate(() => resume(Effect.void))
        return Effect.sync(() => clearImmediate(immediate))
      })
    case "fiber":
      return Effect.flatMap(Effect.fork(saying(world, "a fiber")), Fiber.join)
    case "set":
      return Effect.tap(
        FiberRef.updateAndGet(world.setting, (n) => n + 1),
        (n) => Effect.sync(() => world.log.push(`set ${n}`))
      )
  }
}

const around = (world: World, what: Around, below: Step<number>): Step<number> => {
  switch (what) {
    case "try":
      return below
    case "ensuring":
      return Effect.ensuring(below, saying(world, "ensured"))
    case "ensuring with a defect":
      return Effect.ensuring(below, Effect.zipRight(saying(world, "ensured"), Effect.die("a finalizer")))
    case "onInterrupt":
      return Effect.onInterrupt(below, () => saying(world, "interrupted"))
    case "catchTag":
      return Effect.catchTag(below, "FunctionNotFound", ({ name }) => Effect.as(saying(world, `caught ${name}`), -100))
    case "catchAllDefect":
      return Effect.catchAllDefect(below, (defect) => Effect.as(saying(world, `caught ${defect}`), -200))
    case "exit":
      return Effect.flatMap(Effect.exit(below), (exit) => Effect.zipRight(saying(world, show(exit)), exit))
    case "locally":
      return Effect.locally(below, world.setting, 1000)
    case "scoped":
      return Effect.scoped(
        Effect.zipRight(Effect.acquireRelease(saying(world, "open"), () => saying(world, "close")), below)
      )
    case "acquireUseRelease":
      return Effect.acquireUseRelease(saying(world, "acquired"), () => below, () => saying(world, "released"))
    case "fork":
      return Effect.flatMap(Effect.fork(below), Fiber.join)
    case "uninterruptible":
      return Effect.uninterruptible(below)
    case "interruptible":
      return Effect.interruptible(below)
  }
}

const descent = (world: World, floor: Floor): Step<number> =>
  floor.arounds.reduce((below, what) => around(world, what, below), Effect.gen(world.descend))

/** A call that nothing stands around is yielded as it is: the driver may go down without the fiber's help. */
const descending = (world: World, floor: Floor): Body<number> | Step<number> =>
  floor.arounds.every((what) => what === "try") ? world.descend() : descent(world, floor)

function* generator(world: World, floor: Floor): Body<Answer> {
  yield* say(world, "before")
  if (floor.before !== "nothing") yield* act(world, floor.before)
  let answer = -1
  if (floor.arounds.includes("try")) {
    try {
      answer = yield* descending(world, floor)
    } catch {
      // Nothing that happens below is thrown here.
      world.log.push("caught by try")
    } finally {
      world.log.push("finally")
    }
  } else answer = yield* descending(world, floor)
  yield* say(world, `after ${answer}`)
  if (floor.after !== "nothing") yield* act(world, floor.after)
  return [answer + 1]
}

const pipeline = (world: World, floor: Floor): Step<Answer> =>
  saying(world, "before").pipe(
    Effect.zipRight(act(world, floor.before)),
    Effect.zipRight(descent(world, floor)),
    Effect.tap((answer) => saying(world, `after ${answer}`)),
    Effect.zipLeft(act(world, floor.after)),
    Effect.map((answer) => [answer + 1])
  )

function* ground(world: World, what: Ground): Body<Answer> {
  yield* say(world, what)
  switch (what) {
    case "answer":
      return [0]
    case "fail":
      return yield* Effect.fail(new AvmError.FunctionNotFound({ name: "ground" }))
    case "die":
      return yield* Effect.die("died")
    case "throw":
      throw "thrown"
    case "interrupt":
      return yield* Effect.interrupt
    case "wait":
    case "spin": {
      const interruptible = yield* Effect.checkInterruptible(Effect.succeed)
      yield* Deferred.succeed(world.reached, undefined)
      if (!interruptible) {
        // Long enough for somebody to try.
        yield* Effect.repeatN(Effect.yieldNow(), 20)
        return [0]
      }
      if (what === "wait") return yield* Effect.never
      for (;;) yield* world.tick
    }
  }
}

/** One floor after the other, with the silent ones in between. */
type Level = Floor | "silent" | "ground"

const levelsOf = ({ floors }: Tower): ReadonlyArray<Level> => [
  ...floors.flatMap((
    floor
  ): ReadonlyArray<Level> => [floor, ...Array.from({ length: floor.lift }, () => "silent" as const)]),
  "ground"
]

function* body(world: World, tower: Tower, level: Level): Body<Answer> {
  if (level === "silent") return [yield* world.descend()]
  return yield* level === "ground" ? ground(world, tower.ground) : generator(world, level)
}

const effectOf = (world: World, tower: Tower, level: Level): Step<Answer> =>
  level !== "silent" && level !== "ground" && level.form === "pipeline"
    ? pipeline(world, level)
    : Effect.gen(() => body(world, tower, level))

// ---------------------------------------------------------------------------
// running
// ---------------------------------------------------------------------------

/** Whether it ends by itself. */
const ends = ({ ground }: Tower): boolean => ground !== "wait" && ground !== "spin"

/** What comes of it, by itself or by an interruption once the ground is reached. */
const outcome = <R>(
  tower: Tower,
  world: Pick<World, "log" | "reached" | "setting">,
  top: Effect.Effect<unknown, AvmError.AvmError | Tx.TransactError, R>
): Effect.Effect<Ended, never, R> =>
  Effect.gen(function*() {
    let exit: Exit.Exit<unknown, unknown>
    if (ends(tower)) exit = yield* Effect.exit(top)
    else {
      const fiber = yield* Effect.fork(top)
      yield* Deferred.await(world.reached)
      exit = yield* Fiber.interrupt(fiber)
    }
    return { log: [...world.log, `set ${yield* FiberRef.get(world.setting)}`], end: show(exit) }
  })

const show = (exit: Exit.Exit<unknown, unknown>): string =>
  Exit.match(exit, { onFailure: showCause, onSuccess: (value) => `answered ${value}` })

/** Failures and defects in their order, and whether it was interrupted: effect says so as often as it has looked. */
const showCause = (cause: Cause.Cause<unknown>): string => {
  const found = Cause.reduce(cause, new Array<string>(), (found, part) => {
    if (Cause.isFailType(part)) found.push(`failed ${(part.error as { readonly _tag?: string })._tag}`)
    else if (Cause.isDieType(part)) found.push(`died ${part.defect}`)
    return Option.some(found)
  })
  return [...found, ...(Cause.isInterrupted(cause) ? ["interrupted"] : [])].join(", then ")
}

/** The machine's own, so that objects may be moved. */
const controller = ControllerId.make("local")
const [m0, m1] = [MachineId.make("m0"), MachineId.make("m1")]

/** Every third floor is on another machine. */
const machineOf = (level: number): MachineId.MachineId => level % 3 === 2 ? m1 : m0

const rootName = "root"

/** A tower of functions. */
export const plainly = (tower: Tower): Effect.Effect<Ended> =>
  Effect.gen(function*() {
    const levels = levelsOf(tower)
    const common = {
      log: [],
      name: (id: ObjectId.ObjectId) => id.value,
      tick: Effect.yieldNow(),
      reached: yield* Deferred.make<void>(),
      setting: FiberRef.unsafeMake(0)
    }
    const at = (n: number): Effect.Effect<number, AvmError.AvmError> => {
      const here: Step<number> = Effect.suspend(() => at(n + 1))
      const world: World = {
        ...common,
        self: Effect.succeed(ObjectId.make(String(n))),
        sender: Effect.succeed(Option.some(ObjectId.make(n === 0 ? rootName : String(n - 1)))),
        machine: Effect.succeed(machineOf(n)),
        *descend(): Body<number> {
          return yield* here
        }
      }
      // Nothing in it is an instruction.
      return Effect.map(effectOf(world, tower, levels[n] ?? "ground"), ([answer = -1]) => answer) as Effect.Effect<
        number,
        AvmError.AvmError
      >
    }
    return yield* outcome(tower, common, at(0))
  })

/** Runs towers as nested calls, up to a height. */
export interface Site {
  readonly run: (tower: Tower) => Effect.Effect<Ended, AvmError.AvmError | Tx.TransactError>
}

export const make = (height: number): Effect.Effect<Site, AvmError.AvmError, Avm.Avm | Behaviour.Registry> =>
  Effect.gen(function*() {
    let current: { readonly tower: Tower; readonly world: World; readonly levels: ReadonlyArray<Level> } | undefined
    const standing = () => {
      if (current === undefined) throw new Error("no tower")
      return current
    }
    function* raw(): Body<Answer> {
      const { levels, tower, world } = standing()
      return yield* body(world, tower, levels[Number(yield* Introspect.input)] ?? "ground")
    }
    const wrapped = Effect.flatMap(Introspect.input, (n) => {
      const { levels, tower, world } = standing()
      return effectOf(world, tower, levels[Number(n)] ?? "ground")
    })
    const avm = yield* Avm.Avm
    yield* Layer.build(Layer.mergeAll(
      Behaviour.layerRaw("generator", raw),
      Behaviour.layerRaw("gen", Effect.gen(raw)),
      Behaviour.layerRaw("pipeline", wrapped)
    )).pipe(Effect.scoped)

    const names = new Map<string, string>()
    const ids = new Map<Form, ReadonlyArray<ObjectId.ObjectId>>()
    for (const form of forms) {
      const made: Array<ObjectId.ObjectId> = []
      yield* Avm.run(Effect.gen(function*() {
        for (let n = 0; n < height; n++) {
          const id = yield* Obj.create(form, controller)
          if (machineOf(n) !== m0) yield* Machine.moveObject(id, machineOf(n))
          names.set(id.value, String(n))
          made.push(id)
        }
      }))
      ids.set(form, made)
    }

    const idOf = (tower: Tower, levels: ReadonlyArray<Level>, n: number): ObjectId.ObjectId => {
      const level = levels[n]
      const form = level === "ground"
        ? tower.groundForm
        : level === undefined || level === "silent"
        ? "generator"
        : level.form
      const id = ids.get(form)?.[n]
      if (id === undefined) throw new Error("the tower is too high")
      return id
    }

    const run = (tower: Tower) =>
      Effect.gen(function*() {
        const levels = levelsOf(tower)
        function* call(n: number): Body<number> {
          return Number(Option.getOrThrow(yield* Obj.call(idOf(tower, levels, n), n)))
        }
        const top = Effect.gen(() => call(0))
        const world: World = {
          log: [],
          name: (id) => names.get(id.value) ?? rootName,
          self: Introspect.self,
          sender: Introspect.sender,
          machine: Introspect.currentMachine,
          tick: Introspect.self,
          *descend(): Body<number> {
            return yield* call(Number(yield* Introspect.input) + 1)
          },
          reached: yield* Deferred.make<void>(),
          setting: FiberRef.unsafeMake(0)
        }
        current = { tower, levels, world }
        return yield* Avm.run(Effect.gen(function*() {
          const root = yield* Introspect.self
          const ended = yield* outcome(tower, world, tower.bracket ? Tx.transact(top) : top)
          // Whatever happened: the root is where it was, and the next program finds the machine in order.
          const [self, sender, machine] = [
            yield* Introspect.self,
            yield* Introspect.sender,
            yield* Introspect.currentMachine
          ]
          if (self !== root || Option.isSome(sender) || machine !== m0) {
            return { ...ended, end: `${ended.end}, and the root is not where it was` }
          }
          return ended
        }))
      })
    return { run: (tower) => Effect.provideService(run(tower), Avm.Avm, avm) }
  })
