// @ts-check
/** The stored styles: choose, mix, teach, rename, remove. */
import {fill, find, origin, percent, spoken, tell, tellValue, toJpeg} from './dom.js';
import {ask, Wishes} from './server.js';

/** @typedef {import('./server.js').Style} Style */
/** A larger picture is shrunk before it travels; the node learns from 256 pixels. */
const SIDE = 1024, BYTES = 3_000_000;
const gallery = find('#gallery'), drop = find('#drop'), dropping = find('#dropping');
const cards = gallery.getElementsByTagName('li'), sliders = find('#mixer').getElementsByTagName('input');
const mix = new Wishes('do/mix');
let painted = /** @type {Record<string, number>} */ ({});       // shares by name

/** @param {Style} style */
function card({name, source, picture}) {
  const words = spoken(name), operator = document.body.dataset.role === 'operator';
  const item = fill('#card', {
    '.card': {title: `${words}\n${source}`, disabled: !operator, onclick: () => ask('do/choose', {name})},
    'img': {src: picture && `thumbnails/${picture}.jpg`},
    'b': {textContent: words},
    'small': {textContent: origin(source)},
    '.rename': {ariaLabel: `Rename ${words}`, onclick: () => rename(name)},
    '.remove': {ariaLabel: `Remove ${words}`, onclick: () => remove(name)},
  });
  item.dataset.name = name;
  if (!operator) find('.edit', HTMLElement, item).remove();
  return item;
}

/** @param {Style} style */
function slider({name, picture}) {
  const id = `mix-${name}`;
  return fill('#slider', {
    img: {src: picture && `thumbnails/${picture}.jpg`},
    label: {htmlFor: id, textContent: spoken(name)},
    output: {htmlFor: id},
    input: {id, name, oninput: wishMix},
  });
}

/** @param {Style[]} styles */
export function showStyles(styles) {
  const focused = [...cards].find(item => item.contains(document.activeElement))?.dataset.name;
  gallery.replaceChildren(...styles.map(card));
  find('#mixer').replaceChildren(...styles.map(slider));
  mark();
  if (focused === undefined) return;
  const item = [...cards].find(one => one.dataset.name === focused) ?? cards[0];
  item?.querySelector('button')?.focus();
}

/** Show what is painted. @param {Record<string, number>} shares by name */
export function showPainted(shares) {
  if (JSON.stringify(shares) === JSON.stringify(painted)) return;     // the sliders stay as they were left
  painted = shares;
  mark();
}

/** Mark what is painted. */
function mark() {
  const alone = Object.keys(painted).length === 1;
  for (const item of cards) {
    const share = painted[item.dataset.name ?? ''] ?? 0, picture = find('span', HTMLElement, item);
    find('.card', HTMLElement, item).ariaPressed = String(alone && share > 0);
    if (!alone && share >= 0.005) picture.dataset.share = percent(share);
    else delete picture.dataset.share;
  }
  if (!mix.rest) return;
  for (const one of sliders) one.valueAsNumber = Math.round((painted[one.name] ?? 0) * 100);
  showShares();
}

/** Tell each slider's share of the mix. */
function showShares() {
  const sum = [...sliders].reduce((total, one) => total + one.valueAsNumber, 0);
  for (const one of sliders) tellValue(one, percent(sum && one.valueAsNumber / sum));
}

function wishMix() {
  showShares();
  const weights = [...sliders].filter(one => one.valueAsNumber > 0).map(one => [one.name, one.valueAsNumber]);
  if (weights.length) mix.add({weights: Object.fromEntries(weights)});
}

/** @param {string} name */
async function remove(name) {
  if (!await ask('do/remove', {name})) return;
  tell(`“${spoken(name)}” is removed.`, {action: 'Undo', seconds: 7.5, onclick: () => ask('do/undo', {name})});
}

/** @param {string} name */
function rename(name) {
  const dialog = find('#rename', HTMLDialogElement), input = find('#rename-to', HTMLInputElement);
  input.value = name;
  dialog.returnValue = '';
  dialog.showModal();
  input.select();
  dialog.onclose = () => {
    if (dialog.returnValue && input.value !== name) ask('do/rename', {name, new_name: input.value});
  };
}

/** Teach pictures as styles, one after the other. @param {Iterable<File> | null} files */
async function teach(files = []) {
  drop.classList.add('busy');
  for (const file of files ?? []) {
    const answer = await ask(`styles?name=${encodeURIComponent(file.name)}`, await shrunk(file));
    if (answer) tell(`“${spoken(answer.name)}” is learned.`);
  }
  drop.classList.remove('busy');
}

/** A smaller picture where it is large and the browser can read it. @param {File} file */
async function shrunk(file) {
  if (file.size < BYTES && /^image\/(jpeg|png|webp|bmp)$/.test(file.type)) return file;
  try {
    const whole = await createImageBitmap(file), {width, height} = whole;
    const scale = Math.min(1, SIDE / Math.min(width, height));
    return await toJpeg(whole, width * scale, height * scale, 0.92);
  } catch {
    return file;                        // the server says in a sentence what is wrong with it
  }
}

for (const input of [find('#file', HTMLInputElement), find('#photo', HTMLInputElement)]) {
  input.onchange = async () => {
    await teach(input.files);
    input.value = '';                   // or the same file could not be chosen again
  };
}
find('#snapshot').onclick = () => {
  find('#camera', HTMLCanvasElement).toBlob(picture => {
    if (picture) teach([new File([picture], 'snapshot', {type: picture.type})]);
  });
};
document.onpaste = event => teach(event.clipboardData?.files);
document.ondragover = event => event.preventDefault();
document.ondragenter = event => dropping.hidden = !event.dataTransfer?.types.includes('Files');
dropping.ondragleave = () => dropping.hidden = true;
document.ondrop = event => {
  event.preventDefault();
  dropping.hidden = true;
  teach(event.dataTransfer?.files);
};

gallery.addEventListener('keydown', event => {
  const at = [...cards].findIndex(item => item.firstElementChild === event.target);
  const columns = getComputedStyle(gallery).gridTemplateColumns.split(' ').length;
  const step = {ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns}[event.key];
  if (at < 0 || !step) return;
  event.preventDefault();
  cards[at + step]?.querySelector('button')?.focus();
});
