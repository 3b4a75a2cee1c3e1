// The live page in a headless Chromium, in mid-run and when it has ended: nothing overlaps, is cut or empty, axe-core
// finds no violation, names stay text, and the button ends the run by keyboard. web_page.mjs CICADA NPM_FOLDER
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { findChromium, launch } from './browser.mjs';
import { layout, violations } from './page_checks.mjs';

const WIDTHS = [390, 820, 1440], SCHEMES = ['light', 'dark'];
const [, , cicada, modules] = process.argv;
const HOSTILE = '<img src=x onerror="document.title=1">\u202e a plan </script>';
const PLAN = {
  name: HOSTILE,
  target: 'null://?latency=5ms&jitter=20ms&operations=6&error_rate=0.05',
  phases: [{ name: 'ramp-up', users: '2..8', duration: '3s' }, { name: '<b>hold</b>', users: 8, duration: '500s' }],
};

const RUNNING = `document.querySelectorAll('#figures figure').length >= 5 && document.querySelectorAll('#alerts li').length > 0 &&
  document.querySelectorAll('#phases li[aria-current]').length === 1 && document.querySelectorAll('#top tr').length === 6`;
const ENDED = `document.getElementById('status').textContent === 'ended' && !document.getElementById('kept').hidden`;

const folder = mkdtempSync(join(tmpdir(), 'cicada-page-'));
const results = [];
const note = (check, problems) => results.push({ check, problems });

function start() {
  const plan = join(folder, 'plan.yaml'), result = join(folder, 'result.json');
  writeFileSync(plan, JSON.stringify(PLAN));
  const run = spawn(cicada, ['run', '--ui', 'web', '--json', result, plan], { stdio: ['ignore', 'ignore', 'pipe'] });
  const exit = new Promise((done) => run.once('exit', done));
  let errors = '';
  const url = new Promise((done, fail) => {
    run.stderr.on('data', (data) => {
      errors += data;
      const found = /http:\/\/127\S+token=\S+/.exec(errors);
      if (found) done(found[0]);
    });
    exit.then(() => fail(new Error(`cicada ended: ${errors}`)));
  });
  return { run, exit, url, result };
}

// Asked again until it is so: each time the page has been told another second.
async function until(page, expression) {
  for (let tries = 0; tries < 300; tries++) {
    if (await page.evaluate(expression)) return true;
    await page.evaluate('new Promise((done) => setTimeout(done, 100))');
  }
  return false;
}

async function look(page, when) {
  await page.evaluate(`if (!window.axe) { ${axe} }; null`);
  for (const width of WIDTHS)
    for (const scheme of SCHEMES) {
      await page.resize(width);
      await page.media({ scheme });
      await page.settle();
      note(`${when}, ${width}, ${scheme}: layout`, await page.evaluate(`(${layout})()`));
      note(`${when}, ${width}, ${scheme}: axe`, await page.evaluate(`(${violations})()`));
    }
}

function complaints(page, url) {
  const events = new URL(url).origin + '/events?', stop = new URL(url).origin + '/stop';
  return page.problems.filter((one) => !one.startsWith(`it fetches ${events}`) && one !== `it fetches ${stop}`);
}

async function pressStop(page) {
  for (let steps = 0; steps < 50; steps++) {
    await page.press('Tab');
    if (await page.evaluate('document.activeElement.id === "stop"')) break;
  }
  await page.press(' ');
  const armed = await page.evaluate('document.getElementById("stop").textContent');
  await page.press(' ');
  return armed === 'Press again to stop' ? [] : [`the button says "${armed}"`];
}

async function main() {
  const { run, exit, url: given, result } = start();
  const browser = await launch();
  try {
    const url = await given, page = await browser.open(url);
    if (!await until(page, RUNNING)) note('it shows the run', [await page.evaluate('document.body.innerText')]);
    await look(page, 'in mid-run');
    note('names stay text', await page.evaluate(`document.querySelector('main img, main b:not(#moment b)') ? ['markup of a name'] :
      document.getElementById('title').textContent.includes('<img src=x') ? [] : [document.getElementById('title').textContent]`));
    note('the button is reached by keyboard', await pressStop(page));
    const code = await exit;
    note('it ends the run', code === 130 && JSON.parse(readFileSync(result)).partial ? [] : [`exit ${code}`]);
    if (!await until(page, ENDED)) note('it says that it ended', [await page.evaluate('document.body.innerText')]);
    await look(page, 'at the end');
    note('no complaints', complaints(page, url));
  } finally {
    run.kill();
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

if (!findChromium() && process.env.CI !== 'true') {
  console.log('1..0 # SKIP no Chromium here');
  process.exit(0);
}
const axe = readFileSync(createRequire(pathToFileURL(modules + '/')).resolve('axe-core/axe.min.js'), 'utf8');
await main();
console.log(`TAP version 13\n1..${results.length}`);
results.forEach(({ check, problems }, i) => {
  console.log(`${problems.length ? 'not ok' : 'ok'} ${i + 1} - ${check}`);
  for (const problem of problems.slice(0, 20)) console.error(`${check}: ${problem}`);
});
process.exit(results.some(({ problems }) => problems.length) ? 1 : 0);
