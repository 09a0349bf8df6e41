//! Bulk API 2.0: jobs from their making to their tables of results.

use super::*;
use crate::simulators::{
    ids::salesforce_id,
    salesforce::{CustomField, CustomKind},
};
use proptest::prelude::*;

/// Status and text of a request with a body of any kind.
fn send(simulators: &Simulators, method: &str, path: &str, kind: &str, body: &str) -> (u16, String) {
    let path = path.strip_prefix("services/data/v62.0").unwrap_or(path);
    let request = http::Request::builder()
        .method(method)
        .uri(format!("http://x.test/services/data/v62.0{path}"))
        .header("authorization", "Bearer simulated-access-token-0")
        .header("content-type", kind)
        .body(body.as_bytes().to_vec())
        .unwrap();
    let answer = simulators.handle(request).unwrap();
    (answer.status().as_u16(), String::from_utf8(answer.body().clone()).unwrap())
}

fn created(simulators: &Simulators, fields: Value) -> Value {
    let (status, job) = call(simulators, "POST", "/jobs/ingest", Some(fields));
    assert_eq!(status, 200, "{job}");
    job
}

fn path(job: &Value) -> String {
    format!("/jobs/ingest/{}", job["id"].as_str().unwrap())
}

fn closed(simulators: &Simulators, fields: Value, table: &str) -> String {
    let job = created(simulators, fields);
    let (status, body) = send(simulators, "PUT", job["contentUrl"].as_str().unwrap(), "text/csv", table);
    assert_eq!((status, body.as_str()), (201, ""));
    let (status, told) = call(simulators, "PATCH", &path(&job), Some(json!({ "state": "UploadComplete" })));
    assert_eq!((status, &told["state"]), (200, &json!("UploadComplete")), "{told}");
    path(&job)
}

fn info(simulators: &Simulators, job: &str) -> Value {
    call(simulators, "GET", job, None).1
}

fn counts(simulators: &Simulators, job: &str) -> (String, u64, u64) {
    let info = info(simulators, job);
    let number = |name: &str| info[name].as_u64().unwrap();
    (info["state"].as_str().unwrap().to_owned(), number("numberRecordsProcessed"), number("numberRecordsFailed"))
}

fn table(simulators: &Simulators, job: &str, name: &str) -> String {
    let (status, text) = send(simulators, "GET", &format!("{job}/{name}"), "application/json", "");
    assert_eq!(status, 200, "{text}");
    text
}

fn with_key(simulators: &Simulators) {
    let field = CustomField {
        object: "Campaign".into(),
        name: "Key__c".into(),
        label: "Key".into(),
        kind: CustomKind::Text(40),
        required: false,
        unique: true,
        external_id: true,
    };
    assert!(simulators.world().salesforce.add_custom_field(&field));
}

