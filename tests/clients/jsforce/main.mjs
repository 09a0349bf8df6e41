// jsforce, the Salesforce client of the npm registry, does a day's work against the simulators. It was not written for
// them, so each step that it takes is one that Salesforce would have answered in the same way.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import jsforce from 'jsforce';

const simulated = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const { base_url: loginUrl, salesforce } = simulated;
const version = '62.0';
const redirectUri = 'https://integrations.example/callback';
const oauth2 = () => new jsforce.OAuth2({
  loginUrl,
  clientId: salesforce.client_id,
  clientSecret: salesforce.client_secret,
  redirectUri,
  useVerifier: true,
});

const steps = [];
const step = (name, work) => steps.push({ name, work });
const refused = (promise, errorCode) => assert.rejects(promise, (error) => {
  assert.equal(error.errorCode ?? error.name, errorCode, `${error.name}: ${error.message}`);
  return true;
});

// With the tokens that are printed, until the first step signs in by itself.
let connection = new jsforce.Connection({
  oauth2: oauth2(),
  version,
  instanceUrl: loginUrl,
  accessToken: salesforce.access_token,
  refreshToken: salesforce.refresh_token,
});

step('login: the web server flow, with a proof key', async () => {
  const app = oauth2();
  const sent = await fetch(app.getAuthorizationUrl({ scope: 'api refresh_token', state: 'round' }), { redirect: 'manual' });
  assert.equal(sent.status, 302, await sent.text());
  const back = new URL(sent.headers.get('location'));
  assert.equal(back.origin + back.pathname, redirectUri);
  assert.equal(back.searchParams.get('state'), 'round');
  const signedIn = new jsforce.Connection({ oauth2: app, version });
  const user = await signedIn.authorize(back.searchParams.get('code'));
  assert.match(user.organizationId, /^00D\w{15}$/);
  assert.ok(signedIn.accessToken && signedIn.refreshToken);
  const identity = await signedIn.identity();
  assert.equal(identity.user_id, user.id);
  assert.equal(identity.organization_id, user.organizationId);
  connection = signedIn;
});

step('a wrong secret is refused', async () => {
  const app = new jsforce.OAuth2({ loginUrl, clientId: salesforce.client_id, clientSecret: 'made-up-and-wrong', redirectUri });
  await assert.rejects(app.refreshToken(salesforce.refresh_token), { name: 'invalid_client' });
});

step('create, retrieve, update, delete', async () => {
  const made = await connection.sobject('Lead').create({ LastName: "O'Neil", Company: 'Lima & Söhne', Email: 'o.neil+demo@example.org' });
  assert.equal(made.success, true);
  assert.match(made.id, /^00Q\w{15}$/);
  const lead = await connection.sobject('Lead').retrieve(made.id);
  assert.equal(lead.LastName, "O'Neil");
  assert.equal(lead.Company, 'Lima & Söhne');
  assert.equal(lead.attributes.type, 'Lead');
  await connection.sobject('Lead').update({ Id: made.id, Title: 'Head of Ops' });
  assert.equal((await connection.sobject('Lead').retrieve(made.id)).Title, 'Head of Ops');
  const found = await connection.sobject('Lead').find({ Email: 'o.neil+demo@example.org' }, ['Id', 'Name', 'Owner.Name']);
  assert.deepEqual(found.map((row) => row.Id), [made.id]);
  assert.equal(typeof found[0].Owner.Name, 'string');
  await connection.sobject('Lead').delete(made.id);
  await refused(connection.sobject('Lead').retrieve(made.id), 'ENTITY_IS_DELETED').catch(() =>
    refused(connection.sobject('Lead').retrieve(made.id), 'NOT_FOUND'));
});

step('what is wrong is refused by its code', async () => {
  await refused(connection.sobject('Lead').create({ Company: 'Nobody' }), 'REQUIRED_FIELD_MISSING');
  await refused(connection.sobject('Lead').create({ LastName: 'L'.repeat(81), Company: 'C' }), 'STRING_TOO_LONG');
  await refused(connection.sobject('Lead').create({ LastName: 'L', Company: 'C', Email: 'not-an-address' }), 'INVALID_EMAIL_ADDRESS');
  await refused(connection.sobject('Lead').create({ LastName: 'L', Company: 'C', Nothing__c: 1 }), 'INVALID_FIELD');
  await refused(connection.query('SELECT Nothing FROM Lead'), 'INVALID_FIELD');
  await refused(connection.query('SELECT Id FROM Nothing'), 'INVALID_TYPE');
  await refused(connection.query('SELECT Id FROM'), 'MALFORMED_QUERY');
});

