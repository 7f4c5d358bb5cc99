/**
 * Objects and traces in a SQLite file.
 *
 * @since 0.1.0
 */
export * as Driver from "./Driver.js"
export * as Failure from "./Failure.js"
export * as Sqlite from "./Sqlite.js"
export * as SqliteFile from "./SqliteFile.js"
export * as SqliteReader from "./SqliteReader.js"
export * as SqliteTrace from "./SqliteTrace.js"
