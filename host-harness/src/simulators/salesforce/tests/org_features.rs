//! State and country picklists, and person accounts.

use super::*;

#[test]
fn with_state_and_country_picklists_text_is_refused_and_codes_are_taken() {
    let (simulators, _) = started();
    let sent = |name: &str| Some(json!({ "LastName": "Doe", name: "FR" }));
    assert_eq!(call(&simulators, "POST", "/sobjects/Contact", sent("MailingCountry")).0, 201);
    assert_eq!(call(&simulators, "POST", "/sobjects/Contact", sent("MailingCountryCode")).0, 400);
    simulators.world().salesforce.switch_on_state_and_country_picklists();
    for name in ["MailingState", "MailingCountry"] {
        let (status, body) = call(&simulators, "POST", "/sobjects/Contact", sent(name));
        assert_eq!((status, &body[0]["errorCode"]), (400, &json!("FIELD_INTEGRITY_EXCEPTION")), "{name}");
    }
    assert_eq!(call(&simulators, "POST", "/sobjects/Contact", sent("MailingCountryCode")).0, 201);
}

#[test]
fn a_person_account_has_a_contact_whose_name_is_the_accounts() {
    let (simulators, _) = started();
    let (account, contact) = simulators.world().salesforce.add_person_account("Pat", "Doe", "pat@x.test");
    let (_, known) = call(&simulators, "GET", &format!("/sobjects/Account/{account}"), None);
    assert_eq!((&known["IsPersonAccount"], &known["PersonContactId"]), (&json!(true), &json!(contact)));
    let path = format!("/sobjects/Contact/{contact}");
    let (status, body) = call(&simulators, "PATCH", &path, Some(json!({ "LastName": "Roe" })));
    assert_eq!((status, &body[0]["errorCode"]), (400, &json!("INVALID_PERSON_ACCOUNT_OPERATION")));
    assert_eq!(call(&simulators, "PATCH", &path, Some(json!({ "Phone": "1" }))).0, 204);
    let (_, made) = call(&simulators, "POST", "/sobjects/Account", Some(json!({ "Name": "Acme" })));
    let path = format!("/sobjects/Account/{}", made["id"].as_str().unwrap());
    assert_eq!(call(&simulators, "GET", &path, None).1["IsPersonAccount"], false);
}
