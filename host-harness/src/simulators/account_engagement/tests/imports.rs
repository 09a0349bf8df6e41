//! Imports: from `Open` to `Complete`, and what is refused on the way. What each row does: `import_rows.rs`.

use super::*;
use crate::simulators::unknowns::UpdateStatus;

const BOUNDARY: &str = "----simulated";

impl Unit {
    pub(super) fn form(&self, path: &str, parts: &[(&str, &str)]) -> http::Request<Vec<u8>> {
        let part = |(name, content): &(&str, &str)| {
            format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"x\"\r\n\r\n{content}\r\n"
            )
        };
        let body: String = parts.iter().map(part).collect();
        let mut request = self.request("POST", path, None);
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        request.headers_mut().insert("content-type", kind.parse().unwrap());
        *request.body_mut() = format!("{body}--{BOUNDARY}--\r\n").into_bytes();
        request
    }

    pub(super) fn batch(&self, import: u64, csv: &str) -> (u16, Value) {
        let (status, _, body) = self.answer(self.form(&format!("imports/{import}/batches"), &[("importFile", csv)]));
        (status, body)
    }

    pub(super) fn open_import(&self, extra: Value) -> u64 {
        let mut body = json!({ "operation": "Upsert", "object": "Prospect" });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        self.id("imports", body)
    }

    pub(super) fn start(&self, import: u64) -> (u16, Value) {
        self.call("PATCH", &format!("imports/{import}?fields=status"), Some(json!({ "state": "Ready" })))
    }

    /// From the first row to the counts: created, updated, failed.
    pub(super) fn imported(&self, extra: Value, csv: &str) -> (u64, [Value; 3]) {
        let import = self.open_import(extra);
        assert_eq!(self.batch(import, csv), (204, Value::Null));
        assert_eq!(self.start(import), (200, json!({ "status": "Waiting" })));
        self.wait(Duration::from_secs(120));
        let (_, body) = self.get(&format!("imports/{import}?fields=status,createdCount,updatedCount,errorCount"));
        assert_eq!(body["status"], "Complete");
        (import, ["createdCount", "updatedCount", "errorCount"].map(|count| body[count].clone()))
    }

    pub(super) fn errors(&self, import: u64) -> String {
        let path = format!("imports/{import}/errors");
        let answer = self.simulators.handle(self.request("GET", &path, None)).unwrap();
        String::from_utf8(answer.into_body()).unwrap()
    }
}

#[test]
fn an_import_waits_is_processed_and_done_at_its_own_moments() {
    let unit = started();
    let all = "id,operation,object,status,isExpired,batchesRef,createdCount,updatedCount,errorCount,errorRef,updatedAt";
    let import = unit.open_import(json!({}));
    let shown = || unit.get(&format!("imports/{import}?fields={all}")).1;
    let opened = json!({ "id": import, "operation": "Upsert", "object": "Prospect", "status": "Open", "isExpired": false,
        "batchesRef": format!("http://simulators.test/api/v5/imports/{import}/batches"), "createdCount": null,
        "updatedCount": null, "errorCount": null, "errorRef": null, "updatedAt": "2026-11-23T04:00:00-05:00" });
    assert_eq!(shown(), opened, "at once, whatever the read lag");
    assert_eq!(unit.batch(import, "email\nana@example.org\nbo@example.org\n").0, 204);
    unit.wait(Duration::from_secs(10));
    assert_eq!(unit.start(import), (200, json!({ "status": "Waiting" })));
    assert_eq!((&shown()["batchesRef"], &shown()["updatedAt"]), (&Value::Null, &json!("2026-11-23T04:00:10-05:00")));
    for (wait, status, prospects) in
        [(59, "Waiting", 0), (1, "Processing", 0), (59, "Processing", 0), (1, "Complete", 2)]
    {
        unit.wait(Duration::from_secs(wait));
        assert_eq!(shown()["status"], status);
        assert_eq!(unit.simulators.world().account_engagement.prospects.len(), prospects, "{status}");
    }
    let done = json!({ "id": import, "operation": "Upsert", "object": "Prospect", "status": "Complete", "isExpired": false,
        "batchesRef": null, "createdCount": 2, "updatedCount": 0, "errorCount": 0, "errorRef": null,
        "updatedAt": "2026-11-23T04:02:10-05:00" });
    assert_eq!(shown(), done);
    // Whom it made is seen as what anybody else wrote then.
    let count = || unit.get("objects/prospects?fields=id").1["values"].as_array().unwrap().len();
    unit.wait(LAG - Duration::from_secs(1));
    assert_eq!(count(), 0);
    unit.wait(Duration::from_secs(1));
    assert_eq!(count(), 2);
    let (_, body) = unit.get("imports?fields=id,status&status=Complete&orderBy=createdAt%20DESC");
    assert_eq!(body["values"], json!([{ "id": import, "status": "Complete" }]));
    assert_eq!(unit.get("imports?fields=id&status=Open").1["values"], json!([]));
}

