/**
 * The `avm` command.
 *
 * @since 0.1.0
 */
export * as Cli from "./Cli.js"
export * as CliError from "./CliError.js"
export * as ExitCode from "./ExitCode.js"
export * as Module from "./Module.js"
export * as Term from "./Term.js"
