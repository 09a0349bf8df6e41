//! Reading a body of `multipart/form-data` (RFC 7578): its parts by name, in their order.

/// One part.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part<'a> {
    pub name: String,
    pub content: &'a [u8],
}

/// The boundary that a content type names. Nothing where it is no `multipart/form-data`.
pub(super) fn boundary(content_type: &str) -> Option<String> {
    let (kind, parameters) = content_type.split_once(';')?;
    let is_form = kind.trim().eq_ignore_ascii_case("multipart/form-data");
    let boundary = parameter(parameters, "boundary").filter(|boundary| !boundary.is_empty());
    boundary.filter(|_| is_form)
}

/// The value of `name` among `; a=b; c="d"`.
fn parameter(parameters: &str, name: &str) -> Option<String> {
    let pairs = parameters.split(';').filter_map(|pair| pair.split_once('='));
    let found = pairs.map(|(key, value)| (key.trim(), value.trim())).find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.trim_matches('"').to_owned())
}

/// Nothing where the body is not put together so.
pub(super) fn parts<'a>(body: &'a [u8], boundary: &str) -> Option<Vec<Part<'a>>> {
    let mark = format!("--{boundary}");
    let mut rest = after(body, mark.as_bytes())?;
    let mut parts = vec![];
    loop {
        if rest.starts_with(b"--") {
            return Some(parts);
        }
        let (head, content) = split(rest.strip_prefix(b"\r\n")?, b"\r\n\r\n")?;
        let (content, next) = split(content, format!("\r\n{mark}").as_bytes())?;
        let head = String::from_utf8_lossy(head);
        let mut lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
        let (_, disposition) = lines.find(|(name, _)| name.trim().eq_ignore_ascii_case("content-disposition"))?;
        parts.push(Part { name: parameter(disposition, "name")?, content });
        rest = next;
    }
}

fn after<'a>(text: &'a [u8], mark: &[u8]) -> Option<&'a [u8]> {
    split(text, mark).map(|(_, after)| after)
}

fn split<'a>(text: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = text.windows(mark.len()).position(|window| window == mark)?;
    Some((&text[..at], &text[at + mark.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parts_have_their_names_and_contents() {
        let body = b"ignored\r\n--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b\r\ncontent-type: text/csv\r\n\
            content-disposition: form-data; filename=\"x.csv\"; name=file\r\n\r\nx,y\r\n1,2\r\n\r\n--b--\r\n";
        let expected: [(&str, &[u8]); 2] = [("a", b"1"), ("file", b"x,y\r\n1,2\r\n")];
        let expected: Vec<_> = expected.map(|(name, content)| Part { name: name.into(), content }).into();
        assert_eq!(parts(body, "b"), Some(expected));
        for broken in [
            &b""[..],
            b"--b",
            b"--b\r\n",
            b"--b\r\nx\r\n\r\n1\r\n--b--",
            b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\n1",
        ] {
            assert_eq!(parts(broken, "b"), None, "{}", String::from_utf8_lossy(broken));
        }
    }

    #[test]
    fn a_boundary_is_named_by_the_content_type() {
        let rows = [
            ("multipart/form-data; boundary=abc", Some("abc")),
            ("Multipart/Form-Data; charset=utf-8; Boundary=\"a b\"", Some("a b")),
            ("multipart/form-data", None),
            ("multipart/form-data; boundary=", None),
            ("text/csv; boundary=abc", None),
        ];
        for (content_type, expected) in rows {
            assert_eq!(boundary(content_type).as_deref(), expected, "{content_type}");
        }
    }

    proptest! {
        #[test]
        fn any_body_is_read_or_refused(body in "(--b|\r\n|name=a|:|Content-Disposition|[a-z]| ){0,30}") {
            parts(body.as_bytes(), "b");
        }
    }
}
