// What a page of ours must keep to. Each runs within the page, as text: it sees nothing but its arguments.

// What axe finds, also in what is folded: everything is opened before.
export async function violations() {
  document.querySelectorAll('details').forEach((one) => { one.open = true; });
  const { violations, passes } = await window.axe.run(document, { resultTypes: ['violations', 'passes'] });
  if (passes.length < 10) return [`axe applied ${passes.length} rules only`];
  return violations.flatMap(({ id, nodes }) => nodes.map((one) => `${id}: ${one.target} ${one.failureSummary}`));
}

// Text that is cut or lies over other text, what is wider than the window, and charts that show nothing.
export function layout() {
  const problems = [], wide = document.documentElement;
  if (wide.scrollWidth > wide.clientWidth)
    problems.push(`the page is ${wide.scrollWidth} wide in a window of ${wide.clientWidth}`);
  const visible = (element) => element.checkVisibility() && element.getBoundingClientRect().width > 1;
  const frames = '.scroll, pre, .skip';
  for (const element of document.querySelectorAll('main *, header *, footer *')) {
    if (!visible(element) || element.closest(frames) || element.closest('svg')) continue;
    const box = element.getBoundingClientRect();
    if (box.right > wide.clientWidth + 1 || box.left < -1)
      problems.push(`${element.tagName} reaches out of the window: ${element.textContent.slice(0, 40)}`);
    const style = getComputedStyle(element);
    if (style.overflowX === 'hidden' && element.scrollWidth > element.clientWidth + 1)
      problems.push(`${element.tagName} cuts its text: ${element.textContent.slice(0, 40)}`);
  }
  for (const figure of document.querySelectorAll('main figure')) {
    const title = figure.querySelector('h3').textContent, svg = figure.querySelector(':scope > svg');
    if (!svg) {
      if (!figure.querySelector('.empty')?.textContent) problems.push(`${title}: neither a chart nor a word`);
      continue;
    }
    const drawn = [...svg.querySelectorAll('path, rect.bar, rect.heat, circle')].filter((mark) => {
      const { width, height } = mark.getBBox();
      return width > 0.5 || height > 0.5;
    });
    if (!drawn.length) problems.push(`${title}: an empty chart`);
    if (/NaN|Infinity|undefined/.test(svg.outerHTML)) problems.push(`${title}: a mark that has no place`);
    const edge = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll('text')].map((text) => [text.textContent, text.getBoundingClientRect()]);
    texts.forEach(([text, box], i) => {
      if (box.left < edge.left - 1 || box.right > edge.right + 1 || box.top < edge.top - 1 || box.bottom > edge.bottom + 1)
        problems.push(`${title}: "${text}" is cut`);
      texts.slice(i + 1).forEach(([other, at]) => {
        const over = Math.min(box.right, at.right) - Math.max(box.left, at.left);
        const under = Math.min(box.bottom, at.bottom) - Math.max(box.top, at.top);
        if (over > 1 && under > 3) problems.push(`${title}: "${text}" lies over "${other}"`);
      });
    });
  }
  return problems;
}
