//! User and its profile, as far as a preflight reads them. The flag "Marketing User" can be read and set by API
//! [inferred from public clients].

use super::describe::{Access::*, Field, Kind::*, ObjectType, Writes};

pub(super) static USER: ObjectType =
    ObjectType { name: "User", prefix: "005", writes: Writes::Update, fields: &USER_FIELDS };

static USER_FIELDS: [Field; 9] = [
    Field::read_only("Username", Text(80)),
    Field::read_only("Name", Text(121)),
    Field::read_only("FirstName", Text(40)),
    Field::read_only("LastName", Text(80)),
    Field::read_only("Email", Email),
    Field::read_only("IsActive", Boolean),
    Field::read_only("TimeZoneSidKey", Text(40)),
    Field::read_only("ProfileId", Reference("Profile", "Profile")),
    Field::new("UserPermissionsMarketingUser", "Marketing User", Boolean, Writable),
];

pub(super) static PROFILE: ObjectType =
    ObjectType { name: "Profile", prefix: "00e", writes: Writes::None, fields: &PROFILE_FIELDS };

static PROFILE_FIELDS: [Field; 3] = [
    Field::read_only("Name", Text(255)),
    Field::read_only("PermissionsModifyAllData", Boolean),
    Field::read_only("PermissionsViewAllData", Boolean),
];
