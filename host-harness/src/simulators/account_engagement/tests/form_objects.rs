//! Forms, form handlers and their fields, folders and users, as objects of the API.

use super::*;

const EMAIL_FIELD: &str = "email";

fn form_body() -> Value {
    json!({ "name": "Webinar", "campaignId": campaigns::DEFAULT_CAMPAIGN, "layoutTemplateId": forms::LAYOUT_TEMPLATE })
}

fn handler_body() -> Value {
    json!({ "name": "Webinar", "campaignId": campaigns::DEFAULT_CAMPAIGN, "folderId": folders::FORM_HANDLERS_FOLDER })
}

fn with(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}

fn without(mut body: Value, name: &str) -> Value {
    body.as_object_mut().unwrap().remove(name);
    body
}

#[test]
fn each_object_takes_the_verbs_of_its_page_and_no_other() {
    let unit = started();
    let form = unit.id("objects/forms", form_body());
    let handler = unit.id("objects/form-handlers", handler_body());
    let field =
        json!({ "formHandlerId": handler, "name": "e", "dataFormat": "email", "prospectApiFieldId": EMAIL_FIELD });
    let handler_field = unit.id("objects/form-handler-fields", field);
    let field = json!({ "formId": form, "label": "Mail", "dataFormat": "email", "prospectApiFieldId": EMAIL_FIELD });
    let form_field = unit.id("objects/form-fields", field);
    unit.wait(LAG);
    // Object, an id, and whether POST, PATCH and DELETE are there.
    let rows = [
        ("forms", form, true, false, true),
        ("form-fields", form_field, true, false, false),
        ("form-handlers", handler, true, true, true),
        ("form-handler-fields", handler_field, true, true, true),
        ("visitor-activities", 1, false, false, false),
        ("visitors", 1, false, false, false),
        ("users", USER_ID, false, false, false),
        ("folders", folders::FOLDER_ID, false, false, false),
    ];
    for (object, id, post, patch, delete) in rows {
        let (all, one) = (format!("objects/{object}"), format!("objects/{object}/{id}"));
        assert_eq!(unit.get(&format!("{all}?fields=id")).0, 200, "{object}");
        assert!([200, 404].contains(&unit.get(&format!("{one}?fields=id")).0), "{object}");
        let calls = [
            ("POST", &all, post),
            ("PATCH", &one, patch),
            ("DELETE", &one, delete),
            ("PUT", &one, false),
            ("DELETE", &all, false),
            ("PATCH", &all, false),
            ("POST", &one, false),
        ];
        for (method, path, there) in calls {
            // An unknown property is found out after the verb.
            let (status, body) = unit.call(method, path, Some(json!({ "nonsense": 1 })));
            let refused = (status, &body["code"]) == (405, &json!(60));
            assert_eq!(refused, !there, "{method} {path}: {status} {body}");
        }
        assert_eq!(unit.get(&all).1["code"], 13, "{object}");
        assert_eq!(unit.get(&format!("{one}?fields=nonsense")).1["code"], 180, "{object}");
        assert_eq!(unit.get(&format!("{all}?fields=id&nonsense=1")).1["code"], 5, "{object}");
        assert_eq!(unit.get(&format!("objects/{object}/999999999?fields=id")).1["code"], 109, "{object}");
        assert_eq!(unit.get(&format!("objects/{object}/18446744073709551616?fields=id")).1["code"], 16, "{object}");
    }
}

#[test]
fn every_field_of_every_object_can_be_asked_for() {
    let unit = started();
    let form = unit.simulators.world().add_form(NewForm::new("Webinar"));
    unit.simulators.world().add_form_handler(NewFormHandler::new("Webinar"));
    unit.simulators.world().submit_form(form, "ana@example.org", &Default::default()).unwrap();
    unit.wait(LAG);
    let kinds = [
        Kind::Form,
        Kind::FormField,
        Kind::FormHandler,
        Kind::FormHandlerField,
        Kind::Visitor,
        Kind::VisitorActivity,
        Kind::User,
        Kind::Folder,
    ];
    for kind in kinds {
        let object = kind.object();
        let relations = object.relations.iter().map(|(name, ..)| format!("{name}.id"));
        let all: Vec<String> = object.fields.iter().map(|name| (*name).to_owned()).chain(relations).collect();
        let (status, body) = unit.get(&format!("{}?fields={}", object.path, all.join(",")));
        assert_eq!(status, 200, "{}: {body}", object.path);
        let first = &body["values"][0];
        for name in object.fields {
            assert!(first.get(name).is_some(), "{}: {name}", object.path);
        }
        for (name, _, by) in object.relations {
            assert_eq!(first[name]["id"], first[by], "{}: {name}", object.path);
        }
    }
}