#[test]
fn a_job_goes_from_open_to_complete_and_tells_of_each_row() {
    let (simulators, _) = started();
    let job = created(&simulators, json!({ "object": "Campaign", "operation": "insert", "contentType": "CSV" }));
    let id = job["id"].as_str().unwrap();
    assert!(id.starts_with("750") && id.len() == 18);
    assert_eq!(
        job,
        json!({
            "id": id, "operation": "insert", "object": "Campaign", "createdById": Salesforce::user_id(),
            "createdDate": "2026-11-23T09:00:00.000+0000", "systemModstamp": "2026-11-23T09:00:00.000+0000",
            "state": "Open", "concurrencyMode": "Parallel", "contentType": "CSV", "apiVersion": 62.0,
            "contentUrl": format!("services/data/v62.0/jobs/ingest/{id}/batches"),
            "lineEnding": "LF", "columnDelimiter": "COMMA",
        })
    );
    let job = closed(
        &simulators,
        json!({ "object": "Campaign", "operation": "insert" }),
        "Name,StartDate,IsActive\n\"Demo, the first\",2026-11-23,true\nBad,23.11.2026,no\n,2026-11-23,\n",
    );
    assert_eq!(counts(&simulators, &job), ("JobComplete".into(), 3, 2));
    let (_, made) = query(&simulators, "SELECT Id, Name, StartDate, IsActive FROM Campaign");
    assert_eq!((&made["totalSize"], &made["records"][0]["IsActive"]), (&json!(1), &json!(true)), "{made}");
    let made = made["records"][0]["Id"].as_str().unwrap();
    assert_eq!(
        table(&simulators, &job, "successfulResults"),
        format!(
            "\"sf__Id\",\"sf__Created\",\"Name\",\"StartDate\",\"IsActive\"\n\
             \"{made}\",\"true\",\"Demo, the first\",\"2026-11-23\",\"true\"\n"
        )
    );
    assert_eq!(
        table(&simulators, &job, "failedResults"),
        "\"sf__Id\",\"sf__Error\",\"Name\",\"StartDate\",\"IsActive\"\n\
         \"\",\"INVALID_FIELD:Failed to deserialize field at col 1. Due to, '23.11.2026' is not a valid value for the \
         type xsd:date:StartDate --\",\"Bad\",\"23.11.2026\",\"no\"\n\
         \"\",\"REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --\",\"\",\"2026-11-23\",\"\"\n"
    );
    assert_eq!(table(&simulators, &job, "unprocessedrecords"), "\"Name\",\"StartDate\",\"IsActive\"\n");
    let told = info(&simulators, &job);
    for name in ["retries", "totalProcessingTime", "apiActiveProcessingTime", "apexProcessingTime"] {
        assert!(told[name].is_u64(), "{name}");
    }
    assert_eq!((&told["jobType"], told.get("errorMessage"), told.get("contentUrl")), (&json!("V2Ingest"), None, None));
}

#[test]
fn rows_are_updated_upserted_and_deleted_as_single_records_are() {
    let (simulators, _) = started();
    with_key(&simulators);
    let job = json!({ "object": "Campaign", "operation": "upsert", "externalIdFieldName": "Key__c" });
    let first = closed(&simulators, job.clone(), "Key__c,Name,Description\na,Demo A,text\nb,Demo B,text\n,Demo C,\n");
    assert_eq!(counts(&simulators, &first), ("JobComplete".into(), 3, 1));
    assert!(table(&simulators, &first, "failedResults").contains("MISSING_ARGUMENT:Key__c not specified:--"));
    // An empty value says nothing, and a mark clears.
    let second = closed(&simulators, job, "Key__c,Name,Description\na,,#N/A\nb,Demo 2,\n");
    let done = table(&simulators, &second, "successfulResults");
    assert_eq!(done.matches("\"false\"").count(), 2, "{done}");
    let (_, found) = query(&simulators, "SELECT Id, Name, Description FROM Campaign ORDER BY Key__c");
    let of = |n: usize, name: &str| found["records"][n][name].clone();
    assert_eq!((of(0, "Name"), of(0, "Description")), (json!("Demo A"), Value::Null));
    assert_eq!((of(1, "Name"), of(1, "Description")), (json!("Demo 2"), json!("text")));

    let id = |n: usize| of(n, "Id").as_str().unwrap().to_owned();
    let stranger = salesforce_id("701", 999);
    let update = closed(
        &simulators,
        json!({ "object": "campaign", "operation": "update" }),
        &format!("Id,Name\n{},Renamed\n{stranger},x\n,x\nnonsense,x\n", &id(0)[..15]),
    );
    assert_eq!(counts(&simulators, &update), ("JobComplete".into(), 4, 3));
    let failed = table(&simulators, &update, "failedResults");
    for text in [
        &format!("\"{stranger}\",\"INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--\""),
        "\"\",\"MISSING_ARGUMENT:Id not specified in an update call:--\"",
        "\"nonsense\",\"MALFORMED_ID:Record ID: id value of incorrect type: nonsense:Id --\"",
    ] {
        assert!(failed.contains(text), "{text}: {failed}");
    }
    assert!(table(&simulators, &update, "successfulResults").contains(&format!("\"{}\",\"false\"", id(0))));

    let delete = closed(
        &simulators,
        json!({ "object": "Campaign", "operation": "delete" }),
        &format!("Id\n{}\n{}\n{}\n", id(0), id(1), id(1)),
    );
    assert_eq!(counts(&simulators, &delete), ("JobComplete".into(), 3, 1));
    assert!(table(&simulators, &delete, "failedResults").contains("ENTITY_IS_DELETED:entity is deleted:--"));
    assert_eq!(query(&simulators, "SELECT Id FROM Campaign").1["totalSize"], 0);
}

