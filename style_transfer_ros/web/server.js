// @ts-check
/** The server: wishes by POST, frames and news by one WebSocket that comes back by itself. */
import {tell} from './dom.js';

/**
 * @typedef {{state: string, style: string, message: string, model: string, runtime: string,
 *   mix: Record<string, number>}} Status
 * @typedef {{present: boolean, painter: string, status: Partial<Status>, parameters: Record<string, any>,
 *   numbers: Record<string, string>, source: {kind: string, topic: string}, shuffle: number,
 *   recording: null | {size: number, dropped: number}, recordings: {name: string, size: number}[]}} State
 * @typedef {{name: string, source: string, picture: string}} Style
 */
export const CAMERA = 0, PAINTING = 1, OWN_CAMERA = 2;
/** Bytes before a frame's JPEG. News come each second; without any for this time the connection is lost, ms. */
const HEADER = 16, SILENCE = 5000;

/** Fetch; a refusal is shown in the server's own words, and gives null.
 *  @param {string} path @param {RequestInit} [options] */
export async function get(path, options) {
  try {
    const answer = await fetch(path, options);
    if (answer.ok) return answer;
    tell((await answer.json()).message, {bad: true});
  } catch {
    tell('The page cannot be reached; it is tried again.', {bad: true});
  }
  return null;
}

/** Ask for something to be done; gives the answer, or null where it was refused.
 *  @param {string} path @param {Blob | object} body @returns {Promise<any>} */
export async function ask(path, body = {}) {
  const answer = await get(path, {method: 'POST', body: body instanceof Blob ? body : JSON.stringify(body)});
  return answer?.json().catch(() => null);
}

/** Wishes of sliders that move: those that come while one is under way travel together, and newer values win. */
export class Wishes {
  /** @param {string} path */
  constructor(path) {
    this.path = path;
    this.last = -Infinity;
    this.answer = Promise.resolve();
    this.waiting = /** @type {object | null} */ (null);
  }

  /** Whether the sliders rest, so that they may show what the node says. */
  get rest() {
    return performance.now() - this.last > 1500;
  }

  /** @param {object} wish */
  add(wish) {
    this.last = performance.now();
    if (!this.waiting) {
      this.answer = this.answer.then(() => {
        const all = this.waiting ?? {};
        this.waiting = null;
        return ask(this.path, all);
      });
    }
    this.waiting = {...this.waiting, ...wish};
  }
}

/** @type {WebSocket} */
let socket;
let lost = 0;
/** How long the last answers of the server's clock took, and that clock minus ours, ms. */
let trips = /** @type {{trip: number, offset: number}[]} */ ([]);

/** Stay connected for the life of the page; `on` gets frames, messages by their kind, `open` and `lost`.
 *  @param {Record<string, (content: any) => void>} on */
export function connect(on) {
  const ours = socket = new WebSocket(new URL('live', location.href.replace('http', 'ws')));
  let heard = performance.now();
  const watch = setInterval(() => {
    if (performance.now() - heard > SILENCE) end();
    else askForTime();
  }, 2000);
  function end() {
    clearInterval(watch);
    ours.onopen = ours.onmessage = ours.onclose = null;
    ours.close();                       // who is silent says no goodbye, so nobody waits for it
    on.lost(null);
    // with some chance, so that many viewers do not all come back in one moment
    setTimeout(connect, Math.min(5000, 300 * 2 ** lost++) * (0.75 + Math.random() / 2), on);
  }
  ours.binaryType = 'arraybuffer';
  ours.onopen = () => {
    lost = 0;
    trips = [];
    askForTime();
    on.open(null);
  };
  ours.onmessage = ({data}) => {
    heard = performance.now();
    if (data instanceof ArrayBuffer) {
      const head = new DataView(data), stamp = Number(head.getBigInt64(8, true)) / 1e6;
      on.frame({stream: head.getUint8(0), stamp, jpeg: new Uint8Array(data, HEADER)});
    } else {
      const message = JSON.parse(data);
      on[message.kind]?.(message);
    }
  };
  ours.onclose = end;
}
// a page that the browser keeps for its back button must not be a viewer meanwhile
addEventListener('pagehide', () => socket?.close());

/** @param {string | Blob | Uint8Array<ArrayBuffer>} data */
export function send(data) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(data);
}

function askForTime() {
  send(String(performance.now()));
}

/** The server's clock was `now`, ns, between ours `sent`, ms, and this moment. @param {Record<string, number>} times */
export function compareClocks({sent, now}) {
  const here = performance.now();
  trips = [...trips.slice(-9), {trip: here - sent, offset: now / 1e6 - (here + sent) / 2}];
  if (trips.length < 5) askForTime();   // the first ones are slow: the page is still being built
}

/** The server's clock minus `performance.now()`, ms, after the fastest of the last answers; NaN before the first. */
export function clockOffset() {
  return trips.toSorted((a, b) => a.trip - b.trip)[0]?.offset ?? NaN;
}
