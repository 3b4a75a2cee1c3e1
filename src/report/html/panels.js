/* Draws what is not over time: throughput by users with the law fitted to it, and how the latency of
   each target is distributed. */
'use strict';
(function () {
  var c = window.cicadaCharts, data = c.data;
  if (!data) return;

  /* A scale of values as one of places from left to right. */
  function across(frame, scale) {
    frame.x = scale.y;
    return scale.ticks;
  }

  /* ---- throughput by users ---- */

  function scalingChart() {
    var law = data.scaling, levels = law.levels, fits = law.kappa !== undefined;
    function fitted(n) { return law.lambda * n / (1 + law.sigma * (n - 1) + law.kappa * n * (n - 1)); }
    var most = levels.reduce(function (high, level) { return Math.max(high, level[0]); }, 0);
    var rate = levels.reduce(function (high, level) { return Math.max(high, level[1]); }, 0);
    return {
      title: 'Throughput by users', wide: true,
      key: c.key([['measured', 'p99']].concat(fits ? [['the law fitted to it', 'ok'], ['if every user added as much', 'max']] : [])),
      aside: fits ? '' : 'Measured only: no law was fitted, for the reason above.',
      says: function () { return law.says; },
      draw: function (frame) {
        var ticks = across(frame, c.linear(most, frame.right, frame.left));
        var scale = c.linear(Math.max(rate, fits ? fitted(most) : 0), frame.top, frame.bottom);
        frame.levels(scale, c.count);
        frame.ticks(ticks, function (n) { return c.count(n) + (n === ticks[ticks.length - 1] ? ' users' : ''); });
        if (fits) {
          this.straight(frame, scale);
          this.curve(frame, scale);
        }
        this.limit(frame);
        levels.forEach(function (level) {
          frame.add('circle', {'class': 'c-p99', r: 3.5, cx: frame.x(level[0]).toFixed(1), cy: scale.y(level[1]).toFixed(1)});
        });
      },
      straight: function (frame, scale) {
        var top = scale.ticks[scale.ticks.length - 1], end = Math.min(most, top / law.lambda);
        frame.add('path', {'class': 'line dashed c-max', d: 'M' + frame.x(0).toFixed(1) + ',' + scale.y(0).toFixed(1) +
          'L' + frame.x(end).toFixed(1) + ',' + scale.y(law.lambda * end).toFixed(1)});
      },
      curve: function (frame, scale) {
        var d = '';
        for (var i = 0; i <= 80; i++) {
          var n = 1 + (most - 1) * i / 80;
          d += (i ? 'L' : 'M') + frame.x(n).toFixed(1) + ',' + scale.y(fitted(n)).toFixed(1);
        }
        frame.add('path', {'class': 'line c-ok', d: d});
      },
      limit: function (frame) {
        if (!(law.breaks_at <= most)) return;
        var x = frame.x(law.breaks_at), late = x > (frame.left + frame.right) / 2;
        frame.add('line', {'class': 'limit', x1: x, x2: x, y1: frame.top, y2: frame.bottom});
        frame.add('text', {x: x + (late ? -5 : 5), y: frame.bottom - 8, 'text-anchor': late ? 'end' : 'start'},
          ['a limit is broken from here']);
      }
    };
  }

  /* ---- the latency of one target ---- */

  function rowsOf(target) {
    var sums = {};
    data.series.filter(function (one) { return one.target === target; }).forEach(function (one) {
      one.points.forEach(function (point) {
        for (var i = 0; i < point[c.HEAT].length; i += 2)
          sums[point[c.HEAT][i]] = (sums[point[c.HEAT][i]] || 0) + point[c.HEAT][i + 1];
      });
    });
    return Object.keys(sums).map(function (row) { return [Number(row), sums[row]]; })
      .sort(function (a, b) { return a[0] - b[0]; });
  }

  function distributionChart(box) {
    var rows = rowsOf(Number(box.dataset.target));
    function value(row) { return Math.pow(2, row / data.divides); }
    var all = c.total(rows, function (row) { return row[1]; });
    var most = rows.reduce(function (high, row) { return Math.max(high, row[1] / all); }, 0);
    var low = rows.length ? value(rows[0][0]) : 0, high = rows.length ? value(rows[rows.length - 1][0] + 1) : 0;
    return {
      title: 'Latency', key: [], height: 130,
      empty: rows.length ? '' : 'No operation succeeded.',
      says: function () {
        return 'How the latencies of ' + all + ' operations are distributed: ' + c.duration(low) + ' to ' + c.duration(high) + '.';
      },
      draw: function (frame) {
        frame.left -= 14;
        var ticks = across(frame, c.logarithmic(low, high, frame.right, frame.left));
        var scale = c.linear(most, frame.top, frame.bottom);
        frame.levels({ticks: [0, scale.ticks[scale.ticks.length - 1]], y: scale.y}, c.percent);
        rows.forEach(function (row) {
          var left = frame.x(value(row[0])), right = frame.x(value(row[0] + 1)), y = scale.y(row[1] / all);
          frame.add('rect', {'class': 'bar c-ok', x: left.toFixed(1), y: Math.min(y, frame.bottom - 0.8).toFixed(1),
            width: Math.max(1, right - left - 1).toFixed(1), height: Math.max(0.8, frame.bottom - y).toFixed(1)});
        });
        var room = Math.floor((frame.right - frame.left) / 52), every = Math.ceil(ticks.length / room);
        frame.ticks(ticks.filter(function (_, i) { return i % every === 0; }), c.durationTick);
      }
    };
  }

  /* ---- drawing ---- */

  var makers = {scaling: scalingChart, distribution: distributionChart};
  var boxes = Array.from(document.querySelectorAll('.chart'));

  function draw(box, room) {
    var chart = makers[box.dataset.chart](box);
    box.replaceChildren(c.drawOne(chart, room || box.clientWidth, true));
  }
  boxes.forEach(function (box) {
    var width = -1;
    new ResizeObserver(function () {
      if (box.clientWidth === width) return;
      width = box.clientWidth;
      draw(box);
    }).observe(box);
    draw(box);
  });
  window.addEventListener('beforeprint', function () {
    boxes.forEach(function (box) { draw(box, box.dataset.chart === 'scaling' ? 680 : 320); });
  });
  window.addEventListener('afterprint', function () { boxes.forEach(function (box) { draw(box); }); });
}());