#[test]
fn an_upsert_by_id_makes_what_has_none() {
    let (simulators, _) = started();
    let known = campaign(&simulators, json!({ "Name": "Demo" }));
    let job = closed(
        &simulators,
        json!({ "object": "Campaign", "operation": "upsert", "externalIdFieldName": "Id" }),
        &format!("Id,Name\n{known},Renamed\n,New\n"),
    );
    assert_eq!(counts(&simulators, &job), ("JobComplete".into(), 2, 0));
    let done = table(&simulators, &job, "successfulResults");
    assert!(done.contains(&format!("\"{known}\",\"false\"")) && done.contains("\"true\",\"\",\"New\""), "{done}");
}

#[test]
fn a_key_that_an_operation_has_no_use_for_says_nothing() {
    let (simulators, _) = started();
    let job = json!({ "object": "Campaign", "operation": "insert", "externalIdFieldName": "Key__c" });
    let job = closed(&simulators, job, "Name\nDemo\n");
    assert_eq!(counts(&simulators, &job), ("JobComplete".into(), 1, 0));
    assert!(info(&simulators, &job).get("externalIdFieldName").is_none());
}

#[test]
fn a_table_that_says_nothing_sensible_fails_the_whole_job() {
    let rows = [
        ("insert", "Nmae\nDemo\n", "InvalidBatch : Field name not found : Nmae", "\"Nmae\"\n\"Demo\"\n"),
        ("insert", "\u{feff}Name\nDemo\n", "InvalidBatch : Field name not found : \u{feff}Name", ""),
        (
            "insert",
            "Name\r\nDemo\r\n",
            "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is LF",
            "",
        ),
        (
            "insert",
            "Name\nDe\"mo\n",
            "InvalidBatch : Failed to parse CSV. Found unescaped quote. A value with quote should be within a quote",
            "",
        ),
        (
            "insert",
            "Name,Type\nDemo\n",
            "InvalidBatch : Failed to parse CSV. The number of values differs from that of the header",
            "\"Name\",\"Type\"\n\"Demo\"\n",
        ),
        ("insert", "", "InvalidBatch : Records not found", "\n"),
        ("insert", "Name\n", "InvalidBatch : Records not found", "\"Name\"\n"),
        ("delete", "Id,Name\n701,x\n", "InvalidBatch : Delete batch must only have Id field", ""),
    ];
    for (operation, sent, message, unprocessed) in rows {
        let (simulators, _) = started();
        let job = closed(&simulators, json!({ "object": "Campaign", "operation": operation }), sent);
        assert_eq!(counts(&simulators, &job), ("Failed".into(), 0, 0), "{sent:?}");
        assert_eq!(info(&simulators, &job)["errorMessage"], message, "{sent:?}");
        if !unprocessed.is_empty() {
            assert_eq!(table(&simulators, &job, "unprocessedrecords"), unprocessed, "{sent:?}");
        }
        assert_eq!(query(&simulators, "SELECT Id FROM Campaign").1["totalSize"], 0);
    }
    let (simulators, _) = started();
    with_key(&simulators);
    let job = json!({ "object": "Campaign", "operation": "upsert", "externalIdFieldName": "Key__c" });
    let job = closed(&simulators, job, "Name\nDemo\n");
    assert_eq!(info(&simulators, &job)["errorMessage"], "InvalidBatch : Field name not found : Key__c");
}

#[test]
fn delimiters_and_line_endings_are_those_of_the_job() {
    for (name, mark) in
        [("BACKQUOTE", '`'), ("CARET", '^'), ("COMMA", ','), ("PIPE", '|'), ("SEMICOLON", ';'), ("TAB", '\t')]
    {
        let (simulators, _) = started();
        let job = json!({ "object": "Campaign", "operation": "insert", "columnDelimiter": name, "lineEnding": "CRLF" });
        let job = closed(&simulators, job, &format!("Name{mark}Type\r\nDemo{mark}Webinar\r\n"));
        assert_eq!(counts(&simulators, &job), ("JobComplete".into(), 1, 0), "{name}");
        assert!(table(&simulators, &job, "successfulResults").ends_with(&format!("\"Demo\"{mark}\"Webinar\"\r\n")));
    }
}

