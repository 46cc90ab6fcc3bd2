/**
 * The data of server-sent events from the text of a stream; EventSource itself cannot send a bearer token.
 *
 * Comments and other fields are passed over, because a frame carries its own seq.
 * Source: HTML Living Standard 9.2.6 "Interpreting an event stream".
 */
export class Reader {
  #rest = "";
  #data: string[] = [];

  /** The data of every event that ends in this piece. */
  feed(piece: string): string[] {
    const end = (this.#rest + piece).lastIndexOf("\n") + 1; // never inside CR LF
    const whole = (this.#rest + piece).slice(0, end);
    this.#rest = (this.#rest + piece).slice(end);
    const found: string[] = [];
    for (const line of whole.split(/\r\n|\n|\r/).slice(0, -1)) {
      if (line === "" && this.#data.length > 0) found.push(this.#data.splice(0).join("\n"));
      else if (line.startsWith("data:")) this.#data.push(line.slice(5).replace(/^ /, ""));
    }
    return found;
  }
}
