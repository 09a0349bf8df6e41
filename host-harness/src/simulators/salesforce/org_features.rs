//! What an org may have switched on that changes its objects: state and country picklists, and person accounts.
//!
//! With the picklists, text in a state or country field is refused [confirmed by public clients for MailingState and
//! MailingCountry], and the code fields take its place; the words are [inferred]. A person account is an account with a
//! mirrored contact [confirmed]
//! <https://developer.salesforce.com/docs/atlas.en-us.224.0.api.meta/api/sforce_api_guidelines_personaccounts.htm>, whose
//! name cannot be written through that contact [inferred]; how much cannot is a switch.

use super::{
    Record, Salesforce,
    accounts::ACCOUNT,
    contacts::CONTACT,
    describe::{Access::*, Field, Kind::*, ObjectType},
    errors::{Fault, Refusal},
    leads::LEAD,
};
use crate::simulators::unknowns::PersonContact;
use serde_json::{Map, Value, json};

impl Salesforce {
    /// From here on states and countries are written by their codes.
    pub fn switch_on_state_and_country_picklists(&mut self) {
        self.setup.state_country_picklists = true;
        let code = |name, label| Field::new(name, label, Text(10), Writable);
        self.extend(&LEAD, &[code("StateCode", "State/Province Code"), code("CountryCode", "Country Code")]);
        let mailing = [
            code("MailingStateCode", "Mailing State/Province Code"),
            code("MailingCountryCode", "Mailing Country Code"),
        ];
        self.extend(&CONTACT, &mailing);
        let billing = [
            code("BillingStateCode", "Billing State/Province Code"),
            code("BillingCountryCode", "Billing Country Code"),
        ];
        self.extend(&ACCOUNT, &billing);
    }

    /// From here on there may be person accounts.
    pub fn switch_on_person_accounts(&mut self) {
        self.setup.person_accounts = true;
        let account = [
            Field::read_only("IsPersonAccount", Boolean),
            Field::read_only("PersonContactId", Reference("Contact", "PersonContact")),
            Field::read_only("FirstName", Text(40)),
            Field::read_only("LastName", Text(80)),
            Field::read_only("PersonEmail", Email),
        ];
        self.extend(&ACCOUNT, &account);
        self.extend(&CONTACT, &[Field::read_only("IsPersonAccount", Boolean)]);
    }

    /// A person account that somebody made by hand. Gives the ids of the account and of its contact.
    pub fn add_person_account(&mut self, first: &str, last: &str, email: &str) -> (String, String) {
        if !self.setup.person_accounts {
            self.switch_on_person_accounts();
        }
        let name = format!("{first} {last}");
        let account = json!({
            "Name": name, "FirstName": first, "LastName": last, "PersonEmail": email, "IsPersonAccount": true,
        });
        let account = self.found(ACCOUNT.name, account);
        let contact = json!({
            "Name": name, "FirstName": first, "LastName": last, "Email": email, "AccountId": account,
            "IsPersonAccount": true,
        });
        let contact = self.found(CONTACT.name, contact);
        let (now, mirrored) = (self.clock.now(), json!(contact));
        self.records.change(&account, now, |account| {
            account.fields.insert("PersonContactId".into(), mirrored);
        });
        (account, contact)
    }

    /// What these features refuse, `own` being the record that is changed; and what they fill in.
    pub(super) fn features_checked(
        &self,
        object: &ObjectType,
        fields: &mut Map<String, Value>,
        own: Option<&Record>,
        through_contact: PersonContact,
    ) -> Result<(), Refusal> {
        if self.setup.state_country_picklists {
            for (end, kind) in [("State", "state"), ("Country", "country")] {
                let text = fields.iter().find(|(name, value)| name.ends_with(end) && value.is_string());
                if let Some((name, _)) = text {
                    let message = format!(
                        "There's a problem with this {kind}, even though it may appear correct. Please select a {kind} from \
                         the list of valid values."
                    );
                    return Err(Refusal::of(Fault::new("FIELD_INTEGRITY_EXCEPTION", message, &[name])));
                }
            }
        }
        if self.setup.person_accounts && (object.name == ACCOUNT.name || object.name == CONTACT.name) {
            if own.is_none() {
                fields.entry("IsPersonAccount").or_insert(json!(false));
            }
            let of_person = own.is_some_and(|own| own.value("IsPersonAccount") == json!(true));
            let named =
                ["FirstName", "LastName", "Salutation", "AccountId"].iter().any(|name| fields.contains_key(*name));
            let refused = match through_contact {
                PersonContact::NameRefused => named,
                PersonContact::Refused => true,
                PersonContact::Taken => false,
            };
            if of_person && object.name == CONTACT.name && refused {
                let message = "This operation is not allowed on the contact of a person account";
                return Err(Refusal::new(400, "INVALID_PERSON_ACCOUNT_OPERATION", message));
            }
        }
        Ok(())
    }
}
