//! Organization and RecordType: what tells an org apart, and what a campaign's `RecordTypeId` may be.

use super::describe::{Field, Kind::*, ObjectType, Writes};

pub(super) static ORGANIZATION: ObjectType =
    ObjectType { name: "Organization", prefix: "00D", writes: Writes::None, fields: &ORGANIZATION_FIELDS };

static ORGANIZATION_FIELDS: [Field; 5] = [
    Field::read_only("Name", Text(80)),
    Field::read_only("InstanceName", Text(5)),
    Field::read_only("IsSandbox", Boolean),
    Field::read_only("OrganizationType", Text(40)),
    Field::read_only("TimeZoneSidKey", Text(40)),
];

pub(super) static RECORD_TYPE: ObjectType =
    ObjectType { name: "RecordType", prefix: "012", writes: Writes::None, fields: &RECORD_TYPE_FIELDS };

static RECORD_TYPE_FIELDS: [Field; 4] = [
    Field::read_only("Name", Text(80)),
    Field::read_only("DeveloperName", Text(80)),
    Field::read_only("SobjectType", Text(40)),
    Field::read_only("IsActive", Boolean),
];
