//! Account. Name 255 and required: [confirmed] <https://developer.salesforce.com/docs/platform/data-models>. Not unique.

use super::describe::{Access::*, Field, Kind::*, ObjectType, Writes};

pub(super) static ACCOUNT: ObjectType =
    ObjectType { name: "Account", prefix: "001", writes: Writes::All, fields: &FIELDS };

const TYPES: [&str; 7] = [
    "Prospect",
    "Customer - Direct",
    "Customer - Channel",
    "Channel Partner / Reseller",
    "Installation Partner",
    "Technology Partner",
    "Other",
];

static FIELDS: [Field; 17] = [
    Field::new("Name", "Account Name", Text(255), Required),
    Field::new("Type", "Account Type", Picklist(&TYPES), Writable),
    Field::new("ParentId", "Parent Account ID", Reference("Account", "Parent"), Writable),
    Field::new("BillingStreet", "Billing Street", Text(255), Writable),
    Field::new("BillingCity", "Billing City", Text(40), Writable),
    Field::new("BillingState", "Billing State/Province", Text(80), Writable),
    Field::new("BillingPostalCode", "Billing Zip/Postal Code", Text(20), Writable),
    Field::new("BillingCountry", "Billing Country", Text(80), Writable),
    Field::new("Phone", "Account Phone", Text(40), Writable),
    Field::new("Fax", "Account Fax", Text(40), Writable),
    Field::new("Website", "Website", Text(255), Writable),
    Field::new("Industry", "Industry", Text(255), Writable),
    Field::new("AnnualRevenue", "Annual Revenue", Double, Writable),
    Field::new("NumberOfEmployees", "Employees", Integer, Writable),
    Field::new("Description", "Account Description", LongText(32_000), Writable),
    Field::new("OwnerId", "Owner ID", Reference("User", "Owner"), Writable),
    Field::read_only("LastActivityDate", Date),
];
