//! What the world must be after a story, computed from the story alone.
//!
//! Written from the documents that the product was asked for from, by whoever does not know how the product does it:
//! it imports neither the connector nor the host, and its types are its own. Whoever plays a story tells it what came of it
//! ([`World`]), and [`differences`] names each thing that is missing, there twice, invented or otherwise than it should be.
//!
//! Promises: the order and number of deliveries change nothing of what is expected. Not here: how a story is played.

mod destination;
mod expect;
mod happened;
mod judge;
mod story;
mod world;

#[cfg(test)]
mod tests;

pub use destination::{Destination, Object, PriorAccount, PriorContact, PriorLead, Salesforce};
pub use expect::expected;
pub use judge::{Difference, Kind, differences, enough};
pub use story::{Act, Delivery, Dialect, Happening, MappedField, Prior, Story};
pub use world::{
    Account, Activity, Campaign, List, Member, MemberStatus, Membership, Person, Prospect, Registrant, World,
};
