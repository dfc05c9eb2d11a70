import { describe, expect, it } from 'vitest';
import { eventShapes } from '../../../main/audit/fields.ts';
import { kindOf } from '../../../main/audit/kinds.ts';
import { activityKinds } from '../../../preload/contract/activity.ts';

describe('the group of an event', () => {
  it('is one of the contract’s for every event there is, and none of them is empty', () => {
    const found = new Set(Object.keys(eventShapes).map(kindOf));
    expect([...found].sort()).toEqual([...activityKinds].sort());
  });

  it.each(['token.copied', '', 'constructor', '__proto__', 'toString', 'TOKEN.SERVED'])(
    'of an event that this version does not know (%j) is agent',
    (type) => {
      expect(kindOf(type)).toBe('agent');
    },
  );
});
