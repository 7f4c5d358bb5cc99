/**
 * What the exit codes of `avm` mean. Pinned by `test/cli`.
 *
 * | code | meaning |
 * |---|---|
 * | 0 | done |
 * | 1 | the program failed; or `avm verify` has found something |
 * | 2 | the command line is wrong: an option, an argument, JSON that is none |
 * | 3 | the module is not there, does not compile, throws while it is loaded, or has no program |
 * | 4 | the store cannot be opened or read: no such file, not one of ours, damaged, in use |
 * | 5 | nothing has the id that was asked for |
 * | 6 | an output could not be written; everything else was done |
 * | 70 | a defect of `avm` itself |
 * | 130 | interrupted (Ctrl-C, or a signal); what was open is closed |
 * | 141 | whoever read the output has gone |
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 * @category constants
 */
export const success = 0

/**
 * @since 0.1.0
 * @category constants
 */
export const programFailed = 1

/**
 * @since 0.1.0
 * @category constants
 */
export const usage = 2

/**
 * @since 0.1.0
 * @category constants
 */
export const module = 3

/**
 * @since 0.1.0
 * @category constants
 */
export const store = 4

/**
 * @since 0.1.0
 * @category constants
 */
export const unknownId = 5

/**
 * @since 0.1.0
 * @category constants
 */
export const output = 6

/**
 * @since 0.1.0
 * @category constants
 */
export const defect = 70

/**
 * @since 0.1.0
 * @category constants
 */
export const interrupted = 130

/**
 * @since 0.1.0
 * @category constants
 */
export const outputGone = 141
