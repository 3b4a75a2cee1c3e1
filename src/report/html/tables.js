/* Sorts and filters the report's table of operations, and copies commands. */
'use strict';
(function () {

  function byId(id) { return document.getElementById(id); }
  function makeButton(text) {
    var button = document.createElement('button');
    button.type = 'button';
    button.textContent = text;
    return button;
  }

  /* ---- tables ---- */

  function sortKey(row, column) {
    var cell = row.cells[column];
    return cell.hasAttribute('data-sort') ? Number(cell.getAttribute('data-sort')) : cell.textContent.toLowerCase();
  }
  function sortBy(table, column, heading) {
    var body = table.tBodies[0], rows = Array.from(body.rows);
    var numeric = rows.length > 0 && typeof sortKey(rows[0], column) === 'number';
    var before = heading.getAttribute('aria-sort');
    var down = before ? before === 'ascending' : numeric;
    rows.sort(function (a, b) {
      var x = sortKey(a, column), y = sortKey(b, column);
      return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1);
    });
    Array.from(table.tHead.rows[0].cells).forEach(function (cell) { cell.removeAttribute('aria-sort'); });
    heading.setAttribute('aria-sort', down ? 'descending' : 'ascending');
    rows.forEach(function (row) { body.appendChild(row); });
  }
  function makeSortable(table) {
    Array.from(table.tHead.rows[0].cells).forEach(function (heading, column) {
      var button = makeButton(heading.textContent);
      heading.replaceChildren(button);
      button.addEventListener('click', function () { sortBy(table, column, heading); });
    });
  }
  function makeFilter(table) {
    var text = byId('filter'), failing = byId('failing'), rows = Array.from(table.tBodies[0].rows);
    function apply() {
      var wanted = text.value.trim().toLowerCase(), shown = 0;
      rows.forEach(function (row) {
        var words = Array.from(row.querySelectorAll('th, td.text')).map(function (cell) { return cell.textContent; });
        var fits = words.join('\n').toLowerCase().indexOf(wanted) >= 0 &&
          (!failing.checked || row.querySelector('td.bad') !== null);
        row.hidden = !fits;
        shown += fits ? 1 : 0;
      });
      byId('filtered').textContent = shown + ' of ' + rows.length + ' shown';
    }
    text.addEventListener('input', apply);
    failing.addEventListener('change', apply);
    document.querySelector('.filter').hidden = false;
    apply();
  }

  /* ---- commands ---- */

  function makeCopyButtons() {
    if (!navigator.clipboard) return;
    document.querySelectorAll('pre.command').forEach(function (block) {
      var button = makeButton('Copy');
      button.addEventListener('click', function () {
        navigator.clipboard.writeText(block.textContent).then(function () {
          button.textContent = 'Copied';
          setTimeout(function () { button.textContent = 'Copy'; }, 1500);
        });
      });
      var frame = document.createElement('div');
      frame.className = 'copy';
      block.replaceWith(frame);
      frame.append(block, button);
    });
  }

  if (byId('operations-table')) {
    makeSortable(byId('operations-table'));
    makeFilter(byId('operations-table'));
  }
  makeCopyButtons();
}());
