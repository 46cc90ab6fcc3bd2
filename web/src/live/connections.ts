/**
 * One connection to a live session: a socket, or a stream where sockets do not pass. Each reports what happens as
 * inputs of the machine, and says no more once it was dropped.
 *
 * Invariant: a ticket is asked for anew for every socket and used once.
 */
import { Refused, type Api } from "./api.ts";
import { Reader } from "./sse.ts";
import type { Frame, Input, Output } from "./signals.ts";

type Asked = Output & { kind: "connect" };
type Report = (given: Input) => void;

/** Nobody said why it ended. Source: RFC 6455 7.4.1. */
const NOBODY_SAID = 1006;

export interface Connection {
  send(frame: Frame): void;
  drop(): void;
}

export class Socket implements Connection {
  readonly #attempt: number;
  readonly #dropped = new AbortController();
  #socket: WebSocket | undefined;

  constructor(asked: Asked, report: Report, api: Api, where: { sessionId: string; role?: string; bareUrl?: string }) {
    this.#attempt = asked.attempt;
    const tell: Report = (given) => this.#dropped.signal.aborted || report(given);
    void this.#open(tell, api, where).catch((error: unknown) => tell(refused(this.#attempt, error)));
  }

  send(frame: Frame): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  drop(): void {
    this.#dropped.abort();
    this.#socket?.close();
  }

  async #open(tell: Report, api: Api, where: { sessionId: string; role?: string; bareUrl?: string }): Promise<void> {
    const attempt = this.#attempt;
    const url = where.bareUrl ?? (await api.socketUrl(where.sessionId, where.role, this.#dropped.signal));
    const token = where.bareUrl === undefined ? undefined : await api.token();
    if (this.#dropped.signal.aborted) return;
    const socket = (this.#socket = new WebSocket(url));
    let isOpen = false;
    socket.onopen = () => {
      isOpen = true;
      if (token !== undefined) this.send({ type: "auth", token });
      tell({ kind: "opened", attempt });
    };
    socket.onmessage = ({ data }) => tell(framed(attempt, String(data)));
    socket.onclose = ({ code }) => tell(isOpen ? { kind: "closed", attempt, code } : { kind: "refused", attempt });
  }
}

export class Stream implements Connection {
  readonly #dropped = new AbortController();

  constructor(asked: Asked, report: Report, api: Api, sessionId: string) {
    const tell: Report = (given) => this.#dropped.signal.aborted || report(given);
    void this.#read(asked, tell, api, sessionId);
  }

  /** Actions go over HTTP. */
  send(): void {}

  drop(): void {
    this.#dropped.abort();
  }

  async #read({ attempt, lastSeq }: Asked, tell: Report, api: Api, sessionId: string): Promise<void> {
    let isOpen = false;
    try {
      const response = await api.stream(sessionId, lastSeq, this.#dropped.signal);
      isOpen = true;
      tell({ kind: "opened", attempt });
      const reader = new Reader();
      const pieces = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      for (let next = await pieces?.read(); next?.value !== undefined; next = await pieces?.read()) {
        tell({ kind: "heard", attempt });
        for (const data of reader.feed(next.value)) tell(framed(attempt, data));
      }
      tell({ kind: "closed", attempt, code: NOBODY_SAID });
    } catch (error) {
      tell(isOpen ? { kind: "closed", attempt, code: NOBODY_SAID } : refused(attempt, error));
    }
  }
}

function framed(attempt: number, text: string): Input {
  try {
    const frame: unknown = JSON.parse(text);
    if (typeof frame === "object" && frame !== null) return { kind: "frame", attempt, frame: frame as Frame };
  } catch {
    // Not ours to understand: a sign of life all the same.
  }
  return { kind: "heard", attempt };
}

function refused(attempt: number, error: unknown): Input {
  if (!(error instanceof Refused)) return { kind: "refused", attempt };
  const { status, code, retryAfterMs } = error;
  return {
    kind: "refused",
    attempt,
    code,
    ...(status === undefined ? {} : { status }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}
