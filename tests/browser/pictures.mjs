// Takes the pictures of the README: node pictures.mjs OPENING-URL CHROMIUM PROFILE DIR
import { createRequire } from 'node:module';
import { join } from 'node:path';

const { chromium } = createRequire(import.meta.url)('playwright-core');
const [, , url, executablePath, profile, out] = process.argv;
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
await context.close();
