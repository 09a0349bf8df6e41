//! Users invited and removed.

use super::*;

#[test]
fn a_user_is_invited_once_and_pending_until_then() {
    let (simulators, _) = started();
    let invite = |attributes: Value| write(&simulators, "POST", "/v1/users", "users", attributes);
    let (status, made) = invite(json!({ "email": "mo@livestorm-customer.example", "role": "host" }));
    let now = simulators.world().now().seconds();
    let expected = json!({
        "role": "host", "created_at": now, "updated_at": now, "first_name": null, "last_name": null,
        "email": "mo@livestorm-customer.example", "avatar_link": null, "locale": "en", "pending_invite": true,
        "website_link": null, "linkedin_link": null, "facebook_link": null, "twitter_handle": null,
    });
    assert_eq!((status, &made["data"]["type"], &made["data"]["attributes"]), (201, &json!("users"), &expected));
    let (_, listed) = get(&simulators, "/v1/users?filter[pending_invite]=true");
    assert_eq!(listed["data"], json!([made["data"]]));
    for status in [409, 422] {
        simulators.world().options.unknowns.livestorm.user_exists_status = status;
        assert_eq!(invite(json!({ "email": "MO@livestorm-customer.example" })).0, status);
    }
    let rows = [
        (json!({}), 422),
        (json!({ "email": "" }), 422),
        (json!({ "email": "nobody" }), 422),
        (json!({ "email": "no body@example.org" }), 422),
        (json!({ "email": ["x@example.org"] }), 422),
        (json!({ "email": "x@example.org", "role": "owner" }), 422),
    ];
    for (attributes, status) in rows {
        assert_eq!(invite(attributes.clone()).0, status, "{attributes}");
    }
    let (_, plain) = invite(json!({ "email": "x@example.org" }));
    assert_eq!(plain["data"]["attributes"]["role"], "moderator");
}

#[test]
fn a_user_is_removed_and_the_owner_is_not() {
    let (simulators, _) = started();
    let (_, made) = write(&simulators, "POST", "/v1/users", "users", json!({ "email": "mo@example.org" }));
    let mo = made["data"]["id"].as_str().unwrap();
    let (event, ..) = ana_registered(&simulators);
    assert!(simulators.world().livestorm.set_event_owner(&event, mo));
    let owner = simulators.world().livestorm.owner().id.clone();
    let remove = |id: &str| send(&simulators, "DELETE", &format!("/v1/users/{id}"), "").0;
    assert_eq!((remove(mo), remove(mo), remove("none"), remove(&owner)), (204, 404, 404, 422));
    assert_eq!(get(&simulators, "/v1/users").1["meta"]["record_count"], 1);
    let (_, event) = get(&simulators, &format!("/v1/events/{event}"));
    assert_eq!(event["data"]["attributes"]["owner"]["id"], json!(owner), "his events fall to the owner");
    let again = json!({ "email": "mo@example.org" });
    assert_eq!(write(&simulators, "POST", "/v1/users", "users", again).0, 201, "and he may come back");
}
