//! Contact. LastName is required and the account is not: [confirmed]
//! <https://developer.salesforce.com/docs/platform/data-models>. There is neither Company nor Website.

use super::{
    describe::{Access::*, Field, Kind::*, ObjectType, Writes},
    leads::{SALUTATIONS, SOURCES},
};

pub(super) static CONTACT: ObjectType =
    ObjectType { name: "Contact", prefix: "003", writes: Writes::All, fields: &FIELDS };

static FIELDS: [Field; 23] = [
    Field::new("AccountId", "Account ID", Reference("Account", "Account"), Writable),
    Field::new("LastName", "Last Name", Text(80), Required),
    Field::new("FirstName", "First Name", Text(40), Writable),
    Field::new("Salutation", "Salutation", Picklist(&SALUTATIONS), Writable),
    Field::read_only("Name", Text(121)),
    Field::new("MailingStreet", "Mailing Street", Text(255), Writable),
    Field::new("MailingCity", "Mailing City", Text(40), Writable),
    Field::new("MailingState", "Mailing State/Province", Text(80), Writable),
    Field::new("MailingPostalCode", "Mailing Zip/Postal Code", Text(20), Writable),
    Field::new("MailingCountry", "Mailing Country", Text(80), Writable),
    Field::new("Phone", "Business Phone", Text(40), Writable),
    Field::new("Fax", "Business Fax", Text(40), Writable),
    Field::new("MobilePhone", "Mobile Phone", Text(40), Writable),
    Field::new("HomePhone", "Home Phone", Text(40), Writable),
    Field::new("Email", "Email", Email, Writable),
    Field::new("Title", "Title", Text(128), Writable),
    Field::new("Department", "Department", Text(80), Writable),
    Field::new("LeadSource", "Lead Source", Picklist(&SOURCES), Writable),
    Field::new("Birthdate", "Birthdate", Date, Writable),
    Field::new("Description", "Contact Description", LongText(32_000), Writable),
    Field::new("OwnerId", "Owner ID", Reference("User", "Owner"), Writable),
    Field::new("HasOptedOutOfEmail", "Email Opt Out", Boolean, Writable),
    Field::read_only("LastActivityDate", Date),
];