#[test]
fn values_are_read_by_the_kinds_of_their_fields() {
    let (simulators, _) = started();
    let fields = [
        ("Yes__c", CustomKind::Checkbox),
        ("Count__c", CustomKind::Number),
        ("Day__c", CustomKind::Date),
        ("At__c", CustomKind::DateTime),
    ];
    for (name, kind) in fields {
        let field = CustomField {
            object: "Campaign".into(),
            name: name.into(),
            label: name.into(),
            kind,
            required: false,
            unique: false,
            external_id: false,
        };
        assert!(simulators.world().salesforce.add_custom_field(&field));
    }
    let rows = [
        ("Yes__c", "Yes", Ok(json!(true))),
        ("Yes__c", "ON", Ok(json!(true))),
        ("Yes__c", "1", Ok(json!(true))),
        ("Yes__c", "n", Ok(json!(false))),
        ("Yes__c", "0", Ok(json!(false))),
        ("Yes__c", "maybe", Err("xsd:boolean")),
        ("Count__c", "-1.5", Ok(json!(-1.5))),
        ("Count__c", "1e999", Err("xsd:double")),
        ("Count__c", "NaN", Err("xsd:double")),
        ("Count__c", "many", Err("xsd:double")),
        ("Day__c", "2026-11-23", Ok(json!("2026-11-23"))),
        ("Day__c", "2026-11-23T23:30:00-02:00", Ok(json!("2026-11-24"))),
        ("Day__c", "2026-11-23x", Err("xsd:date")),
        ("Day__c", "2026-02-30", Err("xsd:date")),
        ("At__c", "2026-11-23T09:00:00Z", Ok(json!("2026-11-23T09:00:00.000+0000"))),
        ("At__c", "2026-11-23T09:00:00.000+0100", Ok(json!("2026-11-23T08:00:00.000+0000"))),
        ("At__c", "2026-11-23", Ok(json!("2026-11-23T00:00:00.000+0000"))),
        ("At__c", "yesterday", Err("xsd:dateTime")),
    ];
    for (name, text, expected) in rows {
        let job = closed(
            &simulators,
            json!({ "object": "Campaign", "operation": "insert" }),
            &format!("Name,{name}\nDemo,{text}\n"),
        );
        match expected {
            Ok(value) => {
                let done = table(&simulators, &job, "successfulResults");
                let id = done.lines().nth(1).unwrap_or_else(|| panic!("{name} {text}"))[1..19].to_owned();
                assert_eq!(
                    call(&simulators, "GET", &format!("/sobjects/Campaign/{id}"), None).1[name],
                    value,
                    "{text}"
                );
            }
            Err(kind) => {
                let message = format!("col 1. Due to, '{text}' is not a valid value for the type {kind}:{name} --");
                assert!(table(&simulators, &job, "failedResults").contains(&message), "{message}");
            }
        }
    }
}

#[test]
fn a_job_says_that_it_is_at_work_for_a_while() {
    let (simulators, clock) = started();
    simulators.world().salesforce.setup.bulk_job_time = Duration::from_secs(30);
    let job = closed(&simulators, json!({ "object": "Campaign", "operation": "insert" }), "Name\nDemo\n");
    let wait = |seconds| {
        futures_util::FutureExt::now_or_never(clock.run_for(Duration::from_secs(seconds)));
    };
    assert_eq!(counts(&simulators, &job), ("InProgress".into(), 0, 0));
    assert_eq!(send(&simulators, "GET", &format!("{job}/successfulResults"), "text/csv", "").0, 400);
    assert_eq!(call(&simulators, "DELETE", &job, None).1[0]["errorCode"], "INVALIDJOBSTATE");
    wait(30);
    assert_eq!(counts(&simulators, &job), ("JobComplete".into(), 1, 0));

    let given_up = closed(&simulators, json!({ "object": "Campaign", "operation": "insert" }), "Name\nDemo\n");
    let abort = |job: &str| call(&simulators, "PATCH", job, Some(json!({ "state": "Aborted" }))).0;
    assert_eq!((abort(&given_up), abort(&given_up)), (200, 400));
    wait(30);
    assert_eq!(counts(&simulators, &given_up).0, "Aborted");
}

