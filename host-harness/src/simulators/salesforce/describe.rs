//! What an object is made of: fields with their kinds and lengths, and who may write them. All checks of a record and
//! all columns of a query come from here, and it from the object reference,
//! <https://developer.salesforce.com/docs/platform/data-models>.

use super::{
    accounts::ACCOUNT, campaign_member_statuses::STATUS, campaign_members::MEMBER, campaigns::CAMPAIGN,
    contacts::CONTACT, custom_fields, leads::LEAD, organization, tooling, user,
};
use serde_json::{Value, json};

/// An object, as describe tells it.
#[derive(Debug)]
pub(super) struct ObjectType {
    pub name: &'static str,
    /// First three characters of its ids.
    pub prefix: &'static str,
    pub writes: Writes,
    pub fields: &'static [Field],
}

/// Which calls write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writes {
    All,
    Update,
    None,
}

/// Characters of an address of email.
pub(super) const EMAIL_MAX: usize = 80;

#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub name: &'static str,
    pub label: &'static str,
    pub kind: Kind,
    pub access: Access,
    pub unique: bool,
    pub external_id: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Id,
    /// Characters.
    Text(usize),
    /// Characters. Cannot be filtered or sorted by.
    LongText(usize),
    Email,
    Picklist(&'static [&'static str]),
    Boolean,
    Integer,
    Double,
    Date,
    DateTime,
    /// To an object, by the name of the relation.
    Reference(&'static str, &'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    ReadOnly,
    Writable,
    /// Writable, and a record must have it.
    Required,
    /// Writable when the record is made, and never again.
    CreateOnly,
    /// So, and a record must have it.
    RequiredOnce,
}

impl Access {
    pub fn required(self) -> bool {
        matches!(self, Access::Required | Access::RequiredOnce)
    }

    pub fn createable(self) -> bool {
        self != Access::ReadOnly
    }

    pub fn updateable(self) -> bool {
        matches!(self, Access::Writable | Access::Required)
    }
}

impl Field {
    pub const fn new(name: &'static str, label: &'static str, kind: Kind, access: Access) -> Field {
        Field { name, label, kind, access, unique: false, external_id: false }
    }

    pub const fn read_only(name: &'static str, kind: Kind) -> Field {
        Field::new(name, name, kind, Access::ReadOnly)
    }

    pub fn filterable(&self) -> bool {
        !matches!(self.kind, Kind::LongText(_))
    }

    fn describe(&self) -> Value {
        let (kind, length) = match self.kind {
            Kind::Id => ("id", 18),
            Kind::Text(length) => ("string", length),
            Kind::LongText(length) => ("textarea", length),
            Kind::Email => ("email", EMAIL_MAX),
            Kind::Picklist(_) => ("picklist", 255),
            Kind::Boolean => ("boolean", 0),
            Kind::Integer => ("int", 0),
            Kind::Double => ("double", 0),
            Kind::Date => ("date", 0),
            Kind::DateTime => ("datetime", 0),
            Kind::Reference(..) => ("reference", 18),
        };
        let (refers_to, relation) = match self.kind {
            Kind::Reference(object, relation) => (vec![object], Some(relation)),
            _ => (vec![], None),
        };
        let picklist = match self.kind {
            Kind::Picklist(values) => values,
            _ => &[],
        };
        let picklist: Vec<_> =
            picklist.iter().map(|value| {
            json!({ "value": value, "label": value, "active": true, "defaultValue": false, "validFor": null })
        }).collect();
        let text = matches!(kind, "string" | "textarea" | "email" | "picklist" | "id" | "reference");
        let (precision, scale) = if kind == "double" { (18, 2) } else { (0, 0) };
        let soap = match self.kind {
            Kind::Id | Kind::Reference(..) => "tns:ID",
            Kind::Boolean => "xsd:boolean",
            Kind::Integer => "xsd:int",
            Kind::Double => "xsd:double",
            Kind::Date => "xsd:date",
            Kind::DateTime => "xsd:dateTime",
            _ => "xsd:string",
        };
        let is_boolean = self.kind == Kind::Boolean;
        let mut told = json!({
            "name": self.name,
            "label": self.label,
            "type": kind,
            "soapType": soap,
            "length": length,
            "byteLength": if text { length * 3 } else { 0 },
            "digits": if kind == "int" { 8 } else { 0 },
            "precision": precision,
            "scale": scale,
            "nillable": !self.access.required() && !is_boolean && self.kind != Kind::Id,
            "defaultedOnCreate": is_boolean || matches!(self.name, "OwnerId" | "Status") || !self.access.createable(),
            "createable": self.access.createable(),
            "updateable": self.access.updateable(),
            "permissionable": self.access.updateable() && !self.access.required(),
            "filterable": self.filterable(),
            "sortable": self.filterable(),
            "groupable": self.filterable() && !matches!(self.kind, Kind::Double | Kind::DateTime),
            "aggregatable": self.filterable() && !is_boolean,
            "custom": self.name.ends_with("__c"),
            "nameField": self.name == "Name",
            "unique": self.unique,
            "externalId": self.external_id,
            "defaultValue": if is_boolean { json!(false) } else { Value::Null },
            "idLookup": matches!(self.name, "Id" | "Email"),
            "picklistValues": picklist,
            "referenceTo": refers_to,
            "relationshipName": relation,
            "queryByDistance": false,
            "searchPrefilterable": matches!(self.kind, Kind::Reference(..)),
        });
        // What is the same of every field that is simulated.
        for name in [
            "aiPredictionField",
            "autoNumber",
            "calculated",
            "cascadeDelete",
            "caseSensitive",
            "dependentPicklist",
            "deprecatedAndHidden",
            "displayLocationInDecimal",
            "encrypted",
            "formulaTreatNullNumberAsZero",
            "highScaleNumber",
            "htmlFormatted",
            "namePointing",
            "polymorphicForeignKey",
            "restrictedDelete",
            "restrictedPicklist",
            "writeRequiresMasterRead",
        ] {
            told[name] = json!(false);
        }
        for name in [
            "calculatedFormula",
            "compoundFieldName",
            "controllerName",
            "defaultValueFormula",
            "extraTypeInfo",
            "filteredLookupInfo",
            "inlineHelpText",
            "mask",
            "maskType",
            "referenceTargetField",
            "relationshipOrder",
        ] {
            told[name] = Value::Null;
        }
        told
    }
}