step('upsert by an external id, over a field made by the Tooling API', async () => {
  await connection.tooling.sobject('CustomField').create({
    FullName: 'Lead.Webinar_Key__c',
    Metadata: { type: 'Text', label: 'Webinar key', length: 40, externalId: true, unique: true },
  });
  const set = await connection.sobject('PermissionSet').create({ Name: 'Webinars', Label: 'Webinars' });
  await connection.sobject('FieldPermissions').create({
    SobjectType: 'Lead',
    Field: 'Lead.Webinar_Key__c',
    PermissionsRead: true,
    PermissionsEdit: true,
    ParentId: set.id,
  });
  const row = { Webinar_Key__c: 'key-1', LastName: 'Upserted', Company: 'C' };
  const first = await connection.sobject('Lead').upsert(row, 'Webinar_Key__c');
  assert.equal(first.success, true);
  const again = await connection.sobject('Lead').upsert({ ...row, LastName: 'Changed' }, 'Webinar_Key__c');
  assert.equal(again.success, true);
  const found = await connection.sobject('Lead').find({ Webinar_Key__c: row.Webinar_Key__c }, ['Id', 'LastName']);
  assert.deepEqual(found.map((lead) => [lead.Id, lead.LastName]), [[first.id, 'Changed']]);
});

step('collections: many records in one call', async () => {
  const rows = Array.from({ length: 450 }, (_, n) => ({ LastName: `Crowd ${String(n).padStart(4, '0')}`, Company: 'Crowd' }));
  const made = [];
  for (let from = 0; from < rows.length; from += 200) {
    made.push(...await connection.sobject('Lead').create(rows.slice(from, from + 200)));
  }
  assert.ok(made.every((result) => result.success && result.id));
  assert.equal(new Set(made.map((result) => result.id)).size, 450);
  // jsforce cuts into calls of 200 by itself, where it is let.
  const changed = await connection.sobject('Lead').update(
    made.map((result) => ({ Id: result.id, Title: 'In a crowd' })), { allowRecursive: true });
  assert.ok(changed.length === 450 && changed.every((result) => result.success));
  const some = made.slice(0, 3).map((result) => result.id);
  assert.deepEqual((await connection.sobject('Lead').retrieve(some)).map((lead) => lead.Id), some);

  const mixed = await connection.sobject('Lead').create([{ LastName: 'Good', Company: 'C' }, { Company: 'No name' }]);
  assert.deepEqual(mixed.map((result) => result.success), [true, false]);
  assert.equal(mixed[1].errors[0].statusCode ?? mixed[1].errors[0].errorCode, 'REQUIRED_FIELD_MISSING');
  const before = (await connection.query("SELECT COUNT() FROM Lead WHERE LastName = 'Rolled back'")).totalSize;
  const none = await connection.sobject('Lead').create([{ LastName: 'Rolled back', Company: 'C' }, { Company: 'No name' }], { allOrNone: true });
  assert.deepEqual(none.map((result) => result.success), [false, false]);
  assert.equal((await connection.query("SELECT COUNT() FROM Lead WHERE LastName = 'Rolled back'")).totalSize, before);

  const keyed = ['a', 'b', 'c'].map((key) => ({ Webinar_Key__c: key, LastName: `Keyed ${key}`, Company: 'C' }));
  assert.deepEqual((await connection.sobject('Lead').upsert(keyed, 'Webinar_Key__c')).map((r) => [r.success, r.created]), keyed.map(() => [true, true]));
  assert.deepEqual((await connection.sobject('Lead').upsert(keyed, 'Webinar_Key__c')).map((r) => [r.success, r.created]), keyed.map(() => [true, false]));
  const gone = await connection.sobject('Lead').destroy(some);
  assert.ok(gone.every((result) => result.success));
});

step('query: pages, counts, relations, ranges', async () => {
  const soql = "SELECT Id, LastName FROM Lead WHERE Company = 'Crowd' ORDER BY LastName";
  const all = await connection.query(soql, { autoFetch: true, maxFetch: 1000, headers: { 'Sforce-Query-Options': 'batchSize=200' } });
  assert.equal(all.totalSize, 447);
  const names = all.records.map((lead) => lead.LastName);
  assert.deepEqual(names, [...names].sort());
  assert.equal(new Set(names).size, 447);
  const page = await connection.query(soql, { headers: { 'Sforce-Query-Options': 'batchSize=200' } });
  assert.equal(page.done, false);
  assert.equal(page.records.length, 200);
  const rest = await connection.queryMore(page.nextRecordsUrl);
  assert.equal(rest.records.length, 200);
  assert.equal((await connection.query("SELECT COUNT() FROM Lead WHERE Company LIKE 'Crow%'")).totalSize, 447);
  const some = await connection.query(`${soql} LIMIT 5 OFFSET 10`);
  assert.deepEqual(some.records.map((lead) => lead.LastName), names.slice(10, 15));
  const deleted = await connection.query("SELECT Id FROM Lead WHERE Company = 'Crowd' AND IsDeleted = true", { scanAll: true });
  assert.equal(deleted.totalSize, 3);
  const built = await connection.sobject('Lead').find({ Company: 'Crowd', CreatedDate: { $gte: jsforce.SfDate.toDateTimeLiteral('2020-01-01T00:00:00Z') } }).select('Id').limit(3);
  assert.equal(built.length, 3);
});

