/**
 * Objects, mailboxes and traces in a SQLite file.
 *
 * @since 0.1.0
 */
export {}
