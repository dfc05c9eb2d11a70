/** Answers of the agent, as the screens that ask for them see them, and the settings in words. */
import { describe, expect, it } from 'vitest';
import { choicesOf, settingNames } from '../../../main/enroll/settings.ts';
import { lengthText } from '../../../main/profile/length-of-time.ts';
import { failureTexts } from '../../../preload/contract/failure.ts';
import type { SettingView } from '../../../preload/contract/settings.ts';
import { answerOf } from '../../../renderer/door/answer.ts';
import { Refused, Unreachable } from '../../../renderer/door/call.ts';
import { isFixed, isLength, settingBy, settingName, settingValue } from '../../../renderer/settings/setting-words.ts';

const fetched = { data: undefined, error: null, isFetching: true, refetch: () => undefined };
const locked = new Refused({ code: 'LOCKED', ...failureTexts.LOCKED });

describe('an answer', () => {
  it('is awaited until it is there or failed', () => {
    expect(answerOf(fetched)).toEqual({ phase: 'loading' });
  });

  it('that failed says how, and can be asked for again', () => {
    let asked = 0;
    const answer = answerOf({ ...fetched, error: locked, isFetching: false, refetch: () => asked++ });
    expect(answer).toMatchObject({ phase: 'failed', failure: { code: 'LOCKED' } });
    if (answer.phase === 'failed') answer.retry();
    expect(asked).toBe(1);
  });

  it('that is there stays when it cannot be brought up to date, and says so', () => {
    const old = { limits: 1 };
    expect(answerOf({ ...fetched, data: old })).toMatchObject({ phase: 'ready', value: old, failure: null });
    expect(answerOf({ ...fetched, data: old, error: new Unreachable('gone') })).toMatchObject({
      phase: 'ready',
      value: old,
      failure: { code: 'AGENT_NOT_RUNNING' },
    });
  });
});

describe('a setting of the device', () => {
  const setting = (changes: Partial<SettingView> = {}): SettingView => ({
    ...{ name: 'lease', means: 'How long.', value: '5 min', by: 'it', mode: 'userMayTighten', ofIt: '5 min', choices: null },
    ...changes,
  });

  it('has words for every name and every value that is not a length', () => {
    expect(settingNames.filter((name) => settingName(name) === name)).toEqual([]);
    // The others are shown by controls that have words of their own.
    const listed = settingNames.filter((name) => name !== 'theme' && name !== 'startAtLogin').flatMap((name) => choicesOf(name) ?? []);
    expect([...new Set(listed.filter((value) => settingValue(value) === value))]).toEqual(['allowed', 'forbidden']);
  });

  it('of a later agent is named as it is, and never by what every object has', () => {
    expect([settingName('moonPhase'), settingName('toString'), settingValue('constructor')]).toEqual([
      'moonPhase',
      'toString',
      'constructor',
    ]);
  });

  it.each<[string, Partial<SettingView>, string]>([
    ['nobody’s', { value: null, by: null, mode: null, ofIt: null }, 'Not set here'],
    ['the person’s alone', { by: 'person', mode: null, ofIt: null }, 'By you'],
    ['locked', { mode: 'locked' }, 'Locked by Acme'],
    ['a start value', { mode: 'default' }, 'Set by Acme, until you change it'],
    ['another than the start value', { by: 'person', mode: 'default', value: '1 min' }, 'By you; Acme begins with 5 min'],
    ['IT’s, to be made stricter', {}, 'Set by Acme; you may make it stricter'],
    ['made stricter', { by: 'person', value: '1 min' }, 'By you; Acme wants 5 min or stricter'],
  ])('that is %s says so', (_, changes, words) => {
    expect(settingBy(setting(changes), 'Acme')).toBe(words);
  });

  it.each<[string, Partial<SettingView>, boolean]>([
    ['locked', { mode: 'locked' }, true],
    ['as strict as it gets', { choices: ['forbidden'] }, true],
    ['one of several', { choices: ['allowed', 'forbidden'] }, false],
    ['a length', {}, false],
  ])('that is %s is offered only where something else would hold', (_, changes, fixed) => {
    expect(isFixed(setting(changes))).toBe(fixed);
  });

  it.each(['', '0 h', '8', '8 hours', '-1 h', '1e3 s', '8 h\n', '１ h'])('is no length of time: %j', (text) => {
    expect([isLength(text), lengthText.safeParse(text).success]).toEqual([false, false]);
  });
  it.each(['90 s', '15min', '8 h', '30 d'])('is a length of time: %j', (text) => {
    expect([isLength(text), lengthText.safeParse(text).success]).toEqual([true, true]);
  });
});
