// Keeps a page fresh, follows a log, knows a few keys. Everything on a page can be read, and every button pressed, without it.
'use strict';
(() => {
  const page = document.getElementById('page');
  const told = document.getElementById('told');
  let version = page.dataset.version;
  let source = null;
  let retry = 0;
  let over = false;

  // ── words ──
  let quietAfter = 0;
  function tell(words, stay) {
    told.textContent = words;
    clearTimeout(quietAfter);
    if (words && !stay) quietAfter = setTimeout(() => { told.textContent = ''; }, 9000);
  }
  if (told.textContent.trim()) {
    const words = told.textContent.trim();
    told.textContent = '';
    setTimeout(() => tell(words), 50);
    const here = new URL(location.href);
    here.searchParams.delete('said');
    history.replaceState(null, '', here);
  } else {
    told.textContent = '';
  }

  // ── what is new ──
  // What somebody is writing, or has opened, is left as it is.
  function busy(element) {
    const writes = [...element.querySelectorAll('input:not([type=hidden]), textarea')].some(
      (f) => f === document.activeElement || (f.type === 'checkbox' ? f.checked !== f.defaultChecked : f.value !== f.defaultValue));
    return writes || element.contains(document.activeElement) && document.activeElement.tagName === 'SUMMARY';
  }
  const FOCUSABLE = 'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]';

  function remember(root) {
    const at = root.contains(document.activeElement) ? [...root.querySelectorAll(FOCUSABLE)].indexOf(document.activeElement) : -1;
    const opened = [...root.querySelectorAll('details')].map((d) => [d.id || d.querySelector('summary')?.textContent, d.open]);
    if (root.tagName === 'DETAILS') opened.push([root.id, root.open]);
    const scrolled = [...root.querySelectorAll('pre, .scroll')].map((p) => p.scrollTop);
    return (fresh) => {
      const openBefore = new Map(opened);
      for (const d of [fresh, ...fresh.querySelectorAll('details')]) {
        const was = d.tagName === 'DETAILS' && openBefore.get(d.id || d.querySelector('summary')?.textContent);
        if (was) d.open = true;
      }
      [...fresh.querySelectorAll('pre, .scroll')].forEach((p, i) => { if (scrolled[i]) p.scrollTop = scrolled[i]; });
      if (at >= 0) [...fresh.querySelectorAll(FOCUSABLE)][at]?.focus({ preventScroll: true });
    };
  }

  function element(html) {
    const template = document.createElement('template');
    template.innerHTML = html.trim();
    return template.content.firstElementChild;
  }

  // What many rows have in common is told once.
  const common = new Map();
  const said = (root) => root.querySelectorAll('[data-say]');
  function learn() { for (const e of said(page)) common.set(e.dataset.say, e.textContent); }
  function say(words) {
    for (const name of Object.keys(words)) common.set(name, words[name]);
    for (const e of said(page)) if (e.dataset.say in words) e.textContent = words[e.dataset.say];
  }

  const late = new Map();
  function place(part) {
    const old = document.getElementById(part.id);
    const fresh = element(part.html);
    if (!fresh) return;
    for (const e of said(fresh)) e.textContent = common.get(e.dataset.say) ?? '';
    if (old && busy(old)) { late.set(part.id, part); return; }
    late.delete(part.id);
    const restore = old && remember(old);
    if (!part.in) {
      old?.replaceWith(fresh);
    } else {
      const list = document.getElementById(part.in);
      const after = part.after && document.getElementById(part.after);
      const next = after ? after.nextElementSibling : list?.firstElementChild;
      if (old && (next === old || old.previousElementSibling === after)) {
        old.replaceWith(fresh);
      } else {
        old?.remove();
        if (after) after.after(fresh); else list?.prepend(fresh);
      }
      if (old && old.className !== fresh.className) fresh.classList.add('fresh');
    }
    restore?.(fresh);
    dress(fresh);
  }

  function news(part) {
    if (part.id !== 'bar' && part.id !== 'summary') return;
    const words = part.id === 'summary'
      ? element(part.html).querySelector('svg')?.getAttribute('aria-label')
      : element(part.html).querySelector('.state')?.textContent;
    const known = page.dataset['said' + part.id];
    page.dataset['said' + part.id] = words;
    if (known !== undefined && words && known !== words) live.textContent = words;
  }
  const live = document.createElement('div');
  live.className = 'sr';
  live.setAttribute('role', 'status');
  document.body.append(live);

  function apply(patch) {
    say(patch.say ?? {});
    for (const id of patch.gone) document.getElementById(id)?.remove();
    for (const part of patch.set) { news(part); place(part); }
    version = page.dataset.version.split('-')[0] + '-' + patch.version;
    page.dataset.version = version;
  }

  async function anew() {
    const response = await fetch(location.href, { headers: { accept: 'text/html' } });
    if (!response.ok) { tell(response.status === 401 ? 'This server does not know the browser any more.' : 'The page cannot be fetched.', true); close(); over = true; return; }
    const doc = new DOMParser().parseFromString(await response.text(), 'text/html');
    const fresh = doc.getElementById('page');
    if (!fresh) return;
    if (busy(page)) { version = fresh.dataset.version; setTimeout(anew, 3000); return; }
    const restore = remember(page);
    page.replaceChildren(...fresh.childNodes);
    page.dataset.version = fresh.dataset.version;
    version = fresh.dataset.version;
    learn();
    restore(page);
    dress(page);
    log.begin();
  }

  // ── the stream: only while somebody looks, since a browser has six connections to a server ──
  function close() { source?.close(); source = null; }
  function open() {
    if (source || over || !version || document.hidden) return;
    const url = new URL(location.href);
    url.hash = '';
    url.searchParams.delete('said');
    url.searchParams.set('live', version);
    source = new EventSource(url);
    source.addEventListener('open', () => { retry = 0; document.body.classList.remove('lost-line'); if (told.dataset.lost) { told.dataset.lost = ''; tell(''); } });
    source.addEventListener('patch', (e) => apply(JSON.parse(e.data)));
    source.addEventListener('anew', () => anew());
    source.addEventListener('end', () => { over = true; close(); tell('The server has ended: what is shown here stays as it is.', true); });
    source.addEventListener('error', () => {
      close();
      document.body.classList.add('lost-line');
      told.dataset.lost = 'yes';
      tell('The server does not answer. Trying again …', true);
      retry = Math.min(retry + 1, 6);
      setTimeout(open, 500 * 2 ** retry);
    });
  }
  document.addEventListener('visibilitychange', () => { if (document.hidden) close(); else open(); });
  addEventListener('pagehide', close);
  addEventListener('pageshow', open);

  // ── times ──
  function humane(ms) {
    const s = Math.max(0, Math.floor(ms / 1000));
    const two = (n) => String(n).padStart(2, '0');
    if (s < 60) return s + 's';
    if (s < 3600) return Math.floor(s / 60) + 'm' + two(s % 60) + 's';
    if (s < 86400) return Math.floor(s / 3600) + 'h' + two(Math.floor(s / 60) % 60) + 'm';
    return Math.floor(s / 86400) + 'd' + two(Math.floor(s / 3600) % 24) + 'h';
  }
  function dress(root) {
    for (const time of root.querySelectorAll('time[datetime]')) {
      const at = new Date(time.dateTime);
      if (isNaN(at)) continue;
      const today = at.toDateString() === new Date().toDateString();
      time.title = at.toLocaleString();
      time.textContent = today && !('date' in time.dataset)
        ? at.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit' })
        : at.toLocaleString([], { year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' });
    }
  }
  setInterval(() => {
    if (document.hidden || over) return;
    for (const tick of document.querySelectorAll('.tick')) tick.textContent = humane(Date.now() - Number(tick.dataset.from));
    for (const [id, part] of late) { const old = document.getElementById(id); if (!old) late.delete(id); else if (!busy(old)) place(part); }
  }, 1000);

  // ── forms, without leaving the page ──
  document.addEventListener('submit', async (e) => {
    const form = e.target;
    if (form.method !== 'post') return;
    e.preventDefault();
    const button = e.submitter;
    const data = new URLSearchParams(new FormData(form, button));
    if (button) button.disabled = true;
    try {
      const response = await fetch(form.action, { method: 'POST', body: data, headers: { accept: 'application/json' } });
      const said = await response.json();
      tell(said.words, !said.ok);
      button?.closest('details.menu')?.removeAttribute('open');
      if (said.ok && form.id !== 'act') form.reset();
    } catch {
      tell('The server does not answer: nothing was done.', true);
    }
    if (button) button.disabled = false;
  });

  // ── a log that grows ──
  const log = {
    pre: null, offset: 0, timer: 0,
    begin() {
      clearTimeout(this.timer);
      this.pre = document.getElementById('log');
      if (!this.pre) return;
      this.offset = Number(this.pre.dataset.offset);
      this.pre.scrollTop = this.pre.scrollHeight;
      this.more();
    },
    async more() {
      const pre = this.pre;
      if (!pre?.isConnected) return;
      let wait = 1000;
      if (!document.hidden) {
        try {
          const url = new URL(pre.dataset.log, location.href);
          url.searchParams.set('from', this.offset);
          const response = await fetch(url);
          if (!response.ok) return;
          const text = await response.text();
          const before = this.offset;
          this.offset = Number(response.headers.get('x-offset')) || this.offset;
          const atEnd = pre.scrollTop + pre.clientHeight >= pre.scrollHeight - 30;
          if (text) pre.append(text);
          while (pre.childNodes.length > 400) pre.firstChild.remove();
          if (atEnd && text) pre.scrollTop = pre.scrollHeight;
          if (response.headers.get('x-ended') === 'yes' && this.offset === before) return;
        } catch { wait = 4000; }
      }
      this.timer = setTimeout(() => this.more(), wait);
    },
  };

  // ── keys ──
  const keys = document.getElementById('keys');
  const on = document.getElementById('keys-on');
  try { on.checked = localStorage.getItem('keys') !== 'off'; } catch { /* without memory they are on */ }
  on.addEventListener('change', () => { try { localStorage.setItem('keys', on.checked ? 'on' : 'off'); } catch { /* as above */ } });
  document.addEventListener('keydown', (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest?.('input, textarea, select')) return;
    if (e.key === '?') { e.preventDefault(); keys.open ? keys.close() : keys.showModal(); return; }
    if (!on.checked || keys.open) return;
    if (e.key === '/') { const find = document.getElementById('find'); if (find) { e.preventDefault(); find.focus(); } return; }
    if (e.key === 'j' || e.key === 'k') {
      const links = [...document.querySelectorAll('main tbody th a, main .lane a, main .failure > p:first-child a, main .question > p:first-child a')];
      const at = links.indexOf(document.activeElement);
      const next = links[e.key === 'j' ? at + 1 : Math.max(0, at - 1)];
      next?.focus();
      next?.scrollIntoView({ block: 'nearest' });
      return;
    }
    const tab = e.key.length === 1 && document.querySelector('nav a[data-key="' + CSS.escape(e.key) + '"]');
    if (tab) tab.click();
  });

  dress(document);
  learn();
  for (const id of ['bar', 'summary']) { const part = document.getElementById(id); if (part) news({ id, html: part.outerHTML }); }
  log.begin();
  open();
})();
