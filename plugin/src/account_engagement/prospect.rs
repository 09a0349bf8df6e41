//! A registrant as a prospect, and our memory of the person (`person/<email>` of the key `people`).
//!
//! Promises: one prospect an address, also while reads lag behind our own writes; its source campaign is the one of the first
//! registration handled and is never written again; of several the most recently active is written (S2-20, S2-73, S2-74).
//! Who stands there with capitals is found by every spelling that anybody told us. Not here: list and activity.

use super::{
    Written,
    calls::{PROSPECTS, UPDATE_PROSPECT, UPSERT_PROSPECT},
    errors::{ApiError, Verdict, field_meant},
    id_of, id_value, query, written,
};
use crate::{
    calendar,
    call::{ACCOUNT_ENGAGEMENT, PLACEHOLDER},
    domain::email::Email,
    host::{Action, DAY, Entry, HttpError, Instant, MINUTE, Subject},
    json,
    mapping::{
        self,
        newest::{self, Fields, Known as Standing, News},
        target_field::{self, Kind, Object},
    },
    plain::{from_text, to_text},
    stop::{Doing, Stop},
    text,
    values::Values,
    work::Work,
};
use serde_json::Value;

/// Reads lag 60 seconds behind; twice that is sure.
const TRUSTED: u64 = 2 * MINUTE;

/// What we remember of a person.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Person {
    prospect: Option<Known>,
    /// Set before a prospect is made, so that a second attempt writes the same source campaign.
    source_campaign: Option<String>,
    fields: Fields,
    /// Mapped fields that had somebody else's value when the prospect was last read.
    theirs: Option<Vec<String>>,
    /// What was about to be written when no answer came: if it stands there at the next look, it is of our writing.
    tried: Option<Fields>,
    /// The address as it stands on the prospect, where that is not in lower case: a look-up may have regard to case.
    spelled: Option<String>,
}

plain!(Person { prospect, source_campaign, fields, theirs, tried, spelled });

#[derive(Clone, Debug, PartialEq)]
struct Known {
    id: String,
    /// Set where we made it.
    made_at: Option<Instant>,
    looked_up_at: Instant,
    /// That look-up saw several with the address.
    several: bool,
}

plain!(Known { id, made_at, looked_up_at, several });

impl Known {
    fn is_young(&self, now: Instant) -> bool {
        self.made_at.is_some_and(|at| now < at + TRUSTED)
    }
}

pub fn state_key(email: &Email) -> String {
    text::state_key("person", &[email.as_str()])
}

/// What a task says of the person.
pub struct Wanted<'a> {
    pub email: &'a Email,
    /// As it was typed, where that is another spelling.
    pub typed: Option<&'a str>,
    pub news: Vec<News<'a>>,
    /// The source campaign, should the prospect have to be made.
    pub campaign: &'a str,
    /// The person's registration was told before, so the prospect found then may be taken without a look-up (RULES 17).
    pub is_known: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    pub id: String,
    /// The address as it stands on the prospect: an activity finds the prospect by it.
    pub address: String,
    pub is_young: bool,
}

/// The prospect of this person, with the news written. `gone`: ids that are there no more.
pub async fn ensure(work: &Work<'_>, wanted: &Wanted<'_>, gone: &mut Vec<String>) -> Result<Chosen, Stop> {
    let key = state_key(wanted.email);
    let doing = Doing { what: "write the prospect", whom: wanted.email.as_str() };
    let mut person = remembered(work, &key, &doing)?;
    loop {
        let now = work.now();
        let is_sure = |known: &Known| known.is_young(now) || wanted.is_known && !known.several;
        let sure = person.prospect.clone().filter(|known| is_sure(known) && !gone.contains(&known.id));
        let (id, standing) = match sure {
            Some(known) => (known.id, None),
            None => match find(work, wanted, &person, gone, &doing).await? {
                Some(found) => {
                    person.spelled = found.spelled;
                    // Made by us, whatever a look-up says later.
                    let made_at = person.prospect.filter(|known| known.id == found.id).and_then(|known| known.made_at);
                    let looked_up_at = work.now();
                    person.prospect =
                        Some(Known { id: found.id.clone(), made_at, looked_up_at, several: found.several });
                    person.source_campaign = None;
                    let fields = mapping::fields(&work.settings.mapping, Object::Prospect);
                    for held in person.tried.take().unwrap_or_default() {
                        if found.values.get(&held.field).map(String::as_str) == held.text() {
                            newest::hold(&mut person.fields, &held.field.clone(), Some(held));
                        }
                    }
                    let theirs = newest::theirs(&person.fields, &found.values, &found.unread, &fields);
                    person.theirs = (!theirs.is_empty()).then_some(theirs);
                    (found.id, Some((found.values, found.unread)))
                }
                None => match create(work, wanted, &mut person, &key, &doing).await? {
                    Some(chosen) => return Ok(chosen),
                    // Code 9 or 54: somebody else made it at this moment.
                    None => {
                        return Err(
                            doing.later(work.now() + MINUTE, "somebody else made the prospect at the same moment")
                        );
                    }
                },
            },
        };
        match update(work, wanted, &mut person, &key, &id, standing.as_ref(), &doing).await? {
            None => {
                let is_young = person.prospect.as_ref().is_some_and(|known| known.is_young(work.now()));
                let address = person.spelled.unwrap_or_else(|| wanted.email.to_string());
                return Ok(Chosen { id, address, is_young });
            }
            Some(error) if !gone.is_empty() => return Err(error.stop(work.now(), &doing)),
            Some(_) => {
                gone.push(id);
                person.prospect = None;
            }
        }
    }
}

