//! `harness connect`, in a browser and without one; and what lies in the data directory afterwards.

use crate::support::*;
use host_harness::simulators::livestorm::Dialect;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Output, Stdio},
};

const KEY: &str = "bWFkZS11cC1rZXktb2YtdGhpcnR5LXR3by1ieXRlcyE=";
const OTHER_KEY: &str = "YW5vdGhlci1rZXktb2YtdGhpcnR5LXR3by1ieXRlcyE=";

/// What somebody gives on stdin who was led to this address.
type Answer<'a> = &'a dyn Fn(&str) -> String;

/// The installation without a secret of its own but the app's.
fn nobody_signed_in() -> Bench {
    let bench = Bench::new();
    let left_out = ["token = { file = \"livestorm-token\" }\n", "refresh_token = { file = \"refresh-token\" }\n"];
    let text = left_out.iter().fold(bench.installation(), |text, line| text.replace(line, ""));
    assert_eq!(text.lines().count() + left_out.len(), bench.installation().lines().count());
    bench.file("installation.toml", text);
    bench.simulators.world().salesforce.tokens.sign_in.requires_pkce = true;
    bench
}

/// At an address of this machine that the app has, and no other.
pub fn callback(bench: &Bench) -> String {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let callback = format!("http://127.0.0.1:{port}/back");
    bench.simulators.world().salesforce.tokens.sign_in.redirect_uris = vec![callback.clone()];
    callback
}

pub fn connect(bench: &Bench, account: &str, more: &[&str]) -> Command {
    let mut command = program(&["connect", account]);
    command.arg("--installation").arg(bench.path("installation.toml")).arg("--data").arg(bench.path("data")).args(more);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub fn disconnect(bench: &Bench, account: &str) -> Output {
    let mut command = program(&["disconnect", account]);
    command.arg("--installation").arg(bench.path("installation.toml")).arg("--data").arg(bench.path("data"));
    command.output().unwrap()
}

pub fn given(mut command: Command, text: &str) -> Output {
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// Status line, headers and page, as a browser gets them.
pub fn get(address: &str) -> String {
    let (host, path) = address.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Where the page of the link leads, for somebody who says yes at once.
pub fn followed(link: &str) -> String {
    let answer = get(link);
    let to = answer.lines().find_map(|line| line.strip_prefix("location: "));
    to.unwrap_or_else(|| panic!("{answer}")).to_owned()
}

/// Reads on until the link is printed.
pub fn link(out: &mut impl BufRead) -> String {
    let mut line = String::new();
    while !line.starts_with("http") {
        line.clear();
        assert!(out.read_line(&mut line).unwrap() > 0, "no link is printed");
    }
    line.trim().to_owned()
}

pub fn ends(child: Child, mut out: impl Read) -> (Option<i32>, String) {
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code(), rest.trim_start().to_owned() + &stderr(&output))
}

/// All that may stand nowhere in clear.
pub fn secrets(bench: &Bench) -> Vec<String> {
    let world = bench.simulators.world();
    let (options, tokens) = (&world.options, &world.salesforce.tokens);
    let mut secrets = vec![options.livestorm_token.clone(), options.salesforce.client_secret.clone()];
    secrets.extend(tokens.refresh_token().map(str::to_owned));
    secrets
        .extend(["simulated-refresh-token", "simulated-access-token", "simulated-authorization-code"].map(Into::into));
    secrets
}

fn found(bench: &Bench, text: &str) -> Vec<String> {
    let has = |bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    let files = bytes_of(&bench.path("data")).into_iter().filter(|(_, bytes)| has(bytes));
    files.map(|(path, _)| path.display().to_string()).collect()
}

#[test]
fn who_signs_in_at_the_link_is_connected_and_no_secret_lies_in_the_data_directory() {
    let bench = nobody_signed_in();
    let check = bench.about(&["check"], &[]).output().unwrap();
    assert_eq!(check.status.code(), Some(1), "{}", stdout(&check));
    let said = stderr(&check);
    for named in [
        "not connected, since nobody has signed in yet",
        "harness connect livestorm --",
        "harness connect salesforce --",
    ] {
        assert!(said.contains(named), "{said}");
    }
    assert_eq!(given(connect(&bench, "livestorm", &[]), "simulated-livestorm-token\n").status.code(), Some(0));

    let callback = callback(&bench);
    let mut child = connect(&bench, "salesforce", &["--callback", &callback]).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let link = link(&mut out);
    assert!(link.contains("code_challenge_method=S256") && link.contains("scope=api%20pardot_api%20refresh_token"));
    for forged in ["?code=of-somebody-else&state=guessed", "?code=of-somebody-else", "?error=access_denied", ""] {
        assert!(get(&format!("{callback}{forged}")).starts_with("HTTP/1.1 400"), "{forged}");
    }
    let page = get(&followed(&link));
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("Signed in"), "{page}");
    let (code, said) = ends(child, out);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("salesforce is connected at http://127.0.0.1:"), "{said}");

    let body = bench.registration("ana.json", "ana@example.org", Dialect::Native);
    let run = bench.about(&["run", &body], &["--json"]).output().unwrap();
    assert_eq!(run.status.code(), Some(0), "{}\n{}", stdout(&run), stderr(&run));
    assert_eq!(bench.snapshot().campaigns.len(), 1, "both accounts work");
    let body = std::fs::read_to_string(body).unwrap();
    let quoted =
        |name: &str| body.split(&format!("\"{name}\":\"")).nth(1).unwrap().split('"').next().unwrap().to_owned();
    let personal = ["password_key", "connection_link"].map(quoted);
    assert!(personal.iter().all(|text| text.len() > 5), "{personal:?}");
    for secret in secrets(&bench).iter().chain(&personal) {
        assert_eq!(found(&bench, secret), [""; 0], "{secret}");
        assert!(!said.contains(secret.as_str()), "{said}");
    }
    assert!(!found(&bench, "sealed1:").is_empty() && !found(&bench, "ana@example.org").is_empty(), "it looks well");
}

