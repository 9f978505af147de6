/**
 * The path that the studio is mounted at, with a slash at its end. Every built file is in assets/ below it, this one
 * too. (Not written as one expression: the build would take that for the name of a file.)
 */
const here = import.meta.url;
export const ROOT = import.meta.env.DEV ? '/' : new URL('..', here).pathname;