/// A prospect was read whose address is spelled so: a later look-up finds it by that. Nothing where it is in lower case, which
/// every look-up asks for.
pub fn note_spelling(work: &Work<'_>, email: &Email, spelled: &str, doing: &Doing<'_>) -> Result<(), Stop> {
    if spelled != email.as_str() {
        let key = state_key(email);
        let person = Person { spelled: Some(spelled.into()), ..remembered(work, &key, doing)? };
        remember(work, &key, &person, email);
    }
    Ok(())
}

fn remembered(work: &Work<'_>, key: &str, doing: &Doing<'_>) -> Result<Person, Stop> {
    let Some(value) = work.host.get(key) else { return Ok(Person::default()) };
    from_text(&value).map_err(|error| doing.bug(&format!("What is remembered of the person cannot be read ({error})")))
}

fn remember(work: &Work<'_>, key: &str, person: &Person, email: &Email) {
    let value = to_text(person);
    let entry = Entry { key: key.into(), value, subject: Some(Subject::person(email.as_str())) };
    if work.host.get(key).as_ref() != Some(&entry.value) {
        work.host.set(entry);
    }
}

struct Found {
    id: String,
    /// As in [`Person`].
    spelled: Option<String>,
    several: bool,
    values: Values,
    /// Fields that a query cannot show.
    unread: Vec<String>,
}

/// Fields that a query has refused, until they are tried again.
#[derive(Debug, Default)]
struct Unread {
    until: Instant,
    fields: Vec<String>,
}

plain!(Unread { until, fields });

const UNREAD_KEY: &str = "unread";