#[test]
fn a_form_says_what_it_must_and_is_refused_by_the_reason() {
    let unit = started();
    let rows = [
        (without(form_body(), "name"), 153),
        (without(form_body(), "campaignId"), 153),
        (without(form_body(), "layoutTemplateId"), 153),
        (with(form_body(), "name", json!(" ")), 153),
        (with(form_body(), "name", json!(1)), 154),
        (with(form_body(), "campaignId", json!(1)), 38),
        (with(form_body(), "campaignId", json!("x")), 38),
        (with(form_body(), "layoutTemplateId", json!(1)), 154),
        (with(form_body(), "trackerDomainId", json!(1)), 154),
        (with(form_body(), "folderId", json!(1)), 97),
        (with(form_body(), "isAlwaysDisplay", json!("yes")), 50),
        (with(form_body(), "thankYouContent", json!(1)), 154),
        (with(form_body(), "id", json!(1)), 180),
        (with(form_body(), "embedCode", json!("x")), 180),
        (with(form_body(), "color", json!("red")), 154),
    ];
    for (body, code) in rows {
        assert_eq!(unit.post("objects/forms", body.clone()).1["code"], code, "{body}");
    }
    let body = with(with(form_body(), "thankYouContent", json!("Thanks")), "isAlwaysDisplay", json!(true));
    let fields = "id,name,campaignId,folder.name,thankYouContent,isAlwaysDisplay,isUseRedirectLocation,isDeleted,url,\
                  embedCode,trackerDomainId";
    let (status, answer) = unit.post(&format!("objects/forms?fields={fields}"), body);
    let url = "http://simulators.test/l/900001/2026-11-23/1b59f";
    let expected = json!({
        "id": 7001,
        "name": "Webinar",
        "campaignId": campaigns::DEFAULT_CAMPAIGN,
        "folder": { "name": "Uncategorized Forms" },
        "thankYouContent": "Thanks",
        "isAlwaysDisplay": true,
        "isUseRedirectLocation": false,
        "isDeleted": false,
        "url": url,
        "embedCode": answer["embedCode"],
        "trackerDomainId": null,
    });
    assert_eq!((status, &answer), (201, &expected));
    assert!(answer["embedCode"].as_str().unwrap().contains(&format!("<iframe src=\"{url}\"")));
}

#[test]
fn a_folder_that_is_closed_or_full_takes_no_form_and_no_handler() {
    let unit = started();
    let handler = unit.id("objects/form-handlers", handler_body());
    {
        let folders = &mut unit.simulators.world().account_engagement.folders;
        folders.closed.insert(7);
        folders.full.extend([folders::FORMS_FOLDER, folders::FORM_HANDLERS_FOLDER]);
    }
    let rows = [
        ("objects/forms", form_body(), 216),
        ("objects/forms", with(form_body(), "folderId", json!(7)), 96),
        ("objects/form-handlers", handler_body(), 216),
        ("objects/form-handlers", with(handler_body(), "folderId", json!(7)), 96),
    ];
    for (path, body, code) in rows {
        assert_eq!(unit.post(path, body.clone()).1["code"], code, "{path} {body}");
    }
    unit.id("objects/forms", with(form_body(), "folderId", json!(folders::FOLDER_ID)));
    let path = format!("objects/form-handlers/{handler}");
    let moved = |folder: u64| unit.call("PATCH", &path, Some(json!({ "folderId": folder }))).1["code"].clone();
    assert_eq!(moved(folders::FORM_HANDLERS_FOLDER), Value::Null, "it is there already");
    assert_eq!(moved(folders::FORMS_FOLDER), 216);
}

