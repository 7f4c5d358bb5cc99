/** For tests in which messages are given up on purpose: the warnings of that would drown what else is printed. */
import { Logger, LogLevel } from "effect"

export const quiet = Logger.minimumLogLevel(LogLevel.Error)
