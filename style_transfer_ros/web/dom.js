// @ts-check
/** Small helpers to make and find elements, and to tell people what happened. */

/**
 * Find the element with this id.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @returns {T}
 */
export function find(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`The page has no element '${id}'.`);
  return /** @type {T} */ (element);
}

/**
 * Make an element; properties that begin with `aria-` or `data-`, and `role`, become attributes.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, any>} [properties]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (/^(aria-|data-|role$|for$)/.test(name)) element.setAttribute(name, String(value));
    else /** @type {any} */ (element)[name] = value;
  }
  element.append(...children);
  return element;
}

/**
 * Make one of the icons of index.html.
 * @param {string} name
 */
export function icon(name) {
  const space = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(space, 'svg');
  const use = document.createElementNS(space, 'use');
  use.setAttribute('href', `#i-${name}`);
  svg.append(use);
  return svg;
}

/**
 * Show a sentence for a while.
 * @param {string} text
 * @param {{bad?: boolean, action?: string, onAction?: () => void, seconds?: number}} [options]
 */
export function tell(text, {bad = false, action, onAction, seconds = bad ? 9 : 4} = {}) {
  const toast = make('div', {className: bad ? 'toast bad' : 'toast', role: bad ? 'alert' : 'status'}, text);
  const timer = setTimeout(() => toast.remove(), seconds * 1000);
  if (action && onAction) {
    toast.append(make('button', {type: 'button', textContent: action, onclick() {
      clearTimeout(timer);
      toast.remove();
      onAction();
    }}));
  }
  const all = find('toasts');
  all.append(toast);
  while (all.children.length > 3) all.children[0].remove();
  return toast;
}

/** The name of a style for people. @param {string} name */
export function spoken(name) {
  const words = name.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** @param {number} bytes */
export function size(bytes) {
  return bytes < 1e6 ? `${Math.round(bytes / 1e3)} kB` : bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB`
    : `${(bytes / 1e9).toFixed(2)} GB`;
}

/** Show where a slider stands in its track. @param {HTMLInputElement} slider */
export function paintTrack(slider) {
  const [low, high] = [Number(slider.min), Number(slider.max)];
  slider.style.setProperty('--at', `${(Number(slider.value) - low) / (high - low) * 100}%`);
}

/**
 * Run the newest of many wishes: while one is under way, only the last that came is kept.
 * @template T
 * @param {(wish: T) => Promise<unknown>} work
 * @returns {(wish: T) => void}
 */
export function newestWins(work) {
  let busy = false;
  /** @type {{wish: T} | null} */
  let waiting = null;
  return async function want(wish) {
    if (busy) {
      waiting = {wish};
      return;
    }
    busy = true;
    try {
      await work(wish);
    } finally {
      busy = false;
      if (waiting) {
        const next = waiting.wish;
        waiting = null;
        want(next);
      }
    }
  };
}
