//! Which address may be dialled, and what an origin looks like. Pure.
//!
//! The attack: a name, or a number written as a name, that leads into the operator's own network: a database, a
//! loopback port, the cloud's metadata service that hands out keys. A check of the name alone is not enough, since a name may
//! resolve to anything and differently each time; so the addresses are checked when they are dialled (`client.rs`), and
//! literals, which no resolver sees, where a connection is configured and again when they are dialled.
//!
//! Invariant: what is not known to be public is not public.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// What an address is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Public,
    /// Private networks and loopback: the operator may allow them for one connection.
    Private,
    /// Nobody may allow it. The word says what it is.
    Never(&'static str),
}

/// Which classes a connection may dial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reach {
    /// `https` without the operator's leave for private addresses.
    Public,
    /// `https` with it.
    PublicAndPrivate,
    /// `http`, which only that leave allows: what is not encrypted stays in the house.
    PrivateOnly,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("`{0}` is no origin. Write it as `https://host` or `https://host:port`, without path, user or query")]
    NoOrigin(String),
    #[error("{0} is a private address. The operator can allow it for this connection: allow_private_addresses = true")]
    Private(IpAddr),
    #[error("{ip} is {what}, which no connection may reach")]
    Never { ip: IpAddr, what: &'static str },
    #[error(
        "http:// is for private addresses that the operator allows (allow_private_addresses = true), and for those alone. Use https:// elsewhere"
    )]
    PlainHttp,
}

pub fn class(ip: IpAddr) -> Class {
    match ip {
        IpAddr::V4(v4) => class_v4(v4),
        IpAddr::V6(v6) => class_v6(v6),
    }
}

fn class_v4(ip: Ipv4Addr) -> Class {
    use Class::{Never, Private, Public};
    match ip.octets() {
        [0, ..] => Never("unspecified"),
        [10, ..] | [127, ..] | [192, 168, ..] => Private,
        [172, b, ..] if (16..32).contains(&b) => Private,
        [100, b, ..] if (64..128).contains(&b) => Never("an address of a carrier's network (CGNAT)"),
        [169, 254, ..] => Never("link-local, where clouds keep their metadata"),
        [168, 63, 129, 16] => Never("a cloud's metadata service"),
        [192, 0, 0, _] => Never("reserved for protocols"),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Never("reserved for documentation"),
        [192, 88, 99, _] => Never("a 6to4 relay"),
        [198, 18..=19, ..] => Never("reserved for measurements"),
        [224..=239, ..] => Never("multicast"),
        [240..=255, ..] => Never("reserved"),
        _ => Public,
    }
}

fn class_v6(ip: Ipv6Addr) -> Class {
    use Class::{Never, Private, Public};
    let v4 = || Ipv4Addr::from(ip.to_bits() as u32);
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Never("unspecified"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Private,
        // An IPv4 address in other clothes is what it is.
        [0, 0, 0, 0, 0, 0xffff, ..] => class_v4(v4()),
        [0, 0, 0, 0, 0, 0, ..] => Never("an IPv4 address in an outdated form"),
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => match class_v4(v4()) {
            Public => Public,
            _ => Never("a translation (NAT64) of an address that is not public"),
        },
        [0x64, 0xff9b, ..] => Never("a local translation (NAT64)"),
        [0x2002, ..] => Never("a 6to4 tunnel"),
        [0x2001, 0, ..] => Never("a Teredo tunnel"),
        [0x2001, b, ..] if b < 0x200 => Never("reserved for protocols"),
        [0x2001, 0xdb8, ..] => Never("reserved for documentation"),
        [0x3fff, b, ..] if b < 0x1000 => Never("reserved for documentation"),
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254] | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254] => {
            Never("a cloud's metadata service")
        }
        [a, ..] if a & 0xfe00 == 0xfc00 => Private,
        [a, ..] if a & 0xffc0 == 0xfe80 => Never("link-local"),
        [a, ..] if a & 0xff00 == 0xff00 => Never("multicast"),
        [a, ..] if a & 0xe000 == 0x2000 => Public,
        _ => Never("not in the public range"),
    }
}