/// Every record's, beside those of its object.
pub(super) static SYSTEM: [Field; 7] = [
    Field::new("Id", "Record ID", Kind::Id, Access::ReadOnly),
    Field::new("IsDeleted", "Deleted", Kind::Boolean, Access::ReadOnly),
    Field::new("CreatedDate", "Created Date", Kind::DateTime, Access::ReadOnly),
    Field::new("CreatedById", "Created By ID", Kind::Reference("User", "CreatedBy"), Access::ReadOnly),
    Field::new("LastModifiedDate", "Last Modified Date", Kind::DateTime, Access::ReadOnly),
    Field::new("LastModifiedById", "Last Modified By ID", Kind::Reference("User", "LastModifiedBy"), Access::ReadOnly),
    Field::new("SystemModstamp", "System Modstamp", Kind::DateTime, Access::ReadOnly),
];

static OBJECTS: [&ObjectType; 12] = [
    &custom_fields::PERMISSION_SET,
    &custom_fields::FIELD_PERMISSIONS,
    &ACCOUNT,
    &CAMPAIGN,
    &MEMBER,
    &STATUS,
    &CONTACT,
    &LEAD,
    &user::USER,
    &user::PROFILE,
    &organization::ORGANIZATION,
    &organization::RECORD_TYPE,
];

/// Parent, relation, child, the child's field, and whether the child goes with the parent. The names are those of public
/// clients' schemas.
static CHILDREN: [(&str, &str, &str, &str, bool); 8] = [
    ("Account", "ChildAccounts", "Account", "ParentId", false),
    ("Account", "Contacts", "Contact", "AccountId", false),
    ("Campaign", "ChildCampaigns", "Campaign", "ParentId", false),
    ("Campaign", "CampaignMembers", "CampaignMember", "CampaignId", true),
    ("Campaign", "CampaignMemberStatuses", "CampaignMemberStatus", "CampaignId", true),
    ("Lead", "CampaignMembers", "CampaignMember", "LeadId", true),
    ("Contact", "CampaignMembers", "CampaignMember", "ContactId", true),
    ("Profile", "Users", "User", "ProfileId", false),
];

/// The data API and the Tooling API, each with its own objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Data,
    Tooling,
}

impl Side {
    /// Below a version's path.
    pub fn path(self) -> &'static str {
        match self {
            Side::Data => "",
            Side::Tooling => "tooling/",
        }
    }

    pub fn objects(self) -> &'static [&'static ObjectType] {
        match self {
            Side::Data => &OBJECTS,
            Side::Tooling => &tooling::OBJECTS,
        }
    }
}

