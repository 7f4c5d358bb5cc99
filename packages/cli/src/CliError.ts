/**
 * What can go wrong with a command, as past facts. The message is for the person at the terminal; the exit code follows
 * from the class.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as ExitCode from "./ExitCode.js"

const key = "@effect-avm/cli/CliError"

// ---------------------------------------------------------------------------
// modules
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category errors
 */
export class ModuleNotFound extends Schema.TaggedError<ModuleNotFound>(`${key}/ModuleNotFound`)("ModuleNotFound", {
  module: Schema.String
}) {
  override get message(): string {
    return `there is no module ${this.module}`
  }
}

/**
 * @since 0.1.0
 * @category errors
 */
export class ModuleNotCompiled
  extends Schema.TaggedError<ModuleNotCompiled>(`${key}/ModuleNotCompiled`)("ModuleNotCompiled", {
    module: Schema.String,
    reason: Schema.String
  })
{
  override get message(): string {
    return `${this.module} does not compile: ${this.reason}`
  }
}

/**
 * @since 0.1.0
 * @category errors
 */
export class ModuleThrew extends Schema.TaggedError<ModuleThrew>(`${key}/ModuleThrew`)("ModuleThrew", {
  module: Schema.String,
  thrown: Schema.Defect
}) {
  override get message(): string {
    const { thrown } = this
    return `${this.module} failed while it was loaded: ${thrown instanceof Error ? thrown.message : String(thrown)}`
  }
}

/**
 * The module was loaded, and exports nothing that can be run.
 *
 * @since 0.1.0
 * @category errors
 */
export class NoProgram extends Schema.TaggedError<NoProgram>(`${key}/NoProgram`)("NoProgram", {
  module: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `${this.module} has no program: ${this.reason}`
  }
}

/**
 * @since 0.1.0
 * @category errors
 */
export class ProgramFailed extends Schema.TaggedError<ProgramFailed>(`${key}/ProgramFailed`)("ProgramFailed", {
  reason: Schema.String,
  cause: Schema.optional(Schema.String)
}) {
  override get message(): string {
    return `the program failed: ${this.reason}`
  }
}

// ---------------------------------------------------------------------------
// arguments
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category errors
 */
export class BadArgument extends Schema.TaggedError<BadArgument>(`${key}/BadArgument`)("BadArgument", {
  argument: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `${this.argument}: ${this.reason}`
  }
}

// ---------------------------------------------------------------------------
// stores
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category errors
 */
export class StoreFailed extends Schema.TaggedError<StoreFailed>(`${key}/StoreFailed`)("StoreFailed", {
  reason: Schema.String
}) {
  override get message(): string {
    return this.reason
  }
}

/**
 * @since 0.1.0
 * @category errors
 */
export class UnknownId extends Schema.TaggedError<UnknownId>(`${key}/UnknownId`)("UnknownId", {
  store: Schema.String,
  what: Schema.Literal("object", "transaction"),
  id: Schema.String,
  /** Those that it may stand for, if it is short for several. */
  candidates: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return this.candidates.length === 0
      ? `${this.store} knows no ${this.what} ${this.id}`
      : `${this.id} may be any of ${this.candidates.join(", ")}`
  }
}

/**
 * @since 0.1.0
 * @category errors
 */
export class ProblemsFound extends Schema.TaggedError<ProblemsFound>(`${key}/ProblemsFound`)("ProblemsFound", {
  store: Schema.String,
  count: Schema.Int
}) {
  override get message(): string {
    return `${this.store} is damaged: ${this.count} ${this.count === 1 ? "problem" : "problems"} found`
  }
}

// ---------------------------------------------------------------------------
// outputs
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category errors
 */
export class OutputNotWritten
  extends Schema.TaggedError<OutputNotWritten>(`${key}/OutputNotWritten`)("OutputNotWritten", {
    path: Schema.String,
    reason: Schema.String
  })
{
  override get message(): string {
    return `${this.path} could not be written: ${this.reason}`
  }
}

/**
 * Nobody reads the output any more: there is no sense in going on, and nobody to be told.
 *
 * @since 0.1.0
 * @category errors
 */
export class OutputGone extends Schema.TaggedError<OutputGone>(`${key}/OutputGone`)("OutputGone", {}) {
  override get message(): string {
    return "nobody reads the output any more"
  }
}

// ---------------------------------------------------------------------------
// all of them
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category models
 */
export type CliError =
  | ModuleNotFound
  | ModuleNotCompiled
  | ModuleThrew
  | NoProgram
  | ProgramFailed
  | BadArgument
  | StoreFailed
  | UnknownId
  | ProblemsFound
  | OutputNotWritten
  | OutputGone

/**
 * @since 0.1.0
 * @category conversions
 */
export const exitCode = (error: CliError): number => {
  switch (error._tag) {
    case "ModuleNotFound":
    case "ModuleNotCompiled":
    case "ModuleThrew":
    case "NoProgram":
      return ExitCode.module
    case "ProgramFailed":
    case "ProblemsFound":
      return ExitCode.programFailed
    case "BadArgument":
      return ExitCode.usage
    case "StoreFailed":
      return ExitCode.store
    case "UnknownId":
      return ExitCode.unknownId
    case "OutputNotWritten":
      return ExitCode.output
    case "OutputGone":
      return ExitCode.outputGone
  }
}
