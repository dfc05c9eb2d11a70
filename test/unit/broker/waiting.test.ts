/** A person is asked: who is kept waiting for the answer, how, for how long, and what becomes of it. */
import { describe, expect, it } from 'vitest';
import { minutes, seconds } from '../../../main/units.ts';
import { no, openQuestion, yes } from '../../fakes/strict-gate.ts';
import { TOKEN_MARK } from '../../fakes/token-source.ts';
import { CURL, GO, JAVASCRIPT, openRoute, PYTHON } from './route.ts';

/** A gate that asks a person, and after that says yes. */
function asking() {
  const route = openRoute();
  const question = openQuestion();
  route.gate.says = question.leave;
  const approve = () => {
    route.gate.says = () => yes();
    question.answer();
  };
  const deny = () => {
    route.gate.says = () => no('CONSENT_DENIED');
    question.answer();
  };
  return { ...route, question, approve, deny };
}

const patient = [
  ['the Python SDK', PYTHON],
  ['the JavaScript SDK', JAVASCRIPT],
  ['a Python SDK that names itself', { userAgent: 'unknown/0.0.0 databricks-sdk-py/0.156.0 python/3.13.5', versionInLowerCase: false }],
] as const;
const impatient = [
  ['the Go SDK', GO],
  ['curl', CURL],
  ['a client that does not name itself', { userAgent: undefined, versionInLowerCase: false }],
  ['one that writes as JavaScript does and names itself', { userAgent: 'node', versionInLowerCase: true }],
  ['one that only mentions a patient one', { userAgent: 'my-tool/1 (not python-requests/2)', versionInLowerCase: false }],
  ['a relative of a patient one', { userAgent: 'xdatabricks-sdk-py/1', versionInLowerCase: false }],
] as const;

