// @ts-check
/** This browser's own camera as the robot's: one frame under way, the next when the server has taken it. */
import {find, make, tell} from './dom.js';
import {ask, OWN_CAMERA} from './server.js';

const HEIGHT = 480, QUALITY = 0.8, SILENCE = 2000;
const [robot, browser] = /** @type {HTMLInputElement[]} */ ([...document.getElementsByName('source')]);

export class OwnCamera {
  /** @param {import('./server.js').Connection} connection */
  constructor(connection) {
    this.connection = connection;
    /** @type {MediaStream | null} */
    this.media = null;
    this.video = make('video', {muted: true, playsInline: true});
    this.canvas = make('canvas');
    this.facing = 'user';
    this.sent = 0;                      // when the frame under way was sent, ms; 0: none is
    if (!navigator.mediaDevices) {
      browser.disabled = true;
      find('browser-why').textContent = 'Browsers give their camera over HTTPS only: start the page with https:=true.';
    }
    browser.onchange = () => this.begin();
    robot.onchange = () => this.end();
    find('flip').onclick = () => {
      this.facing = this.facing === 'user' ? 'environment' : 'user';
      this.begin();
    };
  }

  async begin() {
    this.close();
    try {
      this.media = await navigator.mediaDevices.getUserMedia({video: {facingMode: this.facing, height: {ideal: HEIGHT}}});
    } catch (error) {
      tell(`The camera cannot be used (${/** @type {Error} */ (error).message}); allow it in the browser.`, {bad: true});
      robot.checked = true;
      return;
    }
    this.video.srcObject = this.media;
    await this.video.play();
    if (!await ask('do/use_browser')) {
      this.close();
      return;
    }
    find('flip').hidden = false;
    this.sent = 0;
    this.next();
  }

  /** Give the camera back to the robot's. */
  end() {
    this.close();
    ask('do/use_robot');
  }

  close() {
    for (const track of this.media?.getTracks() ?? []) track.stop();
    this.media = this.video.srcObject = null;
    find('flip').hidden = true;
  }

  /** Send the next frame of the video as soon as it is there. */
  next() {
    if (this.media) this.video.requestVideoFrameCallback((now, about) => this.send(about.captureTime ?? now));
  }

  /** @param {number} taken when the frame was taken, ms */
  async send(taken) {
    if (!this.media) return;
    if (this.sent && performance.now() - this.sent < SILENCE) {
      this.next();
      return;
    }
    this.sent = performance.now();
    const scale = Math.min(1, HEIGHT / this.video.videoHeight);
    [this.canvas.width, this.canvas.height] = [this.video.videoWidth * scale, this.video.videoHeight * scale];
    this.canvas.getContext('2d')?.drawImage(this.video, 0, 0, this.canvas.width, this.canvas.height);
    const jpeg = await new Promise(done => this.canvas.toBlob(done, 'image/jpeg', QUALITY));
    const message = new Uint8Array(9 + jpeg.size);
    message[0] = OWN_CAMERA;
    new DataView(message.buffer).setFloat64(1, (performance.now() - taken) / 1000, true);
    message.set(new Uint8Array(await jpeg.arrayBuffer()), 9);
    this.connection.send(message);
    this.next();
  }

  /** The server has taken a frame, or says why not. @param {{message: string}} answer */
  taken({message}) {
    this.sent = 0;
    if (message && this.media) {
      this.close();
      tell(message, {bad: true});
    }
  }

  /** @param {import('./server.js').State['source']} source */
  show(source) {
    find('robot-topic').textContent = source.kind === 'robot' ? source.topic : '';
    if (source.kind === 'robot' && this.media && performance.now() - this.sent > 20_000) this.close();
    (source.kind === 'browser' ? browser : robot).checked = true;
    if (!browser.disabled) {
      find('browser-why').textContent = source.kind === 'browser' && !this.media
        ? 'Another operator’s camera is painted.' : 'Everybody who watches sees it.';
    }
  }
}
