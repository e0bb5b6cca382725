// @ts-check
/** Starts the page: signs in with the link's token, connects, and hands news to the parts. */
import {frameTaken, showSource} from './camera.js';
import {showControls} from './controls.js';
import {find, make, percent, spoken, tell, write} from './dom.js';
import {showPainted, showStyles} from './gallery.js';
import {compareClocks, connect} from './server.js';
import {latency, restart, showFrame} from './view.js';

let state = /** @type {import('./server.js').State | null} */ (null);
let connected = false;
const pill = find('#state'), veil = find('#veil'), locked = find('#locked', HTMLDialogElement);

/** What goes on, what is said of it, and what covers the pictures. */
function situation() {
  if (!connected) return ['lost', 'Reconnecting …', 'The connection is lost. Reconnecting …'];
  if (state && !state.present) {
    const gone = `The node ${state.painter} is not there. Painting goes on here as soon as it is back.`;
    return ['gone', 'The node is gone', gone];
  }
  const {state: kind = 'loading', message = ''} = state?.status ?? {};
  const words = kind === 'paused' ? 'Pass-through' : spoken(kind);
  // a node that waits for somebody who subscribes has somebody now
  const still = ['failed', 'inactive', 'loading', 'waiting'].includes(kind) && !/subscribes/.test(message);
  return [kind, message ? `${words}: ${message}` : words, still ? message : ''];
}

function showState() {
  const [kind, words, cover] = situation(), {style = '', mix = {}} = state?.status ?? {};
  pill.dataset.state = kind;
  pill.title = words;
  write(find('span', HTMLElement, pill), words);
  write(veil, cover);
  veil.hidden = !cover;
  if (!state) return;
  const shares = Object.entries(mix).sort(([, a], [, b]) => b - a);
  const mixed = shares.map(([name, share]) => `${percent(share)} ${spoken(name)}`);
  find('#title').textContent = mixed.join(' + ') || spoken(style || 'Painting');
  showPainted(mixed.length || !style ? mix : {[style]: 1});
  showControls(state);
  showSource(state.source);
}

/** @param {{rate: number, why: string, viewers: number}} you what the server measured of this viewer */
function showFacts(you) {
  const {status = {}, numbers = {}} = state ?? {};
  const hertz = (/** @type {string} */ key) => numbers[key] ? `${numbers[key]}/s` : '';
  const drops = Object.entries(numbers).filter(([key, count]) => key.startsWith('dropped ') && Number(count) > 0);
  const facts = {
    'model': [status.model, status.runtime].filter(Boolean).join(' in '),
    'in': hertz('rate in (Hz)'),
    'painted': hertz('rate out (Hz)'),
    'here': `${you.rate.toFixed(1)}/s`,
    'camera to screen': latency(),
    'dropped': drops.map(([key, count]) => `${count} ${key.slice(8)}`).join(', '),
    'viewers': String(you.viewers),
    'slow here:': you.why,
  };
  const known = Object.entries(facts).filter(([, value]) => value);
  find('#facts').replaceChildren(...known.map(
    ([name, value]) => make('div', {}, make('dt', {}, name), make('dd', {}, value))));
}

/** Exchange a link's token for a cookie. @param {string} link */
async function signIn(link) {
  const token = new URLSearchParams(link.split('#')[1]).get('token') ?? link.trim();
  const options = {method: 'POST', body: JSON.stringify({token}), signal: AbortSignal.timeout(5000)};
  const answer = await fetch('session', options).catch(() => null);
  return answer?.ok;
}

/** Sign in; where neither link nor cookie is good, ask for the link and tell so. The network may just be gone. */
async function checkSession() {
  if (location.hash.includes('token=') && await signIn(location.hash)) {
    history.replaceState(null, '', location.pathname);  // no secret in history, screen or screenshots
  }
  const answer = await fetch('session', {signal: AbortSignal.timeout(5000)}).catch(() => null);
  const refused = answer?.status === 401;
  if (refused && !locked.open) locked.showModal();
  return refused;
}

locked.onclose = async () => {
  if (await signIn(find('#link', HTMLInputElement).value)) location.reload();
  else locked.showModal();
};
onhashchange = () => location.reload();         // another link
if (!await checkSession()) connect({
  open() {
    connected = true;
    restart();
  },
  lost() {
    connected = false;
    showState();
    checkSession();
  },
  state(news) {
    state = news;
    showState();
  },
  hello: ({role}) => document.body.dataset.role = role,
  styles: ({styles}) => showStyles(styles),
  notice: ({message}) => tell(message, {bad: true}),
  frame: showFrame,
  you: showFacts,
  own_camera: frameTaken,
  clock: compareClocks,
});
