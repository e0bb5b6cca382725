// @ts-check
/** This browser's own camera as the robot's: one frame under way, the next when the server has taken it. */
import {find, make, tell, toJpeg, write} from './dom.js';
import {ask, OWN_CAMERA, send} from './server.js';

/** Lines and JPEG quality of a frame; times until another is sent without an answer, and until we give up, ms. */
const HEIGHT = 480, QUALITY = 0.8, SILENCE = 2000, PATIENCE = 20_000;
const robot = find('[name=source][value=robot]', HTMLInputElement);
const browser = find('[name=source][value=browser]', HTMLInputElement);
const flip = find('#flip'), video = make('video', {muted: true, playsInline: true});
let media = /** @type {MediaStream | null} */ (null);
let facing = 'user', sent = 0, underWay = false, callback = 0;

browser.disabled = !navigator.mediaDevices;     // browsers have it over HTTPS only
browser.onchange = begin;
robot.onchange = () => {
  close();
  ask('do/use_robot');
};
flip.onclick = () => {
  facing = facing === 'user' ? 'environment' : 'user';
  begin();
};

async function begin() {
  const given = media !== null;         // turned around, it is still the camera that the server knows
  close();
  try {
    media = await navigator.mediaDevices.getUserMedia({video: {facingMode: facing, height: {ideal: HEIGHT}}});
    video.srcObject = media;
    await video.play();
  } catch (error) {
    tell(`The camera cannot be used (${/** @type {Error} */ (error).message}); allow it in the browser.`, {bad: true});
    robot.checked = true;
    return;
  }
  sent = performance.now();
  underWay = false;
  if (given || await ask('do/use_browser')) next();
  else close();
}

function close() {
  media?.getTracks().forEach(track => track.stop());
  media = video.srcObject = null;
  flip.hidden = true;
}

/** Send the next frame of the video as soon as it is there. */
function next() {
  flip.hidden = !media;
  video.cancelVideoFrameCallback(callback);     // of a camera before
  callback = video.requestVideoFrameCallback(give);
}

/** @param {number} now @param {VideoFrameCallbackMetadata} about */
async function give(now, {captureTime = now}) {
  if (media && (!underWay || performance.now() - sent > SILENCE)) {
    underWay = true;
    sent = performance.now();
    const {videoWidth: width, videoHeight: height} = video, scale = Math.min(1, HEIGHT / height);
    const jpeg = await toJpeg(video, width * scale, height * scale, QUALITY);
    const age = (performance.now() - captureTime) / 1000;
    send(new Blob([Uint8Array.of(OWN_CAMERA), Float64Array.of(age), jpeg]));
  }
  next();
}

/** The server has taken a frame, or says why not. @param {{message: string}} answer */
export function frameTaken({message}) {
  underWay = false;
  if (!message || !media) return;
  close();
  tell(message, {bad: true});
}

/** @param {import('./server.js').State['source']} source */
export function showSource({kind, topic}) {
  const fromBrowser = kind === 'browser';
  if (!fromBrowser && media && performance.now() - sent > PATIENCE) close();
  (fromBrowser ? browser : robot).checked = true;
  write(find('#robot-topic'), fromBrowser ? '' : topic);
  browser.dataset.whose = fromBrowser && !media ? 'other' : 'ours';
}