step('campaign members: a status of its own, one row a person, and the members below their campaign', async () => {
  const campaign = await connection.sobject('Campaign').create({ Name: 'Product demo', IsActive: true });
  const status = await connection.sobject('CampaignMemberStatus').create({ CampaignId: campaign.id, Label: 'Attended live', HasResponded: true, SortOrder: 9 });
  assert.equal(status.success, true);
  const lead = (await connection.query("SELECT Id FROM Lead WHERE Company = 'Crowd' LIMIT 1")).records[0];
  const member = await connection.sobject('CampaignMember').create({ CampaignId: campaign.id, LeadId: lead.Id, Status: 'Attended live' });
  await refused(connection.sobject('CampaignMember').create({ CampaignId: campaign.id, LeadId: lead.Id }), 'DUPLICATE_VALUE');
  const row = await connection.sobject('CampaignMember').retrieve(member.id);
  assert.equal(row.HasResponded, true);
  const below = await connection.query(`SELECT Id, Name, (SELECT Id, Status FROM CampaignMembers) FROM Campaign WHERE Id = '${campaign.id}'`);
  assert.deepEqual(below.records[0].CampaignMembers.records.map((found) => [found.Id, found.Status]), [[member.id, 'Attended live']]);
});

step('composite: references between parts, and all or nothing', async () => {
  const base = `/services/data/v${version}`;
  const post = (compositeRequest, allOrNone = true) => connection.requestPost(`${base}/composite`, { allOrNone, compositeRequest });
  const done = await post([
    { method: 'POST', url: `${base}/sobjects/Account`, referenceId: 'account', body: { Name: 'Composite' } },
    { method: 'POST', url: `${base}/sobjects/Contact`, referenceId: 'contact', body: { LastName: 'Part', AccountId: '@{account.id}' } },
    { method: 'GET', url: `${base}/sobjects/Contact/@{contact.id}?fields=LastName,AccountId`, referenceId: 'read' },
    { method: 'GET', url: `${base}/query?q=SELECT+Id+FROM+Contact+WHERE+AccountId='@{account.id}'`, referenceId: 'found' },
  ]);
  assert.deepEqual(done.compositeResponse.map((part) => part.httpStatusCode), [201, 201, 200, 200]);
  const [account, contact, read, found] = done.compositeResponse.map((part) => part.body);
  assert.equal(read.AccountId, account.id);
  assert.equal(found.records[0].Id, contact.id);
  const halted = await post([
    { method: 'POST', url: `${base}/sobjects/Account`, referenceId: 'one', body: { Name: 'Never there' } },
    { method: 'POST', url: `${base}/sobjects/Contact`, referenceId: 'two', body: {} },
  ]);
  assert.equal(halted.compositeResponse[0].body[0].errorCode, 'PROCESSING_HALTED');
  assert.equal(halted.compositeResponse[1].body[0].errorCode, 'REQUIRED_FIELD_MISSING');
  assert.equal((await connection.query("SELECT COUNT() FROM Account WHERE Name = 'Never there'")).totalSize, 0);
});

step('describe and limits', async () => {
  const all = await connection.describeGlobal();
  const names = all.sobjects.map((object) => object.name);
  for (const name of ['Lead', 'Contact', 'Account', 'Campaign', 'CampaignMember', 'CampaignMemberStatus']) {
    assert.ok(names.includes(name), `${name} is not among ${names}`);
  }
  const lead = await connection.describe('Lead');
  assert.equal(lead.fields.find((field) => field.name === 'Webinar_Key__c').externalId, true);
  assert.equal(lead.fields.find((field) => field.name === 'LastName').length, 80);
  assert.ok(lead.fields.find((field) => field.name === 'Status').picklistValues.length > 0);
  const limits = await connection.limits();
  assert.ok(limits.DailyApiRequests.Max >= limits.DailyApiRequests.Remaining);
  assert.equal(connection.limitInfo.apiUsage.limit, limits.DailyApiRequests.Max);
  const versions = await connection.request('/services/data');
  assert.ok(versions.some((known) => known.version === version));
});

step('an expired token is refreshed by itself, once', async () => {
  let refreshed = 0;
  connection.on('refresh', (_accessToken, answer) => {
    refreshed += 1;
    // Each refresh token is good for one refresh, and to keep the next one is left to whoever uses jsforce.
    connection.refreshToken = answer.refresh_token ?? connection.refreshToken;
  });
  connection.accessToken = 'made-up-and-expired';
  assert.equal((await connection.query('SELECT COUNT() FROM Campaign')).done, true);
  assert.equal(refreshed, 1);
  assert.notEqual(connection.accessToken, 'made-up-and-expired');
});

step('logout: what was revoked opens nothing', async () => {
  const { accessToken, instanceUrl } = connection;
  await connection.logout(true);
  await refused(new jsforce.Connection({ accessToken, instanceUrl, version }).query('SELECT Id FROM Lead LIMIT 1'), 'INVALID_SESSION_ID');
});

let failed = 0;
for (const { name, work } of steps) {
  try {
    await work();
    console.log(`ok      ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}\n${error.stack}`);
  }
}
process.exitCode = failed === 0 ? 0 : 1;