#[test]
fn a_list_stays_in_a_full_folder_and_goes_into_another_one() {
    let unit = started();
    let path = format!("objects/lists/{}", unit.id("objects/lists", json!({ "name": "a" })));
    unit.simulators.world().account_engagement.folders.full.insert(2001);
    for folder in [2001, 2002] {
        let patch = unit.call("PATCH", &format!("{path}?fields=folder.name"), Some(json!({ "folderId": folder })));
        assert_eq!(patch.0, 200, "{patch:?}");
    }
    assert_eq!(unit.call("PATCH", &path, Some(json!({ "folderId": 2001 }))).1["code"], 216);
    let other = unit.post("objects/lists?fields=folder.name", json!({ "name": "b", "folderId": 2003 }));
    assert_eq!(other, (201, json!({ "folder": { "name": "Uncategorized Form Handlers" } })));
}

#[test]
fn a_form_and_a_handler_have_tags_under_the_abilities_of_both() {
    let unit = started();
    let tag = unit.id("objects/tags", json!({ "name": "webinar" }));
    let form = unit.id("objects/forms", form_body());
    let handler = unit.id("objects/form-handlers", handler_body());
    let rows = [
        ("forms", form, "Form", Ability::CreateForms),
        ("form-handlers", handler, "Form Handler", Ability::CreateFormHandlers),
    ];
    for (objects, id, kind, ability) in rows {
        let act = |action: &str| unit.post(&format!("objects/{objects}/{id}/do/{action}"), json!({ "tagId": tag }));
        for ability in [ability, Ability::CreateTags] {
            unit.simulators.world().account_engagement.missing_abilities = BTreeSet::from([ability]);
            assert_eq!(act("addTag").1["code"], 46, "{objects} without {ability:?}");
        }
        unit.simulators.world().account_engagement.missing_abilities.clear();
        assert_eq!(act("addTag"), (200, json!({ "objectType": kind, "objectId": id, "tagId": tag })));
        assert_eq!(act("removeTag"), (204, Value::Null));
        assert_eq!(act("removeTag").1["code"], 109);
        assert_eq!(act("connectSalesforceCampaign").1["code"], 198, "that is a campaign's");
    }
}

#[test]
fn deleting_is_a_change_that_a_reader_is_told_of() {
    let unit = started_with(|options| options.read_lag.account_engagement = Duration::ZERO);
    let rows = [("objects/forms", form_body()), ("objects/form-handlers", handler_body())];
    for (path, body) in rows {
        let one = format!("{path}/{}", unit.id(path, body));
        unit.wait(Duration::from_secs(1));
        let before = unit.get(&format!("{one}?fields=updatedAt")).1;
        assert_eq!(unit.call("DELETE", &one, None).0, 204);
        assert_ne!(unit.get(&format!("{one}?fields=updatedAt")).1, before, "{path}");
    }
}

#[test]
fn a_deleted_form_is_in_the_recycle_bin_until_it_is_undeleted() {
    let unit = started();
    let form = unit.id("objects/forms", form_body());
    let one = format!("objects/forms/{form}?fields=isDeleted");
    assert_eq!(unit.post("objects/forms/do/undelete", json!({ "id": form })).1["code"], 109, "it is not deleted");
    assert_eq!(unit.call("DELETE", &format!("objects/forms/{form}"), None).0, 204);
    assert_eq!(unit.call("DELETE", &format!("objects/forms/{form}"), None).1["code"], 109);
    unit.wait(LAG);
    let (_, headers, body) = unit.answer(unit.request("GET", &one, None));
    assert_eq!(body["isDeleted"], true);
    assert!(headers["pardot-warning"].to_str().unwrap().starts_with("201;"));
    assert!(unit.names("objects/forms?fields=name").is_empty());
    assert_eq!(unit.names("objects/forms?fields=name&deleted=all"), ["Webinar"]);
    for (body, code) in [(json!({}), 153), (json!({ "id": "x" }), 16), (json!({ "id": form, "x": 1 }), 154)] {
        assert_eq!(unit.post("objects/forms/do/undelete", body).1["code"], code);
    }
    assert_eq!(unit.get("objects/forms/do/undelete").1["code"], 60);
    assert_eq!(unit.post("objects/forms/do/undelete", json!({ "id": form })), (200, json!({ "id": form })));
    unit.wait(LAG);
    assert_eq!(unit.get(&one).1["isDeleted"], false);
    // The field's list has no campaign: whoever wants the forms of one campaign looks through them all.
    assert_eq!(unit.get("objects/forms?fields=id&campaignId=5000").1["code"], 5);
    assert_eq!(unit.names("objects/forms?fields=name&name=Webinar"), ["Webinar"]);
    assert!(unit.names("objects/forms?fields=name&name=webinar").is_empty());
    assert!(unit.names(&format!("objects/forms?fields=name&idGreaterThan={form}")).is_empty());
}

