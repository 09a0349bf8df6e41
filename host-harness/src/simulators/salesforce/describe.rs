//! What an object is made of: fields with their kinds and lengths, and who may write them. All checks of a record and
//! all columns of a query come from here, and it from the object reference,
//! <https://developer.salesforce.com/docs/platform/data-models>.

use super::{campaigns::CAMPAIGN, organization, tooling, user};
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

#[derive(Debug)]
pub(super) struct Field {
    pub name: &'static str,
    pub label: &'static str,
    pub kind: Kind,
    pub access: Access,
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
}

impl Field {
    pub const fn new(name: &'static str, label: &'static str, kind: Kind, access: Access) -> Field {
        Field { name, label, kind, access }
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
            Kind::Email => ("email", 80),
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
            picklist.iter().map(|value| json!({ "value": value, "label": value, "active": true })).collect();
        let writable = self.access != Access::ReadOnly;
        json!({
            "name": self.name,
            "label": self.label,
            "type": kind,
            "length": length,
            "nillable": self.access != Access::Required,
            "createable": writable,
            "updateable": writable,
            "filterable": self.filterable(),
            "sortable": self.filterable(),
            "custom": false,
            "picklistValues": picklist,
            "referenceTo": refers_to,
            "relationshipName": relation,
        })
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

static OBJECTS: [&ObjectType; 5] =
    [&CAMPAIGN, &user::USER, &user::PROFILE, &organization::ORGANIZATION, &organization::RECORD_TYPE];

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

    fn objects(self) -> &'static [&'static ObjectType] {
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

    /// `GET /sobjects/<Obj>/describe`, as far as clients of ours and others read it.
    pub fn describe(&self, createable: bool) -> Value {
        json!({
            "name": self.name,
            "label": self.name,
            "keyPrefix": self.prefix,
            "queryable": true,
            "createable": self.writes == Writes::All && createable,
            "updateable": self.writes != Writes::None,
            "deletable": self.writes == Writes::All,
            "fields": self.all_fields().map(Field::describe).collect::<Vec<_>>(),
        })
    }
}
