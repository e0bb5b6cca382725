// @ts-check
/** Camera beside painting: draws frames as they come, one of each stream at a time, and measures them. */
import {find} from './dom.js';
import {CAMERA, PAINTING} from './server.js';

/** @typedef {import('./server.js').Frame} Frame */
const pictures = find('pictures'), divider = find('divider'), stage = /** @type {HTMLElement} */ (pictures.closest('.stage'));
const canvases = [find('camera'), find('painting')].map(c => /** @type {HTMLCanvasElement} */ (c));
const contexts = canvases.map(c => /** @type {CanvasRenderingContext2D} */ (c.getContext('2d', {alpha: false})));

export class View {
  /** @param {import('./server.js').Connection} connection */
  constructor(connection) {
    this.connection = connection;
    /** Latencies of the last paintings from the camera's stamp to the screen, ms. @type {number[]} */
    this.latencies = [];
    /** When they were drawn, ms. @type {number[]} */
    this.drawn = [];
    this.pending = [false, false];      // streams whose next frame was asked for
    document.addEventListener('visibilitychange', () => this.watch());
    for (const input of document.getElementsByName('view')) input.addEventListener('change', () => {
      pictures.dataset.view = /** @type {HTMLInputElement} */ (input).value;
      this.watch();
    });
    find('full').onclick = () => document.fullscreenElement ? document.exitFullscreen() : stage.requestFullscreen();
    divider.onpointerdown = event => divider.setPointerCapture(event.pointerId);
    divider.onpointermove = event => {
      if (!divider.hasPointerCapture(event.pointerId)) return;
      const box = pictures.getBoundingClientRect();
      split((event.clientX - box.left) / box.width * 100);
    };
    divider.onkeydown = event => {
      const now = Number(divider.ariaValueNow), step = event.shiftKey ? 10 : 2;
      const to = {ArrowLeft: now - step, ArrowRight: now + step, ArrowDown: now - step, ArrowUp: now + step,
        PageDown: now - 10, PageUp: now + 10, Home: 0, End: 100}[event.key];
      if (to === undefined) return;
      event.preventDefault();
      split(to);
    };
  }

  /** Begin again with a new connection. */
  restart() {
    this.pending = [false, false];
    this.watch();
  }

  /** Ask for the frames that are to be seen: none while the page is hidden, no camera beside the painting alone. */
  watch() {
    for (const stream of [CAMERA, PAINTING]) this.want(stream);
  }

  /** @param {number} stream */
  want(stream) {
    const seen = !document.hidden && (stream === PAINTING || pictures.dataset.view !== 'painting');
    if (!seen || this.pending[stream]) return;
    this.pending[stream] = true;
    this.connection.ready(stream);
  }

  /** @param {Frame} frame */
  async show(frame) {
    const {stream} = frame;
    let bitmap;
    try {
      bitmap = await createImageBitmap(new Blob([frame.jpeg], {type: 'image/jpeg'}));
    } catch {
      bitmap = null;                    // a damaged frame: the next one will do
    }
    this.pending[stream] = false;
    this.want(stream);                  // the next one travels while this one is drawn
    if (!bitmap) return;
    const canvas = canvases[stream];
    if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
      [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
      if (stream === PAINTING) pictures.style.setProperty('--ratio', String(bitmap.width / bitmap.height));
    }
    contexts[stream].drawImage(bitmap, 0, 0);
    bitmap.close();
    canvas.dataset.stamp = String(frame.stamp);
    if (stream === PAINTING) requestAnimationFrame(() => this.measure(frame));
  }

  /** @param {Frame} frame */
  measure(frame) {
    const now = performance.now();
    this.drawn = [...this.drawn.filter(t => t > now - 4000), now];
    this.latencies = [...this.latencies.slice(-59), this.connection.now() - frame.stamp];
    document.body.dataset.live = 'yes';
  }

  /** Median latency, ms; NaN where the stamps are of another clock. */
  latency() {
    const sorted = [...this.latencies].sort((a, b) => a - b);
    const median = sorted[sorted.length >> 1] ?? NaN;
    return median > -50 && median < 60_000 ? Math.max(0, median) : NaN;
  }

  /** Paintings drawn in a second. */
  rate() {
    const now = performance.now(), recent = this.drawn.filter(t => t > now - 4000);
    return recent.length > 1 ? (recent.length - 1) / (now - recent[0]) * 1000 : 0;
  }
}

/** @param {number} percent */
function split(percent) {
  const value = Math.round(Math.min(100, Math.max(0, percent)) * 10) / 10;
  divider.ariaValueNow = String(Math.round(value));
  pictures.style.setProperty('--split', `${value}%`);
}

/**
 * Cover the pictures with a sentence; empty uncovers them.
 * @param {string} text
 * @param {boolean} learning whether the painting is dimmed
 */
export function veil(text, learning) {
  const element = find('veil');
  if (element.textContent !== text) element.textContent = text;
  element.hidden = !text;
  pictures.classList.toggle('learning', learning);
}

/** The newest camera picture as a file to teach. @returns {Promise<Blob | null>} */
export function snapshot() {
  return new Promise(resolve => canvases[CAMERA].toBlob(resolve, 'image/png'));
}