pub fn may_dial(ip: IpAddr, reach: Reach) -> Result<(), AddressError> {
    match (class(ip), reach) {
        (Class::Never(what), _) => Err(AddressError::Never { ip, what }),
        (Class::Private, Reach::Public) => Err(AddressError::Private(ip)),
        (Class::Public, Reach::PrivateOnly) => Err(AddressError::PlainHttp),
        _ => Ok(()),
    }
}

/// Where a connection leads: scheme, host, port. Lower case, no path.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    text: String,
    reach: Reach,
}

impl Origin {
    /// Checks all that can be known without asking a name server.
    pub fn parse(text: &str, allow_private: bool) -> Result<Origin, AddressError> {
        let none = || AddressError::NoOrigin(text.chars().take(200).collect());
        let lower = text.trim_end_matches('/').to_ascii_lowercase();
        let (reach, authority) = match lower.split_once("://").ok_or_else(none)? {
            ("https", rest) if allow_private => (Reach::PublicAndPrivate, rest),
            ("https", rest) => (Reach::Public, rest),
            ("http", rest) if allow_private => (Reach::PrivateOnly, rest),
            ("http", _) => return Err(AddressError::PlainHttp),
            _ => return Err(none()),
        };
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or_else(none)?;
                (IpAddr::V6(host.parse().map_err(|_| none())?).into(), port)
            }
            None => {
                let end = authority.find(':').unwrap_or(authority.len());
                let (host, port) = authority.split_at(end);
                (Host::parse(host).ok_or_else(none)?, port)
            }
        };
        if !port.is_empty() {
            let number = port.strip_prefix(':').filter(|p| p.bytes().all(|b| b.is_ascii_digit())).ok_or_else(none)?;
            number.parse::<u16>().ok().filter(|p| *p > 0).ok_or_else(none)?;
        }
        if let Host::Literal(ip) = host {
            may_dial(ip, reach)?;
        }
        Ok(Origin { text: lower, reach })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn reach(&self) -> Reach {
        self.reach
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.text)
    }
}

enum Host {
    Name,
    Literal(IpAddr),
}

impl From<IpAddr> for Host {
    fn from(ip: IpAddr) -> Host {
        Host::Literal(ip)
    }
}

