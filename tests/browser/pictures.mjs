// Takes the pictures of the README: node pictures.mjs OPENING-URL CHROMIUM PROFILE DIR [CAPTURE…]; a capture is NAME=FILE, of a terminal.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { terminalPage } from './terminal.mjs';

const { chromium } = createRequire(import.meta.url)('playwright-core');
const [, , url, executablePath, profile, out, ...captures] = process.argv;
const base = new URL(url).origin;
const context = await chromium.launchPersistentContext(profile, {
  executablePath,
  headless: true,
  viewport: { width: 1200, height: 520 },
  args: ['--no-sandbox', '--disable-gpu', '--no-proxy-server', '--disable-dev-shm-usage', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--no-first-run', '--disable-quic'],
});
const page = await context.newPage();
await page.goto(url);
await page.locator('tbody tr').first().waitFor();
const repository = new URL(page.url()).pathname;
for (const [name, path, colorScheme] of [['dashboard-tasks', '', 'light'], ['dashboard-timeline', 'timeline', 'dark']]) {
  await page.emulateMedia({ colorScheme });
  await page.goto(base + repository + path);
  await page.locator('main').waitFor();
  await page.screenshot({ path: join(out, `${name}.png`) });
}
for (const capture of captures) {
  const [name, file] = capture.split('=');
  // Away from the dashboard, whose policy admits no style in a page.
  await page.goto('about:blank');
  await page.setContent(terminalPage(file));
  await page.locator('pre').screenshot({ path: join(out, `${name}.png`) });
}
await context.close();
