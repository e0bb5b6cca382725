// @ts-check
/** The stored styles: choose, mix, teach, rename, remove. */
import {find, icon, make, newestWins, paintTrack, spoken, tell} from './dom.js';
import {ask} from './server.js';
import {snapshot} from './view.js';

/** @typedef {import('./server.js').Style} Style */
const gallery = find('gallery'), mixer = find('mixer'), drop = find('drop');
/** A larger picture is shrunk before it travels; the node learns from 256 pixels. */
const SIDE = 1024, BYTES = 3_000_000;

/** @type {Record<string, number>} what is painted: shares by name */
let painted = {};
let role = 'viewer', mixing = -Infinity;

/** @param {string} source */
function origin(source) {
  if (source.startsWith('bundled')) return 'Bundled';
  if (/^(compressed_)?image\b/.test(source)) return 'Sent picture';
  return decodeURIComponent(source.split('/').pop() || source);
}

/** @param {Style} style */
function thumbnail(style) {
  return make('img', {src: style.picture ? `thumbnails/${style.picture}.jpg` : '', alt: '', loading: 'lazy', width: 132,
    height: 99});
}

/** @param {Style} style */
function card(style) {
  const name = spoken(style.name);
  const button = make('button', {type: 'button', className: 'card', title: style.source, 'aria-pressed': 'false',
    disabled: role !== 'operator', async onclick() {
      button.ariaBusy = 'true';
      await ask('do/choose', {name: style.name});
      button.ariaBusy = 'false';
    }}, make('span', {}, thumbnail(style)), make('b', {}, name), make('small', {}, origin(style.source)));
  const edit = make('div', {className: 'edit'},
    make('button', {type: 'button', 'aria-label': `Rename ${name}`, onclick: () => rename(style.name)}, icon('edit')),
    make('button', {type: 'button', 'aria-label': `Remove ${name}`, onclick: () => remove(style.name)}, icon('bin')));
  return make('li', {'data-name': style.name}, button, ...role === 'operator' ? [edit] : []);
}

/** @param {Style} style */
function slider(style) {
  const id = `mix-${style.name}`, output = make('output', {for: id}, '0 %');
  const input = make('input', {type: 'range', id, min: '0', max: '100', value: '0', 'data-name': style.name, oninput() {
    mixing = performance.now();
    showShares();
    const weights = Object.fromEntries(sliders().filter(s => Number(s.value) > 0).map(
      s => [s.dataset.name ?? '', Number(s.value)]));
    if (Object.keys(weights).length) mix(weights);
  }});
  return make('li', {}, thumbnail(style), make('label', {htmlFor: id, textContent: spoken(style.name)}), output, input);
}

const mix = newestWins(/** @param {Record<string, number>} weights */ weights => ask('do/mix', {weights}));

function sliders() {
  return [...mixer.querySelectorAll('input')];
}

/** Tell each slider's share of the mix. */
function showShares() {
  const all = sliders(), sum = all.reduce((total, s) => total + Number(s.value), 0);
  for (const s of all) {
    const share = `${sum ? Math.round(Number(s.value) / sum * 100) : 0} %`;
    /** @type {HTMLElement} */ (s.previousElementSibling).textContent = share;
    s.setAttribute('aria-valuetext', share);
    paintTrack(s);
  }
}

/** @param {Style[]} list @param {string} newRole */
export function showStyles(list, newRole) {
  const focused = /** @type {HTMLElement | null} */ (document.activeElement?.closest('#gallery li'))?.dataset.name;
  role = newRole;
  gallery.replaceChildren(...list.map(card));
  mixer.replaceChildren(...list.map(slider));
  showPainted(painted, true);
  if (focused !== undefined) {
    const items = /** @type {HTMLElement[]} */ ([...gallery.children]);
    const next = items.find(item => item.dataset.name === focused) ?? items[0];
    /** @type {HTMLElement | null} */ (next?.querySelector('.card'))?.focus();
  }
}

/**
 * Mark what is painted.
 * @param {Record<string, number>} shares by name
 * @param {boolean} [anew] whether the elements are new
 */