impl Host {
    fn parse(text: &str) -> Option<Host> {
        if let Ok(ip) = text.parse::<Ipv4Addr>() {
            return Some(Host::Literal(ip.into()));
        }
        let label =
            |l: &str| !l.is_empty() && l.len() <= 63 && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let name = text.strip_suffix('.').unwrap_or(text);
        let last = name.rsplit('.').next().unwrap_or_default();
        // `127.1`, `2130706433` and `0x7f.1` are names to one parser and addresses to another.
        let number = last.bytes().all(|b| b.is_ascii_digit())
            || last.strip_prefix("0x").is_some_and(|h| h.bytes().all(|b| b.is_ascii_hexdigit()));
        (name.len() <= 253 && name.split('.').all(label) && !number).then_some(Host::Name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ip: &str, expect: &str) {
        let is = match class(ip.parse().unwrap()) {
            Class::Public => "public",
            Class::Private => "private",
            Class::Never(_) => "never",
        };
        assert_eq!(is, expect, "{ip}");
    }

    #[test]
    fn every_kind_of_address_has_its_class() {
        for (ip, expect) in [
            ("8.8.8.8", "public"),
            ("172.15.255.255", "public"),
            ("172.32.0.1", "public"),
            ("100.63.255.255", "public"),
            ("100.128.0.1", "public"),
            ("198.20.0.1", "public"),
            ("10.1.2.3", "private"),
            ("172.16.0.1", "private"),
            ("172.31.255.255", "private"),
            ("192.168.0.1", "private"),
            ("127.0.0.1", "private"),
            ("127.255.255.254", "private"),
            ("0.0.0.0", "never"),
            ("0.1.2.3", "never"),
            ("100.64.0.1", "never"),
            ("100.100.100.200", "never"),
            ("169.254.169.254", "never"),
            ("168.63.129.16", "never"),
            ("192.0.0.192", "never"),
            ("192.0.2.1", "never"),
            ("192.88.99.1", "never"),
            ("198.18.0.1", "never"),
            ("198.51.100.1", "never"),
            ("203.0.113.9", "never"),
            ("224.0.0.1", "never"),
            ("239.255.255.255", "never"),
            ("240.0.0.1", "never"),
            ("255.255.255.255", "never"),
            ("2606:4700::1111", "public"),
            ("::1", "private"),
            ("fd12:3456::1", "private"),
            ("fc00::1", "private"),
            ("::", "never"),
            ("::127.0.0.1", "never"),
            ("::ffff:8.8.8.8", "public"),
            ("::ffff:10.0.0.1", "private"),
            ("::ffff:127.0.0.1", "private"),
            ("::ffff:169.254.169.254", "never"),
            ("64:ff9b::8.8.8.8", "public"),
            ("64:ff9b::10.0.0.1", "never"),
            ("64:ff9b::169.254.169.254", "never"),
            ("64:ff9b:1::1", "never"),
            ("2002:a00:1::", "never"),
            ("2001::1", "never"),
            ("2001:10::1", "never"),
            ("2001:db8::1", "never"),
            ("3fff::1", "never"),
            ("fe80::1", "never"),
            ("febf::1", "never"),
            ("fec0::1", "never"),
            ("ff02::1", "never"),
            ("fd00:ec2::254", "never"),
            ("fd20:ce::254", "never"),
            ("100::1", "never"),
            ("5f00::1", "never"),
        ] {
            check(ip, expect);
        }
    }

    #[test]
    fn a_private_address_is_dialled_only_by_the_operators_leave_and_http_stays_in_the_house() {
        let private: IpAddr = "10.0.0.1".parse().unwrap();
        let public: IpAddr = "8.8.8.8".parse().unwrap();
        let never: IpAddr = "169.254.169.254".parse().unwrap();
        assert_eq!(may_dial(private, Reach::Public), Err(AddressError::Private(private)));
        assert_eq!(may_dial(private, Reach::PublicAndPrivate), Ok(()));
        assert_eq!(may_dial(private, Reach::PrivateOnly), Ok(()));
        assert_eq!(may_dial(public, Reach::Public), Ok(()));
        assert_eq!(may_dial(public, Reach::PublicAndPrivate), Ok(()));
        assert_eq!(may_dial(public, Reach::PrivateOnly), Err(AddressError::PlainHttp));
        for reach in [Reach::Public, Reach::PublicAndPrivate, Reach::PrivateOnly] {
            assert!(matches!(may_dial(never, reach), Err(AddressError::Never { .. })));
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port_and_nothing_else() {
        for good in ["https://api.livestorm.co", "https://API.livestorm.co/", "https://a.my.salesforce.com:8443"] {
            assert!(Origin::parse(good, false).is_ok(), "{good}");
        }
        for bad in [
            "api.livestorm.co",
            "ftp://a.example",
            "https://",
            "https://user@a.example",
            "https://a.example/path",
            "https://a.example?x",
            "https://a.example#x",
            "https://a.example:0",
            "https://a.example:+1",
            "https://a.example:99999",
            "https://127.1",
            "https://2130706433",
            "https://0x7f.0.0.1",
            "https://0x7f000001",
            "https://127.0.0.1.",
            "https://a..b",
            "https://[::1",
            "https://[::1%25eth0]",
            "https://ex\u{e4}mple.org",
            "https://a b",
        ] {
            assert!(matches!(Origin::parse(bad, true), Err(AddressError::NoOrigin(_))), "{bad}");
        }
    }

    #[test]
    fn a_literal_is_checked_where_it_is_configured() {
        assert!(matches!(Origin::parse("https://10.0.0.1", false), Err(AddressError::Private(_))));
        assert!(matches!(Origin::parse("https://[::ffff:127.0.0.1]", false), Err(AddressError::Private(_))));
        assert!(matches!(Origin::parse("https://169.254.169.254", true), Err(AddressError::Never { .. })));
        assert_eq!(Origin::parse("http://a.example", false), Err(AddressError::PlainHttp));
        assert_eq!(Origin::parse("http://8.8.8.8", true), Err(AddressError::PlainHttp));
        assert_eq!(Origin::parse("http://127.0.0.1:8080", true).unwrap().reach(), Reach::PrivateOnly);
        assert_eq!(Origin::parse("http://[::1]:8080", true).unwrap().as_str(), "http://[::1]:8080");
    }
}
