//! Custom fields, made by the Tooling API and seen once somebody gives the right to: `CustomField`, and the data API's
//! `PermissionSet` and `FieldPermissions`. All of it [inferred] from public tools that create fields, the code of a second
//! field of one name too. The permission counts for the API's user whoever the set is assigned to: there is one user.

use super::{
    CustomField, CustomKind, Salesforce,
    describe::{Access::*, Field, Kind::*, ObjectType, Writes},
    errors::{Fault, Refusal},
};
use crate::simulators::World;
use serde_json::{Map, Value, json};

pub(super) static CUSTOM_FIELD: ObjectType =
    ObjectType { name: "CustomField", prefix: "00N", writes: Writes::All, fields: &CUSTOM_FIELDS };

static CUSTOM_FIELDS: [Field; 3] = [
    Field::new("FullName", "Full Name", Text(255), RequiredOnce),
    Field::read_only("DeveloperName", Text(80)),
    Field::read_only("TableEnumOrId", Text(255)),
];

pub(super) static PERMISSION_SET: ObjectType =
    ObjectType { name: "PermissionSet", prefix: "0PS", writes: Writes::All, fields: &SETS };

static SETS: [Field; 4] = [
    Field::new("Name", "Permission Set Name", Text(80), Required),
    Field::new("Label", "Label", Text(80), Required),
    Field::read_only("IsOwnedByProfile", Boolean),
    Field::read_only("ProfileId", Reference("Profile", "Profile")),
];

pub(super) static FIELD_PERMISSIONS: ObjectType =
    ObjectType { name: "FieldPermissions", prefix: "01k", writes: Writes::All, fields: &PERMISSIONS };

static PERMISSIONS: [Field; 5] = [
    Field::new("ParentId", "Parent ID", Reference("PermissionSet", "Parent"), RequiredOnce),
    Field::new("SobjectType", "Sobject Type Name", Text(40), RequiredOnce),
    Field::new("Field", "Field Name", Text(255), RequiredOnce),
    Field::new("PermissionsRead", "Read Field", Boolean, Writable),
    Field::new("PermissionsEdit", "Edit Field", Boolean, Writable),
];

/// `POST /tooling/sobjects/CustomField` with `FullName` and `Metadata`. Gives the field's id.
pub(super) fn create(world: &mut World, sent: &Map<String, Value>) -> Result<String, Refusal> {
    super::tooling::may_write(&world.salesforce)?;
    let full_name = sent.get("FullName").and_then(Value::as_str).unwrap_or_default();
    let Some(metadata) = sent.get("Metadata").and_then(Value::as_object) else {
        let message = "Required fields are missing: [FullName, Metadata]";
        return Err(Refusal::of(Fault::new("REQUIRED_FIELD_MISSING", message, &["FullName", "Metadata"])));
    };
    let fault = |code, message: String| Err(Refusal::of(Fault::new(code, message, &["FullName"])));
    let named = full_name.split_once('.').filter(|(_, name)| name.len() > 3 && name.ends_with("__c"));
    let Some((object, name)) = named else {
        return fault("FIELD_INTEGRITY_EXCEPTION", format!("Invalid fullName, must end in __c: {full_name}"));
    };
    let Some(object) = ObjectType::named(super::Side::Data, object) else {
        return fault("INVALID_TYPE", format!("sObject type '{object}' is not supported."));
    };
    let salesforce = &mut world.salesforce;
    let pending = salesforce.setup.unseen_fields.iter();
    let mut pending = pending.filter(|field| field.object == object.name);
    let known =
        salesforce.own(object).field(name).is_some() || pending.any(|field| field.name.eq_ignore_ascii_case(name));
    if known {
        let message = format!("There is already a field named {name} on {}.", object.name);
        return fault("DUPLICATE_DEVELOPER_NAME", message);
    }
    let flag = |key: &str| metadata.get(key).and_then(Value::as_bool).unwrap_or(false);
    let length = metadata.get("length").and_then(Value::as_u64).unwrap_or(255).clamp(1, 255);
    let kind = match metadata.get("type").and_then(Value::as_str).unwrap_or_default() {
        "Text" => CustomKind::Text(usize::try_from(length).unwrap_or(255)),
        "Number" => CustomKind::Number,
        "Checkbox" => CustomKind::Checkbox,
        "Date" => CustomKind::Date,
        "DateTime" => CustomKind::DateTime,
        "Email" => CustomKind::Email,
        other => return fault("FIELD_INTEGRITY_EXCEPTION", format!("Field type is not simulated: {other}")),
    };
    let label = metadata.get("label").and_then(Value::as_str).unwrap_or(name).to_owned();
    let field = CustomField {
        object: object.name.to_owned(),
        name: name.to_owned(),
        label,
        kind,
        required: flag("required"),
        unique: flag("unique"),
        external_id: flag("externalId"),
    };
    // Everybody sees a required field.
    if field.required {
        salesforce.add_custom_field(&field);
    } else {
        salesforce.setup.unseen_fields.push(field);
    }
    let developer_name = name.trim_end_matches("__c");
    let fields = json!({ "FullName": full_name, "DeveloperName": developer_name, "TableEnumOrId": object.name });
    Ok(salesforce.found(CUSTOM_FIELD.name, fields))
}

impl Salesforce {
    /// A profile, and the permission set that holds its rights [confirmed].
    /// <https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_permissionset.htm>
    pub(super) fn found_profile(&mut self, name: &str, modifies_all_data: bool) -> String {
        // Who may change everything sees everything.
        let rights = json!({
            "Name": name, "PermissionsModifyAllData": modifies_all_data, "PermissionsViewAllData": modifies_all_data,
        });
        let profile = self.found("Profile", rights);
        let set =
            json!({ "Name": format!("X{profile}"), "Label": name, "IsOwnedByProfile": true, "ProfileId": profile });
        self.found(PERMISSION_SET.name, set);
        profile
    }

    /// The field that a permission is about is seen from here on.
    pub(super) fn field_permitted(&mut self, id: &str) {
        let Some(permission) = self.records.now(id) else { return };
        let may = ["PermissionsRead", "PermissionsEdit"].iter().any(|name| permission.value(name) == json!(true));
        let full_name = permission.value("Field").as_str().unwrap_or_default().to_lowercase();
        let is = |field: &CustomField| format!("{}.{}", field.object, field.name).to_lowercase() == full_name;
        if may && let Some(at) = self.setup.unseen_fields.iter().position(is) {
            let field = self.setup.unseen_fields.remove(at);
            self.add_custom_field(&field);
        }
    }
}