#[test]
fn a_job_takes_one_table_and_ends_once() {
    let (simulators, _) = started();
    let state = |job: &str, state: &str| {
        let (status, body) = call(&simulators, "PATCH", job, Some(json!({ "state": state })));
        (status, body[0]["errorCode"].as_str().unwrap_or_default().to_owned())
    };
    let job = created(&simulators, json!({ "object": "Campaign", "operation": "insert" }));
    let (content, job) = (job["contentUrl"].as_str().unwrap().to_owned(), path(&job));
    for (kind, status) in [("application/json", 415), ("text/csv; charset=UTF-8", 201), ("text/csv", 400)] {
        assert_eq!(send(&simulators, "PUT", &content, kind, "Name\nDemo\n").0, status, "{kind}");
    }
    assert_eq!(state(&job, "JobComplete"), (400, "INVALIDJOBSTATE".into()));
    assert_eq!(call(&simulators, "DELETE", &job, None).0, 400);
    assert_eq!(state(&job, "Aborted").0, 200);
    assert_eq!(table(&simulators, &job, "unprocessedRecords"), "\"Name\"\n\"Demo\"\n");
    assert_eq!(state(&job, "UploadComplete"), (400, "INVALIDJOBSTATE".into()));
    assert_eq!(send(&simulators, "PUT", &content, "text/csv", "Name\nDemo\n").0, 400);
    assert_eq!(query(&simulators, "SELECT Id FROM Campaign").1["totalSize"], 0);

    let (_, all) = call(&simulators, "GET", "/jobs/ingest", None);
    assert_eq!((&all["done"], &all["records"][0]["state"]), (&json!(true), &json!("Aborted")));
    assert_eq!(call(&simulators, "GET", "/jobs/ingest?jobType=Classic", None).1["records"], json!([]));
    assert_eq!(call(&simulators, "DELETE", &job, None).0, 204);
    assert_eq!(call(&simulators, "GET", &job, None).0, 404);
    // An id is not given twice.
    assert_ne!(path(&created(&simulators, json!({ "object": "Lead", "operation": "insert" }))), job);
}

