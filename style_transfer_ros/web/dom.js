// @ts-check
/** Small helpers to find, make and fill elements, and to tell people what happened. */

/** Find the first element that a selector names, and make sure of its kind.
 *  @template {HTMLElement} [T=HTMLElement]
 *  @param {string} selector @param {new () => T} kind @param {ParentNode} root @returns {T} */
export function find(selector, kind = /** @type {any} */ (HTMLElement), root = document) {
  const element = root.querySelector(selector);
  if (!(element instanceof kind)) throw new Error(`The page has no ${kind.name} '${selector}'.`);
  return element;
}

/** Make an element.
 *  @template {keyof HTMLElementTagNameMap} K
 *  @param {K} tag @param {Record<string, any>} properties @param {...(Node | string)} children */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Make what a template of index.html holds, and set properties of its parts, which are named by selectors.
 *  @param {string} template @param {Record<string, Record<string, any>>} parts */
export function fill(template, parts) {
  const item = find('*', HTMLElement, document.importNode(find(template, HTMLTemplateElement).content, true));
  for (const [part, properties] of Object.entries(parts)) Object.assign(find(part, HTMLElement, item), properties);
  return item;
}

/** Write where it is news: screen readers say again what is written again.
 *  @param {HTMLElement} element @param {string} text */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Tell the value of a slider to eyes, in the output before it, and to screen readers.
 *  @param {HTMLInputElement} slider @param {string} words */
export function tellValue(slider, words) {
  slider.ariaValueText = words;
  if (slider.previousElementSibling) slider.previousElementSibling.textContent = words;
}

/** Show a sentence for a while, with a button where something can be done about it.
 *  @param {string} text @param {{bad?: boolean, action?: string, onclick?: () => void, seconds?: number}} options */
export function tell(text, {bad = false, action, onclick, seconds = bad ? 9 : 4} = {}) {
  const toast = make('div', {className: bad ? 'toast bad' : 'toast', role: bad ? 'alert' : 'status'}, text);
  if (action) toast.append(make('button', {onclick}, action));
  toast.addEventListener('click', () => toast.remove());
  setTimeout(() => toast.remove(), seconds * 1000);
  const all = find('#toasts');
  all.append(toast);
  if (all.children.length > 3) all.children[0].remove();
}

/** Write a picture as JPEG.
 *  @param {HTMLVideoElement | ImageBitmap} picture
 *  @param {number} width @param {number} height @param {number} quality */
export function toJpeg(picture, width, height, quality) {
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext('2d')?.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas.convertToBlob({type: 'image/jpeg', quality});
}

/** The name of a style for people. @param {string} name */
export function spoken(name) {
  const words = name.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Where a style comes from, in two words or by the name of its file. @param {string} source as the library tells it */
export function origin(source) {
  if (source.startsWith('bundled')) return 'Bundled';
  if (/^(compressed_)?image\b/.test(source)) return 'Sent picture';
  const file = source.split('/').pop() || source;
  try {
    return decodeURIComponent(file);
  } catch {
    return file;                        // no URL: a bare % is part of the name
  }
}

/** @param {number} share */
export function percent(share) {
  return `${Math.round(share * 100)} %`;
}
