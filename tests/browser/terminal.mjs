// Turns what `tmux capture-pane -e` saw of a terminal into a page: the sixteen colours, bold, dim, underlined, reversed; nothing else.
import { readFileSync } from 'node:fs';

const palette = ['#1b1f1c', '#d3564d', '#3d9463', '#b98530', '#4a90d9', '#a06cc0', '#3aa0a0', '#c9d0cb',
  '#7a857e', '#f2857c', '#6cc792', '#e0b060', '#7db7f0', '#c79be0', '#7fd0d0', '#ffffff'];
const [background, foreground] = ['#121513', '#e3e7e4'];
const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

function change(state, code) {
  const colour = (base) => palette[code - base];
  if (code === 0) return {};
  if (code === 1) return { ...state, bold: true };
  if (code === 2) return { ...state, dim: true };
  if (code === 4) return { ...state, underlined: true };
  if (code === 7) return { ...state, reversed: true };
  if (code === 22) return { ...state, bold: false, dim: false };
  if (code === 24) return { ...state, underlined: false };
  if (code === 27) return { ...state, reversed: false };
  if (code >= 30 && code <= 37) return { ...state, front: colour(30) };
  if (code === 39) return { ...state, front: undefined };
  if (code >= 40 && code <= 47) return { ...state, back: colour(40) };
  if (code === 49) return { ...state, back: undefined };
  if (code >= 90 && code <= 97) return { ...state, front: colour(82) };
  return state;
}

function style({ bold, dim, underlined, reversed, front = foreground, back = background }) {
  const [ink, paper] = reversed ? [back, front] : [front, back];
  return `color:${ink};background:${paper}${bold ? ';font-weight:700' : ''}${dim ? ';opacity:.65' : ''}${underlined ? ';text-decoration:underline' : ''}`;
}

export function terminalPage(file) {
  let state = {};
  const body = readFileSync(file, 'utf8').split(/(\x1b\[[0-9;]*m)/).map((part) => {
    const codes = /^\x1b\[([0-9;]*)m$/.exec(part);
    if (!codes) return part ? `<span style="${style(state)}">${escape(part)}</span>` : '';
    // One of the sixteen by its number is the same as by its own code.
    const plain = codes[1].replace(/([34])8;5;(\d+)/g, (_, ground, n) => `${Number(ground) * 10 + (n < 8 ? Number(n) : Number(n) + 52)}`);
    state = plain.split(';').map(Number).reduce(change, state);
    return '';
  });
  return `<!doctype html><meta charset="utf-8"><body style="margin:0;background:${background}"><pre style="margin:0;padding:14px 16px;`
    + `display:inline-block;font:14px/1.25 'DejaVu Sans Mono',monospace;color:${foreground}">${body.join('')}</pre>`;
}
