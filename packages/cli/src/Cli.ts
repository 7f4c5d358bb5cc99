/**
 * The command line of `avm`: its commands with their options, and how a command ends. Pinned by `test/cli`.
 *
 * @since 0.1.0
 */
import * as Args from "@effect/cli/Args"
import type * as CliApp from "@effect/cli/CliApp"
import * as CliConfig from "@effect/cli/CliConfig"
import * as Command from "@effect/cli/Command"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Opts from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import { BadArgument, type CliError, exitCode } from "./CliError.js"
import * as ExitCode from "./ExitCode.js"
import { backup } from "./internal/backup.js"
import { objects } from "./internal/objects.js"
import { asked } from "./internal/pictures.js"
import { ProgramConsole, run as runModule } from "./internal/run.js"
import { painting, printableLines, withoutColours } from "./internal/text.js"
import { trace } from "./internal/trace.js"
import { verify } from "./internal/verify.js"
import { type Service, Term } from "./Term.js"

// ---------------------------------------------------------------------------
// options
// ---------------------------------------------------------------------------

const optional = (name: string, pseudo: string, description: string) =>
  Opts.text(name).pipe(Opts.withPseudoName(pseudo), Opts.withDescription(description), Opts.optional)

const store = Opts.text("store").pipe(
  Opts.withPseudoName("FILE"),
  Opts.withDescription("The file of the objects. It is read beside whoever writes it.")
)

const common = {
  json: Opts.boolean("json").pipe(Opts.withDescription("Answers as JSON, errors too, for other programs to read.")),
  debug: Opts.boolean("debug").pipe(Opts.withDescription("Tells where an error comes from."))
}

const pictures = {
  svg: optional("svg", "FILE", "Draws a message sequence chart."),
  mermaid: optional("mermaid", "FILE", "Writes the chart as Mermaid text."),
  html: optional("html", "FILE", "Writes a page with all of it, to open in a browser.")
}

// ---------------------------------------------------------------------------
// commands
// ---------------------------------------------------------------------------

const run = Command.make("run", {
  module: Args.text({ name: "MODULE" }).pipe(
    Args.withDescription("A TypeScript or JavaScript file that exports `program`, and `layer` with its behaviours.")
  ),
  store: optional("store", "FILE", "Keeps the objects and the trace in this file, made if need be; in memory without."),
  input: optional("input", "JSON", "The input of the program; what the module says without."),
  trace: Opts.choice("trace", ["table", "json", "none"]).pipe(
    Opts.withDescription("Prints what happened, entry by entry."),
    Opts.withDefault("none" as const)
  ),
  ...pictures,
  otlp: optional("otlp", "URL", "Sends spans and metrics to this OpenTelemetry receiver, as http://localhost:4318."),
  recordAnswers: Opts.boolean("record-answers").pipe(
    Opts.withDescription("Keeps what instructions were answered, so that `avm verify` can replay histories.")
  ),
  ...common
}, (options) => runModule({ ...options, pictures: asked(options) })).pipe(
  Command.withDescription("Runs a program, on objects in memory or in a file.")
)

const objectsCommand = Command.make("objects", {
  id: Args.text({ name: "ID" }).pipe(
    Args.withDescription("Shows this object with its state and history; short ids as the list has them will do."),
    Args.optional
  ),
  store,
  behaviour: optional("behaviour", "NAME", "Only objects of this behaviour."),
  controller: optional("controller", "NAME", "Only objects that this controller owns."),
  machine: optional("machine", "NAME", "Only objects on this machine."),
  ...common
}, objects).pipe(Command.withDescription("Lists the objects of a store, or shows one."))

const traceCommand = Command.make("trace", {
  store,
  object: optional("object", "ID", "Only entries that name this object."),
  tx: optional("tx", "ID", "Only entries of this transaction."),
  last: Opts.integer("last").pipe(
    Opts.withPseudoName("N"),
    Opts.withDescription("Only the last so many entries."),
    Opts.optional
  ),
  follow: Opts.boolean("follow").pipe(
    Opts.withAlias("f"),
    Opts.withDescription("Goes on with what comes, until it is interrupted.")
  ),
  ...pictures,
  ...common
}, (options) =>
  Effect.gen(function*() {
    if (Option.exists(options.last, (last) => last < 0)) {
      return yield* new BadArgument({ argument: "--last", reason: "it is below 0" })
    }
    const pictures = asked(options)
    if (options.follow && pictures.length > 0) {
      return yield* new BadArgument({ argument: "--follow", reason: "a picture has an end" })
    }
    return yield* trace({ ...options, pictures })
  })).pipe(Command.withDescription("Shows what a store has kept of what happened."))

const verifyCommand = Command.make("verify", {
  store,
  module: optional("module", "MODULE", "Replays histories with the behaviours of this module (see --record-answers)."),
  ...common
}, verify).pipe(
  Command.withDescription("Checks every rule of a store's tables, and reads every value in it.")
)

