/**
 * `avm run`: a module's program on a machine in memory or on a file, its result, its trace, its picture.
 */
import { Avm, IdGenerator, ObjectStore, Reachability, Scheduling, Trace, TraceEvent, Val } from "@effect-avm/core"
import { Metrics } from "@effect-avm/opentelemetry"
import { Sqlite, SqliteTrace } from "@effect-avm/sqlite"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import type * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { BadArgument, type CliError, type OutputGone, ProgramFailed } from "../CliError.js"
import * as Module from "../Module.js"
import { Term } from "../Term.js"
import { type Pictures, saying, write } from "./pictures.js"
import { jsonLines, note, out, table } from "./printing.js"
import { failed } from "./reading.js"
import * as recorder from "./recorder.js"
import { telemetry } from "./telemetry.js"
import { cut, showResult, toJson } from "./text.js"
import * as words from "./words.js"

export interface Options {
  readonly module: string
  readonly store: Option.Option<string>
  readonly input: Option.Option<string>
  readonly trace: "table" | "json" | "none"
  readonly pictures: Pictures
  readonly otlp: Option.Option<string>
  readonly recordAnswers: boolean
  readonly json: boolean
}

/** The console that a program has without the command. */
export class ProgramConsole extends Context.Tag("@effect-avm/cli/ProgramConsole")<ProgramConsole, Console.Console>() {}

export const run = (options: Options): Effect.Effect<void, CliError, Term | ProgramConsole> =>
  Effect.gen(function*() {
    const given = yield* inputOf(options)
    const module = yield* Module.load(options.module)
    const input = Option.getOrElse(given, () => module.input)
    if (Option.isSome(given) && !module.isFunction) {
      yield* note("--input: the program is no function, so nothing but Introspect.input answers it")
    }
    const recording = recorder.make()
    const isWatched = options.pictures.length > 0
    const isRecorded = isWatched || options.trace !== "none"

    yield* Effect.scoped(Effect.gen(function*() {
      const ports = yield* Effect.mapError(
        Layer.build(countedFor(options, portsOf(options, isRecorded ? recording : undefined))),
        failed
      )
      const machine = Layer.provideMerge(
        Avm.layer({ recordAnswers: options.recordAnswers }),
        Layer.succeedContext(ports)
      )
      const platform = yield* Layer.build(isWatched ? Layer.provideMerge(recording.layerWatch, machine) : machine)
      const watching = yield* Layer.build(sendingTo(options, module))
      const program = running(module, input).pipe(
        Effect.provide(platform),
        Effect.provide(watching),
        Effect.withConsole(consoleOf(options, yield* ProgramConsole))
      )
      // Also of a program that is interrupted there is something to tell.
      yield* Effect.uninterruptibleMask((restore) =>
        Effect.gen(function*() {
          const exit = yield* Effect.exit(restore(program))
          const told = yield* Effect.exit(tell(options, exit, recording.entries))
          if (recording.missed() > 0) yield* note(`${recording.missed()} more entries came than are kept in memory`)
          const drawn = yield* Effect.exit(isWatched ? draw(options, module, recording, ports) : Effect.void)
          // The first that went wrong is what the command ends with.
          yield* Exit.match(exit, { onFailure: (cause) => Exit.failCause(failure(cause)), onSuccess: () => Exit.void })
          yield* told
          yield* drawn
        })
      )
    }))
  })

// ---------------------------------------------------------------------------
// internal: the machine
// ---------------------------------------------------------------------------

/** Where there is a receiver, what goes through the store and the trace is counted for it. */
const countedFor = ({ otlp }: Options, ports: ReturnType<typeof portsOf>) =>
  Option.isSome(otlp) ? Layer.provideMerge(Metrics.layer(), ports) : ports

const portsOf = ({ store }: Options, recording: recorder.Recorder | undefined) => {
  const others = Layer.merge(Reachability.layerAll, Scheduling.layerFair)
  return Option.match(store, {
    onNone: () => {
      const trace = recording === undefined ? Trace.layerNone : Layer.provide(recording.layerTrace, Trace.layerNone)
      // What is gone at the end can have ids that are easy to read.
      return Layer.mergeAll(ObjectStore.layerMemory, IdGenerator.layerCounter, others, trace)
    },
    onSome: (filename) => {
      const file = Sqlite.layerStore({ filename })
      const inFile = Layer.provideMerge(SqliteTrace.layer(), file)
      const trace = recording === undefined ? inFile : Layer.provideMerge(recording.layerTrace, inFile)
      return Layer.mergeAll(trace, IdGenerator.layerRandom, others)
    }
  })
}

