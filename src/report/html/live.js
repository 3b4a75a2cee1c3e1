/* The live page: takes the events of the run and shows what they say. Text from anywhere only ever
   becomes a text node. */
'use strict';
(function () {

  var charts = window.cicadaCharts, html = charts.html, duration = charts.duration, grouped = charts.grouped;
  var token = new URLSearchParams(location.search).get('token') || '';
  var known = null; /* the whole as it is now */
  var source = null, armed = 0, stopping = false, stale = false;

  function byId(id) { return document.getElementById(id); }
  function fill(id, children) { var box = byId(id); box.replaceChildren.apply(box, children); return box; }
  function pair(seconds) {
    var whole = Math.round(seconds), s = whole % 60, m = Math.floor(whole / 60) % 60, h = Math.floor(whole / 3600);
    return (h ? h + ':' + ('0' + m).slice(-2) : m) + ':' + ('0' + s).slice(-2);
  }
  function perSecond(value) {
    return (value >= 100 ? grouped(value) : value >= 10 ? value.toFixed(1) : value.toFixed(2)) + '/s';
  }
  function isSure(count, fraction) { return count - Math.max(1, Math.ceil(fraction * count)) >= 10; }
  function percentile(count, fraction, ns) {
    if (!count) return html('span', {'class': 'none'}, ['\u2013']);
    return html('span', isSure(count, fraction) ? {} : {'class': 'unsure'}, [duration(ns)]);
  }

  /* ---- the parts ---- */

  function alertText(alert) { return alert[0].replace(/^alert /, ''); }

  function tile(name, value, note, mark) {
    var told = html('dd', mark ? {'class': mark} : {}, [value]);
    if (note) told.appendChild(html('small', {}, [note]));
    return html('div', {}, [html('dt', {}, [name]), told]);
  }
  function tilesOfSecond(second, phase) {
    return [
      phase.open ? tile('Arrivals', perSecond(second.arrivals), 'due') : tile('Users', grouped(second.users)),
      tile('Rate', perSecond(second.ok + second.failed), 'last second'),
      tile('p50', percentile(second.ok, 0.5, second.latency[0])),
      tile('p95', percentile(second.ok, 0.95, second.latency[1])),
      tile('p99', percentile(second.ok, 0.99, second.latency[2])),
      tile('Failed', grouped(second.failed), 'last second', second.failed ? 'bad' : ''),
      tile('In flight', grouped(second.in_flight), second.queued ? grouped(second.queued) + ' queued' : ''),
      tile('Connections', grouped(second.connections)),
      tile('Generator', charts.percent(second.cpu), 'its busiest worker', second.cpu > 0.8 ? 'warn' : '')
    ];
  }
  /* A dash where the sample is too small. */
  function tilesOfRun(end) {
    return [tile('Operations', grouped(end.finished)), tile('Rate', perSecond(end.rate), 'under load')]
      .concat(['p50', 'p95', 'p99'].map(function (name, i) {
        return tile(name, end.percentiles[i] === null ? '\u2013' : duration(end.percentiles[i]));
      }), [tile('Max', end.finished ? duration(end.max) : '\u2013'),
        tile('Failed', grouped(end.failed), charts.percent(end.error_rate), end.failed ? 'bad' : ''),
        end.users ? tile('Users', grouped(end.users), 'at the peak') : tile('Users', '\u2013'),
        tile('Lasted', pair(end.lasted_s))]);
  }
  function showTiles(state) {
    fill('tiles', state.end ? tilesOfRun(state.end) :
      state.second ? tilesOfSecond(state.second, state.phases[state.phase]) : []);
  }

  function loadOf(phase) {
    var unit = phase.open ? '/s' : phase.high === 1 ? ' user' : ' users';
    if (phase.high === 0) return 'no load';
    return (phase.low < phase.high ? charts.count(phase.low) + ' to ' : '') + charts.count(phase.high) + unit;
  }
  function figuresOf(phase) {
    var box = html('span', {'class': 'figures'});
    if (phase.status === 'running') {
      var left = phase.duration_s ? Math.max(0, phase.duration_s - phase.passed_s) : 0;
      return html('span', {'class': 'figures going'}, [
        html('progress', {max: 1, value: phase.share, 'aria-label': phase.name}),
        phase.duration_s ? pair(left) + ' left' : charts.percent(phase.share)]);
    }
    if (phase.status === 'waiting') {
      box.append(phase.duration_s ? pair(phase.duration_s) : phase.operations ? grouped(phase.operations) + ' operations' : '');
      return box;
    }
    if (phase.status === 'not run') { box.append('not run'); return box; }
    if (phase.high === 0) { box.append('over'); return box; }
    box.append(grouped(phase.finished) + ' operations, ' + perSecond(phase.rate));
    if (phase.p99) box.append(', p99 ' + duration(phase.p99));
    if (phase.failed) box.append(', ', html('span', {'class': 'bad'}, [grouped(phase.failed) + ' failed']));
    if (phase.status === 'cut short') box.append(', cut short');
    return box;
  }
  function showPhases(state) {
    fill('phases', state.phases.map(function (phase) {
      var row = html('li', {'data-status': phase.status}, [
        html('span', {'class': 'name'}, [phase.name]), html('span', {'class': 'load'}, [loadOf(phase)]), figuresOf(phase)]);
      if (phase.status === 'running') row.setAttribute('aria-current', 'step');
      return row;
    }));
  }

  function showAlerts(state) {
    fill('alerts', state.alerts.slice().reverse().map(function (alert) {
      return html('li', {'class': alert[2] === null && state.running ? 'on' : 'over'}, [alertText(alert)]);
    }));
    byId('no-alerts').hidden = state.alerts.length > 0;
    fill('notices', state.notices.map(function (text) { return html('li', {}, [text]); }));
    byId('notices-section').hidden = state.notices.length === 0;
  }

  function showErrors(state) {
    var errors = state.second ? state.second.errors.slice() : [];
    errors.sort(function (a, b) { return b[1] - a[1]; });
    fill('errors', errors.map(function (error) {
      return html('tr', {}, [html('th', {scope: 'row'}, [known.kinds[error[0]].replace(/_/g, ' ')]),
        html('td', {}, [grouped(error[1])]), html('td', error[2] ? {'class': 'bad'} : {}, [grouped(error[2])])]);
    }));
    byId('errors-frame').hidden = errors.length === 0;
    byId('no-errors').hidden = errors.length > 0;
  }

  function showTop(state) {
    var top = state.end ? state.end.top : state.second ? state.second.top : [];
    var several = top.some(function (one) { return one[0] !== top[0][0]; });
    byId('top-caption').textContent = state.end ? 'By p95 of the whole run' :
      'By p95 of the last ' + known.window_s + ' seconds, those without a success first';
    byId('of-target').hidden = !several;
    fill('top', top.map(function (one) {
      var ok = one[2], row = html('tr', {}, [html('th', {scope: 'row'}, [one[1]])]);
      if (several) row.appendChild(html('td', {'class': 'text'}, [one[0]]));
      row.append(html('td', {}, [grouped(ok + one[3])]), html('td', one[3] ? {'class': 'bad'} : {}, [grouped(one[3])]),
        html('td', {}, [percentile(ok, 0.5, one[4])]), html('td', {}, [percentile(ok, 0.95, one[5])]),
        html('td', {}, [ok ? duration(one[6]) : '\u2013']));
      return row;
    }));
    byId('top-frame').hidden = top.length === 0;
    byId('no-top').hidden = top.length > 0;
    byId('no-top').textContent = 'No operation has finished in this phase.';
  }

  function showCharts(state) {
    byId('no-points').hidden = known.points.length > 0;
    if (known.points.length === 0 || document.hidden) { stale = true; return; }
    stale = false;
    charts.show({
      step: known.step, divides: known.divides, kinds: known.kinds, self: known.self,
      phases: state.phases.filter(function (phase) { return phase.to_s > phase.from_s; })
        .map(function (phase) { return [phase.name, phase.from_s, phase.to_s]; }),
      alerts: state.alerts.map(function (alert) {
        return [alertText(alert), alert[1], alert[2] === null ? Math.ceil(state.elapsed_s) : alert[2]];
      }),
      watch: known.watch.map(function (points, i) { return {name: known.targets[i], points: points}; })
        .filter(function (watch) { return watch.points.length > 0; }),
      series: [{name: 'all targets', points: known.points}]
    });
  }

  /* ---- how it stands ---- */

  function setStatus(text, verdict) {
    var status = byId('status');
    if (status.textContent !== text) status.textContent = text;
    status.setAttribute('data-verdict', verdict);
  }
  function showStatus(state) {
    var end = state.end, second = state.second;
    byId('title').textContent = known.name + (known.repeat > 1 ? ', run ' + known.repetition + ' of ' + known.repeat : '');
    if (end) {
      setStatus(end.more ? 'ended, another follows' : 'ended', end.verdict);
      byId('told').textContent = end.summary + (end.path ? ' The result is in ' + end.path + '.' : '');
    } else if (state.running) {
      setStatus(stopping ? 'stopping' : second && second.draining ? 'draining' : 'running', 'information');
      byId('told').textContent = 'In ' + state.phases[state.phase].name + ', ' + pair(state.elapsed_s) + ' elapsed, ' +
        pair(state.left_s) + ' left.';
    } else
      setStatus('waiting', 'information');
    var button = byId('stop');
    button.disabled = stopping || !state.running;
    button.hidden = end !== null && !end.more;
    if (!armed) button.textContent = stopping && !end ? 'Stopping' : 'Stop the run';
    byId('kept').hidden = end === null || end.more;
    document.title = byId('status').textContent + ': ' + known.name + ' \u2013 cicada';
  }
  function show() {
    var state = known.state;
    [showStatus, showTiles, showPhases, showAlerts, showErrors, showTop, showCharts]
      .forEach(function (part) { part(state); });
  }

  /* ---- the stream ---- */

  /* Rows that begin with the same time stand for each other. */
  function update(list, rows) {
    rows.forEach(function (row) {
      var last = list[list.length - 1];
      if (last && last[0] === row[0]) list[list.length - 1] = row; else list.push(row);
    });
  }
  function trouble(text) {
    var box = byId('trouble');
    box.textContent = text;
    box.hidden = text === '';
  }
  function isOver() { return known && known.state.end && !known.state.end.more; }
  function takeWhole(event) {
    var before = known;
    known = JSON.parse(event.data);
    if (before && before.repetition !== known.repetition) stopping = false;
    trouble('');
    show();
  }
  function takeNews(event) {
    var news = JSON.parse(event.data);
    if (!known) return;
    update(known.points, news.points);
    update(known.self, news.self);
    news.watch.forEach(function (rows, i) { update(known.watch[i], rows); });
    known.state = news.state;
    show();
    if (isOver()) source.close();
  }
  function lost() {
    if (isOver()) { source.close(); return; }
    setStatus('no connection', 'fail');
    byId('stop').disabled = true;
    trouble('The connection to cicada is lost: what stands here is the last it said. It is tried again.');
  }
  function listen() {
    source = new EventSource('events?token=' + encodeURIComponent(token));
    source.addEventListener('whole', takeWhole);
    source.addEventListener('news', takeNews);
    source.addEventListener('error', lost);
  }

  /* ---- the button: once to arm it, once more to stop ---- */

  function disarm() {
    clearTimeout(armed);
    armed = 0;
    byId('stop').removeAttribute('data-armed');
  }
  function stop() {
    disarm();
    fetch('stop', {method: 'POST', headers: {Authorization: 'Bearer ' + token}}).then(function (answer) {
      if (answer.ok) { stopping = true; trouble(''); if (known) showStatus(known.state); return null; }
      return answer.text().then(function (text) { trouble('It was not stopped: ' + text); });
    }, function () { trouble('It was not stopped: cicada does not answer.'); });
  }
  byId('stop').addEventListener('click', function () {
    if (armed) { stop(); return; }
    byId('stop').setAttribute('data-armed', '');
    byId('stop').textContent = 'Press again to stop';
    armed = setTimeout(function () { disarm(); if (known) showStatus(known.state); }, 5000);
  });
  document.addEventListener('visibilitychange', function () {
    if (!document.hidden && stale && known) showCharts(known.state);
  });

  listen();
}());