#[test]
fn a_form_handler_says_what_it_must_and_a_patch_keeps_what_it_leaves_out() {
    let unit = started();
    let rows = [
        (without(handler_body(), "name"), 153),
        (without(handler_body(), "campaignId"), 153),
        (without(handler_body(), "folderId"), 153),
        (with(handler_body(), "campaignId", json!(1)), 38),
        (with(handler_body(), "folderId", json!(1)), 97),
        (with(handler_body(), "trackerDomainId", json!(1)), 154),
        (with(handler_body(), "isCookieless", json!(1)), 50),
        (with(handler_body(), "successLocation", json!(1)), 154),
        (with(handler_body(), "salesforceId", json!("x")), 180),
        (with(handler_body(), "sucessLocation", json!("x")), 154),
    ];
    for (body, code) in rows {
        assert_eq!(unit.post("objects/form-handlers", body.clone()).1["code"], code, "{body}");
    }
    let id = unit.id("objects/form-handlers", with(handler_body(), "successLocation", json!("https://x.example/ok")));
    let one = format!("objects/form-handlers/{id}");
    unit.wait(Duration::from_secs(1));
    let fields = "name,isCookieless,successLocation,errorLocation,isDataForwarded,createdAt,updatedAt";
    let change = json!({ "isCookieless": true, "errorLocation": "https://x.example/no" });
    let (status, body) = unit.call("PATCH", &format!("{one}?fields={fields}"), Some(change));
    let expected = json!({
        "name": "Webinar",
        "isCookieless": true,
        "successLocation": "https://x.example/ok",
        "errorLocation": "https://x.example/no",
        "isDataForwarded": false,
        "createdAt": "2026-11-23T04:00:00-05:00",
        "updatedAt": "2026-11-23T04:00:01-05:00",
    });
    assert_eq!((status, body), (200, expected));
    assert_eq!(unit.call("PATCH", &one, Some(json!({ "name": null }))).1["code"], 153);
    assert_eq!(unit.call("PATCH", &one, Some(json!({ "folderId": null }))).1["code"], 97);
    assert_eq!(unit.call("DELETE", &one, None).0, 204);
    assert_eq!(unit.call("PATCH", &one, Some(json!({ "name": "x" }))).1["code"], 219);
    unit.wait(LAG);
    let since = encode("2026-11-23T09:00:00+00:00");
    let all = format!("objects/form-handlers?fields=name&deleted=true&createdAtAfterOrEqualTo={since}");
    assert_eq!(unit.names(&all), ["Webinar"]);
    assert!(unit.names(&format!("objects/form-handlers?fields=name&deleted=true&createdAtAfter={since}")).is_empty());
    assert_eq!(unit.get(&format!("objects/form-handlers?fields=id&updatedAtAfter={since}")).1["code"], 5);
}

