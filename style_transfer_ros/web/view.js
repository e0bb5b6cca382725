// @ts-check
/** Camera beside painting: draws frames as they come, one of each stream at a time, and measures them. */
import {find} from './dom.js';
import {CAMERA, clockOffset, PAINTING, send} from './server.js';

const stage = find('.stage'), pictures = find('#pictures'), divider = find('#divider', HTMLInputElement);
const alone = find('[name=view][value=painting]', HTMLInputElement);
const canvases = [find('#camera', HTMLCanvasElement), find('#painting', HTMLCanvasElement)];
const asked = [false, false];           // streams whose next frame is under way
let ages = /** @type {number[]} */ ([]);         // of the last paintings when they were drawn, ms, on two clocks

document.addEventListener('visibilitychange', watch);
find('.segments').onchange = watch;
find('#full').hidden = !document.fullscreenEnabled;     // on an iPhone
find('#full').onclick = () => document.fullscreenElement ? document.exitFullscreen() : stage.requestFullscreen();
divider.oninput = () => {
  pictures.style.setProperty('--split', `${divider.value}%`);
  divider.ariaValueText = `${Math.round(divider.valueAsNumber)} %`;
};

/** Begin again with a new connection. */
export function restart() {
  asked.fill(false);
  watch();
}

/** Ask for the frames that are to be seen: none while the page is hidden, no camera beside the painting alone. */
function watch() {
  for (const stream of [CAMERA, PAINTING]) {
    if (asked[stream] || document.hidden || (stream === CAMERA && alone.checked)) continue;
    asked[stream] = true;
    send(Uint8Array.of(stream));
  }
}

/** @param {{stream: number, stamp: number, jpeg: BlobPart}} frame */
export async function showFrame({stream, stamp, jpeg}) {
  // a damaged frame is left out: the next one will do
  const bitmap = await createImageBitmap(new Blob([jpeg], {type: 'image/jpeg'})).catch(() => null);
  asked[stream] = false;
  watch();                              // the next one travels while this one is drawn
  if (!bitmap) return;
  const canvas = canvases[stream], {width, height} = bitmap;
  if (canvas.width !== width || canvas.height !== height) {
    Object.assign(canvas, {width, height});
    if (stream === PAINTING) pictures.style.setProperty('--ratio', String(width / height));
  }
  canvas.getContext('2d', {alpha: false})?.drawImage(bitmap, 0, 0);
  bitmap.close();
  canvas.dataset.stamp = String(stamp);
  if (stream === CAMERA) return;
  requestAnimationFrame(() => {
    ages = [...ages.slice(-59), performance.now() - stamp];
    document.body.dataset.live = 'yes';
  });
}

/** Tell the median time from the camera's stamp to the screen. */
export function latency() {
  if (!ages.length) return '';
  const median = ages.toSorted((a, b) => a - b)[ages.length >> 1] + clockOffset();
  return median > -50 && median < 60_000 ? `${Math.max(0, median).toFixed(0)} ms` : 'stamps of another clock';
}
