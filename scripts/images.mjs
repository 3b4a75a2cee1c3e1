// Screenshots of a report: images.mjs REPORT.html FOLDER
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { launch } from '../tests/integration/browser.mjs';

const [, , report, folder] = process.argv;
const IMAGES = [
  { name: 'report.png', width: 1180, height: 900, from: '#verdict', before: 60 },
  { name: 'report-charts.png', width: 1180, height: 1030, from: '#charts', before: 20 },
];

const browser = await launch();
try {
  for (const { name, width, height, from, before } of IMAGES) {
    const page = await browser.open(pathToFileURL(resolve(report)).href, { width, height });
    const top = await page.evaluate(`document.querySelector('${from}').getBoundingClientRect().top + scrollY`);
    writeFileSync(join(folder, name), await page.screenshot({ x: 0, y: Math.max(0, top - before), width, height }));
    await page.close();
  }
} finally {
  await browser.close();
}
