// @ts-check
/** Settings, shuffle, saving, recording, links, theme and tabs. */
import {find, icon, make, newestWins, paintTrack, size, tell} from './dom.js';
import {ask} from './server.js';

/** @typedef {import('./server.js').State} State */

/**
 * The node's live parameters: name, words, then [low, high, step, unit] of a slider, or a hint for a switch.
 * @type {[string, string, [number, number, number, (v: number) => string] | string][]}
 */
const SETTINGS = [
  ['strength', 'Strength', [0, 1, 0.01, v => `${Math.round(v * 100)} %`]],
  ['smoothing', 'Smoothing', [0, 0.95, 0.05, v => v ? `${Math.round(v * 100)} %` : 'off']],
  ['processing_height', 'Painted size', [0, 1080, 40, v => v ? `${v} px high` : 'as the camera']],
  ['period', 'Time between paintings', [0, 2, 0.05, v => v ? `${v.toFixed(2)} s` : 'every frame']],
  ['preserve_color', 'Keep the camera’s colours', 'Only the brushwork is the style’s.'],
  ['enabled', 'Paint', 'Off: the camera passes through untouched.'],
];
const set = newestWins(/** @param {Record<string, any>} values */ values => ask('do/set', values));
let touched = -Infinity;

const rows = SETTINGS.map(([name, words, kind]) => {
  const isSwitch = typeof kind === 'string';
  const input = make('input', isSwitch ? {type: 'checkbox', role: 'switch', id: `set-${name}`}
    : {type: 'range', id: `set-${name}`, min: String(kind[0]), max: String(kind[1]), step: String(kind[2])});
  const output = make('output', {for: input.id});
  /** @param {any} value */
  function show(value) {
    if (isSwitch) {
      input.checked = Boolean(value);
      return;
    }
    input.max = String(Math.max(kind[1], Number(value)));
    input.value = String(value);
    output.textContent = kind[3](Number(value));
    input.setAttribute('aria-valuetext', output.textContent);
    paintTrack(input);
  }
  input.oninput = () => {
    touched = performance.now();
    const value = isSwitch ? input.checked : Number(input.value);
    show(value);
    set({[name]: value});
  };
  const label = make('label', {htmlFor: input.id, textContent: words});
  find('settings').append(make('div', {className: 'row'}, label, ...isSwitch
    ? [input, make('small', {}, kind)] : [output, input]));
  return {name, input, show};
});
find('settings').onsubmit = event => event.preventDefault();

const seconds = /** @type {HTMLInputElement} */ (find('shuffle-seconds'));
let shuffling = false, recording = false;
find('next').onclick = () => ask('do/next');
find('shuffle').onclick = () => ask('do/shuffle', {seconds: shuffling ? 0 : Number(seconds.value)});
seconds.onchange = () => shuffling && ask('do/shuffle', {seconds: Number(seconds.value)});

find('save').onclick = async () => {
  const answer = await fetch('painting.png', {credentials: 'same-origin'}).catch(() => null);
  if (!answer?.ok) {
    tell(answer ? (await answer.json()).message : 'The page cannot be reached; try again.', {bad: true});
    return;
  }
  const link = make('a', {href: URL.createObjectURL(await answer.blob()),
    download: `painting ${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}.png`});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
};
find('record').onclick = async () => {
  const answer = await ask(recording ? 'do/stop_recording' : 'do/record');
  if (answer && recording) tell('The recording is saved.', {action: 'Show', onAction: () => openTab('adjust')});
};

/** @param {State['recordings']} list */
function showRecordings(list) {
  const element = find('recordings'), key = JSON.stringify(list);
  if (element.dataset.key === key) return;
  element.dataset.key = key;
  element.replaceChildren(...list.map(({name, size: bytes}) => make('li', {},
    make('a', {href: `recordings/${encodeURIComponent(name)}.mcap`, download: `${name}.mcap`}, name),
    make('span', {}, size(bytes)),
    make('button', {type: 'button', className: 'quiet', 'aria-label': `Remove the recording ${name}`,
      onclick: () => ask('do/remove_recording', {name})}, icon('bin')))));
  if (!list.length) element.append(make('li', {className: 'hint'}, 'None yet. A recording is an MCAP bag, for Foxglove and ros2 bag.'));
}

/** Show the state of everything here. @param {State} state */
export function showControls(state) {
  shuffling = state.shuffle > 0;
  find('shuffle').setAttribute('aria-pressed', String(shuffling));
  if (shuffling && document.activeElement !== seconds) seconds.value = String(state.shuffle);
  recording = state.recording !== null;
  find('record').setAttribute('aria-pressed', String(recording));
  const told = state.recording
    ? `${size(state.recording.size)}${state.recording.dropped ? `, ${state.recording.dropped} dropped` : ''}` : 'Record';
  /** @type {HTMLElement} */ (find('record').querySelector('span')).textContent = told;
  find('record').ariaLabel = recording ? `Stop the recording, ${told}` : 'Record the painting as a bag';
  showRecordings(state.recordings);
  if (performance.now() - touched < 1500) return;      // being moved just now
  for (const row of rows) {
    const value = state.parameters[row.name];
    row.input.disabled = value === undefined;
    if (value !== undefined) row.show(value);
  }
}

// Links

find('share').onclick = async () => {
  const answer = await fetch('links', {credentials: 'same-origin'}).then(a => a.json()).catch(() => null);
  if (!answer?.success) return;
  const local = /^\/\/(127\.|localhost|\[::1\])/.test(answer.viewer[0].replace(/^https?:/, ''));
  find('links-hint').textContent = local
    ? 'The page is open to this computer only. Start it with listen:=0.0.0.0 to open it to phones and others in your network.'
    : 'Scan a code with a phone in the same network, or copy the link.';
  const codes = /** @type {HTMLElement} */ (find('links').querySelector('.codes'));
  codes.replaceChildren(...[['viewer', 'Watch'], ['operator', 'Watch and change']].map(([role, words]) => make('div', {},
    ...local ? [] : [make('img', {src: `qr/${role}.svg`, alt: `QR code of the link to ${words.toLowerCase()}`})],
    make('button', {type: 'button', onclick: () => copy(answer[role][0])}, `Copy link: ${words.toLowerCase()}`))));
  /** @type {HTMLDialogElement} */ (find('links')).showModal();
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

// Theme

const kept = localStorage.getItem('theme');
if (kept) document.documentElement.dataset.theme = kept;
find('theme').onclick = () => {
  const dark = document.documentElement.dataset.theme
    ? document.documentElement.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  localStorage.setItem('theme', document.documentElement.dataset.theme = dark ? 'light' : 'dark');
};

// Tabs

const tabs = /** @type {HTMLElement[]} */ ([...document.querySelectorAll('[role=tab]')]);

/** @param {string} name */
function openTab(name) {
  for (const tab of tabs) {
    const open = tab.id === `tab-${name}`;
    tab.ariaSelected = String(open);
    tab.tabIndex = open ? 0 : -1;
    find(tab.getAttribute('aria-controls') ?? '').hidden = !open;
  }
}
for (const tab of tabs) {
  tab.onclick = () => openTab(tab.id.slice(4));
  tab.onkeydown = event => {
    const step = {ArrowLeft: -1, ArrowRight: 1}[event.key];
    if (!step) return;
    const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
    openTab(next.id.slice(4));
    next.focus();
  };
}
