// Looks at reports in a browser as a reader does who has only a keyboard, a screen reader, a phone, the dark or
// paper, and prints what is in the way: report_page.mjs NPM_FOLDER REPORT.html... -> [{report, check, problems}]
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';
import { launch } from './browser.mjs';
import { layout, violations } from './page_checks.mjs';

const WIDTHS = [390, 820, 1440];
const [, , modules, ...reports] = process.argv;
const axe = readFileSync(createRequire(pathToFileURL(modules + '/')).resolve('axe-core/axe.min.js'), 'utf8');

/* ---- each runs within the page ---- */

// What has the focus: a name for it, and whether a reader sees that it has it.
function focused() {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const box = element.getBoundingClientRect(), style = getComputedStyle(element);
  const table = element.closest('table');
  return {
    tag: element.tagName, id: element.id, text: element.textContent.slice(0, 40), table: table ? table.id : '',
    seen: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2 && box.width > 0 && box.height > 0 &&
      box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  };
}

// The rows of a table that are shown, with what a column sorts by.
function columnOf(table, column) {
  const rows = [...document.getElementById(table).tBodies[0].rows].filter((row) => !row.hidden);
  return rows.map((row) => row.cells[column].dataset.sort === undefined ?
    row.cells[column].textContent.toLowerCase() : Number(row.cells[column].dataset.sort));
}

/* ---- the checks ---- */

const call = (page, what, ...given) => page.evaluate(`(${what})(...${JSON.stringify(given)})`);

async function checkAxe(page, scheme) {
  await page.media({ scheme });
  await page.evaluate(`if (!window.axe) { ${axe} }; null`);
  return call(page, violations);
}

// Tab until `wanted` says so, or the round is over.
async function tabTo(page, wanted, all = []) {
  for (let steps = 0; steps < 3000; steps++) {
    await page.press('Tab');
    const at = await call(page, focused);
    if (!at) return null;
    all.push(at);
    if (wanted(at)) return at;
  }
  return null;
}

async function checkFocus(page) {
  const all = [];
  const first = await tabTo(page, () => true, all);
  const problems = /skip/i.test(first?.text) ? [] : ['the first stop does not skip the navigation'];
  await tabTo(page, () => false, all);
  for (const at of all)
    if (!at.seen) problems.push(`no visible focus: ${at.tag} ${at.id} ${at.text}`);
  for (const wanted of ['slider', 'filter', 'failing'])
    if (!all.some(({ id }) => id === wanted)) problems.push(`#${wanted} is not reached`);
  return problems;
}

async function checkSort(page) {
  const problems = [], table = 'operations-table';
  const titles = await page.evaluate(`[...document.querySelectorAll('#${table} thead th')].map((th) => th.textContent)`);
  for (const [column, title] of titles.entries()) {
    if (!await tabTo(page, (at) => at.table === table && at.tag === 'BUTTON' && at.text === title)) {
      problems.push(`${title} is not reached`);
      continue;
    }
    const seen = new Set();
    for (const key of ['Enter', ' ']) {
      await page.press(key);
      const sort = await page.evaluate(
        `document.querySelectorAll('#${table} thead th')[${column}].getAttribute('aria-sort')`);
      const others = await page.evaluate(`document.querySelectorAll('#${table} th[aria-sort]').length`);
      const values = await call(page, columnOf, table, column);
      const ordered = values.every((value, i) => i === 0 ||
        (sort === 'ascending' ? values[i - 1] <= value : values[i - 1] >= value));
      if (others !== 1) problems.push(`${others} columns say that they are sorted`);
      if (!['ascending', 'descending'].includes(sort)) problems.push(`${title}: aria-sort is ${sort}`);
      if (!ordered) problems.push(`${title}: not ${sort}: ${values.slice(0, 6)}`);
      seen.add(sort);
    }
    if (seen.size !== 2) problems.push(`${title}: sorted one way only`);
  }
  return problems;
}