/// By the address as the prospect had it last, as it was typed, and in lower case, until somebody is found: a query takes one
/// address, and where it has regard to case, nobody with another spelling is shown. Who stands there in a spelling that nobody told
/// us cannot be found by any query.
async fn find(
    work: &Work<'_>,
    wanted: &Wanted<'_>,
    person: &Person,
    gone: &[String],
    doing: &Doing<'_>,
) -> Result<Option<Found>, Stop> {
    let mut asked: Vec<&str> = Vec::new();
    let lower = wanted.email.as_str();
    let known = person.spelled.as_deref().or(person.prospect.as_ref().map(|_| lower));
    for address in known.into_iter().chain(wanted.typed).chain([lower]) {
        if asked.contains(&address) {
            continue;
        }
        asked.push(address);
        if let Some(found) = look_up(work, address, wanted.email, gone, doing).await? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// A field that holds several values cannot be queried (code 224), and one that does not exist neither: asked for without it.
async fn look_up(
    work: &Work<'_>,
    address: &str,
    email: &Email,
    gone: &[String],
    doing: &Doing<'_>,
) -> Result<Option<Found>, Stop> {
    let mapped = mapping::fields(&work.settings.mapping, Object::Prospect);
    let noted = work.host.get(UNREAD_KEY).and_then(|text| from_text::<Unread>(&text).ok());
    let mut unread = noted.filter(|noted| work.now() < noted.until).map(|noted| noted.fields).unwrap_or_default();
    loop {
        let asked: Vec<&str> = mapped.iter().copied().filter(|field| !unread.iter().any(|u| u == field)).collect();
        let fields = [vec!["id", "email"], asked.clone(), vec!["lastActivityAt", "updatedAt"]].concat().join(",");
        let filter = [("email", address), ("orderBy", "lastActivityAt DESC"), ("limit", "200")];
        match query(work, &PROSPECTS, &fields, &filter, 1, doing).await? {
            Ok(rows) => return Ok(most_recently_active(&rows, email, gone, &asked, unread)),
            Err(error) if error.verdict() == Verdict::DropField && !asked.is_empty() => {
                match field_meant(&error, &asked) {
                    Some(field) => unread.push(field),
                    // Which is meant is not said: standard fields can be queried.
                    None if asked.iter().any(|field| target_field::is_custom(field)) => {
                        let custom = asked.iter().filter(|field| target_field::is_custom(field));
                        unread.extend(custom.map(|field| field.to_string()));
                    }
                    None => return Err(error.stop(work.now(), doing)),
                }
                let value = to_text(&Unread { until: work.now() + DAY, fields: unread.clone() });
                work.host.set(Entry { key: UNREAD_KEY.into(), value, subject: None });
            }
            Err(error) => return Err(error.stop(work.now(), doing)),
        }
    }
}

/// S2-74: of several prospects, the one with the most recent activity. Chosen here and not by the order of the
/// answer: without an activity comes last; then the newest change, then the highest id.
fn most_recently_active(
    rows: &[Value],
    email: &Email,
    gone: &[String],
    fields: &[&str],
    unread: Vec<String>,
) -> Option<Found> {
    let at = |row: &Value, name: &str| row.get(name).and_then(Value::as_str).and_then(calendar::parse);
    let is_ours = |row: &&Value| {
        let address = row.get("email").and_then(Value::as_str).map(text::lower);
        address.is_none_or(|address| address == email.as_str()) && id_of(row).is_some_and(|id| !gone.contains(&id))
    };
    let candidates: Vec<&Value> = rows.iter().filter(is_ours).collect();
    let chosen = candidates.iter().max_by_key(|row| {
        let number = id_of(row).and_then(|id| id.parse::<u64>().ok());
        (at(row, "lastActivityAt"), at(row, "updatedAt"), number)
    })?;
    let mut values = Values::default();
    for field in fields {
        if let Some(value) = chosen.get(field).and_then(json::scalar) {
            values.insert(field, value);
        }
    }
    let address = chosen.get("email").and_then(Value::as_str);
    let spelled = address.filter(|address| *address != email.as_str()).map(str::to_owned);
    Some(Found { id: id_of(chosen)?, spelled, several: candidates.len() > 1, values, unread })
}

/// As the API takes each: a number or a boolean where the mapping says so, else a text.
fn fields<'a>(work: &Work<'_>, writes: &'a Values) -> Vec<(&'a str, Value)> {
    let typed = |(field, value): &'a (String, String)| {
        let text = || Value::from(value.as_str());
        let typed = match mapping::kind_of(&work.settings.mapping, Object::Prospect, field) {
            Kind::Text => text(),
            Kind::Number | Kind::Boolean => json::parse(value.as_bytes())
                .ok()
                .filter(|value| value.is_number() || value.is_boolean())
                .unwrap_or_else(text),
        };
        (field.as_str(), typed)
    };
    writes.iter().map(typed).collect()
}