describe('a client that is known to wait', () => {
  it.each(patient)('(%s) gets spaces until a person has answered, and then its token', async (_, agent) => {
    const { ask, clock, approve } = asking();
    const asked = ask(agent);
    await clock.advance(seconds(25));
    expect(asked.answer).toBeUndefined();
    expect(asked.text).toMatch(/^HTTP\/1\.1 200 OK\r\nContent-Type: application\/json\r\nCache-Control: no-store\r\n/);
    expect(asked.text).not.toMatch(/content-length/i);
    approve();
    await clock.advance(0);
    expect(asked.answer?.json).toEqual({
      access_token: `${TOKEN_MARK}-1-sql`,
      token_type: 'Bearer',
      expires_on: clock.now() / 1000 + 300,
    });
    expect(asked.answer?.body).toMatch(/^ {6}\{/);
  });

  it('never waits ten seconds for the next byte', async () => {
    const { ask, clock } = asking();
    const { connection } = ask(PYTHON);
    const sent = () => connection.sent.length;
    for (let waited = 0; waited < 55; waited += 5) {
      const before = sent();
      await clock.advance(seconds(5));
      expect(sent()).toBeGreaterThan(before);
    }
  });

  it('gets its first byte in time, too, when the question only comes up behind a slow mint', async () => {
    const { ask, clock, gate, tokens } = openRoute();
    tokens.mode = 'slow';
    const asked = ask(PYTHON);
    await clock.advance(seconds(7));
    gate.says = openQuestion().leave;
    tokens.release();
    await clock.advance(seconds(1));
    expect(asked.text).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('gets no byte of a token before the record of it is written', async () => {
    const { ask, clock, approve } = asking();
    const asked = ask(PYTHON);
    await clock.advance(seconds(25));
    approve();
    await clock.advance(0);
    expect(asked.recordsBefore).toBe(1);
  });

  it('gets nothing of a token when that record cannot be written', async () => {
    const { ask, clock, approve, audit } = asking();
    const asked = ask(PYTHON);
    await clock.advance(seconds(25));
    audit.fail();
    approve();
    await clock.advance(0);
    expect(asked.answer?.json.error).toBe('AUDIT_UNWRITABLE');
    expect(asked.text).not.toContain(TOKEN_MARK);
  });

  it('gets an ordinary answer when the person approves at once', async () => {
    const { ask, clock, approve } = asking();
    const asked = ask(PYTHON);
    await clock.advance(seconds(3));
    approve();
    await clock.advance(0);
    expect(asked.answer?.headers).toMatch(/Content-Length: /);
    expect(asked.answer?.body).toMatch(/^\{/);
  });

  it('gets an ordinary answer when the person refuses at once', async () => {
    const { ask, clock, deny } = asking();
    const asked = ask(PYTHON);
    await clock.advance(seconds(3));
    deny();
    await clock.advance(0);
    expect(asked.answer).toMatchObject({ status: 403, json: { error: 'CONSENT_DENIED' } });
  });

  it('is told in JSON when it is denied late, and nothing of a token', async () => {
    const { ask, clock, deny, tokens, audit } = asking();
    const asked = ask(PYTHON);
    await clock.advance(seconds(12));
    deny();
    await clock.advance(0);
    expect(asked.answer).toMatchObject({ status: 200, json: { error: 'CONSENT_DENIED' } });
    expect(Object.keys(asked.answer?.json ?? {})).toEqual(['error', 'message', 'next']);
    expect(tokens.asked).toBe(0);
    expect(audit.of('token.refused').map(({ code }) => code)).toEqual(['CONSENT_DENIED']);
  });

  it('is refused after a minute in all; the question stays open', async () => {
    const { ask, clock, question } = asking();
    const asked = ask(PYTHON);
    await clock.advance(seconds(60) - 1);
    expect(asked.answer).toBeUndefined();
    await clock.advance(1);
    expect(asked.answer?.json.error).toBe('CONSENT_PENDING');
    expect(question.withdrawn).toBe(0);
    const bytes = asked.text.length;
    await clock.advance(minutes(10));
    expect(asked.text).toHaveLength(bytes);
    expect(clock.pending).toBe(0);
  });

  it('goes on being kept waiting while its token is minted, within the same minute', async () => {
    const { ask, clock, approve, tokens } = asking();
    tokens.mode = 'slow';
    const asked = ask(PYTHON);
    await clock.advance(seconds(55));
    approve();
    await clock.advance(seconds(5) - 1);
    expect(asked.answer).toBeUndefined();
    await clock.advance(1);
    expect(asked.answer?.json.error).toBe('DEADLINE_PASSED');
  });

  it('is given eight seconds for the mint, not what is left of the minute', async () => {
    const { ask, clock, approve, tokens } = asking();
    tokens.mode = 'slow';
    const asked = ask(PYTHON);
    await clock.advance(seconds(2));
    approve();
    await clock.advance(seconds(8));
    expect(asked.answer?.json.error).toBe('DEADLINE_PASSED');
  });

  it('waits eight seconds like any other for a token that nobody is asked about', async () => {
    const { ask, clock, tokens } = openRoute();
    tokens.mode = 'slow';
    const asked = ask(PYTHON);
    await clock.advance(seconds(8));
    expect(asked.answer).toMatchObject({ status: 503, json: { error: 'DEADLINE_PASSED' } });
  });
});

describe('any other client', () => {
  it.each(impatient)('(%s) is refused after eight seconds; the question stays open', async (_, agent) => {
    const { ask, clock, question } = asking();
    const asked = ask(agent);
    await clock.advance(seconds(8) - 1);
    expect(asked.text).toBe('');
    await clock.advance(1);
    expect(asked.answer).toMatchObject({ status: 403, json: { error: 'CONSENT_PENDING' } });
    expect(question.withdrawn).toBe(0);
  });

  it('gets its token when the person answers before that', async () => {
    const { ask, clock, approve, gate } = asking();
    const asked = ask(GO);
    await clock.advance(seconds(7));
    approve();
    await clock.advance(0);
    expect(asked.answer).toMatchObject({ status: 200 });
    expect(asked.answer?.body).toMatch(/^\{/);
    expect(gate.usedFor).toHaveLength(1);
  });

  it('has eight seconds in all, mint and question together', async () => {
    const { ask, clock, approve, tokens } = asking();
    tokens.mode = 'slow';
    const asked = ask(GO);
    await clock.advance(seconds(7));
    approve();
    await clock.advance(seconds(1));
    expect(asked.answer?.json.error).toBe('DEADLINE_PASSED');
  });
});

describe('a question', () => {
  it.each([
    ['the Python SDK', PYTHON],
    ['curl', CURL],
  ])('is withdrawn when %s hangs up, and nothing more is sent, refused or asked', async (_, agent) => {
    const { ask, clock, question, gate, refused } = asking();
    const asked = ask(agent);
    await clock.advance(seconds(6));
    const bytes = asked.text.length;
    await asked.hangUp();
    await clock.advance(minutes(2));
    expect(question.withdrawn).toBe(1);
    expect(asked.text).toHaveLength(bytes);
    expect(gate.asked).toHaveLength(1);
    expect(refused).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('does not outlive its grant: approving it afterwards hands out nothing', async () => {
    const { ask, clock, approve, end, gate } = asking();
    const asked = ask(PYTHON);
    await clock.advance(seconds(12));
    end('revoked');
    approve();
    await clock.advance(0);
    expect(asked.answer?.json.error).toBe('GRANT_REVOKED');
    expect(asked.text).not.toContain(TOKEN_MARK);
    expect(gate.asked).toHaveLength(1);
  });

  it('may raise another, but no request is asked about more than three times', async () => {
    const { ask, clock, gate } = openRoute();
    const questions = Array.from({ length: 4 }, () => openQuestion());
    gate.says = () => questions[gate.asked.length - 1]?.leave() ?? yes();
    const asked = ask(PYTHON);
    for (const { answer } of questions.slice(0, 3)) {
      expect(asked.answer).toBeUndefined();
      answer();
      await clock.advance(0);
    }
    expect(asked.answer?.json.error).toBe('CONSENT_PENDING');
    expect(gate.asked).toHaveLength(4);
    expect(gate.usedFor).toEqual([]);
  });

  it('that is over has the token minted anew, whatever was minted before it', async () => {
    const { ask, clock, gate, tokens } = openRoute();
    const question = openQuestion();
    tokens.mode = 'mint';
    gate.says = () => (gate.asked.length === 2 ? question.leave() : yes());
    const asked = ask(PYTHON);
    await clock.advance(seconds(1));
    question.answer();
    await clock.advance(0);
    expect(asked.answer?.status).toBe(200);
    expect(tokens.asked).toBe(3);
  });

  it('is put for fifteen hundred requests of a grant and withdrawn for the next, which finds the door busy', async () => {
    const { ask, clock, question, approve } = asking();
    const waiting = Array.from({ length: 1500 }, () => ask(GO));
    expect(ask(GO).answer?.json.error).toBe('DOOR_BUSY');
    expect(question.withdrawn).toBe(1);
    approve();
    await clock.advance(0);
    expect(waiting.filter(({ answer }) => answer?.status !== 200)).toEqual([]);
    expect(ask(GO).answer?.status).toBe(200);
  });
});
