/* Draws the charts of the report as SVG from the data in the page. Text from anywhere only ever
   becomes a text node. */
'use strict';
(function () {

  /* ---- words ---- */

  function digits(value) {
    return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
  }
  function shorten(text) { return text.indexOf('.') < 0 ? text : text.replace(/\.?0+$/, ''); }
  function duration(ns) {
    if (ns < 1e3) return ns.toFixed(0) + 'ns';
    if (ns < 1e6) return digits(ns / 1e3) + 'us';
    if (ns < 1e9) return digits(ns / 1e6) + 'ms';
    return digits(ns / 1e9) + 's';
  }
  function durationTick(ns) {
    if (!ns) return '0';
    var text = duration(ns), unit = text.search(/[a-z]/);
    return shorten(text.slice(0, unit)) + text.slice(unit);
  }
  function count(value) {
    if (value >= 1e6) return shorten((value / 1e6).toFixed(2)) + 'M';
    if (value >= 1e4) return shorten((value / 1e3).toFixed(1)) + 'k';
    return value >= 1e3 ? grouped(value) : shorten(value >= 100 ? value.toFixed(0) : value.toFixed(2));
  }
  function grouped(value) { return value.toFixed(0).replace(/\B(?=(\d{3})+$)/g, ','); }
  function bytes(value) {
    return value >= 1e9 ? shorten((value / 1e9).toFixed(2)) + 'GB' : shorten((value / 1e6).toFixed(1)) + 'MB';
  }
  function percent(share) { return shorten((share * 100).toFixed(1)) + '%'; }
  function clock(seconds) {
    if (seconds < 120) return seconds + 's';
    var h = Math.floor(seconds / 3600), m = Math.floor(seconds / 60) % 60, s = seconds % 60;
    return h ? h + ':' + ('0' + m).slice(-2) + (s ? ':' + ('0' + s).slice(-2) : ' h') :
      m + ':' + ('0' + s).slice(-2) + ' min';
  }

  /* ---- nodes ---- */

  var SVG = 'http://www.w3.org/2000/svg';
  function node(space, name, attributes, children) {
    var made = space ? document.createElementNS(space, name) : document.createElement(name);
    Object.keys(attributes || {}).forEach(function (key) { made.setAttribute(key, attributes[key]); });
    (children || []).forEach(function (child) {
      made.appendChild(typeof child === 'object' ? child : document.createTextNode(String(child)));
    });
    return made;
  }
  function html(name, attributes, children) { return node(null, name, attributes, children); }
  function svg(name, attributes, children) { return node(SVG, name, attributes, children); }
  function byId(id) { return document.getElementById(id); }

  /* ---- scales ---- */

  function niceStep(span, wanted) {
    var raw = span / wanted, power = Math.pow(10, Math.floor(Math.log10(raw)));
    var unit = raw / power;
    return (unit > 5 ? 10 : unit > 2 ? 5 : unit > 1 ? 2 : 1) * power;
  }
  function linear(high, top, bottom, whole) {
    var step = niceStep(high > 0 ? high : 1, 4);
    if (whole && step < 1) step = 1;
    var end = Math.ceil((high > 0 ? high : 1) / step - 1e-9) * step, ticks = [];
    for (var i = 0; i * step <= end + step / 2; i++) ticks.push(i * step);
    return {ticks: ticks, y: function (v) { return bottom - (bottom - top) * v / end; }};
  }
  function logarithmic(low, high, top, bottom) {
    var from = Math.log10(low), to = Math.log10(high), ticks = [];
    if (to - from < 0.4) { from -= 0.2; to += 0.2; }
    [[1], [1, 3], [1, 2, 5]].some(function (multiples) {
      ticks = [];
      for (var p = Math.floor(from); p <= Math.ceil(to); p++)
        multiples.forEach(function (m) {
          var at = Math.log10(m) + p;
          if (at >= from && at <= to) ticks.push(m * Math.pow(10, p));
        });
      return ticks.length >= 3;
    });
    return {ticks: ticks, y: function (v) {
      return bottom - (bottom - top) * (Math.log10(Math.max(v, low)) - from) / (to - from);
    }};
  }
  function timeTicks(from, to, room) {
    var steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400];
    var step = steps.filter(function (s) { return (to - from) / s <= room; })[0] || 86400 * 7;
    var ticks = [];
    for (var t = Math.ceil(from / step) * step; t <= to; t += step) ticks.push(t);
    return ticks;
  }

  /* ---- the data ---- */

  var AT = 0, COVERED = 1, USERS = 2, ARRIVALS = 3, IN_FLIGHT = 4, CONNECTIONS = 5, QUEUED = 6, OK = 7,
    FAILED = 8, CENSORED = 9, LATENCY = 10, ERRORS = 11, HEAT = 12;
  var data = byId('data') ? JSON.parse(byId('data').textContent) : null;
  var series, points, from, to, cursor = 0, frames = [];

  /* A rate needs time to be over: of a step that a phase hardly touched there is none. */
  function perSecond(point, number) {
    return point[COVERED] >= data.step / 4 ? number / point[COVERED] : null;
  }
  function finished(point) { return point[OK] + point[FAILED] + point[CENSORED]; }
  function total(list, of) { return list.reduce(function (sum, item) { return sum + of(item); }, 0); }
  function highest(list, of) { return list.reduce(function (most, item) { return Math.max(most, of(item) || 0); }, 0); }
  function phaseAt(seconds) {
    var found = data.phases.filter(function (phase) { return phase[1] <= seconds && seconds < phase[2]; });
    return found.length ? found[found.length - 1][0] : '';
  }

  /* ---- a chart ---- */

  var LEFT = 58, RIGHT = 10, TOP = 20, BOTTOM = 22;

  /* Over time, with the phases and the alerts behind it, unless `across` is another axis. */
  function Frame(figure, width, height, across) {
    this.width = width;
    this.height = height;
    this.left = LEFT;
    this.right = width - RIGHT;
    this.top = across ? TOP / 2 : TOP;
    this.bottom = height - BOTTOM;
    this.root = svg('svg', {viewBox: '0 0 ' + width + ' ' + height, role: 'img',
      'aria-label': figure.title + '. ' + figure.says()});
    if (across) return;
    this.bands();
    this.alerts();
  }
  Frame.prototype.x = function (seconds) {
    return LEFT + (this.width - LEFT - RIGHT) * (seconds - from) / (to - from);
  };
  Frame.prototype.add = function (name, attributes, children) {
    return this.root.appendChild(svg(name, attributes, children));
  };
  /* Phases as bands in two shades, each with its name where that fits. */
  Frame.prototype.bands = function () {
    var self = this;
    data.phases.forEach(function (phase, i) {
      var left = self.x(Math.max(phase[1], from)), right = self.x(Math.min(phase[2], to));
      if (right <= left) return;
      if (i % 2 === 0)
        self.add('rect', {'class': 'band', x: left, y: self.top, width: right - left, height: self.bottom - self.top});
      if (phase[0].length * 6.4 + 6 < right - left)
        self.add('text', {x: left + 3, y: self.top - 6}, [phase[0]]);
    });
  };
  /* Alerts as pale bands over the phases, each with a bar at the top and its text when pointed at. */
  Frame.prototype.alerts = function () {
    var self = this;
    data.alerts.forEach(function (alert) {
      var span = self.span(alert);
      if (!span) return;
      self.add('g', {'class': 'alert'}, [svg('title', {}, [alert[0]]),
        svg('rect', {x: span.x, y: self.top, width: span.width, height: self.bottom - self.top}),
        svg('rect', {'class': 'edge', x: span.x, y: self.top - 3, width: span.width, height: 3})]);
    });
  };
  Frame.prototype.span = function (alert) {
    var left = this.x(Math.max(alert[1], from)), right = this.x(Math.min(alert[2], to));
    return alert[1] > to || right < left ? null : {x: left, width: Math.max(2, right - left)};
  };
  Frame.prototype.axes = function (scale, format) {
    this.levels(scale, format);
    this.ticks(timeTicks(from, to, Math.max(2, (this.width - LEFT) / 85)), clock);
  };
  Frame.prototype.levels = function (scale, format) {
    var self = this;
    scale.ticks.forEach(function (tick) {
      var y = Math.round(scale.y(tick)) + 0.5;
      self.add('line', {'class': 'grid', x1: self.left, x2: self.right, y1: y, y2: y});
      self.add('text', {x: self.left - 7, y: y + 4, 'text-anchor': 'end'}, [format(tick)]);
    });
  };
  Frame.prototype.ticks = function (ticks, format) {
    var self = this;
    ticks.forEach(function (tick) {
      var x = self.x(tick);
      self.add('text', {x: x, y: self.height - 6,
        'text-anchor': x > self.width - 30 ? 'end' : x < self.left + 12 ? 'start' : 'middle'}, [format(tick)]);
    });
  };
  /* The places of values, at the middle of their step; a new list where one is missing or a step is. */
  Frame.prototype.runs = function (list, value, scale) {
    var runs = [], last = null;
    list.forEach(function (item) {
      var v = value(item);
      if (v === null || last === null || item[AT] - last > data.step) runs.push([]);
      last = item[AT];
      if (v !== null)
        runs[runs.length - 1].push(this.x(item[AT] + data.step / 2).toFixed(1) + ',' + scale.y(v).toFixed(1));
    }, this);
    return runs.filter(function (run) { return run.length > 0; });
  };
  /* One that stands alone is a dot. */
  Frame.prototype.strokes = function (runs, classes) {
    var self = this, d = '';
    runs.forEach(function (run) {
      var place = run[0].split(',');
      if (run.length > 1) d += 'M' + run.join('L');
      else self.add('circle', {'class': 'dot ' + classes, cx: place[0], cy: place[1], r: 1.8});
    });
    if (d) self.add('path', {'class': 'line ' + classes, d: d});
  };
  /* Faint where a value is not `sure`. */
  Frame.prototype.line = function (list, value, scale, name, sure) {
    if (sure) this.strokes(this.runs(list, value, scale), 'faint c-' + name);
    this.strokes(this.runs(list, sure ? function (item) { return sure(item) ? value(item) : null; } : value, scale),
      'c-' + name);
  };
  Frame.prototype.area = function (list, value, scale, name) {
    var base = scale.y(0).toFixed(1), d = '';
    this.runs(list, value, scale).forEach(function (run) {
      if (run.length > 1)
        d += 'M' + run[0].split(',')[0] + ',' + base + 'L' + run.join('L') + 'L' + run[run.length - 1].split(',')[0] + ',' + base + 'Z';
    });
    if (d) this.add('path', {'class': 'area c-' + name, d: d});
  };
  Frame.prototype.finish = function () {
    var self = this;
    this.mark = this.add('line', {'class': 'cursor', y1: this.top, y2: this.bottom, visibility: 'hidden'});
    function follow(event) {
      var box = self.root.getBoundingClientRect();
      var x = (event.clientX - box.left) * self.width / box.width;
      var seconds = from + (to - from) * (x - LEFT) / (self.width - LEFT - RIGHT);
      var best = 0;
      points.forEach(function (point, i) {
        if (Math.abs(point[AT] + data.step / 2 - seconds) < Math.abs(points[best][AT] + data.step / 2 - seconds)) best = i;
      });
      moveTo(best);
    }
    this.root.addEventListener('pointermove', follow);
    this.root.addEventListener('pointerdown', follow);
    return this.root;
  };

  /* ---- the charts ---- */

  function key(entries) {
    return entries.map(function (entry) {
      return {name: entry[0], swatch: entry[1]};
    });
  }

  function kindsSeen() {
    var sums = {};
    points.forEach(function (point) {
      point[ERRORS].forEach(function (error) { sums[error[0]] = (sums[error[0]] || 0) + error[1]; });
    });
    return Object.keys(sums).map(Number).sort(function (a, b) { return sums[b] - sums[a]; });
  }
  /* The five most frequent kinds have colours of their own; the rest share one. */
  function kindColour(kinds, kind) { return 'k' + Math.min(kinds.indexOf(kind), 5); }

  function rateChart() {
    function rate(point) { return perSecond(point, finished(point)); }
    var arrivals = points.some(function (point) { return point[ARRIVALS] > 0; });
    return {
      title: 'Operations per second',
      key: key([['finished', 'ok']].concat(arrivals ? [['intended', 'p99']] : [])),
      says: function () { return 'Highest ' + count(highest(points, rate)) + ' per second.'; },
      draw: function (frame) {
        var most = Math.max(highest(points, rate), highest(points, function (p) { return p[ARRIVALS]; }));
        var scale = linear(most, frame.top, frame.bottom);
        frame.axes(scale, count);
        frame.area(points, rate, scale, 'ok');
        frame.line(points, rate, scale, 'ok');
        if (arrivals) frame.line(points, function (p) { return p[ARRIVALS]; }, scale, 'p99');
      }
    };
  }

  function usersChart() {
    var lines = [['users', 'ok', USERS], ['in flight', 'p99', IN_FLIGHT], ['connections', 'max', CONNECTIONS],
      ['queued', 'k2', QUEUED]].filter(function (line) {
      return points.some(function (point) { return point[line[2]] > 0; });
    });
    return {
      title: lines.some(function (line) { return line[0] === 'users'; }) ? 'Users' : 'In flight',
      key: key(lines),
      says: function () {
        return lines.map(function (line) {
          return 'Most ' + line[0] + ': ' + count(highest(points, function (p) { return p[line[2]]; })) + '.';
        }).join(' ');
      },
      draw: function (frame) {
        var most = highest(lines, function (line) { return highest(points, function (p) { return p[line[2]]; }); });
        var scale = linear(most, frame.top, frame.bottom, true);
        frame.axes(scale, count);
        lines.slice().reverse().forEach(function (line) {
          frame.line(points, function (p) { return p[line[2]]; }, scale, line[1]);
        });
      }
    };
  }

  function latencyChart() {
    var lines = [['p50', 0, 0.5], ['p95', 1, 0.95], ['p99', 2, 0.99], ['max', 3, 0]];
    var known = points.filter(function (point) { return point[OK] > 0; });
    return {
      title: 'Latency', wide: true,
      key: key(lines.map(function (line) { return [line[0], line[0]]; })),
      aside: 'Of successful operations, on a logarithmic scale. Pale where fewer than 10 operations of that ' +
        (data.step > 1 ? data.step + ' seconds' : 'second') + ' lie beyond the percentile.',
      says: function () {
        return 'Highest p99 ' + duration(highest(known, function (p) { return p[LATENCY][2]; })) + ', highest ' +
          duration(highest(known, function (p) { return p[LATENCY][3]; })) + '.';
      },
      empty: known.length ? '' : 'No operation succeeded.',
      draw: function (frame) {
        var low = known.reduce(function (least, p) { return Math.min(least, p[LATENCY][0]); }, Infinity);
        var scale = logarithmic(low * 0.8, highest(known, function (p) { return p[LATENCY][3]; }) * 1.1,
          frame.top, frame.bottom);
        frame.axes(scale, durationTick);
        lines.slice().reverse().forEach(function (line) {
          frame.line(points, function (p) { return p[OK] ? p[LATENCY][line[1]] : null; }, scale, line[0],
            line[2] ? function (p) { return p[OK] * (1 - line[2]) >= 10; } : null);
        });
      }
    };
  }

  function heatChart() {
    var low = Infinity, high = -Infinity;
    points.forEach(function (point) {
      for (var i = 0; i < point[HEAT].length; i += 2) {
        low = Math.min(low, point[HEAT][i]);
        high = Math.max(high, point[HEAT][i]);
      }
    });
    function value(row) { return Math.pow(2, row / data.divides); }
    return {
      title: 'Latency heat map', wide: true, key: [],
      aside: 'Each column is ' + (data.step > 1 ? clock(data.step) : 'a second') +
        ': the stronger a cell, the larger the share of its operations that took so long.',
      says: function () { return 'From ' + duration(value(low)) + ' to ' + duration(value(high + 1)) + '.'; },
      empty: high < low ? 'No operation succeeded.' : '',
      draw: function (frame) {
        var scale = logarithmic(value(low), value(high + 1), frame.top, frame.bottom);
        var cell = frame.x(from + data.step) - frame.x(from);
        points.forEach(function (point) {
          var sum = 0, i;
          for (i = 1; i < point[HEAT].length; i += 2) sum += point[HEAT][i];
          for (i = 0; i < point[HEAT].length; i += 2) {
            var y = scale.y(value(point[HEAT][i] + 1));
            frame.add('rect', {'class': 'heat', x: frame.x(point[AT]).toFixed(1), y: y.toFixed(1),
              width: (cell + (cell > 3 ? -0.5 : 0.1)).toFixed(2),
              height: (scale.y(value(point[HEAT][i])) - y).toFixed(2),
              'fill-opacity': (0.1 + 0.9 * Math.sqrt(point[HEAT][i + 1] / sum)).toFixed(2)});
          }
        });
        frame.axes(scale, durationTick);
      }
    };
  }

  function errorChart() {
    var kinds = kindsSeen();
    return {
      title: 'Failures per second', wide: true,
      key: key(kinds.slice(0, 5).map(function (kind, i) { return [data.kinds[kind].replace(/_/g, ' '), 'k' + i]; })
        .concat(kinds.length > 5 ? [['others', 'k5']] : [])),
      says: function () {
        return kinds.length ? 'Kinds: ' + kinds.map(function (kind) { return data.kinds[kind]; }).join(', ') + '.' :
          'None.';
      },
      empty: kinds.length ? '' : 'No operation failed.',
      draw: function (frame) {
        function all(point) { return (point[FAILED] + point[CENSORED]) / data.step; }
        var scale = linear(highest(points, all), frame.top, frame.bottom);
        frame.axes(scale, count);
        var cell = frame.x(from + data.step) - frame.x(from);
        points.forEach(function (point) {
          var sum = 0;
          point[ERRORS].slice().sort(function (a, b) { return kinds.indexOf(a[0]) - kinds.indexOf(b[0]); })
            .forEach(function (error) {
              var low = scale.y(sum / data.step), high;
              sum += error[1];
              high = scale.y(sum / data.step);
              frame.add('rect', {'class': 'bar c-' + kindColour(kinds, error[0]), x: frame.x(point[AT]).toFixed(1),
                y: high.toFixed(1), width: Math.max(1, cell - (cell > 3 ? 1 : 0)).toFixed(2),
                height: Math.max(0.8, low - high).toFixed(2)});
            });
        });
      }
    };
  }

  /* A lane for each rule that fired, with its name, and a bar for as long as it held. */
  function alertChart() {
    var rules = [], LANE = 26;
    function ruleOf(alert) { return alert[3] || alert[0].replace(/^alert +/, '').split(' ')[0]; }
    data.alerts.forEach(function (alert) { if (rules.indexOf(ruleOf(alert)) < 0) rules.push(ruleOf(alert)); });
    return {
      title: 'Alerts', wide: true, key: [], height: TOP + BOTTOM + LANE * rules.length,
      says: function () { return data.alerts.map(function (alert) { return alert[0]; }).join('. ') + '.'; },
      draw: function (frame) {
        rules.forEach(function (rule, lane) {
          var y = frame.top + LANE * lane;
          frame.add('text', {x: frame.left + 4, y: y + 11}, [rule.replace(/_/g, ' ')]);
          data.alerts.forEach(function (alert) {
            var span = ruleOf(alert) === rule ? frame.span(alert) : null;
            if (span)
              frame.add('rect', {'class': 'bar c-alert', x: span.x.toFixed(1), y: y + 15,
                width: span.width.toFixed(1), height: 7, rx: 1}).appendChild(svg('title', {}, [alert[0]]));
          });
        });
        frame.axes({ticks: []}, count);
      }
    };
  }

  function lineOf(title, list, index, colour, format, whole, aside) {
    function value(item) { return item[index]; }
    return {
      title: title, key: [], aside: aside,
      says: function () { return 'Highest ' + format(highest(list, value)) + '.'; },
      draw: function (frame) {
        var scale = linear(whole || highest(list, value), frame.top, frame.bottom);
        frame.axes(scale, format);
        frame.area(list, value, scale, colour);
        frame.line(list, value, scale, colour);
      }
    };
  }

  function charts() {
    var list = [usersChart(), rateChart(), latencyChart(), heatChart(), errorChart()];
    if (data.alerts.length) list.push(alertChart());
    data.watch.forEach(function (watch) {
      var name = data.watch.length > 1 ? ' of ' + watch.name : '';
      list.push(lineOf('Target: processor cores' + name, watch.points, 1, 'p99', count));
      list.push(lineOf('Target: memory' + name, watch.points, 2, 'p99', bytes));
    });
    if (data.self.length) {
      list.push(lineOf('cicada itself: busiest worker', data.self, 1, 'max', percent, 1,
        'The share of a core its busiest thread used; near 100% the generator is the limit.'));
      list.push(lineOf('cicada itself: timers late by', data.self, 2, 'max', durationTick));
    }
    return list;
  }

  /* ---- drawing ---- */

  function swatch(colour) {
    return svg('svg', {viewBox: '0 0 14 10', 'aria-hidden': 'true'},
      [svg('rect', {'class': 'bar c-' + colour, y: 3, width: 14, height: 4, rx: 2})]);
  }

  function drawOne(chart, width, across) {
    var caption = html('figcaption', {}, [html('h3', {}, [chart.title])]);
    if (chart.key.length && !chart.empty)
      caption.appendChild(html('ul', {'class': 'key'}, chart.key.map(function (entry) {
        return html('li', {}, [swatch(entry.swatch), entry.name]);
      })));
    var figure = html('figure', chart.wide ? {'class': 'wide'} : {}, [caption]);
    if (chart.empty) {
      figure.appendChild(html('p', {'class': 'empty'}, [chart.empty]));
      return figure;
    }
    var frame = new Frame(chart, Math.max(280, Math.round(width)), chart.height || (chart.wide ? 230 : 180), across);
    chart.draw(frame);
    figure.appendChild(across ? frame.root : frame.finish());
    if (!across) frames.push(frame);
    if (chart.aside) figure.appendChild(html('p', {'class': 'aside'}, [chart.aside]));
    return figure;
  }

  function draw(room, paper) {
    var box = byId('figures');
    room = room || box.clientWidth;
    var columns = !paper && window.matchMedia('(min-width: 62rem)').matches ? 2 : 1;
    frames = [];
    var made = charts().map(function (chart) {
      return drawOne(chart, chart.wide || columns === 1 ? room : (room - 29) / 2);
    });
    box.replaceChildren.apply(box, made);
    moveTo(cursor);
  }

  function choose(index) {
    series = data.series[index];
    points = series.points;
    from = Math.floor(Math.min.apply(null, data.phases.map(function (p) { return p[1]; }).concat(points[0][AT])));
    to = Math.max.apply(null, points.map(function (p) { return p[AT] + data.step; }));
  }

  /* ---- the moment ---- */

  var slider, told;

  function figure(name, value) { return html('span', {}, [name + ' ', html('b', {}, [value])]); }

  function moveTo(index) {
    cursor = Math.max(0, Math.min(points.length - 1, index));
    var point = points[cursor], rate = perSecond(point, finished(point));
    frames.forEach(function (frame) {
      var x = frame.x(point[AT] + data.step / 2);
      frame.mark.setAttribute('x1', x);
      frame.mark.setAttribute('x2', x);
      frame.mark.setAttribute('visibility', 'visible');
    });
    slider.value = cursor;
    var phase = phaseAt(point[AT] + data.step / 2) || phaseAt(point[AT]);
    slider.setAttribute('aria-valuetext', clock(point[AT]) + (phase ? ' in ' + phase : ''));
    var parts = [html('span', {}, [html('b', {}, [clock(point[AT])]), phase ? ' in ' + phase : ''])];
    if (point[USERS]) parts.push(figure('users', count(point[USERS])));
    if (rate !== null) parts.push(figure('rate', count(rate) + '/s'));
    if (point[OK])
      ['p50', 'p95', 'p99', 'max'].forEach(function (name, i) { parts.push(figure(name, duration(point[LATENCY][i]))); });
    parts.push(figure('ok', grouped(point[OK])), figure('failed', grouped(point[FAILED] + point[CENSORED])));
    data.alerts.forEach(function (alert) {
      if (alert[1] < point[AT] + data.step && point[AT] < alert[2]) parts.push(figure('alert', alert[0].split(',')[0]));
    });
    told.replaceChildren.apply(told, parts);
  }

  function makeMoment() {
    var box = byId('moment');
    slider = html('input', {id: 'slider', type: 'range', min: 0, max: points.length - 1, step: 1});
    told = html('output', {'for': 'slider'});
    var label = html('label', {'for': 'slider'}, ['Read the charts at']);
    slider.addEventListener('input', function () { moveTo(Number(slider.value)); });
    if (data.series.length > 1) {
      var select = html('select', {id: 'series'}, data.series.map(function (one, i) {
        return html('option', {value: i}, [one.name]);
      }));
      select.addEventListener('change', function () {
        choose(Number(select.value));
        slider.max = points.length - 1;
        draw();
      });
      box.appendChild(html('p', {}, [html('label', {'for': 'series'}, ['Show ']), select]));
    }
    box.append(label, slider, told);
    box.hidden = false;
  }

  function startCharts() {
    data.series = data.series.filter(function (one) { return one.points.length > 0; });
    if (!data.series.length) return;
    choose(0);
    cursor = points.reduce(function (best, point, i) {
      return finished(point) > finished(points[best]) ? i : best;
    }, 0);
    makeMoment();
    draw();
    followWidth();
  }

  function followWidth() {
    var width = byId('figures').clientWidth;
    new ResizeObserver(function () {
      if (byId('figures').clientWidth === width) return;
      width = byId('figures').clientWidth;
      draw();
    }).observe(byId('figures'));
  }

  /* ---- a run that goes on ---- */

  /* The moment follows the newest point unless it was moved to another. */
  function show(fresh) {
    var first = !points, follows = first || cursor >= Number(slider.max);
    data = fresh;
    choose(0);
    if (first) { makeMoment(); followWidth(); }
    slider.max = points.length - 1;
    if (follows) cursor = points.length - 1;
    draw();
  }

  /* ---- paper ---- */

  /* Paper folds nothing: every example is opened for it, and closed again after. */
  function openForPaper() {
    var opened = [];
    window.addEventListener('beforeprint', function () {
      opened = Array.from(document.querySelectorAll('#failures details:not([open])'));
      opened.forEach(function (one) { one.open = true; });
      if (points) draw(680, true);
    });
    window.addEventListener('afterprint', function () {
      opened.forEach(function (one) { one.open = false; });
      if (points) draw();
    });
  }

  /* What live.js and panels.js draw with. */
  window.cicadaCharts = {show: show, html: html, duration: duration, durationTick: durationTick, count: count,
    grouped: grouped, percent: percent, total: total, data: data, drawOne: drawOne, linear: linear,
    logarithmic: logarithmic, key: key, HEAT: HEAT};
  if (data) startCharts();
  openForPaper();
}());
