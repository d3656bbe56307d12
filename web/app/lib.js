// What every part of the dashboard draws with.
import { Component, createElement } from "../vendor/preact.js";
import htm from "../vendor/htm.js";

export { Component, render } from "../vendor/preact.js";
export { useEffect, useLayoutEffect, useMemo, useRef, useState } from "../vendor/hooks.js";
export { batch, computed, effect, signal } from "../vendor/signals.js";

export const html = htm.bind(createElement);

/** A part that is drawn anew only where what it was given is another thing, or a signal that it read turned. */
export function still(Part) {
  return class extends Component {
    shouldComponentUpdate(next) {
      return Object.keys({ ...next, ...this.props }).some((name) => next[name] !== this.props[name]);
    }
    render(given) {
      return createElement(Part, given);
    }
  };
}

/** Joins class names, leaving out what is false. */
export const names = (...all) => all.filter(Boolean).join(" ");

export const base = document.documentElement.dataset.base;

/** A value kept in this browser. What can't be read counts as not there. */
export const kept = {
  get(key, otherwise) {
    try {
      const text = localStorage.getItem(key);
      return text === null ? otherwise : JSON.parse(text);
    } catch {
      return otherwise;
    }
  },
  set(key, value) {
    try {
      localStorage.setItem(key, JSON.stringify(value));
    } catch {
      // A full or forbidden store costs a preference, no more.
    }
  },
};