/// What is refused waits for a person, with its body.
#[test]
fn a_refused_delivery_is_kept_sealed() {
    let bench = Bench::new();
    let body = bench.file("odd.json", "{\"hush-hush\": \"somebody's own link\"");
    let run = bench.about(&["run", &body], &["--json"]).output().unwrap();
    assert_eq!(run.status.code(), Some(3), "{}\n{}", stdout(&run), stderr(&run));
    assert!(object(&run)["problems"][0]["problem"].as_str().unwrap().contains("not understood"), "{}", stdout(&run));
    // As it is, and as the payload of a task would hold it.
    for text in ["hush-hush", "somebody's own", "eyJodXNoLWh1c2"] {
        assert_eq!(found(&bench, text), [""; 0], "{text}");
    }
}

#[test]
fn on_a_server_the_address_or_the_code_is_given_on_stdin() {
    let bench = nobody_signed_in();
    bench.simulators.world().salesforce.tokens.sign_in.redirect_uris = vec!["https://app.example.org/back".into()];
    let on_a_server = ["--no-browser", "--callback", "https://app.example.org/back"];
    let answered = |answer: Answer| {
        let mut child = connect(&bench, "salesforce", &on_a_server).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let answer = answer(&followed(&link(&mut out)));
        child.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
        ends(child, out)
    };
    let code_of = |address: &str| address.split("code=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let well: [Answer; 2] = [&|address| format!("{address}\n"), &code_of];
    for answer in well {
        let (code, said) = answered(answer);
        assert_eq!(code, Some(0), "{said}");
    }
    let badly: [(Answer, &str); 4] = [
        (
            &|address| format!("{}&state=guessed", address.split("&state=").next().unwrap()),
            "not the answer to the link",
        ),
        (&|_| "made-up-wrong-code".into(), "invalid authorization code. The code is used up"),
        (&|_| "https://app.example.org/back".into(), "there is no code in it"),
        (&|_| String::new(), "nothing was given on stdin"),
    ];
    for (answer, expect) in badly {
        let (code, said) = answered(answer);
        assert!(code == Some(1) && said.contains(expect), "{said}");
        assert!(!said.contains("made-up-wrong-code") && !said.contains("simulated-authorization-code"), "{said}");
    }
    bench.simulators.world().salesforce.tokens.sign_in.refuses_authorization = true;
    let (code, said) = answered(&|address| address.to_owned());
    assert!(code == Some(1) && said.contains("access_denied") && said.contains("has to allow it"), "{said}");
}

#[test]
fn what_cannot_be_connected_is_said_before_anybody_signs_in() {
    let bench = nobody_signed_in();
    let check = |bench: &Bench, account: &str, more: &[&str], text: &str, expect: &str| {
        let output = given(connect(bench, account, more), text);
        let said = stderr(&output);
        assert!(output.status.code() == Some(1) && said.contains(expect), "{said}");
        assert!(!said.contains("hush") && !stdout(&output).contains("http"), "{said}");
    };
    check(
        &bench,
        "crm",
        &[],
        "",
        "no connection is bound to an account \"crm\". Give one of these: livestorm, salesforce",
    );
    check(&bench, "livestorm", &[], " \n", "nothing was given on stdin");
    check(&bench, "livestorm", &[], "hush", "the token of account `acme/livestorm` has fewer than 8 characters");
    check(&bench, "livestorm", &[], "hush hush hush", "has a space, or a character that no header can carry");
    check(&bench, "salesforce", &["--callback", "https://app.example.org/back"], "", "or say --no-browser");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let callback = format!("http://localhost:{}/back", taken.local_addr().unwrap().port());
    check(&bench, "salesforce", &["--callback", &callback], "", "End what does, or say --no-browser");
    check(
        &Bench::new(),
        "salesforce",
        &[],
        "",
        "the installation file says itself where the secret of `salesforce` is",
    );
}

#[test]
fn what_was_connected_is_gone_once_it_is_disconnected() {
    let bench = nobody_signed_in();
    assert_eq!(given(connect(&bench, "livestorm", &[]), "simulated-livestorm-token\n").status.code(), Some(0));
    for said in ["livestorm is disconnected: what needs it waits. ", "livestorm was not connected\n"] {
        let cut = disconnect(&bench, "livestorm");
        assert!(cut.status.code() == Some(0) && stdout(&cut).starts_with(said), "{} {}", stdout(&cut), stderr(&cut));
    }
    let check = bench.about(&["check"], &[]).output().unwrap();
    assert!(
        stderr(&check).contains("nobody has signed in yet, or for another app: `livestorm`, `salesforce`."),
        "{}",
        stderr(&check)
    );
    for (bench, account, said) in [
        (&bench, "crm", "Give one of these: livestorm, salesforce"),
        (&Bench::new(), "salesforce", "the installation file says itself where the secret of `salesforce` is"),
    ] {
        let cut = disconnect(bench, account);
        assert!(cut.status.code() == Some(1) && stderr(&cut).contains(said), "{}", stderr(&cut));
    }
}

#[test]
fn with_another_key_or_none_nothing_is_read_and_nothing_begun_anew() {
    let bench = nobody_signed_in();
    let with = |mut command: Command, key: Option<&str>| {
        key.map(|key| command.env("HARNESS_KEY", key));
        command
    };
    let token = "simulated-livestorm-token";
    assert_eq!(given(with(connect(&bench, "livestorm", &[]), Some(KEY)), token).status.code(), Some(0));
    let before = bytes_of(&bench.path("data"));
    let rows = [
        (None, "its key is not here"),
        (Some(OTHER_KEY), "it was sealed with the key"),
        (Some("hush-hush"), "HARNESS_KEY holds no key"),
    ];
    for (key, expect) in rows {
        let output = with(bench.about(&["check"], &[]), key).output().unwrap();
        let said = stderr(&output);
        assert!(output.status.code() == Some(1) && said.contains(expect), "{said}");
        assert!(!said.contains("hush") && !said.contains(KEY) && !said.contains(OTHER_KEY), "{said}");
        assert!(bytes_of(&bench.path("data")) == before);
    }
    // Replaced, by a file this time.
    let file = bench.file("keys", format!("{OTHER_KEY}\n{KEY}\n"));
    assert_eq!(given(connect(&bench, "livestorm", &["--key-file", &file]), token).status.code(), Some(0));
    let said = stderr(&with(bench.about(&["check"], &[]), Some(OTHER_KEY)).output().unwrap());
    assert!(said.contains("nobody has signed in yet, or for another app: `salesforce`."), "{said}");
}
