// SPDX-License-Identifier: Apache-2.0

/** Seconds until it is tried again, each time longer. */
const AGAIN_S = [0.3, 0.6, 1, 2, 4];
const POLICY_VIOLATION = 1008;
/** The server beats every second: a line that is silent for so long is none, whatever the browser says [ms]. */
const SILENT_MS = 4000;
/** So long a line may take to open [ms]. */
const OPENING_MS = 10000;
const LOOK_MS = 500;

/** The token, from the address of this start or from before a reload; it leaves the address bar. */
function readToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    sessionStorage.setItem("token", given);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem("token") || "";
}

/**
 * The line to the server: opened again whenever it ends, unless the server says why it must not be.
 * Nothing that is asked waits for a line: what cannot be asked now is answered so.
 *
 * on.news(kind, values); on.picture(about, blob, number); on.state(state, words) with state
 * "open", "away" (tried again) or "refused".
 */
export class Connection {
  constructor(on) {
    Object.assign(this, { on, token: readToken(), page: "", beat: 0, tries: 0, last: 0, socket: null });
    this.waiting = new Map();
    this.timer = 0;
    this.heard = this.looked = performance.now();
    setInterval(() => this.look(), LOOK_MS);
    document.addEventListener("visibilitychange", () => {
      this.heard = performance.now();
      this.send({ do: "look", on: !document.hidden });
      if (!document.hidden) this.now();
    });
    addEventListener("online", () => this.now());
    addEventListener("pagehide", () => this.send({ do: "bye" }));
    addEventListener("hashchange", () => {
      this.token = readToken();
      this.again();
    });
    this.open();
  }

  get isOpen() { return this.socket !== null && this.socket.readyState === WebSocket.OPEN; }

  open() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws`);
    this.socket = socket;
    this.heard = performance.now();
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => {
      if (this.socket !== socket) return;
      this.heard = performance.now();
      socket.send(JSON.stringify({
        do: "hello", token: this.token, page: this.page, look: !document.hidden,
      }));
    });
    socket.addEventListener("message", (event) => {
      if (this.socket !== socket) return;
      this.heard = performance.now();
      if (typeof event.data === "string") this.take(JSON.parse(event.data));
      else this.takePicture(event.data);
    });
    socket.addEventListener("close", (event) => {
      if (this.socket === socket) this.lost(event);
    });
  }

  /** Leave a line on which nothing comes any more: a network that is gone closes nothing. */
  look() {
    const now = performance.now(), slept = now - this.looked > SILENT_MS / 2;
    this.looked = now;
    // What came while this page itself did not run has not been read yet.
    if (slept) this.heard = now;
    if (!this.socket || document.hidden) return;
    if (now - this.heard < (this.isOpen ? SILENT_MS : OPENING_MS)) return;
    const socket = this.socket;
    this.lost({ code: 0, reason: "the server is silent" });
    socket.close();
  }

  /** Nobody answers any more what was asked. */
  giveUp() {
    for (const answer of this.waiting.values()) {
      answer({ done: false, words: "the connection was lost before there was an answer" });
    }
    this.waiting.clear();
  }

  lost(event) {
    this.socket = null;
    this.giveUp();
    if (event.code === POLICY_VIOLATION) {
      this.on.state("refused", event.reason);
      return;
    }
    this.on.state("away", event.reason);
    const wait = AGAIN_S[Math.min(this.tries, AGAIN_S.length - 1)];
    this.tries += 1;
    this.timer = setTimeout(() => this.open(), 1000 * wait);
  }

  /** Try at once, where it is waited for. */
  now() {
    if (this.socket || !this.timer) return;
    clearTimeout(this.timer);
    this.timer = 0;
    this.open();
  }

  /** Leave the line and open another one. */
  again() {
    const socket = this.socket;
    this.socket = null;
    clearTimeout(this.timer);
    this.giveUp();
    if (socket) socket.close();
    this.open();
  }

  take({ kind, ...values }) {
    if (kind === "beat") {
      this.beat = values.n;
      this.send({ do: "beat" });
    } else if (kind.startsWith("answer ")) {
      const answer = this.waiting.get(values.id);
      this.waiting.delete(values.id);
      if (answer) answer(values);
    } else {
      if (kind === "welcome") {
        this.page = values.page;
        this.tries = 0;
        this.timer = 0;
        this.on.state("open", "");
      }
      this.on.news(kind, values);
    }
  }

  takePicture(data) {
    const view = new DataView(data), size = view.getUint16(4);
    const about = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 6, size)));
    this.on.picture(about, new Blob([new Uint8Array(data, 6 + size)], { type: "image/jpeg" }), view.getUint32(0));
  }

  /** Tell the server; where there is no line, nothing is told. */
  send(message) {
    if (this.isOpen) this.socket.send(JSON.stringify(message));
  }

  /** Ask the server; {done, words}. What moves the robot says by its beat how old it is. */
  ask(word, values = {}) {
    if (!this.isOpen) {
      return Promise.resolve({ done: false, words: "there is no connection to the server: nothing was asked" });
    }
    this.last += 1;
    const id = this.last;
    return new Promise((resolve) => {
      this.waiting.set(id, resolve);
      this.send({ do: word, id, beat: this.beat, ...values });
    });
  }
}