#[test]
fn a_field_of_a_handler_goes_into_a_field_of_the_prospect() {
    let unit = started();
    let handler = unit.id("objects/form-handlers", handler_body());
    let path = "objects/form-handler-fields";
    let good = || {
        json!({ "formHandlerId": handler, "name": "mail", "dataFormat": "email", "prospectApiFieldId": "email",
            "isRequired": true, "errorMessage": "We need it" })
    };
    let rows = [
        (without(good(), "name"), 153),
        (without(good(), "formHandlerId"), 153),
        (without(good(), "dataFormat"), 153),
        (without(good(), "prospectApiFieldId"), 153),
        (with(good(), "formHandlerId", json!(1)), 154),
        (with(good(), "formHandlerId", json!("x")), 16),
        (with(good(), "dataFormat", json!("date")), 154),
        (with(good(), "prospectApiFieldId", json!("createdAt")), 154),
        (with(good(), "prospectApiFieldId", json!("Nothing__c")), 154),
        (with(good(), "isRequired", json!("true")), 50),
        (with(good(), "createdAt", json!("x")), 180),
        (with(good(), "label", json!("x")), 154),
    ];
    for (body, code) in rows {
        assert_eq!(unit.post(path, body.clone()).1["code"], code, "{body}");
    }
    let id = unit.id(path, with(good(), "prospectApiFieldId", json!("Attendance__c")));
    let one = format!("{path}/{id}");
    let fields = "name,prospectApiFieldId,dataFormat,isRequired,errorMessage,isMaintainInitialValue,formHandler.name";
    let change =
        json!({ "dataFormat": "Email not from ISPs and free email providers", "isMaintainInitialValue": true });
    let expected = json!({
        "name": "mail",
        "prospectApiFieldId": "Attendance__c",
        "dataFormat": "email not from isps and free email providers",
        "isRequired": true,
        "errorMessage": "We need it",
        "isMaintainInitialValue": true,
        "formHandler": { "name": "Webinar" },
    });
    assert_eq!(unit.call("PATCH", &format!("{one}?fields={fields}"), Some(change)), (200, expected));
    assert_eq!(unit.call("PATCH", &one, Some(json!({ "formHandlerId": handler + 1 }))).1["code"], 180);
    unit.wait(LAG);
    let of = |handler: u64| format!("{path}?fields=name&formHandlerId={handler}");
    assert_eq!(unit.names(&of(handler)), ["mail"]);
    assert!(unit.names(&of(handler + 1)).is_empty());
    assert_eq!(unit.call("DELETE", &one, None).0, 204);
    unit.wait(LAG);
    assert_eq!(unit.get(&format!("{one}?fields=id")).1["code"], 109);
    assert_eq!(unit.call("PATCH", &one, Some(json!({ "name": "x" }))).1["code"], 109);
    assert!(unit.names(&format!("{path}?fields=name&deleted=all")).is_empty(), "there is no recycle bin for it");
    assert_eq!(unit.call("DELETE", &format!("objects/form-handlers/{handler}"), None).0, 204);
    assert_eq!(unit.post(path, good()).1["code"], 154, "the handler is gone");
}

#[test]
fn a_field_of_a_form_is_made_and_never_changed() {
    let unit = started();
    let form = unit.id("objects/forms", form_body());
    let path = "objects/form-fields";
    let good = || json!({ "formId": form, "label": "Company", "dataFormat": "text", "prospectApiFieldId": "company" });
    let rows = [
        (without(good(), "label"), 153),
        (without(good(), "formId"), 153),
        (without(good(), "prospectApiFieldId"), 153),
        (with(good(), "formId", json!(form + 1)), 154),
        (with(good(), "type", json!("Dropdown")), 154),
        (with(good(), "prospectApiFieldId", json!("nothing")), 154),
        (with(good(), "sortOrder", json!(1)), 180),
    ];
    for (body, code) in rows {
        assert_eq!(unit.post(path, body.clone()).1["code"], code, "{body}");
    }
    unit.id(path, with(good(), "type", json!("text")));
    unit.wait(LAG);
    let (_, body) = unit.get(&format!("{path}?fields=label,type,isRequired,form.name&formId={form}"));
    let expected = json!([{ "label": "Company", "type": "Text", "isRequired": false, "form": { "name": "Webinar" } }]);
    assert_eq!(body["values"], expected);
    assert_eq!(unit.call("DELETE", &format!("objects/forms/{form}"), None).0, 204);
    assert_eq!(unit.post(path, good()).1["code"], 154, "the form is gone");
}

#[test]
fn users_and_folders_are_found_by_their_ids() {
    let unit = started();
    let (_, body) = unit.get("objects/users?fields=id,username,roleName,isDeleted,createdBy.id");
    let expected = json!([{
        "id": USER_ID,
        "username": "integration@salesforce-customer.example",
        "roleName": "Administrator",
        "isDeleted": false,
        "createdBy": { "id": USER_ID },
    }]);
    assert_eq!(body["values"], expected);
    assert_eq!(unit.get(&format!("objects/users?fields=id&idGreaterThan={USER_ID}")).1["values"], json!([]));
    let names = ["Uncategorized Lists", "Uncategorized Forms", "Uncategorized Form Handlers"];
    assert_eq!(unit.names("objects/folders?fields=name"), names);
    assert_eq!(unit.names("objects/folders?fields=name&name=Uncategorized%20Forms"), names[1..2]);
    let (_, body) = unit.get(&format!("objects/folders/{}?fields=name,path,parentFolderId", folders::FORMS_FOLDER));
    assert_eq!(body, json!({ "name": names[1], "path": names[1], "parentFolderId": null }));
}

