/** What a tap is called in the audit log: words of ours, whatever was shown. */
import { z } from 'zod';
import { purposes } from '../../preload/contract/consent.ts';

const boundSchema = z.object({ kind: z.string().optional(), ask: z.object({ id: z.string(), purpose: z.string() }).optional() });
/** Ceremonies that are no request of the queue, in the queue's own words. */
const purposeOfKind: Record<string, string> = { enrol: 'key-add', remove: 'key-remove', seal: 'seal', unlock: 'unlock' };

/** @param bound what the person is shown; its `kind`, or `ask.purpose` and `ask.id`, name the tap */
export function namesOf(bound: unknown): { purpose: string; ask: string } {
  const { data } = boundSchema.safeParse(bound);
  const purpose = data?.ask?.purpose ?? purposeOfKind[data?.kind ?? ''];
  return { purpose: purposes.find((known) => known === purpose) ?? 'other', ask: data?.ask?.id ?? '' };
}