async function checkFilter(page) {
  const problems = [], table = 'operations-table';
  const names = await call(page, columnOf, table, 0);
  const wanted = names[names.length - 1].slice(0, 6);
  await tabTo(page, ({ id }) => id === 'filter');
  await page.type(wanted);
  const told = await page.evaluate(`document.getElementById('filtered').textContent`);
  const shown = await page.evaluate(`[...document.getElementById('${table}').tBodies[0].rows]
    .filter((row) => row.checkVisibility()).map((row) => row.textContent.toLowerCase())`);
  if (!shown.length || !shown.every((text) => text.includes(wanted))) problems.push(`"${wanted}" leaves ${shown}`);
  if (told !== `${shown.length} of ${names.length} shown`) problems.push(`it says "${told}"`);
  await page.evaluate(`document.getElementById('filter').select()`);
  await page.type('-no such name-');
  if ((await call(page, columnOf, table, 0)).length) problems.push('what no row has leaves rows');
  await page.evaluate(`document.getElementById('filter').value = ''`);
  await tabTo(page, ({ id }) => id === 'failing');
  await page.press(' ');
  const failing = await page.evaluate(`[...document.getElementById('${table}').tBodies[0].rows]
    .filter((row) => !row.hidden).every((row) => row.querySelector('.bad'))`);
  if (!failing) problems.push('"only with errors" leaves rows without');
  return problems;
}

async function checkMoment(page) {
  if (!await tabTo(page, ({ id }) => id === 'slider')) return ['the slider is not reached'];
  await page.press('End');
  const at = await page.evaluate(`document.getElementById('slider').getAttribute('aria-valuetext')`);
  const told = await page.evaluate(`document.querySelector('#moment output').textContent`);
  const marks = await page.evaluate(`[...document.querySelectorAll('.cursor')].map((line) => line.getAttribute('visibility'))`);
  const problems = /\d/.test(at) && told.startsWith(at.split(' ')[0]) ? [] : [`"${at}" and "${told}"`];
  if (!marks.length || marks.some((mark) => mark !== 'visible')) problems.push('the charts do not show the moment');
  return problems;
}

// On paper: nothing to press, nothing folded, nothing beyond the edge.
async function checkPaper(page) {
  await page.resize(690, 1000);
  await page.media({ media: 'print', scheme: 'dark' });
  await page.evaluate(`dispatchEvent(new Event('beforeprint'))`);
  await page.settle();
  const problems = await call(page, layout);
  problems.push(...await page.evaluate(`[...document.querySelectorAll('.scroll')].filter((frame) =>
    frame.scrollWidth > frame.parentElement.clientWidth + 1).map((frame) => 'a table is cut: ' + frame.textContent.slice(0, 40))`));
  problems.push(...await page.evaluate(`[...document.querySelectorAll('button, input, select, nav')]
    .filter((one) => one.checkVisibility()).map((one) => 'on paper: ' + one.tagName + ' ' + one.textContent)
    .filter((text) => !text.includes('BUTTON') || text.includes('Copy'))`));
  problems.push(...await page.evaluate(`[...document.querySelectorAll('#failures details')]
    .filter((one) => !one.open).map((one) => 'folded: ' + one.textContent.slice(0, 40))`));
  const ground = await page.evaluate('getComputedStyle(document.body).backgroundColor');
  if (ground !== 'rgb(255, 255, 255)') problems.push(`the paper is ${ground}`);
  if ((await page.pdf()).subarray(0, 5).toString() !== '%PDF-') problems.push('it does not print');
  return problems;
}

async function checkReport(browser, report, add) {
  const url = pathToFileURL(report).href;
  const fresh = async (check, of, options) => {
    const page = await browser.open(url, options);
    add(check, [...await of(page), ...page.problems]);
    await page.close();
  };
  for (const scheme of ['light', 'dark']) await fresh(`axe, ${scheme}`, (page) => checkAxe(page, scheme));
  await fresh('axe, on a phone', (page) => checkAxe(page, 'light'), { width: 390 });
  for (const width of WIDTHS) await fresh(`layout, ${width} wide`, (page) => call(page, layout), { width });
  await fresh('nothing of others runs', (page) => page.evaluate(`window.owned === undefined ? [] : ['owned']`));
  await fresh('focus is seen', checkFocus);
  await fresh('tables sort by keyboard', checkSort);
  await fresh('tables filter by keyboard', checkFilter);
  await fresh('charts read by keyboard', checkMoment);
  await fresh('paper', checkPaper);
}

const browser = await launch();
const told = [];
try {
  for (const report of reports)
    await checkReport(browser, report, (check, problems) => told.push({ report: basename(report, '.html'), check, problems }));
} finally {
  await browser.close();
}
console.log(JSON.stringify(told));
