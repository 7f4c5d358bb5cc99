/**
 * The way to the receiver: whether it answers is told once each time that changes for the worse.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

export const layer = (url: string): Layer.Layer<HttpClient.HttpClient, never, HttpClient.HttpClient> =>
  Layer.effect(
    HttpClient.HttpClient,
    Effect.map(HttpClient.HttpClient, (client) => {
      let answers = true
      const failed = (why: string): Effect.Effect<void> =>
        Effect.suspend(() => {
          if (!answers) return Effect.void
          answers = false
          return Effect.logWarning(`No telemetry for now: the OTLP receiver at ${url} ${why}`)
        })
      return HttpClient.transform(client, (sending) =>
        Effect.tapBoth(sending, {
          onFailure: (error) => failed(`cannot be reached: ${reasonOf(error)}`),
          onSuccess: ({ status }) => {
            if (status >= 400) return failed(`answers with the status ${status}`)
            answers = true
            return Effect.void
          }
        }))
    })
  )

/** The innermost cause says most: that a connection was refused, not that fetching has failed. */
const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0])
  return error.cause === undefined ? error.message : reasonOf(error.cause)
}
