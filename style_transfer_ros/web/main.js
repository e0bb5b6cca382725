// @ts-check
/** Starts the page: signs in with the link's token, connects, and hands news to the parts. */
import {OwnCamera} from './camera.js';
import {showControls} from './controls.js';
import {find, make, spoken, tell} from './dom.js';
import {showPainted, showStyles} from './gallery.js';
import {Connection} from './server.js';
import {veil, View} from './view.js';

/** @typedef {import('./server.js').State} State */
/** @type {State | null} */
let state = null;
let you = {rate: 0, why: '', viewers: 1}, role = 'viewer', connected = false;

const connection = new Connection({
  open() {
    connected = true;
    view.restart();
  },
  lost() {
    connected = false;
    showState();
    checkSession();
  },
  hello: message => { role = document.body.dataset.role = message.role; },
  frame: frame => view.show(frame),
  styles: ({styles}) => showStyles(styles, role),
  state(message) {
    state = message;
    showState();
  },
  you(message) {
    you = message;
    showFacts();
  },
  notice: ({message}) => tell(message, {bad: true}),
  own_camera: message => camera.taken(message),
});
const view = new View(connection);
const camera = new OwnCamera(connection);

/** @type {Record<string, string>} */
const WORDS = {loading: 'Loading', learning: 'Learning', painting: 'Painting', waiting: 'Waiting', paused: 'Pass-through',
  inactive: 'Inactive', failed: 'Failed'};
/** @type {Record<string, string>} */
const TONES = {painting: 'good', learning: 'busy', loading: 'busy', paused: 'busy', waiting: 'busy'};

function showState() {
  const pill = find('state'), status = state?.status ?? {};
  const kind = status.state ?? 'loading';
  let words = `${WORDS[kind] ?? kind}${status.message ? `: ${status.message}` : ''}`, cover = '', tone = TONES[kind] ?? 'bad';
  if (['failed', 'inactive', 'loading'].includes(kind) || (kind === 'waiting' && !/subscribes/.test(status.message ?? ''))) {
    cover = status.message ?? '';
  }
  if (state && !state.present) {
    [tone, cover] = ['bad', `The node ${state.painter} is not there. Painting goes on here as soon as it is back.`];
    words = 'The node is gone';
  }
  if (!connected) [tone, words, cover] = ['bad', 'Reconnecting …', 'The connection is lost. Reconnecting …'];
  pill.dataset.tone = tone;
  const text = /** @type {HTMLElement} */ (pill.querySelector('span'));
  if (text.textContent !== words) text.textContent = text.title = words;
  veil(cover, kind === 'learning' && connected);
  if (!state) return;
  const mix = status.mix ?? {}, shares = Object.keys(mix).length ? mix : status.style ? {[status.style]: 1} : {};
  showPainted(shares);
  find('title').textContent = Object.keys(mix).length
    ? Object.entries(mix).map(([name, share]) => `${Math.round(share * 100)} % ${spoken(name)}`).join(' + ')
    : spoken(status.style || 'Painting');
  showControls(state);
  camera.show(state.source);
}

function showFacts() {
  const numbers = state?.numbers ?? {}, status = state?.status ?? {}, latency = view.latency();
  const drops = Object.entries(numbers).filter(([key, n]) => key.startsWith('dropped ') && Number(n) > 0)
    .map(([key, n]) => `${n} ${key.slice(8)}`);
  /** @type {[string, string | undefined][]} */
  const facts = [
    ['model', [status.model, status.runtime].filter(Boolean).join(' in ') || undefined],
    ['in', numbers['rate in (Hz)'] && `${numbers['rate in (Hz)']}/s`],
    ['painted', numbers['rate out (Hz)'] && `${numbers['rate out (Hz)']}/s`],
    ['here', `${view.rate().toFixed(1)}/s`],
    ['camera to screen', Number.isNaN(latency) ? view.latencies.length ? 'stamps of another clock' : undefined : `${latency.toFixed(0)} ms`],
    ['dropped', drops.join(', ') || undefined],
    ['viewers', String(you.viewers)],
    ['', you.why || undefined],
  ];
  find('facts').replaceChildren(...facts.filter(([, value]) => value).map(([key, value]) => make('div', {'data-fact': key},
    make('dt', {}, key || 'Slow here:'), make('dd', {}, value ?? ''))));
}

/** Exchange a link's token for a cookie. @param {string} link @returns {Promise<boolean>} */
async function signIn(link) {
  const token = new URLSearchParams(link.split('#')[1] ?? '').get('token') ?? link.trim();
  const answer = await fetch('session', {method: 'POST', body: JSON.stringify({token}), credentials: 'same-origin'});
  return answer.ok;
}

/** Ask for the link where the cookie is no longer good; the network may just be gone. */
async function checkSession() {
  const answer = await fetch('session', {credentials: 'same-origin'}).catch(() => null);
  const dialog = /** @type {HTMLDialogElement} */ (find('locked'));
  if (answer?.status === 401 && !dialog.open) dialog.showModal();
  return answer?.ok ?? false;
}

find('locked').addEventListener('close', async () => {
  const input = /** @type {HTMLInputElement} */ (find('link'));
  if (await signIn(input.value)) location.reload();
  else /** @type {HTMLDialogElement} */ (find('locked')).showModal();
});
async function start() {
  if (location.hash.includes('token=')) {
    const done = await signIn(location.hash).catch(() => false);
    if (done) history.replaceState(null, '', location.pathname);    // no secret in history, screen or screenshots
  }
  if (await checkSession()) connection.open();
}
window.addEventListener('hashchange', () => start());
start();