#[test]
fn nobody_can_tell_when_an_import_was_looked_at() {
    let seen = |looks: bool| {
        let unit = started();
        let import = unit.open_import(json!({}));
        unit.batch(import, "email,city\nana@example.org,Porto\n");
        unit.start(import);
        for _ in 0..40 {
            unit.wait(Duration::from_secs(10));
            if looks {
                unit.simulators.world().snapshot();
            }
        }
        let prospects = unit.get("objects/prospects?fields=id,city,createdAt,updatedAt").1["values"].clone();
        (prospects, unit.get(&format!("imports/{import}?fields=updatedAt,createdCount")).1)
    };
    let (prospects, import) = seen(false);
    let at = "2026-11-23T04:02:00-05:00";
    assert_eq!(prospects, json!([{ "id": 1_000_001, "city": "Porto", "createdAt": at, "updatedAt": at }]));
    assert_eq!(import, json!({ "updatedAt": at, "createdCount": 1 }));
    assert_eq!(seen(true), (prospects, import));
}

#[test]
fn a_batch_is_refused_by_its_form_its_columns_and_its_number() {
    let unit = started();
    let import = unit.open_import(json!({}));
    let rows = [
        ("", 159),
        ("email\n", 159),
        ("email,city\nana@example.org\n", 159),
        ("email\n\"ana@example.org\n", 159),
        ("email,colour\nana@example.org,red\n", 130),
        ("email,Shoe__c\nana@example.org,44\n", 130),
        ("email,createdAt\nana@example.org,x\n", 130),
    ];
    for (csv, code) in rows {
        let (status, body) = unit.batch(import, csv);
        assert_eq!((status, &body["code"]), (400, &json!(code)), "{csv}");
    }
    let path = format!("imports/{import}/batches");
    let code = |request| unit.answer(request).2["code"].clone();
    assert_eq!(code(unit.form(&path, &[("file", "email\na@example.org\n")])), 162);
    assert_eq!(code(unit.form(&path, &[("importFile", "email\na@example.org\n"), ("importFile", "x")])), 163);
    assert_eq!(code(unit.request("POST", &path, Some(json!({})))), 151);
    let mut broken = unit.form(&path, &[]);
    *broken.body_mut() = b"email\na@example.org\n".to_vec();
    assert_eq!(code(broken), 158);
    let mut empty = unit.form(&path, &[]);
    empty.body_mut().clear();
    assert_eq!(code(empty), 152);
    assert_eq!(
        unit.start(import).1,
        json!({ "code": 156, "message": "Can't start processing. Import has no associated data." })
    );

    let row = "b@example.org,x\n";
    let sized = |bytes: usize| format!("email,city\n{}", row.repeat(bytes / row.len()));
    assert_eq!(unit.batch(import, &sized(10 << 20)).1["code"], 204);
    for _ in 0..10 {
        assert_eq!(unit.batch(import, "email,city\na@example.org,x\n").0, 204);
        assert_eq!(
            unit.batch(import, "city,email\nx,a@example.org\n").1["code"],
            json!(if unit.batches(import) < 10 { 130 } else { 160 })
        );
    }
    assert_eq!(unit.batch(import, "email,city\na@example.org,x\n").1["code"], 160);
    assert_eq!(unit.start(import).0, 200);
    assert_eq!(
        unit.start(import).1,
        json!({ "code": 155, "message": "Can't update. Import must be in \"Open\" state." })
    );
    assert_eq!(unit.batch(import, "email,city\na@example.org,x\n").1["code"], 161);
    assert_eq!(unit.call("PATCH", &format!("imports/{import}"), Some(json!({}))).1["code"], 153);
    for body in [json!({ "state": "Open" }), json!({ "state": "Ready", "x": 1 })] {
        assert_eq!(unit.call("PATCH", &format!("imports/{import}"), Some(body)).1["code"], 154);
    }
    assert_eq!(unit.call("PATCH", "imports/1", Some(json!({ "state": "Ready" }))).1["code"], 109);
    assert_eq!(unit.batch(1, "email\na@example.org\n").1["code"], 109);
    assert_eq!(unit.call("DELETE", &format!("imports/{import}"), None).1["code"], 60);
    assert_eq!(unit.call("GET", &path, None).1["code"], 60);
    assert_eq!(unit.get(&format!("imports/{import}/errors")).1["code"], 109);
}

