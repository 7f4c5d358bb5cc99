/**
 * Errors that are met all the time, without their stacks: to find out where one comes from takes longer than all else.
 */
export const stackless = <E extends Error>(make: () => E): E => {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  const error = make()
  Error.stackTraceLimit = stackTraceLimit
  return error
}
