/**
 * The two outputs of a command, and what is known of who reads them. Results go to the first one, everything else
 * (progress, warnings, errors) to the second, so that the first can be piped.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { OutputGone } from "./CliError.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** Ends when the text has been taken. */
  readonly out: (text: string) => Effect.Effect<void, OutputGone>
  readonly err: (text: string) => Effect.Effect<void>
  readonly isOutTerminal: boolean
  readonly isErrTerminal: boolean
  /** Of the terminal; meaningless where there is none. */
  readonly columns: () => number
  /** Whether somebody has asked for no colours (`NO_COLOR`). */
  readonly isPlain: boolean
}

/**
 * @since 0.1.0
 * @category services
 */
export class Term extends Context.Tag("@effect-avm/cli/Term")<Term, Service>() {}

/**
 * Standard output and standard error of the process.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerProcess: Layer.Layer<Term> = Layer.scoped(
  Term,
  Effect.gen(function*() {
    let isGone = false
    // Without a listener, a reader that goes away (`avm trace … | head`) would be an uncaught error.
    const gone = (): void => {
      isGone = true
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        process.stdout.on("error", gone)
        process.stderr.on("error", ignored)
      }),
      () =>
        Effect.sync(() => {
          process.stdout.off("error", gone)
          process.stderr.off("error", ignored)
        })
    )
    return Term.of({
      out: (text) =>
        Effect.async<void, OutputGone>((resume) => {
          if (isGone) return resume(Effect.fail(new OutputGone()))
          process.stdout.write(text, (error) => {
            if (error) isGone = true
            resume(error ? Effect.fail(new OutputGone()) : Effect.void)
          })
        }),
      err: (text) => Effect.async<void>((resume) => void process.stderr.write(text, () => resume(Effect.void))),
      isOutTerminal: process.stdout.isTTY === true,
      isErrTerminal: process.stderr.isTTY === true,
      // Some pseudo-terminals say that they have none.
      columns: () => process.stdout.columns || 80,
      isPlain: (process.env.NO_COLOR ?? "") !== "" || process.env.TERM === "dumb"
    })
  })
)

const ignored = (): void => {}
