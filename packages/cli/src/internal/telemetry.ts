/**
 * Spans and metrics of a run to an OTLP receiver. One that does not answer is warned of once; the program runs on.
 */
import { Telemetry } from "@effect-avm/opentelemetry"
import * as Layer from "effect/Layer"
import { BadArgument } from "../CliError.js"

export const telemetry = (url: string, serviceName: string): Layer.Layer<never, BadArgument> =>
  Layer.mapError(
    Telemetry.layerOtlp({ url, serviceName }),
    ({ message }) => new BadArgument({ argument: "--otlp", reason: message })
  )
