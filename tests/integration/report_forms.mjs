// Reads an interval log with HdrHistogram's own JavaScript library and prints, per tag, what it says:
// report_forms.mjs LOG -> {"": {count, max, mean, percentiles: {50: ns, ...}}, TAG: ...}
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(pathToFileURL(process.argv[3] + '/'));
const { HistogramLogReader, build } = require('hdr-histogram-js');

const reader = new HistogramLogReader(readFileSync(process.argv[2], 'utf8'));
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
console.log(JSON.stringify(told));