#[test]
fn each_verb_of_each_object_asks_for_its_ability() {
    let unit = started();
    let form = unit.simulators.world().add_form(NewForm::new("Webinar"));
    let handler = unit.simulators.world().add_form_handler(NewFormHandler::new("Webinar"));
    let submitted = unit.simulators.world().submit_form(form, "ana@example.org", &Default::default()).unwrap();
    let (visitor, ana) = (submitted.visitor.unwrap(), submitted.prospect.unwrap());
    unit.wait(LAG);
    let field = |owner: &str, id: u64, name: &str| json!({ owner: id, name: "x", "dataFormat": "text", "prospectApiFieldId": "company" });
    let rows = [
        ("GET", "objects/forms?fields=id".to_owned(), None, Ability::ViewForms),
        ("GET", format!("objects/forms/{form}?fields=id"), None, Ability::ViewForms),
        ("GET", "objects/form-fields?fields=id".to_owned(), None, Ability::ViewForms),
        ("POST", "objects/forms".to_owned(), Some(form_body()), Ability::CreateForms),
        ("POST", "objects/form-fields".to_owned(), Some(field("formId", form, "label")), Ability::CreateForms),
        ("DELETE", format!("objects/forms/{form}"), None, Ability::DeleteForms),
        ("POST", "objects/forms/do/undelete".to_owned(), Some(json!({ "id": form })), Ability::DeleteForms),
        ("GET", "objects/form-handlers?fields=id".to_owned(), None, Ability::ViewFormHandlers),
        ("GET", "objects/form-handler-fields?fields=id".to_owned(), None, Ability::ViewFormHandlers),
        ("POST", "objects/form-handlers".to_owned(), Some(handler_body()), Ability::CreateFormHandlers),
        (
            "POST",
            "objects/form-handler-fields".to_owned(),
            Some(field("formHandlerId", handler, "name")),
            Ability::CreateFormHandlers,
        ),
        ("PATCH", "objects/form-handler-fields/8501".to_owned(), Some(json!({})), Ability::CreateFormHandlers),
        ("PATCH", format!("objects/form-handlers/{handler}"), Some(json!({})), Ability::CreateFormHandlers),
        ("DELETE", "objects/form-handler-fields/8501".to_owned(), None, Ability::DeleteFormHandlers),
        ("DELETE", format!("objects/form-handlers/{handler}"), None, Ability::DeleteFormHandlers),
        ("GET", "objects/visitor-activities?fields=id".to_owned(), None, Ability::ViewVisitors),
        ("GET", format!("objects/visitors/{visitor}?fields=id"), None, Ability::ViewVisitors),
        (
            "POST",
            format!("objects/visitors/{visitor}/do/assignToProspect"),
            Some(json!({ "prospectId": ana })),
            Ability::ViewVisitors,
        ),
        ("GET", "objects/users?fields=id".to_owned(), None, Ability::ViewUsers),
        ("GET", "objects/folders?fields=id".to_owned(), None, Ability::ViewFolders),
        ("GET", "objects/account?fields=id".to_owned(), None, Ability::EditAccountSettings),
    ];
    for (method, path, body, ability) in rows {
        unit.simulators.world().account_engagement.missing_abilities = BTreeSet::from([ability]);
        assert_eq!(unit.call(method, &path, body.clone()).1["code"], 46, "{method} {path} without {ability:?}");
        unit.simulators.world().account_engagement.missing_abilities.clear();
        let (status, answer) = unit.call(method, &path, body);
        assert!((200..300).contains(&status), "{method} {path}: {answer}");
    }
    // Who may make and not see gets no body.
    unit.simulators.world().account_engagement.missing_abilities = BTreeSet::from([Ability::ViewForms]);
    assert_eq!(unit.post("objects/forms", form_body()), (204, Value::Null));
}
