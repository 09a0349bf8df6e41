//! Where a stream stands, in a file. It is the value of a Singer STATE message, so that what a target gives back can be given on.
//!
//! Promises: written whole or not at all; one that cannot be read is refused, with what to do.

use anyhow::{Context, anyhow};
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    io,
    path::PathBuf,
};

pub(super) struct StateFile<'a> {
    path: PathBuf,
    stream: &'a str,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Kept {
    pub cursor: String,
    /// In the middle of a pass.
    pub more: bool,
    /// It is of the memory of `harness serve`, which is another one than that of `harness sync` by itself. In the other one, what it
    /// says was told may not have been found.
    pub served: bool,
}

impl StateFile<'_> {
    pub fn new(path: PathBuf, stream: &str) -> StateFile<'_> {
        StateFile { path, stream }
    }

    /// None: there is no such file, or it holds nothing of this stream.
    pub fn read(&self) -> anyhow::Result<Option<Kept>> {
        let text = match fs::read_to_string(&self.path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.with_context(|| self.refused("it cannot be read"))?,
        };
        // A target prints one state after the other; the last one counts.
        let Some(last) = text.lines().rfind(|line| !line.trim().is_empty()) else {
            return Err(anyhow!(self.refused("it is empty")));
        };
        let value: Value = match serde_json::from_str(&text) {
            Ok(value) => value,
            Err(_) => serde_json::from_str(last).map_err(|e| anyhow!(self.refused(&format!("it is no JSON ({e})"))))?,
        };
        let Some(bookmarks) = value.get("bookmarks").and_then(Value::as_object) else {
            return Err(anyhow!(self.refused("it has no `bookmarks`")));
        };
        let Some(bookmark) = bookmarks.get(self.stream) else { return Ok(None) };
        let kept = || {
            let more = bookmark.get("more").and_then(Value::as_bool)?;
            let served = bookmark.get("served").and_then(Value::as_bool).unwrap_or_default();
            Some(Kept { cursor: bookmark.get("cursor").and_then(Value::as_str)?.into(), more, served })
        };
        kept()
            .map(Some)
            .ok_or_else(|| anyhow!(self.refused(&format!("`bookmarks.{}` in it is not whole", self.stream))))
    }

    pub fn value(&self, kept: &Kept) -> Value {
        let mut bookmark = json!({"cursor": kept.cursor, "more": kept.more});
        if kept.served {
            bookmark["served"] = true.into();
        }
        json!({"bookmarks": {self.stream: bookmark}})
    }

    /// What the file holds of other streams stays.
    pub fn write(&self, kept: &Kept) -> anyhow::Result<()> {
        let mut value = self.value(kept);
        let others: Option<Value> = fs::read(&self.path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let others = others.as_ref().and_then(|value| value.get("bookmarks")).and_then(Value::as_object);
        for (stream, bookmark) in others.into_iter().flatten().filter(|(stream, _)| *stream != self.stream) {
            value["bookmarks"][stream] = bookmark.clone();
        }
        let new = self.path.with_extension("new");
        let written = fs::write(&new, format!("{value}\n")).and_then(|()| File::open(&new)?.sync_all());
        let written = written.and_then(|()| fs::rename(&new, &self.path));
        written.with_context(|| format!("where {} stands cannot be kept in {}", self.stream, self.path.display()))
    }

    fn refused(&self, why: &str) -> String {
        format!(
            "the state file {} cannot be used: {why}. Nothing was read. Give the one that the last pass left, or say --full to \
             begin anew",
            self.path.display()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> Kept {
        Kept { cursor: "c".into(), more: true, served: false }
    }

    #[test]
    fn what_is_written_is_read_again_and_other_streams_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        let (people, events) = (StateFile::new(path.clone(), "people"), StateFile::new(path, "events"));
        assert_eq!(people.read().unwrap(), None);
        people.write(&kept()).unwrap();
        assert_eq!((people.read().unwrap(), events.read().unwrap()), (Some(kept()), None));
        let of_events = Kept { more: false, served: true, ..kept() };
        events.write(&of_events).unwrap();
        assert_eq!(events.read().unwrap(), Some(of_events));
        assert_eq!(people.read().unwrap(), Some(kept()));
    }

    #[test]
    fn what_a_target_printed_is_taken_and_a_file_that_was_cut_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        let file = StateFile::new(path.clone(), "people");
        let line = file.value(&kept()).to_string();
        fs::write(&path, format!("{{\"bookmarks\": {{}}}}\n{line}\n")).unwrap();
        assert_eq!(file.read().unwrap(), Some(kept()));
        for (text, why) in [
            (&line[..line.len() - 9], "it is no JSON"),
            ("", "it is empty"),
            ("{}", "it has no `bookmarks`"),
            (r#"{"bookmarks": {"people": {"cursor": "c"}}}"#, "`bookmarks.people` in it is not whole"),
        ] {
            fs::write(&path, text).unwrap();
            let refused = file.read().unwrap_err().to_string();
            assert!(refused.contains(why) && refused.contains("say --full"), "{refused}");
        }
    }
}
