// @ts-check
/** Settings, shuffle, saving, recording, links and theme. */
import {fill, find, make, percent, tell, tellValue} from './dom.js';
import {ask, get, Wishes} from './server.js';

/** @typedef {import('./server.js').State} State */

/** The node's live parameters are the inputs of this name; how the value of a slider is told. */
const WORDS = /** @type {Record<string, (value: number) => string>} */ ({
  strength: percent,
  smoothing: value => value ? percent(value) : 'off',
  processing_height: value => value ? `${value} px high` : 'as the camera',
  period: value => value ? `${value.toFixed(2)} s` : 'every frame',
});
const inputs = find('#settings').querySelectorAll('input'), settings = new Wishes('do/set');

/** @param {HTMLInputElement} input @param {any} value undefined: this node has no such parameter */
function showSetting(input, value) {
  input.disabled = value === undefined;
  if (input.type === 'checkbox') {
    input.checked = Boolean(value);
  } else if (!input.disabled) {
    input.max = String(Math.max(Number(input.max), value));
    input.value = String(value);
    tellValue(input, WORDS[input.name](value));
  }
}
for (const input of inputs) {
  input.oninput = () => {
    const value = input.type === 'checkbox' ? input.checked : input.valueAsNumber;
    showSetting(input, value);
    settings.add({[input.name]: value});
  };
}

const shuffle = find('#shuffle'), seconds = find('#shuffle-seconds', HTMLInputElement);
const isOn = (/** @type {HTMLElement} */ button) => button.ariaPressed === 'true';
find('#next').onclick = () => ask('do/next');
shuffle.onclick = () => ask('do/shuffle', {seconds: isOn(shuffle) ? 0 : seconds.valueAsNumber});
seconds.onchange = () => isOn(shuffle) && ask('do/shuffle', {seconds: seconds.valueAsNumber});

find('#save').onclick = async () => {
  const answer = await get('painting.png');
  if (!answer) return;
  const time = new Date().toISOString().slice(0, 19).replaceAll(':', '-');
  const link = make('a', {href: URL.createObjectURL(await answer.blob()), download: `painting ${time}.png`});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
};

const record = find('#record');
record.onclick = async () => {
  if (!isOn(record)) {
    ask('do/record');
  } else if (await ask('do/stop_recording')) {
    tell('The recording is saved.', {action: 'Show', onclick: () => find('#tab-adjust').click()});
  }
};

/** @param {number} bytes */
function size(bytes) {
  if (bytes < 1e6) return `${Math.round(bytes / 1e3)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}

/** @param {State} state */
function showRecordings({recording, recordings}) {
  const lost = recording?.dropped ? `, ${recording.dropped} dropped` : '';
  const told = recording ? size(recording.size) + lost : 'Record';
  record.ariaPressed = String(recording !== null);
  record.ariaLabel = recording ? `Stop the recording, ${told}` : 'Record the painting as a bag';
  find('span', HTMLElement, record).textContent = told;
  const list = find('#recordings'), names = recordings.map(one => one.name).join();
  if (list.dataset.names === names) return;     // made anew, its buttons would lose the focus
  list.dataset.names = names;
  list.replaceChildren(...recordings.map(({name, size: bytes}) => fill('#recording', {
    a: {href: `recordings/${encodeURIComponent(name)}.mcap`, download: `${name}.mcap`, textContent: name},
    span: {textContent: size(bytes)},
    button: {ariaLabel: `Remove the recording ${name}`, onclick: () => ask('do/remove_recording', {name})},
  })));
}

/** Show the state of everything here. @param {State} state */
export function showControls(state) {
  shuffle.ariaPressed = String(state.shuffle > 0);
  if (isOn(shuffle) && document.activeElement !== seconds) seconds.value = String(state.shuffle);
  showRecordings(state);
  if (settings.rest) inputs.forEach(input => showSetting(input, state.parameters[input.name]));
}

find('#share').onclick = async () => {
  const links = await (await get('links'))?.json(), dialog = find('#links', HTMLDialogElement);
  if (!links) return;
  dialog.classList.toggle('local', /\/\/(127\.|localhost|\[::1\])/.test(links.viewer[0]));
  find('#copy-viewer').onclick = () => copy(links.viewer[0]);
  find('#copy-operator').onclick = () => copy(links.operator[0]);
  dialog.showModal();
};

/** @param {string} text */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    tell('The link is copied.');
  } catch {
    prompt('Copy the link:', text);     // without HTTPS a page cannot reach the clipboard
  }
}

const look = document.documentElement.dataset;
look.theme = localStorage.getItem('theme') ?? '';       // else the system's
find('#theme').onclick = () => {
  const now = look.theme || (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
  look.theme = now === 'dark' ? 'light' : 'dark';
  localStorage.setItem('theme', look.theme);
};
