// @ts-check
/** The server: wishes by POST, frames and news by one WebSocket that comes back by itself. */
import {tell} from './dom.js';

/**
 * @typedef {{state: string, style: string, message: string, model: string, runtime: string,
 *   mix: Record<string, number>}} Status
 * @typedef {{present: boolean, painter: string, status: Partial<Status>, parameters: Record<string, any>,
 *   numbers: Record<string, string>, source: {kind: string, topic: string}, shuffle: number,
 *   recording: null | {size: number, written: number, dropped: number},
 *   recordings: {name: string, size: number}[]}} State
 * @typedef {{name: string, source: string, learned: number, picture: string}} Style
 * @typedef {{stream: number, sequence: number, stamp: number, jpeg: Uint8Array<ArrayBuffer>}} Frame
 */
export const CAMERA = 0, PAINTING = 1, OWN_CAMERA = 2;
const HEADER = 16;

/**
 * Ask the server; a refusal is shown, in its own words.
 * @param {string} path
 * @param {BodyInit | object} [body]
 * @returns {Promise<any>} the answer, or null where it was refused
 */
export async function ask(path, body = {}) {
  const plain = body instanceof Blob ? body : JSON.stringify(body);
  try {
    const answer = await fetch(path, {method: 'POST', body: plain, credentials: 'same-origin'});
    const content = await answer.json();
    if (content.success) return content;
    tell(content.message, {bad: true});
  } catch {
    tell('The page cannot be reached; it is tried again.', {bad: true});
  }
  return null;
}

/** One connection for the life of the page; `on` gets frames, `lost` and messages by their kind. */
export class Connection {
  /** @param {Record<string, (content: any) => void>} on */
  constructor(on) {
    this.on = on;
    /** @type {WebSocket | null} */
    this.socket = null;
    this.retry = 0;
    /** Time of the stamps minus `performance.now()`, ms, from the fastest of the last answers. */
    this.offset = NaN;
    /** @type {{offset: number, trip: number}[]} */
    this.trips = [];
    setInterval(() => this.send(String(performance.now())), 2000);
    // a page that the browser keeps for its back button must not be a viewer meanwhile
    addEventListener('pagehide', () => this.socket?.close());
  }

  open() {
    const url = new URL('live', location.href);
    url.protocol = url.protocol.replace('http', 'ws');
    url.hash = '';
    const socket = this.socket = new WebSocket(url);
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      this.retry = 0;
      this.trips = [];
      socket.send(String(performance.now()));
      this.on.open(null);
    };
    socket.onmessage = ({data}) => typeof data === 'string' ? this.take(JSON.parse(data)) : this.on.frame(unpack(data));
    socket.onclose = () => {
      this.on.lost(null);
      const wait = Math.min(5000, 300 * 2 ** this.retry++) * (0.75 + Math.random() / 2);
      setTimeout(() => this.open(), wait);
    };
  }

  /** @param {any} message */
  take(message) {
    if (message.kind !== 'clock') {
      this.on[message.kind]?.(message);
      return;
    }
    const now = performance.now();
    this.trips.push({trip: now - message.sent, offset: message.now / 1e6 - (now + message.sent) / 2});
    this.trips = this.trips.slice(-10);
    this.offset = this.trips.reduce((best, one) => one.trip < best.trip ? one : best).offset;
  }

  /** @param {string | ArrayBuffer | Uint8Array<ArrayBuffer>} data */
  send(data) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(data);
  }

  /** Ask for the next frame of a stream. @param {number} stream */
  ready(stream) {
    this.send(Uint8Array.of(stream));
  }

  /** The time of the stamps, ms. */
  now() {
    return performance.now() + this.offset;
  }
}

/** @param {ArrayBuffer} data @returns {Frame} */
function unpack(data) {
  const head = new DataView(data);
  return {stream: head.getUint8(0), sequence: head.getUint32(4, true), stamp: Number(head.getBigInt64(8, true)) / 1e6,
    jpeg: new Uint8Array(data, HEADER)};
}
