/**
 * Whose refusal an error is. What an object refuses is no part of its history (D7); an activation that passes on a refusal
 * that it was given itself, be it of the same object, has accepted its own message.
 */
import type { AvmError } from "../AvmError.js"

const delivered = new WeakSet<AvmError>()

/** The error has reached somebody: for whoever passes it on, it is another one's. */
export const deliver = <E extends AvmError>(error: E): E => {
  delivered.add(error)
  return error
}

export const wasDelivered = (error: AvmError): boolean => delivered.has(error)
