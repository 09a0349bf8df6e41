//! What every flow carries along: the host, the waves, the installation and its settings.

use crate::{
    executor::{Asked, Waves},
    host::{Action, Change, Context, Host, Instant, Level, Line, Request, Subject},
    settings::Settings,
};

pub struct Work<'a> {
    pub host: &'a dyn Host,
    pub waves: &'a Waves,
    pub context: &'a Context,
    pub settings: &'a Settings,
}

impl Work<'_> {
    pub fn now(&self) -> Instant {
        self.host.now()
    }

    pub fn send(&self, request: Request) -> Asked<'_> {
        self.waves.send(request)
    }

    pub fn info(&self, code: &str, message: &str, subject: Option<Subject>) {
        self.host.log(Line::new(Level::Info, code, message, subject));
    }

    pub fn warn(&self, code: &str, message: &str, subject: Option<Subject>) {
        self.host.log(Line::new(Level::Warning, code, message, subject));
    }

    pub fn changed(
        &self,
        connection: &str,
        object: &str,
        id: Option<&str>,
        action: Action,
        subject: &Subject,
        detail: &str,
    ) {
        self.host.changes(vec![Change {
            connection: connection.into(),
            object: object.into(),
            id: id.map(str::to_string),
            action,
            subject: Some(subject.clone()),
            detail: Some(detail.to_string()).filter(|text| !text.is_empty()),
        }]);
    }
}
