import { describe, expect, it } from 'vitest';
import { createDeepLinks, linkCommand, readDeepLink } from '../../../main/desktop/deep-links.ts';
import { seconds } from '../../../main/units.ts';
import { views } from '../../../preload/contract/desktop.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';

describe('a deep link', () => {
  it.each(views)('opens the view %s', (view) => {
    expect(readDeepLink(`lakepass://${view}`)).toBe(view);
    expect(readDeepLink(`lakepass://${view}/`)).toBe(view);
  });

  it.each([
    ['another scheme', 'https://grants'],
    ['no view', 'lakepass://'],
    ['a view there is not', 'lakepass://approve'],
    ['a path', 'lakepass://grants/revoke'],
    ['a question', 'lakepass://grants?id=1'],
    ['a fragment', 'lakepass://grants#x'],
    ['a person', 'lakepass://a:b@grants'],
    ['a port', 'lakepass://grants:80'],
    ['no slashes', 'lakepass:grants'],
    ['more slashes', 'lakepass:///grants'],
    ['capitals', 'LAKEPASS://GRANTS'],
    ['a newline', 'lakepass://grants\n'],
    ['a NUL', 'lakepass://grants\0'],
    ['an escape', 'lakepass://%67rants'],
    ['a name of every object', 'lakepass://constructor'],
    ['words before it', ' lakepass://grants'],
    ['length', `lakepass://${'g'.repeat(10_000)}`],
    ['no text at all', { toString: (): string => 'lakepass://grants' }],
    ['nothing', undefined],
  ])('with %s opens nothing', (_, link) => {
    expect(readDeepLink(link)).toBe(undefined);
  });

  it('is passed by the system behind a bare --, where nothing is an option', () => {
    expect(linkCommand).toEqual([process.execPath, ['--']]);
  });
});

describe('deep links', () => {
  const setUp = () => {
    const clock = fakeClock();
    const seen: string[] = [];
    const links = createDeepLinks({ clock, open: (view) => seen.push(view), refused: (reason) => seen.push(`refused ${reason}`) });
    return { clock, seen, links };
  };

  it('are followed once in two seconds, however often a page tries', async () => {
    const { clock, seen, links } = setUp();
    for (const view of ['grants', 'keys', 'home']) links.follow(`lakepass://${view}`);
    expect(seen).toEqual(['grants', 'refused link-rate', 'refused link-rate']);
    await clock.advance(seconds(2));
    links.follow('lakepass://keys');
    expect(seen.at(-1)).toBe('keys');
  });

  it('that are none are counted, and use up nothing', () => {
    const { seen, links } = setUp();
    links.follow('lakepass://approve?ask=1');
    links.follow('lakepass://grants');
    expect(seen).toEqual(['refused link', 'grants']);
  });
});
