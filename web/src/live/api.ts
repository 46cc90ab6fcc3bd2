/**
 * Ask AudiFi's API: tickets, and actions while sockets do not pass.
 *
 * Invariant: the token goes into a header, never into an address; a requestId is the Idempotency-Key.
 * Errors: Refused, with the API's code when it was the API that said no.
 */
import type { Frame } from "./signals.ts";
import { CODES } from "./protocol.ts";

/** An answer of 400 and more, or none. */
export class Refused extends Error {
  readonly status: number | undefined;
  readonly code: string;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, status?: number, code = "", retryAfterMs?: number) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

export class Api {
  readonly #url: string;
  readonly #token: () => string | Promise<string>;

  constructor(url: string, token: () => string | Promise<string>) {
    this.#url = url.replace(/\/$/, "");
    this.#token = token;
  }

  async token(): Promise<string> {
    return await this.#token();
  }

  /** The address of one socket, for one use. */
  async socketUrl(sessionId: string, role: string | undefined, signal: AbortSignal): Promise<string> {
    const body = role === undefined ? { sessionId } : { sessionId, role };
    const ticket = await this.#post("/vstudio/ticket", body, crypto.randomUUID(), signal);
    return String(ticket["wsUrl"]);
  }

  /** The stream of a session, from after an event. */
  async stream(sessionId: string, lastSeq: number | null, signal: AbortSignal): Promise<Response> {
    const headers: Record<string, string> = { Accept: "text/event-stream", ...(await this.#bearer()) };
    if (lastSeq !== null) headers["Last-Event-ID"] = String(lastSeq);
    const url = `${this.#url}/v1/vstudio/sse/${encodeURIComponent(sessionId)}`;
    const response = await fetch(url, { headers, signal, cache: "no-store" });
    if (!response.ok) throw await refusal(response);
    return response;
  }

  /** Do over HTTP what would have been a frame; the answer is the frame a socket would have brought. */
  async call(sessionId: string, requestId: string, frame: Frame): Promise<Frame> {
    const { type, requestId: _, decisionId, ...fields } = frame;
    const session = `/vstudio/sessions/${encodeURIComponent(sessionId)}`;
    const action = type.replace("decision_", "");
    if (type === "vote") {
      const cast = await this.#post(`${session}/vote`, { decisionId, ...fields }, requestId);
      return { type: "vote_ack", requestId, decisionId, duplicate: false, ...cast };
    }
    if (type === "chat") {
      const line = await this.#post(`${session}/chat`, { ...fields, requestId }, requestId);
      return { type: "ack", requestId, ...line };
    }
    if (!type.startsWith("decision_")) throw new Refused(`${type} needs a WebSocket`, 400);
    const below = action === "create" ? "" : `/${encodeURIComponent(String(decisionId))}/${action}`;
    const body = action === "create" || action === "finalize" ? fields : null;
    const decision = await this.#post(`${session}/decisions${below}`, body, requestId);
    return { type: "ack", requestId, id: decision["id"], decisionId: decision["id"] };
  }

  async #post(path: string, body: object | null, key: string, signal?: AbortSignal): Promise<Record<string, unknown>> {
    const headers = { "Content-Type": "application/json", "Idempotency-Key": key, ...(await this.#bearer()) };
    const options = { method: "POST", headers, body: body && JSON.stringify(body), signal: signal ?? null };
    const response = await fetch(`${this.#url}/v1${path}`, options);
    if (!response.ok) throw await refusal(response);
    return ((await response.json()) as { data: Record<string, unknown> }).data;
  }

  async #bearer(): Promise<Record<string, string>> {
    return { Authorization: `Bearer ${await this.token()}` };
  }
}

/** The `error` frame that says the same as an exception. */
export function errorFrame(requestId: string, error: unknown): Frame {
  const code = error instanceof Refused ? CODES[error.code as keyof typeof CODES] : undefined;
  const isRefusal = error instanceof Refused && error.status !== undefined && error.status < 500;
  const otherwise = isRefusal ? CODES.INVALID_MESSAGE : CODES.UNAVAILABLE;
  return { type: "error", code: code ?? otherwise, message: String((error as Error).message), requestId };
}

async function refusal(response: Response): Promise<Refused> {
  const after = response.headers.get("Retry-After") ?? "";
  const retryAfterMs = /^\d+$/.test(after) ? Number(after) * 1000 : undefined;
  const body = (await response.json().catch(() => null)) as { error?: { code?: string; message?: string } } | null;
  const { code = "", message = `status ${response.status}` } = body?.error ?? {};
  return new Refused(message, response.status, code, retryAfterMs);
}