export function showPainted(shares, anew = false) {
  const same = JSON.stringify(shares) === JSON.stringify(painted);
  if (same && !anew) return;
  painted = shares;
  const alone = Object.keys(shares).length === 1;
  for (const item of /** @type {Iterable<HTMLElement>} */ (gallery.children)) {
    const share = shares[item.dataset.name ?? ''] ?? 0;
    const button = /** @type {HTMLElement} */ (item.querySelector('.card'));
    button.setAttribute('aria-pressed', String(alone && share > 0));
    const picture = /** @type {HTMLElement} */ (button.firstElementChild);
    if (!alone && share >= 0.005) picture.dataset.share = `${Math.round(share * 100)} %`;
    else delete picture.dataset.share;
  }
  if (performance.now() - mixing < 1500) return;       // the sliders are being moved just now
  for (const s of sliders()) s.value = String(Math.round((shares[s.dataset.name ?? ''] ?? 0) * 100));
  showShares();
}

/** @param {string} name */
async function remove(name) {
  if (await ask('do/remove', {name})) {
    tell(`“${spoken(name)}” is removed.`, {action: 'Undo', seconds: 7.5, onAction: () => ask('do/undo', {name})});
  }
}

/** @param {string} name */
function rename(name) {
  const dialog = /** @type {HTMLDialogElement} */ (find('rename'));
  const input = /** @type {HTMLInputElement} */ (find('rename-to'));
  input.value = name;
  dialog.returnValue = '';
  find('rename-cancel').onclick = () => dialog.close();
  dialog.showModal();
  input.select();
  dialog.onclose = () => {
    if (dialog.returnValue === 'ok' && input.value !== name) ask('do/rename', {name, new_name: input.value});
  };
}

/**
 * Teach a picture as a style.
 * @param {Blob | null} file
 * @param {string} name
 */
export async function teach(file, name) {
  if (!file || role !== 'operator') return;
  drop.classList.add('busy');
  const answer = await ask(`styles?name=${encodeURIComponent(name)}`, await shrunk(file));
  drop.classList.remove('busy');
  if (answer) tell(`“${spoken(answer.name)}” is learned.`);
}

/** A smaller picture where it is large and the browser can read it. @param {Blob} file */
async function shrunk(file) {
  if (file.size < BYTES && /^image\/(jpeg|png|webp|bmp)$/.test(file.type)) return file;
  try {
    const whole = await createImageBitmap(file);
    const scale = Math.min(1, SIDE / Math.min(whole.width, whole.height));
    const canvas = make('canvas', {width: Math.round(whole.width * scale), height: Math.round(whole.height * scale)});
    canvas.getContext('2d')?.drawImage(whole, 0, 0, canvas.width, canvas.height);
    whole.close();
    return await new Promise(done => canvas.toBlob(small => done(small ?? file), 'image/jpeg', 0.92));
  } catch {
    return file;                        // the server says in a sentence what is wrong with it
  }
}

for (const id of ['file', 'photo']) {
  const input = /** @type {HTMLInputElement} */ (find(id));
  input.onchange = async () => {
    for (const file of input.files ?? []) await teach(file, file.name);
    input.value = '';
  };
}
find('snapshot').onclick = async () => teach(await snapshot(), 'snapshot');

document.addEventListener('paste', event => {
  const file = [...event.clipboardData?.files ?? []].find(f => f.type.startsWith('image/'));
  if (file) teach(file, file.name === 'image.png' ? 'pasted' : file.name);
});
let inside = 0;
/** @param {number} step */
function dragging(step) {
  inside = step ? inside + step : 0;
  find('dropping').hidden = inside < 1 || role !== 'operator';
}
document.addEventListener('dragenter', event => event.dataTransfer?.types.includes('Files') && dragging(1));
document.addEventListener('dragleave', event => event.dataTransfer?.types.includes('Files') && dragging(-1));
document.addEventListener('dragover', event => event.preventDefault());
document.addEventListener('drop', async event => {
  event.preventDefault();
  dragging(0);
  for (const file of event.dataTransfer?.files ?? []) await teach(file, file.name);
});
gallery.addEventListener('keydown', event => {
  const cards = /** @type {HTMLElement[]} */ ([...gallery.querySelectorAll('.card')]);
  const at = cards.indexOf(/** @type {HTMLElement} */ (event.target));
  const columns = getComputedStyle(gallery).gridTemplateColumns.split(' ').length;
  const step = {ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns}[event.key];
  if (at < 0 || !step) return;
  event.preventDefault();
  cards[at + step]?.focus();
});