const backupCommand = Command.make("backup", {
  destination: Args.text({ name: "DESTINATION" }).pipe(Args.withDescription("The copy.")),
  store,
  force: Opts.boolean("force").pipe(Opts.withDescription("Replaces a file that is there already.")),
  ...common
}, backup).pipe(Command.withDescription("Copies a store, as of one moment, while it is in use."))

const avm = Command.make("avm").pipe(
  Command.withDescription("Runs programs of transactional objects, and looks at what they did."),
  Command.withSubcommands([run, objectsCommand, traceCommand, verifyCommand, backupCommand])
)

const application = Command.run(avm, {
  name: "avm",
  version: "0.1.0",
  footer: HelpDoc.blocks([
    HelpDoc.h1("EXAMPLES"),
    HelpDoc.p("$ avm run bank.ts --store bank.db --trace table --html bank.html"),
    HelpDoc.p("$ avm objects --store bank.db --behaviour Account"),
    HelpDoc.p("$ avm trace --store bank.db --follow"),
    HelpDoc.p("$ source <(avm --completions bash)"),
    HelpDoc.h1("EXIT CODES"),
    HelpDoc.p(
      "0 done; 1 the program failed, or verify found something; 2 wrong command line; 3 wrong module; 4 wrong store; " +
        "5 unknown id; 6 an output could not be written; 130 interrupted"
    )
  ])
})

// ---------------------------------------------------------------------------
// running
// ---------------------------------------------------------------------------

/**
 * Runs a command line, given without the name of the command; answers the exit code, when all is printed and closed.
 *
 * @since 0.1.0
 * @category running
 */
export const main = (
  args: ReadonlyArray<string>
): Effect.Effect<number, never, Term | CliApp.CliApp.Environment> =>
  Effect.gen(function*() {
    const term = yield* Term
    const isJson = args.includes("--json")
    const original = yield* Console.consoleWith(Effect.succeed)
    const console = consoleOf(term, original, isJson)
    const isDebug = args.includes("--debug")
    const told = (error: CliError | Unexpected, stack: string) =>
      term.err(
        isJson
          ? `${JSON.stringify({ error: { _tag: error._tag, message: error.message, ...isDebug ? { stack } : {} } })}\n`
          : `${painting(term.isErrTerminal && !term.isPlain)("red", "avm:")} ${printableLines(error.message)}\n` +
            (isDebug ? `${printableLines(stack)}\n` : "")
      )
    return yield* application(["node", "avm", ...args]).pipe(
      Effect.as(ExitCode.success),
      Effect.catchAllCause((cause) => {
        const error = Option.getOrUndefined(Cause.failureOption(cause))
        if (error === undefined) {
          if (Cause.isInterrupted(cause)) return Effect.succeed(ExitCode.interrupted)
          const thrown = Cause.squash(cause)
          const message = thrown instanceof Error ? thrown.message : String(thrown)
          return Effect.as(told({ _tag: "Unexpected", message }, Cause.pretty(cause)), ExitCode.defect)
        }
        // What is wrong with it was printed by the parser.
        if (ValidationError.isValidationError(error)) {
          if (isJson) {
            const message = withoutColours(HelpDoc.toAnsiText(error.error)).trim()
            return Effect.as(told({ _tag: "Usage", message }, message), ExitCode.usage)
          }
          return Effect.as(term.err("avm --help tells what can be said.\n"), ExitCode.usage)
        }
        if (error._tag === "OutputGone") return Effect.succeed(ExitCode.outputGone)
        const stack = error._tag === "ProgramFailed" ? error.cause : undefined
        return Effect.as(told(error, stack ?? Cause.pretty(cause, { renderErrorCause: true })), exitCode(error))
      }),
      Effect.withConsole(console),
      Effect.provideService(ProgramConsole, original),
      Effect.provide(Logger.replace(Logger.defaultLogger, Logger.withConsoleError(Logger.logfmtLogger))),
      Effect.provide(CliConfig.layer({ showBuiltIns: false }))
    )
  })

interface Unexpected {
  readonly _tag: "Unexpected" | "Usage"
  readonly message: string
}

/** What the parser of the command line prints goes the same way as everything else. */
const consoleOf = (term: Service, original: Console.Console, isJson: boolean): Console.Console => ({
  ...original,
  log: (...values) => Effect.ignore(term.out(`${shown(values, term.isPlain || !term.isOutTerminal)}\n`)),
  // As JSON an error is told once, when all is over.
  error: (...values) => isJson ? Effect.void : term.err(`${shown(values, term.isPlain || !term.isErrTerminal)}\n`)
})

const shown = (values: ReadonlyArray<unknown>, isPlain: boolean): string => {
  const text = values.map(String).join(" ")
  return isPlain ? withoutColours(text) : text
}
