// Drives a browser through the dashboard of a run that waits for it. Called by crates/cli/tests/browser.rs:
//   node dashboard.mjs OPENING-URL CHROMIUM PROFILE OUT SHOTS
// OUT is where the run's tasks look for files; SHOTS gets the pictures. Exit code 0: all of it was so.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import assert from 'node:assert/strict';

const require = createRequire(import.meta.url);
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const [, , url, executablePath, profile, out, shots] = process.argv;
mkdirSync(shots, { recursive: true });
const base = new URL(url).origin;

const options = {
  executablePath,
  headless: true,
  viewport: { width: 1280, height: 800 },
  args: ['--no-sandbox', '--disable-gpu', '--no-proxy-server', '--disable-dev-shm-usage', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--no-first-run', '--disable-quic'],
};
const context = await chromium.launchPersistentContext(profile, options);
const complaints = [];
const page = await context.newPage();
page.setDefaultTimeout(30_000);
page.on('console', (m) => { if (['error', 'warning'].includes(m.type())) complaints.push(`console: ${m.text()}`); });
page.on('pageerror', (e) => complaints.push(`script: ${e.message}`));
page.on('dialog', (d) => { complaints.push(`dialog: ${d.message()}`); d.dismiss(); });
page.on('request', (r) => { if (!r.url().startsWith(base) && !r.url().startsWith('data:')) complaints.push(`from elsewhere: ${r.url()}`); });
await page.addInitScript(() => document.addEventListener('securitypolicyviolation', (e) => console.error(`policy: ${e.violatedDirective} ${e.blockedURI}`)));

const log = (what) => console.log(`· ${what}`);

async function accessible(name) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run({ resultTypes: ['violations'] }));
  for (const v of violations) console.log(`  axe ${v.impact}: ${v.id} on ${name}: ${v.nodes.slice(0, 3).map((n) => `${n.target.join(' ')}: ${n.any[0]?.message ?? ''}`).join(' | ')}`);
  const serious = violations.filter((v) => ['serious', 'critical'].includes(v.impact));
  assert.deepEqual(serious.map((v) => v.id), [], `axe on ${name}`);
}

async function shoot(name) {
  for (const [look, width, height, colorScheme] of [['light', 1280, 800, 'light'], ['dark', 1280, 800, 'dark'], ['phone', 360, 740, 'light'], ['phone-dark', 360, 740, 'dark']]) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height });
    await page.screenshot({ path: join(shots, `${name}-${look}.png`), fullPage: width < 500 });
    const sideways = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(sideways <= 0, `${name} scrolls sideways by ${sideways} px at ${width}`);
    if (look !== 'phone-dark') await accessible(`${name}, ${look}`);
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 1280, height: 800 });
}

const row = (id) => page.locator(`[id="t-p-${id}"]`);
const state = (id, word) => row(id).locator('.st', { hasText: word }).waitFor();
// A key may fall between a page and the next, as it may for people: then it is pressed again.
async function go(key, where) {
  for (let tries = 1; ; tries += 1) {
    await page.keyboard.press(key);
    try { return await page.waitForURL(where, { timeout: 5_000 }); } catch (e) { if (tries === 4) throw e; }
  }
}
const mark = () => page.evaluate(() => { globalThis.notReloaded = true; });
const notReloaded = async () => assert.equal(await page.evaluate(() => globalThis.notReloaded), true, 'the page was not loaded again');
const told = (text) => page.locator('#told', { hasText: text }).waitFor();

// Open with the token: it is gone from the address, and the cookie is out of the script's reach.
await page.goto(url);
assert.equal(page.url(), `${base}/r/repo/`);
const cookies = await context.cookies();
assert.deepEqual(cookies.map((c) => [c.httpOnly, c.sameSite]), [[true, 'Strict']]);
assert.equal(await page.evaluate(() => document.cookie), '');
await state('long', 'running');
await state('first', 'done');
await state('fails', 'failed');
assert.equal(await page.title(), 'Tasks – repo – Greenlane');
await shoot('tasks');
log('opened, and the run is there');

// Stop a task and try it again, without leaving the page.
await mark();
await page.getByRole('button', { name: 'Stop long' }).click();
await told('asked to end');
await state('long', 'cancelled');
log('stopped');
await page.getByRole('button', { name: 'Retry long' }).click();
await told('will be tried again');
await state('long', 'running');
await row('long').locator('.ag', { hasText: 'attempt 2' }).waitFor();
await notReloaded();
log('tried again');

// Answer a question, by keys.
await go('q', '**/questions');
await page.locator('.question pre', { hasText: 'Which port?' }).waitFor();
assert.match(await page.locator('.question pre').textContent(), /<script>owned<\/script>/);
await page.locator('nav .count', { hasText: '1' }).first().waitFor();
await shoot('questions');
await page.getByLabel('Your answer').fill('port 8080');
await page.getByRole('button', { name: 'Answer' }).click();
await told('answered question');
await page.getByText('Nobody waits for you.').waitFor();
log('answered');

