/**
 * What the machine is told and what it wants done; src/audifi/sdk/live/signals.py says the same.
 *
 * `attempt` numbers connections: what arrives late from one that was given up is recognised and ignored.
 * Units: *Ms milliseconds.
 */

/** One JSON object as it crosses the socket. */
export interface Frame {
  readonly type: string;
  readonly [field: string]: unknown;
}

export type Transport = "socket" | "stream";
export type Phase = "connecting" | "live" | "reconnecting" | "closed";

export type Input =
  | { kind: "start" }
  /** Time has passed `wakeAt`. */
  | { kind: "tick" }
  /** A connection stands; a bare socket has sent its token. */
  | { kind: "opened"; attempt: number }
  /** A connection was not made; `code` only when the API itself said no. */
  | { kind: "refused"; attempt: number; status?: number; code?: string; retryAfterMs?: number }
  /** A connection ended; 1006 when nobody said why. */
  | { kind: "closed"; attempt: number; code: number }
  | { kind: "frame"; attempt: number; frame: Frame }
  /** The server gave a sign of life that says nothing, e.g. a stream's comment. */
  | { kind: "heard"; attempt: number }
  /** The application does something; without `requestId` nobody waits for an answer. */
  | { kind: "act"; frame: Frame; requestId?: string }
  /** What a `call` was answered, as the frame a socket would have brought. */
  | { kind: "answered"; requestId: string; frame: Frame }
  /** The application did not read for so long that a snapshot serves it better. */
  | { kind: "behind" }
  /** The application goes. */
  | { kind: "leave" };

export type Output =
  /** Open a connection: a socket with a new ticket, or a stream from `lastSeq`. */
  | { kind: "connect"; attempt: number; transport: Transport; lastSeq: number | null }
  | { kind: "write"; attempt: number; frame: Frame }
  /** Do this over HTTP, and tell with `answered`. */
  | { kind: "call"; requestId: string; frame: Frame }
  /** Close this connection, or stop opening it. */
  | { kind: "drop"; attempt: number }
  /** The next snapshot or event, for the application. */
  | { kind: "deliver"; frame: Frame }
  /** The newest of a state, for the application. */
  | { kind: "update"; key: string; frame: Frame }
  /** The answer to an `act`: its ack, or an `error`. */
  | { kind: "settle"; requestId: string; frame: Frame }
  | { kind: "state"; state: Phase; reason: string };

/** A number that a frame should carry, or null. */
export function numberIn(frame: Frame, field: string): number | null {
  const value = frame[field];
  return typeof value === "number" ? Math.trunc(value) : null;
}
