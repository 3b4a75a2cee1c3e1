// Reads the forms of a result with the libraries that other people read them with, and prints what these say:
// report_readers.mjs NPM_FOLDER FOLDER_OF_OUT -> {hlog, junit, csv, markdown}
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [, , modules, folder] = process.argv;
const require = createRequire(pathToFileURL(modules + '/'));
const read = (name) => readFileSync(join(folder, name), 'utf8');

// HdrHistogram's own library, per tag: {"": {count, percentiles: {50: ns, ...}}, TAG: ...}
function readHdrLog() {
  const { HistogramLogReader, build } = require('hdr-histogram-js');
  const reader = new HistogramLogReader(read('latency.hlog'));
  const sums = new Map();
  for (let one = reader.nextIntervalHistogram(); one; one = reader.nextIntervalHistogram()) {
    const tag = one.tag === 'NO TAG' || !one.tag ? '' : one.tag;
    if (!sums.has(tag)) {
      const histogram = build({ lowestDiscernibleValue: 1, highestTrackableValue: 3600000000000,
        numberOfSignificantValueDigits: 3, bitBucketSize: 64 });
      sums.set(tag, { histogram, lines: 0, digits: one.numberOfSignificantValueDigits, first: one.startTimeStampMsec });
    }
    const sum = sums.get(tag);
    sum.histogram.add(one);
    sum.lines++;
  }
  const told = {};
  for (const [tag, { histogram, lines, digits, first }] of sums) {
    const percentiles = {};
    for (const percentile of [1, 25, 50, 90, 95, 99, 99.9, 100])
      percentiles[percentile] = histogram.getValueAtPercentile(percentile);
    told[tag] = { count: histogram.totalCount, lines, digits, first, percentiles };
  }
  return told;
}

function readCsv() {
  const { parse } = require('csv-parse/sync');
  return parse(read('seconds.csv'), { columns: true, relax_column_count: false, relax_quotes: false });
}

// What a reader of GitHub's Markdown would make of it: links, pictures, HTML, headings, rows of tables.
function readMarkdown() {
  const { lexer, walkTokens } = require('marked');
  const told = { link: [], image: [], html: [], heading: [], table: [], code: [] };
  walkTokens(lexer(read('summary.md'), { gfm: true }), (token) => {
    if (token.type === 'table')
      told.table.push(...[token.header, ...token.rows].map((row) => row.map((cell) => cell.text)));
    else if (token.type === 'html') told.html.push(...(token.raw.match(/<[^>]*>/g) ?? [token.raw]));
    else if (token.type === 'codespan') told.code.push(token.text);
    else if (told[token.type]) told[token.type].push(token.text);
  });
  return told;
}

const { parse: parseJunit } = require('junit2json');
console.log(JSON.stringify({
  hlog: readHdrLog(), junit: await parseJunit(read('junit.xml')), csv: readCsv(), markdown: readMarkdown(),
}));