// One task: its attempts, its log as it grows, its diff.
await go('t', '**/r/repo/');
await page.getByRole('link', { name: 'long', exact: true }).click();
await page.locator('#log', { hasText: 'step one' }).waitFor();
await page.locator('#attempts', { hasText: 'attempt 2' }).waitFor();
await shoot('task');
writeFileSync(join(out, 'go-long'), '');
await page.locator('#log', { hasText: 'step two' }).waitFor();
await page.locator('#task-head .state', { hasText: 'done' }).waitFor();
log('followed a log to its end');
await page.goto(`${base}/r/repo/task/p/first`);
await page.getByRole('link', { name: 'Diff', exact: true }).click();
await page.locator('.diff td.del', { hasText: 'A sample.' }).waitFor();
await page.locator('.diff td.add', { hasText: 'Another sample.' }).waitFor();
await page.locator('.diff td.add', { hasText: '<script>owned</script>' }).waitFor();
await shoot('diff');
await page.getByRole('link', { name: 'One column' }).click();
await page.locator('.diff td.add', { hasText: '+Another sample.' }).waitFor();
await accessible('diff in one column');
log('read a diff');

// Two attempts side by side, by keys: the page chooses the last two, and others can be chosen.
await page.goto(`${base}/r/repo/task/p/twice`);
await page.locator('#attempts tr', { hasText: 'attempt 1' }).locator('td', { hasText: '1 passed, failed: grep -q good twice.txt' }).waitFor();
await page.getByRole('button', { name: 'Retry', exact: true }).click();
await page.locator('#attempts tr', { hasText: 'attempt 2' }).locator('td', { hasText: '2 passed, suite green' }).waitFor();
await shoot('attempts');
await page.getByRole('link', { name: 'Compare two attempts' }).focus();
await page.keyboard.press('Enter');
await page.getByRole('heading', { name: 'From attempt 1 to attempt 2' }).waitFor();
await page.locator('.diff td.del', { hasText: 'as <i>0</i>' }).waitFor();
await page.locator('.diff td.add', { hasText: 'good' }).waitFor();
await shoot('compare');
await page.getByLabel('from').selectOption('2');
await page.getByLabel('to', { exact: true }).selectOption('1');
await page.getByRole('button', { name: 'Compare' }).click();
await page.getByRole('heading', { name: 'From attempt 2 to attempt 1' }).waitFor();
await page.locator('.diff td.del', { hasText: 'good' }).waitFor();
await page.getByRole('link', { name: 'One column' }).click();
await page.locator('.diff td.del', { hasText: '−good' }).waitFor();
await accessible('two attempts in one column');
log('compared two attempts');

// The other views.
await go('l', '**/timeline');
await page.locator('.lane.critical svg rect.path').first().waitFor();
assert.ok(await page.locator('.lane').count() >= 4);
assert.match(await page.locator('.lane', { hasText: 'first' }).locator('svg title').textContent(), /^first: landed, from .* for /);
await shoot('timeline');
await go('f', '**/failures');
await page.locator('.failure', { hasText: 'exit code 7' }).waitFor();
await shoot('failures');
await go('h', '**/health');
await page.locator('tbody tr', { hasText: 'last#1' }).waitFor();
await shoot('health');
await go('r', '**/runs');
await page.locator('tbody tr').first().waitFor();
await shoot('runs');
await page.keyboard.press('?');
await page.getByRole('dialog', { name: 'Keys' }).waitFor();
await accessible('keys');
await page.keyboard.press('Escape');
await page.getByRole('dialog', { name: 'Keys' }).waitFor({ state: 'hidden' });
log('read the timeline, failures, health, runs, keys');

// The run goes to its end while the page is open.
await go('t', '**/r/repo/');
await state('last', 'running');
await mark();
writeFileSync(join(out, 'go-last'), '');
await state('last', 'done');
await page.locator('#bar .state', { hasText: 'failed' }).waitFor();
await notReloaded();
log('watched it to its end');

// Search, by the page's own form.
await page.keyboard.press('/');
await page.keyboard.type('old data');
await page.keyboard.press('Enter');
await page.waitForURL('**find=old+data**');
assert.equal(await page.locator('tbody tr').count(), 1);

// Land, when sure.
await page.goto(`${base}/r/repo/`);
await page.getByRole('link', { name: 'Land…' }).click();
await page.getByText('would land on main').waitFor();
await shoot('land');
await page.getByLabel('yes, change main').check();
await page.getByRole('button', { name: 'Land', exact: true }).click();
await told('landed on main');
log('landed');

assert.equal(await page.title(), 'Land – Greenlane');
await context.close();

// Without the script everything can be read, and a button leads to a page that says what came of it.
const plain = await chromium.launchPersistentContext(`${profile}-plain`, { ...options, javaScriptEnabled: false });
const quiet = await plain.newPage();
await quiet.goto(url);
await quiet.getByText('Work on last').waitFor();
await quiet.getByRole('button', { name: 'Retry fails' }).click();
await quiet.locator('#told', { hasText: 'taken up in the background' }).waitFor();
assert.match(quiet.url(), /\/r\/repo\/task\/p\/fails\?said=\d+$/);
await quiet.locator('#attempts', { hasText: 'exit code 7' }).waitFor();
await plain.close();
log('did without the script');

assert.deepEqual(complaints, []);
