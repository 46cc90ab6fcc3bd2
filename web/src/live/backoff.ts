/**
 * How long to wait before the next connection: full jitter, on the first retry too, because a pod's death frees
 * thousands of clients in the same millisecond. src/audifi/sdk/live/backoff.py has the sources of the numbers.
 */
export const FIRST_MS = 1000;
export const FACTOR = 2;
export const MAX_MS = 30_000;
/** Retries without progress: then it is for a person to decide. */
export const TRIES_MAX = 10;

/** The wait before retry number `tries` (from 0), for a random number in [0, 1). */
export function pauseMs(tries: number, random: number): number {
  return Math.floor(random * Math.min(MAX_MS, FIRST_MS * FACTOR ** tries));
}