impl Unit {
    fn batches(&self, import: u64) -> usize {
        self.simulators.world().account_engagement.imports.now(&import).unwrap().batches()
    }
}

#[test]
fn a_day_has_a_thousand_batches() {
    let unit = started();
    for _ in 0..100 {
        let import = unit.open_import(json!({}));
        for _ in 0..10 {
            assert_eq!(unit.batch(import, "email\na@example.org\n").0, 204);
        }
    }
    let late = unit.open_import(json!({}));
    assert_eq!(unit.batch(late, "email\na@example.org\n").1["code"], 164);
    unit.wait(Duration::from_secs(24 * 60 * 60));
    let next_day = unit.open_import(json!({}));
    assert_eq!(unit.batch(next_day, "email\na@example.org\n").0, 204);
}

#[test]
fn an_import_is_made_as_json_or_with_its_first_batch_as_a_form() {
    let unit = started();
    let refused = [
        (json!({ "object": "Prospect" }), 153),
        (json!({ "operation": "Upsert" }), 153),
        (json!({ "operation": "Delete", "object": "Prospect" }), 154),
        (json!({ "operation": "Upsert", "object": "List" }), 154),
        (json!({ "operation": "Upsert", "object": "Prospect", "restoreDeleted": 1 }), 50),
        (json!({ "operation": "Upsert", "object": "Prospect", "fields": ["email"] }), 154),
        (json!({ "operation": "Upsert", "object": "Prospect", "fields": "email" }), 154),
        (json!({ "operation": "Upsert", "object": "Prospect", "fields": [{ "overwrite": true }] }), 153),
        (json!({ "operation": "Upsert", "object": "Prospect", "colour": 1 }), 154),
        (json!({ "operation": "Upsert", "object": "Prospect", "state": "Ready" }), 156),
    ];
    for (body, code) in refused {
        let (status, answer) = unit.post("imports", body.clone());
        assert_eq!((status, &answer["code"]), (400, &json!(code)), "{body}");
    }
    let input = json!({ "operation": "upsert", "object": "prospect", "state": "Ready" }).to_string();
    let csv = "email\nana@example.org\n";
    let made = unit.answer(unit.form("imports?fields=id,status", &[("importInput", &input), ("importFile", csv)]));
    assert_eq!((made.0, made.2), (201, json!({ "id": 800_001, "status": "Waiting" })));
    assert_eq!(made.1["location"], "/api/v5/imports/800001");
    let code = |parts: &[(&str, &str)]| unit.answer(unit.form("imports", parts)).2["code"].clone();
    assert_eq!(code(&[("importFile", csv)]), 153);
    assert_eq!(code(&[("importInput", "x"), ("importFile", csv)]), 150);
    assert_eq!(code(&[("importInput", &input)]), 156);
    assert_eq!(code(&[("importInput", &input), ("importFile", "colour\nred\n")]), 130);
    let options = json!({ "operation": "Upsert", "object": "Prospect", "fields": [{ "field": "city" }] });
    assert_eq!(code(&[("importInput", &options.to_string()), ("importFile", csv)]), 130, "columns and options fit");
    let broken = |body: Vec<u8>| {
        let mut request = unit.form("imports", &[]);
        *request.body_mut() = body;
        unit.answer(request).2["code"].clone()
    };
    assert_eq!(broken(b"x".to_vec()), 158);
    assert_eq!(broken(vec![b' '; (50 << 20) + 1]), 204);
    assert_eq!(unit.simulators.world().account_engagement.imports.len(), 1);
}

