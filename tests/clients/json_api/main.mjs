// kitsu, a JSON:API client of the npm registry, reads and writes Livestorm's simulator, played "busy_monday": no client of
// Livestorm's own is published, and whatever its API answers has to be JSON:API for a library that knows nothing of it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import Kitsu from 'kitsu';

const simulated = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const livestorm = new Kitsu({
  baseURL: `${simulated.base_url}/v1`,
  headers: { Authorization: simulated.livestorm_token },
  camelCaseTypes: false,
  resourceCase: 'none',
  pluralize: false,
});

const control = async (path, body) => {
  const answer = await fetch(`${simulated.base_url}/simulators/${path}`, { method: 'POST', body: JSON.stringify(body) });
  assert.equal(answer.status, 200, await answer.clone().text());
  return answer.json();
};
// Told to wait, it waits as long as it is told; the simulators' clock passes the time.
livestorm.interceptors.response.use(undefined, async (error) => {
  if (error.response?.status !== 429) throw error;
  const seconds = Number(error.response.headers['retry-after'] ?? 1);
  await control('clock', { move_by_seconds: seconds });
  return livestorm.axios.request(error.config);
});
const refused = (promise, status) => assert.rejects(promise, (error) => {
  assert.equal(error.response?.status, status, error.message);
  assert.ok((error.errors ?? error.response.data?.errors)?.length > 0, 'a refusal is a JSON:API error');
  return true;
});
// All pages, as the documentation tells: numbered from 0, until next_page is null.
const pages = async (path, params = {}) => {
  const rows = [];
  for (let number = 0, read = 0; number !== null; read += 1) {
    assert.ok(read < 50, `${path} does not end`);
    const answer = await livestorm.get(path, { params: { ...params, page: { number, size: 50 } } });
    rows.push(...answer.data);
    assert.equal(answer.meta.current_page, number);
    number = answer.meta.next_page;
  }
  return rows;
};

let sessions;

const steps = {
  'the day is played, and events come with their sessions': async () => {
    await control('clock', { move_by_seconds: 8000 });
    const events = await pages('events');
    assert.deepEqual(events.map((event) => event.title).sort(), ['Autumn launch', 'Pricing clinic']);
    assert.ok(events.every((event) => event.type === 'events' && typeof event.created_at === 'number'));
    const launch = events.find((event) => event.title === 'Autumn launch');
    const one = await livestorm.get(`events/${launch.id}`, { params: { include: 'sessions' } });
    assert.equal(one.data.id, launch.id);
    sessions = await pages(`events/${launch.id}/sessions`);
    assert.equal(sessions.length, 1);
    assert.equal(sessions[0].status, 'live');
  },
  'registrants, page by page': async () => {
    const people = await pages(`sessions/${sessions[0].id}/people`, { filter: { role: 'participant' } });
    assert.equal(people.length, 300);
    assert.equal(new Set(people.map((person) => person.id)).size, 300);
    const detail = people[0].registrant_detail;
    assert.equal(detail.session_id, sessions[0].id);
    assert.ok(detail.fields.some((field) => field.id === 'email'));
    const fewer = await pages(`sessions/${sessions[0].id}/people`, { filter: { email: people[7].email } });
    assert.deepEqual(fewer.map((person) => person.id), [people[7].id]);
  },
  'somebody is registered, found and taken off': async () => {
    const path = `sessions/${sessions[0].id}/people`;
    const email = 'api+one@example.org';
    const fields = [{ id: 'email', value: email }, { id: 'first_name', value: 'Ada' }, { id: 'last_name', value: 'One' }];
    const made = await livestorm.post(path, { type: 'people', fields, utm_source: 'kitsu' });
    assert.equal(made.status, 201);
    assert.equal(made.data.email, email);
    assert.equal(made.data.registrant_detail.registration_type, 'API');
    await control('clock', { move_by_seconds: 60 });
    const found = await pages(path, { filter: { email } });
    assert.deepEqual(found.map((person) => person.id), [made.data.id]);
    await refused(livestorm.post(path, { type: 'people', fields }), 409);
    await livestorm.delete(path, made.data.id);
    await control('clock', { move_by_seconds: 60 });
    assert.deepEqual(await pages(path, { filter: { email } }), []);
  },
  'a webhook is made, listed and deleted': async () => {
    const made = await livestorm.post('webhooks', { type: 'webhooks', url: 'https://integrations.example/hooks/1', event: 'people.registered' });
    assert.equal(made.status, 201);
    await control('clock', { move_by_seconds: 60 });
    assert.deepEqual((await pages('webhooks')).map((hook) => [hook.id, hook.event]), [[made.data.id, 'people.registered']]);
    await livestorm.delete('webhooks', made.data.id);
    await control('clock', { move_by_seconds: 60 });
    assert.deepEqual(await pages('webhooks'), []);
  },
  'what is wrong is refused in JSON:API': async () => {
    await refused(livestorm.get('sessions/00000000-0000-4000-8000-000000000000'), 404);
    const stranger = new Kitsu({ baseURL: `${simulated.base_url}/v1`, headers: { Authorization: 'made-up-and-wrong' } });
    await refused(stranger.get('events'), 401);
  },
};

let failed = 0;
for (const [name, work] of Object.entries(steps)) {
  try {
    await work();
    console.log(`ok      ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}\n${error.stack ?? JSON.stringify(error)}`);
  }
}
process.exitCode = failed === 0 ? 0 : 1;
