/** How screens are looked at: with all they have to show, and in colours that are the person's own. */
import type { Page } from '@playwright/test';
import type { Stage } from './ui-stage.ts';

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });

/** Everything a screen can unfold is unfolded. */
export const unfold: Readonly<Record<string, (page: Page, stage: Stage) => Promise<unknown>>> = {
  async Activity(page) {
    await page.getByText('You touched a key, and it counted.').first().click();
    await button(page, 'Verify the log').click();
    await page.getByText('The log is whole').waitFor();
  },
  async Policy(page, stage) {
    stage.agent.answers.policy.policy.mode = 'observe';
    stage.agent.update(() => undefined);
    await page.getByText('This policy only observes').waitFor();
    for (const why of await page.locator('summary', { hasText: 'Why' }).all()) await why.click();
    await button(page, 'Ask the policy').click();
    await page.getByRole('region', { name: 'The answer' }).waitFor();
  },
  Doctor: (page) => page.getByText('KEYCHAIN_LOCKED').waitFor(),
  async Settings(page, stage) {
    stage.agent.update(({ preferences, status }) => {
      preferences.startAtLogin = false;
      status.lock.sealing = 'keychain';
    });
    await page.getByRole('switch').waitFor();
    await page.getByText('lakepass seal passphrase').waitFor();
  },
};

/**
 * Run in a page with forced colours: what cannot be seen there. Backgrounds count for nothing, for the browser has taken them away.
 * Every element that Tab reaches has to get an outline that it does not have otherwise; what is chosen has to differ from its neighbour
 * by more than its ground; each stroke and bar of a drawing has to differ from the page, and the two strokes of a ring from each other.
 */
export const unseenInForcedColours = `(() => {
  const unseen = [];
  const name = (element) => element.tagName.toLowerCase() + ' ' + (element.getAttribute('aria-label') ?? element.textContent ?? '').trim().slice(0, 40);
  const isVisible = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && element.getClientRects().length > 0;
  const ground = getComputedStyle(document.body).backgroundColor;
  const canvas = (() => {
    const probe = document.body.appendChild(document.createElement('i'));
    probe.style.cssText = 'forced-color-adjust: none; color: Canvas';
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  })();
  const outlineOf = (element) => {
    const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(element);
    return outlineStyle === 'none' || Number.parseFloat(outlineWidth) < 2 || outlineColor === canvas ? '' : [outlineStyle, outlineWidth, outlineColor].join(' ');
  };
  // An input that is spread over its label shows the focus by the label.
  const shower = (element) => (element.matches('input') && getComputedStyle(element).opacity === '0' ? element.closest('label') : element);
  const reached = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')].filter(
    (element) => !element.disabled && element.tabIndex >= 0 && element.checkVisibility() && element.getAttribute('aria-hidden') !== 'true',
  );
  if (reached.length < 9) unseen.push('only ' + reached.length + ' elements can have the focus');
  for (const element of reached) {
    document.activeElement?.blur();
    const shows = shower(element) ?? element;
    const before = outlineOf(shows);
    element.focus({ focusVisible: true });
    if (document.activeElement !== element) continue;
    const after = outlineOf(shows);
    if (after === '' || after === before) unseen.push('no focus: ' + name(shows));
  }
  document.activeElement?.blur();

  const looks = (element) => {
    const style = getComputedStyle(element);
    return [style.outlineStyle, style.borderTopWidth, style.borderTopStyle, style.fontWeight, style.textDecorationLine].join(' ');
  };
  const chosen = '[aria-current="page"], [aria-selected="true"], [aria-pressed="true"], input:checked';
  for (const element of document.querySelectorAll(chosen)) {
    const box = shower(element) ?? element;
    // One that the browser draws itself shows its mark.
    if (box === element && element.matches('input')) continue;
    const others = [...document.querySelectorAll(box.tagName + '.' + CSS.escape(box.classList[0]))].filter(
      (other) => other !== box && !other.matches(chosen) && other.querySelector(chosen) === null,
    );
    if (others.length === 0) continue;
    if (others.some((other) => looks(other) === looks(box))) unseen.push('chosen by its ground alone: ' + name(box));
  }
  for (const element of document.querySelectorAll('[role="switch"]')) {
    const [thumb] = element.children;
    const place = thumb.getBoundingClientRect().left - element.getBoundingClientRect().left;
    const isRight = place > element.getBoundingClientRect().width / 3;
    if (isRight !== (element.getAttribute('aria-checked') === 'true')) unseen.push('a switch whose thumb is in the wrong place');
    if (getComputedStyle(element).backgroundColor === getComputedStyle(thumb).backgroundColor) unseen.push('a switch without a thumb');
  }

  const colour = (element, property) => getComputedStyle(element)[property];
  for (const ring of document.querySelectorAll('[role="img"] svg')) {
    const strokes = [...ring.querySelectorAll('circle')].map((circle) => colour(circle, 'stroke'));
    if (strokes.length < 2 || strokes.some((stroke) => stroke === canvas || stroke === 'none') || strokes[0] === strokes[1]) unseen.push('a ring of ' + strokes.join(', '));
  }
  const fills = new Map();
  for (const bar of document.querySelectorAll('.recharts-bar')) {
    const path = bar.querySelector('path');
    if (path === null) continue;
    const fill = colour(path, 'fill');
    if (fill === canvas || fill === ground || fill === 'none') unseen.push('a bar as the ground');
    const chart = bar.closest('svg');
    fills.set(chart, [...(fills.get(chart) ?? []), fill]);
  }
  for (const [, ofChart] of fills) if (new Set(ofChart).size !== ofChart.length) unseen.push('bars of one colour: ' + ofChart.join(', '));
  for (const curve of document.querySelectorAll('.recharts-line-curve')) if (colour(curve, 'stroke') === canvas) unseen.push('a line as the ground');
  return unseen;
})()`;