#[test]
fn an_import_is_cancelled_before_it_is_done() {
    let unit = started();
    let begun = |wait: Option<u64>| {
        let import = unit.open_import(json!({}));
        unit.batch(import, "email\nana@example.org\n");
        if let Some(wait) = wait {
            unit.start(import);
            unit.wait(Duration::from_secs(wait));
        }
        import
    };
    for (wait, status) in [(None, "Canceled"), (Some(0), "Canceled"), (Some(59), "Canceled"), (Some(60), "Canceling")] {
        let import = begun(wait);
        let path = format!("imports/{import}/do/cancel?fields=status");
        assert_eq!(unit.call("POST", &path, None), (200, json!({ "status": status })), "after {wait:?}");
        assert_eq!(unit.call("POST", &path, None).1["code"], 161);
        unit.wait(Duration::from_secs(120));
        assert_eq!(unit.get(&format!("imports/{import}?fields=status")).1["status"], "Canceled");
    }
    assert_eq!(unit.simulators.world().account_engagement.prospects.len(), 0);
    let done = begun(Some(120));
    assert_eq!(unit.call("POST", &format!("imports/{done}/do/cancel"), None).1["code"], 161);
    assert_eq!(unit.simulators.world().account_engagement.prospects.len(), 1);
    unit.simulators.world().options.unknowns.account_engagement.action_status = UpdateStatus::NoContent;
    let open = begun(None);
    assert_eq!(unit.call("POST", &format!("imports/{open}/do/cancel"), None), (204, Value::Null));
    assert_eq!(unit.call("POST", "imports/1/do/cancel", None).1["code"], 109);
}

#[test]
fn an_open_import_lapses_after_a_day_and_results_after_seven() {
    let unit = started();
    let (hour, day) = (Duration::from_secs(60 * 60), Duration::from_secs(24 * 60 * 60));
    let open = unit.open_import(json!({}));
    assert_eq!(unit.batch(open, "email\na@example.org\n").0, 204);
    let (done, _) = unit.imported(json!({}), "email\nbad\n");
    let expired = |import: u64| unit.get(&format!("imports/{import}?fields=isExpired")).1["isExpired"].clone();
    unit.wait(day - hour);
    assert_eq!(expired(open), false);
    unit.wait(hour);
    assert_eq!(expired(open), true);
    assert_eq!(unit.start(open).1["code"], 155);
    assert_eq!(unit.batch(open, "email\na@example.org\n").1["code"], 161);
    unit.wait(6 * day - Duration::from_secs(121));
    assert_eq!((expired(done), unit.errors(done).lines().count()), (json!(false), 2));
    unit.wait(Duration::from_secs(121));
    assert_eq!(expired(done), true);
    assert_eq!(unit.get(&format!("imports/{done}/errors")).1["code"], 109);
    assert_eq!(
        unit.get(&format!("imports/{done}?fields=errorRef,errorCount")).1,
        json!({ "errorRef": null, "errorCount": 1 })
    );
}

#[test]
fn an_import_needs_its_ability_and_list_columns_that_of_lists() {
    let unit = started();
    let list = unit.id("objects/lists", json!({ "name": "a" }));
    let import = unit.open_import(json!({}));
    let csv = format!("email,addToList\na@example.org,{list}\n");
    unit.simulators.world().account_engagement.missing_abilities = BTreeSet::from([Ability::ViewLists]);
    assert_eq!(unit.batch(import, &csv).1["code"], 46);
    assert_eq!(unit.batch(import, "email\na@example.org\n").0, 204);
    unit.simulators.world().account_engagement.missing_abilities = BTreeSet::from([Ability::ImportProspects]);
    let one = format!("imports/{import}");
    let codes = [
        unit.post("imports", json!({ "operation": "Upsert", "object": "Prospect" })),
        unit.get("imports?fields=id"),
        unit.get(&format!("{one}?fields=id")),
        unit.start(import),
        unit.batch(import, "email\na@example.org\n"),
        unit.call("POST", &format!("{one}/do/cancel"), None),
        unit.get(&format!("{one}/errors")),
    ];
    assert_eq!(codes.map(|(_, body)| body["code"].as_u64()), [Some(46); 7]);
}
