//! A field made by the Tooling API.

use super::*;

#[test]
fn a_new_field_is_seen_by_nobody_until_it_is_permitted() {
    let (simulators, _) = started();
    let sent = || {
        let metadata = json!({ "label": "Replay", "type": "Text", "length": 20, "required": false });
        Some(json!({ "FullName": "CampaignMember.Replay__c", "Metadata": metadata }))
    };
    let (status, body) = call(&simulators, "POST", "/tooling/sobjects/CustomField", sent());
    assert_eq!(status, 201, "{body}");
    let (status, body) = call(&simulators, "POST", "/tooling/sobjects/CustomField", sent());
    assert_eq!((status, &body[0]["errorCode"]), (400, &json!("DUPLICATE_DEVELOPER_NAME")));
    let seen = || {
        let (_, told) = call(&simulators, "GET", "/sobjects/CampaignMember/describe", None);
        told["fields"].as_array().unwrap().iter().any(|field| field["name"] == "Replay__c")
    };
    let query = || call(&simulators, "GET", "/query?q=SELECT+Replay__c+FROM+CampaignMember", None).0;
    assert!(!seen());
    assert_eq!(query(), 400);
    let (_, set) = call(&simulators, "POST", "/sobjects/PermissionSet", Some(json!({ "Name": "R", "Label": "R" })));
    let permission = json!({
        "ParentId": set["id"], "SobjectType": "CampaignMember", "Field": "CampaignMember.Replay__c",
        "PermissionsRead": true, "PermissionsEdit": true,
    });
    assert_eq!(call(&simulators, "POST", "/sobjects/FieldPermissions", Some(permission)).0, 201);
    assert!(seen());
    assert_eq!(query(), 200);
    for wrong in [json!({}), json!({ "FullName": 1, "Metadata": {} }), json!({ "FullName": "Lead.X", "Metadata": {} })]
    {
        assert_eq!(call(&simulators, "POST", "/tooling/sobjects/CustomField", Some(wrong)).0, 400);
    }
}