/// Writes what is new of an existing prospect; nothing where nothing changes. An error: that prospect is there no more.
async fn update(
    work: &Work<'_>,
    wanted: &Wanted<'_>,
    person: &mut Person,
    key: &str,
    id: &str,
    standing: Option<&(Values, Vec<String>)>,
    doing: &Doing<'_>,
) -> Result<Option<ApiError>, Stop> {
    let theirs = person.theirs.clone().unwrap_or_default();
    let is_made_by_us = person.prospect.as_ref().is_some_and(|known| known.made_at.is_some());
    let known = match standing {
        Some((standing, unread)) => Standing::Read { standing, unread, is_made_by_us },
        None => Standing::Remembered { theirs: &theirs, is_made_by_us },
    };
    let update = |field: &str| mapping::update_of(&work.settings.mapping, Object::Prospect, field);
    let (mut after, mut writes) = newest::decide_all(&person.fields, &wanted.news, &known, &update, work.now());
    let subject = Subject::person(wanted.email.as_str());
    if !writes.is_empty() {
        person.tried = Some(tried(&after, &writes));
        remember(work, key, person, wanted.email);
    }
    while !writes.is_empty() {
        let body = json::object(fields(work, &writes));
        let answer = work.send(UPDATE_PROSPECT.request(&[id], &[], Some(&body))).await;
        let fields = writes.names().join(", ");
        match written(answer, work.now(), doing)? {
            Written::Answer(response) if !response.is_success() => {
                let error = ApiError::of(&response);
                match error.verdict() {
                    Verdict::LookUpAnew => return Ok(Some(error)),
                    Verdict::DropField => {
                        drop_field(work, &error, &mut writes, &mut after, person, wanted.email, doing)?
                    }
                    _ => return Err(error.stop(work.now(), doing)),
                }
            }
            Written::Answer(_) | Written::Planned => {
                work.changed(ACCOUNT_ENGAGEMENT, "Prospect", Some(id), Action::Updated, &subject, &fields);
                break;
            }
        }
    }
    person.fields = after;
    person.tried = None;
    remember(work, key, person, wanted.email);
    Ok(None)
}

/// What is held of the fields that are about to be written.
fn tried(after: &Fields, writes: &Values) -> Fields {
    after.iter().filter(|held| writes.get(&held.field).is_some()).cloned().collect()
}

/// A refused field is left out, with a line, if it can be told which it is.
fn drop_field(
    work: &Work<'_>,
    error: &ApiError,
    writes: &mut Values,
    after: &mut Fields,
    person: &Person,
    email: &Email,
    doing: &Doing<'_>,
) -> Result<(), Stop> {
    let sent: Vec<&str> = writes.names();
    let Some(field) = field_meant(error, &sent) else { return Err(error.stop(work.now(), doing)) };
    writes.retain(|other| other != field);
    newest::hold(after, &field, newest::of(&person.fields, &field).cloned());
    let message =
        format!("The field {field} of {email} is left out: {}. Correct the mapping or the field.", error.said());
    work.warn("field-refused", &message, Some(Subject::person(email.as_str())));
    Ok(())
}

