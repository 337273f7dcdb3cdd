// Looks at a run in which many tasks wait for one slot: what they wait for is told once for all of them, and stands in each row. Called by
// crates/cli/tests/browser.rs: node waiting.mjs OPENING-URL CHROMIUM PROFILE. Exit code 0: all of it was so.
import { createRequire } from 'node:module';
import assert from 'node:assert/strict';

const { chromium } = createRequire(import.meta.url)('playwright-core');
const [, , url, executablePath, profile] = process.argv;
const context = await chromium.launchPersistentContext(profile, {
  executablePath,
  headless: true,
  args: ['--no-sandbox', '--disable-gpu', '--no-proxy-server', '--disable-dev-shm-usage', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--no-first-run', '--disable-quic'],
});
const page = await context.newPage();
page.setDefaultTimeout(30_000);
const complaints = [];
page.on('console', (m) => { if (['error', 'warning'].includes(m.type())) complaints.push(`console: ${m.text()}`); });
page.on('pageerror', (e) => complaints.push(`script: ${e.message}`));
await page.goto(url);
const reasons = () => page.evaluate(() => [...document.querySelectorAll('tr.dim .dg')].map((cell) => cell.textContent));
async function all(reason) {
  await page.waitForFunction((r) => {
    const cells = [...document.querySelectorAll('tr.dim .dg')];
    return cells.length === 29 && cells.every((cell) => cell.textContent === r);
  }, reason).catch(async () => assert.fail(`not all: ${reason}: ${JSON.stringify(await reasons())}`));
}
await all('waits for a free slot');
await page.evaluate(() => {
  globalThis.notReloaded = true;
  globalThis.touched = 0;
  new MutationObserver((changes) => {
    for (const c of changes) touched += [...c.addedNodes].filter((n) => n.tagName === 'TR').length;
  }).observe(document.getElementById('rows-0'), { childList: true });
});
await page.getByRole('button', { name: 'Pause' }).click();
await all('the run is paused');
await page.getByRole('button', { name: 'Go on' }).click();
await all('waits for a free slot');
assert.equal(await page.evaluate(() => globalThis.notReloaded), true, 'the page was not loaded again');
const touched = await page.evaluate(() => globalThis.touched);
assert.ok(touched < 29, `no row of a waiting task was sent for it: ${touched} rows were`);
assert.deepEqual(complaints, []);
await context.close();