impl ObjectType {
    /// Names of objects and fields ignore case, as everywhere in Salesforce.
    pub fn named(side: Side, name: &str) -> Option<&'static ObjectType> {
        side.objects().iter().find(|object| object.name.eq_ignore_ascii_case(name)).copied()
    }

    pub fn all(side: Side) -> impl Iterator<Item = &'static ObjectType> {
        side.objects().iter().copied()
    }

    /// On either side: a relation may lead to the other.
    pub fn anywhere(name: &str) -> Option<&'static ObjectType> {
        ObjectType::named(Side::Data, name).or_else(|| ObjectType::named(Side::Tooling, name))
    }

    pub fn side(&self) -> Side {
        if tooling::OBJECTS.iter().any(|object| object.name == self.name) { Side::Tooling } else { Side::Data }
    }

    pub fn all_fields(&self) -> impl Iterator<Item = &'static Field> + use<> {
        SYSTEM.iter().chain(self.fields)
    }

    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.all_fields().find(|field| field.name.eq_ignore_ascii_case(name))
    }

    /// The field behind a relation: `OwnerId` behind `Owner`.
    pub fn relation(&self, name: &str) -> Option<(&'static Field, &'static ObjectType)> {
        self.all_fields().find_map(|field| match field.kind {
            Kind::Reference(object, relation) if relation.eq_ignore_ascii_case(name) => {
                Some((field, ObjectType::anywhere(object)?))
            }
            _ => None,
        })
    }

    /// The name of the relation to children, their object, and its field that leads back.
    pub fn child(&self, relation: &str) -> Option<(&'static str, &'static ObjectType, &'static str)> {
        let (_, name, child, field, _) =
            CHILDREN.iter().find(|row| row.0 == self.name && row.1.eq_ignore_ascii_case(relation))?;
        Some((name, ObjectType::anywhere(child)?, field))
    }

    /// `GET /sobjects/<Obj>/describe`, with every key that strict clients ask for.
    pub fn describe(&self, createable: bool, version: &str, base_url: &str) -> Value {
        let all = self.writes == Writes::All;
        let children = CHILDREN.iter().filter(|row| row.0 == self.name);
        let children = children.map(|(_, relation, child, field, cascades)| {
            json!({
                "cascadeDelete": cascades, "childSObject": child, "deprecatedAndHidden": false, "field": field,
                "junctionIdListNames": [], "junctionReferenceTo": [], "relationshipName": relation,
                "restrictedDelete": false,
            })
        });
        let below = format!("/services/data/{version}/{}sobjects/{}", self.side().path(), self.name);
        let label = words(self.name);
        let mut told = json!({
            "name": self.name,
            "label": label,
            "labelPlural": plural(&label),
            "keyPrefix": self.prefix,
            "queryable": true,
            "retrieveable": true,
            "createable": all && createable,
            "updateable": self.writes != Writes::None,
            "deletable": all,
            "undeletable": all,
            "replicateable": true,
            "searchable": all,
            "layoutable": all,
            "triggerable": all,
            "feedEnabled": all,
            "mergeable": matches!(self.name, "Lead" | "Contact" | "Account"),
            "childRelationships": children.collect::<Vec<_>>(),
            "recordTypeInfos": [{
                "active": true, "available": true, "defaultRecordTypeMapping": true, "developerName": "Master",
                "master": true, "name": "Master", "recordTypeId": "012000000000000AAA",
                "urls": { "layout": format!("{below}/describe/layouts/012000000000000AAA") },
            }],
            "namedLayoutInfos": [],
            "supportedScopes": [{ "label": "All", "name": "everything" }, { "label": "Mine", "name": "mine" }],
            "actionOverrides": [],
            "sobjectDescribeOption": "FULL",
            "urls": {
                "sobject": below.clone(),
                "describe": format!("{below}/describe"),
                "rowTemplate": format!("{below}/{{ID}}"),
                "layouts": format!("{below}/describe/layouts"),
                "compactLayouts": format!("{below}/describe/compactLayouts"),
                "approvalLayouts": format!("{below}/describe/approvalLayouts"),
                "listviews": format!("{below}/listviews"),
                "quickActions": format!("{below}/quickActions"),
                "defaultValues": format!("{below}/defaultValues?recordTypeId&fields"),
                "uiNewRecord": format!("{base_url}/{}/e", self.prefix),
                "uiEditTemplate": format!("{base_url}/{{ID}}/e"),
                "uiDetailTemplate": format!("{base_url}/{{ID}}"),
            },
            "fields": self.all_fields().map(Field::describe).collect::<Vec<_>>(),
        });
        for name in [
            "activateable",
            "compactLayoutable",
            "custom",
            "customSetting",
            "deepCloneable",
            "deprecatedAndHidden",
            "hasSubtypes",
            "isInterface",
            "isSubtype",
            "mruEnabled",
            "searchLayoutable",
        ] {
            told[name] = json!(false);
        }
        for name in [
            "associateEntityType",
            "associateParentEntity",
            "defaultImplementation",
            "extendedBy",
            "extendsInterfaces",
            "implementedBy",
            "implementsInterfaces",
            "listviewable",
            "lookupLayoutable",
            "networkScopeFieldName",
        ] {
            told[name] = Value::Null;
        }
        told
    }
}

/// `Campaign Member` of `CampaignMember`.
fn words(name: &str) -> String {
    let mut words = String::new();
    for (at, letter) in name.char_indices() {
        if at > 0 && letter.is_ascii_uppercase() {
            words.push(' ');
        }
        words.push(letter);
    }
    words
}

fn plural(label: &str) -> String {
    match label {
        _ if label.ends_with("ions") => label.to_owned(),
        _ if label.ends_with('s') => format!("{label}es"),
        _ => match label.strip_suffix('y') {
            Some(stem) => format!("{stem}ies"),
            None => format!("{label}s"),
        },
    }
}