const running = (module: Module.Loaded, input: Val.Val): Effect.Effect<unknown, unknown, Avm.Platform> =>
  Effect.scoped(Effect.gen(function*() {
    const services = yield* Layer.build(module.layer)
    const program = module.program(input)
    if (!Effect.isEffect(program)) {
      return yield* new ProgramFailed({
        reason: `\`program\` has answered ${cut(showResult(program), 100)}, and not an Effect`
      })
    }
    // What it needs and its layer does not have is a defect that names the service.
    const runnable = Effect.provide(program, services) as Effect.Effect<unknown, unknown>
    return yield* Avm.run(runnable, { input })
  }))

/** What a program prints goes where it would go without the command; beside the result, if that is for other programs. */
const consoleOf = ({ json }: Options, own: Console.Console): Console.Console =>
  json ? { ...own, log: own.error, info: own.error, table: own.error } : own

const sendingTo = ({ otlp }: Options, { name }: Module.Loaded) =>
  Option.match(otlp, { onNone: () => Layer.empty, onSome: (url) => telemetry(url, name) })

const inputOf = ({ input }: Options): Effect.Effect<Option.Option<Val.Val>, BadArgument> =>
  Effect.transposeMapOption(input, (text) =>
    Effect.try({
      try: (): unknown => JSON.parse(text),
      catch: (thrown) => new BadArgument({ argument: "--input", reason: `no JSON: ${(thrown as Error).message}` }) // of JSON.parse
    }).pipe(Effect.flatMap((json) =>
      Effect.mapError(
        Schema.decodeUnknown(Val.ValFromJson)(json),
        ({ message }) => new BadArgument({ argument: "--input", reason: message })
      )
    )))

// ---------------------------------------------------------------------------
// internal: telling
// ---------------------------------------------------------------------------

const failure = (cause: Cause.Cause<unknown>): Cause.Cause<ProgramFailed> => {
  if (Cause.isInterruptedOnly(cause)) {
    return Cause.interrupt(Chunk.unsafeGet(Chunk.fromIterable(Cause.interruptors(cause)), 0))
  }
  const error = Option.getOrElse(Cause.failureOption(cause), () => Cause.squash(cause))
  return Cause.fail(
    error instanceof ProgramFailed ? error : new ProgramFailed({ reason: reasonOf(error), cause: Cause.pretty(cause) })
  )
}

const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return showResult(error)
  const { _tag } = error as { readonly _tag?: unknown } // whatever was thrown
  const tag = typeof _tag === "string" ? _tag : error.name
  const fields = showResult(TraceEvent.describe(error))
  return error.message === "" ? `${tag} ${fields}` : `${tag}: ${error.message}`
}

const tell = (
  options: Options,
  exit: Exit.Exit<unknown, unknown>,
  entries: ReadonlyArray<words.Traced>
): Effect.Effect<void, OutputGone, Term> =>
  Effect.gen(function*() {
    const trace = Stream.fromIterable(entries)
    if (Exit.isSuccess(exit) && exit.value !== undefined) {
      const val = Val.fromUnknown(exit.value)
      if (val._tag === "Left") yield* note(`the result is ${val.left.message}; what JSON cannot hold is not shown`)
    }
    if (options.json) {
      const term = yield* Term
      // The document is written as it comes: a million entries do not fit into one text.
      yield* term.out(`{${
        [
          `"outcome":"${outcomeOf(exit)}"`,
          ...Exit.isSuccess(exit) ? [`"result":${JSON.stringify(toJson(exit.value))}`] : [],
          ...Exit.isFailure(exit) && !Cause.isInterruptedOnly(exit.cause)
            ? [`"error":${JSON.stringify(toJson(TraceEvent.describe(Cause.squash(exit.cause))))}`]
            : []
        ].join(",")
      }`)
      if (options.trace !== "none") {
        yield* term.out(`,"trace":[`)
        let separator = "\n"
        yield* Stream.runForEach(trace, (entry) => {
          const text = separator + JSON.stringify(words.toJson(entry))
          separator = ",\n"
          return term.out(text)
        })
        yield* term.out("\n]")
      }
      return yield* term.out("}\n")
    }
    if (Exit.isSuccess(exit) && exit.value !== undefined) yield* out(showResult(exit.value))
    if (options.trace === "json") yield* jsonLines(trace, words.toJson)
    if (options.trace === "table") {
      yield* out("")
      const count = yield* table(trace, words.runHeader, words.runRow)
      if (count === 0) yield* out("The trace is empty.")
    }
  })

const draw = (
  { json, pictures }: Options,
  { name }: Module.Loaded,
  recording: recorder.Recorder,
  ports: Context.Context<ObjectStore.ObjectStore>
): Effect.Effect<void, CliError, Term> =>
  Effect.gen(function*() {
    yield* write(yield* Effect.provide(recording.recording(name), ports), pictures)
    if (!json) yield* out(`\n${saying(pictures)}`)
  })

const outcomeOf = (exit: Exit.Exit<unknown, unknown>): string =>
  Exit.isSuccess(exit) ? "success" : Cause.isInterruptedOnly(exit.cause) ? "interrupted" : "failure"