/// Makes the prospect, with the source campaign of the first registration handled. None: it exists all of a sudden.
async fn create(
    work: &Work<'_>,
    wanted: &Wanted<'_>,
    person: &mut Person,
    key: &str,
    doing: &Doing<'_>,
) -> Result<Option<Chosen>, Stop> {
    let is_first = person.source_campaign.is_none();
    let campaign = person.source_campaign.get_or_insert_with(|| wanted.campaign.into()).clone();
    remember(work, key, person, wanted.email);
    // Certainly nothing was made: the next registration is the first one.
    let forget = |person: &mut Person| {
        if is_first {
            person.source_campaign = None;
            remember(work, key, person, wanted.email);
        }
    };
    // A new one gets all that is newest, also what was once written to one that is gone.
    let update = |field: &str| mapping::update_of(&work.settings.mapping, Object::Prospect, field);
    let (mut after, mut writes) = newest::decide_all(&person.fields, &wanted.news, &Standing::New, &update, work.now());
    let mapped = mapping::fields(&work.settings.mapping, Object::Prospect);
    for held in after.iter().filter(|held| mapped.contains(&held.field.as_str())) {
        if let (None, Some(text)) = (writes.get(&held.field), held.text()) {
            writes.insert(&held.field, text.into());
        }
    }
    person.tried = Some(tried(&after, &writes));
    remember(work, key, person, wanted.email);
    let subject = Subject::person(wanted.email.as_str());
    loop {
        let mut prospect = fields(work, &writes);
        prospect.push(("email", wanted.email.as_str().into()));
        prospect.push(("campaignId", id_value(&campaign)));
        let body = json::object(vec![
            ("matchEmail", wanted.email.as_str().into()),
            ("prospect", json::object(prospect)),
            ("fields", vec!["id"].into()),
        ]);
        let answer = work.send(UPSERT_PROSPECT.request(&[], &[], Some(&body))).await;
        let now = work.now();
        let in_doubt = matches!(answer, Err(HttpError::Unknown(_) | HttpError::Unusable(_)));
        let answered = written(answer, now, doing).inspect_err(|_| {
            if !in_doubt {
                forget(person);
            }
        })?;
        let id = match answered {
            Written::Planned => PLACEHOLDER.to_string(),
            Written::Answer(response) if response.is_success() => {
                match json::parse(&response.body).ok().as_ref().and_then(id_of) {
                    Some(id) => id,
                    None => return Err(doing.later(now + MINUTE, "the prospect was written and its id was not told")),
                }
            }
            Written::Answer(response) => {
                let error = ApiError::of(&response);
                match error.verdict() {
                    Verdict::LookUpAnew => return Ok(None),
                    Verdict::DropField => {
                        drop_field(work, &error, &mut writes, &mut after, person, wanted.email, doing)
                            .inspect_err(|_| forget(person))?;
                    }
                    Verdict::NotKnown => return Err(error.stop(now, doing)),
                    _ => {
                        forget(person);
                        return Err(error.stop(now, doing));
                    }
                }
                continue;
            }
        };
        for held in &mut after {
            held.written_at = Some(now);
            held.is_ours = Some(true);
        }
        person.fields = after;
        person.theirs = None;
        person.tried = None;
        person.spelled = None;
        person.prospect = Some(Known { id: id.clone(), made_at: Some(now), looked_up_at: now, several: false });
        person.source_campaign = None;
        remember(work, key, person, wanted.email);
        let known = (id != PLACEHOLDER).then_some(id.as_str());
        work.changed(ACCOUNT_ENGAGEMENT, "Prospect", known, Action::Created, &subject, "");
        return Ok(Some(Chosen { id, address: wanted.email.to_string(), is_young: true }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        mapping::newest::Held,
        story::state::{sample, says},
    };
    use serde_json::json;

    fn chosen(rows: Value) -> Option<(String, bool)> {
        let email = Email::parse("ana@example.org").unwrap();
        let found = most_recently_active(rows.as_array().unwrap(), &email, &["9".into()], &["company"], vec![]);
        found.map(|found| (found.id, found.several))
    }

    /// S2-74.
    #[test]
    fn of_several_prospects_the_most_recently_active_is_chosen() {
        assert_eq!(chosen(json!([])), None);
        assert_eq!(chosen(json!([{"id": 1, "email": "Ana@example.org"}])), Some(("1".into(), false)));
        assert_eq!(chosen(json!([{"id": 1, "email": "other@example.org"}])), None);
        assert_eq!(chosen(json!([{"id": 9, "email": "ana@example.org"}])), None, "one that is gone is not chosen");
        // As instants and not as text: 11:00-07:00 is later than 12:00+00:00.
        let rows = json!([{"id": 1, "lastActivityAt": "2026-05-16T12:00:00+00:00"},
            {"id": 2, "lastActivityAt": "2026-05-16T11:00:00-07:00"}, {"id": 3, "lastActivityAt": null}]);
        assert_eq!(chosen(rows), Some(("2".into(), true)));
        let rows = json!([{"id": 2, "updatedAt": "2026-05-16T12:00:00+00:00"}, {"id": 1, "updatedAt": "2026-05-17T12:00:00+00:00"}]);
        assert_eq!(chosen(rows), Some(("1".into(), true)));
        assert_eq!(chosen(json!([{"id": 10}, {"id": 11}, {"id": 2}])), Some(("11".into(), true)));
    }

    /// What an earlier version remembers is read by every later one.
    #[test]
    fn what_the_first_version_remembers_of_a_person_is_still_read() {
        let held = |field: &str, value: &str, at| Held {
            field: field.into(),
            value: value.into(),
            at,
            session: "S1".into(),
            read_at: Some(at + 1),
            written_at: Some(at + 2),
            is_ours: Some(true),
        };
        let person = Person {
            prospect: Some(Known {
                id: "1007".into(),
                made_at: Some(1_645_000_000_000),
                looked_up_at: 1_645_000_000_001,
                several: true,
            }),
            source_campaign: Some("7".into()),
            fields: vec![held("company", "Example", 1_644_845_990_000)],
            theirs: Some(vec!["jobTitle".into()]),
            tried: Some(vec![held("city", "Oslo", 1_644_845_991_000)]),
            spelled: None,
        };
        says("people", &state_key(&Email::parse("ana@example.org").unwrap()), &person);
        // A key that would be too long or hold a slash is a digest.
        says("people", &state_key(&Email::parse("a/b@example.org").unwrap()), &Person::default());
        let unread: Unread = from_text(sample("people", UNREAD_KEY)).unwrap();
        assert_eq!((unread.until, unread.fields), (1_644_932_400_000, vec!["Topics__c".to_string()]));
    }
}