#[test]
fn a_job_is_refused_by_what_is_wrong_with_it() {
    let (simulators, _) = started();
    let rows = [
        (json!({}), "INVALIDJOB"),
        (json!({ "object": "Campaign" }), "INVALIDJOB"),
        (json!({ "object": "Webinar", "operation": "insert" }), "INVALIDJOB"),
        (json!({ "object": "CustomField", "operation": "insert" }), "INVALIDJOB"),
        (json!({ "object": "Campaign", "operation": "upsert" }), "INVALIDJOB"),
        (json!({ "object": "Campaign", "operation": "upsert", "externalIdFieldName": "Name" }), "INVALIDJOB"),
        (json!({ "object": "Campaign", "operation": "merge" }), "JSON_PARSER_ERROR"),
        (json!({ "object": "Campaign", "operation": 7 }), "JSON_PARSER_ERROR"),
        (json!({ "object": "Campaign", "operation": "insert", "contentType": "XML" }), "JSON_PARSER_ERROR"),
        (json!({ "object": "Campaign", "operation": "insert", "lineEnding": "CR" }), "JSON_PARSER_ERROR"),
        (json!({ "object": "Campaign", "operation": "insert", "columnDelimiter": "," }), "JSON_PARSER_ERROR"),
        (json!({ "object": "Campaign", "operation": "insert", "externalId": "Id" }), "JSON_PARSER_ERROR"),
        (json!({ "object": "Campaign", "operation": "hardDelete" }), "FEATURENOTENABLED"),
        (json!([]), "JSON_PARSER_ERROR"),
    ];
    for (sent, code) in rows {
        let (status, body) = call(&simulators, "POST", "/jobs/ingest", Some(sent.clone()));
        assert_eq!((status, &body[0]["errorCode"]), (400, &json!(code)), "{sent}: {body}");
    }
    simulators.world().salesforce.set_marketing_user(false);
    let statuses = json!({ "object": "CampaignMemberStatus", "operation": "insert" });
    assert_eq!(call(&simulators, "POST", "/jobs/ingest", Some(statuses)).0, 400);
    let job = path(&created(&simulators, json!({ "object": "Lead", "operation": "insert" })));
    let rows = [
        ("PUT", "/jobs/ingest".to_owned(), 405),
        ("POST", job.clone(), 405),
        ("GET", format!("{job}/batches"), 405),
        ("POST", format!("{job}/failedResults"), 405),
        ("GET", format!("{job}/failedResults"), 400),
        ("GET", format!("{job}/results"), 404),
        ("GET", format!("{job}/batches/1"), 404),
        ("GET", "/jobs/ingest/750000000000000".into(), 404),
        ("GET", "/jobs/ingest/x".into(), 404),
        ("GET", "/jobs".into(), 404),
    ];
    for (method, path, status) in rows {
        assert_eq!(call(&simulators, method, &path, None).0, status, "{method} {path}");
    }
    let token = "simulated-access-token-0";
    assert_eq!(ask(&simulators, "GET", "/services/data/v40.0/jobs/ingest", token, None).0, 404);
    assert_eq!(ask(&simulators, "GET", "/services/data/v41.0/jobs/ingest", token, None).0, 200);
}

#[test]
fn only_the_rule_that_a_job_names_gives_its_leads_away() {
    let (simulators, _) = started();
    let other = salesforce_id("005", 77);
    simulators.world().salesforce.setup.assigned_owner = Some(other.clone());
    let lead = "LastName,Company\nDoe,Example\n";
    let job = json!({ "object": "Lead", "operation": "insert" });
    closed(&simulators, job.clone(), lead);
    let mut ruled = job;
    ruled["assignmentRuleId"] = json!("01Q000000000001AAA");
    closed(&simulators, ruled, lead);
    let (_, leads) = query(&simulators, "SELECT OwnerId FROM Lead ORDER BY Id");
    let owners: Vec<_> = leads["records"].as_array().unwrap().iter().map(|lead| lead["OwnerId"].clone()).collect();
    assert_eq!(owners, [json!(Salesforce::user_id()), json!(other)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Every row is in one of the tables, in its order.
    #[test]
    fn no_row_is_lost(names in prop::collection::vec("[a\" ,é\n]{0,90}", 1..12)) {
        let (simulators, _) = started();
        let quoted: Vec<_> = names.iter().map(|name| format!("\"{}\"\n", name.replace('"', "\"\""))).collect();
        let job = closed(
            &simulators,
            json!({ "object": "Campaign", "operation": "insert" }),
            &format!("Name\n{}", quoted.concat()),
        );
        let good = names.iter().filter(|name| !name.trim().is_empty() && name.trim().chars().count() <= 80).count();
        let (state, processed, failed) = counts(&simulators, &job);
        prop_assert_eq!((state.as_str(), processed, failed), ("JobComplete", names.len() as u64, (names.len() - good) as u64));
        prop_assert_eq!(query(&simulators, "SELECT Id FROM Campaign").1["totalSize"].as_u64(), Some(good as u64));
    }

    /// Whatever is uploaded, the job ends.
    #[test]
    fn every_job_ends(sent in "[NameI,d\"\r\n7é#/A]{0,60}", operation in prop::sample::select(&["insert", "update", "delete"][..])) {
        let (simulators, _) = started();
        let job = closed(&simulators, json!({ "object": "Campaign", "operation": operation }), &sent);
        let (state, ..) = counts(&simulators, &job);
        prop_assert!(matches!(state.as_str(), "JobComplete" | "Failed"), "{}", state);
        for name in ["successfulResults", "failedResults", "unprocessedrecords"] {
            table(&simulators, &job, name);
        }
    }
}
